package ingest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tarn/store"
	"tarn/store/points"
)

// remembered writes a row of each of some series and counts those that were known.
func remembered(t *testing.T, w *Writer, k *Known, names []string, tags ...string) (known int) {
	t.Helper()
	r, err := w.Rows("d", RowOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var c Recall
	defer c.Forget()
	c.Begin(k, "d")
	for i, name := range names {
		if c.Find([]byte(name)) {
			if table, ok := c.Add(func(string) (*Rows, error) { return r, nil }); ok {
				known++
				if err := table.AddFloat(int64(i), 1); err != nil {
					t.Fatal(err)
				}
				continue
			}
		}
		table, err := r.Table([]byte("t"))
		if err != nil {
			t.Fatal(err)
		}
		var all []points.Tag
		for _, tag := range append(tags, "name") {
			all = append(all, points.Tag{Key: []byte(tag), Value: []byte(name)})
		}
		if err := table.Series(nil, all); err != nil {
			t.Fatal(err)
		}
		table.Row(int64(i))
		table.Float([]byte("v"), 1)
		if err := table.End(); err != nil {
			t.Fatal(err)
		}
		c.Note([]byte(name), table, "", []byte("v"))
	}
	c.End()
	if err := r.Commit(t.Context(), store.WriteOptions{}); err != nil {
		t.Error(err)
		return known
	}
	c.Learn()
	return known
}

func namesOf(prefix string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i))
	}
	return names
}

// TestKnownIsBounded: of more series than there is memory for, a part is known
// all the time; and when others come, they take the place of those that are gone.
func TestKnownIsBounded(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 10, Columns: 10, Tags: 5})
	w := NewWriter(s, time.Now)
	const most = 20 << 10
	k := NewKnown(most)
	first := namesOf("first", 1000)
	remembered(t, w, k, first) // makes the table
	remembered(t, w, k, first)
	part := remembered(t, w, k, first)
	if part < 100 || part == len(first) {
		t.Fatalf("%d of %d series are known", part, len(first))
	}
	for range 20 {
		if n := remembered(t, w, k, first); n != part {
			t.Fatalf("%d series are known, %d before", n, part)
		}
		if k.bytes > most+knownCost+100 {
			t.Fatalf("%d bytes, the bound is %d", k.bytes, most)
		}
	}
	second, known := namesOf("second", 100), 0
	for range 200 {
		if known = remembered(t, w, k, second); known == len(second) {
			break
		}
	}
	if known != len(second) {
		t.Errorf("%d of %d series that took the place of others are known", known, len(second))
	}
	if n := remembered(t, w, k, first); n > part/2 {
		t.Errorf("%d series that were long gone are known", n)
	}
}

// TestKnownTogether: clients that send at the same time, of which some send the same
// series, with so little memory that series are dropped all the time.
func TestKnownTogether(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 10, Columns: 10, Tags: 5})
	w := NewWriter(s, time.Now)
	k := NewKnown(8 << 10)
	remembered(t, w, k, namesOf("first", 1)) // makes the table
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := range 60 {
				remembered(t, w, k, namesOf(fmt.Sprint("client", (c/2+i/20)%3, "-"), 60))
			}
		})
	}
	clients.Wait()
	db, _ := s.Database("d")
	sch, _ := db.Table("t")
	if rows := readRows(t, s, sch); len(rows) != 1+3*60 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestKnownManyTags: series with tags beyond the first 64 of their table.
func TestKnownManyTags(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 10, Columns: 200, Tags: 150})
	w := NewWriter(s, time.Now)
	k := NewKnown(1 << 20)
	tags := namesOf("tag", 70)
	for i, want := range []int{0, 0, 2, 2} {
		// The other order gives the table's tags other places in the rows.
		if slices.Reverse(tags); remembered(t, w, k, []string{"a", "b"}, tags...) != want {
			t.Errorf("request %d: not %d known series", i, want)
		}
	}
	db, _ := s.Database("d")
	sch, _ := db.Table("t")
	if len(sch.Tags) != 71 {
		t.Errorf("%d tags", len(sch.Tags))
	}
	if rows := readRows(t, s, sch); len(rows) != 2 {
		t.Errorf("rows %v", rows)
	}
}
