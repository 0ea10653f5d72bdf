package expr

import (
	"tarn/store/column"
)

// Cast converts values to another type.
type Cast struct {
	X Expr
	// Try makes a value that cannot be converted null in place of an error.
	Try bool

	target   Target
	implicit bool
	run      converter
	o        origin
}

// NewCast returns CAST(e AS to), or TRY_CAST. A pair of types between which
// there is no conversion is a planning error for both.
func NewCast(e Expr, to column.Type, try bool) (Expr, error) {
	return NewCastTarget(e, Target{Type: to}, try)
}

// NewCastTarget is NewCast to a type by its SQL or Arrow name, see
// ParseSQLType and ParseArrowType.
func NewCastTarget(e Expr, to Target, try bool) (Expr, error) {
	if to.Type.Kind == column.String {
		e = asText(e)
	}
	if to.Bits == 0 && to.Unit == 0 && (e.Type().Equal(to.Type) || e.Type().Kind == column.String && to.Type.IsText()) {
		return e, nil
	}
	return newCast(e, to, try)
}

func newCast(e Expr, to Target, try bool) (*Cast, error) {
	to.Type = textAsString(to.Type)
	run, err := converterFor(e.Type(), to)
	if err != nil {
		return nil, err
	}
	return &Cast{X: e, Try: try, target: to, run: run, o: originOf(e)}, nil
}

// Type is the type that the values are converted to.
func (e *Cast) Type() column.Type { return e.target.Type }

// Implicit says whether the conversion was inserted by a type rule rather than
// written in the query.
func (e *Cast) Implicit() bool { return e.implicit }

// Children is the operand.
func (e *Cast) Children() []Expr { return []Expr{e.X} }

// WithChildren is the same conversion of another operand.
func (e *Cast) WithChildren(c []Expr) Expr {
	n := *e
	n.X, n.o = c[0], originOf(c[0])
	return &n
}

// String is the operand alone when the conversion is implicit.
func (e *Cast) String() string {
	switch {
	case e.implicit:
		return e.X.String()
	case e.Try:
		return "TRY_CAST(" + e.X.String() + " AS " + e.target.String() + ")"
	}
	return "CAST(" + e.X.String() + " AS " + e.target.String() + ")"
}

func (e *Cast) origin() origin { return e.o }

// Eval converts the operand's values.
func (e *Cast) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Cast) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	in, err := ctx.operandOf(e.X, b)
	if err != nil {
		return nil, err
	}
	v := ctx.spread(in, b.Len).v
	out, some := ctx.result(e.target.Type, b.Len, operand{v, 1})
	if !some {
		return out, nil
	}
	return out, e.run(ctx, v, out, e.Try)
}

// CastVector converts a whole vector; the result is valid until ctx.Reset. A
// value that cannot be converted is an error, or null when try is set.
func CastVector(ctx *Context, v *column.Vector, to column.Type, try bool) (*column.Vector, error) {
	if v.Type.Equal(to) {
		return v, nil
	}
	c, err := newCast(NewColumn(0, "value", v.Type), Target{Type: to}, try)
	if err != nil {
		return nil, err
	}
	return c.compute(ctx, &column.Batch{Len: v.Len, Cols: []*column.Vector{v}})
}
