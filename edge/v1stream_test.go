package edge

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestChunksComeAsTheyAreMade reads the first chunk of a long answer while the
// query still runs, and then goes away: the query ends as cancelled.
func TestChunksComeAsTheyAreMade(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	var b strings.Builder
	for i := range 400_000 {
		fmt.Fprintf(&b, "m,h=a v=%d.25 %d\n", i, 1_700_000_000_000_000_000+int64(i)*1e9)
		if b.Len() > 4<<20 {
			s.write("d", b.String())
			b.Reset()
		}
	}
	s.write("d", b.String())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := url.Values{"db": {"d"}, "q": {"SELECT v, v * 3 AS w FROM m"}, "chunked": {"true"}, "chunk_size": {"1000"}}
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.app.Addr().String()+"/query?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var chunk struct {
		Results []struct {
			Series []struct {
				Values  [][]any
				Partial bool
			}
			Partial bool
		}
	}
	if err := json.Unmarshal(line, &chunk); err != nil {
		t.Fatalf("%v: %.200s", err, line)
	}
	if c := chunk.Results[0]; len(c.Series) != 1 || len(c.Series[0].Values) != 1000 || !c.Series[0].Partial || !c.Partial {
		t.Errorf("the first chunk is %.200s", line)
	}
	cancel()
	for {
		state := s.query("d", "SELECT running, cancelled, rows FROM system.queries WHERE query_type = 'influxql'", "json")
		if !strings.Contains(state, `"running":true`) {
			if !strings.Contains(state, `"cancelled":true`) {
				t.Errorf("the query ended as %s", state)
			}
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal(state)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestExplainAnalyze: it runs the query and says what each part did.
func TestExplainAnalyze(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	s.write("d", "m,h=a v=1 1767225600000000000\nm,h=b v=2 1767225660000000000")
	q := url.Values{"db": {"d"}, "q": {"EXPLAIN ANALYZE SELECT mean(v) FROM m WHERE h = 'a' AND time >= 0 AND time < 1767229200s GROUP BY time(1h) fill(none)"}}
	r := s.do(testRequest{method: "GET", target: "/query?" + q.Encode()})
	var answer struct {
		Results []struct {
			Series []struct {
				Columns []string
				Values  [][]string
			}
		}
	}
	if err := json.Unmarshal(r.body, &answer); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	series := answer.Results[0].Series[0]
	if series.Columns[0] != "EXPLAIN ANALYZE" {
		t.Errorf("columns %q", series.Columns)
	}
	text := fmt.Sprint(series.Values)
	for _, want := range []string{"Aggregate: keys=[time(1h0m0s)(time)]", "tags=[tag(h) = Utf8(\"a\")]", "output_rows=1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}
