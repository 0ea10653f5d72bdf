package agg

import (
	"cmp"
	"math"
	"strings"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// cells holds one value of any type for each group.
type cells struct {
	t      column.Type
	state  []cellState
	ints   []int64
	uints  []uint64
	floats []float64
	bools  []bool
	texts  []string
	nested []expr.Value // intervals, structs and lists
}

type cellState uint8

const (
	unset cellState = iota
	null
	set
)

func (c *cells) grow(n int) {
	c.state = resize(c.state, n)
	switch c.t.Kind {
	case column.Bool:
		c.bools = resize(c.bools, n)
	case column.Uint64:
		c.uints = resize(c.uints, n)
	case column.Float64:
		c.floats = resize(c.floats, n)
	case column.String, column.Dict:
		c.texts = resize(c.texts, n)
	case column.IntervalKind, column.Struct, column.List:
		c.nested = resize(c.nested, n)
	default:
		c.ints = resize(c.ints, n)
	}
}

// put makes row i of v the group's value. Texts are cloned only when they
// change: rows repeat.
func (c *cells) put(g uint32, v *column.Vector, i int) {
	if v.IsNull(i) {
		c.state[g] = null
		return
	}
	c.state[g] = set
	switch c.t.Kind {
	case column.Bool:
		c.bools[g] = v.Bools[i]
	case column.Uint64:
		c.uints[g] = v.Uints[i]
	case column.Float64:
		c.floats[g] = v.Floats[i]
	case column.String, column.Dict:
		if s := v.Text(i); c.texts[g] != s {
			c.texts[g] = strings.Clone(s)
		}
	case column.IntervalKind, column.Struct, column.List:
		c.nested[g] = expr.ValueAt(v, i)
	default:
		c.ints[g] = v.Ints[i]
	}
}

// compare orders row i of v against the group's value; both are not null.
func (c *cells) compare(v *column.Vector, i int, g uint32) int {
	switch c.t.Kind {
	case column.Bool:
		return boolInt(v.Bools[i]) - boolInt(c.bools[g])
	case column.Uint64:
		return cmp.Compare(v.Uints[i], c.uints[g])
	case column.Float64:
		return compareFloats(v.Floats[i], c.floats[g])
	case column.String, column.Dict:
		return strings.Compare(v.Text(i), c.texts[g])
	}
	return cmp.Compare(v.Ints[i], c.ints[g])
}

// compareFloats puts NaN above all.
func compareFloats(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return boolInt(math.IsNaN(a)) - boolInt(math.IsNaN(b))
	}
	return cmp.Compare(a, b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// emit appends the group's value.
func (c *cells) emit(dst *column.Vector, g int) {
	if c.state[g] != set || dst.Type.Kind == column.Null {
		dst.AppendNull(1)
		return
	}
	switch c.t.Kind {
	case column.Bool:
		dst.Bools = append(dst.Bools, c.bools[g])
	case column.Uint64:
		dst.Uints = append(dst.Uints, c.uints[g])
	case column.Float64:
		dst.Floats = append(dst.Floats, c.floats[g])
	case column.String, column.Dict:
		dst.Strings = append(dst.Strings, c.texts[g])
	case column.IntervalKind, column.Struct, column.List:
		c.nested[g].AppendTo(dst)
		return
	default:
		dst.Ints = append(dst.Ints, c.ints[g])
	}
	dst.Len++
}

func (c *cells) bytes() int {
	return len(c.state) + 8*(len(c.ints)+len(c.uints)+len(c.floats)) + len(c.bools) + 40*len(c.texts) + 200*len(c.nested)
}

// extreme is min and max.
type extreme struct {
	cells
	want int // 1 for max, -1 for min
}

func newExtreme(s Spec, max bool) State {
	e := &extreme{cells: cells{t: s.Args[0]}, want: -1}
	if max {
		e.want = 1
	}
	return e
}

func (e *extreme) Grow(n int) { e.grow(n) }

func (e *extreme) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	switch {
	case v.Type.Kind == column.Null:
		return nil
	case dense(v, skip) && e.t.Kind == column.Int64:
		extremes(e.state, e.ints, v.Ints, groups[:n], e.want > 0)
		return nil
	}
	for i, g := range groups[:n] {
		if counts(v, skip, i) && (e.state[g] == unset || e.compare(v, i, g)*e.want > 0) {
			e.put(g, v, i)
		}
	}
	return nil
}

// extremes is the loop for integers without nulls.
func extremes(state []cellState, best, x []int64, groups []uint32, greatest bool) {
	for i, end := 0, 0; i < len(groups); i = end {
		end = stretch(groups, i)
		g, v := groups[i], least(x[i:end])
		if greatest {
			v = most(x[i:end])
		}
		if state[g] == unset || greatest && v > best[g] || !greatest && v < best[g] {
			state[g], best[g] = set, v
		}
	}
}

func most(x []int64) int64 {
	m := x[0]
	for _, v := range x[1:] {
		m = max(m, v)
	}
	return m
}

func least(x []int64) int64 {
	m := x[0]
	for _, v := range x[1:] {
		m = min(m, v)
	}
	return m
}

func (e *extreme) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		e.emit(dst, g)
	}
	return nil
}

