package exec

import (
	"context"
	"fmt"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// transform computes functions of the rows of a series in their order. It holds
// no rows: each function keeps what it needs.
type transform struct {
	node   *plan.Transform
	in     Operator
	series seriesRuns
	calls  []running
	input  column.Batch
	out    column.Batch
}

// running is a function in the middle of a series.
type running interface {
	// reset begins a series.
	reset()
	// apply appends the results for the rows [from, to) of v to out: null
	// where there is none.
	apply(out, v *column.Vector, times []int64, from, to int)
}

func newTransform(n *plan.Transform, in Operator) (Operator, error) {
	t := &transform{node: n, in: in, series: seriesRuns{cols: n.Series}}
	for _, c := range n.Calls {
		r, err := newRunning(c, n.Input.Columns()[c.Column].Type, n.Desc)
		if err != nil {
			return nil, err
		}
		t.calls = append(t.calls, r)
	}
	return t, nil
}

func newRunning(c plan.TransformCall, arg column.Type, desc bool) (running, error) {
	switch c.Name {
	case "difference", "non_negative_difference", "cumulative_sum":
		switch arg.Kind {
		case column.Float64:
			return newStep(c.Name, func(v *column.Vector) *[]float64 { return &v.Floats }), nil
		case column.Uint64:
			return newStep(c.Name, func(v *column.Vector) *[]uint64 { return &v.Uints }), nil
		}
		return newStep(c.Name, func(v *column.Vector) *[]int64 { return &v.Ints }), nil
	case "derivative", "non_negative_derivative":
		return &rate{unit: float64(c.Unit), positive: c.Name == "non_negative_derivative", desc: desc}, nil
	case "elapsed":
		return &elapsed{unit: c.Unit}, nil
	}
	if s := newSmoother(c); s != nil {
		return &smooth{fresh: func() smoother { return newSmoother(c) }, smoother: s}, nil
	}
	return nil, fmt.Errorf("BUG: no transformation %s", c.Name)
}

func (t *transform) Next(ctx context.Context, b *column.Batch) error {
	if err := t.in.Next(ctx, &t.input); err != nil {
		return err
	}
	t.out.Cols = append(t.out.Cols[:0], t.input.Cols...)
	t.out.Len = t.input.Len
	starts := t.series.mark(&t.input)
	times := t.input.Cols[t.node.Time].Ints
	for i, c := range t.node.Calls {
		v := t.input.Cols[c.Column]
		if c.Column >= len(t.input.Cols) {
			return fmt.Errorf("BUG: transformation of column %d", c.Column)
		}
		out := column.NewVector(c.Type, t.input.Len)
		from := 0
		for _, s := range starts {
			t.calls[i].apply(out, v, times, from, int(s))
			t.calls[i].reset()
			from = int(s)
		}
		t.calls[i].apply(out, v, times, from, t.input.Len)
		t.out.Cols = append(t.out.Cols, out)
	}
	*b = t.out
	return nil
}

func (t *transform) Close() error { return t.in.Close() }

// step is difference, non_negative_difference and cumulative_sum, which keep
// the type of their argument.
type step[T int64 | uint64 | float64] struct {
	values   func(*column.Vector) *[]T
	sum      bool
	positive bool
	begun    bool
	value    T
	time     int64
}

func newStep[T int64 | uint64 | float64](name string, values func(*column.Vector) *[]T) running {
	return &step[T]{values: values, sum: name == "cumulative_sum", positive: name == "non_negative_difference"}
}

func (s *step[T]) reset() {
	s.begun = false
	s.value = 0
}

func (s *step[T]) apply(out, v *column.Vector, times []int64, from, to int) {
	x, y := *s.values(v), s.values(out)
	for i := from; i < to; i++ {
		switch {
		case v.IsNull(i):
			out.AppendNull(1)
			continue
		case s.sum:
			s.value += x[i]
			*y = append(*y, s.value)
			out.Len++
			continue
		case !s.begun:
			out.AppendNull(1)
		case s.time == times[i]: // of equal times the first counts
			out.AppendNull(1)
			continue
		case s.positive && x[i] < s.value:
			out.AppendNull(1)
		default:
			*y = append(*y, x[i]-s.value)
			out.Len++
		}
		s.begun, s.value, s.time = true, x[i], times[i]
	}
}

// rate is derivative and non_negative_derivative.
type rate struct {
	unit           float64
	positive, desc bool
	begun          bool
	value          numeric
	time           int64
}

// numeric is a number of any kind; differences of integers are exact.
type numeric struct {
	kind column.Kind
	i    int64
	u    uint64
	f    float64
}

func numericAt(v *column.Vector, i int) numeric {
	switch v.Type.Kind {
	case column.Float64:
		return numeric{kind: column.Float64, f: v.Floats[i]}
	case column.Uint64:
		return numeric{kind: column.Uint64, u: v.Uints[i]}
	}
	return numeric{kind: column.Int64, i: v.Ints[i]}
}

func (n numeric) minus(m numeric) float64 {
	switch n.kind {
	case column.Float64:
		return n.f - m.f
	case column.Uint64:
		if n.u < m.u {
			return -float64(m.u - n.u)
		}
		return float64(n.u - m.u)
	}
	return float64(n.i - m.i)
}

func (n numeric) float() float64 {
	switch n.kind {
	case column.Float64:
		return n.f
	case column.Uint64:
		return float64(n.u)
	}
	return float64(n.i)
}

func (r *rate) reset() { r.begun = false }

func (r *rate) apply(out, v *column.Vector, times []int64, from, to int) {
	for i := from; i < to; i++ {
		if v.IsNull(i) || r.begun && r.time == times[i] {
			out.AppendNull(1)
			continue
		}
		x := numericAt(v, i)
		d := x.minus(r.value)
		if !r.begun || r.positive && d < 0 {
			out.AppendNull(1)
		} else {
			span := times[i] - r.time
			if r.desc {
				span = -span
			}
			out.Floats = append(out.Floats, d/(float64(span)/r.unit))
			out.Len++
		}
		r.begun, r.value, r.time = true, x, times[i]
	}
}

// elapsed is the time since the row before, of any type.
type elapsed struct {
	unit  int64
	begun bool
	time  int64
}

func (e *elapsed) reset() { e.begun = false }

func (e *elapsed) apply(out, v *column.Vector, times []int64, from, to int) {
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			out.AppendNull(1)
			continue
		}
		if e.begun {
			out.Ints = append(out.Ints, (times[i]-e.time)/e.unit)
			out.Len++
		} else {
			out.AppendNull(1)
		}
		e.begun, e.time = true, times[i]
	}
}

// smooth is a function of floats that forgets about time.
type smooth struct {
	fresh func() smoother
	smoother
}

// smoother takes values and says from when on it has results.
type smoother interface {
	add(x float64) (float64, bool)
}

func (s *smooth) reset() { s.smoother = s.fresh() }

func (s *smooth) apply(out, v *column.Vector, _ []int64, from, to int) {
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			out.AppendNull(1)
			continue
		}
		y, ok := s.add(numericAt(v, i).float())
		if !ok {
			out.AppendNull(1)
			continue
		}
		out.Floats = append(out.Floats, y)
		out.Len++
	}
}

// movingAverage is the mean of the last n values. The sum is kept as it goes,
// as InfluxDB does, so that results agree to the bit.
type movingAverage struct {
	window []float64
	at, n  int
	sum    float64
}

func (m *movingAverage) add(x float64) (float64, bool) {
	if m.n == len(m.window) {
		m.sum -= m.window[m.at]
	} else {
		m.n++
	}
	m.window[m.at] = x
	m.sum += x
	m.at = (m.at + 1) % len(m.window)
	return m.sum / float64(m.n), m.n == len(m.window)
}
