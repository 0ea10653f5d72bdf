package influxql

import (
	"math"
	"strings"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// fn is an expression with the semantics of InfluxQL where those are not SQL's:
// no error from data, null from null, x/0 = 0 (spec/influxql.md section 6.2).
type fn struct {
	name string
	args []expr.Expr
	t    column.Type
	run  func(args []*column.Vector, n int) *column.Vector
}

func newFunc(name string, t column.Type, args []expr.Expr, run func(args []*column.Vector, n int) *column.Vector) expr.Expr {
	return &fn{name, args, t, run}
}

func (f *fn) Type() column.Type { return f.t }

func (f *fn) Children() []expr.Expr { return f.args }

func (f *fn) WithChildren(c []expr.Expr) expr.Expr { return &fn{f.name, c, f.t, f.run} }

func (f *fn) String() string {
	texts := make([]string, len(f.args))
	for i, a := range f.args {
		texts[i] = a.String()
	}
	return f.name + "(" + strings.Join(texts, ",") + ")"
}

func (f *fn) Eval(ctx *expr.Context, b *column.Batch) (*column.Vector, error) {
	args := make([]*column.Vector, len(f.args))
	for i, a := range f.args {
		v, err := a.Eval(ctx, b)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	return f.run(args, b.Len), nil
}

// lift makes a vector function of one that computes values: rows in which an
// argument is null are null.
func lift(t column.Type, fill func(out *column.Vector, args []*column.Vector, n int)) func([]*column.Vector, int) *column.Vector {
	return func(args []*column.Vector, n int) *column.Vector {
		out := column.NewVector(t, n)
		for _, a := range args {
			if a.Type.Kind == column.Null {
				out.AppendNull(n)
				return out
			}
		}
		out.SetLen(n)
		fill(out, args, n)
		for _, a := range args {
			if !a.HasNulls() {
				continue
			}
			for i := range n {
				if a.IsNull(i) {
					out.Nulls.Set(i)
				}
			}
		}
		return out
	}
}

func null(t column.Type) expr.Expr { return expr.NewLiteral(expr.NullOf(t)) }

func isNull(e expr.Expr) bool {
	l, ok := e.(*expr.Literal)
	return ok && (l.Value.Null || l.Value.Type.Kind == column.Null)
}

// floats reads numbers as floats.
func floats(v *column.Vector, n int) []float64 {
	if v.Type.Kind == column.Float64 {
		return v.Floats[:n]
	}
	out := make([]float64, n)
	if v.Type.Kind == column.Uint64 {
		for i, x := range v.Uints[:n] {
			out[i] = float64(x)
		}
		return out
	}
	for i, x := range v.Ints[:n] {
		out[i] = float64(x)
	}
	return out
}

// cast is x::type: numbers convert, floats truncate, and nothing else does
// (spec/influxql.md section 6.2).
func cast(e expr.Expr, to column.Kind) expr.Expr {
	from := e.Type().Kind
	if from == to || from == column.Dict && to == column.String {
		return e
	}
	t := column.Of(to)
	if !t.IsNumeric() || !e.Type().IsNumeric() {
		return null(t)
	}
	return newFunc("cast_"+t.String(), t, []expr.Expr{e}, lift(t, func(out *column.Vector, args []*column.Vector, n int) {
		v := args[0]
		switch {
		case to == column.Float64:
			copy(out.Floats, floats(v, n))
		case to == column.Int64 && from == column.Float64:
			for i, x := range v.Floats[:n] {
				out.Ints[i] = int64(x)
			}
		case to == column.Int64:
			for i, x := range v.Uints[:n] {
				out.Ints[i] = int64(x)
			}
		case from == column.Float64:
			for i, x := range v.Floats[:n] {
				out.Uints[i] = uint64(x)
			}
		default:
			for i, x := range v.Ints[:n] {
				out.Uints[i] = uint64(x)
			}
		}
	}))
}

// binary is an arithmetic or bitwise operation; text is how the statement writes
// it.
func binary(op ast.Token, l, r expr.Expr, text string) (expr.Expr, error) {
	name := op.String()
	lk, rk := l.Type().Kind, r.Type().Kind
	if lk == column.Bool && rk == column.Bool {
		return bitwiseBools(op, l, r, text)
	}
	switch {
	case isNull(l) && isNull(r):
		return null(column.Of(column.Float64)), nil
	case isNull(l):
		return null(r.Type()), nil
	case isNull(r):
		return null(l.Type()), nil
	case !l.Type().IsNumeric() || !r.Type().IsNumeric():
		return nil, typeError(text, l, r)
	}
	kind := lk
	if lk != rk {
		kind = column.Float64
		// A literal that is not negative goes with unsigned numbers.
		if lk == column.Uint64 && fits(r) {
			kind, r = lk, unsigned(r)
		} else if rk == column.Uint64 && fits(l) {
			kind, l = rk, unsigned(l)
		}
	}
	switch op {
	case ast.BITWISE_AND, ast.BITWISE_OR, ast.BITWISE_XOR:
		if kind == column.Float64 {
			return nil, typeError(text, l, r)
		}
	case ast.DIV:
		if kind == column.Int64 {
			kind = column.Float64
		}
	}
	t := column.Of(kind)
	args := []expr.Expr{l, r}
	switch kind {
	case column.Float64:
		return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
			floatOp(op, out.Floats, floats(a[0], n), floats(a[1], n))
		})), nil
	case column.Uint64:
		return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
			intOp(op, out.Uints, a[0].Uints[:n], a[1].Uints[:n])
		})), nil
	}
	return newFunc(name, t, args, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
		intOp(op, out.Ints, a[0].Ints[:n], a[1].Ints[:n])
	})), nil
}

