package query

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tarn/edge/query/spill"
	"tarn/store/column"
	"tarn/store/schema"
	"tarn/store/vfs"
)

// spillLimit is far less than what the rows of manyRows take.
const spillLimit = 3 << 20

// manyRows is a table of rows in no order, with nulls and with values that many
// rows share.
func manyRows(t *testing.T) *memory {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	big := newTable(1, "big", []string{"g"}, schema.Column{Name: "i", Kind: column.Int64}, schema.Column{Name: "u", Kind: column.Uint64},
		schema.Column{Name: "f", Kind: column.Float64}, schema.Column{Name: "s", Kind: column.String}, schema.Column{Name: "b", Kind: column.Bool})
	some := func(v any) any {
		if rng.IntN(10) == 0 {
			return nil
		}
		return v
	}
	for n := range 60_000 {
		f := float64(rng.IntN(1000)) / 8
		if rng.IntN(50) == 0 {
			f = math.NaN()
		}
		big.add(t, t0+int64(n*7919%60_000), some(fmt.Sprintf("g%d", rng.IntN(30))), some(rng.IntN(100)), some(uint64(rng.IntN(1<<20))), some(f),
			some(strings.Repeat("x", rng.IntN(60))+strconv.Itoa(rng.IntN(1000))), some(rng.IntN(2) == 0))
	}
	return &memory{tables: map[string]*memoryTable{"big": big}}
}

// newSpace is for temporary files in memory.
func newSpace(t *testing.T, o spill.Options) *spill.Space {
	t.Helper()
	return openSpace(t, vfs.NewMem(), o)
}

func openSpace(t *testing.T, fs vfs.FS, o spill.Options) *spill.Space {
	t.Helper()
	s, err := spill.Open(fs, "tmp", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := s.Used(); n != 0 {
			t.Errorf("%d bytes of temporary files are left", n)
		}
	})
	return s
}

// TestSpilledSort compares what was sorted on disk with what was in memory.
func TestSpilledSort(t *testing.T) {
	m := manyRows(t)
	whole := New(m, Options{Now: clock, Workers: 1})
	small := New(m, Options{Now: clock, Workers: 1, MemoryLimit: spillLimit, Spill: newSpace(t, spill.Options{})})
	none := New(m, Options{Now: clock, Workers: 1, MemoryLimit: spillLimit})
	for _, text := range []string{
		"SELECT * FROM big ORDER BY i",
		"SELECT * FROM big ORDER BY i DESC NULLS LAST, u NULLS FIRST",
		"SELECT g, s, f FROM big ORDER BY f DESC, g, s",
		"SELECT * FROM big ORDER BY s",
		"SELECT s, b, u FROM big ORDER BY b, g DESC, length(s), i",
		"SELECT u + i AS x, s FROM big ORDER BY u % 100, x",
		"SELECT time, s, i, u, f FROM big ORDER BY struct(i, g), u LIMIT 40000",
		"SELECT time, s, i, u, f FROM big ORDER BY make_array(i, i % 7), time LIMIT 30000 OFFSET 20000",
		"SELECT i FROM (SELECT * FROM big UNION ALL SELECT * FROM big) ORDER BY s, u, i, f",
	} {
		want, err := run(whole, Request{Database: "db", Text: text, Language: SQL}, "csv")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := run(small, Request{Database: "db", Text: text, Language: SQL}, "csv")
		if err != nil || got != want {
			t.Errorf("%s: %v; %d bytes, want %d", text, err, len(got), len(want))
		}
		var known *Error
		if _, err := run(none, Request{Database: "db", Text: text, Language: SQL}, "csv"); !errors.As(err, &known) || known.Class != Resources {
			t.Errorf("%s without temporary files: %v", text, err)
		}
		if n := small.memory.Used(); n != 0 {
			t.Errorf("%s: %d bytes of memory are still reserved", text, n)
		}
	}
	// The analysis says how much went to disk.
	out := ""
	drain(t, small, "EXPLAIN ANALYZE SELECT * FROM big ORDER BY i", func(b *column.Batch) error {
		out += b.Cols[1].Text(0)
		return nil
	})
	if !regexp.MustCompile(`Sort: .* spilled_bytes=[1-9]\d+\]`).MatchString(out) {
		t.Errorf("the analysis does not tell of temporary files:\n%s", out)
	}
}

