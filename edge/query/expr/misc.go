package expr

import (
	"github.com/google/uuid"

	"tarn/store/column"
)

// engineVersion is what version() answers.
const engineVersion = "Tarn, SQL dialect of InfluxDB 3 Core"

// miscFunctions are those of spec/sql.md section 9.8, and uuid().
func miscFunctions() map[string]function {
	return map[string]function{
		"arrow_cast": {2, 2, func(name string, args []Expr) (Expr, error) {
			lit, ok := args[1].(*Literal)
			if !ok || !lit.Value.Type.IsText() || lit.Value.Null {
				return nil, planError("arrow_cast requires its second argument to be a constant string")
			}
			t, err := ParseArrowType(lit.Value.S)
			if err != nil {
				return nil, err
			}
			return NewCastTarget(args[0], t, false)
		}},
		"arrow_typeof": {1, 1, func(_ string, args []Expr) (Expr, error) {
			return NewLiteral(String(args[0].Type().String())), nil
		}},
		"version": {0, 0, func(string, []Expr) (Expr, error) {
			return NewLiteral(String(engineVersion)), nil
		}},
		"uuid": {0, 0, func(name string, _ []Expr) (Expr, error) {
			return newVolatile(name, nil, column.Of(column.String), uuidKernel), nil
		}},
		"array_length": {1, 1, bindArrayLength},
		"make_array":   {0, -1, bindMakeArray},
		"array_element": {2, 2, func(_ string, args []Expr) (Expr, error) {
			return NewElement(args[0], args[1])
		}},
		"get_field": {2, 2, func(name string, args []Expr) (Expr, error) {
			lit, ok := args[1].(*Literal)
			if !ok || !lit.Value.Type.IsText() {
				return nil, signatureError(name, args)
			}
			return NewGetField(args[0], lit.Value.S)
		}},
	}
}

func uuidKernel(ctx *Context, _ []operand, n int) (*column.Vector, error) {
	out := ctx.vector(column.Of(column.String), n)
	for i := range out.Strings {
		id, err := uuid.NewRandom()
		if err != nil {
			return nil, executionError("uuid: %v", err)
		}
		out.Strings[i] = id.String()
	}
	return out, nil
}

func bindArrayLength(name string, args []Expr) (Expr, error) {
	if args[0].Type().Kind != column.List {
		return nil, signatureError(name, args)
	}
	t := column.Of(column.Int64)
	return newNode(name, args, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l := ctx.spread(args[0], n).v
		out := ctx.vector(t, n)
		for i := range out.Ints {
			out.Ints[i] = int64(l.Offsets[i+1] - l.Offsets[i])
		}
		orNulls(out, operand{l, 1})
		return out, nil
	}), nil
}

// bindMakeArray makes a list of its arguments, nulls included.
func bindMakeArray(name string, args []Expr) (Expr, error) {
	elem, args, err := coerceAll(args)
	if err != nil {
		return nil, err
	}
	elem = textAsString(elem)
	t := column.ListOf(elem)
	return newNode(name, args, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.empty(t)
		for i := range n {
			for _, a := range args {
				out.Children[0].AppendFrom(a.v, i*a.step, i*a.step+1)
			}
			out.Offsets = append(out.Offsets, int32(out.Children[0].Len))
			out.Len++
		}
		return out, nil
	}), nil
}
