package exec

import (
	"fmt"
	"testing"

	"tarn/store/column"
)

// keysInRuns are two keys, a number and a tag, that change every run rows.
func keysInRuns(rows, run int) []*column.Vector {
	n, tag := column.NewVector(column.Of(column.Int64), rows), column.NewVector(column.Of(column.Dict), rows)
	n.SetLen(rows)
	tag.SetLen(rows)
	tag.Dict = &column.Dictionary{Values: []string{"", "a", "b", "c", "d", "e", "f"}}
	for i := range rows {
		n.Ints[i] = int64(i / run % 5)
		tag.Codes[i] = uint32(i / run % 7)
	}
	return []*column.Vector{n, tag}
}

func TestAssignRuns(t *testing.T) {
	for _, run := range []int{1, 2, 3, 1000} {
		for _, nulls := range []bool{false, true} {
			keys := keysInRuns(100, run)
			if nulls { // within and at the ends of runs; the values below differ or not
				for _, i := range []int{0, 1, 5, 6, 7, 50, 99} {
					keys[i%2].Nulls.Set(i)
				}
			}
			g, err := newGrouper([]column.Type{keys[0].Type, keys[1].Type})
			if err != nil {
				t.Fatal(err)
			}
			number := map[string]uint32{}
			for i, group := range g.assign(keys, 100) {
				key := fmt.Sprint(keys[0].Ints[i], keys[1].Codes[i])
				if keys[0].IsNull(i) {
					key = fmt.Sprint("null", keys[1].Codes[i])
				}
				if keys[1].IsNull(i) {
					key = fmt.Sprint(keys[0].Ints[i], "null")
				}
				want, ok := number[key]
				if !ok {
					want = uint32(len(number))
					number[key] = want
				}
				if group != want {
					t.Errorf("runs of %d, nulls %v: row %d (%s) is in group %d, want %d", run, nulls, i, key, group, want)
				}
			}
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	for _, run := range []int{1, 4, 360} {
		b.Run(fmt.Sprint("runs of ", run), func(b *testing.B) {
			keys := keysInRuns(BatchRows, run)
			g, err := newGrouper([]column.Type{keys[0].Type, keys[1].Type})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				g.assign(keys, BatchRows)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/BatchRows, "ns/row")
		})
	}
}
