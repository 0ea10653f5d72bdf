package influxql

import (
	"strings"
	"testing"
)

// TestParseBounds: texts that would take the parser's stack are refused, and
// what is in quotes does not count.
func TestParseBounds(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"a chain":        {"SELECT n" + strings.Repeat("+n", 9000) + " FROM m", true},
		"a longer chain": {"SELECT n" + strings.Repeat("+n", 100_000) + " FROM m", false},
		"nested":         {"SELECT " + strings.Repeat("(", 400) + "n" + strings.Repeat(")", 400) + " FROM m", true},
		"nested deeper":  {"SELECT " + strings.Repeat("(", 100_000) + "n" + strings.Repeat(")", 100_000) + " FROM m", false},
		"quoted":         {"SELECT n FROM m WHERE t = '" + strings.Repeat("(+\\'", 20_000) + "'", true},
		"misled":         {"SELECT n FROM m WHERE t =~ /'/ AND " + strings.Repeat("(", 60_000), false},
		"named":          {`SELECT "` + strings.Repeat("(-", 20_000) + `" FROM m`, true},
	} {
		_, err := Parse(c.text, nil)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
