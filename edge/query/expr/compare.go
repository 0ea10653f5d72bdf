package expr

import (
	"cmp"
	"strconv"

	"tarn/store/column"
)

// newComparison binds the comparisons and IS [NOT] DISTINCT FROM.
func newComparison(op Op, l, r Expr) (Expr, error) {
	l, r, err := comparable2(op, l, r)
	if err != nil {
		return nil, err
	}
	run := compareKernel(op, l.Type(), r.Type())
	if run == nil {
		return nil, planError("Cannot compare values of type %s", l.Type())
	}
	return binary(op, l, r, column.Of(column.Bool), run), nil
}

// comparable2 converts two operands to types that a kernel compares directly.
func comparable2(op Op, l, r Expr) (Expr, Expr, error) {
	lt, rt := l.Type(), r.Type()
	switch {
	case lt.Kind == column.Null && rt.Kind == column.Null:
		return castBoth(l, r, column.Of(column.Bool))
	case lt.Kind == column.Null:
		return castBoth(l, r, textAsString(rt))
	case rt.Kind == column.Null:
		return castBoth(l, r, textAsString(lt))
	case lt.Nested != nil && rt.Nested != nil && !lt.Equal(rt):
		t, err := Coerce(lt, rt)
		if err != nil {
			return nil, nil, planError("Cannot infer common argument type for comparison operation %s %s %s", lt, op, rt)
		}
		return castBoth(l, r, t)
	case lt.Kind == rt.Kind, lt.IsText() && rt.IsText():
		return l, r, nil // zones do not matter: instants are compared
	case lt.IsInteger() && rt.IsInteger():
		return sameSign(l, r)
	case lt.IsNumeric() && rt.IsNumeric():
		return castBoth(l, r, column.Of(column.Float64))
	case op.IsComparison() && op <= Ne && lt.IsInteger() && isIntegerText(r):
		r, err := implicitCast(r, lt)
		return l, r, err
	case op.IsComparison() && op <= Ne && rt.IsInteger() && isIntegerText(l):
		l, err := implicitCast(l, rt)
		return l, r, err
	}
	t, err := Coerce(lt, rt)
	if err != nil {
		return nil, nil, planError("Cannot infer common argument type for comparison operation %s %s %s", lt, op, rt)
	}
	if lt.Kind == column.Bool && rt.IsText() || rt.Kind == column.Bool && lt.IsText() {
		t = column.Of(column.Bool)
	}
	return castBoth(l, r, t)
}

// isIntegerText says whether e is a literal such as '5', the canonical text of
// an integer. Equality with it is that of numbers.
func isIntegerText(e Expr) bool {
	lit, ok := e.(*Literal)
	if !ok || lit.Value.Null || !lit.Value.Type.IsText() {
		return false
	}
	i, err := strconv.ParseInt(lit.Value.S, 10, 64)
	return err == nil && strconv.FormatInt(i, 10) == lit.Value.S
}

// sameSign makes a literal beside an integer of the other signedness one of
// the same, if it fits.
func sameSign(l, r Expr) (Expr, Expr, error) {
	convert := func(e Expr, t column.Type) Expr {
		lit, ok := e.(*Literal)
		if !ok || lit.Value.Null {
			return e
		}
		c, err := implicitCast(e, t)
		if err != nil {
			return e
		}
		return c
	}
	if c := convert(r, l.Type()); c.Type().Kind == l.Type().Kind {
		return l, c, nil
	}
	return convert(l, r.Type()), r, nil
}

// compareKernel returns the kernel for operands of the given types, nil when
// there is none.
func compareKernel(op Op, l, r column.Type) kernel {
	var loop compareLoop
	switch {
	case l.IsInteger() && r.IsInteger() && l.Kind != r.Kind:
		loop = func(_ *Context, p plan, l, r operand, out []bool) { compareMixed(p, l, r, out) }
	case l.IsText() && r.IsText():
		loop = compareTexts
	default:
		switch l.Kind {
		case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
			loop = orderedLoop(ints)
		case column.Uint64:
			loop = orderedLoop(uints)
		case column.Float64:
			loop = compareFloats
		case column.Bool:
			loop = compareBools
		case column.IntervalKind:
			loop = compareIntervals
		case column.List, column.Struct:
			if !l.Equal(r) {
				return nil
			}
			loop = compareNested
		default:
			return nil
		}
	}
	p := planOf(op)
	compare := func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l, r := args[0], args[1]
		out, some := ctx.result(column.Of(column.Bool), n, l, r)
		if !some {
			return out, nil
		}
		if l.step == 0 && r.step == 0 {
			l = ctx.spread(l, n)
		}
		p := p
		if l.step == 0 { // loops expect the constant on the right
			l, r, p = r, l, p.swapped()
		}
		loop(ctx, p, l, r, out.Bools)
		return out, nil
	}
	if op == Distinct || op == NotDistinct {
		return distinctKernel(op, compare)
	}
	return compare
}

// plan reduces the six comparisons to two: equal, and less with the operands
// in one order or the other; the result is flipped or not.
type plan struct {
	equal bool
	// greater asks for r < l in place of l < r.
	greater bool
	flip    bool
}

func planOf(op Op) plan {
	switch op {
	case Eq, NotDistinct:
		return plan{equal: true}
	case Ne, Distinct:
		return plan{equal: true, flip: true}
	case Lt:
		return plan{}
	case Ge:
		return plan{flip: true}
	case Gt:
		return plan{greater: true}
	}
	return plan{greater: true, flip: true}
}

