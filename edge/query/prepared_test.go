package query

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/schema"

	"github.com/cockroachdb/datadriven"
)

// TestPreparedQueries runs all queries of testdata again and again with one
// engine, which plans only the first runs: the answers stay the same.
func TestPreparedQueries(t *testing.T) {
	all, kept := 0, 0
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "query" || d.HasArg("params") || d.HasArg("memory") {
				return d.Expected
			}
			format, db := "csv", "db"
			d.MaybeScanArgs(t, "format", &format)
			d.MaybeScanArgs(t, "db", &db)
			req := Request{Database: db, Text: d.Input, Language: SQL}
			e := New(examples(t), Options{Now: clock})
			for i := range 3 { // noted, kept, found
				body, err := run(e, req, format)
				if got := strings.TrimSuffix(body+describe(err), "\n"); got != strings.TrimSuffix(d.Expected, "\n") && !strings.Contains(d.Input, "system.queries") {
					t.Errorf("%s\nrun %d:\n%s\nwant\n%s", d.Input, i, got, d.Expected)
				}
			}
			all++
			kept += len(e.prepared.plans)
			return d.Expected
		})
	})
	if all < 500 || kept < 200 {
		t.Errorf("of %d queries %d were kept", all, kept)
	}
}

// TestPreparedFollows has what a kept plan must not outlive.
func TestPreparedFollows(t *testing.T) {
	m := examples(t)
	now := clock()
	e := New(m, Options{Now: func() time.Time { return now }})
	answer := func(text string) string {
		t.Helper()
		body, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "csv")
		return body + describe(err)
	}
	want := func(text, want string) {
		t.Helper()
		for range 4 {
			if got := answer(text); got != want {
				t.Fatalf("%s: got\n%s\nwant\n%s", text, got, want)
			}
		}
	}
	m.tables["x"] = newTable(7, "x", []string{"host"}, schema.Column{Name: "v", Kind: column.Int64})
	m.tables["x"].add(t, t0, "a", 1)
	want("SELECT * FROM x", "host,time,v\na,2026-01-01T00:00:00,1\n")
	m.tables["x"].add(t, t0+1e9, "a", 2)
	want("SELECT * FROM x", "host,time,v\na,2026-01-01T00:00:00,1\na,2026-01-01T00:00:01,2\n")

	// The clock goes on, wherever it is asked.
	recent := "SELECT v FROM x WHERE time > now() - INTERVAL '1 hour'"
	now = time.Unix(0, t0+3600e9+5e8)
	want(recent, "v\n2\n")
	now = now.Add(time.Second)
	want(recent, "")
	want("SELECT now() AS n, v FROM x WHERE v = 1", "n,v\n"+now.UTC().Format("2006-01-02T15:04:05.000")+",1\n")
	limit := "SELECT v FROM x ORDER BY v LIMIT CASE WHEN now() > TIMESTAMP '2026-01-02' THEN 2 ELSE 1 END"
	want(limit, "v\n1\n")
	now = now.AddDate(0, 0, 1)
	want(limit, "v\n1\n2\n")

	// Another table of that name, one with another column, none.
	old := m.tables["x"]
	m.tables["x"] = newTable(8, "x", []string{"host"}, schema.Column{Name: "v", Kind: column.Float64}, schema.Column{Name: "w", Kind: column.Int64})
	m.tables["x"].add(t, t0, "a", 1.5, 7)
	want("SELECT * FROM x", "host,time,v,w\na,2026-01-01T00:00:00,1.5,7\n")
	delete(m.tables, "x")
	gone := answer("SELECT * FROM x")
	if !strings.Contains(gone, "not found") {
		t.Error(gone)
	}
	want("SELECT * FROM x", gone)
	m.tables["x"] = old
	want("SELECT v FROM x", "v\n1\n2\n")
	if got, err := run(e, Request{Database: "other", Text: "SELECT v FROM x", Language: SQL}, "csv"); err == nil {
		t.Error("in another database:", got)
	}
}

// TestPreparedIsBounded looks for what is kept of many statements, and of those
// that are not worth it.
func TestPreparedIsBounded(t *testing.T) {
	e := New(examples(t), Options{Now: clock})
	twice := func(text string) {
		t.Helper()
		for range 2 {
			if _, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "csv"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 3 * maxPrepared {
		twice(fmt.Sprintf("SELECT time + INTERVAL '%d seconds' FROM env", i))
	}
	if n := len(e.prepared.plans); n != maxPrepared {
		t.Errorf("%d plans are kept, want %d", n, maxPrepared)
	}
	clear(e.prepared.plans)
	var many []string // more than plan.Copy takes
	for i := range 300 {
		many = append(many, fmt.Sprintf("t + %d", i))
	}
	for _, text := range []string{
		"SELECT 1 -- " + strings.Repeat("x", maxPreparedText),
		"SELECT " + strings.Join(many, ", ") + " FROM env",
		"SELECT table_name FROM information_schema.tables",
		"EXPLAIN SELECT * FROM env",
		"SELECT t FROM env LIMIT CASE WHEN now() > TIMESTAMP '2026-01-02' THEN 2 ELSE 1 END",
	} {
		twice(text)
		if n := len(e.prepared.plans); n != 0 {
			t.Errorf("kept: %.60s", text)
		}
	}
	text := "SELECT t FROM env WHERE node = $n"
	for _, n := range []string{"a", "b", "a"} {
		got, err := run(e, Request{Database: "db", Text: text, Language: SQL, Params: map[string]any{"n": n}}, "csv")
		same, _ := run(e, Request{Database: "db", Text: strings.ReplaceAll(text, "$n", "'"+n+"'"), Language: SQL}, "csv")
		if err != nil || got != same {
			t.Errorf("n = %s: %s, %v; want %s", n, got, err, same)
		}
	}
}

// TestPreparedAtOnce runs one statement from several goroutines.
func TestPreparedAtOnce(t *testing.T) {
	m := examples(t)
	text := `SELECT date_bin(INTERVAL '10 minutes', time) AS b, node, max(t), count(*) FROM env WHERE node IN ('a', 'b') AND n < 9 GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 3`
	want, err := run(New(m, Options{Now: clock}), Request{Database: "db", Text: text, Language: SQL}, "csv")
	if err != nil || strings.Count(want, "\n") != 4 {
		t.Fatal(want, err)
	}
	e := New(m, Options{Now: clock, Workers: 2})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 50 {
				if got, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "csv"); err != nil || got != want {
					t.Errorf("got %s, %v", got, err)
				}
			}
		})
	}
	wait.Wait()
	if len(e.prepared.plans) != 1 {
		t.Error("nothing was kept")
	}
}
