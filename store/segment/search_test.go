package segment

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
	"tarn/store/merge"
)

// texts are ways to fill a column of n texts.
var texts = map[string]func(rng *rand.Rand, i int) string{
	"ids":      func(rng *rand.Rand, _ int) string { return fmt.Sprintf("%016x", rng.Uint64()) },
	"repeated": func(rng *rand.Rand, i int) string { return fmt.Sprintf("%032x", rng.Uint64()<<32+uint64(i%7)) },
	"ordered":  func(rng *rand.Rand, i int) string { return fmt.Sprintf("%08d-%08x", i, rng.Uint32()) },
	"words":    func(rng *rand.Rand, _ int) string { return fmt.Sprint("word", rng.IntN(50)) },
	"prose":    func(rng *rand.Rand, i int) string { return fmt.Sprint("took ", rng.Uint64(), " ms at step ", i) },
	"long":     func(rng *rand.Rand, _ int) string { return strings.Repeat(fmt.Sprintf("%016x", rng.Uint64()), 5) },
	"mixed": func(rng *rand.Rand, i int) string {
		if i < 15_000 {
			return fmt.Sprint("w", rng.IntN(9))
		}
		return fmt.Sprintf("%016x", rng.Uint64())
	},
	"large dictionary": func(_ *rand.Rand, i int) string { return fmt.Sprintf("%016x", uint64(i/8)*0x9e3779b97f4a7c15) },
	"empty":            func(*rand.Rand, int) string { return "" },
}

// textModel is a model of one column of n texts in three series, some of them
// null.
func textModel(rng *rand.Rand, shape string, n int, nulls float64) *model {
	m := &model{}
	m.sch, m.fields = testTable(1, column.String)
	at := 0
	for s := range 3 {
		x := modelSeries{tags: []string{fmt.Sprint("s", s)}}
		v := column.NewVector(column.Of(column.String), 0)
		for range n / 3 {
			x.times = append(x.times, int64(at))
			if rng.Float64() < nulls {
				v.AppendNull(1)
			} else {
				v.SetLen(v.Len + 1)
				v.Strings[v.Len-1] = texts[shape](rng, at)
			}
			at++
		}
		x.cols = []*column.Vector{v}
		m.series = append(m.series, x)
	}
	return m
}

// TestSearch compares what a search finds with what the texts are, and reads
// texts between searches.
func TestSearch(t *testing.T) {
	for shape := range texts {
		for _, nulls := range []float64{0, 0.3} {
			for name, opts := range layouts {
				if opts.RowGroupRows == 1 {
					continue
				}
				t.Run(fmt.Sprint(shape, " ", nulls, " ", name), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(51, uint64(len(shape)+len(name))))
					m := textModel(rng, shape, 9000, nulls)
					file, _ := m.write(t, rng, opts)
					checkSearch(t, rng, m, open(t, file, ReaderOptions{}))
				})
			}
		}
	}
}

func checkSearch(t *testing.T, rng *rand.Rand, m *model, r *Reader) {
	t.Helper()
	_, cols := m.flat()
	v, c := cols[0], m.fields[0]
	some := func() string { return v.Strings[rng.IntN(v.Len)] }
	many := []string{"no such value", ""}
	for range 20 {
		many = append(many, some())
	}
	part := some()
	part = part[len(part)/3 : len(part)*2/3]
	for i, tests := range [][]merge.TextTest{
		{merge.NewTextTest(c, []string{some()}, nil, nil)},
		{merge.NewTextTest(c, []string{"no such value"}, nil, nil)},
		{merge.NewTextTest(c, []string{}, nil, nil)},
		{merge.NewTextTest(c, []string{some(), "no such value", some()}, nil, nil)},
		{merge.NewTextTest(c, many, nil, nil)},
		{merge.NewTextTest(c, nil, []string{part}, nil)},
		{merge.NewTextTest(c, nil, []string{"no such part"}, nil)},
		{merge.NewTextTest(c, nil, []string{part, some()}, nil)},
		{merge.NewTextTest(c, nil, []string{part}, []string{"1"})},
		{merge.NewTextTest(c, nil, []string{part, some()}, []string{"1", "0"})},
		{merge.NewTextTest(c, many, nil, nil), merge.NewTextTest(c, nil, []string{part}, nil)},
	} {
		passes := func(row int) bool {
			return !v.IsNull(row) && !slices.ContainsFunc(tests, func(x merge.TextTest) bool { return !x.Passes(v.Strings[row]) })
		}
		for row := 0; row < r.Rows(); {
			to, out, err := r.Rules(t.Context(), tests, row)
			if err != nil || to <= row {
				t.Fatal(to, err)
			}
			for ; row < to; row++ {
				if out && passes(row) {
					t.Fatalf("test %d: row %d is ruled out", i, row)
				}
			}
		}
		for row := 0; row < r.Rows(); {
			to := min(row+1+rng.IntN(3000), r.Rows())
			found, err := r.Search(t.Context(), []merge.Range{{From: 1, To: 2}}, tests, row, to)
			if err != nil || found[0] != (merge.Range{From: 1, To: 2}) {
				t.Fatal(found, err)
			}
			checkFound(t, found[1:], row, to, passes)
			if rng.IntN(2) == 0 {
				row = to
				continue
			}
			got := column.NewVector(column.Of(column.String), 0)
			if err := r.ReadColumn(t.Context(), got, c, row, to); err != nil {
				t.Fatal(err)
			}
			for k := row; k < to; k++ {
				if !sameRow(got, k-row, v, k) {
					t.Fatalf("test %d: row %d differs after a search", i, k)
				}
			}
			row = to
		}
	}
}