// TestSpilledGroups compares groups that went by files with those in memory.
func TestSpilledGroups(t *testing.T) {
	m := manyRows(t)
	space := newSpace(t, spill.Options{})
	for _, workers := range []int{1, 4} {
		whole := New(m, Options{Now: clock, Workers: workers})
		small := New(m, Options{Now: clock, Workers: workers, MemoryLimit: spillLimit, Spill: space})
		none := New(m, Options{Now: clock, Workers: workers, MemoryLimit: spillLimit})
		for _, text := range []string{
			"SELECT u, s, count(*) AS n, sum(i) AS i, min(f) AS lo, max(time) AS last FROM big GROUP BY u, s",
			"SELECT s || u AS k, g, count(i) AS n, avg(u) AS x, first_value(s ORDER BY time) AS s FROM big GROUP BY k, g",
			"SELECT time, f, bool_and(b) AS b, count(DISTINCT i) AS d FROM big GROUP BY time, f",
			"SELECT u, g, count(*) FILTER (WHERE b) AS n, median(i) AS m FROM big GROUP BY u, g",
			"SELECT DISTINCT u, s, g FROM big",
			"SELECT DISTINCT f, time, s FROM big",
			"SELECT u, s FROM big UNION SELECT u + 1, s FROM big",
		} {
			// Groups come in any order: it is their lines that count.
			want, err := run(whole, Request{Database: "db", Text: text, Language: SQL}, "jsonl")
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			got, err := run(small, Request{Database: "db", Text: text, Language: SQL}, "jsonl")
			if err != nil || sortedLines(got) != sortedLines(want) {
				t.Errorf("%s: %v; %d bytes, want %d", text, err, len(got), len(want))
			}
			var known *Error
			if _, err := run(none, Request{Database: "db", Text: text, Language: SQL}, "jsonl"); !errors.As(err, &known) || known.Class != Resources {
				t.Errorf("%s without temporary files: %v", text, err)
			}
			if n := small.memory.Used() + space.Used(); n != 0 {
				t.Errorf("%s: %d bytes are still reserved", text, n)
			}
			out := ""
			drain(t, small, "EXPLAIN ANALYZE "+text, func(b *column.Batch) error {
				out += b.Cols[1].Text(0)
				return nil
			})
			if !strings.Contains(out, "spilled_bytes=") {
				t.Errorf("the analysis does not tell of temporary files:\n%s", out)
			}
		}
	}
}

// TestSpilledJoins compares joins whose inputs went to files with those in
// memory. What cannot be divided - no equal keys, one key that has all rows, NOT
// IN - is a clear error.
func TestSpilledJoins(t *testing.T) {
	m := manyRows(t)
	space := newSpace(t, spill.Options{})
	whole := New(m, Options{Now: clock, Workers: 1})
	small := New(m, Options{Now: clock, Workers: 1, MemoryLimit: spillLimit, Spill: space})
	none := New(m, Options{Now: clock, Workers: 1, MemoryLimit: spillLimit})
	other := "(SELECT u + 1 AS u, s, g, i, f, time FROM big WHERE i > 20) r"
	refused := func(e *Engine, what, text string) {
		t.Helper()
		var known *Error
		if _, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "jsonl"); !errors.As(err, &known) || known.Class != Resources {
			t.Errorf("%s %s: %v", text, what, err)
		}
		if n := e.memory.Used() + space.Used(); n != 0 {
			t.Errorf("%s: %d bytes are still reserved", text, n)
		}
	}
	for _, text := range []string{
		"SELECT l.u, l.s, r.s AS t, r.i FROM big l JOIN " + other + " ON l.u = r.u",
		"SELECT l.u, l.s, r.s AS t, r.i FROM big l JOIN " + other + " ON l.time = r.time AND l.i < r.i",
		"SELECT l.s, r.s AS t, r.i FROM big l LEFT JOIN " + other + " ON l.time = r.time AND l.g = r.g",
		"SELECT l.s, r.s AS t, r.i FROM big l RIGHT JOIN " + other + " ON l.s = r.s AND l.u = r.u",
		"SELECT l.s, r.s AS t, r.i FROM big l FULL JOIN " + other + " ON l.u = r.u AND l.f = r.f",
		"SELECT s, u, i FROM big l LEFT SEMI JOIN " + other + " ON l.u = r.u AND l.s <> r.s",
		"SELECT s, u, i FROM big l LEFT ANTI JOIN " + other + " ON l.u = r.u AND l.s <> r.s",
		"SELECT s, u, i FROM big WHERE u IN (SELECT u + 1 FROM big)",
		"SELECT s, u FROM big l WHERE EXISTS (SELECT 1 FROM big r WHERE r.u = l.u + 1 AND r.i > l.i) OR i = 7",
		"SELECT count(*) AS n, sum(l.i) AS x FROM big l JOIN big r ON l.time = r.time JOIN big q ON q.time = r.time",
	} {
		want, err := run(whole, Request{Database: "db", Text: text, Language: SQL}, "jsonl")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := run(small, Request{Database: "db", Text: text, Language: SQL}, "jsonl")
		if err != nil || sortedLines(got) != sortedLines(want) {
			t.Errorf("%s: %v; %d bytes, want %d", text, err, len(got), len(want))
		}
		if n := small.memory.Used() + space.Used(); n != 0 {
			t.Errorf("%s: %d bytes are still reserved", text, n)
		}
		out := ""
		drain(t, small, "EXPLAIN ANALYZE "+text, func(b *column.Batch) error {
			out += b.Cols[1].Text(0)
			return nil
		})
		if !strings.Contains(out, "spilled_bytes=") {
			t.Errorf("the analysis does not tell of temporary files:\n%s", out)
		}
		refused(none, "without temporary files", text)
	}
	refused(small, "without keys", "SELECT count(*) FROM big l JOIN big r ON l.u < r.u AND l.s < r.s")
	refused(small, "with one key", "SELECT count(*) FROM big l JOIN (SELECT *, 1 AS one FROM big) r ON l.i - l.i + 1 = r.one AND l.s < r.s")
	refused(small, "NOT IN", "SELECT count(*) FROM big WHERE s || u NOT IN (SELECT s || u || i FROM big WHERE s || u || i IS NOT NULL)")
}

