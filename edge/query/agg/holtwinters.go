package agg

import (
	"math"
	"slices"

	"tarn/store/column"
)

// holtWinters forecasts a series by the damped multiplicative method of Holt
// and Winters, whose parameters it fits (spec/influxql.md section 9.4). It
// follows InfluxDB in its starting points, so that both find the same minimum. Products are
// rounded before they are added (float64): the same bits on every machine, where
// a fused multiplication would send the search another way.
type holtWinters struct {
	horizon, season int
	every           int64
	withFit         bool
	points          [][]point
	n               int
}

func newHoltWinters(s Spec) *holtWinters {
	p := s.InfluxQL
	return &holtWinters{horizon: p.N, season: p.Season, every: p.Unit, withFit: p.WithFit}
}

func (h *holtWinters) Grow(n int) { h.points = resize(h.points, n) }

func (h *holtWinters) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if counts(args[0], skip, i) {
			h.points[g] = append(h.points[g], point{args[1].Ints[i], floatAt(args[0], i)})
			h.n++
		}
	}
	return nil
}

func (h *holtWinters) Final(dst *column.Vector, from, to int) error {
	list := dst.Children[0]
	for g := from; g < to; g++ {
		p := h.points[g]
		slices.SortStableFunc(p, func(a, b point) int {
			switch {
			case a.time < b.time:
				return -1
			case a.time > b.time:
				return 1
			}
			return 0
		})
		for _, f := range h.forecast(p) {
			list.Children[0].Floats = append(list.Children[0].Floats, f.value)
			list.Children[1].Ints = append(list.Children[1].Ints, f.time)
			list.Children[0].Len++
			list.Children[1].Len++
			list.Len++
		}
		dst.Offsets = append(dst.Offsets, int32(list.Len))
		dst.Len++
	}
	return nil
}

func (h *holtWinters) Bytes() int { return 24*len(h.points) + 16*h.n }

// round gives the multiple of the interval that is nearest to a time.
func (h *holtWinters) round(t int64) int64 {
	if t%h.every > h.every/2 {
		return (t/h.every + 1) * h.every
	}
	return t / h.every * h.every
}

// forecast fits the points and returns those that are asked for.
func (h *holtWinters) forecast(p []point) []point {
	if len(p) < 2 || h.season >= 2 && len(p) < h.season || h.round(p[len(p)-1].time) == h.round(p[0].time) {
		return nil
	}
	m := &seasonalModel{season: h.season}
	m.y = append(m.y, p[0].value)
	for t, i := h.round(p[0].time), 1; i < len(p); i++ {
		at := h.round(p[i].time)
		if at <= t {
			continue
		}
		for t += h.every; t != at; t += h.every {
			m.y = append(m.y, math.NaN()) // is missing
		}
		m.y = append(m.y, p[i].value)
	}
	all := m.run(h.horizon, m.fit())
	first, skipped := p[0].time, 0
	if !h.withFit {
		first, skipped = p[len(p)-1].time+h.every, len(m.y)
	}
	var out []point
	for i, x := range all[skipped:] {
		if !math.IsNaN(x) {
			out = append(out, point{first + int64(i)*h.every, x})
		}
	}
	return out
}

// seasonalModel is a series at equal intervals and how it repeats; a season of
// less than two means that it does not.
type seasonalModel struct {
	y      []float64
	season int
}

// The parameters' places: three weights and the damping, which lie in [0,1],
// then the level, the trend and the factors of the season.
const (
	alpha = iota
	beta
	gamma
	phi
	level
	trend
	seasonal
)

// fit finds parameters for which the series is least surprising, from a grid of
// starting points.
func (m *seasonalModel) fit() []float64 {
	start := m.start()
	least := math.Inf(1)
	var best []float64
	guesses := []float64{0.3, 0.7}
	for _, a := range guesses {
		for _, b := range guesses {
			for _, c := range guesses {
				for _, d := range guesses {
					start[alpha], start[beta], start[gamma], start[phi] = a, b, c, d
					if e, at := minimize(m.surprise, start, 1e-4); e < least || best == nil {
						least, best = e, at
					}
				}
			}
		}
	}
	return best
}

// start guesses the level, the trend and the season from the first values.
func (m *seasonalModel) start() []float64 {
	p := make([]float64, seasonal)
	n := m.season
	if n < 2 {
		p[level] = 0.5 * m.y[0]
		if !math.IsNaN(m.y[1]) {
			p[trend] = 0.5 * (m.y[1] - m.y[0])
		}
		return p
	}
	for i := range n {
		if !math.IsNaN(m.y[i]) {
			p[level] += float64(1 / float64(n) * m.y[i])
		}
	}
	for i := 0; i < n && n+i < len(m.y); i++ {
		if !math.IsNaN(m.y[i]) && !math.IsNaN(m.y[n+i]) {
			p[trend] += float64(1 / float64(n*n) * (m.y[n+i] - m.y[i]))
		}
	}
	for i := range n {
		s := 0.0
		if !math.IsNaN(m.y[i]) {
			s = m.y[i] / p[level]
		}
		p = append(p, s)
	}
	return p
}

// surprise is the sum of the squares of what the model gets wrong.
func (m *seasonalModel) surprise(p []float64) float64 {
	sum := 0.0
	for i, f := range m.run(0, p) {
		switch y := m.y[i]; {
		case math.IsNaN(y):
		case math.IsNaN(f):
			return math.Inf(1)
		default:
			sum += float64((f - y) * (f - y))
		}
	}
	return sum
}

// run gives the model's value at each time of the series and at some more. It
// brings the weights into their bounds, and uses the season's places in p for
// the seasons to come, as InfluxDB does.
func (m *seasonalModel) run(more int, p []float64) []float64 {
	for i := alpha; i <= phi; i++ {
		p[i] = min(max(p[i], 0), 1)
	}
	damping, damped := p[phi], p[phi]
	l, b, y := p[level], p[trend], m.y[0]
	factors := p[seasonal:]
	n := len(factors)
	offset := n - 1
	out := make([]float64, len(m.y)+more)
	out[0] = y
	now, then := 1.0, 1.0
	for t := 1; t < len(out); t++ {
		if n > 0 {
			now, then = factors[(t-n+offset)%n], factors[(t-n+t%n+offset)%n]
		}
		steady := l + float64(damping*b)
		next := float64(p[alpha]*(y/now)) + float64((1-p[alpha])*steady)
		turn := float64(p[beta]*(next-l)) + float64((1-p[beta])*damping*b)
		factor := float64(p[gamma]*(y/steady)) + float64((1-p[gamma])*now)
		y = (next + float64(damped*turn)) * then
		l, b = next, turn
		damped += math.Pow(damping, float64(t))
		if n > 0 {
			factors[(t+offset)%n] = factor
			offset++
		}
		out[t] = y
	}
	return out
}
