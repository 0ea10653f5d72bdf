package edge

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestConcurrentClients lets writers make databases, tables and columns at the
// same time while others query and administer: everything that was
// acknowledged is there, and nobody gets an answer of the 5xx class but a 503.
func TestConcurrentClients(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	const writers, bodies, lines = 8, 12, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for b := range bodies {
				var text strings.Builder
				for l := range lines {
					// All writers meet in one table, with columns of their own.
					fmt.Fprintf(&text, "m,writer=w%d v=%di,own%d=1 %d\n", w, l, w, b*lines+l+1)
				}
				target := fmt.Sprintf("/api/v3/write_lp?db=db%d&precision=s", b%3)
				// Who loses the race for a new column is told to come again.
				for {
					r := s.do(testRequest{method: "POST", target: target, body: []byte(text.String())})
					if r.StatusCode == http.StatusNoContent {
						break
					}
					if r.StatusCode != http.StatusServiceUnavailable {
						t.Errorf("write: %s", r.text())
						return
					}
				}
			}
		})
	}
	for q := range 3 {
		wg.Go(func() {
			for range 30 {
				target := fmt.Sprintf("/api/v3/query_sql?db=db%d&q=SELECT+writer,+count(*)+AS+n,+max(v)+FROM+m+GROUP+BY+writer", q)
				if r := s.do(testRequest{method: "GET", target: target}); r.StatusCode >= 500 && r.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("query: %s", r.text())
				}
				if r := s.do(testRequest{method: "GET", target: "/metrics"}); r.StatusCode != http.StatusOK {
					t.Errorf("metrics: %s", r.text())
				}
				if r := s.do(testRequest{method: "GET", target: "/api/v3/configure/database?format=csv&show_deleted=true"}); r.StatusCode != http.StatusOK {
					t.Errorf("list: %s", r.text())
				}
			}
		})
	}
	wg.Wait()
	check := func(when string) {
		t.Helper()
		for db := range 3 {
			got := s.query(fmt.Sprint("db", db), "SELECT count(*) AS n, count(DISTINCT writer) AS w, sum(v) AS s FROM m", "csv")
			rows := writers * bodies / 3 * lines
			if want := fmt.Sprintf("n,w,s\n%d,%d,%d\n", rows, writers, rows*(lines-1)/2); got != want {
				t.Errorf("%s: db%d has %q, want %q", when, db, got, want)
			}
		}
	}
	check("before the restart")
	s.stop()
	s.start()
	check("after it")
}

// TestCreateRace: of many that create one thing, one succeeds and the others
// hear that it exists.
func TestCreateRace(t *testing.T) {
	locked, open := startServer(t), startServer(t, func(o *Config) { o.WithoutAuth = true })
	jsonType := http.Header{"Content-Type": {"application/json"}}
	for _, c := range []struct {
		server *testServer
		q      testRequest
		ok     int
	}{
		{locked, testRequest{method: "POST", target: "/api/v3/configure/token/admin"}, http.StatusCreated},
		{open, testRequest{method: "POST", target: "/api/v3/configure/database", header: jsonType, body: []byte(`{"db":"d"}`)}, http.StatusOK},
		{open, testRequest{method: "POST", target: "/api/v3/configure/table", header: jsonType, body: []byte(`{"db":"d","table":"t","tags":[]}`)}, http.StatusOK},
	} {
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := map[int]int{}
		for range 8 {
			wg.Go(func() {
				q := c.q
				q.header = c.q.header.Clone()
				r := c.server.do(q)
				mu.Lock()
				defer mu.Unlock()
				count[r.StatusCode]++
			})
		}
		wg.Wait()
		if count[c.ok] != 1 || count[http.StatusConflict] != 7 {
			t.Errorf("%s: statuses %v", c.q.target, count)
		}
	}
}
