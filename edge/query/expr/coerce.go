package expr

import (
	"tarn/store/column"
)

// Coerce returns the common type of two values: of the branches of CASE and
// COALESCE, of the columns of UNION, and of comparisons that have no rule of
// their own (spec/sql.md section 6.1). Equal types unify to themselves, text of
// any coding to String, numbers to the wider type, numbers and text to text,
// and text beside a point in time or a span to that.
func Coerce(a, b column.Type) (column.Type, error) {
	if a.Equal(b) {
		return a, nil
	}
	if a.Kind == column.Null {
		return b, nil
	}
	if b.Kind == column.Null {
		return a, nil
	}
	if a.Kind > b.Kind {
		a, b = b, a // the kinds below are named in ascending order
	}
	switch {
	case a.IsText() && b.IsText():
		return column.Of(column.String), nil
	case a.IsNumeric() && b.IsNumeric():
		if b.Kind == column.Float64 {
			return b, nil
		}
		return column.Of(column.Int64), nil
	case a.IsNumeric() && b.IsText():
		return column.Of(column.String), nil
	case a.IsText() && (b.Kind == column.Timestamp || b.Kind == column.Date || b.Kind == column.TimeOfDay || b.Kind == column.IntervalKind || b.Kind == column.Duration):
		return b, nil
	case a.IsInteger() && (b.Kind == column.Timestamp || b.Kind == column.Duration):
		return b, nil
	case a.Kind == column.Timestamp && b.Kind == column.Timestamp:
		if a.Zone == "" {
			return b, nil
		}
		return a, nil
	case a.Kind == column.Timestamp && b.Kind == column.Date:
		return a, nil
	case a.Kind == column.Duration && b.Kind == column.IntervalKind:
		return b, nil
	case a.Kind == column.List && b.Kind == column.List:
		elem, err := Coerce(a.Nested.Types[0], b.Nested.Types[0])
		return column.ListOf(elem), err
	}
	return column.Type{}, planError("Cannot infer common type of %s and %s", a, b)
}

// coerceAll returns the common type of several expressions and the expressions
// converted to it. Text becomes String: values of several sources share no
// dictionary.
func coerceAll(es []Expr) (column.Type, []Expr, error) {
	t := column.Type{}
	for _, e := range es {
		var err error
		if t, err = Coerce(t, e.Type()); err != nil {
			return t, nil, err
		}
	}
	if len(es) > 1 {
		t = textAsString(t)
	}
	out := make([]Expr, len(es))
	for i, e := range es {
		var err error
		if out[i], err = implicitCast(e, t); err != nil {
			return t, nil, err
		}
	}
	return t, out, nil
}

// implicitCast converts e to t as an operator's operand. Literals are
// converted at once.
func implicitCast(e Expr, t column.Type) (Expr, error) {
	if t.IsText() {
		e = asText(e)
	}
	from := e.Type()
	if from.Equal(t) || from.IsText() && t.IsText() {
		return e, nil
	}
	c, err := newCast(e, Target{Type: t}, false)
	if err != nil {
		return nil, err
	}
	c.implicit = true
	if _, ok := e.(*Literal); ok {
		v, err := Evaluate(nil, c)
		if err != nil {
			return nil, err
		}
		v.Type = t
		return NewLiteral(v), nil
	}
	return c, nil
}
