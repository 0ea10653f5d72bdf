package segment

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
)

// oneSeries is a model of one field.
func oneSeries(v *column.Vector) *model {
	m := &model{}
	m.sch, m.fields = testTable(1, v.Type.Kind)
	s := modelSeries{tags: []string{"x"}, cols: []*column.Vector{v}}
	for i := range v.Len {
		s.times = append(s.times, int64(i))
	}
	m.series = []modelSeries{s}
	return m
}

// encodingsOf are the encodings of the pages of the only field, in order.
func encodingsOf(t *testing.T, file []byte) (pages []format.Encoding) {
	t.Helper()
	r := open(t, file, ReaderOptions{})
	if err := r.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.fields {
		for _, p := range c.pages {
			var h format.PageHeader
			if err := thrift.Unmarshal(compact, file[p.offset:p.offset+int64(p.check.headerLen)], &h); err != nil {
				t.Fatal(err)
			}
			pages = append(pages, h.DataPageHeader.V.Encoding)
		}
	}
	return pages
}

func floatsVector(n int, f func(i int) float64) *column.Vector {
	v := column.NewVector(column.Of(column.Float64), n)
	v.SetLen(n)
	for i := range n {
		v.Floats[i] = f(i)
	}
	return v
}

func stringsVector(n int, f func(i int) string) *column.Vector {
	v := column.NewVector(column.Of(column.String), n)
	v.SetLen(n)
	for i := range n {
		v.Strings[i] = f(i)
	}
	return v
}

// TestEncodings checks the choices, and above all that a dictionary that grows
// too large mid-way loses nothing: other writers have lost data there.
func TestEncodings(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	const n = 100000
	long := string(bytes.Repeat([]byte("x"), 100))
	cases := map[string]struct {
		v    *column.Vector
		want []format.Encoding // of the pages, repetitions left out
	}{
		"few floats":    {floatsVector(n, func(int) float64 { return float64(rng.IntN(100)) / 7 }), []format.Encoding{format.RLEDictionary}},
		"smooth floats": {floatsVector(n, func(i int) float64 { return 1 + float64(i)*1e-9 + rng.Float64()*1e-9 }), []format.Encoding{format.ByteStreamSplit}},
		"float fallback": {floatsVector(n, func(i int) float64 {
			if i < 20000 {
				return float64(rng.IntN(100)) / 7
			}
			return 1 + float64(i)*1e-9 + rng.Float64()*1e-9
		}), []format.Encoding{format.RLEDictionary, format.ByteStreamSplit}},
		"few texts":    {stringsVector(n, func(int) string { return fmt.Sprint("state ", rng.IntN(20)) }), []format.Encoding{format.RLEDictionary}},
		"unique texts": {stringsVector(n, func(i int) string { return fmt.Sprint("request ", rng.Uint64()) }), []format.Encoding{format.DeltaLengthByteArray}},
		"text fallback": {stringsVector(n, func(i int) string {
			if i < 20000 {
				return fmt.Sprint("state ", rng.IntN(20))
			}
			return fmt.Sprint(long, i)
		}), []format.Encoding{format.RLEDictionary, format.DeltaLengthByteArray}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := oneSeries(c.v)
			file, _ := m.write(t, rng, WriterOptions{})
			if got := slices.Compact(encodingsOf(t, file)); !slices.Equal(got, c.want) {
				t.Fatalf("pages are %v, not %v", got, c.want)
			}
			times, cols := m.flat()
			checkRange(t, open(t, file, ReaderOptions{}), m, times, cols, 0, n)
		})
	}
}

// TestTagDictionary has more tag text than a dictionary page may hold.
func TestTagDictionary(t *testing.T) {
	m := &model{meta: Meta{DatabaseID: 7, TableID: 9}}
	m.sch, m.fields = testTable(2, column.Int64)
	m.meta.Table = m.sch.Name
	long := string(bytes.Repeat([]byte("x"), 1000))
	for i := range 3000 {
		v := column.NewVector(column.Of(column.Int64), 1)
		v.SetLen(1)
		v.Ints[0] = int64(i)
		m.series = append(m.series, modelSeries{tags: []string{fmt.Sprintf("%s%06d", long, i), "same"}, times: []int64{1}, cols: []*column.Vector{v}})
	}
	rng := rand.New(rand.NewPCG(23, 24))
	file, info := m.write(t, rng, WriterOptions{})
	if info.RowGroups < 3 {
		t.Fatalf("%d row groups for 3 MB of distinct tag values", info.RowGroups)
	}
	r := open(t, file, ReaderOptions{})
	checkCatalog(t, r, m)
	times, cols := m.flat()
	checkRange(t, r, m, times, cols, 0, len(times))
}
