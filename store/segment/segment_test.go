package segment

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

// memFile is a file in memory.
type memFile []byte

func (m memFile) ReadAt(b []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(b, off) }
func (m memFile) Size() (int64, error)                    { return int64(len(m)), nil }

// mapCache is a PageCache that forgets nothing.
type mapCache map[string][]byte

func (c mapCache) Get(key, dst []byte) ([]byte, bool) {
	v, ok := c[string(key)]
	return append(dst, v...), ok
}
func (c mapCache) Set(key, value []byte) { c[string(key)] = bytes.Clone(value) }

// model is rows as the simplest possible memory has them.
type model struct {
	sch    *schema.Table
	fields []schema.Column
	meta   Meta
	series []modelSeries
}

type modelSeries struct {
	tags  []string
	times []int64
	cols  []*column.Vector
}

var allKinds = []column.Kind{column.Bool, column.Int64, column.Uint64, column.Float64, column.String, column.Timestamp}

// testTable has tags and, interleaved in order of creation, fields of all
// kinds.
func testTable(tags int, kinds ...column.Kind) (*schema.Table, []schema.Column) {
	sch := schema.NewTable(7, 9, "wetter, \"größe\"")
	for i := range max(tags, len(kinds)) {
		if i < len(kinds) {
			sch = sch.With(schema.Column{Name: fmt.Sprintf("f%d_%s ü", i, kindNames[kinds[i]]), Role: schema.Field, Kind: kinds[i]})
		}
		if i < tags {
			sch = sch.With(schema.Column{Name: fmt.Sprintf("tag %d", i), Role: schema.Tag, Kind: column.Dict})
		}
	}
	var fields []schema.Column
	for _, c := range sch.Columns {
		if c.Role == schema.Field {
			fields = append(fields, c)
		}
	}
	return sch, fields
}

// newModel makes nseries series of up to maxRows rows of difficult values.
func newModel(rng *rand.Rand, nseries, maxRows, tags int, kinds ...column.Kind) *model {
	m := &model{meta: Meta{DatabaseID: 7, TableID: 9, Database: "db", Table: "wetter, \"größe\"", NodeID: "node", MinSeq: 3, MaxSeq: math.MaxUint64, Late: true}}
	m.sch, m.fields = testTable(tags, kinds...)
	seen := map[string]bool{}
	for range nseries {
		s := modelSeries{tags: make([]string, tags)}
		for i := range s.tags {
			s.tags[i] = []string{"", "a", "b", "ä", "z\x00", "host_" + fmt.Sprint(rng.IntN(nseries))}[rng.IntN(6)]
		}
		if key := fmt.Sprintf("%q", s.tags); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		t := rng.Int64N(1e18) - 5e17
		for range 1 + rng.IntN(maxRows) {
			s.times = append(s.times, t)
			t += 1 + rng.Int64N([]int64{1, 10, 1e12}[rng.IntN(3)])
		}
		for _, f := range m.fields {
			v := &column.Vector{}
			v.Reset(column.Of(f.Kind))
			nullRate := []float64{0, 0, 0.01, 0.5, 1}[rng.IntN(5)]
			walk := int64(50)
			for range s.times {
				if rng.Float64() < nullRate {
					v.AppendNull(1)
				} else {
					appendRandom(rng, v, &walk)
				}
			}
			s.cols = append(s.cols, v)
		}
		m.series = append(m.series, s)
	}
	slices.SortFunc(m.series, func(a, b modelSeries) int { return compareTags(a.tags, b.tags) })
	return m
}

func appendRandom(rng *rand.Rand, v *column.Vector, walk *int64) {
	*walk += rng.Int64N(7) - 3
	odd := rng.IntN(50) == 0
	n := v.Len
	v.SetLen(n + 1)
	switch v.Type.Kind {
	case column.Bool:
		v.Bools[n] = rng.IntN(2) == 0
	case column.Int64, column.Timestamp:
		v.Ints[n] = *walk
		if odd {
			v.Ints[n] = []int64{math.MinInt64, math.MaxInt64, 0}[rng.IntN(3)]
		}
	case column.Uint64:
		v.Uints[n] = uint64(*walk) + 1<<63
		if odd {
			v.Uints[n] = []uint64{0, math.MaxUint64}[rng.IntN(2)]
		}
	case column.Float64:
		v.Floats[n] = float64(*walk) / 10
		if odd {
			v.Floats[n] = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, rng.NormFloat64()}[rng.IntN(6)]
		}
	case column.String:
		v.Strings[n] = []string{"", "info", "warning", "größe 東京", fmt.Sprint(*walk)}[rng.IntN(5)]
		if odd {
			v.Strings[n] = string(bytes.Repeat([]byte{'x'}, rng.IntN(300)))
		}
	}
}

