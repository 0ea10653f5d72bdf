package segment

import (
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"tarn/store/column"
)

// holds is what a writer holds for its columns.
func (w *Writer) holds() int {
	n := cap(w.work.scratch) + cap(w.work.buf) + 4*cap(w.work.indexes)
	for _, c := range w.values {
		n += cap(c.chunk().data) + cap(c.chunk().dict)
		switch c := c.(type) {
		case *floatColumn:
			n += 8*cap(c.values) + 8*cap(c.dict.values) + 4*cap(c.dict.table)
		case *stringColumn:
			n += cap(c.text) + 8*cap(c.lengths) + cap(c.buf) + 4*cap(c.indexes) + cap(c.dict.plain) + 40*len(c.dict.places)
		}
	}
	return n
}

// TestWideTable: what a writer holds follows GroupBytes, not the number of
// columns, whether dictionaries pay for them or not.
func TestWideTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, value := range map[string]func() float64{
		"random": rng.Float64,
		"few":    func() float64 { return math.Round(rng.Float64()*2000) / 7 },
	} {
		t.Run(name, func(t *testing.T) {
			kinds := make([]column.Kind, 400)
			for i := range kinds {
				kinds[i] = column.Float64
				if i%40 == 0 {
					kinds[i] = column.String
				}
			}
			sch, fields := testTable(0, kinds...)
			const group = 1 << 20
			w, err := NewWriter(io.Discard, sch, fields, Meta{}, WriterOptions{GroupBytes: group})
			if err != nil {
				t.Fatal(err)
			}
			const rows = 500
			cols := make([]*column.Vector, len(fields))
			most := 0
			for batch := range 20 {
				times := make([]int64, rows)
				for i := range times {
					times[i] = int64(batch*rows + i)
				}
				for i, f := range fields {
					cols[i] = &column.Vector{}
					cols[i].Reset(column.Of(f.Kind))
					for range rows {
						if f.Kind == column.String {
							cols[i].Strings = append(cols[i].Strings, sch.Name)
						} else {
							cols[i].Floats = append(cols[i].Floats, value())
						}
						cols[i].Len++
					}
				}
				if err := w.Append(nil, times, cols, 0); err != nil {
					t.Fatal(err)
				}
				most = max(most, w.holds())
			}
			info, err := w.Close()
			if err != nil {
				t.Fatal(err)
			}
			if most > 8*group || info.RowGroups < 2 {
				t.Errorf("%d KiB were held of %d in %d row groups, GroupBytes is %d KiB", most>>10, info.Bytes>>10, info.RowGroups, group>>10)
			}
			t.Logf("%d KiB were held, %d row groups", most>>10, info.RowGroups)
		})
	}
}
