package query

import (
	"context"
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
