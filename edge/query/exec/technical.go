package exec

import (
	"math"

	"tarn/edge/query/plan"
)

// newSmoother returns a moving average or a function of technical analysis, or
// nil when there is none of that name.
func newSmoother(c plan.TransformCall) smoother {
	n, simple := c.N, c.Warmup == "simple"
	// held suppresses the first results: as many as the function needs to
	// settle, unless the query says how many.
	held := func(s smoother, settle int) smoother {
		if c.Hold >= 0 {
			settle = c.Hold
		}
		return &hold{smoother: s, left: settle}
	}
	// An average that is seeded by an exponential warm-up is usable at once,
	// so those that are stacked on it wait for the first only.
	stacked := func(levels int) int {
		if simple {
			return levels * (n - 1)
		}
		return n - 1
	}
	switch c.Name {
	case "moving_average":
		return &movingAverage{window: make([]float64, n)}
	case "exponential_moving_average":
		return held(newEMA(n, simple), stacked(1))
	case "double_exponential_moving_average":
		return held(&stackedEMA{chain: chain{newEMA(n, simple), newEMA(n, simple)}}, stacked(2))
	case "triple_exponential_moving_average":
		return held(&stackedEMA{chain: chain{newEMA(n, simple), newEMA(n, simple), newEMA(n, simple)}}, stacked(3))
	case "triple_exponential_derivative":
		return held(&trix{chain: chain{newEMA(n, simple), newEMA(n, simple), newEMA(n, simple)}}, stacked(3)+1)
	case "relative_strength_index":
		return held(&strength{up: wilder(n, simple), down: wilder(n, simple), relative: true}, n)
	case "chande_momentum_oscillator":
		if c.Warmup == "" || c.Warmup == "none" {
			return held(&momentum{diffs: make([]float64, n)}, n-1)
		}
		return held(&strength{up: wilder(n, simple), down: wilder(n, simple)}, n)
	case "kaufmans_efficiency_ratio":
		return held(newEfficiency(n), n)
	case "kaufmans_adaptive_moving_average":
		return held(&adaptive{ratio: newEfficiency(n)}, n)
	}
	return nil
}

// hold suppresses the first results.
type hold struct {
	smoother
	left int
}

func (h *hold) add(x float64) (float64, bool) {
	y, _ := h.smoother.add(x)
	if h.left > 0 {
		h.left--
		return 0, false
	}
	return y, true
}

// ema is an exponential moving average. Its first n values are averaged simply,
// or with a weight that falls from 1 to alpha.
type ema struct {
	n, count int
	alpha    float64
	simple   bool
	last     float64
}

func newEMA(n int, simple bool) *ema { return &ema{n: n, alpha: 2 / float64(n+1), simple: simple} }

// wilder is the smoothing of strength indexes: alpha is 1/n.
func wilder(n int, simple bool) *ema {
	e := newEMA(n+1, simple)
	e.alpha = 1 / float64(n)
	return e
}

func (e *ema) warm() bool { return e.count == e.n }

// next takes x in. Products are rounded before they are added (float64), so that
// machines that fuse the two give the same bits.
func (e *ema) next(x float64) float64 {
	switch {
	case e.count == 0:
		e.last = x
	case e.warm():
		e.last = float64((x-e.last)*e.alpha) + e.last
	case e.simple:
		e.last = (float64(e.last*float64(e.count)) + x) / float64(e.count+1)
	default:
		e.last = float64((x-e.last)*(2/float64(e.count+2))) + e.last
	}
	if e.count < e.n {
		e.count++
	}
	return e.last
}

func (e *ema) add(x float64) (float64, bool) { return e.next(x), true }

// chain feeds averages into averages. One that is not usable yet passes its
// input on.
type chain []*ema

// next returns the result of every level.
func (c chain) next(x float64) [3]float64 {
	var y [3]float64
	for i, e := range c {
		if i == 0 || c[i-1].warm() || !c[i-1].simple {
			x = e.next(x)
		}
		y[i] = x
	}
	return y
}

// stackedEMA is the double and the triple exponential moving average.
type stackedEMA struct{ chain }

func (s *stackedEMA) add(x float64) (float64, bool) {
	y := s.next(x)
	if len(s.chain) == 2 {
		return 2*y[0] - y[1], true
	}
	return float64(3*y[0]) - float64(3*y[1]) + y[2], true
}

// trix is the rate of change of a triple average, in percent.
type trix struct {
	chain
	last float64
}

func (t *trix) add(x float64) (float64, bool) {
	y := t.next(x)[2]
	rate := (y/t.last - 1) * 100
	t.last = y
	return rate, true
}

// strength is the relative strength index, and Chande's oscillator when it is
// smoothed.
type strength struct {
	up, down *ema
	last     float64
	relative bool
}

func (s *strength) add(x float64) (float64, bool) {
	up, down := s.up.next(max(x-s.last, 0)), s.down.next(max(s.last-x, 0))
	s.last = x
	if s.relative {
		return 100 - 100/(1+up/down), true
	}
	return 100 * ((up - down) / (up + down)), true
}

// momentum is Chande's oscillator over the last n changes.
type momentum struct {
	diffs    []float64
	at       int
	begun    bool
	last     float64
	up, down float64
}

func (m *momentum) add(x float64) (float64, bool) {
	d := 0.0
	if m.begun {
		d = x - m.last
	}
	m.begun, m.last = true, x
	old := m.diffs[m.at]
	m.up, m.down = m.up-max(old, 0)+max(d, 0), m.down-max(-old, 0)+max(-d, 0)
	m.diffs[m.at] = d
	m.at = (m.at + 1) % len(m.diffs)
	if m.up == 0 && m.down == 0 {
		return 0, true
	}
	return 100 * ((m.up - m.down) / (m.up + m.down)), true
}

// efficiency is Kaufman's ratio of the way made to the way gone over n changes.
type efficiency struct {
	values, diffs []float64
	at            int
	noise         float64
	last          float64
	count         int
}

func newEfficiency(n int) *efficiency {
	return &efficiency{values: make([]float64, n), diffs: make([]float64, n)}
}

func (e *efficiency) next(x float64) float64 {
	signal := math.Abs(x - e.values[e.at])
	d := math.Abs(x - e.last)
	e.noise += d - e.diffs[e.at]
	e.values[e.at], e.diffs[e.at], e.last = x, d, x
	e.at = (e.at + 1) % len(e.values)
	if e.count <= len(e.values) {
		e.count++
	}
	if signal == 0 || e.noise == 0 {
		return 0
	}
	return signal / e.noise
}

func (e *efficiency) add(x float64) (float64, bool) { return e.next(x), true }

// adaptive is Kaufman's average, fast where the ratio is high.
type adaptive struct {
	ratio *efficiency
	last  float64
}

func (a *adaptive) add(x float64) (float64, bool) {
	if a.ratio.count <= len(a.ratio.values) {
		a.last = a.ratio.last
	}
	const fast, slow = 2.0 / 3, 2.0 / 31
	sc := float64(a.ratio.next(x)*(fast-slow)) + slow
	a.last += float64(sc * sc * (x - a.last))
	return a.last, true
}
