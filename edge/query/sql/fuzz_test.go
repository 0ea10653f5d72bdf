package sql

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// addSeeds gives a fuzz target the texts of the data-driven tests.
func addSeeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.IsDir() {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			f.Add(strings.TrimSuffix(line, "\n"))
			f.Add("SELECT " + strings.TrimSuffix(line, "\n"))
		}
	}
	for _, s := range []string{"SELECT * FROM env WHERE time >= now() - INTERVAL '1 hour' ORDER BY time DESC LIMIT 100",
		"WITH h AS (SELECT 1) SELECT CASE x WHEN 1 THEN 'a' END FROM h a LEFT JOIN b USING (c) GROUP BY ROLLUP (a, (b, c))",
		"SELECT sum(x) FILTER (WHERE y) OVER (PARTITION BY a ORDER BY b ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
		"VALUES (1, E'\\n'), ($x, \"q\"\"\")", "SELECT /* a /* b */ c */ -- d\n 1e5, .5, 0x1F, 'it''s';"} {
		f.Add(s)
	}
}

// FuzzLex: the tokens lie in the text one after the other, nothing but blanks
// and comments between them, so there are never more than bytes.
func FuzzLex(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := lex(text)
		if err != nil {
			checkPosition(t, text, err)
			return
		}
		at := 0
		for i, k := range tokens {
			if last := i == len(tokens)-1; (k.kind == tokEOF) != last {
				t.Fatalf("token %d of %d is %+v", i, len(tokens), k)
			}
			if k.kind == tokEOF {
				break
			}
			if k.pos < at || k.src == "" || !strings.HasPrefix(text[k.pos:], k.src) {
				t.Fatalf("%q: token %+v after byte %d", text, k, at)
			}
			at = k.pos + len(k.src)
		}
	})
}

// checkPosition: an error points into the text, and can show where.
func checkPosition(t *testing.T, text string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: an error without a place: %v", text, err)
	}
	if lines := strings.Count(text, "\n") + 1; e.Line < 1 || e.Line > lines || e.Column < 1 || e.Column > len(text)+1 {
		t.Fatalf("%q: error at line %d, column %d", text, e.Line, e.Column)
	}
	_ = e.Excerpt()
}

// bytesPerByte bounds the memory that parsing takes for a byte of text, with
// what a short text takes anyway: a token and a few nodes each.
const bytesPerByte, bytesAnyway = 4000, 1 << 20

// FuzzParse: whatever parses prints as a text that parses, and prints as itself.
func FuzzParse(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		var before, after runtime.MemStats
		long := len(text) > 4096 // counting stops the world
		if long {
			runtime.ReadMemStats(&before)
		}
		s, err := Parse(text)
		if long {
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > uint64(len(text)*bytesPerByte+bytesAnyway) {
				t.Fatalf("%d bytes of memory for %d of text", n, len(text))
			}
		}
		if err != nil {
			checkPosition(t, text, err)
			return
		}
		again, err := Parse(s.String())
		if err != nil {
			if strings.Contains(err.Error(), "nested") || strings.Contains(err.Error(), "longer than") {
				return // parentheses that were not there
			}
			t.Fatalf("%q parses, %q does not: %v", text, s, err)
		}
		if again.String() != s.String() {
			t.Fatalf("%q prints as %q, and that as %q", text, s, again)
		}
	})
}

func FuzzParseInterval(f *testing.F) {
	f.Add("1 day 2.5 hours -3 min")
	f.Add("01:02:03.5")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ParseInterval(text) })
}
