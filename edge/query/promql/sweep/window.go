package sweep

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

// evaluator makes the vectors of a leaf. It is used by one goroutine.
type evaluator struct {
	leaf     *leaf
	steps    Steps
	lookback int64 // ms
	notes    annotations.Annotations

	values  []float64 // the last vector
	windows []window
	queue   []int           // of the kernels of minimum and maximum
	points  []promql.FPoint // of foreign functions
	out     promql.Vector
}

// window is samples [lo, hi) of a series.
type window struct{ lo, hi int }

// span is the time that a step looks back.
func (e *evaluator) span() int64 {
	if e.leaf.window > 0 {
		return e.leaf.window
	}
	return e.lookback
}

// vector is the leaf's of a series with these samples, which it changes. It is
// valid until the next call.
func (e *evaluator) vector(times []int64, values []float64) Vector {
	if e.leaf.window > 0 {
		times, values = withoutStale(times, values)
	}
	if len(times) == 0 {
		return Vector{}
	}
	// Steps outside of [from, to) reach no sample.
	from := e.steps.from(times[0] + e.leaf.offset)
	to := e.steps.from(times[len(times)-1] + e.leaf.offset + e.span())
	if from >= to {
		return Vector{}
	}
	if cap(e.values) < to-from {
		e.values = make([]float64, e.steps.N)
	}
	v := Vector{From: from, Values: e.values[:to-from]}
	if e.leaf.window == 0 {
		e.instants(times, values, v)
	} else {
		e.slide(times, v)
		if e.leaf.kernel != nil {
			e.leaf.kernel(e, times, values, v)
		} else {
			e.foreign(times, values, v)
		}
	}
	return v.trim()
}

// withoutStale takes the marks of an end out, in place.
func withoutStale(times []int64, values []float64) ([]int64, []float64) {
	n := 0
	for n < len(values) && !IsAbsent(values[n]) {
		n++
	}
	for i := n; i < len(values); i++ {
		if !IsAbsent(values[i]) {
			times[n], values[n] = times[i], values[i]
			n++
		}
	}
	return times[:n], values[:n]
}

// instants takes for each step the last sample that is not older than lookback.
func (e *evaluator) instants(times []int64, values []float64, v Vector) {
	next := walker{times: times} // first sample after the step
	ref := e.steps.At(v.From) - e.leaf.offset
	for i := range v.Values {
		if k := next.after(ref); k > 0 && times[k-1] > ref-e.lookback {
			v.Values[i] = values[k-1]
		} else {
			v.Values[i] = Absent
		}
		ref += e.steps.Step
	}
}

// walker goes through ascending times.
type walker struct {
	times []int64
	at    int
	step  int // how far it went last
}

// after moves to the first time from where it is on that is after t.
func (w *walker) after(t int64) int {
	// Samples and steps are mostly regular: it is as far as last time.
	if i := w.at + w.step; w.step > 0 && i < len(w.times) && w.times[i-1] <= t && w.times[i] > t {
		w.at = i
		return i
	}
	i := after(w.times, w.at, t)
	w.at, w.step = i, i-w.at
	return i
}

// after is the first place from i on whose time is after t.
func after(times []int64, i int, t int64) int {
	if i >= len(times) || times[i] > t {
		return i
	}
	// Steps are short beside a series: look near before looking far.
	width := 1
	for i+width < len(times) && times[i+width] <= t {
		i += width
		width *= 2
	}
	lo, hi := i+1, min(i+width, len(times))
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); times[mid] <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// slide finds the samples of each step's window.
func (e *evaluator) slide(times []int64, v Vector) {
	e.windows = e.windows[:0]
	lo, hi := walker{times: times}, walker{times: times}
	ref := e.steps.At(v.From) - e.leaf.offset
	for range v.Values {
		e.windows = append(e.windows, window{lo.after(ref - e.leaf.window), hi.after(ref)})
		ref += e.steps.Step
	}
}

// foreign are functions of a range whose values Prometheus's code computes.
var foreign = []string{"deriv", "predict_linear", "quantile_over_time", "stddev_over_time", "stdvar_over_time", "mad_over_time",
	"ts_of_first_over_time", "ts_of_last_over_time", "ts_of_max_over_time", "ts_of_min_over_time"}

func (e *evaluator) foreign(times []int64, values []float64, v Vector) {
	e.points = e.points[:0]
	for i, t := range times {
		e.points = append(e.points, promql.FPoint{T: t, F: values[i]})
	}
	call := promql.FunctionCalls[e.leaf.call.Func.Name]
	params := make([]promql.Vector, len(e.leaf.params))
	for i, p := range e.leaf.params {
		params[i] = promql.Vector{promql.Sample{F: p}}
	}
	in := promql.Matrix{promql.Series{Metric: labels.EmptyLabels()}}
	helper := &promql.EvalNodeHelper{}
	for i, w := range e.windows {
		v.Values[i] = Absent
		if w.lo == w.hi {
			continue
		}
		in[0].Floats = e.points[w.lo:w.hi:w.hi]
		helper.Ts, helper.Out = e.steps.At(v.From+i), e.out[:0]
		out, notes := call(params, in, e.leaf.call.Args, helper)
		e.notes.Merge(notes)
		if len(out) > 0 {
			v.Values[i] = out[0].F
		}
		e.out = out[:0]
	}
}

// add is one step of a compensated sum (Neumaier's): sum and what it lacks.
func add(x, sum, lack float64) (float64, float64) {
	t := sum + x
	switch {
	case math.IsInf(t, 0):
		return t, 0
	case math.Abs(sum) >= math.Abs(x):
		return t, lack + ((sum - t) + x)
	}
	return t, lack + ((x - t) + sum)
}
