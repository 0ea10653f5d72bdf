package buffer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/points"
	"tarn/store/schema"
)

var fields = []schema.Column{
	{ID: 3, Name: "i", Role: schema.Field, Kind: column.Int64},
	{ID: 4, Name: "u", Role: schema.Field, Kind: column.Uint64},
	{ID: 5, Name: "f", Role: schema.Field, Kind: column.Float64},
	{ID: 6, Name: "b", Role: schema.Field, Kind: column.Bool},
	{ID: 7, Name: "state", Role: schema.Field, Kind: column.String},
	{ID: 8, Name: "log", Role: schema.Field, Kind: column.String},
	{ID: 9, Name: "t", Role: schema.Field, Kind: column.Timestamp},
	{ID: 30, Name: "never", Role: schema.Field, Kind: column.Int64},
}

// rowID is what identifies a row.
type rowID struct {
	series uint32
	time   int64
}

// model is what a table should hold: values by field, as text.
type model map[rowID]map[string]string

// writer makes random batches, and does to a model what they do to a table.
type writer struct {
	rand   *rand.Rand
	model  model
	series int
	now    int64
	seq    uint64
	batch  *points.Batch
	// late is the share of rows in the past, unset that of missing values.
	late, unset float64
	fields      int // how many of fields are in use
}

func newWriter(seed uint64) *writer {
	return &writer{rand: rand.New(rand.NewPCG(seed, 1)), model: model{}, series: 7, batch: points.NewBatch(), fields: len(fields) - 1}
}

// write makes a batch and returns its table, ready for Insert, with the
// table's series numbers.
func (w *writer) write(rows int) (*points.Table, []uint32, uint64) {
	w.batch.Reset()
	w.seq++
	t := w.batch.Table([]byte("t"))
	type pending struct {
		id     rowID
		values map[string]string
	}
	var order []pending
	var number []uint32
	for range rows {
		s := w.rand.IntN(w.series)
		local := t.AddSeries(nil, []points.Tag{{Key: []byte("s"), Value: []byte(fmt.Sprint(s))}})
		if int(local) == len(number) {
			number = append(number, uint32(3*s)) // numbers with gaps
		}
		time := w.now
		if w.rand.Float64() < w.late {
			time -= w.rand.Int64N(500)
		} else if w.rand.IntN(w.series) == 0 {
			w.now++
		}
		row := t.AddRow(local, time)
		p := pending{rowID{number[local], time}, map[string]string{}}
		for _, c := range fields[:w.fields] {
			if w.rand.Float64() >= w.unset {
				p.values[c.Name] = w.value(t.Fields[t.Field([]byte(c.Name), c.Kind)], row)
			}
		}
		order = append(order, p)
	}
	for _, f := range t.Fields {
		for _, c := range fields {
			if c.Name == f.Name {
				f.ID = c.ID
			}
		}
	}
	for _, p := range order {
		m := w.model[p.id]
		if m == nil {
			m = map[string]string{}
			w.model[p.id] = m
		}
		for name, v := range p.values {
			m[name] = v
		}
	}
	t.SortBySeries()
	return t, number, w.seq
}

// value sets a random value and returns it as text.
func (w *writer) value(f *points.Field, row int) string {
	r := w.rand
	switch f.Kind {
	case column.Int64, column.Timestamp:
		v := r.Int64N(100)
		if r.IntN(500) == 0 {
			v = int64(r.Uint64())
		}
		f.Set(row, uint64(v))
		return fmt.Sprint(v)
	case column.Uint64:
		v := math.MaxUint64 - r.Uint64N(1000)
		f.Set(row, v)
		return fmt.Sprint(v)
	case column.Float64:
		v := float64(r.IntN(10000)) / 100
		switch r.IntN(300) {
		case 0:
			v = math.NaN()
		case 1:
			v = math.Copysign(0, -1)
		case 2:
			v = r.Float64()
		}
		f.Set(row, math.Float64bits(v))
		return fmt.Sprint(v)
	case column.Bool:
		v := r.IntN(3) == 0
		f.Set(row, map[bool]uint64{true: 1}[v])
		return fmt.Sprint(v)
	}
	s := []string{"", "ok", "warning", "failed"}[r.IntN(4)]
	if f.Name == "log" {
		s = fmt.Sprintf("connection %d from 10.0.0.%d closed%s", r.IntN(1e9), r.IntN(256), strings.Repeat("!", r.IntN(3)))
	}
	f.SetString(row, []byte(s))
	return s
}

