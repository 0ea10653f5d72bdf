package expr

import (
	"tarn/store/column"
)

// kernel computes n rows from evaluated operands.
type kernel func(ctx *Context, args []operand, n int) (*column.Vector, error)

// Binary is an operator between two operands, whose types are already the
// ones that the operator computes in.
type Binary struct {
	Op   Op
	L, R Expr

	t    column.Type
	run  kernel // nil for AND and OR, which look at operands as they need them
	o    origin
	both [2]Expr // L and R
}

// NewBinary returns the expression l op r: it checks the types and inserts the
// implicit conversions of spec/sql.md section 6.1.
func NewBinary(op Op, l, r Expr) (Expr, error) {
	l, r = asText(l), asText(r)
	switch {
	case op == Concat:
		return newConcat(l, r)
	case op == And || op == Or || op == Xor:
		if op == Xor && l.Type().IsInteger() && r.Type().IsInteger() {
			return newArithmetic(BitXor, l, r)
		}
		return newLogical(op, l, r)
	case op.IsComparison() || op == Distinct || op == NotDistinct:
		return newComparison(op, l, r)
	case op >= Match && op <= NotMatchFold:
		return newMatch(op, l, r)
	case op <= ShiftRight:
		return newArithmetic(op, l, r)
	}
	return nil, planError("%s is not a binary operator", op)
}

func binary(op Op, l, r Expr, t column.Type, run kernel) *Binary {
	e := &Binary{Op: op, L: l, R: r, t: t, run: run, both: [2]Expr{l, r}}
	e.o = originOfAll(e.both[:])
	return e
}

// Type is the type of the result.
func (e *Binary) Type() column.Type { return e.t }

// Children are both operands.
func (e *Binary) Children() []Expr { return e.both[:] }

// WithChildren is the same operation on other operands.
func (e *Binary) WithChildren(c []Expr) Expr { return binary(e.Op, c[0], c[1], e.t, e.run) }

// String is "l op r" with parentheses around operands that are operations.
func (e *Binary) String() string {
	return operandText(e.L) + " " + e.Op.String() + " " + operandText(e.R)
}

// operandText is the text of an operand; nested operations of the same line
// are told apart by parentheses.
func operandText(e Expr) string {
	switch e := e.(type) {
	case *Binary:
		return "(" + e.String() + ")"
	case *Cast:
		if e.implicit {
			return operandText(e.X)
		}
	}
	return e.String()
}

func (e *Binary) origin() origin { return e.o }

// Eval computes the operation.
func (e *Binary) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Binary) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	if e.run == nil {
		return e.logical(ctx, b)
	}
	l, err := ctx.operandOf(e.L, b)
	if err != nil {
		return nil, err
	}
	r, err := ctx.operandOf(e.R, b)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, []operand{l, r}, b.Len)
}

// spread makes a constant operand a vector of n rows, for kernels that have no
// form for it.
func (c *Context) spread(o operand, n int) operand {
	if o.step == 1 {
		return o
	}
	return operand{c.repeat(ValueAt(o.v, 0), n), 1}
}
