package edge

import (
	"crypto/sha512"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTemporaryFiles sorts more than the smallest server has memory for: by
// files that a start empties, that go when the query ends, and that the quota
// of the disk allows or refuses.
func TestTemporaryFiles(t *testing.T) {
	s := startServer(t, func(c *Config) { c.WithoutAuth = true })
	tmp := filepath.Join(s.config.DataDir, "tmp")
	left := func() int {
		t.Helper()
		files, err := os.ReadDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	const rows = 60_000
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "big v=%di,s=\"%x\" %d\n", i*7919%rows, sha512.Sum512(strconv.AppendInt(nil, int64(i), 10)), i)
		if b.Len() > 4<<20 || i == rows-1 {
			for try := 0; ; try++ {
				r := s.do(testRequest{method: "POST", target: "/write?db=db", body: []byte(b.String())})
				if r.StatusCode == http.StatusNoContent {
					break
				}
				if r.StatusCode != http.StatusServiceUnavailable || try == 600 { // buffers are full: come again
					t.Fatalf("write: %d %s", r.StatusCode, r.body)
				}
				time.Sleep(50 * time.Millisecond)
			}
			b.Reset()
		}
	}
	ask := func(q string) testResponse {
		return s.do(testRequest{method: "GET", target: "/api/v3/query_sql?format=csv&db=db&q=" + url.QueryEscape(q)})
	}
	sorted := func() testResponse { return ask("SELECT v, s, s || s AS t FROM big ORDER BY v") }
	answer := sorted()
	lines := strings.Split(strings.TrimSpace(string(answer.body)), "\n")
	if len(lines) != rows+1 {
		t.Fatalf("%d lines: %.200s", len(lines), answer.body)
	}
	for i, l := range lines[1:] {
		if !strings.HasPrefix(l, fmt.Sprintf("%d,", i)) {
			t.Fatalf("line %d: %.50s", i, l)
		}
	}
	if r := ask("EXPLAIN ANALYZE SELECT v, s, s || s AS t FROM big ORDER BY v"); !strings.Contains(string(r.body), "spilled_bytes=") {
		t.Errorf("nothing was written to disk: %s", r.body)
	}
	if n := left(); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}

	s.stop()
	if err := os.WriteFile(filepath.Join(tmp, "17"), []byte("of a server that crashed"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.config.MaxDiskBytes = 6 << 20
	s.start()
	if n := left(); n != 0 {
		t.Errorf("%d temporary files are left after a start", n)
	}
	refused := func(what string) {
		t.Helper()
		r := sorted()
		if r.StatusCode != http.StatusInsufficientStorage || !strings.Contains(string(r.body), "Resources exhausted") {
			t.Errorf("%s: %d %.300s", what, r.StatusCode, r.body)
		}
	}
	refused("beyond --max-disk-bytes")
	s.stop()
	s.config.MaxDiskBytes, s.config.MaxSpillBytes = 0, 0
	s.start()
	refused("without --max-spill-bytes")
	if r := ask("SELECT count(*) AS n FROM big"); string(r.body) != fmt.Sprintf("n\n%d\n", rows) {
		t.Errorf("count: %s", r.body)
	}
}
