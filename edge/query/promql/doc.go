// Package promql answers PromQL over the store: the common shapes by sweeps
// (package sweep), everything else by Prometheus's engine.
//
// A table is a metric of its name. Its tags are labels, each of its numeric
// fields is a set of series (spec/greptimedb-http-api.md section 10), and its
// times are cut to milliseconds. A table with one numeric field looks just as
// Prometheus has it; with several, each series says its field in the label
// __field__, unless a matcher __field__="name" has chosen one.
package promql

import (
	"context"

	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/schema"
)

// NameLabel is the label of a metric's name.
const NameLabel = "__name__"

// FieldLabel is the label, and the name in matchers, of a field of a table.
const FieldLabel = "__field__"

// ChoosesDatabase says whether a matcher of that name chooses the database.
func ChoosesDatabase(name string) bool {
	return name == "__database__" || name == "__schema__" || name == "x_greptime_database"
}

// Store is what PromQL needs of the storage engine.
type Store interface {
	Database(name string) (plan.Database, bool)
	Scan(ctx context.Context, spec store.ScanSpec) (store.Rows, error)
	Series(ctx context.Context, database string, t *schema.Table, minTime, maxTime int64) (*store.SeriesView, error)
}

// Memory is the account of what a query holds, in bytes.
type Memory interface {
	Reserve(n int64) error
}
