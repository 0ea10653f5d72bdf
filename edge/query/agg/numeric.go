package agg

import (
	"math"
	"slices"

	"tarn/store/column"
)

// count counts rows, or values that are not null.
type count struct {
	star bool
	n    []int64
}

func (c *count) Grow(n int) { c.n = resize(c.n, n) }

func (c *count) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	all := c.star || dense(args[0], nil)
	switch {
	case all && skip == nil:
		for i, end := 0, 0; i < n; i = end {
			end = stretch(groups[:n], i)
			c.n[groups[i]] += int64(end - i)
		}
		return nil
	case all:
		for i, g := range groups[:n] {
			if !skip[i] {
				c.n[g]++
			}
		}
		return nil
	}
	for i, g := range groups[:n] {
		if counts(args[0], skip, i) {
			c.n[g]++
		}
	}
	return nil
}

func (c *count) Final(dst *column.Vector, from, to int) error {
	dst.Ints = append(dst.Ints, c.n[from:to]...)
	dst.Len += to - from
	return nil
}

func (c *count) Bytes() int { return 8 * len(c.n) }

// sum adds numbers of one type; integers wrap.
type sum[T int64 | uint64 | float64] struct {
	values func(*column.Vector) *[]T
	total  []T
	seen   []bool
}

func newSum(s Spec) State {
	switch s.Args[0].Kind {
	case column.Uint64:
		return &sum[uint64]{values: func(v *column.Vector) *[]uint64 { return &v.Uints }}
	case column.Float64:
		return &sum[float64]{values: func(v *column.Vector) *[]float64 { return &v.Floats }}
	}
	return &sum[int64]{values: func(v *column.Vector) *[]int64 { return &v.Ints }}
}

func (s *sum[T]) Grow(n int) { s.total, s.seen = resize(s.total, n), resize(s.seen, n) }

func (s *sum[T]) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	if v.Type.Kind == column.Null {
		return nil
	}
	x := (*s.values(v))[:n]
	if dense(v, skip) {
		for i, end := 0, 0; i < n; i = end {
			end = stretch(groups[:n], i)
			s.total[groups[i]] += total(x[i:end])
			s.seen[groups[i]] = true
		}
		return nil
	}
	for i, g := range groups[:n] {
		if counts(v, skip, i) {
			s.total[g] += x[i]
			s.seen[g] = true
		}
	}
	return nil
}

func (s *sum[T]) Final(dst *column.Vector, from, to int) error {
	if dst.Type.Kind == column.Null {
		dst.AppendNull(to - from)
		return nil
	}
	p := s.values(dst)
	for g := from; g < to; g++ {
		if !s.seen[g] {
			dst.Nulls.Set(dst.Len)
		}
		*p = append(*p, s.total[g])
		dst.Len++
	}
	return nil
}

func (s *sum[T]) Bytes() int { return 9 * len(s.total) }

// floatAt reads a number as a float.
func floatAt(v *column.Vector, i int) float64 {
	switch v.Type.Kind {
	case column.Float64:
		return v.Floats[i]
	case column.Uint64:
		return float64(v.Uints[i])
	}
	return float64(v.Ints[i])
}

// average is the mean as a float.
type average struct {
	sum []float64
	n   []int64
}

func (a *average) Grow(n int) { a.sum, a.n = resize(a.sum, n), resize(a.n, n) }

func (a *average) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	switch {
	case dense(v, skip) && v.Type.Kind == column.Float64:
		averages(a, groups[:n], v.Floats)
	case dense(v, skip) && v.Type.Kind == column.Int64:
		averages(a, groups[:n], v.Ints)
	default:
		for i, g := range groups[:n] {
			if counts(v, skip, i) {
				a.sum[g] += floatAt(v, i)
				a.n[g]++
			}
		}
	}
	return nil
}

// averages is the loop for numbers without nulls.
func averages[T numeral](a *average, groups []uint32, x []T) {
	for i, end := 0, 0; i < len(groups); i = end {
		end = stretch(groups, i)
		a.sum[groups[i]] += totalFloat(x[i:end])
		a.n[groups[i]] += int64(end - i)
	}
}

func (a *average) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		appendFloat(dst, a.sum[g]/float64(a.n[g]), a.n[g] > 0)
	}
	return nil
}

func appendFloat(dst *column.Vector, f float64, ok bool) {
	if !ok {
		dst.AppendNull(1)
		return
	}
	dst.Floats = append(dst.Floats, f)
	dst.Len++
}