func (e *extreme) Bytes() int { return e.bytes() }

// selector is selector_first, _last, _min and _max: a struct of the chosen
// row's value, time and further arguments.
type selector struct {
	name  string
	value cells
	time  cells
	extra []*cells
}

func newSelector(s Spec) *selector {
	o := &selector{name: s.Name, value: cells{t: s.Args[0]}, time: cells{t: s.Args[1]}}
	for _, t := range s.Args[2:] {
		o.extra = append(o.extra, &cells{t: t})
	}
	return o
}

func (s *selector) Grow(n int) {
	s.value.grow(n)
	s.time.grow(n)
	for _, c := range s.extra {
		c.grow(n)
	}
}

func (s *selector) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v, t := args[0], args[1]
	if v.Type.Kind == column.Null {
		return nil
	}
	for i, g := range groups[:n] {
		if !counts(v, skip, i) || t.IsNull(i) || s.value.state[g] == set && !s.better(v, t, i, g) {
			continue
		}
		s.value.put(g, v, i)
		s.time.put(g, t, i)
		for j, c := range s.extra {
			c.put(g, args[2+j], i)
		}
	}
	return nil
}

// better says whether row i replaces the group's choice. Of equal times the
// greatest value counts, as in InfluxQL; of equal values the earliest time
// (spec/sql.md 9.2).
func (s *selector) better(v, t *column.Vector, i int, g uint32) bool {
	dt := s.time.compare(t, i, g)
	switch s.name {
	case "selector_first":
		return dt < 0 || dt == 0 && s.value.compare(v, i, g) > 0
	case "selector_last":
		return dt > 0 || dt == 0 && s.value.compare(v, i, g) > 0
	}
	dv := s.value.compare(v, i, g)
	if s.name == "selector_min" {
		dv = -dv
	}
	return dv > 0 || dv == 0 && dt < 0
}

func (s *selector) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		if s.value.state[g] != set {
			dst.AppendNull(1)
			continue
		}
		s.value.emit(dst.Children[0], g)
		s.time.emit(dst.Children[1], g)
		for j, c := range s.extra {
			c.emit(dst.Children[2+j], g)
		}
		dst.Len++
	}
	return nil
}

func (s *selector) Bytes() int {
	n := s.value.bytes() + s.time.bytes()
	for _, c := range s.extra {
		n += c.bytes()
	}
	return n
}

// pick is first_value and last_value: the first or last row in the order of
// the keys, or of arrival when there are none.
type pick struct {
	last        bool
	ignoreNulls bool
	orders      []Order
	value       cells
	keys        []*cells
	seen        []bool
}

func newPick(s Spec, last bool) *pick {
	p := &pick{last: last, ignoreNulls: s.IgnoreNulls, orders: s.OrderBy, value: cells{t: s.Args[0]}}
	for _, o := range s.OrderBy {
		p.keys = append(p.keys, &cells{t: o.Type})
	}
	return p
}

func (p *pick) Grow(n int) {
	p.value.grow(n)
	p.seen = resize(p.seen, n)
	for _, k := range p.keys {
		k.grow(n)
	}
}

func (p *pick) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if skip != nil && skip[i] || p.ignoreNulls && args[0].IsNull(i) || p.seen[g] && !p.better(args[1:], i, g) {
			continue
		}
		p.seen[g] = true
		p.value.put(g, args[0], i)
		for j, k := range p.keys {
			k.put(g, args[1+j], i)
		}
	}
	return nil
}

func (p *pick) better(keys []*column.Vector, i int, g uint32) bool {
	for j, o := range p.orders {
		d := 0
		switch x, y := keys[j].IsNull(i), p.keys[j].state[g] == null; {
		case x && y:
		case x || y:
			d = 1
			if x == o.NullsFirst {
				d = -1
			}
		default:
			d = p.keys[j].compare(keys[j], i, g)
			if o.Desc {
				d = -d
			}
		}
		if d != 0 {
			return d > 0 == p.last
		}
	}
	return p.last // of equals the first, or the last to come
}

func (p *pick) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		p.value.emit(dst, g)
	}
	return nil
}

func (p *pick) Bytes() int {
	n := p.value.bytes() + len(p.seen)
	for _, k := range p.keys {
		n += k.bytes()
	}
	return n
}
