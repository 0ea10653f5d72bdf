package query

import (
	"errors"
	"fmt"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
)

// manyGroups is a table of 50 x 20 series with 100 rows each, a row every 30
// seconds, not in order of the series.
func manyGroups(t *testing.T) *memory {
	t.Helper()
	big := newTable(1, "big", []string{"a", "b"}, schema.Column{Name: "v", Kind: column.Int64})
	for minute := range 100 {
		for s := range 1000 {
			s = (s*7 + minute) % 1000
			var b any = fmt.Sprintf("b%d", s%20)
			if s%20 == 0 {
				b = nil
			}
			big.add(t, t0+int64(minute)*30e9, fmt.Sprintf("a%d", s/20), b, s+minute)
		}
	}
	return &memory{tables: map[string]*memoryTable{"big": big}}
}

// TestGroupsInOrder aggregates into more groups than the budget holds: when
// the order of the scan can bring them together, the answer is the same.
func TestGroupsInOrder(t *testing.T) {
	const budget = 1_500_000
	for _, c := range []struct {
		keys    string
		streams bool
	}{
		{"a, b, date_bin(INTERVAL '1 minute', time)", true},
		{"date_trunc('minute', time), b, a", true},
		{"a, b, time", true},
		{"a || '', b, time", false},
		{"b, time", true}, // few enough
		{"v, time", false},
	} {
		m := manyGroups(t)
		text := fmt.Sprintf(`SELECT count(*) AS groups, sum(s) AS s, sum(c) AS c, min(lo) AS lo, max(hi) AS hi, sum(x) AS x FROM (
			SELECT sum(v) AS s, count(*) AS c, min(v) AS lo, max(time) AS hi, avg(v) * count(b) AS x FROM big WHERE v >= 3 GROUP BY %s)`, c.keys)
		want, err := run(New(m, Options{Now: clock}), Request{Database: "db", Text: text, Language: SQL}, "csv")
		if err != nil {
			t.Fatalf("%s: %v", c.keys, err)
		}
		got, err := run(New(m, Options{Now: clock, MemoryLimit: budget}), Request{Database: "db", Text: text, Language: SQL}, "csv")
		if !c.streams {
			var known *Error
			if !errors.As(err, &known) || known.Class != Resources {
				t.Errorf("%s within %d bytes: %v, want an error of resources", c.keys, budget, err)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%s within %d bytes:\n%s %v\nwithout a limit:\n%s", c.keys, budget, got, err, want)
		}
	}
}
