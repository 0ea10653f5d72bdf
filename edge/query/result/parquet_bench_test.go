package result

import (
	"fmt"
	"io"
	"testing"

	"tarn/store/column"
)

// wide is a batch as an export of TSBS's cpu table has it: ten tags, the time
// and ten fields.
func wide(rows int) ([]Column, *column.Batch) {
	var cols []Column
	b := &column.Batch{Len: rows}
	add := func(name string, t column.Type, fill func(v *column.Vector, row int)) {
		v := column.NewVector(t, rows)
		for row := range rows {
			fill(v, row)
			v.Len++
		}
		cols, b.Cols = append(cols, Column{Name: name, Type: t}), append(b.Cols, v)
	}
	for i := range 10 {
		dict := make([]string, 100)
		for k := range dict {
			dict[k] = fmt.Sprintf("host_%d", k)
		}
		add(fmt.Sprintf("tag%d", i), column.Of(column.String), func(v *column.Vector, row int) {
			v.Strings = append(v.Strings, dict[row/50%100])
		})
	}
	add("time", column.Of(column.Timestamp), func(v *column.Vector, row int) { v.Ints = append(v.Ints, int64(row)*1e10) })
	for i := range 10 {
		add(fmt.Sprintf("field%d", i), column.Of(column.Float64), func(v *column.Vector, row int) {
			v.Floats = append(v.Floats, float64((row*31+i)%1000)/10)
		})
	}
	return cols, b
}

func BenchmarkParquet(b *testing.B) {
	cols, batch := wide(4096)
	w, err := newParquet(io.Discard, cols, 8<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.WriteBatch(batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch.Len)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
