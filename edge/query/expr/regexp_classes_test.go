package expr

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

func TestWidenClasses(t *testing.T) {
	const word = `\p{L}\p{M}\p{Nd}\p{Pc}`
	for pattern, want := range map[string]string{
		``: ``, `abc`: `abc`, `\d+`: `\p{Nd}+`, `\D`: `\P{Nd}`, `\w`: `[` + word + `]`, `\W`: `[^` + word + `]`,
		`[\w-]`: `[` + word + `-]`, `[^\d]`: `[^\p{Nd}]`, `[\W]`: `[\W]`, `[]\d]`: `[]\p{Nd}]`, `[^]\d]`: `[^]\p{Nd}]`,
		`\\d`: `\\d`, `\\\d`: `\\\p{Nd}`, `\[\d`: `\[\p{Nd}`, `\Q\d\E\d`: `\Q\d\E\p{Nd}`, `\Q\d`: `\Q\d`, `[[:alpha:]\d]`: `[[:alpha:]\p{Nd}]`,
		`\s`: `[\s\p{Z}\x{85}]`, `\b`: `\b`, `[a\]\d]\d`: `[a\]\p{Nd}]\p{Nd}`,
	} {
		if got := widenClasses(pattern); got != want {
			t.Errorf("%s becomes %s, want %s", pattern, got, want)
		}
	}
}

// TestWideClassesAgreeOnASCII compares both forms of random patterns.
func TestWideClassesAgreeOnASCII(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	parts := []string{`\d`, `\w`, `\s`, `\D`, `\W`, `\S`, `[`, `]`, `[^`, `a`, `-`, `\\`, `\[`, `\Q`, `\E`, `.`, `*`, `+`, `(`, `)`, `|`, `[:digit:]`}
	texts := []string{"", "a", "a1 b_2", "[]\\-", " \t\n", "dw", `\d`}
	tried := 0
	for range 50_000 {
		pattern := ""
		for range 1 + r.IntN(6) {
			pattern += parts[r.IntN(len(parts))]
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			continue
		}
		m, err := compileMatcher(pattern)
		if err != nil {
			t.Fatalf("%s compiles, but widened to %s: %v", pattern, widenClasses(pattern), err)
		}
		tried++
		for _, s := range texts {
			if a, b := re.FindStringIndex(s), m.wide.FindStringIndex(s); (a == nil) != (b == nil) || a != nil && (a[0] != b[0] || a[1] != b[1]) {
				t.Fatalf("%s finds %v in %q, widened to %s %v", pattern, a, s, widenClasses(pattern), b)
			}
		}
	}
	if tried < 1000 {
		t.Fatalf("only %d patterns compiled", tried)
	}
}
