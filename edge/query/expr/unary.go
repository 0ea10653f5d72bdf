package expr

import (
	"math"

	"tarn/store/column"
)

// Unary is an operator on one operand.
type Unary struct {
	Op Op
	X  Expr

	t   column.Type
	run kernel
	o   origin
}

// NewUnary returns the expression op x.
func NewUnary(op Op, x Expr) (Expr, error) {
	t := x.Type()
	boolean := column.Of(column.Bool)
	switch op {
	case Plus, Neg:
		if op == Neg {
			return newNegation(x)
		}
		if !t.IsNumeric() && t.Kind != column.Null && t.Kind != column.IntervalKind && t.Kind != column.Duration {
			return nil, planError("Unary operator '+' only supports numeric, interval and timestamp types")
		}
		return x, nil
	case IsNull, IsNotNull:
		return unary(op, x, boolean, nullTest(op == IsNull)), nil
	case Not, IsTrue, IsNotTrue, IsFalse, IsNotFalse, IsUnknown, IsNotUnknown:
		if t.Kind != column.Bool && t.Kind != column.Null {
			return nil, planError("Cannot infer common argument type for logical boolean operation %s on %s", op, t)
		}
		x, err := implicitCast(x, boolean)
		if err != nil {
			return nil, err
		}
		switch op {
		case Not:
			return unary(op, x, boolean, notKernel), nil
		case IsUnknown, IsNotUnknown:
			return unary(op, x, boolean, nullTest(op == IsUnknown)), nil
		}
		return unary(op, x, boolean, truthTest(op)), nil
	}
	return nil, planError("%s is not a unary operator", op)
}

func unary(op Op, x Expr, t column.Type, run kernel) *Unary {
	return &Unary{Op: op, X: x, t: t, run: run, o: originOf(x)}
}

// Type is the type of the result.
func (e *Unary) Type() column.Type { return e.t }

// Children is the operand.
func (e *Unary) Children() []Expr { return []Expr{e.X} }

// WithChildren is the same operation on another operand.
func (e *Unary) WithChildren(c []Expr) Expr { return unary(e.Op, c[0], e.t, e.run) }

// String is the operator before the operand, or behind it for IS.
func (e *Unary) String() string {
	switch e.Op {
	case Neg:
		return "(- " + operandText(e.X) + ")"
	case Not:
		return "NOT " + operandText(e.X)
	}
	return operandText(e.X) + " " + e.Op.String()
}

func (e *Unary) origin() origin { return e.o }

// Eval computes the operation.
func (e *Unary) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Unary) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	x, err := ctx.operandOf(e.X, b)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, []operand{x}, b.Len)
}

func notKernel(ctx *Context, args []operand, n int) (*column.Vector, error) {
	out, some := ctx.result(column.Of(column.Bool), n, args[0])
	if some {
		for i, x := range ctx.spread(args[0], n).v.Bools[:n] {
			out.Bools[i] = !x
		}
	}
	return out, nil
}

func nullTest(want bool) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.vector(column.Of(column.Bool), n)
		x := args[0]
		if x.step == 1 && !x.v.HasNulls() {
			fill(out.Bools, !want)
			return out, nil
		}
		for i := range out.Bools {
			out.Bools[i] = x.null(i) == want
		}
		return out, nil
	}
}

func truthTest(op Op) kernel {
	value := op == IsTrue || op == IsNotTrue
	negated := op == IsNotTrue || op == IsNotFalse
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.vector(column.Of(column.Bool), n)
		x := ctx.spread(args[0], n).v
		for i := range out.Bools {
			out.Bools[i] = (!x.Nulls.Get(i) && x.Bools[i] == value) != negated
		}
		return out, nil
	}
}

// newNegation binds the unary minus.
func newNegation(x Expr) (Expr, error) {
	if lit, ok := x.(*Literal); ok && lit.Value.Type.Kind == column.Uint64 && lit.Value.U == 1<<63 {
		return NewLiteral(Int(math.MinInt64)), nil // the digits do not fit Int64 without their sign
	}
	t := x.Type()
	if t.Kind == column.Null {
		return x, nil
	}
	var run kernel
	switch t.Kind {
	case column.Int64, column.Duration:
		run = func(ctx *Context, args []operand, n int) (*column.Vector, error) {
			out, some := ctx.result(t, n, args[0])
			if !some {
				return out, nil
			}
			for i, v := range ctx.spread(args[0], n).v.Ints[:n] {
				if v == math.MinInt64 && !out.Nulls.Get(i) {
					return nil, arrowError("Arithmetic overflow: Overflow happened on: - %d", v)
				}
				out.Ints[i] = -v
			}
			return out, nil
		}
	case column.Float64:
		run = func(ctx *Context, args []operand, n int) (*column.Vector, error) {
			out, some := ctx.result(t, n, args[0])
			if some {
				for i, v := range ctx.spread(args[0], n).v.Floats[:n] {
					out.Floats[i] = -v
				}
			}
			return out, nil
		}
	case column.IntervalKind:
		run = func(ctx *Context, args []operand, n int) (*column.Vector, error) {
			out, some := ctx.result(t, n, args[0])
			if some {
				for i, v := range ctx.spread(args[0], n).v.Intervals[:n] {
					out.Intervals[i] = column.Interval{Months: -v.Months, Days: -v.Days, Nanos: -v.Nanos}
				}
			}
			return out, nil
		}
	default:
		return nil, planError("Negation only supports numeric, interval and timestamp types")
	}
	return unary(Neg, x, t, run), nil
}