// checkFound: ranges ascend, and have the rows that pass and no others.
func checkFound(t *testing.T, found []merge.Range, from, to int, passes func(row int) bool) {
	t.Helper()
	row := from
	for _, f := range append(found, merge.Range{From: to, To: to}) {
		if f.From < row || f.To > to {
			t.Fatalf("ranges %v of rows %d to %d", found, from, to)
		}
		for ; row < f.From; row++ {
			if passes(row) {
				t.Fatalf("row %d was not found", row)
			}
		}
		for ; row < f.To; row++ {
			if !passes(row) {
				t.Fatalf("row %d was found", row)
			}
		}
	}
}

// TestFilterChoice says which columns get filters.
func TestFilterChoice(t *testing.T) {
	want := map[string]bool{"ids": true, "repeated": true, "mixed": true, "large dictionary": true}
	for shape := range texts {
		rng := rand.New(rand.NewPCG(53, 54))
		m := textModel(rng, shape, 60_000, 0.01)
		file, _ := m.write(t, rng, WriterOptions{RowGroupRows: 20_000})
		r := open(t, file, ReaderOptions{})
		c := r.fields[m.fields[0].ID]
		for g := range c.chunks {
			if got := c.chunks[g].filter.size > 0; got != want[shape] && (shape != "mixed" || g > 0) {
				t.Errorf("%s: filter of row group %d: %t", shape, g, got)
			}
		}
		if err := r.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		e, err := PlanExport(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := e.Write(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if g, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || g.RowGroups()[0].ColumnChunks()[2].BloomFilter() != nil {
			t.Errorf("%s: an exported file has a filter, %v", shape, err)
		}
	}
	// One page is read as fast as a filter.
	m := textModel(rand.New(rand.NewPCG(55, 56)), "ids", 1500, 0)
	file, _ := m.write(t, rand.New(rand.NewPCG(57, 58)), WriterOptions{})
	if open(t, file, ReaderOptions{}).fields[m.fields[0].ID].chunks[0].filter.size > 0 {
		t.Error("a filter of one page")
	}
}

// TestForeignFilter reads filters with a general Parquet library, and counts the
// values that they have by mistake.
func TestForeignFilter(t *testing.T) {
	if runtime.GOARCH == "arm" {
		t.Skip("parquet-go's own reader makes unaligned reads, which 32-bit ARM refuses; our reader and the shipped binary do not use it")
	}
	for _, shape := range []string{"ids", "repeated", "large dictionary", "mixed"} {
		rng := rand.New(rand.NewPCG(59, 60))
		m := textModel(rng, shape, 60_000, 0.1)
		opts := WriterOptions{RowGroupRows: 20_000}
		if shape == "mixed" { // a dictionary that grows until it is given up
			m, opts = textModel(rng, shape, 120_000, 0.1), WriterOptions{}
		}
		file, _ := m.write(t, rng, opts)
		f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, file, ReaderOptions{})
		c := r.fields[m.fields[0].ID]
		if k := c.chunks[0]; k.mixed != (shape != "large dictionary") || (k.dictOffset > 0) != (shape == "mixed" || shape == "large dictionary") {
			t.Fatalf("%s: %+v", shape, c.chunks[0])
		}
		_, cols := m.flat()
		for g, group := range f.RowGroups() {
			filter := group.ColumnChunks()[2].BloomFilter()
			if filter == nil {
				t.Fatalf("%s: no filter in row group %d", shape, g)
			}
			has := func(s string) bool {
				theirs, err := filter.Check(parquet.ByteArrayValue([]byte(s)))
				if err != nil {
					t.Fatal(err)
				}
				ours, err := r.maybe(t.Context(), c.chunks[g].filter, []string{s})
				if err != nil || ours != theirs {
					t.Fatalf("%q: %t, %v; parquet-go says %t", s, ours, err, theirs)
				}
				return ours
			}
			ref := c.chunks[g]
			for row := int(ref.firstRow); row < int(ref.firstRow+ref.rows); row++ {
				if !cols[0].IsNull(row) && !has(cols[0].Strings[row]) {
					t.Fatalf("%s: row %d is not in the filter", shape, row)
				}
			}
			wrong := 0
			for range 5000 {
				if has(texts[shape](rng, rng.Int())) {
					wrong++
				}
			}
			if wrong > 5000/20 {
				t.Errorf("%s: %d of 5000 values are in the filter by mistake", shape, wrong)
			}
		}
	}
}

// TestFilterDamage: a damaged filter is not used, and Verify tells of it.
func TestFilterDamage(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 62))
	m := textModel(rng, "ids", 9000, 0)
	file, _ := m.write(t, rng, WriterOptions{})
	ref := open(t, file, ReaderOptions{}).fields[m.fields[0].ID].chunks[0].filter
	if ref.size == 0 || ref.sectors() < 2 {
		t.Fatalf("a filter of %d bytes", ref.size)
	}
	end := ref.offset + int64(ref.size) + int64(4*ref.sectors())
	for range 300 {
		at := ref.offset + rng.Int64N(end-ref.offset)
		bad := slices.Clone(file)
		bad[at] ^= 1 << rng.IntN(8)
		if rng.IntN(4) == 0 {
			clear(bad[at:min(at+512, end)])
		}
		r := open(t, bad, ReaderOptions{})
		if err := r.Verify(context.Background()); err == nil {
			t.Fatalf("damage at %d was not noticed", at-ref.offset)
		}
		for range 20 {
			s := m.series[rng.IntN(3)].cols[0].Strings[rng.IntN(3000)]
			if _, out, err := r.Rules(t.Context(), []merge.TextTest{merge.NewTextTest(m.fields[0], []string{s}, nil, nil)}, 0); out || err != nil {
				t.Fatalf("damage at %d rules %q out, %v", at-ref.offset, s, err)
			}
		}
	}
}