func sortedLines(s string) string {
	l := strings.Split(s, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

// TestSpillFails has a disk that takes no more, at one time after the other, and
// a limit: the error says so, and nothing stays behind.
func TestSpillFails(t *testing.T) {
	m := manyRows(t)
	req := Request{Database: "db", Text: "SELECT * FROM big ORDER BY s, i", Language: SQL}
	refused := func(what string, err error, text string) {
		t.Helper()
		var known *Error
		if !errors.As(err, &known) || known.Class != Resources || !strings.Contains(known.Msg, text) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := 1; ; n = n*2 + 1 {
		writes := 0
		fs := vfs.NewFault(vfs.NewMem(), func(op vfs.Op) (int, error) {
			if op.Kind == "write" || op.Kind == "create" {
				if writes++; writes >= n {
					return op.Bytes / 2, syscall.ENOSPC
				}
			}
			return 0, nil
		})
		e := New(m, Options{Now: clock, MemoryLimit: spillLimit, Spill: openSpace(t, fs, spill.Options{})})
		_, err := run(e, req, "csv")
		if err == nil {
			if n < 50 {
				t.Errorf("only %d writes", n)
			}
			break
		}
		if n > 1_000_000 {
			t.Fatalf("it never works: %v", err)
		}
		refused(fmt.Sprintf("write %d", n), err, "no space left on device")
		if used := e.memory.Used(); used != 0 {
			t.Errorf("write %d: %d bytes of memory are still reserved", n, used)
		}
	}
	e := New(m, Options{Now: clock, MemoryLimit: spillLimit, Spill: newSpace(t, spill.Options{Limit: 100_000})})
	_, err := run(e, req, "csv")
	refused("beyond the limit", err, "--max-spill-bytes")
}

// TestSpillOfAbandoned stops queries in the middle: their files go.
func TestSpillOfAbandoned(t *testing.T) {
	s := newSpace(t, spill.Options{})
	e := New(manyRows(t), Options{Now: clock, MemoryLimit: spillLimit, Spill: s})
	for _, closeEarly := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := e.Query(ctx, Request{Database: "db", Text: "SELECT * FROM big ORDER BY s", Language: SQL})
		if err != nil {
			t.Fatal(err)
		}
		var b column.Batch
		if err := r.Next(ctx, &b); err != nil {
			t.Fatal(err)
		}
		if s.Used() == 0 {
			t.Error("nothing was written")
		}
		if !closeEarly {
			cancel()
			if err := r.Next(ctx, &b); !errors.Is(err, context.Canceled) {
				t.Errorf("after it was given up: %v", err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		if s.Used() != 0 || e.memory.Used() != 0 {
			t.Errorf("%d bytes of files and %d of memory are left", s.Used(), e.memory.Used())
		}
	}
}

// TestQueriesShareMemory runs more queries than there is memory for at once:
// together they stay within it, and all are answered or told to come again.
func TestQueriesShareMemory(t *testing.T) {
	s := newStored(t)
	const limit = 4 << 20
	e := New(s, Options{Now: clock, MemoryLimit: limit, Spill: newSpace(t, spill.Options{})})
	whole := New(s, Options{Now: clock})
	var all sync.WaitGroup
	for i := range 12 {
		req := []Request{
			{Database: "db", Text: "SELECT * FROM cpu ORDER BY n DESC", Language: SQL},
			{Database: "db", Text: "SELECT * FROM cpu", Language: InfluxQL},
			{Database: "db", Text: "SELECT host, count(*) AS n, max(time) AS last FROM cpu GROUP BY host ORDER BY host", Language: SQL},
		}[i%3]
		all.Go(func() {
			want, err := run(whole, req, "csv")
			if err != nil {
				t.Error(err)
			}
			got, err := run(e, req, "csv")
			var known *Error
			switch {
			case errors.As(err, &known) && known.Class == Busy:
			case err != nil || got != want:
				t.Errorf("%s: %v; %d bytes, want %d", req.Text, err, len(got), len(want))
			}
		})
	}
	all.Wait()
	if n := e.memory.Used(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
}
