package points

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/column"
)

func TestAddSeries(t *testing.T) {
	tag := func(k, v string) Tag { return Tag{[]byte(k), []byte(v)} }
	b := NewBatch()
	p := b.Table([]byte("t"))
	for _, c := range []struct {
		name string
		tags []Tag
		want uint32
	}{
		{"first", []Tag{tag("a", "1"), tag("b", "2")}, 0},
		{"other_order", []Tag{tag("b", "2"), tag("a", "1")}, 0},
		{"new_tag_first", []Tag{tag("c", "3"), tag("a", "1"), tag("b", "2")}, 1},
		{"its_own_order", []Tag{tag("a", "1"), tag("b", "2"), tag("c", "3")}, 1},
		{"empty_value_is_absent", []Tag{tag("a", "1"), tag("c", ""), tag("b", "2")}, 0},
		{"no_tags", nil, 2},
		{"only_empty", []Tag{tag("d", "")}, 2},
		{"value_that_looks_like_two", []Tag{tag("a", "1b2")}, 3},
	} {
		if got := p.AddSeries([]byte(c.name), c.tags); got != c.want {
			t.Errorf("%s: series %d, want %d", c.name, got, c.want)
		}
		if table, got, ok := b.Lookup([]byte(c.name)); table != p || got != c.want || !ok {
			t.Errorf("%s: looked up series %d, %v, want %d", c.name, got, ok, c.want)
		}
	}
	if !slices.Equal(p.Tags, []string{"a", "b", "c"}) {
		t.Errorf("tags %q; one without a value must not count", p.Tags)
	}
	if _, _, ok := b.Lookup([]byte("unknown")); ok {
		t.Error("found a key that was never added")
	}
}

func TestSortBySeriesKeepsRowsTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	b := NewBatch()
	for range 3 { // memory is reused
		b.Reset()
		p := b.Table([]byte("t"))
		type row struct {
			series uint32
			order  int64
			value  string
		}
		var rows []row
		for i := range 500 {
			s := p.AddSeries(nil, []Tag{{[]byte("s"), fmt.Append(nil, r.IntN(20))}})
			n := p.AddRow(s, int64(i))
			w := row{s, int64(i), "null"}
			if r.IntN(3) > 0 {
				w.value = fmt.Sprint(i)
				p.Fields[p.Field([]byte("f"), column.String)].SetString(n, []byte(w.value))
			}
			rows = append(rows, w)
		}
		p.SortBySeries()
		slices.SortStableFunc(rows, func(a, b row) int { return int(a.series) - int(b.series) })
		f := p.Fields[0]
		for i, w := range rows {
			got := row{p.Series[i], p.Times[i], "null"}
			if !f.Nulls.Get(i) {
				got.value = string(f.Text(i))
			}
			if got != w {
				t.Fatalf("row %d is %v, want %v", i, got, w)
			}
		}
	}
}

// A batch that is filled again in the same way must find all its memory.
func TestRefillDoesNotAllocate(t *testing.T) {
	tags := []Tag{{[]byte("host"), []byte("a")}, {[]byte("region"), []byte("b")}}
	tables := [][]byte{[]byte("cpu"), []byte("mem"), []byte("disk")}
	names := [][]byte{[]byte("used"), []byte("free"), []byte("state")}
	host := []byte("a")
	b := NewBatch()
	fill := func() {
		b.Reset()
		for _, table := range tables {
			p := b.Table(table)
			for i := range 50 {
				host[0] = byte('a' + i%10)
				tags[0].Value = host
				row := p.AddRow(p.AddSeries(host, tags), int64(i))
				p.Fields[p.Field(names[0], column.Int64)].Set(row, 1)
				p.Fields[p.Field(names[2], column.String)].SetString(row, host)
				if i%2 > 0 {
					p.Fields[p.Field(names[1], column.Int64)].Set(row, 1)
				}
			}
			p.SortBySeries()
		}
	}
	fill()
	if n := testing.AllocsPerRun(20, fill); n != 0 {
		t.Errorf("filling allocates %v times", n)
	}
}

func TestResetForgets(t *testing.T) {
	b := NewBatch()
	p := b.Table([]byte("t"))
	row := p.AddRow(p.AddSeries([]byte("raw"), []Tag{{[]byte("a"), []byte("1")}}), 5)
	p.Fields[p.Field([]byte("f"), column.Int64)].Set(row, 1)
	b.Reset()
	if _, _, ok := b.Lookup([]byte("raw")); ok || b.Rows() != 0 || len(b.Tables) != 0 {
		t.Error("a batch that was reset still has rows")
	}
	p = b.Table([]byte("t"))
	if len(p.Tags)+len(p.Fields)+p.NumSeries() != 0 || p.FieldIndex([]byte("f")) >= 0 {
		t.Error("a table that was reset still has columns or series")
	}
}
