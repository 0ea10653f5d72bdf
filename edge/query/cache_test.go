package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// cacheOf is a store of one cache.
type cacheOf struct {
	kind  plan.CacheKind
	table string
	name  string
	rows  *Rows
}

func (c cacheOf) Cache(database, table, name string, kind plan.CacheKind) (plan.SystemTable, bool) {
	if database != "db" || table != c.table || kind != c.kind || name != "" && name != c.name {
		return nil, false
	}
	return cacheTable{c.rows}, true
}

type cacheTable struct{ rows *Rows }

func (c cacheTable) Columns() []plan.Column { return c.rows.columns }

func (c cacheTable) Read(context.Context) (*column.Batch, error) { return c.rows.Batch(), nil }

// TestCacheFunctions reads caches as tables: their columns in their order, and
// the errors of spec/influxdb3-http-api.md section 6.3.
func TestCacheFunctions(t *testing.T) {
	rows := NewRows([]plan.Column{{Name: "node", Type: column.Of(column.String)}, {Name: "Last", Type: column.Of(column.Float64)}, {Name: "a", Type: column.Of(column.Int64)}})
	rows.Add("a", 1.5, int64(7))
	rows.Add("b", nil, int64(8))
	last := New(examples(t), Options{Now: clock, Caches: cacheOf{plan.LastCache, "env", "c", rows}})
	distinct := New(examples(t), Options{Now: clock, Caches: cacheOf{plan.DistinctCache, "env", "c", rows}})
	for _, c := range []struct {
		e          *Engine
		text, want string
	}{
		{last, `SELECT * FROM last_cache('env')`, "node,Last,a\na,1.5,7\nb,,8\n"},
		{last, `SELECT l.a, "Last" FROM last_cache('env', 'c') AS l WHERE node = 'a'`, "a,Last\n7,1.5\n"},
		{last, `SELECT e.t, l.a FROM env e JOIN last_cache('env') l ON e.node = l.node WHERE e.n = 10`, "t,a\n30.0,8\n"},
		{distinct, `SELECT node FROM distinct_cache('env')`, "node\na\nb\n"},
		{last, `SELECT * FROM last_cache('env', 'other')`, "Plan: Error during planning: could not find cache for the given arguments"},
		{last, `SELECT * FROM last_cache('pow')`, "Plan: Error during planning: could not find cache for the given arguments"},
		{last, `SELECT * FROM last_cache('nosuch')`, "Plan: Error during planning: provided table name is invalid"},
		{last, `SELECT * FROM last_cache(env)`, "Plan: Error during planning: first argument must be the table name as a string"},
		{last, `SELECT * FROM last_cache('env', 1)`, "Plan: Error during planning: second argument, if passed, must be the cache name as a string"},
		{last, `SELECT * FROM last_cache()`, "Plan: Error during planning: last_cache takes the table name, and the cache name if the table has several, got 0 arguments"},
		{last, `SELECT * FROM distinct_cache('env')`, "Plan: Error during planning: could not find distinct value cache for the given arguments"},
		{distinct, `SELECT * FROM distinct_cache('nosuch')`, "Plan: Error during planning: provided table name (nosuch) is invalid"},
	} {
		body, err := run(c.e, Request{Database: "db", Text: c.text, Language: SQL}, "csv")
		if got := body + describe(err); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

// TestCacheMemory counts what a cache yields against the query's budget.
func TestCacheMemory(t *testing.T) {
	rows := NewRows([]plan.Column{{Name: "k", Type: column.Of(column.String)}})
	for range 1000 {
		rows.Add("some text")
	}
	query := func(limit int64) error {
		e := New(examples(t), Options{Now: clock, MemoryLimit: limit, Caches: cacheOf{plan.LastCache, "env", "c", rows}})
		_, err := run(e, Request{Database: "db", Text: "SELECT k FROM last_cache('env')", Language: SQL}, "csv")
		return err
	}
	if err := query(1 << 20); err != nil {
		t.Error(err)
	}
	if err := query(10_000); err == nil || !strings.Contains(describe(err), "memory") {
		t.Errorf("got %v, want an error about memory", err)
	}
}

// chosen is a Selective table that notes what it is asked for.
type chosen struct {
	cacheTable
	columns []int
	matches []plan.Match
}

func (c *chosen) Select(_ context.Context, columns []int, matches []plan.Match) (*column.Batch, error) {
	c.columns, c.matches = columns, matches
	b := &column.Batch{Len: c.rows.Batch().Len}
	for _, i := range columns {
		b.Cols = append(b.Cols, c.rows.Batch().Cols[i])
	}
	return b, nil
}

func (c *chosen) Cache(string, string, string, plan.CacheKind) (plan.SystemTable, bool) {
	return c, true
}

// TestMatches checks which predicates a Selective table gets to hear of, and
// that all are evaluated although it ignores them.
func TestMatches(t *testing.T) {
	rows := NewRows([]plan.Column{{Name: "k", Type: column.Of(column.String)}, {Name: "i", Type: column.Of(column.Int64)},
		{Name: "u", Type: column.Of(column.Uint64)}, {Name: "b", Type: column.Of(column.Bool)}})
	rows.Add("a", int64(1), uint64(1), true)
	rows.Add("b", int64(2), uint64(2), false)
	rows.Add(nil, nil, nil, nil)
	for _, c := range []struct{ where, matches, want string }{
		{"k = 'a'", "[{0 [a]}]", "a\n"},
		{"'a' = k", "[{0 [a]}]", "a\n"},
		{"k IN ('b', NULL, 'c')", "[{0 [b c]}]", "b\n"},
		{"k = 'a' OR k = 'b' OR k IN ('c')", "[{0 [a b c]}]", "a\nb\n"},
		{"k = $p", "[{0 [b]}]", "b\n"},
		{"i = 1 AND u = 1 AND b = true", "[{1 [1]} {2 [1]} {3 [true]}]", "a\n"},
		{"i IN (1, 2, 3) AND k = 'b'", "[{1 [1 2 3]} {0 [b]}]", "b\n"},
		{"k = NULL", "[{0 []}]", ""},
		{"k = 'a' OR i = 2", "[]", "a\nb\n"},
		{"k <> 'a'", "[]", "b\n"},
		{"k NOT IN ('a')", "[]", "b\n"},
		{"NOT (k = 'a')", "[]", "b\n"},
		{"k IS NULL", "[]", "\n"},
		{"i = 1.5", "[]", ""},
		{"k LIKE 'a%'", "[]", "a\n"},
		{"upper(k) = 'A'", "[]", "a\n"},
	} {
		table := &chosen{cacheTable: cacheTable{rows}}
		e := New(examples(t), Options{Now: clock, Caches: table})
		body, err := run(e, Request{Database: "db", Text: "SELECT k FROM last_cache('env') WHERE " + c.where, Language: SQL, Params: map[string]any{"p": "b"}}, "csv")
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		var matches []string
		for _, m := range table.matches {
			var values []string
			for _, v := range m.Values {
				values = append(values, v.Text())
			}
			matches = append(matches, fmt.Sprintf("{%d [%s]}", m.Column, strings.Join(values, " ")))
		}
		if got := "[" + strings.Join(matches, " ") + "]"; got != c.matches {
			t.Errorf("%s: matches %s, want %s", c.where, got, c.matches)
		}
		if got := strings.TrimPrefix(body, "k\n"); got != c.want {
			t.Errorf("%s: rows %q, want %q", c.where, got, c.want)
		}
	}
}

// TestSelectedColumns checks that a Selective table makes up no column that
// nobody reads.
func TestSelectedColumns(t *testing.T) {
	rows := NewRows([]plan.Column{{Name: "k", Type: column.Of(column.String)}, {Name: "x", Type: column.Of(column.Int64)}, {Name: "y", Type: column.Of(column.Int64)}})
	rows.Add("a", int64(1), int64(2))
	table := &chosen{cacheTable: cacheTable{rows}}
	body, err := run(New(examples(t), Options{Now: clock, Caches: table}), Request{Database: "db", Text: "SELECT y FROM last_cache('env') WHERE k = 'a'", Language: SQL}, "csv")
	if err != nil || body != "y\n2\n" || !slices.Equal(table.columns, []int{0, 2}) {
		t.Errorf("rows %q, columns %v, %v", body, table.columns, err)
	}
}
