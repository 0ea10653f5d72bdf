package query

import (
	"errors"
	"regexp"
	"testing"

	"github.com/cockroachdb/datadriven"
)

var fromEnv = regexp.MustCompile(`(?i)\b(FROM|JOIN) env\b( (?:a|b|cur|prev)\b)?`)

// TestQueriesOfNothing runs all queries of testdata over a table without rows:
// they answer, or fail for a reason that they would have with rows.
func TestQueriesOfNothing(t *testing.T) {
	ran := 0
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			text := fromEnv.ReplaceAllStringFunc(d.Input, func(s string) string {
				m := fromEnv.FindStringSubmatch(s)
				alias := m[2]
				if alias == "" {
					alias = " env"
				}
				return m[1] + " (SELECT * FROM env WHERE n > 1000000)" + alias
			})
			if text == d.Input {
				return d.Expected
			}
			ran++
			e := New(examples(t), Options{Now: clock})
			_, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "csv")
			var known *Error
			if err != nil && !errors.As(err, &known) {
				t.Errorf("%s: %v", text, err)
			}
			return d.Expected
		})
	})
	if ran < 100 {
		t.Fatalf("%d queries ran", ran)
	}
}
