package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tarn/store/vfs"
)

// administered is a life of deletions in which anything may fail, after a
// beginning in which nothing does: of d/keep nothing goes, of d/half the rows
// before time 10, and d/gone for good.
type administered struct {
	*machine
	halved, deleted bool // the store said so
	refused         int  // how often it said no
}

func newAdministered(t *testing.T, seed uint64) *administered {
	a := &administered{machine: newMachine(t, seed)}
	a.mustOpen()
	for i := range int64(20) {
		for _, table := range []string{"keep", "half", "gone"} {
			a.must(a.write(one("d", table, "a", i, fmt.Sprint("i=", i)), false))
		}
		if i%6 == 5 {
			a.must(a.store.Checkpoint(t.Context()))
		}
	}
	return a
}

func (a *administered) live() {
	ctx := a.t.Context()
	done := func(err error) bool {
		if err != nil {
			a.refused++
		}
		return err == nil
	}
	a.clock.Add(1)
	a.halved = done(a.store.DeleteRows(ctx, "d", "half", RowDelete{MinTime: 0, MaxTime: 9}))
	a.deleted = done(a.store.DeleteTable(ctx, "d", "gone", HardDelete{At: a.now()}))
	a.clock.Add(1)
	a.store.sweep(ctx)
	done(a.store.SetRetention(ctx, "d", 0))
	done(a.store.CreateTable(ctx, "d", "new", []string{"host"}, nil, 0))
	done(a.store.Checkpoint(ctx))
	_, err := a.store.Compact(ctx)
	done(err)
}

// verify looks at what is there: all that was not deleted, nothing that was, and
// of what failed all or nothing.
func (a *administered) verify(when string) {
	a.t.Helper()
	got := dump(a.t, a.store, a.rng)
	rows := func(table string) int { return len(got["d/"+table]) }
	if n := rows("keep"); n != 20 {
		a.t.Fatalf("%s: %d rows of 20 are left of a table that nobody touched", when, n)
	}
	if n := rows("half"); n != 10 && (n != 20 || a.halved) {
		a.t.Fatalf("%s: %d rows of 20 are left where 10 were deleted (acknowledged: %t)", when, n, a.halved)
	}
	if n := rows("gone"); n != 0 && (n != 20 || a.deleted) {
		a.t.Fatalf("%s: %d rows of 20 are left of a deleted table (acknowledged: %t)", when, n, a.deleted)
	}
}

// end cuts the power, starts again, finishes what was begun, and looks for files
// that belong to nobody.
func (a *administered) end() {
	a.t.Helper()
	i := a.crashNow()
	a.stop()
	a.inject.Store(nil)
	a.mem, a.catalog = i.mem, i.catalog
	a.mustOpen()
	a.verify("after the crash")
	a.must(a.store.Checkpoint(a.t.Context()))
	a.store.sweep(a.t.Context())
	a.verify("in the end")
	if files, n := a.files("data/segments"), a.store.Stats().Segments; len(files) != n {
		a.t.Fatalf("%d files of %d segments: %v", len(files), n, files)
	}
}

// TestEveryFailureOfDeletion fails each file operation of deletions in turn.
func TestEveryFailureOfDeletion(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		t.Run(fmt.Sprint("sticky=", sticky), func(t *testing.T) {
			step := 1
			if testing.Short() {
				step = 7
			}
			for n := 1; ; n += step {
				a := newAdministered(t, uint64(n))
				ops := 0
				var fail vfs.Injector = func(op vfs.Op) (int, error) {
					ops++
					op.N = ops
					return vfs.FailNth(n, sticky, errBoom)(op)
				}
				a.inject.Store(&fail)
				a.live()
				a.inject.Store(nil)
				a.end()
				if ops < n {
					if n < 30 {
						t.Errorf("only %d operations", ops)
					}
					return
				}
			}
		})
	}
}

// catalogTables are those that a life of deletions writes.
var catalogTables = []string{"meta", "databases", "tables", "columns", "segments", "checkpoint"}

// TestEveryFailureOfTheCatalog has SQLite refuse to write each of the catalog's
// tables in turn, each way, which it does as it would for a full disk: what the
// change was for has not happened.
func TestEveryFailureOfTheCatalog(t *testing.T) {
	refused := map[string]int{}
	for _, table := range catalogTables {
		for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
			t.Run(table+"/"+strings.ToLower(verb), func(t *testing.T) {
				a := newAdministered(t, 1)
				path := filepath.Join(a.catalog, "catalog.db")
				a.sqlite(path, fmt.Sprintf("CREATE TRIGGER boom BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'boom'); END", verb, table))
				a.live()
				refused[table] += a.refused
				a.verify("before the crash")
				a.sqlite(path, "DROP TRIGGER boom")
				a.must(a.write(one("d", "half", "a", 15, "i=15"), false)) // changes nothing
				a.end()
			})
		}
	}
	for _, table := range catalogTables {
		if refused[table] == 0 && table != "meta" {
			t.Errorf("nothing failed when table %s could not be written", table)
		}
	}
}

// sqlite runs a statement on a connection of its own.
func (m *machine) sqlite(path, statement string) {
	m.t.Helper()
	db, err := sql.Open("sqlite", path)
	m.must(err)
	_, err = db.Exec(statement)
	m.must(err)
	m.must(db.Close())
}
