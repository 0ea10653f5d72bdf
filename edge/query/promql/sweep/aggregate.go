package sweep

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// sink takes the vectors of a stage in the order of their series. They are
// valid until add returns. A vector has at least one value.
type sink interface {
	add(series func() labels.Labels, v Vector) error
	result() ([]Series, error)
}

// Series is a vector and its labels.
type Series struct {
	Labels labels.Labels
	Vector
}

// key is the group of a series, as a hash, and the labels of its answer.
func (a *aggregate) key(series func() labels.Labels, buf []byte) (uint64, []byte) {
	switch {
	case a.without:
		return series().HashWithoutLabels(buf, a.grouping...)
	case len(a.grouping) == 0:
		return 0, buf
	}
	return series().HashForLabels(buf, a.grouping...)
}

func (a *aggregate) labels(series func() labels.Labels) labels.Labels {
	if !a.without && len(a.grouping) == 0 {
		return labels.EmptyLabels()
	}
	b := labels.NewBuilder(series())
	if a.without {
		b.Del(a.grouping...)
		b.Del(nameLabel)
	} else {
		b.Keep(a.grouping...)
	}
	return b.Labels()
}

// groups is the sink of an aggregation whose answer is one series a group.
type groups struct {
	*aggregate
	steps  Steps
	memory Memory
	places map[uint64]int
	list   []group
	buf    []byte
}

// group is the state of one group at consecutive steps.
type group struct {
	labels labels.Labels
	from   int
	cells  []cell
}

// cell is the state of a group at one step.
type cell struct {
	value, lack float64 // lack is what a compensated sum lacks
	count       float64 // 0 before the first
	mean        bool    // value is the mean, as the sum would overflow
}

const cellSize = 32

func newGroups(a *aggregate, steps Steps, m Memory) *groups {
	return &groups{aggregate: a, steps: steps, memory: m, places: map[uint64]int{}}
}

func (g *groups) add(series func() labels.Labels, v Vector) error {
	var key uint64
	key, g.buf = g.key(series, g.buf)
	place, ok := g.places[key]
	if !ok {
		place = len(g.list)
		g.places[key] = place
		l := g.labels(series)
		if err := g.memory.Reserve(seriesSize + int64(l.ByteSize())); err != nil {
			return err
		}
		g.list = append(g.list, group{labels: l, from: v.From})
	}
	to := &g.list[place]
	if err := to.cover(v, g.memory); err != nil {
		return err
	}
	g.merge(to.cells[v.From-to.from:], v.Values)
	return nil
}

// cover makes cells for the steps of v.
func (g *group) cover(v Vector, m Memory) error {
	from, to := g.from, g.from+len(g.cells)
	if len(g.cells) > 0 && from <= v.From && v.From+len(v.Values) <= to {
		return nil
	}
	from, to = min(from, v.From), max(to, v.From+len(v.Values))
	if from == g.from && to-from <= cap(g.cells) {
		g.cells = g.cells[:to-from]
		return nil
	}
	size := to - from
	if len(g.cells) > 0 {
		size += size / 4
	}
	if err := m.Reserve(int64(size-cap(g.cells)) * cellSize); err != nil {
		return err
	}
	cells := make([]cell, to-from, size)
	copy(cells[g.from-from:], g.cells)
	g.from, g.cells = from, cells
	return nil
}

func (g *groups) merge(cells []cell, values []float64) {
	cells = cells[:len(values)]
	switch g.op {
	case parser.SUM:
		for i, x := range values {
			switch c := &cells[i]; {
			case IsAbsent(x):
			case c.count == 0:
				c.value, c.count = x, 1
			default:
				c.value, c.lack = add(x, c.value, c.lack)
			}
		}
	case parser.AVG:
		for i, x := range values {
			if !IsAbsent(x) {
				cells[i].average(x)
			}
		}
	case parser.COUNT, parser.GROUP:
		for i, x := range values {
			if !IsAbsent(x) {
				cells[i].count++
			}
		}
	case parser.MIN:
		for i, x := range values {
			if c := &cells[i]; !IsAbsent(x) && (c.count == 0 || c.value > x || math.IsNaN(c.value)) {
				c.value, c.count = x, 1
			}
		}
	case parser.MAX:
		for i, x := range values {
			if c := &cells[i]; !IsAbsent(x) && (c.count == 0 || c.value < x || math.IsNaN(c.value)) {
				c.value, c.count = x, 1
			}
		}
	}
}

// average takes x into an average; see the function of that name.
func (c *cell) average(x float64) {
	c.count++
	if c.count == 1 {
		c.value = x
		return
	}
	if !c.mean {
		s, lack := add(x, c.value, c.lack)
		if !math.IsInf(s, 0) {
			c.value, c.lack = s, lack
			return
		}
		c.mean = true
		c.value /= c.count - 1
		c.lack /= c.count - 1
	}
	q := (c.count - 1) / c.count
	c.value, c.lack = add(x/c.count, float64(q*c.value), float64(q*c.lack)) // see averageOn
}

func (g *groups) result() ([]Series, error) {
	out := make([]Series, len(g.list))
	for i := range g.list {
		from := &g.list[i]
		if err := g.memory.Reserve(int64(len(from.cells)) * 8); err != nil {
			return nil, err
		}
		values := make([]float64, len(from.cells))
		for k := range from.cells {
			values[k] = g.answer(&from.cells[k])
		}
		out[i] = Series{from.labels, Vector{from.from, values}}
		_ = g.memory.Reserve(-int64(cap(from.cells)) * cellSize) // giving back cannot fail
		from.cells = nil
	}
	return out, nil
}

func (g *groups) answer(c *cell) float64 {
	switch {
	case c.count == 0:
		return Absent
	case g.op == parser.GROUP:
		return 1
	case g.op == parser.COUNT:
		return c.count
	case g.op == parser.SUM, g.op == parser.AVG && c.mean:
		return c.value + c.lack
	case g.op == parser.AVG:
		return c.value/c.count + c.lack/c.count
	}
	return c.value
}