func fits(e expr.Expr) bool {
	l, ok := e.(*expr.Literal)
	return ok && l.Value.Type.Kind == column.Int64 && l.Value.I >= 0
}

func unsigned(e expr.Expr) expr.Expr {
	return expr.NewLiteral(expr.Uint(uint64(e.(*expr.Literal).Value.I)))
}

func floatOp(op ast.Token, out, a, b []float64) {
	for i, x := range a {
		y := b[i]
		switch op {
		case ast.ADD:
			out[i] = x + y
		case ast.SUB:
			out[i] = x - y
		case ast.MUL:
			out[i] = x * y
		case ast.DIV:
			out[i] = 0
			if y != 0 {
				out[i] = x / y
			}
		case ast.MOD:
			out[i] = math.Mod(x, y)
		}
	}
}

func intOp[T int64 | uint64](op ast.Token, out, a, b []T) {
	for i, x := range a {
		y := b[i]
		switch op {
		case ast.ADD:
			out[i] = x + y
		case ast.SUB:
			out[i] = x - y
		case ast.MUL:
			out[i] = x * y
		case ast.DIV:
			out[i] = 0
			if y != 0 {
				out[i] = x / y
			}
		case ast.MOD:
			out[i] = 0
			if y != 0 {
				out[i] = x % y
			}
		case ast.BITWISE_AND:
			out[i] = x & y
		case ast.BITWISE_OR:
			out[i] = x | y
		case ast.BITWISE_XOR:
			out[i] = x ^ y
		}
	}
}

func typeError(text string, l, r expr.Expr) error {
	return planError("type error: %s: incompatible types: %s and %s", text, typeName(l.Type()), typeName(r.Type()))
}

func bitwiseBools(op ast.Token, l, r expr.Expr, text string) (expr.Expr, error) {
	switch op {
	case ast.BITWISE_AND, ast.BITWISE_OR, ast.BITWISE_XOR:
	default:
		return nil, typeError(text, l, r)
	}
	t := column.Of(column.Bool)
	return newFunc(op.String(), t, []expr.Expr{l, r}, lift(t, func(out *column.Vector, a []*column.Vector, n int) {
		for i, x := range a[0].Bools[:n] {
			y := a[1].Bools[i]
			switch op {
			case ast.BITWISE_AND:
				out.Bools[i] = x && y
			case ast.BITWISE_OR:
				out.Bools[i] = x || y
			default:
				out.Bools[i] = x != y
			}
		}
	})), nil
}

// typeName is a type as InfluxQL calls it.
func typeName(t column.Type) string {
	switch t.Kind {
	case column.Float64:
		return "float"
	case column.Int64:
		return "integer"
	case column.Uint64:
		return "unsigned"
	case column.Bool:
		return "boolean"
	case column.Dict:
		return "tag"
	case column.String:
		return "string"
	}
	return "unknown"
}