func outsideNothing(uint32) int64 { return math.MinInt64 }

// read reads sources merged, as a query does.
func read(t testing.TB, sources []merge.Source, batchRows int) model {
	t.Helper()
	got := model{}
	for _, group := range merge.Groups(sources) {
		r := merge.NewReader(group, merge.Options{Columns: fields, MinTime: math.MinInt64, MaxTime: math.MaxInt64, BatchRows: batchRows})
		var b merge.Batch
		for {
			err := r.Next(context.Background(), &b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			row := 0
			for _, s := range b.Spans {
				for range s.Rows {
					id := rowID{s.Series, b.Times[row]}
					if _, twice := got[id]; twice {
						t.Fatalf("row %v was read twice", id)
					}
					got[id] = rowValues(&b, row)
					row++
				}
			}
		}
	}
	return got
}

func rowValues(b *merge.Batch, row int) map[string]string {
	m := map[string]string{}
	for i, c := range fields {
		v := b.Cols[i]
		if v.IsNull(row) {
			continue
		}
		m[c.Name] = valueText(v, row)
	}
	return m
}

func compare(t testing.TB, got, want model) {
	t.Helper()
	for id, w := range want {
		g, ok := got[id]
		if !ok {
			t.Fatalf("row %v is missing", id)
		}
		if fmt.Sprint(g) != fmt.Sprint(w) {
			t.Fatalf("row %v\n got %v\nwant %v", id, g, w)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
}

func TestAgainstModel(t *testing.T) {
	for name, c := range map[string]struct {
		late, unset float64
		series      int
		fields      []int // in use, batch by batch; the last goes on
		rows        int   // of a batch, up to
		head        int
	}{
		"in_order":             {series: 7, rows: 300, head: 1000},
		"one_series":           {series: 1, rows: 300, head: 1000},
		"many_series":          {series: 5000, rows: 400, head: 1000},
		"late_rows":            {series: 7, late: 0.3, rows: 300, head: 500},
		"nulls":                {series: 7, unset: 0.4, rows: 300, head: 700},
		"late_rows_with_nulls": {series: 3, late: 0.3, unset: 0.6, rows: 300, head: 400},
		"mostly_nulls":         {series: 7, unset: 0.99, late: 0.01, rows: 300, head: 700},
		"new_columns":          {series: 7, fields: []int{1, 2, 3, 3, 4, 7}, unset: 0.1, rows: 300, head: 700},
		"batches_over_heads":   {series: 7, late: 0.1, rows: 900, head: 130},
		"single_rows":          {series: 2, late: 0.2, rows: 1, head: 10},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2) {
				w := newWriter(seed)
				w.late, w.unset, w.series = c.late, c.unset, c.series
				table := New(Options{HeadRows: c.head, HeadTextBytes: 1 << 20})
				for i := range 25 {
					if len(c.fields) > 0 {
						w.fields = c.fields[min(i, len(c.fields)-1)]
					}
					p, series, seq := w.write(1 + w.rand.IntN(c.rows))
					if err := table.Insert(p, series, seq, outsideNothing); err != nil {
						t.Fatal(err)
					}
					if i%5 == 4 {
						compare(t, read(t, table.Snapshot(), 1+w.rand.IntN(5000)), w.model)
					}
					if i == 12 {
						table.Seal()
					}
				}
				checkSources(t, table)
				table.Seal()
				compare(t, read(t, table.Snapshot(), 4096), w.model)
				checkSources(t, table)
			}
		})
	}
}

