package difftest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tarn/edge/query"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "seed of data and queries; 0 takes the clock")
	queriesFlag = flag.Int("queries", 1200, "how many queries to compare")
)

// maxFailures is how many differences are worth reading at once.
const maxFailures = 5

// TestAgainstDuckDB runs each query four times: on files that do not overlap, and
// those are DuckDB's, too; on files that overlap; on files and a buffer.
func TestAgainstDuckDB(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	queries := *queriesFlag
	if testing.Short() {
		queries = min(queries, 200)
	}
	rows := generate(rand.New(rand.NewPCG(seed, 1)))
	plain, dir := open(t, merged(rows), 1, 0)
	duck := startDuckDB(t, plain, dir)
	files, _ := open(t, rows, 5, 0)
	mixed, _ := open(t, rows, 4, 2)
	engines := map[string]*query.Engine{
		"files":             query.New(provider{plain}, query.Options{}),
		"overlapping files": query.New(provider{files}, query.Options{}),
		"files and buffer":  query.New(provider{mixed}, query.Options{}),
	}
	failures, unanswered := 0, 0
	const portion = 50
	for from := 0; from < queries; from += portion {
		questions := make([]question, min(portion, queries-from))
		sqls := make([]string, len(questions))
		for i := range questions {
			// A query depends on the seed and its number only.
			questions[i] = newQuestion(&gen{Rand: rand.New(rand.NewPCG(seed, uint64(from+i+2)))})
			sqls[i] = questions[i].duck
		}
		answers, errs, err := duck.QueryAll(sqls)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range questions {
			if errs[i] != nil && strings.Contains(errs[i].Error(), "Not implemented Error") {
				unanswered++ // there, that is
				continue
			}
			if errs[i] != nil {
				t.Fatalf("query %d: %v\n  Tarn: %s\n  DuckDB: %s", from+i, errs[i], q.tarn, q.duck)
			}
			want, err := cells(answers[i])
			if err != nil {
				t.Fatal(err)
			}
			for name, e := range engines {
				got, err := ask(e, q.tarn)
				diff := ""
				if err != nil {
					diff = err.Error()
				} else {
					diff = differ(want, got, q.ordered, fuzzy(q))
				}
				if diff != "" {
					failures++
					t.Errorf("query %d, %s: %s\n  Tarn: %s\n  DuckDB: %s", from+i, name, diff, q.tarn, q.duck)
					break
				}
			}
			if failures >= maxFailures {
				t.Fatalf("enough: %d of %d queries compared", from+i+1, queries)
			}
		}
	}
	if unanswered*20 > queries {
		t.Errorf("DuckDB has no answer to %d of %d queries", unanswered, queries)
	}
}

func fuzzy(q question) []bool {
	out := make([]bool, len(q.columns))
	for i, c := range q.columns {
		out[i] = c.fuzzy
	}
	return out
}

// TestFill: the tests' own way of writing a query down.
func TestFill(t *testing.T) {
	got := fills(text{"? + ?", "add(?2, ?1)"}, text{"a", "x"}, text{"b", "y"})
	if want := (text{"a + b", "add(y, x)"}); got != want {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(strings.Contains(fill("(?)", quote("it's")).tarn, "'it''s'")); got != "true" {
		t.Error("quotes are not doubled")
	}
}
