package influx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// decodeJSON is json.Unmarshal with errors for strangers: in the API's words,
// with the place, and without the names of our types (spec section 0.2).
func decodeJSON(raw []byte, v any) error {
	err := json.Unmarshal(raw, v)
	if err == nil {
		return nil
	}
	var (
		syntax *json.SyntaxError
		kind   *json.UnmarshalTypeError
	)
	text := err.Error()
	switch {
	case errors.As(err, &syntax):
		text += place(raw, syntax.Offset)
	case errors.As(err, &kind):
		text = "invalid type: " + kind.Value + ", expected " + jsonKind(kind.Type)
		if kind.Field != "" {
			text += " for `" + kind.Field + "`"
		}
		text += place(raw, kind.Offset)
	}
	return badRequest("serde json error: " + text)
}

// place says where byte number offset, counted from 1, of a text is.
func place(text []byte, offset int64) string {
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf(" at line %d column %d", line, column)
}

// jsonKind is what JSON calls a Go type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int64:
		return "an integer"
	case reflect.Uint64:
		return "a non-negative integer"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}