// checkSources compares what sources say of themselves with what they hold.
func checkSources(t *testing.T, table *Table) {
	t.Helper()
	lastSeq := uint64(0)
	for n, s := range table.Snapshot() {
		if lo, hi := s.SeqRange(); lo < lastSeq || hi < lo {
			t.Errorf("source %d has writes %d to %d after %d", n, lo, hi, lastSeq)
		} else {
			lastSeq = hi
		}
		times, err := s.ReadTime(context.Background(), nil, 0, s.Rows())
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
		row := uint32(0)
		for i, r := range s.Runs() {
			if r.Start != row || r.End <= r.Start || i > 0 && s.Runs()[i-1].Series >= r.Series {
				t.Errorf("source %d: run %d is %+v", n, i, r)
			}
			for row = r.Start; row < r.End; row++ {
				if row > r.Start && times[row] <= times[row-1] {
					t.Errorf("source %d: time of row %d is not ascending", n, row)
				}
				lo, hi = min(lo, times[row]), max(hi, times[row])
			}
		}
		if int(row) != s.Rows() || len(times) != s.Rows() {
			t.Errorf("source %d: runs end at %d, %d times, %d rows", n, row, len(times), s.Rows())
		}
		if l, h := s.TimeRange(); l != lo || h != hi {
			t.Errorf("source %d: time range %d to %d, want %d to %d", n, l, h, lo, hi)
		}
		checkStats(t, s)
	}
}

func checkStats(t *testing.T, s merge.Source) {
	t.Helper()
	for _, c := range fields {
		stats, ok := s.ColumnStats(c)
		if !ok {
			continue
		}
		v := column.NewVector(column.Of(c.Kind), 0)
		if err := s.ReadColumn(context.Background(), v, c, 0, s.Rows()); err != nil {
			t.Fatal(err)
		}
		if n := v.Nulls.Count(v.Len); n != stats.Nulls {
			t.Errorf("%s has %d nulls, statistics say %d", c.Name, n, stats.Nulls)
		}
		touched := false
		for i := range v.Len {
			if v.IsNull(i) {
				continue
			}
			in, edge := true, false
			switch c.Kind {
			case column.Int64, column.Timestamp:
				x, lo, hi := v.Ints[i], int64(stats.Min), int64(stats.Max)
				in, edge = lo <= x && x <= hi, x == lo || x == hi
			case column.Uint64:
				x := v.Uints[i]
				in, edge = stats.Min <= x && x <= stats.Max, x == stats.Min || x == stats.Max
			case column.Float64:
				x, lo, hi := v.Floats[i], math.Float64frombits(stats.Min), math.Float64frombits(stats.Max)
				in, edge = lo <= x && x <= hi || math.IsNaN(x), x == lo || x == hi || math.IsNaN(x)
			case column.Bool:
				x := map[bool]uint64{true: 1}[v.Bools[i]]
				in, edge = stats.Min <= x && x <= stats.Max, x == stats.Min || x == stats.Max
			}
			if !in {
				t.Errorf("%s: row %d is outside of the statistics", c.Name, i)
			}
			touched = touched || edge
		}
		if !touched && stats.Nulls < s.Rows() {
			t.Errorf("%s: no row at the bounds of the statistics", c.Name)
		}
	}
}

func TestPartialReads(t *testing.T) {
	w := newWriter(9)
	w.unset = 0.2
	table := New(Options{HeadRows: 1000})
	p, series, seq := w.write(1000)
	if err := table.Insert(p, series, seq, outsideNothing); err != nil {
		t.Fatal(err)
	}
	block := table.Snapshot()[0]
	for _, c := range fields {
		all := column.NewVector(column.Of(c.Kind), 0)
		if err := block.ReadColumn(t.Context(), all, c, 0, block.Rows()); err != nil {
			t.Fatal(err)
		}
		got, want := column.NewVector(all.Type, 0), column.NewVector(all.Type, 0)
		for range 200 {
			from := w.rand.IntN(block.Rows() + 1)
			to := from + w.rand.IntN(block.Rows()+1-from)
			if err := block.ReadColumn(t.Context(), got, c, from, to); err != nil {
				t.Fatal(err)
			}
			want.AppendFrom(all, from, to)
			if got.Len > 5000 {
				got.Reset(all.Type)
				want.Reset(all.Type)
			}
			if got.Len != want.Len {
				t.Fatalf("%s: %d rows after [%d, %d), want %d", c.Name, got.Len, from, to, want.Len)
			}
			for i := max(0, got.Len-(to-from)); i < got.Len; i++ {
				if got.IsNull(i) != want.IsNull(i) || !got.IsNull(i) && valueText(got, i) != valueText(want, i) {
					t.Fatalf("%s: row %d of [%d, %d) is %s, want %s", c.Name, i, from, to, valueText(got, i), valueText(want, i))
				}
			}
		}
	}
}

