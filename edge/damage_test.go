package edge

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDamagedFile damages a Parquet file below a running server: one query
// fails, the next ones do without, and health and metrics say so.
func TestDamagedFile(t *testing.T) {
	s := startServer(t, func(c *Config) { c.WithoutAuth = true })
	s.write("d", "broken,host=a v=1 1000000000\n")
	s.write("d", "whole,host=a v=1 1000000000\n")
	s.stop()
	s.start()
	files, err := filepath.Glob(filepath.Join(s.config.DataDir, "segments", "*", "1", "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 8; i < len(data)/2; i++ {
		data[i] ^= 0xff
	}
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	get := func(target string) testResponse { return s.do(testRequest{method: "GET", target: target}) }
	if r := get("/health"); string(r.body) != "OK" {
		t.Fatalf("before anybody reads the file: %s", r.text())
	}
	if r := get("/api/v3/query_sql?db=d&format=json&q=SELECT+*+FROM+broken"); !strings.Contains(string(r.body), "queries go on without this file") {
		t.Fatalf("a query of the damaged file: %s", r.text())
	}
	if got := s.query("d", "SELECT count(*) AS n FROM broken", "json"); got != `[{"n":0}]` {
		t.Fatalf("the next query: %s", got)
	}
	if got := s.query("d", "SELECT count(*) AS n FROM whole", "json"); got != `[{"n":1}]` {
		t.Fatalf("another table: %s", got)
	}
	s.write("d", "broken,host=a v=2 2000000000\n")
	for range 2 {
		r := get("/health")
		for _, want := range []string{`{"error":"degraded: 1 damaged files`, `"kind":"segment"`, `"kept":"quarantine/`, `1 rows of table \"broken\" of database \"d\" from 2001-09-09T01:46:40Z`} {
			if r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), want) {
				t.Fatalf("health lacks %s: %s", want, r.text())
			}
		}
		if r := get("/metrics"); !strings.Contains(string(r.body), "tarn_damaged_segments 1\n") {
			t.Error("the metrics do not know")
		}
		s.stop()
		s.start()
	}
}
