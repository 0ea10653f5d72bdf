package sql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCopiesAreBounded parses operands that stand in several places of what they
// mean, nested so that they double with each level.
func TestCopiesAreBounded(t *testing.T) {
	any := "SELECT 1" + strings.Repeat(" > ANY(SELECT true)", 100)
	row := "SELECT " + strings.Repeat("((", 60) + "1, 2) < (1, 2)" + strings.Repeat(", 1) < (true, 2)", 59) + ")"
	inner := strings.Repeat("SELECT 1 > ANY(", 60) + "SELECT true" + strings.Repeat(")", 60)
	for _, text := range []string{any, row, inner} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("%.60s...: %v", text, err)
		}
	}
}

// TestParse runs the files of testdata: "parse" prints the statement with
// every operator in parentheses, "expr" does so for an expression. Whatever
// parses must parse again from its own text.
func TestParse(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for line := range strings.SplitSeq(d.Input, "\n---\n") {
				var n Node
				var err error
				if d.Cmd == "expr" {
					n, err = ParseExpr(line)
				} else {
					n, err = Parse(line)
				}
				if err != nil {
					fmt.Fprintln(&out, "error:", err)
					continue
				}
				fmt.Fprintln(&out, n)
				again := func() (Node, error) {
					if d.Cmd == "expr" {
						return ParseExpr(n.String())
					}
					return Parse(n.String())
				}
				if m, err := again(); err != nil {
					fmt.Fprintln(&out, "  does not parse again:", err)
				} else if m.String() != n.String() {
					fmt.Fprintln(&out, "  parses again as:", m)
				}
			}
			return out.String()
		})
	})
}

func TestExcerpt(t *testing.T) {
	_, err := Parse("SELECT a,\n\tb FROM FROM t")
	e, ok := err.(*Error) //nolint:errorlint // Parse returns it bare
	if !ok || e.Line != 2 || e.Column != 9 || e.Excerpt() != "\tb FROM FROM t\n\t       ^" {
		t.Errorf("got %#v", err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("(", 100000), "SELECT " + strings.Repeat("- ", 100000) + "1", "SELECT " + strings.Repeat("NOT ", 100000),
		strings.Repeat("SELECT * FROM (", 10000), "SELECT " + strings.Repeat("CASE WHEN ", 10000)} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), "nested") {
			t.Errorf("%.20s...: %v", text, err)
		}
	}
}

// TestHostileTexts: time and memory of parsing grow with the text's length, and
// no tree gets so high that walking it exhausts the stack. Before they had to
// be read once only, the first two took twice as long with each level.
func TestHostileTexts(t *testing.T) {
	nested := func(n int, open, core, end string) string {
		return strings.Repeat(open, n) + core + strings.Repeat(end, n)
	}
	for _, c := range []struct {
		name, text, err string
	}{
		{"joins of queries", "SELECT * FROM " + nested(40, "((SELECT * FROM ", "t", ") x JOIN y ON TRUE)"), ""},
		{"calls that have a long form", "SELECT " + nested(150, "substring(", "x", ", 1)"), ""},
		{"calls that have another", "SELECT " + nested(150, "position(", "x", ", 1)"), ""},
		{"a long list", "SELECT 1 WHERE x IN (1" + strings.Repeat(",1", 100000) + ")", ""},
		{"many small trees", "SELECT 1" + strings.Repeat(",1+1+1", 100000), ""},
		{"a long chain", "SELECT 1 WHERE a" + strings.Repeat(" OR a", 4000), ""},
		{"too long a chain", "SELECT 1 WHERE a" + strings.Repeat(" OR a", 100000), "operators"},
		{"too long a chain of casts", "SELECT a" + strings.Repeat("::int", 100000), "operators"},
		{"too long a chain of queries", "SELECT 1" + strings.Repeat(" UNION SELECT 1", 50000), "operators"},
		{"too long a chain of joins", "SELECT 1 FROM a" + strings.Repeat(" CROSS JOIN a", 50000), "operators"},
		{"chains in one another", "SELECT " + nested(40, "(", "a", strings.Repeat("+a", 200)+")"), "operators"},
		{"open parentheses", "SELECT * FROM " + strings.Repeat("(", 1000000), "nested"},
		{"open parentheses before a query", "SELECT * FROM " + strings.Repeat("(", 1000000) + "SELECT", "nested"},
		{"too long", strings.Repeat(" ", MaxLength+1), "longer than 1048576 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.text)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("SELECT date_bin(INTERVAL '5 minutes', time) AS time, node, avg(t) AS t FROM env WHERE time >= now() - INTERVAL '1 hour' AND node = 'a' GROUP BY 1, node ORDER BY 1"); err != nil {
			b.Fatal(err)
		}
	}
}
