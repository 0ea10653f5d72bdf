package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/result"
	"tarn/store"
	"tarn/store/column"
)

// filesRefused is a Provider that reads no table.
type filesRefused struct {
	Provider
	t testing.TB
}

func (p filesRefused) Scan(context.Context, store.ScanSpec) (store.Rows, error) {
	p.t.Error("a query of a cache read a table")
	return nil, errors.New("refused")
}

// cachedHosts is an engine over a last-value cache of so many hosts, whose
// tables cannot be read.
func cachedHosts(t testing.TB, hosts int) *query.Engine {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), WALSyncRate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w := ingest.NewWriter(s, time.Now)
	write := func(lines string) {
		t.Helper()
		if _, err := w.WriteLines(t.Context(), strings.NewReader(lines), ingest.Options{Database: "d"}); err != nil {
			t.Fatal(err)
		}
	}
	write("cpu,host=host_0,region=eu usage=0,temp=20i 1767225600000000000\n")
	if _, err := s.CreateLastCache(t.Context(), "d", "cpu", store.LastCacheDef{Count: 1, TTL: 14400}); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range hosts {
		fmt.Fprintf(&b, "cpu,host=host_%d,region=eu usage=%d,temp=20i 1767225601000000000\n", i, i)
	}
	write(b.String())
	return query.New(filesRefused{Provider{s}, t}, query.Options{Caches: caches{s}})
}

// answer runs a query and returns its rows as CSV.
func answer(t testing.TB, e *query.Engine, sql string) string {
	t.Helper()
	r, err := e.Query(context.Background(), query.Request{Database: "d", Text: sql, Language: query.SQL})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	w, err := result.New(result.CSV, &out, r.Columns())
	if err != nil {
		t.Fatal(err)
	}
	var b column.Batch
	for {
		if err = r.Next(context.Background(), &b); err == nil {
			err = w.WriteBatch(&b)
		}
		switch {
		case errors.Is(err, io.EOF):
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return out.String()
		case err != nil:
			t.Fatal(err)
		}
	}
}

const lastOfHost = `SELECT host, usage, temp FROM last_cache('cpu') WHERE host = 'host_700'`

// TestCachesReadNoFile asks a cache with a store that refuses scans.
func TestCachesReadNoFile(t *testing.T) {
	e := cachedHosts(t, 2000)
	if got, want := answer(t, e, lastOfHost), "host,usage,temp\nhost_700,700.0,20\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := answer(t, e, `SELECT host FROM last_cache('cpu') WHERE temp = 20 AND usage = 7 AND time > '2020-01-01'`), "host\nhost_7\n"; got != want {
		t.Errorf("by values: got %q, want %q", got, want)
	}
	if got, want := answer(t, e, `SELECT count(*) AS n, max(usage) AS top FROM last_cache('cpu')`), "n,top\n2000,1999.0\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// BenchmarkLastCache is a dashboard's query of one host of 10,000, from its text
// to CSV.
func BenchmarkLastCache(b *testing.B) {
	e := cachedHosts(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		answer(b, e, lastOfHost)
	}
}
