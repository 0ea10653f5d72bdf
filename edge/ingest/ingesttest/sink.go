// Package ingesttest has what tests and benchmarks of protocols write to.
package ingesttest

import (
	"context"

	"tarn/store"
	"tarn/store/points"
)

// Sink is a store that has nothing and keeps nothing but the number of rows.
type Sink struct{ Rows int }

// Database finds none.
func (s *Sink) Database(string) (store.Database, bool) { return store.Database{}, false }

// AdmitDatabase admits all.
func (s *Sink) AdmitDatabase(string) error { return nil }

// Write counts the rows.
func (s *Sink) Write(_ context.Context, _ string, b *points.Batch, _ store.WriteOptions) error {
	s.Rows += b.Rows()
	return nil
}

// Limits are the defaults.
func (s *Sink) Limits() store.Limits {
	return store.Limits{Databases: 5, Tables: 2000, Columns: 500, Tags: 100}
}

// TableCount is 0.
func (s *Sink) TableCount() int { return 0 }
