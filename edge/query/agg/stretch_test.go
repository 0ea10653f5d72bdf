package agg

import (
	"math/rand/v2"
	"testing"

	"tarn/store/column"
)

// TestStretches compares the loops over stretches with row after row, on groups
// that change often, seldom and never.
func TestStretches(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, changes := range []int{1, 3, 50, 1 << 30} {
		const n, groups = 5000, 7
		x, of := column.NewVector(column.Of(column.Int64), n), make([]uint32, n)
		x.SetLen(n)
		var want [groups]struct{ count, sum, least, most int64 }
		g := uint32(0)
		for i := range n {
			if rng.IntN(changes) == 0 {
				g = uint32(rng.IntN(groups))
			}
			v := rng.Int64N(2000) - 1000
			of[i], x.Ints[i] = g, v
			w := &want[g]
			if w.count == 0 {
				w.least, w.most = v, v
			}
			w.count, w.sum, w.least, w.most = w.count+1, w.sum+v, min(w.least, v), max(w.most, v)
		}
		for name, value := range map[string]func(i int) int64{
			"count": func(i int) int64 { return want[i].count }, "sum": func(i int) int64 { return want[i].sum },
			"min": func(i int) int64 { return want[i].least }, "max": func(i int) int64 { return want[i].most },
		} {
			s, err := New(Spec{Name: name, Args: []column.Type{x.Type}})
			if err != nil {
				t.Fatal(err)
			}
			s.Grow(groups)
			if err := s.Update(of, []*column.Vector{x}, nil, n); err != nil {
				t.Fatal(err)
			}
			got := column.NewVector(column.Of(column.Int64), groups)
			if err := s.Final(got, 0, groups); err != nil {
				t.Fatal(err)
			}
			for i := range groups {
				if want[i].count > 0 && got.Ints[i] != value(i) {
					t.Errorf("%s of group %d, 1 change in %d: %d, want %d", name, i, changes, got.Ints[i], value(i))
				}
			}
		}
	}
}
