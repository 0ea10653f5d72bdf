package expr

import (
	"cmp"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// bindSeries is generate_series(start, stop [, step]), which has its end, and
// range, which has not, as lists: of integers, of timestamps with an interval
// or duration as the step, or of dates, whose step is a day if not given. One
// integer alone is the stop; the start is 0 then.
func bindSeries(closed bool) func(string, []Expr) (Expr, error) {
	return func(name string, args []Expr) (Expr, error) {
		t := args[0].Type()
		if len(args) > 1 && (t.IsText() || t.Kind == column.Null) {
			t = args[1].Type()
		}
		var step Expr
		switch {
		case t.IsInteger(), t.Kind == column.Null:
			return bindIntSeries(name, args, closed)
		case len(args) == 1:
			return nil, signatureError(name, args)
		case t.Kind == column.Timestamp && len(args) == 3, t.Kind == column.Date, t.IsText():
			if t.IsText() {
				t = column.Of(column.Date)
			}
			step = NewLiteral(Interval(column.Interval{Days: 1}))
			if len(args) == 3 {
				step = args[2]
			}
		default:
			return nil, signatureError(name, args)
		}
		if k := step.Type(); k.Kind != column.IntervalKind && k.Kind != column.Duration && !k.IsText() && k.Kind != column.Null {
			return nil, signatureError(name, args)
		}
		out := make([]Expr, 3)
		for i, a := range append(append([]Expr(nil), args[:2]...), step) {
			to := t
			if i == 2 {
				to = column.Of(column.IntervalKind)
			}
			k := a.Type()
			if i < 2 && k.Kind != t.Kind && !k.IsText() && k.Kind != column.Null && k.Kind != column.Date {
				return nil, signatureError(name, args)
			}
			var err error
			if out[i], err = implicitCast(a, to); err != nil {
				return nil, err
			}
		}
		run, err := timeSeriesKernel(name, t, closed)
		if err != nil {
			return nil, err
		}
		return newNode(name, out, column.ListOf(t), run), nil
	}
}

func bindIntSeries(name string, args []Expr, closed bool) (Expr, error) {
	kinds := []column.Kind{column.Int64, column.Int64, column.Int64}
	args, err := convertArgs(name, args, kinds[:len(args)])
	if err != nil {
		return nil, err
	}
	if len(args) == 1 {
		args = []Expr{NewLiteral(Int(0)), args[0]}
	}
	t := column.ListOf(column.Of(column.Int64))
	return newNode(name, args, t, strictListRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
		start, stop := intSlot(args[0]), intSlot(args[1])
		return func(items *column.Vector, i int) error {
			step := int64(1)
			if len(args) == 3 {
				step = args[2].v.Ints[i*args[2].step]
			}
			if step == 0 {
				return executionError("step can't be 0 for function %s(start [, stop, step])", name)
			}
			from := items.Len
			for v, end := start.at(i), stop.at(i); step > 0 && v <= end || step < 0 && v >= end; {
				if v == end && !closed {
					break
				}
				if items.Len-from == maxElements {
					return tooManyElements(name)
				}
				items.Ints = append(items.Ints, v)
				items.Len++
				next := v + step
				if (v^next)&(step^next) < 0 { // past the last integer
					break
				}
				v = next
			}
			return nil
		}
	})), nil
}

// timeSeriesKernel adds the step again and again, on the clock of the zone.
func timeSeriesKernel(name string, t column.Type, closed bool) (kernel, error) {
	z, err := zoneOf(t)
	if err != nil {
		return nil, err
	}
	dates := t.Kind == column.Date
	return strictListRows(column.ListOf(t), func(_ *Context, args []operand) func(*column.Vector, int) error {
		start, stop := intSlot(args[0]), intSlot(args[1])
		steps := slot[column.Interval]{args[2].v.Intervals, args[2].step}
		return func(items *column.Vector, i int) error {
			iv := steps.at(i)
			move := func(v int64) (int64, bool) { return moveBy(v, int64(iv.Months), int64(iv.Days), iv.Nanos, z) }
			if dates {
				if iv.Nanos != 0 {
					return executionError("Cannot generate date range less than 1 day.")
				}
				move = func(v int64) (int64, bool) {
					if iv.Months != 0 {
						v = text.CivilOf(v).AddMonths(int64(iv.Months)).Days()
					}
					return v + int64(iv.Days), true
				}
			}
			if iv == (column.Interval{}) {
				return executionError("Interval argument to %s must not be 0", name)
			}
			from := items.Len
			v, end := start.at(i), stop.at(i)
			// The greatest part that is not 0 says where the step leads; a step
			// that leads elsewhere ends the series.
			up := cmp.Or(int64(iv.Months), int64(iv.Days), iv.Nanos) > 0
			for up && v <= end || !up && v >= end {
				if v == end && !closed {
					break
				}
				if items.Len-from == maxElements {
					return tooManyElements(name)
				}
				items.Ints = append(items.Ints, v)
				items.Len++
				next, ok := move(v)
				if !ok || next == v || next > v != up {
					break
				}
				v = next
			}
			return nil
		}
	}), nil
}
