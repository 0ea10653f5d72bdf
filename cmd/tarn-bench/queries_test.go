//go:build linux

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBenchQueryTexts(t *testing.T) {
	q := benchQuery{"", "SELECT HOUR AS t, AVG5 FROM cpu WHERE 12H GROUP BY 1"}
	want := "SELECT date_bin(INTERVAL '1 hour', time) AS t, avg(usage_user), avg(usage_system), avg(usage_idle), avg(usage_nice), avg(usage_iowait) FROM cpu " +
		"WHERE time >= '2026-01-01T06:17:55Z' AND time < '2026-01-01T18:17:55Z' GROUP BY 1"
	if got := q.tarn(); got != want {
		t.Errorf("got %s", got)
	}
	want = "time_bucket(INTERVAL '1 hour', make_timestamp(epoch_us(time))) AS t"
	if got := q.duck(); !strings.Contains(got, want) || !strings.Contains(got, "time >= TIMESTAMPTZ '2026-01-01T06:17:55Z'") {
		t.Errorf("got %s", got)
	}
}

// TestAnswersAreCompared: two answers to one question agree whatever their form,
// and the report fails when they do not.
func TestAnswersAreCompared(t *testing.T) {
	cell := func(s string) *string { return &s }
	var tarn, duck, other answer
	if err := tarn.addJSON([]byte(`[{"h":"a","v":1.5},{"h":"b"}]`)); err != nil {
		t.Fatal(err)
	}
	for to, v := range map[*answer]string{&duck: "f1.5", &other: "i2"} {
		if err := to.addRows([][]*string{{cell("sa"), cell(v)}, {cell("sb"), nil}}); err != nil {
			t.Fatal(err)
		}
	}
	tarn.took, duck.took, other.took = []time.Duration{3e6, 1e6, 2e6}, []time.Duration{4e6}, []time.Duration{4e6}
	var out bytes.Buffer
	if err := reportQueries(&out, []queryResult{{name: "q", tarn: tarn, duck: duck, compared: true}}); err != nil || !strings.Contains(out.String(), "2.00  1.00       4.00  4.00         0.50") {
		t.Errorf("%v\n%s", err, out.String())
	}
	victoria := answer{took: []time.Duration{8e6}, numbers: 1}
	if err := reportQueries(&out, []queryResult{{name: "q", tarn: tarn, victoria: &victoria}}); err != nil || !strings.Contains(out.String(), "8.00  8.00           0.25") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := reportQueries(&out, []queryResult{{name: "q", tarn: tarn, victoria: &victoria, same: true}}); err == nil || !strings.Contains(err.Error(), "VictoriaMetrics' 1") {
		t.Errorf("got %v", err)
	}
	if err := reportQueries(&out, []queryResult{{name: "q", tarn: tarn, duck: other, compared: true}}); err == nil || !strings.Contains(err.Error(), "q: Tarn 2 rows") {
		t.Errorf("got %v", err)
	}
}
