package expr

import (
	"tarn/store/column"
)

// newLogical binds AND, OR and logical XOR.
func newLogical(op Op, l, r Expr) (Expr, error) {
	boolean := column.Of(column.Bool)
	for _, e := range []Expr{l, r} {
		if k := e.Type().Kind; k != column.Bool && k != column.Null {
			return nil, planError("Cannot infer common argument type for logical boolean operation %s %s %s", l.Type(), op, r.Type())
		}
	}
	l, r, err := castBoth(l, r, boolean)
	if err != nil {
		return nil, err
	}
	if op == Xor {
		return binary(op, l, r, boolean, compareKernel(Ne, boolean, boolean)), nil
	}
	return binary(op, l, r, boolean, nil), nil
}

// logical computes AND and OR in three-valued logic. The right operand is not
// computed when the left one decides every row; when it fails, it is computed
// again for the undecided rows only, so that "n <> 0 AND 10/n > 1" works.
func (e *Binary) logical(ctx *Context, b *column.Batch) (*column.Vector, error) {
	l, err := e.L.Eval(ctx, b)
	if err != nil {
		return nil, err
	}
	deciding := e.Op == Or // true decides OR, false decides AND
	if decided(l, deciding) {
		return l, nil
	}
	r, err := e.R.Eval(ctx, b)
	if err != nil {
		if r, err = e.evalUndecided(ctx, b, l, deciding, err); err != nil {
			return nil, err
		}
	}
	out := ctx.vector(e.t, b.Len)
	x, y, o := l.Bools[:b.Len], r.Bools[:b.Len], out.Bools
	if deciding {
		for i := range o {
			o[i] = x[i] || y[i]
		}
	} else {
		for i := range o {
			o[i] = x[i] && y[i]
		}
	}
	lNulls, rNulls := l.HasNulls(), r.HasNulls()
	if !lNulls && !rNulls {
		return out, nil
	}
	for i := range o {
		ln, rn := lNulls && l.Nulls.Get(i), rNulls && r.Nulls.Get(i)
		switch {
		case !ln && !rn:
		case !ln && x[i] == deciding, !rn && y[i] == deciding:
			o[i] = deciding
		default:
			out.Nulls.Set(i)
		}
	}
	return out, nil
}

// decided says whether every row of v has the deciding value.
func decided(v *column.Vector, deciding bool) bool {
	if v.HasNulls() {
		return false
	}
	for _, x := range v.Bools[:v.Len] {
		if x != deciding {
			return false
		}
	}
	return v.Len > 0
}

// evalUndecided computes the right operand for the rows that the left one does
// not decide; the other rows are null.
func (e *Binary) evalUndecided(ctx *Context, b *column.Batch, l *column.Vector, deciding bool, cause error) (*column.Vector, error) {
	rows := make([]int32, 0, b.Len)
	for i := range b.Len {
		if l.Nulls.Get(i) || l.Bools[i] != deciding {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == b.Len {
		return nil, cause
	}
	v, err := e.R.Eval(ctx, ctx.subset(b, rows, Columns(e.R)))
	if err != nil {
		return nil, err
	}
	out := ctx.nulls(e.t, b.Len)
	for k, i := range rows {
		if !v.Nulls.Get(k) {
			out.Bools[i] = v.Bools[k]
			out.Nulls.Clear(int(i))
		}
	}
	return out, nil
}