// write writes the model's rows in pieces, through vectors with other rows
// before and after.
func (m *model) write(t testing.TB, rng *rand.Rand, opts WriterOptions) ([]byte, Info) {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, m.sch, m.fields, m.meta, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.series {
		for at := 0; at < len(s.times); {
			n := 1 + rng.IntN(len(s.times)-at)
			before := rng.IntN(3)
			cols := make([]*column.Vector, len(s.cols))
			for i, c := range s.cols {
				v := &column.Vector{}
				v.Reset(c.Type)
				v.AppendNull(before)
				v.AppendFrom(c, at, at+n)
				v.AppendNull(1)
				cols[i] = v
			}
			if err := w.Append(s.tags, s.times[at:at+n], cols, before); err != nil {
				t.Fatal(err)
			}
			at += n
		}
	}
	if w.Size() < 4 {
		t.Fatalf("size %d", w.Size())
	}
	info, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if info.Bytes != int64(buf.Len()) {
		t.Fatalf("info says %d bytes of %d", info.Bytes, buf.Len())
	}
	return buf.Bytes(), info
}

// flat is all rows one after the other.
func (m *model) flat() (times []int64, cols []*column.Vector) {
	for _, f := range m.fields {
		v := &column.Vector{}
		v.Reset(column.Of(f.Kind))
		cols = append(cols, v)
	}
	for _, s := range m.series {
		times = append(times, s.times...)
		for i, c := range s.cols {
			cols[i].AppendFrom(c, 0, c.Len)
		}
	}
	return times, cols
}

// sameRow compares a row bit by bit.
func sameRow(a *column.Vector, i int, b *column.Vector, k int) bool {
	if a.IsNull(i) || b.IsNull(k) {
		return a.IsNull(i) == b.IsNull(k)
	}
	switch a.Type.Kind {
	case column.Bool:
		return a.Bools[i] == b.Bools[k]
	case column.Int64, column.Timestamp:
		return a.Ints[i] == b.Ints[k]
	case column.Uint64:
		return a.Uints[i] == b.Uints[k]
	case column.Float64:
		return math.Float64bits(a.Floats[i]) == math.Float64bits(b.Floats[k])
	}
	return a.Strings[i] == b.Strings[k]
}