func valueText(v *column.Vector, row int) string {
	switch v.Type.Kind {
	case column.Uint64:
		return fmt.Sprint(v.Uints[row])
	case column.Float64:
		return fmt.Sprint(v.Floats[row])
	case column.Bool:
		return fmt.Sprint(v.Bools[row])
	case column.String:
		return strings.Clone(v.Strings[row])
	}
	return fmt.Sprint(v.Ints[row])
}

func TestLate(t *testing.T) {
	type row struct {
		series uint32
		time   int64
	}
	for name, c := range map[string]struct {
		outside map[uint32]int64
		heads   [][]row
		want    []bool
	}{
		"in_order":               {heads: [][]row{{{0, 1}, {0, 2}}, {{0, 3}, {1, 1}}}, want: []bool{false, false}},
		"duplicate_in_one_head":  {heads: [][]row{{{0, 1}, {0, 1}}, {{0, 2}, {0, 3}}}, want: []bool{false, false}},
		"backwards_in_one_head":  {heads: [][]row{{{0, 5}, {0, 1}}, {{0, 6}, {0, 7}}}, want: []bool{false, false}},
		"duplicate_of_older":     {heads: [][]row{{{0, 1}, {0, 2}}, {{0, 2}, {0, 3}}}, want: []bool{false, true}},
		"between_older":          {heads: [][]row{{{0, 1}, {0, 5}}, {{0, 9}, {0, 3}}}, want: []bool{false, true}},
		"other_series":           {heads: [][]row{{{0, 1}, {0, 5}}, {{1, 3}, {0, 6}}}, want: []bool{false, false}},
		"at_segment":             {outside: map[uint32]int64{0: 10}, heads: [][]row{{{0, 10}, {0, 11}}, {{0, 12}, {0, 13}}}, want: []bool{true, false}},
		"before_segment_twice":   {outside: map[uint32]int64{0: 10}, heads: [][]row{{{0, 3}, {0, 11}}, {{0, 12}, {0, 5}}}, want: []bool{true, true}},
		"after_segment":          {outside: map[uint32]int64{0: 10}, heads: [][]row{{{0, 11}, {0, 12}}}, want: []bool{false}},
		"still_before_a_segment": {outside: map[uint32]int64{0: 10}, heads: [][]row{{{0, 3}, {1, 3}}, {{0, 4}, {1, 4}}}, want: []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			table := New(Options{HeadRows: len(c.heads[0])})
			b := points.NewBatch()
			seq := uint64(0)
			for _, rows := range c.heads {
				for _, r := range rows {
					b.Reset()
					p := b.Table([]byte("t"))
					p.AddRow(p.AddSeries(nil, nil), r.time)
					seq++
					err := table.Insert(p, []uint32{r.series}, seq, func(s uint32) int64 {
						if v, ok := c.outside[s]; ok {
							return v
						}
						return math.MinInt64
					})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			for i, s := range table.Snapshot() {
				if s.Late() != c.want[i] {
					t.Errorf("block %d: late %v, want %v", i, s.Late(), c.want[i])
				}
			}
		})
	}
}

func TestLast(t *testing.T) {
	table := New(Options{})
	if _, ok := table.Last(5); ok {
		t.Error("an empty table knows a series")
	}
	p := points.NewBatch().Table([]byte("t"))
	s := p.AddSeries(nil, nil)
	p.AddRow(s, 30)
	p.AddRow(s, 20)
	if err := table.Insert(p, []uint32{5}, 1, outsideNothing); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if last, ok := table.Last(5); last != 30 || !ok {
			t.Errorf("last is %d, %v; want 30, true", last, ok)
		}
		table.Seal()
	}
	if _, ok := table.Last(4); ok {
		t.Error("series 4 has no rows, but a last time")
	}
}

