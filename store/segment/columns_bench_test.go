package segment

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

// benchSeries and benchSeriesRows are a day of ten series: a row group whose
// pages are of the usual size.
const benchSeries, benchSeriesRows = 10, 8640

// benchColumns are fields as gateways have them.
var benchColumns = []struct {
	name string
	kind column.Kind
	fill func(r *rand.Rand, v *column.Vector)
}{
	{"ints/walk", column.Int64, func(r *rand.Rand, v *column.Vector) {
		x := 50.0
		for i := range v.Ints {
			x = min(max(x+r.NormFloat64(), 0), 100)
			v.Ints[i] = int64(x)
		}
	}},
	{"ints/counter", column.Int64, func(r *rand.Rand, v *column.Vector) {
		x := int64(1e12)
		for i := range v.Ints {
			x += 1000 + r.Int64N(9000)
			v.Ints[i] = x
		}
	}},
	{"floats/tenths", column.Float64, func(r *rand.Rand, v *column.Vector) {
		x := 200
		for i := range v.Floats {
			x += r.IntN(5) - 2
			v.Floats[i] = float64(x) / 10
		}
	}},
	{"floats/full", column.Float64, func(r *rand.Rand, v *column.Vector) {
		x := 50.0
		for i := range v.Floats {
			x = min(max(x+r.NormFloat64(), 0), 100)
			v.Floats[i] = x
		}
	}},
	{"text/few", column.String, func(r *rand.Rand, v *column.Vector) {
		for i := range v.Strings {
			v.Strings[i] = []string{"ok", "degraded", "stopped", "starting"}[r.IntN(4)]
		}
	}},
	{"text/lines", column.String, func(r *rand.Rand, v *column.Vector) {
		for i := range v.Strings {
			v.Strings[i] = fmt.Sprintf("GET /api/v1/device/%d took %d ms, status %d", r.IntN(1000), r.IntN(500), 200+r.IntN(4))
		}
	}},
	{"bools", column.Bool, func(r *rand.Rand, v *column.Vector) {
		for i := range v.Bools {
			v.Bools[i] = r.IntN(10) == 0
		}
	}},
}

// benchWrite writes the benchmark's series with one column; a nil one makes
// segments that have times alone.
func benchWrite(b *testing.B, w io.Writer, v *column.Vector) {
	sch := schema.NewTable(1, 2, "bench").With(schema.Column{Name: "host", Role: schema.Tag, Kind: column.Dict})
	var cols []*column.Vector
	var fields []schema.Column
	if v != nil {
		sch = sch.With(schema.Column{Name: "v", Role: schema.Field, Kind: v.Type.Kind})
		fields, cols = sch.Columns[2:], []*column.Vector{v}
	}
	x, err := NewWriter(w, sch, fields, Meta{Table: "bench", MaxSeq: 1}, WriterOptions{})
	if err != nil {
		b.Fatal(err)
	}
	times := make([]int64, benchSeriesRows)
	for i := range times {
		times[i] = 1767225600e9 + int64(i)*10e9
	}
	for s := range benchSeries {
		if err := x.Append([]string{fmt.Sprintf("host_%d", s)}, times, cols, s*benchSeriesRows); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := x.Close(); err != nil {
		b.Fatal(err)
	}
}

// benchVector is one column of all rows.
func benchVector(kind column.Kind, fill func(*rand.Rand, *column.Vector)) *column.Vector {
	v := column.NewVector(column.Of(kind), benchSeries*benchSeriesRows)
	v.SetLen(benchSeries * benchSeriesRows)
	fill(rand.New(rand.NewPCG(1, 2)), v)
	return v
}

// written counts what is written.
type written struct{ n int }

func (w *written) Write(p []byte) (int, error) { w.n += len(p); return len(p), nil }

// BenchmarkWriteColumn is what a checkpoint does with the rows of a column: choosing
// an encoding, encoding, compressing. Each column comes with tag and times,
// whose cost alone is "times".
func BenchmarkWriteColumn(b *testing.B) {
	run := func(name string, v *column.Vector) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &written{}
			for b.Loop() {
				benchWrite(b, w, v)
			}
			b.ReportMetric(float64(w.n)/float64(b.N)/(benchSeries*benchSeriesRows), "bytes/value")
			perValue(b)
		})
	}
	run("times", nil)
	for _, c := range benchColumns {
		run(c.name, benchVector(c.kind, c.fill))
	}
}

// BenchmarkReadColumn reads pages that no cache has: checksums, decompression,
// decoding.
func BenchmarkReadColumn(b *testing.B) {
	for _, c := range benchColumns {
		b.Run(c.name, func(b *testing.B) {
			v := benchVector(c.kind, c.fill)
			var file memBuffer
			benchWrite(b, &file, v)
			r, err := Open(context.Background(), memFile(file), ReaderOptions{})
			if err != nil {
				b.Fatal(err)
			}
			field := r.Schema().Columns[2]
			b.ReportAllocs()
			for b.Loop() {
				for s := range benchSeries {
					v.Reset(v.Type)
					if err := r.ReadColumn(context.Background(), v, field, s*benchSeriesRows, (s+1)*benchSeriesRows); err != nil {
						b.Fatal(err)
					}
				}
			}
			perValue(b)
		})
	}
	b.Run("times", func(b *testing.B) {
		var file memBuffer
		benchWrite(b, &file, nil)
		r, err := Open(context.Background(), memFile(file), ReaderOptions{})
		if err != nil {
			b.Fatal(err)
		}
		var times []int64
		b.ReportAllocs()
		for b.Loop() {
			for s := range benchSeries {
				if times, err = r.ReadTime(context.Background(), times[:0], s*benchSeriesRows, (s+1)*benchSeriesRows); err != nil {
					b.Fatal(err)
				}
			}
		}
		perValue(b)
	})
}

// memBuffer is a file being written in memory.
type memBuffer []byte

func (m *memBuffer) Write(p []byte) (int, error) { *m = append(*m, p...); return len(p), nil }

func perValue(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(benchSeries*benchSeriesRows), "ns/value")
}
