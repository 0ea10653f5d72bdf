package expr

import (
	"slices"

	"tarn/store/column"
)

// structFunctions build and read structs (spec/sql.md section 9.7).
func structFunctions() map[string]function {
	m := map[string]function{
		"struct": {1, -1, func(name string, args []Expr) (Expr, error) {
			names := make([]string, len(args))
			for i := range names {
				names[i] = "c" + itoa(i)
			}
			return newStruct(name, args, args, names), nil
		}},
		"named_struct": {2, -1, bindNamedStruct},
		"get_field":    {2, -1, bindGetField},
	}
	alias(m, "struct", "row")
	return m
}

// newStruct is a call that gives a struct of some of its arguments.
func newStruct(name string, args, fields []Expr, names []string) Expr {
	types := make([]column.Type, len(fields))
	places := make([]int, len(fields))
	for i, f := range fields {
		types[i] = textAsString(f.Type())
		places[i] = slices.Index(args, f)
	}
	t := column.StructOf(names, types)
	return newNode(name, args, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.empty(t)
		for i, at := range places {
			out.Children[i].AppendFrom(ctx.spread(args[at], n).v, 0, n)
		}
		out.Len = n
		return out, nil
	})
}

// bindNamedStruct is named_struct(name, value, ...) with constant names.
func bindNamedStruct(name string, args []Expr) (Expr, error) {
	if len(args)%2 != 0 {
		return nil, planError("named_struct requires an even number of arguments, got %d instead", len(args))
	}
	var names []string
	var fields []Expr
	for i := 0; i < len(args); i += 2 {
		lit, ok := args[i].(*Literal)
		if !ok || !lit.Value.Type.IsText() || lit.Value.Null {
			return nil, planError("named_struct requires %d-th (0-indexed) field name as constant string", i)
		}
		if slices.Contains(names, lit.Value.S) {
			return nil, planError("named_struct requires unique field names. Field %s is used more than once.", lit.Value.S)
		}
		names = append(names, lit.Value.S)
		fields = append(fields, args[i+1])
	}
	return newStruct(name, args, fields, names), nil
}

// bindGetField is get_field(x, name, ...): a field of a struct or the value of
// a key in a map, and further down.
func bindGetField(name string, args []Expr) (Expr, error) {
	x := args[0]
	for _, key := range args[1:] {
		lit, ok := key.(*Literal)
		if !ok || lit.Value.Null {
			return nil, signatureError(name, args)
		}
		var err error
		switch {
		case IsMap(x.Type()):
			x, err = NewMapValue(x, key)
		case lit.Value.Type.IsText():
			x, err = NewGetField(x, lit.Value.S)
		default:
			return nil, signatureError(name, args)
		}
		if err != nil {
			return nil, err
		}
	}
	return x, nil
}
