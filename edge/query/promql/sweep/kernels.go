package sweep

import "math"

// kernel computes a function's value for each of e.windows into v. A window
// without samples has none.
type kernel func(e *evaluator, times []int64, values []float64, v Vector)

// kernels are the functions of a range that are evaluated here.
var kernels = map[string]kernel{
	"rate":     func(e *evaluator, t []int64, x []float64, v Vector) { e.extrapolated(t, x, v, true, true) },
	"increase": func(e *evaluator, t []int64, x []float64, v Vector) { e.extrapolated(t, x, v, true, false) },
	"delta":    func(e *evaluator, t []int64, x []float64, v Vector) { e.extrapolated(t, x, v, false, false) },
	"irate":    func(e *evaluator, t []int64, x []float64, v Vector) { e.lastTwo(t, x, v, true) },
	"idelta":   func(e *evaluator, t []int64, x []float64, v Vector) { e.lastTwo(t, x, v, false) },

	"sum_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) { e.each(x, v, sum) },
	"avg_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) { e.each(x, v, average) },
	"count_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.each(x, v, func(x []float64) float64 { return float64(len(x)) })
	},
	"present_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.each(x, v, func([]float64) float64 { return 1 })
	},
	"first_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.each(x, v, func(x []float64) float64 { return x[0] })
	},
	"last_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.each(x, v, func(x []float64) float64 { return x[len(x)-1] })
	},
	"changes": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.pairs(x, v, func(a, b float64) bool { return a != b && !(math.IsNaN(a) && math.IsNaN(b)) })
	},
	"resets": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.pairs(x, v, func(a, b float64) bool { return b < a })
	},
	"max_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.extreme(x, v, largest, func(a, b float64) bool { return a > b })
	},
	"min_over_time": func(e *evaluator, _ []int64, x []float64, v Vector) {
		e.extreme(x, v, smallest, func(a, b float64) bool { return a < b })
	},
}

func (e *evaluator) each(x []float64, v Vector, fn func([]float64) float64) {
	for i, w := range e.windows {
		if w.lo == w.hi {
			v.Values[i] = Absent
		} else {
			v.Values[i] = fn(x[w.lo:w.hi])
		}
	}
}

func sum(x []float64) float64 {
	var s, lack float64
	for _, v := range x {
		s, lack = add(v, s, lack)
	}
	if math.IsInf(s, 0) {
		return s
	}
	return s + lack
}

// average divides the sum by the number; once the sum would overflow it goes on
// with the mean of those before.
func average(x []float64) float64 {
	s, lack := x[0], 0.0
	for i := 1; i < len(x); i++ {
		t, l := add(x[i], s, lack)
		if math.IsInf(t, 0) {
			return averageOn(s/float64(i), lack/float64(i), x[i:], i)
		}
		s, lack = t, l
	}
	n := float64(len(x))
	return s/n + lack/n
}

// averageOn takes x into the mean of n values.
func averageOn(mean, lack float64, x []float64, n int) float64 {
	for i, v := range x {
		count := float64(n + i + 1)
		q := (count - 1) / count
		// The conversions keep arm64 from fusing products and sums.
		mean, lack = add(v/count, float64(q*mean), float64(q*lack))
	}
	return mean + lack
}

// extrapolated is rate, increase and delta: the difference of a window's ends,
// for a counter with what it had before each reset, extrapolated to the window
// unless the samples begin or end far from it.
func (e *evaluator) extrapolated(times []int64, x []float64, v Vector, counter, perSecond bool) {
	var last extrapolation
	reset := 0 // the next sample that may be the first after a reset
	end := e.steps.At(v.From) - e.leaf.offset
	for i, w := range e.windows {
		if w.hi-w.lo < 2 {
			v.Values[i] = Absent
			end += e.steps.Step
			continue
		}
		diff := x[w.hi-1] - x[w.lo]
		if counter {
			reset = nextReset(x, max(reset, w.lo+1))
			for k := reset; k < w.hi; k = nextReset(x, k+1) {
				diff += x[k-1]
			}
		}
		// Windows of regular samples are all alike.
		is := extrapolation{toStart: times[w.lo] - (end - e.leaf.window), toEnd: end - times[w.hi-1], interval: times[w.hi-1] - times[w.lo], n: w.hi - w.lo}
		if is.toStart != last.toStart || is.toEnd != last.toEnd || is.interval != last.interval || is.n != last.n {
			is.factor = is.compute(math.Inf(1), e.leaf.window, perSecond)
			last = is
		}
		factor := last.factor
		// A counter cannot have been below 0. With less than half of its value
		// in the window it would not have been there for longer than the window.
		if counter && diff > 0 && x[w.lo] >= 0 && !(x[w.lo] > 2*diff) {
			factor = is.compute(x[w.lo]/diff, e.leaf.window, perSecond)
		}
		v.Values[i] = diff * factor
		end += e.steps.Step
	}
}

