package expr

import (
	"math/rand/v2"
	"testing"
)

// TestSimilarIsLikeWithoutItsOperators compares SIMILAR TO with LIKE on
// patterns that mean the same to both: those of %, _ and characters that are
// operators to regular expressions only.
func TestSimilarIsLikeWithoutItsOperators(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	draw := func(parts []string, most int) string {
		s := ""
		for range r.IntN(most) {
			s += parts[r.IntN(len(parts))]
		}
		return s
	}
	matches := 0
	for range 20_000 {
		pattern := draw([]string{"a", "b", "%", "_", `\%`, `\_`, ".", "^", "$", "é"}, 6)
		text := draw([]string{"a", "b", "%", "_", ".", "^", "$", "é", "\n"}, 6)
		m, err := compileSimilar(pattern, '\\')
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		got, want := m.on(text).MatchString(text), compileLike(pattern, '\\', false).match(text)
		if got != want {
			t.Fatalf("%q SIMILAR TO %q is %v, LIKE %v", text, pattern, got, want)
		}
		if got {
			matches++
		}
	}
	if matches < 100 {
		t.Fatalf("only %d matches", matches)
	}
}