func TestInsertRejectsBrokenBatches(t *testing.T) {
	table := New(Options{})
	w := newWriter(1)
	p, series, seq := w.write(10)
	if err := table.Insert(p, series, seq, outsideNothing); err != nil {
		t.Fatal(err)
	}
	f := p.Fields[0]
	for name, breakIt := range map[string]func(){
		"other_kind":     func() { f.Kind = column.Bool },
		"query_kind":     func() { f.Kind = column.Dict },
		"not_padded":     func() { f.Bits = f.Bits[:5] },
		"missing_series": func() { series = series[:0] },
	} {
		t.Run(name, func(t *testing.T) {
			saved, savedSeries := *f, series
			breakIt()
			err := table.Insert(p, series, seq+1, outsideNothing)
			*f, series = saved, savedSeries
			if err == nil || table.Rows() != 10 {
				t.Errorf("error %v, %d rows", err, table.Rows())
			}
		})
	}
}

// A snapshot must read the same however much is written after it, and reading
// must be possible while writing goes on: run with -race.
func TestSnapshotIsolation(t *testing.T) {
	table := New(Options{HeadRows: 300})
	w := newWriter(4)
	w.late, w.unset = 0.1, 0.1
	var readers sync.WaitGroup
	for range 60 {
		p, series, seq := w.write(1 + w.rand.IntN(80))
		if err := table.Insert(p, series, seq, outsideNothing); err != nil {
			t.Fatal(err)
		}
		want := make(model, len(w.model))
		for id, values := range w.model {
			m := make(map[string]string, len(values))
			for k, v := range values {
				m[k] = v
			}
			want[id] = m
		}
		snapshot := table.Snapshot()
		readers.Go(func() { compare(t, read(t, snapshot, 100), want) })
		readers.Go(func() { table.Snapshot(); table.Rows(); table.Bytes(); table.TimeRange(); table.SeqRange() })
	}
	readers.Wait()
}

func TestSnapshotOfHeadIsCached(t *testing.T) {
	table := New(Options{})
	w := newWriter(1)
	p, series, seq := w.write(10)
	if err := table.Insert(p, series, seq, outsideNothing); err != nil {
		t.Fatal(err)
	}
	a, b := table.Snapshot(), table.Snapshot()
	if len(a) != 1 || a[0] != b[0] {
		t.Error("an unchanged head was sorted twice")
	}
	if err := table.Insert(p, series, seq+1, outsideNothing); err != nil {
		t.Fatal(err)
	}
	if c := table.Snapshot(); c[0] == a[0] {
		t.Error("a changed head was not looked at again")
	}
}

func TestRanges(t *testing.T) {
	table := New(Options{HeadRows: 4})
	if _, _, ok := table.TimeRange(); ok || table.Rows() != 0 || len(table.Snapshot()) != 0 {
		t.Error("an empty table is not empty")
	}
	b := points.NewBatch()
	for seq, times := range [][]int64{{5, 6, 7}, {3, 8}, {9}} {
		b.Reset()
		p := b.Table([]byte("t"))
		for _, time := range times {
			p.AddRow(p.AddSeries(nil, nil), time)
		}
		if err := table.Insert(p, []uint32{0}, uint64(10+seq), outsideNothing); err != nil {
			t.Fatal(err)
		}
	}
	if lo, hi, ok := table.TimeRange(); lo != 3 || hi != 9 || !ok {
		t.Errorf("times %d to %d, %v", lo, hi, ok)
	}
	if lo, hi := table.SeqRange(); lo != 10 || hi != 12 {
		t.Errorf("writes %d to %d", lo, hi)
	}
	if table.Rows() != 6 {
		t.Errorf("%d rows", table.Rows())
	}
}

func TestBytesShrinkWhenSealed(t *testing.T) {
	table := New(Options{})
	w := newWriter(1)
	p, series, seq := w.write(5000)
	if err := table.Insert(p, series, seq, outsideNothing); err != nil {
		t.Fatal(err)
	}
	open := table.Bytes()
	table.Seal()
	if sealed := table.Bytes(); sealed > open*2/3 || sealed < 1000 {
		t.Errorf("%d bytes sealed, %d open", sealed, open)
	}
}
