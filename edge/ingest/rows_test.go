package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// putLine gives a model line to a Rows.
func putLine(r *Rows, l line) error {
	t, err := r.Table([]byte(l.table))
	if err != nil {
		return err
	}
	var tags []points.Tag
	for _, g := range l.tags {
		tags = append(tags, points.Tag{Key: []byte(g.key), Value: []byte(g.value)})
	}
	if err := t.Series(nil, tags); err != nil {
		return err
	}
	t.Row(l.time)
	for _, f := range l.fields {
		name, v := []byte(f.key), f.value
		switch strings.TrimPrefix(typeOf(v), "iox::column_type::field::") {
		case "integer":
			n, _ := strconv.ParseInt(strings.TrimSuffix(v, "i"), 10, 64)
			t.Int(name, n)
		case "uinteger":
			n, _ := strconv.ParseUint(strings.TrimSuffix(v, "u"), 10, 64)
			t.Uint(name, n)
		case "boolean":
			t.Bool(name, v == "t")
		case "string":
			t.String(name, []byte(strings.Trim(v, `"`)))
		default:
			n, _ := strconv.ParseFloat(v, 64)
			t.Float(name, n)
		}
	}
	return t.End()
}

// TestRowsModel is TestModel for Rows: what is refused, the schemas and the
// rows are those of the simple model, and a refused row leaves no trace.
func TestRowsModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			limits := store.Limits{Databases: 5, Tables: 2 + rng.IntN(2), Columns: 4 + rng.IntN(5), Tags: 1 + rng.IntN(3)}
			s := openStore(t, limits)
			w := NewWriter(s, time.Now)
			m := &model{limits, map[string]*modelTable{}}
			for request := range 12 {
				next := m.clone()
				r, err := w.Rows("d", RowOptions{})
				if err != nil {
					t.Fatal(err)
				}
				bad := 0
				for range 1 + rng.IntN(30) {
					l := randomLine(rng)
					err := putLine(r, l)
					if ok := next.add(l); ok != (err == nil) {
						t.Fatalf("request %d: %s: got %v, the model says %v", request, l, err, ok)
					}
					if err != nil {
						bad++
					}
				}
				if bad == 0 || rng.IntN(3) > 0 {
					if err := r.Commit(t.Context(), store.WriteOptions{}); err != nil {
						t.Fatal(err)
					}
					m = next
				}
				r.Close()
				compare(t, s, m)
				if t.Failed() {
					t.Fatalf("after request %d", request)
				}
			}
		})
	}
}

func TestRowsErrors(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 10, Columns: 10, Tags: 5})
	w := NewWriter(s, time.Now)
	put := func(o RowOptions, l line) error {
		t.Helper()
		r, err := w.Rows("d", o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := putLine(r, l); err != nil {
			return err
		}
		return r.Commit(t.Context(), store.WriteOptions{})
	}
	if err := put(RowOptions{}, line{"cpu", []pair{{"host", "a"}}, []pair{{"v", "1.5"}}, 1}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    RowOptions
		l    line
		want string
	}{
		{l: line{"cpu", []pair{{"host", "a"}}, []pair{{"v", "1i"}}, 1}, want: "table cpu: column v is a Float64 field, not a Int64 field"},
		{l: line{"cpu", []pair{{"v", "a"}}, []pair{{"w", "1i"}}, 1}, want: "table cpu: column v is a Float64 field, not a tag"},
		{l: line{"cpu", nil, []pair{{"host", "1i"}}, 1}, want: "table cpu: column host is a tag, not a Int64 field"},
		{l: line{"cpu", []pair{{"x", "a"}}, []pair{{"x", "1i"}}, 1}, want: "table cpu: column x is a tag, not a Int64 field"},
		{l: line{"cpu", nil, []pair{{"x", "1i"}, {"x", "1i"}}, 1}, want: "table cpu: field x comes twice"},
		{l: line{"cpu", nil, []pair{{"v", "1.5"}, {"v", "1.5"}}, 1}, want: "table cpu: field v comes twice"},
		{l: line{"cpu", []pair{{"host", "a"}, {"host", "b"}}, []pair{{"v", "1.5"}}, 1}, want: "table cpu: tag host comes twice"},
		{l: line{"cpu", []pair{{"time", "a"}}, []pair{{"v", "1.5"}}, 1}, want: "table cpu: column time is a time index, not a tag"},
		{l: line{"mem", []pair{{"time", "a"}}, []pair{{"v", "1.5"}}, 1}, want: "table mem: 'time' is a reserved column"},
		{l: line{"cpu", []pair{{"h\xff", "a"}}, []pair{{"v", "1.5"}}, 1}, want: `table cpu: the name "h\xff" of a tag is not UTF-8`},
		{l: line{"cpu", []pair{{"host", "\xff"}}, []pair{{"v", "1.5"}}, 1}, want: `table cpu: the value "\xff" of tag host is not UTF-8`},
		{l: line{"cpu", nil, []pair{{"s", "\"\xff\""}}, 1}, want: "table cpu: the value of field s is not UTF-8"},
		{l: line{"c\xff", nil, []pair{{"v", "1.5"}}, 1}, want: `the table name "c\xff" is not UTF-8`},
		{l: line{"", nil, []pair{{"v", "1.5"}}, 1}, want: "the table name is empty"},
		{l: line{"a\nb", nil, []pair{{"v", "1.5"}}, 1}, want: `the table name "a\nb" has a control character`},
		{o: RowOptions{NoCreate: true}, l: line{"mem", nil, []pair{{"v", "1.5"}}, 1}, want: "Table `mem` does not exist, and auto_create_table is off"},
	} {
		if err := put(c.o, c.l); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.l, err, c.want)
		}
	}
	if db, _ := s.Database("d"); !slices.Equal(db.Tables(), []string{"cpu"}) {
		t.Errorf("tables %v", db.Tables())
	}
}

