package merge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

var columns = []schema.Column{
	{ID: 1, Name: "i", Role: schema.Field, Kind: column.Int64},
	{ID: 2, Name: "u", Role: schema.Field, Kind: column.Uint64},
	{ID: 3, Name: "f", Role: schema.Field, Kind: column.Float64},
	{ID: 4, Name: "b", Role: schema.Field, Kind: column.Bool},
	{ID: 5, Name: "s", Role: schema.Field, Kind: column.String},
}

// rowID is what identifies a row.
type rowID struct {
	series uint32
	time   int64
}

// values are a row's fields by column ID; a missing one is null.
type values map[int]int64

// memory is a Source in memory.
type memory struct {
	rows   []rowID
	vals   []values
	runs   []Run
	lo, hi uint64
	late   bool
	failAt int // row whose values cannot be read, -1 for none
}

var errRead = errors.New("cannot read")

// newMemory makes a source of rows, its series in the given order.
func newMemory(rows map[rowID]values, order []uint32, lo, hi uint64, late bool) *memory {
	place := map[uint32]int{}
	for i, s := range order {
		place[s] = i
	}
	m := &memory{lo: lo, hi: hi, late: late, failAt: -1}
	m.rows = slices.SortedFunc(maps.Keys(rows), func(a, b rowID) int {
		if a.series != b.series {
			return place[a.series] - place[b.series]
		}
		if a.time < b.time {
			return -1
		}
		return 1
	})
	for i, r := range m.rows {
		m.vals = append(m.vals, rows[r])
		if n := len(m.runs); n > 0 && m.runs[n-1].Series == r.series {
			m.runs[n-1].End++
		} else {
			m.runs = append(m.runs, Run{Series: r.series, Start: uint32(i), End: uint32(i + 1)})
		}
	}
	return m
}

func (m *memory) Runs() []Run               { return m.runs }
func (m *memory) Rows() int                 { return len(m.rows) }
func (m *memory) SeqRange() (lo, hi uint64) { return m.lo, m.hi }
func (m *memory) Late() bool                { return m.late }

func (m *memory) ColumnStats(schema.Column) (Stats, bool) { return Stats{}, false }

func (m *memory) TimeRange() (lo, hi int64) {
	lo, hi = math.MaxInt64, math.MinInt64
	for _, r := range m.rows {
		lo, hi = min(lo, r.time), max(hi, r.time)
	}
	return lo, hi
}

func (m *memory) ReadTime(_ context.Context, dst []int64, from, to int) ([]int64, error) {
	for _, r := range m.rows[from:to] {
		dst = append(dst, r.time)
	}
	return dst, nil
}

func (m *memory) ReadColumn(_ context.Context, dst *column.Vector, col schema.Column, from, to int) error {
	if m.failAt >= from && m.failAt < to {
		return errRead
	}
	for _, v := range m.vals[from:to] {
		x, ok := v[col.ID]
		if !ok {
			dst.AppendNull(1)
			continue
		}
		at := dst.Len
		dst.SetLen(at + 1)
		switch col.Kind {
		case column.Int64:
			dst.Ints[at] = x
		case column.Uint64:
			dst.Uints[at] = uint64(x)
		case column.Float64:
			dst.Floats[at] = float64(x) / 4
		case column.Bool:
			dst.Bools[at] = x%2 == 0
		case column.String:
			dst.Strings[at] = fmt.Sprint("text ", x)
		}
	}
	return nil
}

// text is a value as the test compares it.
func text(v *column.Vector, i int) string {
	if v.IsNull(i) {
		return "-"
	}
	switch v.Type.Kind {
	case column.Int64:
		return fmt.Sprint(v.Ints[i])
	case column.Uint64:
		return fmt.Sprint(v.Uints[i])
	case column.Float64:
		return fmt.Sprint(v.Floats[i])
	case column.Bool:
		return fmt.Sprint(v.Bools[i])
	}
	return v.Text(i)
}

// world is random sources and the table that they should add up to.
type world struct {
	sources []Source
	model   map[rowID]values
	rank    []uint32 // by series
}

// newWorld writes rows into sources as a buffer does: a source is late when it
// has a row at or before the newest older one of its series.
func newWorld(rng *rand.Rand) *world {
	w := &world{model: map[rowID]values{}}
	series := 1 + rng.IntN(12)
	byRank := make([]uint32, series)
	for i, p := range rng.Perm(series) {
		w.rank = append(w.rank, uint32(p))
		byRank[p] = uint32(i)
	}
	newest := map[uint32]int64{}
	now, seq := int64(0), uint64(1)
	for range rng.IntN(7) {
		rows := map[rowID]values{}
		late := false
		first := maps.Clone(newest)
		for range 1 + rng.IntN(300) {
			id := rowID{uint32(rng.IntN(series)), now + rng.Int64N(30)}
			if rng.IntN(10) == 0 {
				id.time -= rng.Int64N(400)
			}
			now += rng.Int64N(3)
			if t, ok := first[id.series]; ok && id.time <= t {
				late = true
			}
			if t, ok := newest[id.series]; !ok || id.time > t {
				newest[id.series] = id.time
			}
			for _, m := range []map[rowID]values{rows, w.model} {
				if m[id] == nil {
					m[id] = values{}
				}
			}
			for _, c := range columns {
				if rng.IntN(3) > 0 {
					v := rng.Int64N(1000)
					rows[id][c.ID], w.model[id][c.ID] = v, v
				}
			}
		}
		order := slices.Clone(byRank) // segments lie in rank order, blocks by number
		if rng.IntN(2) == 0 {
			slices.Sort(order)
		}
		to := seq + rng.Uint64N(5)
		w.sources = append(w.sources, newMemory(rows, order, seq, to, late))
		seq = to + 1
	}
	return w
}