// extrapolation is how the samples of a window lie in it, in ms, and by what
// their difference is multiplied.
type extrapolation struct {
	toStart, toEnd, interval int64
	n                        int
	factor                   float64
}

// compute returns the factor. zero is how long before the first sample the
// counter was 0, in intervals.
func (x *extrapolation) compute(zero float64, window int64, perSecond bool) float64 {
	toStart, toEnd := float64(x.toStart)/1000, float64(x.toEnd)/1000
	interval := float64(x.interval) / 1000
	average := interval / float64(x.n-1)
	threshold := average * 1.1
	if toStart >= threshold {
		toStart = average / 2
	}
	if z := float64(interval * zero); z < toStart { // see averageOn
		toStart = z
	}
	if toEnd >= threshold {
		toEnd = average / 2
	}
	factor := (interval + toStart + toEnd) / interval
	if perSecond {
		factor /= secondsOf(window)
	}
	return factor
}

// secondsOf is a duration in ms in seconds, as time.Duration computes it.
func secondsOf(ms int64) float64 {
	return float64(ms/1000) + float64(ms%1000*1e6)/1e9
}

// nextReset is the first place from i on whose value is below that before it.
func nextReset(x []float64, i int) int {
	for i < len(x) && !(x[i] < x[i-1]) {
		i++
	}
	return i
}

// lastTwo is irate and idelta.
func (e *evaluator) lastTwo(times []int64, x []float64, v Vector, counter bool) {
	for i, w := range e.windows {
		if w.hi-w.lo < 2 {
			v.Values[i] = Absent
			continue
		}
		diff := x[w.hi-1]
		if !counter || !(x[w.hi-1] < x[w.hi-2]) {
			diff -= x[w.hi-2]
		}
		if counter {
			diff /= float64(times[w.hi-1]-times[w.hi-2]) / 1000
		}
		v.Values[i] = diff
	}
}

// pairs counts the samples that with the one before them are as wanted.
func (e *evaluator) pairs(x []float64, v Vector, wanted func(a, b float64) bool) {
	count := 0
	var at window // of the pairs in count: those whose second sample is in it
	for i, w := range e.windows {
		if w.lo == w.hi {
			v.Values[i] = Absent
			continue
		}
		if at.hi <= w.lo+1 {
			at, count = window{w.lo + 1, w.lo + 1}, 0
		}
		for ; at.lo < w.lo+1; at.lo++ {
			if wanted(x[at.lo-1], x[at.lo]) {
				count--
			}
		}
		for ; at.hi < w.hi; at.hi++ {
			if wanted(x[at.hi-1], x[at.hi]) {
				count++
			}
		}
		v.Values[i] = float64(count)
	}
}

// largest is the first of the largest samples, or NaN when all are.
func largest(x []float64) float64 {
	best := x[0]
	for _, v := range x {
		if v > best || best != best {
			best = v
		}
	}
	return best
}

// smallest is the first of the smallest samples, or NaN when all are.
func smallest(x []float64) float64 {
	best := x[0]
	for _, v := range x {
		if v < best || best != best {
			best = v
		}
	}
	return best
}

// extreme is what of computes for each window. Where windows overlap much, it
// keeps a queue of the samples that may still become the best, the best first.
func (e *evaluator) extreme(x []float64, v Vector, of func([]float64) float64, better func(a, b float64) bool) {
	visits := 0
	for _, w := range e.windows {
		visits += w.hi - w.lo
	}
	if visits <= 8*len(x) {
		e.each(x, v, of)
		return
	}
	q, head, next := e.queue[:0], 0, 0
	for i, w := range e.windows {
		if w.lo == w.hi {
			v.Values[i] = Absent
			continue
		}
		if next < w.lo {
			next = w.lo
		}
		for head < len(q) && q[head] < w.lo {
			head++
		}
		for ; next < w.hi; next++ {
			if math.IsNaN(x[next]) {
				continue
			}
			for len(q) > head && better(x[next], x[q[len(q)-1]]) {
				q = q[:len(q)-1]
			}
			q = append(q, next)
		}
		if head < len(q) {
			v.Values[i] = x[q[head]]
		} else {
			v.Values[i] = x[w.hi-1]
		}
	}
	e.queue = q[:0]
}
