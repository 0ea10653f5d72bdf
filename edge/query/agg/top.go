package agg

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tarn/store/column"
)

func floor(f float64) float64 { return math.Floor(f) }

// top is InfluxQL's top and bottom: the n greatest or least values, of equal
// ones the earliest. With tags the best row of each combination competes.
type top struct {
	kept
	max  bool
	n    int
	tags int
	best map[topKey]int32 // row of a combination, when there are tags
}

type topKey struct {
	group uint32
	tags  string
}

func newTop(s Spec, greatest bool) *top {
	return &top{kept: newKept(s), max: greatest, n: s.InfluxQL.N, tags: s.InfluxQL.Tags, best: map[topKey]int32{}}
}

// better orders kept rows, the best first.
func (t *top) better(a, b int32) int {
	d := t.compareValues(a, b)
	if t.max {
		d = -d
	}
	return cmp.Or(d, t.compareTimes(a, b))
}

func (t *top) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if !counts(args[0], skip, i) {
			continue
		}
		t.add(g, args, i)
		if t.tags > 0 {
			t.compete(g, args, i)
			continue
		}
		if len(t.rows[g]) >= 2*t.n+64 {
			slices.SortFunc(t.rows[g], t.better)
			t.truncate(g, t.n)
		}
	}
	return nil
}

// compete leaves one row for the combination of tags of the row that was just
// added. Combinations are as many as series: their rows are few.
func (t *top) compete(g uint32, args []*column.Vector, i int) {
	var key []byte
	for _, v := range args[2 : 2+t.tags] {
		// What is no text is no tag: it tells no combinations apart.
		if v.Type.IsText() && !v.IsNull(i) {
			key = append(key, v.Text(i)...)
		}
		key = append(key, 0)
	}
	k := topKey{g, string(key)}
	added := int32(len(t.rows[g]) - 1)
	at, ok := t.best[k]
	if !ok {
		t.best[k] = added
		return
	}
	if rows := t.rows[g]; t.better(rows[added], rows[at]) < 0 {
		rows[at] = rows[added]
	}
	t.truncate(g, int(added))
}

func (t *top) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		rows := t.rows[g]
		slices.SortFunc(rows, t.better)
		rows = rows[:min(len(rows), t.n)]
		slices.SortStableFunc(rows, t.compareTimes)
		t.emit(dst, rows)
	}
	return nil
}

// reservoir is InfluxQL's sample: it keeps n rows of each group, all with the same chance.
type reservoir struct {
	kept
	n    int
	seen []int64
}

func newReservoir(s Spec) *reservoir { return &reservoir{kept: newKept(s), n: s.InfluxQL.N} }

func (s *reservoir) Grow(n int) {
	s.kept.Grow(n)
	s.seen = resize(s.seen, n)
}

func (s *reservoir) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if !counts(args[0], skip, i) {
			continue
		}
		s.seen[g]++
		if len(s.rows[g]) < s.n {
			s.add(g, args, i)
			continue
		}
		if at := rand.Int64N(s.seen[g]); at < int64(s.n) {
			s.add(g, args, i)
			rows := s.rows[g]
			rows[at] = rows[len(rows)-1]
			s.truncate(g, s.n)
		}
	}
	return nil
}

func (s *reservoir) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		slices.SortStableFunc(s.rows[g], s.compareTimes)
		s.emit(dst, s.rows[g])
	}
	return nil
}
