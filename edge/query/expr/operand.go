package expr

import (
	"tarn/store/column"
)

// operand is an evaluated argument of a kernel: a vector of as many rows as
// the batch, or one row that stands for all of them.
type operand struct {
	v *column.Vector
	// step is 0 for a constant, 1 otherwise: the value of row i is at i*step.
	step int
}

// operandOf evaluates e, keeping constants scalar.
func (c *Context) operandOf(e Expr, b *column.Batch) (operand, error) {
	if l, ok := e.(*Literal); ok {
		return operand{c.repeat(l.Value, 1), 0}, nil
	}
	if e.Type().Kind == column.List && Constant(e) {
		// A list too long for a literal (maxFolded) is not copied to all rows.
		v, err := e.Eval(c, &column.Batch{Len: 1})
		return operand{v, 0}, err
	}
	v, err := e.Eval(c, b)
	return operand{v, 1}, err
}

// operandsOf evaluates several arguments.
func (c *Context) operandsOf(es []Expr, b *column.Batch) ([]operand, error) {
	out := make([]operand, len(es))
	for i, e := range es {
		o, err := c.operandOf(e, b)
		if err != nil {
			return nil, err
		}
		out[i] = o
	}
	return out, nil
}

// null says whether the value of row i is null.
func (o operand) null(i int) bool { return o.v.IsNull(i * o.step) }

// allNull says whether o is a constant null, so that a strict function has
// nothing to compute.
func (o operand) allNull() bool {
	return o.v.Type.Kind == column.Null || o.step == 0 && o.v.Len > 0 && o.v.Nulls.Get(0)
}

// texts returns the values of a text operand, with "" for null rows of a
// dictionary.
func (c *Context) texts(o operand) []string {
	if o.v.Type.Kind != column.Dict {
		return o.v.Strings
	}
	s := c.vector(column.Of(column.String), o.v.Len).Strings
	values := o.v.Dict.Values
	if !o.v.HasNulls() {
		for i, code := range o.v.Codes {
			s[i] = values[code]
		}
		return s
	}
	for i, code := range o.v.Codes {
		if o.v.Nulls.Get(i) {
			s[i] = ""
		} else {
			s[i] = values[code]
		}
	}
	return s
}

// orNulls makes the rows of out null in which any operand is null. It returns
// false when a constant operand is null: then all rows are.
func orNulls(out *column.Vector, operands ...operand) bool {
	for _, o := range operands {
		if o.allNull() {
			out.Nulls.SetRange(0, out.Len)
			return false
		}
		if o.step == 1 && len(o.v.Nulls) > 0 {
			out.Nulls.Or(o.v.Nulls)
		}
	}
	return true
}

// result returns a vector for a strict kernel's n results with the nulls of
// the operands; false says that all are null and nothing is to be computed.
func (c *Context) result(t column.Type, n int, operands ...operand) (*column.Vector, bool) {
	for _, o := range operands {
		if o.allNull() {
			return c.nulls(t, n), false
		}
	}
	out := c.vector(t, n)
	orNulls(out, operands...)
	return out, true
}

// anyNulls says whether a kernel that can fail must look at the null bitmap.
func anyNulls(v *column.Vector) bool { return v.Nulls.Any(v.Len) }
