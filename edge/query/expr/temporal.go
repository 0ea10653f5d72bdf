package expr

import (
	"math"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// newTemporal binds arithmetic between timestamps, dates, durations and
// intervals (spec/sql.md section 6.1).
func newTemporal(op Op, l, r Expr) (Expr, error) {
	lt, rt := l.Type(), r.Type()
	var err error
	// Text beside a timestamp or an interval is a timestamp.
	if lt.IsText() && (rt.Kind == column.Timestamp || rt.Kind == column.IntervalKind) {
		if l, err = implicitCast(l, column.Of(column.Timestamp)); err != nil {
			return nil, err
		}
		lt = l.Type()
	} else if rt.IsText() && lt.Kind == column.Timestamp && op == Sub {
		if r, err = implicitCast(r, column.Of(column.Timestamp)); err != nil {
			return nil, err
		}
		rt = r.Type()
	}
	// The span comes second.
	if op == Add && (lt.Kind == column.IntervalKind || lt.Kind == column.Duration) && (rt.Kind == column.Timestamp || rt.Kind == column.Date) ||
		op == Mul && lt.Kind == column.Int64 {
		l, r, lt, rt = r, l, rt, lt
	}
	duration := column.Of(column.Duration)
	additive := op == Add || op == Sub
	switch {
	case additive && rt.Kind == column.IntervalKind && (lt.Kind == column.Timestamp || lt.Kind == column.Date):
		if lt.Kind == column.Date && hasClock(r) {
			if l, err = implicitCast(l, column.Of(column.Timestamp)); err != nil {
				return nil, err
			}
			lt = l.Type()
		}
		add := &intervalAdder{subtract: op == Sub}
		if add.zone, err = zoneOf(lt); err != nil {
			return nil, err
		}
		if lt.Kind == column.Date {
			return binary(op, l, r, lt, add.dates), nil
		}
		return binary(op, l, r, lt, add.timestamps), nil
	case additive && rt.Kind == column.IntervalKind && lt.Kind == column.IntervalKind:
		return binary(op, l, r, lt, intervalSum(op == Sub)), nil
	case op == Mul && rt.Kind == column.Int64 && lt.Kind == column.IntervalKind:
		return binary(op, l, r, lt, intervalProduct), nil
	case op == Sub && lt.Kind == rt.Kind && lt.Kind == column.Timestamp,
		additive && lt.Kind == column.Duration && rt.Kind == column.Duration:
		return binary(op, l, r, duration, spanKernel(op, duration)), nil
	case op == Sub && lt.Kind == column.Date && rt.Kind == column.Date:
		if l, r, err = castBoth(l, r, column.Of(column.Timestamp)); err != nil {
			return nil, err
		}
		return binary(op, l, r, duration, spanKernel(op, duration)), nil
	case op == Sub && (lt.Kind == column.Date && rt.Kind == column.Timestamp || lt.Kind == column.Timestamp && rt.Kind == column.Date):
		if l, r, err = castBoth(l, r, column.Of(column.Timestamp)); err != nil {
			return nil, err
		}
		return newTemporal(op, l, r)
	case additive && lt.Kind == column.Timestamp && rt.Kind == column.Duration,
		additive && lt.Kind == column.Date && rt.Kind == column.Int64,
		(op == Mul || op == Div) && lt.Kind == column.Duration && rt.Kind == column.Int64:
		return binary(op, l, r, lt, spanKernel(op, lt)), nil
	}
	return nil, coerceError(op, lt, rt)
}

// hasClock says whether an interval has a part that is less than a day, which a
// date cannot keep. Of one that varies it is not known when the query is
// planned: a date stays a date then, as in the engine family.
func hasClock(e Expr) bool {
	if !Constant(e) {
		return false
	}
	v, err := Evaluate(nil, e)
	return err == nil && !v.Null && v.Iv.Nanos != 0
}

// spanKernel is integer arithmetic that keeps the given type; sums that leave
// the range of nanoseconds are errors, since wrapped ones would be instants
// centuries away.
func spanKernel(op Op, t column.Type) kernel {
	plain := integerKernel(op, ints)
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		v, err := plain(ctx, args, n)
		if err != nil {
			return nil, err
		}
		if op == Add || op == Sub {
			a, b := args[0], args[1]
			if a.allNull() || b.allNull() {
				v.Type = t
				return v, nil
			}
			for i, s := range v.Ints {
				x, y := a.v.Ints[i*a.step], b.v.Ints[i*b.step]
				if op == Sub {
					y = ^y // of the same sign as -y-1, which is all that matters
				}
				if (x^s)&(y^s) < 0 && !v.Nulls.Get(i) {
					return nil, errTimeOverflow()
				}
			}
		}
		// The pool files vectors by kind, and all these kinds share one layout.
		v.Type = t
		return v, nil
	}
}

