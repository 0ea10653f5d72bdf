package query

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestJoinsAgainstNestedLoops compares joins of all kinds with what the
// definition says, on inputs whose pairs fill several batches.
func TestJoinsAgainstNestedLoops(t *testing.T) {
	type row struct{ k, v int } // k < 0 is NULL
	conditions := map[string]func(l, r row) bool{
		"l.k = r.k":                          func(l, r row) bool { return l.k >= 0 && l.k == r.k },
		"l.k = r.k AND l.v < r.v":            func(l, r row) bool { return l.k >= 0 && l.k == r.k && l.v < r.v },
		"l.v < r.v AND r.v % 3 = 0":          func(l, r row) bool { return l.v < r.v && r.v%3 == 0 },
		"l.k = r.k AND l.v > 50 AND r.v > 9": func(l, r row) bool { return l.k >= 0 && l.k == r.k && l.v > 50 && r.v > 9 },
	}
	kinds := []string{"JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"}
	rng := rand.New(rand.NewPCG(41, 42))
	table := func(n int) (rows []row, text string) {
		var parts []string
		for range n {
			r := row{rng.IntN(8) - 1, rng.IntN(100)}
			rows = append(rows, r)
			k := "NULL"
			if r.k >= 0 {
				k = fmt.Sprint(r.k)
			}
			parts = append(parts, fmt.Sprintf("(CAST(%s AS BIGINT), %d)", k, r.v))
		}
		return rows, strings.Join(parts, ", ")
	}
	show := func(r *row) string {
		switch {
		case r == nil:
			return ","
		case r.k < 0:
			return fmt.Sprintf(",%d", r.v)
		}
		return fmt.Sprintf("%d,%d", r.k, r.v)
	}
	e := New(examples(t), Options{Now: clock})
	for _, sizes := range [][2]int{{300, 250}, {7, 1}, {1, 300}} {
		left, leftText := table(sizes[0])
		right, rightText := table(sizes[1])
		for condition, match := range conditions {
			for _, kind := range kinds {
				var want []string
				hit := make([]bool, len(right))
				for _, l := range left {
					found := false
					for i, r := range right {
						if !match(l, r) {
							continue
						}
						found, hit[i] = true, true
						if !strings.Contains(kind, "SEMI") && !strings.Contains(kind, "ANTI") {
							want = append(want, show(&l)+","+show(&r))
						}
					}
					switch {
					case kind == "LEFT SEMI JOIN" && found, kind == "LEFT ANTI JOIN" && !found:
						want = append(want, show(&l))
					case (kind == "LEFT JOIN" || kind == "FULL JOIN") && !found:
						want = append(want, show(&l)+","+show(nil))
					}
				}
				for i, r := range right {
					if (kind == "RIGHT JOIN" || kind == "FULL JOIN") && !hit[i] {
						want = append(want, show(nil)+","+show(&r))
					}
				}
				q := fmt.Sprintf("SELECT * FROM (VALUES %s) l (k, v) %s (VALUES %s) r (k, v) ON %s", leftText, kind, rightText, condition)
				body, err := run(e, Request{Database: "db", Text: q, Language: SQL}, "csv")
				if err != nil {
					t.Fatalf("%s ON %s: %v", kind, condition, err)
				}
				var got []string
				if body != "" {
					got = strings.Split(strings.TrimSuffix(body, "\n"), "\n")[1:]
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Fatalf("%s ON %s, %v rows: %d rows, want %d", kind, condition, sizes, len(got), len(want))
				}
			}
		}
	}
}
