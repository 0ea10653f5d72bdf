package expr

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tarn/store/column"
)

// Native is what names of functions of GreptimeDB's dialect alone begin with in
// the catalogue: no other text has it.
const Native = "\x01"

// nativeFunctions are functions of JSON
// (spec/greptimedb-http-api.md section 2.2), which is text, of text and of
// addresses.
func nativeFunctions() map[string]function {
	const s = column.String
	m := map[string]function{
		"json_get_string": fixed(s, jsonKernel(s, jsonString), s, s),
		"json_get_int":    fixed(column.Int64, jsonKernel(column.Int64, jsonInt), s, s),
		"json_get_float":  fixed(column.Float64, jsonKernel(column.Float64, jsonFloat), s, s),
		"json_get_bool":   fixed(column.Bool, jsonKernel(column.Bool, jsonBool), s, s),
		"json_get_object": fixed(s, jsonKernel(s, jsonObject), s, s),
		"json_path_exists": fixed(column.Bool, test2(func(text, path string) bool {
			_, ok := jsonPath(text, path)
			return ok
		}), s, s),
		"json_path_match": fixed(column.Bool, jsonMatch, s, s),
		"json_is_null":    jsonTest(func(v any) bool { return v == nil }),
		"json_is_bool":    jsonTest(func(v any) bool { _, ok := v.(bool); return ok }),
		"json_is_string":  jsonTest(func(v any) bool { _, ok := v.(string); return ok }),
		"json_is_object":  jsonTest(func(v any) bool { _, ok := v.(map[string]any); return ok }),
		"json_is_array":   jsonTest(func(v any) bool { _, ok := v.([]any); return ok }),
		"json_is_int": jsonTest(func(v any) bool {
			n, ok := v.(json.Number)
			return ok && !strings.ContainsAny(n.String(), ".eE")
		}),
		"json_is_float": jsonTest(func(v any) bool {
			n, ok := v.(json.Number)
			return ok && strings.ContainsAny(n.String(), ".eE")
		}),
		"json_object_keys": {min: 1, max: 1, bind: func(name string, args []Expr) (Expr, error) {
			args, err := convertArgs(name, args, []column.Kind{s})
			if err != nil {
				return nil, err
			}
			t := column.ListOf(column.Of(s))
			return newNode(name, args, t, listRows(t, jsonKeys)), nil
		}},
		"json_to_string": fixed(s, jsonText, s), "parse_json": fixed(s, jsonText, s),
	}
	maps.Copy(m, nativeText())
	maps.Copy(m, nativeIP())
	out := make(map[string]function, len(m))
	for name, f := range m {
		out[Native+name] = f
	}
	return out
}

// jsonText is JSON in its shortest text, the keys of objects in order.
var jsonText = strictRows(column.Of(column.String), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	x := ctx.textSlot(args[0])
	return func(out *column.Vector, i int) error {
		v, ok := jsonPath(x.at(i), "")
		if !ok || !json.Valid([]byte(x.at(i))) {
			return &Error{Argument, fmt.Sprintf("Cannot parse as JSON: %.100q", x.at(i))}
		}
		text, err := compact(v)
		out.Strings[i] = text
		return err
	}
})

// compact prints a value of JSON.
func compact(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// jsonTest tests a value of JSON; what is no JSON passes no test.
func jsonTest(is func(v any) bool) function {
	return fixed(column.Bool, strict(column.Of(column.Bool), func(ctx *Context, args []operand, out *column.Vector) error {
		x := ctx.textSlot(args[0])
		for i := range out.Len {
			if out.IsNull(i) {
				continue
			}
			v, ok := jsonPath(x.at(i), "")
			out.Bools[i] = ok && is(v)
		}
		return nil
	}), column.String)
}

// jsonKeys lists the keys of an object, sorted; null where there is none.
func jsonKeys(ctx *Context, args []operand) func(*column.Vector, int) (bool, error) {
	if args[0].allNull() {
		return func(*column.Vector, int) (bool, error) { return false, nil }
	}
	x := ctx.textSlot(args[0])
	return func(items *column.Vector, i int) (bool, error) {
		if args[0].null(i) {
			return false, nil
		}
		v, _ := jsonPath(x.at(i), "")
		m, ok := v.(map[string]any)
		if !ok {
			return false, nil
		}
		if len(m) > maxElements {
			return false, tooManyElements("json_object_keys")
		}
		for _, k := range slices.Sorted(maps.Keys(m)) {
			items.Strings = append(items.Strings, k)
			items.Len++
		}
		return true, nil
	}
}

// jsonKernel puts what a path leads to in a text of JSON into a vector; put says
// whether it fits.
func jsonKernel(k column.Kind, put func(v any, out *column.Vector, i int) bool) kernel {
	return strict(column.Of(k), func(ctx *Context, args []operand, out *column.Vector) error {
		x, y := ctx.textSlot(args[0]), ctx.textSlot(args[1])
		for i := range out.Len {
			if out.IsNull(i) {
				continue
			}
			v, ok := jsonPath(x.at(i), y.at(i))
			if !ok || v == nil || !put(v, out, i) {
				out.Nulls.Set(i)
			}
		}
		return nil
	})
}

// jsonPath follows a path such as "a.b[1]" or "$.a", and ok is false where it
// leads nowhere.
func jsonPath(text, path string) (v any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil, false
	}
	path = strings.TrimPrefix(strings.TrimPrefix(path, "$"), ".")
	for path != "" {
		if path[0] == '[' {
			var index string
			if index, path, ok = strings.Cut(path[1:], "]"); !ok {
				return nil, false
			}
			path = strings.TrimPrefix(path, ".")
			if n, err := strconv.Atoi(index); err == nil {
				list, isList := v.([]any)
				if !isList || n < 0 || n >= len(list) {
					return nil, false
				}
				v = list[n]
				continue
			}
			if v, ok = member(v, strings.Trim(index, `"'`)); !ok {
				return nil, false
			}
			continue
		}
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		if v, ok = member(v, path[:end]); !ok {
			return nil, false
		}
		path = strings.TrimPrefix(path[end:], ".")
	}
	return v, true
}

func member(v any, name string) (any, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	v, ok = m[name]
	return v, ok
}

func jsonString(v any, out *column.Vector, i int) bool {
	switch v := v.(type) {
	case string:
		out.Strings[i] = v
	case json.Number:
		out.Strings[i] = v.String()
	default:
		text, err := compact(v)
		if err != nil {
			return false
		}
		out.Strings[i] = text
	}
	return true
}

func jsonObject(v any, out *column.Vector, i int) bool {
	if _, ok := v.(map[string]any); !ok {
		return false
	}
	return jsonString(v, out, i)
}

func jsonInt(v any, out *column.Vector, i int) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	var err error
	out.Ints[i], err = n.Int64()
	return err == nil
}

func jsonFloat(v any, out *column.Vector, i int) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	var err error
	out.Floats[i], err = n.Float64()
	return err == nil
}

func jsonBool(v any, out *column.Vector, i int) bool {
	b, ok := v.(bool)
	out.Bools[i] = b
	return ok
}
