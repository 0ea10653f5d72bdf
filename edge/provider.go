package edge

import (
	"context"

	"tarn/edge/query"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/schema"
)

// Provider gives queries the store's databases, and the internal one.
type Provider struct{ store *store.Store }

// Database finds a database.
func (p Provider) Database(name string) (plan.Database, bool) {
	if name == query.InternalDatabase {
		return internal{}, true
	}
	return p.store.Database(name)
}

// Scan reads a table.
func (p Provider) Scan(ctx context.Context, spec store.ScanSpec) (store.Rows, error) {
	return p.store.Scan(ctx, spec)
}

// Series lists the series of a table.
func (p Provider) Series(ctx context.Context, database string, t *schema.Table, minTime, maxTime int64) (*store.SeriesView, error) {
	return p.store.Series(ctx, database, t, minTime, maxTime)
}

// ListDatabases lists the store's databases by name, with the deleted ones if
// wanted.
func (p Provider) ListDatabases(deleted bool) []store.DatabaseInfo {
	return p.store.ListDatabases(deleted)
}

// internal is the database that has only system tables.
type internal struct{}

func (internal) Name() string { return query.InternalDatabase }

func (internal) Tables() []string { return nil }

func (internal) Table(string) (*schema.Table, bool) { return nil, false }
