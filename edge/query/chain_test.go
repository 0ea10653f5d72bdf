package query

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestChainOfCTEs plans WITH queries that read one another in a row, which is
// no nesting, and such that read one another twice, which doubles with each.
func TestChainOfCTEs(t *testing.T) {
	chain := func(n int, query string) string {
		var b strings.Builder
		b.WriteString("WITH c0 AS (SELECT 1 AS x)")
		for i := range n {
			fmt.Fprintf(&b, ", c%d AS (%s)", i+1, fmt.Sprintf(query, i))
		}
		fmt.Fprintf(&b, " SELECT max(x) AS x FROM c%d", n)
		return b.String()
	}
	e := New(examples(t), Options{Now: clock})
	got, err := run(e, Request{Database: "db", Text: chain(400, "SELECT x + 1 AS x FROM c%d"), Language: SQL}, "csv")
	if err != nil || got != "x\n401\n" {
		t.Errorf("400 in a row: %q, %v", got, err)
	}
	for _, text := range []string{
		chain(2000, "SELECT x + 1 AS x FROM c%d"),
		chain(40, "SELECT a.x + b.x AS x FROM c%[1]d a, c%[1]d b"),
	} {
		_, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "csv")
		var known *Error
		if !errors.As(err, &known) || known.Class != Plan {
			t.Errorf("%.100s...: %v, want an error of planning", text, err)
		}
	}
}