func open(t testing.TB, file []byte, opts ReaderOptions) *Reader {
	t.Helper()
	r, err := Open(context.Background(), memFile(file), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkRange compares rows [from, to) of a reader with the model's.
func checkRange(t *testing.T, r *Reader, m *model, times []int64, cols []*column.Vector, from, to int) {
	t.Helper()
	ctx := context.Background()
	got, err := r.ReadTime(ctx, []int64{42}, from, to)
	if err != nil || got[0] != 42 || !slices.Equal(got[1:], times[from:to]) {
		t.Fatalf("times of %d to %d differ, %v", from, to, err)
	}
	for i, f := range m.fields {
		v := column.NewVector(column.Of(f.Kind), 0)
		v.AppendNull(2)
		if err := r.ReadColumn(ctx, v, f, from, to); err != nil {
			t.Fatal(err)
		}
		if v.Len != to-from+2 {
			t.Fatalf("%s: %d rows for %d to %d", f.Name, v.Len, from, to)
		}
		for row := from; row < to; row++ {
			if !sameRow(v, row-from+2, cols[i], row) {
				t.Fatalf("%s: row %d of %d to %d differs", f.Name, row, from, to)
			}
		}
	}
}

var layouts = map[string]WriterOptions{
	"default":      {},
	"small groups": {RowGroupRows: 50, PageRows: 20, PageBytes: 200},
	"tiny pages":   {RowGroupRows: 1000, PageRows: 3},
	"single rows":  {RowGroupRows: 1, PageRows: 1},
	"small memory": {RowGroupRows: 1000, GroupBytes: 2000},
	"odd":          {RowGroupRows: 4097, PageRows: 777, PageBytes: 1000},
}

func TestRoundTrip(t *testing.T) {
	shapes := map[string][3]int{ // series, rows, tags
		"one row":     {1, 1, 2},
		"no tags":     {1, 500, 0},
		"few":         {5, 100, 3},
		"many series": {300, 5, 4},
		"long":        {3, 5000, 1},
	}
	for name, opts := range layouts {
		for shape, n := range shapes {
			t.Run(name+"/"+shape, func(t *testing.T) {
				if opts.PageRows > 0 && opts.PageRows < 10 && n[1] > 1000 {
					n[1] = 300
				}
				rng := rand.New(rand.NewPCG(uint64(len(name)), uint64(len(shape))))
				m := newModel(rng, n[0], n[1], n[2], allKinds...)
				file, info := m.write(t, rng, opts)
				for _, cache := range []PageCache{nil, mapCache{}} {
					r := open(t, file, ReaderOptions{Name: "x", Cache: cache, CacheID: 5})
					if r.Info() != info {
						t.Fatalf("info: read %+v, wrote %+v", r.Info(), info)
					}
					checkCatalog(t, r, m)
					times, cols := m.flat()
					checkRange(t, r, m, times, cols, 0, len(times))
					for range 60 {
						from := rng.IntN(len(times) + 1)
						to := from + rng.IntN(len(times)-from+1)
						if rng.IntN(2) == 0 {
							to = min(to, from+10)
						}
						checkRange(t, r, m, times, cols, from, to)
					}
					for from := 0; from < len(times); from += 7 { // in order, as scans do
						checkRange(t, r, m, times, cols, from, min(from+7, len(times)))
					}
					checkStats(t, r, m, cols)
				}
			})
		}
	}
}

// checkCatalog checks what rebuilds a catalog.
func checkCatalog(t *testing.T, r *Reader, m *model) {
	t.Helper()
	if r.Meta() != m.meta {
		t.Fatalf("meta: read %+v, wrote %+v", r.Meta(), m.meta)
	}
	sch := r.Schema()
	if sch.ID != m.sch.ID || sch.DatabaseID != m.sch.DatabaseID || sch.Name != m.sch.Name ||
		!slices.Equal(sch.Columns, m.sch.Columns) || !slices.Equal(sch.Tags, m.sch.Tags) {
		t.Fatalf("schema: read %+v, wrote %+v", sch, m.sch)
	}
	if r.NumSeries() != len(m.series) {
		t.Fatalf("%d series of %d", r.NumSeries(), len(m.series))
	}
	row := 0
	for i, s := range m.series {
		from, to := r.SeriesRows(i)
		if from != row || to != row+len(s.times) || !slices.Equal(r.SeriesTags(i), s.tags) {
			t.Fatalf("series %d: %q rows %d to %d", i, r.SeriesTags(i), from, to)
		}
		row = to
	}
}

func checkStats(t *testing.T, r *Reader, m *model, cols []*column.Vector) {
	t.Helper()
	for i, f := range m.fields {
		nulls, nan := 0, false
		for row := range cols[i].Len {
			if cols[i].IsNull(row) {
				nulls++
			} else if f.Kind == column.Float64 {
				nan = nan || math.IsNaN(cols[i].Floats[row])
			}
		}
		s, ok := r.ColumnStats(f)
		if ok != (f.Kind != column.String && !nan) {
			t.Fatalf("%s: statistics: %t", f.Name, ok)
		}
		if !ok {
			continue
		}
		if s.Nulls != nulls {
			t.Fatalf("%s: %d nulls instead of %d", f.Name, s.Nulls, nulls)
		}
		lo, hi := false, false
		for row := range cols[i].Len {
			if cols[i].IsNull(row) {
				continue
			}
			switch f.Kind {
			case column.Float64:
				v := cols[i].Floats[row]
				a, b := math.Float64frombits(s.Min), math.Float64frombits(s.Max)
				if v < a || v > b {
					t.Fatalf("%s: %g not in %g to %g", f.Name, v, a, b)
				}
				lo, hi = lo || v == a, hi || v == b
			case column.Uint64:
				v := cols[i].Uints[row]
				lo, hi = lo || v == s.Min, hi || v == s.Max
				if v < s.Min || v > s.Max {
					t.Fatalf("%s: %d not in %d to %d", f.Name, v, s.Min, s.Max)
				}
			case column.Bool:
				v := cols[i].Bools[row]
				lo, hi = lo || v == (s.Min == 1), hi || v == (s.Max == 1)
				if !v && s.Min == 1 || v && s.Max == 0 {
					t.Fatalf("%s: %t not in %d to %d", f.Name, v, s.Min, s.Max)
				}
			default:
				v := cols[i].Ints[row]
				lo, hi = lo || v == int64(s.Min), hi || v == int64(s.Max)
				if cmp.Compare(v, int64(s.Min)) < 0 || v > int64(s.Max) {
					t.Fatalf("%s: %d not in %d to %d", f.Name, v, int64(s.Min), int64(s.Max))
				}
			}
		}
		if nulls < cols[i].Len && (!lo || !hi) {
			t.Fatalf("%s: bounds that no row has", f.Name)
		}
	}
}

func TestAbsentAndWrongColumns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m := newModel(rng, 3, 10, 1, column.Int64)
	file, info := m.write(t, rng, WriterOptions{})
	r := open(t, file, ReaderOptions{})
	ctx := context.Background()
	absent := schema.Column{ID: 9, Name: "later", Role: schema.Field, Kind: column.Float64}
	v := column.NewVector(column.Of(column.Float64), 0)
	if err := r.ReadColumn(ctx, v, absent, 1, int(info.Rows)); err != nil || v.Len != int(info.Rows)-1 || v.Nulls.Count(v.Len) != v.Len {
		t.Fatalf("absent column: %d rows, %v", v.Len, err)
	}
	if s, ok := r.ColumnStats(absent); !ok || s.Nulls != int(info.Rows) {
		t.Fatalf("statistics of an absent column: %+v %t", s, ok)
	}
	other := m.fields[0]
	other.Kind = column.Float64
	if err := r.ReadColumn(ctx, v, other, 0, 1); err == nil {
		t.Fatal("a column of another type was read")
	}
	for _, b := range [][2]int{{-1, 1}, {2, 1}, {0, int(info.Rows) + 1}} {
		if _, err := r.ReadTime(ctx, nil, b[0], b[1]); err == nil {
			t.Fatalf("rows %v were read", b)
		}
		if err := r.ReadColumn(ctx, v, absent, b[0], b[1]); err == nil {
			t.Fatalf("rows %v of an absent column were read", b)
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := open(t, file, ReaderOptions{}).ReadTime(canceled, nil, 0, 1); err == nil || !isEnvironment(err) {
		t.Fatalf("canceled: %v", err)
	}
}

func TestEmpty(t *testing.T) {
	m := &model{meta: Meta{Table: "t"}}
	m.sch, m.fields = testTable(1, column.Int64)
	file, info := m.write(t, nil, WriterOptions{})
	r := open(t, file, ReaderOptions{})
	if r.Rows() != 0 || r.NumSeries() != 0 || info.MinTime <= info.MaxTime {
		t.Fatalf("%d rows, %d series, %+v", r.Rows(), r.NumSeries(), info)
	}
	if got, err := r.ReadTime(context.Background(), nil, 0, 0); err != nil || len(got) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	sch, fields := testTable(2, column.Int64)
	vector := func(n int) []*column.Vector {
		v := column.NewVector(column.Of(column.Int64), n)
		v.SetLen(n)
		return []*column.Vector{v}
	}
	floats := column.NewVector(column.Of(column.Float64), 1)
	floats.SetLen(1)
	cases := map[string]struct {
		tags  []string
		times []int64
		cols  []*column.Vector
	}{
		"equal times":     {[]string{"b", "b"}, []int64{11, 11}, vector(2)},
		"time again":      {[]string{"b", "b"}, []int64{10}, vector(1)},
		"series before":   {[]string{"a", "z"}, []int64{1}, vector(1)},
		"null not last":   {[]string{"b", "a"}, []int64{11}, vector(1)},
		"too few tags":    {[]string{"c"}, []int64{11}, vector(1)},
		"too few columns": {[]string{"c", ""}, []int64{11}, nil},
		"too few rows":    {[]string{"c", ""}, []int64{11, 12}, vector(1)},
		"other type":      {[]string{"c", ""}, []int64{11}, []*column.Vector{floats}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			w, err := NewWriter(&buf, sch, fields, Meta{}, WriterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Append([]string{"b", "b"}, []int64{10}, vector(1), 0); err != nil {
				t.Fatal(err)
			}
			if err := w.Append(c.tags, c.times, c.cols, 0); err == nil {
				t.Fatal("accepted")
			}
			// What was refused leaves no trace.
			if err := w.Append([]string{"b", ""}, []int64{1}, vector(1), 0); err != nil {
				t.Fatal(err)
			}
			if info, err := w.Close(); err != nil || info.Rows != 2 || info.Series != 2 {
				t.Fatalf("%+v, %v", info, err)
			}
			if _, err := w.Close(); err == nil {
				t.Fatal("closed twice")
			}
		})
	}
}