func (a *average) Bytes() int { return 16 * len(a.n) }

// variance is Welford's running variance, or its root.
type variance struct {
	population, root bool
	n                []int64
	mean, m2         []float64
}

func (s *variance) Grow(n int) {
	s.n, s.mean, s.m2 = resize(s.n, n), resize(s.mean, n), resize(s.m2, n)
}

func (s *variance) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if !counts(args[0], skip, i) {
			continue
		}
		x := floatAt(args[0], i)
		s.n[g]++
		d := x - s.mean[g]
		s.mean[g] += d / float64(s.n[g])
		s.m2[g] += float64(d * (x - s.mean[g])) // rounded here: the answer is the same on machines that multiply and add at once
	}
	return nil
}

func (s *variance) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		n := float64(s.n[g])
		if !s.population {
			n--
		}
		x := s.m2[g] / n
		if s.root {
			x = math.Sqrt(x)
		}
		appendFloat(dst, x, s.n[g] > 0 && n > 0)
	}
	return nil
}

func (s *variance) Bytes() int { return 24 * len(s.n) }

// median keeps all values and sorts them at the end. Its result has the type
// of the values: of an even number of integers it is the truncated mean of the
// middle two.
type median struct {
	t      column.Type
	values [][]float64
	ints   [][]int64 // Int64 and, as bits, Uint64
	kept   int
}

func (m *median) Grow(n int) {
	if m.t.Kind == column.Float64 {
		m.values = resize(m.values, n)
	} else {
		m.ints = resize(m.ints, n)
	}
}

func (m *median) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	for i, g := range groups[:n] {
		if !counts(v, skip, i) {
			continue
		}
		m.kept++
		switch m.t.Kind {
		case column.Float64:
			m.values[g] = append(m.values[g], v.Floats[i])
		case column.Uint64:
			m.ints[g] = append(m.ints[g], int64(v.Uints[i]))
		default:
			m.ints[g] = append(m.ints[g], v.Ints[i])
		}
	}
	return nil
}

func (m *median) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		switch m.t.Kind {
		case column.Float64:
			x := m.values[g]
			if len(x) == 0 {
				dst.AppendNull(1)
				continue
			}
			slices.Sort(x)
			appendFloat(dst, (x[(len(x)-1)/2]+x[len(x)/2])/2, true)
		default:
			m.finalInt(dst, g)
		}
	}
	return nil
}

func (m *median) finalInt(dst *column.Vector, g int) {
	x := m.ints[g]
	if len(x) == 0 {
		dst.AppendNull(1)
		return
	}
	if m.t.Kind == column.Uint64 {
		slices.SortFunc(x, func(a, b int64) int {
			switch {
			case uint64(a) < uint64(b):
				return -1
			case a == b:
				return 0
			}
			return 1
		})
		lo, hi := uint64(x[(len(x)-1)/2]), uint64(x[len(x)/2])
		dst.Uints = append(dst.Uints, lo+(hi-lo)/2)
	} else {
		slices.Sort(x)
		lo, hi := x[(len(x)-1)/2], x[len(x)/2]
		dst.Ints = append(dst.Ints, middle(lo, hi))
	}
	dst.Len++
}

// middle is the mean of two integers without its fraction.
func middle(lo, hi int64) int64 {
	if (lo < 0) != (hi < 0) {
		return (lo + hi) / 2 // which cannot overflow
	}
	// The sum of the halves cannot overflow; what they lose is put back.
	return lo/2 + hi/2 + (lo%2+hi%2)/2
}

func (m *median) Bytes() int { return 16 * m.kept }

// logical is bool_and and bool_or.
type logical struct {
	or    bool
	value []bool
	seen  []bool
}

func (l *logical) Grow(n int) { l.value, l.seen = resize(l.value, n), resize(l.seen, n) }

func (l *logical) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if !counts(args[0], skip, i) {
			continue
		}
		x := args[0].Bools[i]
		switch {
		case !l.seen[g]:
			l.value[g], l.seen[g] = x, true
		case l.or:
			l.value[g] = l.value[g] || x
		default:
			l.value[g] = l.value[g] && x
		}
	}
	return nil
}

func (l *logical) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		if !l.seen[g] {
			dst.AppendNull(1)
			continue
		}
		dst.Bools = append(dst.Bools, l.value[g])
		dst.Len++
	}
	return nil
}

func (l *logical) Bytes() int { return 2 * len(l.value) }
