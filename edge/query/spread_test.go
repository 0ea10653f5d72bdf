package query

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// newWide lays down enough rows to be read in parts: two files of many series,
// two whose times overlap, and a buffer.
func newWide(t *testing.T) stored {
	t.Helper()
	ctx := context.Background()
	// Compaction would bring rows in another order while the test runs.
	s, err := store.Open(ctx, store.Options{Dir: t.TempDir(), WALSyncRate: 1e6, CompactInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	const day = int64(86400e9)
	row := 0
	write := func(from int64, rows int) {
		b := points.NewBatch()
		m := b.Table([]byte("m"))
		for i := range rows {
			tags := []points.Tag{{Key: []byte("host"), Value: fmt.Appendf(nil, "h%d", i%37)}}
			if i%37 < 30 {
				tags = append(tags, points.Tag{Key: []byte("site"), Value: fmt.Appendf(nil, "s%d", i%5)})
			}
			n := m.AddRow(m.AddSeries(nil, tags), from+int64(i)*8e8)
			if row++; row%11 > 0 {
				m.Fields[m.Field([]byte("n"), column.Int64)].Set(n, uint64(int64(row%2003)-1000))
			}
			if row%7 > 0 {
				m.Fields[m.Field([]byte("f"), column.Float64)].Set(n, math.Float64bits(float64(row%997)/8))
			}
			if row%3 > 0 {
				m.Fields[m.Field([]byte("s"), column.String)].SetString(n, fmt.Appendf(nil, "t%d", row%53))
			}
			m.Fields[m.Field([]byte("b"), column.Bool)].Set(n, uint64(row%2))
		}
		if err := s.Write(ctx, "db", b, store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	checkpoint := func() {
		if err := s.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	write(t0, 90_000)
	write(t0+day, 90_000)
	checkpoint()
	write(t0+2*day, 40_000)
	checkpoint()
	write(t0+2*day+3e8, 40_000) // some rows of these are late
	checkpoint()
	write(t0+3*day, 5_000)
	return stored{s}
}

// TestWorkers: how many goroutines work on a query does not show in the answer.
func TestWorkers(t *testing.T) {
	s := newWide(t)
	const all = "count(*), count(n), sum(n), sum(f), avg(n), avg(f), min(n), max(f), min(s), max(s), min(host), bool_and(b), bool_or(b), stddev(n), var_pop(f), max(time)"
	for _, q := range []string{
		"SELECT " + all + " FROM m",
		"SELECT " + all + " FROM m WHERE n > 1000000",
		"SELECT host, site, " + all + " FROM m GROUP BY 1, 2 ORDER BY 1, 2",
		"SELECT date_bin(INTERVAL '1 hour', time) AS h, s, b, sum(n) FILTER (WHERE f > 20), count(*) FROM m WHERE n % 2 = 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
		"SELECT f, upper(s) AS u, count(*), min(b) FROM m WHERE time >= '2026-01-01T20:00:00Z' GROUP BY 1, 2 ORDER BY 1, 2",
		"SELECT host, count(DISTINCT s), median(n) FROM m GROUP BY 1 ORDER BY 1",
	} {
		answers := map[int][]string{}
		for _, workers := range []int{1, 2, 5} {
			e := New(s, Options{Now: clock, Workers: workers})
			body, err := run(e, Request{Database: "db", Text: q, Language: SQL}, "csv")
			if err != nil {
				t.Fatal(err)
			}
			again, err := run(e, Request{Database: "db", Text: q, Language: SQL}, "csv")
			if err != nil || again != body {
				t.Errorf("%d workers, %s: another answer the second time (%v)", workers, q, err)
			}
			answers[workers] = strings.Split(body, "\n")
		}
		for _, workers := range []int{2, 5} {
			if want, got := answers[1], answers[workers]; !slices.EqualFunc(want, got, sameRow) {
				t.Errorf("%d workers, %s: %d lines, beginning with\n%s\nwant %d, beginning with\n%s", workers, q, len(got), got[1], len(want), want[1])
			}
		}
	}
}

// sameRow compares lines of CSV; floats may differ in their last digits.
func sameRow(a, b string) bool {
	return slices.EqualFunc(strings.Split(a, ","), strings.Split(b, ","), func(x, y string) bool {
		if x == y {
			return true
		}
		var f, g float64
		if _, err := fmt.Sscan(x, &f); err != nil {
			return false
		}
		if _, err := fmt.Sscan(y, &g); err != nil {
			return false
		}
		return math.Abs(f-g) <= 1e-9*max(math.Abs(f), math.Abs(g))
	})
}

// TestWorkersAreUsed: the wide table is worth more than one reader, and EXPLAIN
// ANALYZE counts what all of them did.
func TestWorkersAreUsed(t *testing.T) {
	s := newWide(t)
	table, _ := s.Store.Database("db")
	schema, _ := table.Table("m")
	rows, err := s.Scan(context.Background(), store.ScanSpec{Database: "db", Table: schema, MinTime: store.MinTime, MaxTime: store.MaxTime})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if n := len(rows.(store.Divisible).Split(3)); n != 3 {
		t.Errorf("%d parts, want 3", n)
	}
	plans := map[int]string{}
	for _, workers := range []int{1, 3} {
		drain(t, New(s, Options{Now: clock, Workers: workers}), "EXPLAIN ANALYZE SELECT sum(n) FROM m WHERE f > 10", func(b *column.Batch) error {
			plans[workers] = batches.ReplaceAllString(varying.ReplaceAllString(b.Cols[1].Text(0), "$1$2=*"), "")
			return nil
		})
	}
	if plans[1] != plans[3] {
		t.Errorf("one worker says\n%s\nthree say\n%s", plans[1], plans[3])
	}
}