// racing is a store whose schema another writer changes just before a write.
type racing struct {
	*store.Store
	first func()
}

func (r *racing) Write(ctx context.Context, database string, b *points.Batch, o store.WriteOptions) error {
	if r.first != nil {
		r.first()
		r.first = nil
	}
	return r.Store.Write(ctx, database, b, o)
}

func TestRowsRace(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 10, Columns: 10, Tags: 5})
	other := NewWriter(s, time.Now)
	race := &racing{Store: s}
	w := NewWriter(race, time.Now)
	race.first = func() {
		if _, err := other.WriteLines(t.Context(), strings.NewReader("m v=1i 1"), Options{Database: "d"}); err != nil {
			t.Error(err)
		}
	}
	r, err := w.Rows("d", RowOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := putLine(r, line{"m", nil, []pair{{"v", "1.5"}}, 1}); err != nil {
		t.Fatal(err)
	}
	var conflict *ConflictError
	if err := r.Commit(t.Context(), store.WriteOptions{}); !errors.As(err, &conflict) || conflict.Have.Kind != column.Int64 {
		t.Errorf("got %v", err)
	}
}

// fill puts a request of the usual kind into r.
func fill(t testing.TB, r *Rows, names [][]byte, series [][]points.Tag, rows int) {
	value := []byte("greptime_value")
	for _, name := range names {
		rt, err := r.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, tags := range series {
			if err := rt.Series(nil, tags); err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				rt.Row(int64(i))
				rt.Float(value, float64(i))
				if err := rt.End(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func rowsFixture(tables, series int) (names [][]byte, tags [][]points.Tag) {
	for i := range tables {
		names = append(names, fmt.Appendf(nil, "metric_%d_total", i))
	}
	for i := range series {
		tags = append(tags, []points.Tag{
			{Key: []byte("instance"), Value: fmt.Appendf(nil, "host-%d:9100", i)},
			{Key: []byte("job"), Value: []byte("node")},
			{Key: []byte("mode"), Value: []byte("idle")},
		})
	}
	return names, tags
}

func BenchmarkRows(b *testing.B) {
	w := NewWriter(newSink(), time.Now)
	names, series := rowsFixture(100, 20)
	b.ReportAllocs()
	for b.Loop() {
		r, err := w.Rows("d", RowOptions{})
		if err != nil {
			b.Fatal(err)
		}
		fill(b, r, names, series, 1)
		r.Close()
	}
	b.ReportMetric(float64(2000*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// TestTooMuch: a request whose rows would take too much memory is refused, and
// nothing of it is written.
func TestTooMuch(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 10, Columns: 10, Tags: 5})
	w := NewWriter(s, time.Now)
	w.LimitRows(4 << 20)
	text := bytes.Repeat([]byte("x"), 1<<20)
	fill := map[string]func(r *RowTable, i int) error{
		"fields": func(r *RowTable, i int) error {
			if err := r.Series(nil, nil); err != nil {
				return err
			}
			r.Row(int64(i))
			r.String([]byte("s"), text)
			return r.End()
		},
		"series": func(r *RowTable, i int) error {
			if err := r.Series(nil, []points.Tag{{Key: []byte("k"), Value: append(strconv.AppendInt(nil, int64(i), 10), text...)}}); err != nil {
				return err
			}
			r.Row(1)
			r.Int([]byte("i"), 1)
			return r.End()
		},
	}
	for name, put := range fill {
		r, err := w.Rows("d", RowOptions{})
		if err != nil {
			t.Fatal(err)
		}
		table, err := r.Table([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if err = put(table, i); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrTooMuch) {
			t.Errorf("%s: %v", name, err)
		}
		if err := r.Commit(t.Context(), store.WriteOptions{}); !errors.Is(err, ErrTooMuch) {
			t.Errorf("%s: commit: %v", name, err)
		}
		r.Close()
		r, err = w.Rows("d", RowOptions{}) // the next is none the worse
		if err != nil {
			t.Fatal(err)
		}
		if table, err = r.Table([]byte(name)); err == nil {
			err = put(table, 1)
		}
		if err == nil {
			err = r.Commit(t.Context(), store.WriteOptions{})
		}
		if err != nil {
			t.Errorf("%s: a short one: %v", name, err)
		}
		r.Close()
	}
}

// TestSparseTooMuch: a field that a row lacks takes memory all the same.
func TestSparseTooMuch(t *testing.T) {
	w := NewWriter(newSink(), time.Now)
	w.LimitRows(1 << 20)
	r, err := w.Rows("d", RowOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	table, err := r.Table([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for ; err == nil && rows < 100_000; rows++ {
		if err = table.Series(nil, nil); err == nil {
			table.Row(int64(rows))
			table.Int(strconv.AppendInt([]byte("f"), int64(rows%100), 10), 1)
			err = table.End()
		}
	}
	if want := 1 << 20 / (100 * 8); !errors.Is(err, ErrTooMuch) || rows > want+100 {
		t.Errorf("%d rows of 100 fields, about %d have place: %v", rows, want, err)
	}
}
