package query

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"tarn/store/schema"

	"tarn/store/column"
)

// TestBudgetOfExpressions runs expressions that make far more text than they
// read: they must fail before they have taken much more than the budget.
func TestBudgetOfExpressions(t *testing.T) {
	const budget = 32 << 20
	big := newTable(1, "big", []string{"g"}, schema.Column{Name: "s", Kind: column.String}, schema.Column{Name: "l", Kind: column.String})
	for i := range 8192 {
		big.add(t, t0+int64(i), "g", fmt.Sprintf("text-%d", i), strings.Repeat("x", 500))
	}
	e := New(&memory{tables: map[string]*memoryTable{"big": big}}, Options{Now: clock, MemoryLimit: budget})
	for _, c := range []struct {
		text string
		fits bool
	}{
		{"SELECT length(repeat(s, 20000)) FROM big LIMIT 3", true},
		{"SELECT length(repeat(s, 20000)) FROM big LIMIT 3 OFFSET 5000", true},
		{"SELECT length(repeat(s, 20000)) FROM big UNION ALL SELECT 1 LIMIT 3", true},
		{"SELECT length(repeat(s, 20000)) FROM big ORDER BY time DESC LIMIT 3", true},
		{"SELECT length(repeat(s, 20000)) AS x, s, time FROM (SELECT *, s || 'x' AS y FROM big) ORDER BY s, time LIMIT 3", true},
		{"SELECT length(repeat(s, 20000)) AS x FROM big ORDER BY x LIMIT 3", false},
		{"SELECT max(length(repeat(s, 20))) FROM big", true},
		{"SELECT max(length(repeat(g, 100000))) FROM big", true}, // one value of a tag
		{"SELECT max(length(repeat(s, 20000))) FROM big", false},
		{"SELECT count(*) FROM big WHERE repeat(s, 20000) > 'z'", false},
		{"SELECT max(length(lpad(s, 100000))) FROM big", false},
		{"SELECT max(length(rpad(s, 100000, 'é'))) FROM big", false},
		{"SELECT max(length(replace(l, 'x', repeat('y', 1000)))) FROM big", false},
		{"SELECT max(length(concat(repeat('y', 100000), s))) FROM big", false},
		{"SELECT max(length(concat_ws(repeat('y', 100000), s, s))) FROM big", false},
		{"SELECT max(length(repeat('y', 100000) || s)) FROM big", false},
		{"SELECT max(length(upper(repeat('y', 10000) || s))) FROM big", false},
		{"SELECT max(length(regexp_replace(l, 'x', repeat('y', 1000), 'g'))) FROM big", false},
		{"SELECT max(length(array_to_string(array_repeat(l, 200), ', '))) FROM big", false},
		{"SELECT max(cardinality(array_repeat(length(s), 1000))) FROM big", false},
		{"SELECT max(length(x)) FROM (SELECT string_agg(s, repeat(',', 10000)) AS x FROM big)", false},
		{"SELECT max(length(x)) FROM (SELECT string_agg(s, ',') OVER (ORDER BY time) AS x FROM big)", false},
		{"SELECT repeat('y', 16000000) || repeat('z', 16000000) || repeat('z', 16000000)", false},
		{"SELECT length(array_to_string(generate_series(1, 100000), repeat('y', 100000)))", false},
		{"SELECT (SELECT max(repeat(a.s, 30000)) FROM big WHERE time < '2026-01-01T00:00:00.000000010') = '' FROM (SELECT s FROM big LIMIT 50) a", true},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := run(e, Request{Database: "db", Text: c.text, Language: SQL}, "csv")
		runtime.ReadMemStats(&after)
		var known *Error
		switch short := errors.As(err, &known) && (known.Class == Resources || known.Class == Execution && strings.Contains(known.Msg, "larger than")); {
		case c.fits && err != nil:
			t.Errorf("%s: %v", c.text, err)
		case !c.fits && !short:
			t.Errorf("%s: %v, want an error of resources", c.text, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; !c.fits && took > 20*budget {
			t.Errorf("%s: allocated %d MB in all within a budget of %d MB", c.text, took>>20, budget>>20)
		}
	}
}