func errTimeOverflow() error {
	return arrowError("Arithmetic overflow: the result is outside of the range of nanosecond timestamps")
}

// Moved is an instant of a timestamp type moved by an interval, forwards or
// back. What leaves the range of nanoseconds stops at its end.
func Moved(t column.Type, ns int64, by column.Interval, back bool) int64 {
	a := &intervalAdder{subtract: back}
	if z, err := zoneOf(t); err == nil { // the type's zone was accepted before
		a.zone = z
	}
	if moved, ok := a.move(ns, by); ok {
		return moved
	}
	if back {
		return math.MinInt64
	}
	return math.MaxInt64
}

// intervalAdder moves points in time by calendar spans.
type intervalAdder struct {
	subtract bool
	zone     zone
}

func (a *intervalAdder) timestamps(ctx *Context, args []operand, n int) (*column.Vector, error) {
	ts, ivs := args[0], args[1]
	out, some := ctx.result(ts.v.Type, n, ts, ivs)
	if !some {
		return out, nil
	}
	for i := range out.Ints {
		v, ok := a.move(ts.v.Ints[i*ts.step], ivs.v.Intervals[i*ivs.step])
		if !ok && !out.Nulls.Get(i) {
			return nil, errTimeOverflow()
		}
		out.Ints[i] = v
	}
	return out, nil
}

func (a *intervalAdder) dates(ctx *Context, args []operand, n int) (*column.Vector, error) {
	ds, ivs := args[0], args[1]
	out, some := ctx.result(ds.v.Type, n, ds, ivs)
	if !some {
		return out, nil
	}
	for i := range out.Ints {
		iv := ivs.v.Intervals[i*ivs.step]
		months, days, nanos := int64(iv.Months), int64(iv.Days), iv.Nanos
		if a.subtract {
			months, days, nanos = -months, -days, -nanos
		}
		d := ds.v.Ints[i*ds.step]
		if months != 0 {
			d = text.CivilOf(d).AddMonths(months).Days()
		}
		out.Ints[i] = d + days + nanos/text.Day
	}
	return out, nil
}

func (a *intervalAdder) move(ts int64, iv column.Interval) (int64, bool) {
	if a.subtract {
		if iv.Nanos == math.MinInt64 {
			return 0, false
		}
		return moveBy(ts, -int64(iv.Months), -int64(iv.Days), -iv.Nanos, a.zone)
	}
	return moveBy(ts, int64(iv.Months), int64(iv.Days), iv.Nanos, a.zone)
}

// moveBy adds months (the day clamped to the month's length), then days, both
// on the wall clock of the zone, then nanoseconds; false on overflow.
func moveBy(ts, months, days, nanos int64, z zone) (int64, bool) {
	if months != 0 || days != 0 {
		local := z.local(ts)
		day := text.FloorDiv(local, text.Day)
		clock := local - day*text.Day
		if months != 0 {
			day = text.CivilOf(day).AddMonths(months).Days()
		}
		var ok bool
		if local, ok = text.JoinSeconds((day+days)*86400+clock/text.Second, clock%text.Second); !ok {
			return 0, false
		}
		ts = z.instant(local)
	}
	sum := ts + nanos
	return sum, (ts^sum)&(nanos^sum) >= 0
}

func intervalSum(subtract bool) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l, r := args[0], args[1]
		out, some := ctx.result(l.v.Type, n, l, r)
		if !some {
			return out, nil
		}
		for i := range out.Intervals {
			a, b := l.v.Intervals[i*l.step], r.v.Intervals[i*r.step]
			if subtract {
				b = column.Interval{Months: -b.Months, Days: -b.Days, Nanos: -b.Nanos}
			}
			out.Intervals[i] = column.Interval{Months: a.Months + b.Months, Days: a.Days + b.Days, Nanos: a.Nanos + b.Nanos}
		}
		return out, nil
	}
}

func intervalProduct(ctx *Context, args []operand, n int) (*column.Vector, error) {
	l, r := args[0], args[1]
	out, some := ctx.result(l.v.Type, n, l, r)
	if !some {
		return out, nil
	}
	for i := range out.Intervals {
		iv, k := l.v.Intervals[i*l.step], r.v.Ints[i*r.step]
		out.Intervals[i] = column.Interval{Months: iv.Months * int32(k), Days: iv.Days * int32(k), Nanos: iv.Nanos * k}
	}
	return out, nil
}
