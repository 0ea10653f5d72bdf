package influxql

import (
	"math"
	"time"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// window is GROUP BY time(every, offset), aligned in a zone (spec/influxql.md
// section 7).
type window struct {
	every, offset int64
	loc           *time.Location // nil is UTC
}

// bounds are the start of t's window and that of the next. Where clocks change,
// a window of a day and the like follows the clock, so that its bounds stay at
// the same time of day; a window shorter than the change does not.
func (w *window) bounds(t int64) (start, end int64) {
	t -= w.offset
	zone := w.shift(t)
	into := (t + zone) % w.every
	if into < 0 {
		into += w.every
	}
	if start = t - into; start > t { // before the calendar's begin
		start = math.MinInt64 + w.every
	}
	if end = t + (w.every - into); end < t {
		end = math.MaxInt64
	}
	start += w.offset
	if w.loc == nil {
		return start, end + w.offset
	}
	if d := zone - w.shift(start); d != 0 && abs(d) < w.every {
		start += d
	}
	// An hour that is lived twice belongs to the window that it begins in. One
	// that is left out moves the end, unless the change comes after it.
	after := w.shift(end)
	if d := zone - after; d != 0 && abs(d) < w.every && (d > 0 || w.shift(end+d) == after) {
		end += d
	}
	return start, end + w.offset
}

// shift is the zone's offset from UTC in nanoseconds.
func (w *window) shift(t int64) int64 {
	if w.loc == nil {
		return 0
	}
	_, seconds := time.Unix(0, t).In(w.loc).Zone()
	return int64(seconds) * int64(time.Second)
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// start is the window of an instant.
func (w *window) start(t int64) int64 {
	s, _ := w.bounds(t)
	return s
}

// next gives the start of the window after one that starts at t, or before it.
// It moves on even where clocks change and bounds are none of a window's.
func (w *window) next(desc bool) func(t int64) int64 {
	if desc {
		return func(t int64) int64 {
			if s := w.start(t - 1); s < t {
				return s
			}
			return t - w.every
		}
	}
	return func(t int64) int64 {
		if _, end := w.bounds(t); end > t && w.start(end) == end {
			return end
		}
		if s := w.start(t + w.every); s > t {
			return s
		}
		return t + w.every
	}
}

// of is the expression of the window of a timestamp. Times come in runs: a
// window is computed once for each.
func (w *window) of(e expr.Expr) expr.Expr {
	name := "time(" + time.Duration(w.every).String() + ")"
	return newFunc(name, column.Of(column.Timestamp), []expr.Expr{e}, func(args []*column.Vector, n int) *column.Vector {
		out := column.NewVector(column.Of(column.Timestamp), n)
		out.SetLen(n)
		var start, end int64 // none yet: no time is in [0, 0)
		for i, t := range args[0].Ints[:n] {
			if t < start || t >= end {
				start, end = w.bounds(t)
			}
			out.Ints[i] = start
		}
		return out
	})
}