// want is what a scan of the model yields, a line per row.
func (w *world) want(o Options) []string {
	var out []string
	for id, v := range w.model {
		if id.time < o.MinTime || id.time > o.MaxTime || o.Keep != nil && !o.Keep(id.series) {
			continue
		}
		line := fmt.Sprintf("%d@%d", id.series, id.time)
		one := newMemory(map[rowID]values{id: v}, []uint32{id.series}, 0, 0, false)
		for _, c := range o.Columns {
			col := column.NewVector(column.Of(c.Kind), 1)
			if err := one.ReadColumn(context.Background(), col, c, 0, 1); err != nil {
				panic(err)
			}
			line += " " + text(col, 0)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// drain reads everything, checks the batches' shape, and returns the rows in
// order, and as lines.
func drain(t *testing.T, r Reader, o Options) (ids []rowID, lines []string) {
	t.Helper()
	var b Batch
	for {
		err := r.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			return ids, lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Times) == 0 || len(b.Times) > 2*o.BatchRows {
			t.Fatalf("a batch of %d rows, %d were wanted", len(b.Times), o.BatchRows)
		}
		row := 0
		for i, s := range b.Spans {
			if s.Rows == 0 || i > 0 && b.Spans[i-1].Series == s.Series {
				t.Fatalf("spans %v", b.Spans)
			}
			for range s.Rows {
				line := fmt.Sprintf("%d@%d", s.Series, b.Times[row])
				for _, c := range b.Cols {
					line += " " + text(c, row)
				}
				ids, lines = append(ids, rowID{s.Series, b.Times[row]}), append(lines, line)
				row++
			}
		}
		if row != len(b.Times) {
			t.Fatalf("spans of %d rows, %d times", row, len(b.Times))
		}
		for i, c := range b.Cols {
			if c.Len != row {
				t.Fatalf("column %d has %d of %d rows", i, c.Len, row)
			}
		}
	}
}

func randomOptions(rng *rand.Rand, w *world) Options {
	o := Options{MinTime: math.MinInt64, MaxTime: math.MaxInt64, BatchRows: 1 + rng.IntN(200)}
	for _, c := range columns {
		if rng.IntN(3) > 0 {
			o.Columns = append(o.Columns, c)
		}
	}
	if rng.IntN(2) == 0 {
		o.MinTime = rng.Int64N(600) - 200
		o.MaxTime = o.MinTime + rng.Int64N(600) - 50 // may be empty
	}
	if rng.IntN(3) == 0 {
		o.BatchBytes = 1 + rng.IntN(5000)
	}
	if rng.IntN(3) == 0 {
		drop := uint32(rng.IntN(len(w.rank)))
		o.Keep = func(s uint32) bool { return s != drop }
	}
	return o
}

// TestReadersAgreeWithAMap reads random sources with late and duplicate rows in
// both ways and compares with a map that the same writes filled.
func TestReadersAgreeWithAMap(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(rng)
			shuffled := slices.Clone(w.sources)
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for range 5 {
				o := randomOptions(rng, w)
				want := w.want(o)

				var lines []string
				sources := 0
				for _, g := range Groups(shuffled) {
					sources += len(g)
					_, got := drain(t, NewReader(g, o), o)
					lines = append(lines, got...)
				}
				if sources != len(w.sources) {
					t.Fatalf("%d sources in groups, want %d", sources, len(w.sources))
				}
				compare(t, "by groups", lines, want)

				o.Rank = w.rank
				ids, lines := drain(t, NewOrderedReader(SortBySeq(shuffled), o), o)
				compare(t, "ordered", lines, want)
				for i := 1; i < len(ids); i++ {
					a, b := ids[i-1], ids[i]
					if w.rank[a.series] > w.rank[b.series] || a.series == b.series && a.time >= b.time {
						t.Fatalf("row %v after %v", b, a)
					}
				}
			}
		})
	}
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	got = slices.Clone(got)
	slices.Sort(got)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: %d rows, want %d; the first missing is %q", what, len(got), len(want), want[i])
		case i >= len(want):
			t.Fatalf("%s: %d rows, want %d; one too many is %q", what, len(got), len(want), got[i])
		case got[i] != want[i]:
			t.Fatalf("%s: row %q, want %q", what, got[i], want[i])
		}
	}
}

