//go:build !race

package ingest

import (
	"context"
	"testing"
	"time"

	"tarn/store"
	"tarn/store/points"
)

// The race detector takes from pools at random: no allocations are counted then.

// forgetful is a store that has tables and forgets rows.
type forgetful struct{ *store.Store }

func (forgetful) Write(context.Context, string, *points.Batch, store.WriteOptions) error { return nil }

// TestRowsAllocate: a request like the one before costs no allocation.
func TestRowsAllocate(t *testing.T) {
	s := openStore(t, store.Limits{Databases: 5, Tables: 100, Columns: 10, Tags: 5})
	w := NewWriter(s, time.Now)
	names, series := rowsFixture(20, 20)
	request := func() {
		r, err := w.Rows("d", RowOptions{})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, r, names, series, 5)
		if err := r.Commit(t.Context(), store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	request()
	w.store = forgetful{s}
	// The pool may lose what it holds to the garbage collector: a few
	// allocations per 2,000 rows would be that.
	if n := testing.AllocsPerRun(50, request); n > 20 {
		t.Errorf("%v allocations for 2,000 rows", n)
	}
}