func (p plan) swapped() plan {
	if !p.equal {
		p.greater = !p.greater
	}
	return p
}

// compareLoop compares len(out) rows; l is a vector, r one or a constant.
type compareLoop func(ctx *Context, p plan, l, r operand, out []bool)

func orderedLoop[T cmp.Ordered](values func(*column.Vector) []T) compareLoop {
	return func(_ *Context, p plan, l, r operand, out []bool) {
		compareOrdered(p, values(l.v), values(r.v), r.step, out)
	}
}

func compareOrdered[T cmp.Ordered](p plan, l, r []T, rs int, out []bool) {
	flip := p.flip
	l = l[:len(out)]
	if rs == 0 {
		c := r[0]
		switch {
		case p.equal:
			for i, x := range l {
				out[i] = (x == c) != flip
			}
		case p.greater:
			for i, x := range l {
				out[i] = (c < x) != flip
			}
		default:
			for i, x := range l {
				out[i] = (x < c) != flip
			}
		}
		return
	}
	if p.greater {
		l, r = r, l
	}
	l, r = l[:len(out)], r[:len(out)]
	if p.equal {
		for i := range out {
			out[i] = (l[i] == r[i]) != flip
		}
		return
	}
	for i := range out {
		out[i] = (l[i] < r[i]) != flip
	}
}

// compareFloats orders NaN above all else and equal to itself. The IEEE
// comparisons agree with that but for NaN operands.
func compareFloats(_ *Context, p plan, lo, ro operand, out []bool) {
	flip := p.flip
	l, r := lo.v.Floats[:len(out)], ro.v.Floats
	if ro.step == 0 && r[0] == r[0] {
		if c := r[0]; p.greater {
			for i, x := range l {
				out[i] = !(x <= c) != flip
			}
			return
		}
		compareOrdered(p, l, r, 0, out)
		return
	}
	rs := ro.step
	switch {
	case p.equal:
		for i, x := range l {
			y := r[i*rs]
			out[i] = (x == y || x != x && y != y) != flip
		}
	case p.greater:
		for i, x := range l {
			out[i] = lessFloat(r[i*rs], x) != flip
		}
	default:
		for i, x := range l {
			out[i] = lessFloat(x, r[i*rs]) != flip
		}
	}
}

// lessFloat is the order of floats with NaN above all else.
func lessFloat(a, b float64) bool { return a < b || b != b && a == a }

func compareTexts(ctx *Context, p plan, l, r operand, out []bool) {
	if p.equal && r.step == 1 && l.v.Type.Kind == column.Dict && r.v.Type.Kind == column.Dict && l.v.Dict == r.v.Dict {
		compareOrdered(p, l.v.Codes, r.v.Codes, 1, out)
		return
	}
	compareOrdered(p, ctx.texts(l), ctx.texts(r), r.step, out)
}

func compareBools(_ *Context, p plan, l, r operand, out []bool) {
	for i := range out {
		x, y := l.v.Bools[i], r.v.Bools[i*r.step]
		if p.greater {
			x, y = y, x
		}
		if p.equal {
			out[i] = (x == y) != p.flip
		} else {
			out[i] = (!x && y) != p.flip
		}
	}
}

func compareMixed(p plan, l, r operand, out []bool) {
	for i := range out {
		c := compareMagnitudes(magnitudeAt(l, i), magnitudeAt(r, i))
		switch {
		case p.equal:
			out[i] = (c == 0) != p.flip
		case p.greater:
			out[i] = (c > 0) != p.flip
		default:
			out[i] = (c < 0) != p.flip
		}
	}
}

func compareMagnitudes(a, b magnitude) int {
	switch {
	case a.neg != b.neg:
		if a.neg {
			return -1
		}
		return 1
	case a.neg:
		return cmp.Compare(b.abs, a.abs)
	}
	return cmp.Compare(a.abs, b.abs)
}

func compareIntervals(_ *Context, p plan, l, r operand, out []bool) {
	for i := range out {
		out[i] = p.decide(compareInterval(l.v.Intervals[i], r.v.Intervals[i*r.step]))
	}
}

// compareNested compares lists and structs; inside of them nulls are equal.
func compareNested(_ *Context, p plan, l, r operand, out []bool) {
	for i := range out {
		if !l.v.IsNull(i) && !r.null(i) {
			out[i] = p.decide(compareRows(l.v, i, r.v, i*r.step))
		}
	}
}

// decide is the result for operands whose order is c.
func (p plan) decide(c int) bool {
	switch {
	case p.equal:
		return (c == 0) != p.flip
	case p.greater:
		return (c > 0) != p.flip
	}
	return (c < 0) != p.flip
}

// compareInterval orders spans part by part, as ORDER BY does: a month is no
// number of days (spec/sql.md section 7.2).
func compareInterval(a, b column.Interval) int {
	return cmp.Or(cmp.Compare(a.Months, b.Months), cmp.Compare(a.Days, b.Days), cmp.Compare(a.Nanos, b.Nanos))
}

// distinctKernel treats nulls as values that are equal to each other.
func distinctKernel(op Op, compare kernel) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		v, err := compare(ctx, args, n)
		if err != nil {
			return nil, err
		}
		if !v.HasNulls() {
			return v, nil
		}
		for i := range n {
			if a, b := args[0].null(i), args[1].null(i); a || b {
				v.Bools[i] = (a != b) == (op == Distinct)
			}
		}
		v.Nulls.Reset()
		return v, nil
	}
}