func TestGroups(t *testing.T) {
	source := func(seq uint64, lo, hi int64, late bool) Source {
		return newMemory(map[rowID]values{{0, lo}: {}, {0, hi}: {}}, []uint32{0}, seq, seq, late)
	}
	for _, c := range []struct {
		name    string
		sources []Source
		want    [][]uint64 // sequence numbers
	}{
		{"none", nil, nil},
		{"in_order", []Source{source(1, 0, 9, false), source(2, 5, 20, false)}, [][]uint64{{1}, {2}}},
		{"late_and_apart", []Source{source(1, 0, 9, false), source(2, 10, 20, true)}, [][]uint64{{1}, {2}}},
		{"late_and_touching", []Source{source(1, 0, 9, false), source(2, 9, 20, true)}, [][]uint64{{1, 2}}},
		{"only_older_ones_join", []Source{source(1, 0, 9, true), source(2, 5, 20, false)}, [][]uint64{{1}, {2}}},
		{"one_bridges_two", []Source{source(1, 0, 9, false), source(2, 20, 30, false), source(3, 5, 25, true)}, [][]uint64{{1, 2, 3}}},
		{"given_newest_first", []Source{source(2, 9, 20, true), source(1, 0, 9, false)}, [][]uint64{{1, 2}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got [][]uint64
			for _, g := range Groups(c.sources) {
				var seqs []uint64
				for _, s := range g {
					lo, _ := s.SeqRange()
					seqs = append(seqs, lo)
				}
				got = append(got, seqs)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("groups %v, want %v", got, c.want)
			}
		})
	}
}

// TestExtremeTimes has rows at the ends of the calendar, where bounds overflow.
func TestExtremeTimes(t *testing.T) {
	rows := map[rowID]values{{0, math.MinInt64}: {1: 1}, {0, 0}: {1: 2}, {0, math.MaxInt64}: {1: 3}}
	older := newMemory(rows, []uint32{0}, 1, 1, false)
	newer := newMemory(map[rowID]values{{0, math.MaxInt64}: {1: 4}}, []uint32{0}, 2, 2, true)
	for _, c := range []struct {
		lo, hi int64
		want   string
	}{
		{math.MinInt64, math.MaxInt64, "[0@-9223372036854775808 1 0@0 2 0@9223372036854775807 4]"},
		{math.MinInt64, math.MinInt64, "[0@-9223372036854775808 1]"},
		{math.MaxInt64, math.MaxInt64, "[0@9223372036854775807 4]"},
		{1, math.MaxInt64 - 1, "[]"},
		{5, -5, "[]"},
	} {
		o := Options{Columns: columns[:1], MinTime: c.lo, MaxTime: c.hi, BatchRows: 2}
		if _, lines := drain(t, NewReader([]Source{older, newer}, o), o); fmt.Sprint(lines) != c.want {
			t.Errorf("[%d, %d]: %v, want %s", c.lo, c.hi, lines, c.want)
		}
	}
}

func TestReadErrorsReachTheCaller(t *testing.T) {
	rows := map[rowID]values{{0, 1}: {1: 1}, {0, 2}: {1: 2}}
	for _, sources := range []int{1, 2} {
		var group []Source
		for i := range sources {
			m := newMemory(rows, []uint32{0}, uint64(i), uint64(i), true)
			m.failAt = 1
			group = append(group, m)
		}
		var b Batch
		r := NewReader(group, Options{Columns: columns[:1], MinTime: math.MinInt64, MaxTime: math.MaxInt64})
		if err := r.Next(context.Background(), &b); !errors.Is(err, errRead) {
			t.Errorf("%d sources: %v", sources, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r = NewReader(group, Options{Columns: columns[:1], MinTime: math.MinInt64, MaxTime: math.MaxInt64})
		if err := r.Next(ctx, &b); !errors.Is(err, context.Canceled) {
			t.Errorf("%d sources, cancelled: %v", sources, err)
		}
	}
}

// BenchmarkMerge reads a million rows of 100 series from four sources, in
// order and with one row in a hundred written twice.
func BenchmarkMerge(b *testing.B) {
	for _, late := range []bool{false, true} {
		b.Run(fmt.Sprintf("late=%v", late), func(b *testing.B) {
			const perSource, series = 250_000, 100
			var sources []Source
			for k := range 4 {
				s := &memory{lo: uint64(k), hi: uint64(k), late: late, failAt: -1}
				for id := range uint32(series) {
					from := len(s.rows)
					for i := range perSource / series {
						t := int64(k*perSource/series + i)
						if late && k > 0 && i%100 == 0 {
							t -= perSource / series // the source before has it
						}
						s.rows = append(s.rows, rowID{id, t})
					}
					slices.SortFunc(s.rows[from:], func(a, b rowID) int { return int(a.time - b.time) })
					s.runs = append(s.runs, Run{id, uint32(from), uint32(len(s.rows))})
				}
				sources = append(sources, s)
			}
			o := Options{MinTime: math.MinInt64, MaxTime: math.MaxInt64, BatchRows: 4096}
			b.SetBytes(8 * 4 * perSource)
			b.ReportAllocs()
			var batch Batch
			for b.Loop() {
				r := NewOrderedReader(sources, o)
				for {
					if err := r.Next(context.Background(), &batch); err != nil {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(4*perSource), "ns/row")
		})
	}
}
