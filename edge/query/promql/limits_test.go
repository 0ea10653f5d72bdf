package promql_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/promql"
	"tarn/store"
)

// fill writes lines into the database public of a new store.
func fill(t testing.TB, lines string) *store.Store {
	t.Helper()
	s := openStore(t)
	if _, err := ingest.NewWriter(s, time.Now).WriteLines(t.Context(), strings.NewReader(lines), ingest.Options{Database: "public", AllOrNothing: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

// wide is a metric of so many series with a sample a second.
func wide(series, samples int) string {
	var b strings.Builder
	for i := range series {
		for k := range samples {
			fmt.Fprintf(&b, "wide,host=h%d v=%d %d\n", i, k%100, int64(k)*1e9)
		}
	}
	return b.String()
}

func rangeOver(text string, from, to, step int) query.PromQLRequest {
	return query.PromQLRequest{Database: "public", Query: promql.Query{Text: text, Start: time.Unix(int64(from), 0), End: time.Unix(int64(to), 0), Step: time.Duration(step) * time.Second}}
}

// TestMemory: a query that needs more than the budget fails and says so, others
// go on, and nothing stays reserved.
func TestMemory(t *testing.T) {
	s := fill(t, wide(100, 300))
	e := query.New(provider{s}, query.Options{MemoryLimit: 1 << 20})
	for range 3 {
		for _, text := range []string{"wide", "rate(wide[1m])", "wide + wide"} {
			_, err := e.PromQL(t.Context(), rangeOver(text, 0, 3000, 1))
			var failed *query.Error
			if !errors.As(err, &failed) || failed.Class != query.Resources {
				t.Errorf("%s: got %v", text, err)
			}
		}
		res, err := e.PromQL(t.Context(), rangeOver("sum(wide)", 0, 299, 10))
		if err != nil {
			t.Fatal(err)
		}
		res.Close()
	}
	err := e.PromData(t.Context(), "public", "series", 0, func(ctx context.Context, q promql.Queryable) error {
		return q.Memory.Reserve(800 << 10)
	})
	if err != nil {
		t.Errorf("what others had is not free: %v", err)
	}
}

// TestSampleLimit: the engine's own limit counts too.
func TestSampleLimit(t *testing.T) {
	s := fill(t, wide(100, 300))
	e := query.New(provider{s}, query.Options{MemoryLimit: 500_000}) // the least: 15,625 samples
	_, err := e.PromQL(t.Context(), rangeOver("wide * 1", 0, 299, 1))
	var failed *query.Error
	if !errors.As(err, &failed) || failed.Class != query.Resources {
		t.Errorf("got %v", err)
	}
}

func TestTimeout(t *testing.T) {
	s := fill(t, wide(200, 300))
	e := query.New(provider{s}, query.Options{Timeout: time.Nanosecond})
	_, err := e.PromQL(t.Context(), rangeOver("sum(rate(wide[5m]))", 0, 299, 1))
	var failed *query.Error
	if !errors.As(err, &failed) || failed.Class != query.Timeout {
		t.Errorf("a timeout of the server: got %v", err)
	}
	e = query.New(provider{s}, query.Options{Timeout: time.Hour})
	r := rangeOver("sum(rate(wide[5m]))", 0, 299, 1)
	r.Timeout = time.Nanosecond
	if _, err = e.PromQL(t.Context(), r); !errors.As(err, &failed) || failed.Class != query.Timeout {
		t.Errorf("a timeout of the request: got %v", err)
	}
}

func TestCancel(t *testing.T) {
	s := fill(t, wide(10, 300))
	e := query.New(provider{s}, query.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.PromQL(ctx, rangeOver("sum(wide)", 0, 299, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if log := e.Log().List("public"); len(log) != 1 || !log[0].Cancel {
		t.Errorf("the log has %+v", log)
	}
}

// TestConcurrency: no more queries run than may.
func TestConcurrency(t *testing.T) {
	s := fill(t, wide(1, 1))
	e := query.New(provider{s}, query.Options{MaxConcurrent: 1})
	err := e.PromData(t.Context(), "public", "the one", 0, func(context.Context, promql.Queryable) error {
		_, err := e.PromQL(t.Context(), rangeOver("wide", 0, 1, 1))
		return err
	})
	var failed *query.Error
	if !errors.As(err, &failed) || failed.Class != query.Busy {
		t.Errorf("got %v", err)
	}
}

func TestLog(t *testing.T) {
	s := fill(t, wide(2, 10))
	e := query.New(provider{s}, query.Options{})
	res, err := e.PromQL(t.Context(), rangeOver("wide", 0, 9, 1))
	if err != nil {
		t.Fatal(err)
	}
	if log := e.Log().List("public"); len(log) != 1 || !log[0].Running {
		t.Errorf("while it runs the log has %+v", log)
	}
	res.Close()
	if _, err := e.PromQL(t.Context(), rangeOver("wide{", 0, 9, 1)); err == nil {
		t.Error("no error")
	}
	log := e.Log().List("public")
	if len(log) != 2 || log[1].Text != "wide" || log[1].Language != query.PromQL || log[1].Rows != 20 || !log[1].Success || log[1].MaxMemory == 0 || log[0].Phase != "fail" {
		t.Errorf("the log has %+v", log)
	}
}

// TestRows: the answers as tables.
func TestRows(t *testing.T) {
	s := fill(t, "m,host=a greptime_value=1 1000000000\nm,host=b,zone=z greptime_value=2 1000000000\nm2,host=a greptime_value=3 1000000000\nwide,host=a x=1,y=2 1000000000\n")
	e := query.New(provider{s}, query.Options{})
	for _, c := range []struct{ text, want string }{
		{"m", "greptime_timestamp greptime_value host zone | 1000000000 1 a NULL | 2000000000 1 a NULL | 1000000000 2 b z | 2000000000 2 b z"},
		{"sum(m)", "greptime_timestamp sum(m) | 1000000000 3 | 2000000000 3"},
		{"1 + 1", "time value | 1000000000 2 | 2000000000 2"},
		{"nosuch", "time value"},
		{`wide{__field__="y"}`, "greptime_timestamp y host | 1000000000 2 a | 2000000000 2 a"},
		{`{__name__=~"m2?",host="a"}`, "greptime_timestamp value __name__ host | 1000000000 1 m a | 2000000000 1 m a | 1000000000 3 m2 a | 2000000000 3 m2 a"},
	} {
		columns, b, err := e.PromRows(t.Context(), rangeOver(c.text, 1, 2, 1))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range columns {
			names = append(names, c.Name)
		}
		lines := []string{strings.Join(names, " ")}
		for row := range b.Len {
			cells := []string{fmt.Sprint(b.Cols[0].Ints[row]), fmt.Sprint(b.Cols[1].Floats[row])}
			for _, v := range b.Cols[2:] {
				if v.IsNull(row) {
					cells = append(cells, "NULL")
				} else {
					cells = append(cells, v.Strings[row])
				}
			}
			lines = append(lines, strings.Join(cells, " "))
		}
		if got := strings.Join(lines, " | "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
	lines, err := e.PromExplain(t.Context(), rangeOver("sum(rate(m[5m]))", 1, 2, 1), true)
	if err != nil || !strings.Contains(strings.Join(lines, "\n"), "MatrixSelector") || !strings.Contains(lines[len(lines)-1], "series=0 samples=0") {
		t.Errorf("got %q, %v", lines, err)
	}
	if _, err := e.PromExplain(t.Context(), rangeOver("sum(", 1, 2, 1), false); err == nil {
		t.Error("no error")
	}
}
