package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/schema"
)

// texts are the values of field s in a table, in the order of a scan's rows.
func texts(t *testing.T, s *Store, table string, order Order) (out []string) {
	t.Helper()
	db, _ := s.Database("d")
	sch, ok := db.Table(table)
	if !ok {
		return nil
	}
	col, _ := sch.Column("s")
	rows, err := s.Scan(context.Background(), ScanSpec{Database: "d", Table: sch, Columns: []int{col.ID}, MinTime: MinTime, MaxTime: MaxTime, Order: order})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b column.Batch
	for {
		err := rows.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len {
			out = append(out, b.Cols[0].Text(i))
		}
	}
}

// TestAppendTables: rows of one series and time stay apart, in the order in
// which they came, in one write and many, in memory, in files, after compaction
// and after crashes.
func TestAppendTables(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.store.DefineTable(ctx, "d", "log", nil, nil, &schema.Definition{Options: map[string]string{schema.AppendMode: "true"}}))
	var want []string
	line := 0
	put := func(n int) {
		t.Helper()
		w := one("d", "log", "h", 100, fmt.Sprintf("s=%05d", line))
		for i := range n {
			if i > 0 {
				w.rows = append(w.rows, one("d", "log", "h", 100, fmt.Sprintf("s=%05d", line)).rows...)
			}
			want = append(want, fmt.Sprintf("%05d", line))
			line++
		}
		m.must(m.store.Write(ctx, "d", w.batch(), WriteOptions{}))
	}
	check := func(when string) {
		t.Helper()
		for _, order := range []Order{SeriesTime, 0} {
			got := texts(t, m.store, "log", order)
			if order != SeriesTime {
				slices.Sort(got) // of files and memory in any order
			}
			if !slices.Equal(got, want) {
				at := 0
				for at < min(len(got), len(want)) && got[at] == want[at] {
					at++
				}
				t.Fatalf("%s: %d rows of %d, order %d, different from %d on: %q", when, len(got), len(want), order, at, got[at:min(len(got), at+20)])
			}
		}
	}
	put(3)
	put(1)
	check("in memory")
	put(10000) // seals blocks
	check("in blocks")
	m.must(m.store.Checkpoint(ctx))
	check("in a file")
	put(2)
	check("in a file and in memory")
	disk := m.crashNow()
	m.stop()
	m.mem, m.catalog = disk.mem, disk.catalog
	m.mustOpen()
	check("after a crash")
	m.must(m.store.Checkpoint(ctx))
	put(1)
	m.must(m.store.Checkpoint(ctx))
	check("in files")
	m.clock.Add(int64(100 * 24 * time.Hour))
	if n, err := m.store.Compact(ctx); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	check("after compaction")
	m.must(m.store.Close(ctx))
	m.store = nil
	m.mustOpen()
	put(1)
	check("after a restart")
}
