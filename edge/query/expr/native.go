package expr

import (
	"encoding/json"
	"strconv"
	"strings"

	"tarn/store/column"
)

// Native is what names of functions of GreptimeDB's dialect alone begin with in
// the catalogue: no other text has it.
const Native = "\x01"

// nativeFunctions are functions of JSON
// (spec/greptimedb-http-api.md section 2.2). JSON is text.
func nativeFunctions() map[string]function {
	const s = column.String
	same := function{min: 1, max: 1, bind: func(name string, args []Expr) (Expr, error) {
		args, err := convertArgs(name, args, []column.Kind{s})
		if err != nil {
			return nil, err
		}
		return args[0], nil
	}}
	m := map[string]function{
		"json_get_string": fixed(s, jsonKernel(s, jsonString), s, s),
		"json_get_int":    fixed(column.Int64, jsonKernel(column.Int64, jsonInt), s, s),
		"json_get_float":  fixed(column.Float64, jsonKernel(column.Float64, jsonFloat), s, s),
		"json_get_bool":   fixed(column.Bool, jsonKernel(column.Bool, jsonBool), s, s),
		"json_to_string":  same, "parse_json": same,
	}
	out := make(map[string]function, len(m))
	for name, f := range m {
		out[Native+name] = f
	}
	return out
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
		text, err := json.Marshal(v)
		if err != nil {
			return false
		}
		out.Strings[i] = string(text)
	}
	return true
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
