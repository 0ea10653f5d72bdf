package query

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// stored gives queries a real store.
type stored struct{ *store.Store }

func (s stored) Database(name string) (plan.Database, bool) { return s.Store.Database(name) }

// newStored lays down two days of four hosts, a file a day, and some rows that
// stay in the buffer.
func newStored(t *testing.T) stored {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: t.TempDir(), WALSyncRate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	write := func(from int64, rows int) {
		b := points.NewBatch()
		m := b.Table([]byte("cpu"))
		for i := range rows {
			host := fmt.Sprintf("h%d", i%4)
			n := m.AddRow(m.AddSeries(nil, []points.Tag{{Key: []byte("host"), Value: []byte(host)}}), from+int64(i)*20e9)
			m.Fields[m.Field([]byte("n"), column.Int64)].Set(n, uint64(i))
		}
		if err := s.Write(ctx, "db", b, store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	const day = int64(86400e9)
	write(t0, 4000)
	write(t0+day, 4000)
	if err := s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	write(t0+2*day, 40)
	return stored{s}
}

// varying is what differs from run to run, or with the encoding of files.
var varying = regexp.MustCompile(`(elapsed|elapsed_compute|memory_peak)=[^ \]]+|(bytes_read)=[1-9][0-9]*`)

// batches is what depends on how many goroutines read.
var batches = regexp.MustCompile(` (batches|pages|pages_cached)=\d+`)

func TestExplainAnalyze(t *testing.T) {
	e := New(newStored(t), Options{Now: clock})
	for _, c := range []struct{ name, text, want string }{
		{"one day and one series of files and buffer",
			`SELECT max(n) FROM cpu WHERE host = 'h1' AND time < '2026-01-02'`,
			`Project: max(cpu.n) [output_rows=1 batches=1 elapsed_compute=*]
  Aggregate: keys=[] aggregates=[max(cpu.n)] [output_rows=1 batches=1 elapsed_compute=*]
    Scan: cpu columns=[n] to=2026-01-01T23:59:59.999999999 tags=[cpu.host = Utf8("h1")] [output_rows=1000 batches=1 elapsed_compute=* bytes_read=* files=1 files_pruned=1 blocks=0 blocks_pruned=1 row_groups=1 row_groups_pruned=0 series=1 series_pruned=3 pages=1 pages_cached=0]
Total: elapsed=* memory_peak=*`},
		{"the newest row",
			`SELECT n FROM cpu ORDER BY time DESC LIMIT 1`,
			`Project: cpu.n [output_rows=1 batches=1 elapsed_compute=*]
  Limit: skip=0 fetch=1 [output_rows=1 batches=1 elapsed_compute=*]
    TopN: 1 by cpu.time DESC NULLS FIRST [output_rows=1 batches=1 elapsed_compute=*]
      Project: cpu.n, cpu.time [output_rows=40 batches=1 elapsed_compute=*]
        Scan: cpu columns=[n, time] order=newest-first [output_rows=40 batches=1 elapsed_compute=* bytes_read=0 files=0 files_pruned=2 blocks=1 blocks_pruned=0 row_groups=0 row_groups_pruned=0 series=4 series_pruned=0 pages=0 pages_cached=0]
Total: elapsed=* memory_peak=*`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			drain(t, e, "EXPLAIN ANALYZE "+c.text, func(b *column.Batch) error {
				got += b.Cols[1].Text(0)
				return nil
			})
			if got = varying.ReplaceAllString(got, "$1$2=*"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
