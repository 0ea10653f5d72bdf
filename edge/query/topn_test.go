package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

// TestTopNAgainstSort compares LIMIT queries, which cut as they go, with the
// head of the whole sorted table.
func TestTopNAgainstSort(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	table := newTable(1, "m", []string{"tag"}, schema.Column{Name: "v", Kind: column.Float64}, schema.Column{Name: "id", Kind: column.Int64})
	for i := range 20_000 {
		var v any
		if rnd.IntN(50) > 0 {
			v = float64(rnd.IntN(3000))
		}
		table.add(t, t0+int64(rnd.IntN(5000)), fmt.Sprint(rnd.IntN(9)), v, i)
	}
	e := New(&memory{tables: map[string]*memoryTable{"m": table}}, Options{Now: clock})
	ids := func(text string) (out []int64) {
		drain(t, e, text, func(b *column.Batch) error {
			out = append(out, b.Cols[0].Ints[:b.Len]...)
			return nil
		})
		return out
	}
	for _, order := range []string{"v, id", "v DESC, id", "v DESC NULLS LAST, id DESC", "v NULLS FIRST, id", "tag, v, id", "time DESC, id", "time, v, id", "id DESC"} {
		all := ids("SELECT id FROM m ORDER BY " + order)
		for _, limit := range []int{1, 10, 700, 6000, 30_000} {
			got := ids(fmt.Sprintf("SELECT id FROM m ORDER BY %s LIMIT %d", order, limit))
			if want := all[:min(limit, len(all))]; !slices.Equal(got, want) {
				t.Errorf("ORDER BY %s LIMIT %d differs from the head of all rows", order, limit)
			}
		}
		if got := ids("SELECT id FROM m ORDER BY " + order + " LIMIT 9223372036854775807"); !slices.Equal(got, all) {
			t.Errorf("ORDER BY %s with the largest limit differs from all rows", order)
		}
	}
}
