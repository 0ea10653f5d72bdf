package expr

import (
	"strings"
	"testing"

	"tarn/store/column"
)

func TestMatchesTerm(t *testing.T) {
	for _, c := range []struct {
		text, term string
		want       bool
	}{
		{"An error occurred!", "error", true}, {"error-prone", "error", true}, {"errors", "error", false}, {"error123", "error", false},
		{"errorLogs error", "error", true}, {"Error", "error", false}, {"", "", true}, {"x", "", false}, {"", "x", false},
		{"warning:hello world!", "hello world", true}, {"hello-world", "hello world", false}, {"hello world2023", "hello world", false},
		{"dog/cat", "/cat", true}, {"dog/cat", "dog/", true}, {"v1.0a", "v1.0", false}, {"café>", "café", true}, {"口café", "café", false},
		{"русский！", "русский", true}, {"aaa aa", "aa", true}, {"aaaa", "aa", false}, {"é aé", "é", true}, {"aé", "é", false},
	} {
		if got := matchesTerm(c.text, c.term); got != c.want {
			t.Errorf("%q in %q: %v", c.term, c.text, got)
		}
	}
}

func TestMatches(t *testing.T) {
	const text = "The quick brown fox jumps over the lazy dog (twice)"
	for query, want := range map[string]bool{
		"quick": true, "Quick": false, "cat dog": true, "cat OR dog": true, "cat bird": false, "quick AND dog": true, "quick AND cat": false,
		"quick AND cat OR lazy": true, "cat OR quick AND bird": false, "+quick cat": true, "+cat quick": false, "+quick +lazy": true,
		"quick -lazy": false, "quick -cat": true, "-cat": true, "-dog": false, "-cat bird": false, `"quick brown"`: true, `"brown quick"`: false,
		"(cat OR fox) AND lazy": true, "(cat OR bird) AND lazy": false, "-(cat OR dog) quick": false, "+(cat dog) bird": true,
		`\(twice\)`: true, `"(twice)"`: true, `twice\)x`: false, "ANDROID OR fox": true, "ORfox": false, "over-the": false, "br ick": true,
		"quick AND -cat": true, "quick AND -dog": false, "+cat (quick AND dog)": false, "+fox (quick AND cat)": true, "+fox quick AND cat": false, "+fox (quick AND dog)": true,
		"AND": false, "fox OR": true,
	} {
		q, err := parseMatches(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := q.match(text); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	for query, want := range map[string]string{
		"": "is empty", " ": "is empty", "()": "is empty", "(a": "a ) is missing", "a)": "unexpected )", `"a`: "quote is not closed", "+": "a term is missing",
		"+ a": "a term is missing", "--a": "a term is missing", "a AND": "a term is missing", strings.Repeat("(", 100): "nested deeper", strings.Repeat("a ", 2000): "more than 1000",
	} {
		if _, err := parseMatches(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v, want %s", query, err, want)
		}
	}
}

// FuzzMatches: a query is one or an error; its NOT is the opposite.
func FuzzMatches(f *testing.F) {
	f.Add(`+a -b (c OR "d e") AND f\)`, "a c f)")
	f.Fuzz(func(t *testing.T, query, text string) {
		q, err := parseMatches(query)
		if err != nil {
			return
		}
		n, err := parseMatches("-(" + query + ")")
		if strings.HasSuffix(query, `\`) || err != nil && strings.Contains(err.Error(), "nested") {
			return
		}
		if err != nil || n.match(text) == q.match(text) {
			t.Errorf("%q on %q: %v", query, text, err)
		}
		_ = matchesTerm(text, query)
	})
}

// TestLikeParts compares the fast ways to match with the slow one.
func TestLikeParts(t *testing.T) {
	patterns := []string{"a", "%a", "a%", "%a%", "%a%b%", "a%b", "a%b%", "%a%b", "%ab%ba%", "a%a", "%", "%%", "", "aB%bA", "%é%", "k%", "%i%", "%ab%"}
	texts := []string{"", "a", "ab", "ba", "aba", "abba", "ABBA", "aXb", "aé", "É", "xayb", "\u212a", "İ", "aaa", "abab", strings.Repeat("x", 20) + "aB" + strings.Repeat("y", 9), "\xff", "a\xffb"}
	for _, pattern := range patterns {
		for _, fold := range []bool{false, true} {
			p := compileLike(pattern, '\\', fold)
			for _, s := range texts {
				if got, want := p.match(s), p.matchGeneral(s); got != want {
					t.Errorf("%q like %q, fold %v: %v, want %v", s, pattern, fold, got, want)
				}
			}
		}
	}
}

// TestMatcherLiterals compares matching by literals with the expression alone.
func TestMatcherLiterals(t *testing.T) {
	texts := []string{"", "timeout", "a timeoutx", "refused", "Refused", "read", "ready", "refu", "abc123", "cache miss", "cache  hit", "x", "éa", "time\nout", "aab"}
	for _, c := range []struct {
		pattern  string
		literals string
		whole    bool
	}{
		{"timeout|refused", "timeout refused", true}, {"timeout", "timeout", true}, {"(timeout|refused)", "timeout refused", true}, {"read|ready", "read", false},
		{"^timeout", "timeout", false}, {"timeout$", "timeout", false}, {`cache\s+(miss|hit)`, "cache", false}, {"(?i)refused", "", false}, {"a*", "", false},
		{"(refused)?", "", false}, {"(refused)+", "refused", false}, {"[a-z]+123", "123", false}, {"x|timeout", "", false}, {"(?:abc){2}", "abc", false},
		{"time.out", "time", false}, {"(?s)time.out", "time", false}, {"ab|b.*cd|ef", "ab cd ef", false}, {"", "", false}, {`\bread\b`, "read", false},
	} {
		m, err := compileMatcher(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.literals, " "); got != c.literals || m.whole != c.whole {
			t.Errorf("%s: literals %q, whole %v", c.pattern, got, m.whole)
		}
		for _, s := range texts {
			if got, want := m.matches(s), m.on(s).MatchString(s); got != want {
				t.Errorf("%q ~ %s: %v, want %v", s, c.pattern, got, want)
			}
		}
	}
}

// benchTexts are a batch of log lines.
func benchTexts() *column.Batch {
	v := column.NewVector(column.Of(column.String), 0)
	for i := range 4096 {
		v.Strings = append(v.Strings, "10.0.0."+itoa(i)+" - GET /api/v1/orders/"+itoa(7*i)+" 200 12ms Request handled cache miss retry upstream queue payload")
	}
	v.Len = len(v.Strings)
	return &column.Batch{Len: v.Len, Cols: []*column.Vector{v}}
}

// TestTextSearchAllocations: looking for a text in texts costs nothing but the
// result.
func TestTextSearchAllocations(t *testing.T) {
	b := benchTexts()
	for _, e := range textSearches() {
		ctx := &Context{}
		run := func() {
			ctx.Reset()
			if _, err := e.e.Eval(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(10, run); n > 12 {
			t.Errorf("%s: %v allocations for %d texts", e.name, n, b.Len)
		}
	}
}

type textSearch struct {
	name string
	e    Expr
}

func textSearches() []textSearch {
	c := NewColumn(0, "line", column.Of(column.String))
	return []textSearch{
		{"LIKE", like(c, "%needle%")}, {"LIKE parts", like(c, "%retry%needle%")}, {"ILIKE", must(NewLike(c, lit("%Needle%"), "", true, false))},
		{"matches_term", call("matches_term", c, "needle")}, {"matches", call("matches", c, `+needle -"cache miss"`)},
		{"regexp literals", bin(c, Match, "needle|haystack")}, {"regexp with a literal", bin(c, Match, `\d+ needle \w+`)},
	}
}

func BenchmarkTextSearch(b *testing.B) {
	batch := benchTexts()
	size := 0
	for _, s := range batch.Cols[0].Strings {
		size += len(s)
	}
	for _, e := range textSearches() {
		b.Run(e.name, func(b *testing.B) {
			ctx := &Context{}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				ctx.Reset()
				if _, err := e.e.Eval(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
