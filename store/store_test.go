package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/vfs"
)

// one is a write of a single row; fields are "name=value".
func one(database, table, host string, time int64, fields ...string) write {
	p := point{table: table, tags: map[string]string{"host": host}, fields: map[string]string{}, time: time}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		p.fields[name] = value
	}
	return write{database: database, rows: []point{p}}
}

// TestUpsert writes one row's fields in parts, with a checkpoint and a restart
// in between: the newest value that is not null wins, field by field.
func TestUpsert(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	ctx := context.Background()
	for i, fields := range [][]string{{"i=1", "s=a"}, {"i=2"}, {"f=3"}, {"s=b", "u=4"}, {"i=5"}} {
		m.must(m.write(one("d", "t", "h", 100, fields...), false))
		switch i % 3 {
		case 0:
			m.must(m.store.Checkpoint(ctx))
		case 1:
			m.recover(m.crashNow())
		}
		m.check()
	}
	got := dump(t, m.store, m.rng)["d/t"]
	want := map[string]string{"i": "5", "s": "b", "f": "3", "u": "4"}
	if len(got) != 1 || !maps.Equal(got[rowKey{"host=h", 100}], want) {
		t.Errorf("got %v, want one row %v", got, want)
	}
}

func TestSchemaConflictsWriteNothing(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
	for _, c := range []struct {
		name string
		row  point
	}{
		{"a_field_that_is_a_tag", point{table: "t", fields: map[string]string{"host": "1"}}},
		{"a_tag_that_is_a_field", point{table: "t", tags: map[string]string{"i": "x"}, fields: map[string]string{"f": "1"}}},
		{"both_at_once", point{table: "u", tags: map[string]string{"f": "x"}, fields: map[string]string{"f": "1"}}},
	} {
		w := one("d", "new", "h", 1, "i=1")
		w.rows = append(w.rows, c.row)
		if err := m.store.Write(context.Background(), "d", w.batch(), WriteOptions{}); !errors.Is(err, ErrSchemaChanged) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	db, _ := m.store.Database("d")
	if tables := db.Tables(); !slices.Equal(tables, []string{"t"}) {
		t.Errorf("tables %q after writes that were refused", tables)
	}
	m.check()
}

func TestLimits(t *testing.T) {
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.Limits = Limits{Databases: 2, Tables: 3, Columns: 6, Tags: 2} }
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i1=1", "i2=2"), false))
	wide := one("d", "t", "h", 1, "i3=1", "i4=1", "i5=1")
	tags := one("d", "t", "h", 1, "i1=1")
	tags.rows[0].tags = map[string]string{"x": "1", "y": "1"}
	many := write{database: "d"}
	for i := range 3 {
		many.rows = append(many.rows, point{table: fmt.Sprint("n", i), fields: map[string]string{"i": "1"}})
	}
	for name, w := range map[string]write{"columns": wide, "tags": tags, "tables": many} {
		var limit *LimitError
		if err := m.store.Write(context.Background(), "d", w.batch(), WriteOptions{}); !errors.As(err, &limit) || !strings.Contains(err.Error(), name[:3]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.must(m.write(one("d2", "t", "h", 1, "i=1"), false))
	var limit *LimitError
	if err := m.store.CreateDatabase(context.Background(), "d3", 0); !errors.As(err, &limit) {
		t.Errorf("a third database: %v", err)
	}
	m.check()
	if n := m.store.TableCount(); n != 2 {
		t.Errorf("%d tables, want 2", n)
	}
}

func TestDeleteAndRecreate(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	for range 3 {
		for i := range 5 {
			m.must(m.write(one("d", "t", fmt.Sprint(i), int64(i), "i=1"), false))
			m.must(m.write(one("d", "keep", fmt.Sprint(i), int64(i), "i=1"), false))
			if i == 2 {
				m.must(m.store.Checkpoint(ctx))
			}
		}
		m.must(m.store.DeleteTable(ctx, "d", "t", HardDelete{At: m.now().Add(time.Second)}))
		m.forget("d", "t")
		m.check()
		if err := m.store.DeleteTable(ctx, "d", "t", HardDelete{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		m.recover(m.crashNow())
		// The name is free, also for other types.
		m.must(m.write(one("d", "t", "x", 7, "s=text"), false))
		m.check()
		m.must(m.store.DeleteTable(ctx, "d", "t", HardDelete{Never: true}))
		m.forget("d", "t")
	}
	deleted := 0
	for _, i := range m.store.ListTables(true) {
		if i.Deleted {
			deleted++
		}
	}
	if deleted != 6 || m.store.TableCount() != 1 {
		t.Errorf("%d deleted tables and %d live ones, want 6 and 1", deleted, m.store.TableCount())
	}
	before := segmentFiles(t, m.mem)
	m.clock.Add(int64(2 * time.Second))
	m.store.sweep(ctx)
	if after := segmentFiles(t, m.mem); after >= before {
		t.Errorf("%d segments before hard deletion, %d after", before, after)
	}
	m.recover(m.crashNow())
	m.check()

	m.must(m.store.DeleteDatabase(ctx, "d", HardDelete{At: m.now().Add(time.Second)}))
	m.forget("d", "")
	if err := m.store.DeleteDatabase(ctx, "d", HardDelete{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a database deleted twice: %v", err)
	}
	m.clock.Add(int64(2 * time.Second))
	m.store.sweep(ctx)
	if n := segmentFiles(t, m.mem); n != 0 {
		t.Errorf("%d segments outlive their database", n)
	}
	if b := m.store.Stats().BufferedBytes; b != 0 {
		t.Errorf("%d bytes are buffered for nothing", b)
	}
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
	m.recover(m.crashNow())
	m.check()
}

// segmentFiles counts the Parquet files on disk.
func segmentFiles(t *testing.T, fsys vfs.FS) int {
	t.Helper()
	n := 0
	var walk func(dir string)
	walk = func(dir string) {
		for _, name := range list(t, fsys, dir) {
			if strings.Contains(name, ".parquet") {
				n++
			} else {
				walk(dir + "/" + name)
			}
		}
	}
	walk("data/segments")
	return n
}

// TestDeletionDuringACheckpoint deletes a table while its segment is written:
// the checkpoint must not bring it back.
func TestDeletionDuringACheckpoint(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
	var once sync.Once
	var hook vfs.Injector = func(op vfs.Op) (int, error) {
		if strings.HasSuffix(op.Name, temporary) {
			once.Do(func() { m.must(m.store.DeleteTable(ctx, "d", "t", HardDelete{Never: true})) })
		}
		return 0, nil
	}
	m.inject.Store(&hook)
	m.must(m.store.Checkpoint(ctx))
	m.inject.Store(nil)
	m.forget("d", "t")
	m.check()
	m.recover(m.crashNow())
	m.check()
	if tables := m.store.ListTables(false); len(tables) != 0 {
		t.Errorf("%v came back", tables)
	}
	if tables := m.store.ListTables(true); len(tables) != 1 || tables[0].Schema.Name == "t" {
		t.Errorf("the deleted table is listed as %v", tables)
	}
}

// TestSchemaOfAFailedWrite has a column that no log record explains, as after a
// write that got its columns and then no place in the log.
func TestSchemaOfAFailedWrite(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
	db, err := m.store.lookup("d")
	m.must(err)
	lost := one("d", "t", "h", 1, "i8=1", "i9=1")
	lost.rows[0].tags["az"] = "z"
	db.write.Lock()
	_, err = m.store.prepare(db, lost.batch())
	db.write.Unlock()
	m.must(err)
	w := one("d", "t", "h", 2, "i=2", "i9=2")
	w.rows[0].tags["room"] = "r"
	m.must(m.write(w, false))
	m.recover(m.crashNow())
	m.check()
	m.must(m.write(one("d", "t", "h", 2, "i8=3"), false))
	m.must(m.store.Checkpoint(ctx))
	m.recover(m.crashNow())
	m.check()
}

// TestSchemaWithoutRowsSurvives has tables that got columns but no row: made on
// purpose, or by a request all of whose lines of that table were refused.
func TestSchemaWithoutRowsSurvives(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.store.CreateTable(ctx, "d", "made", []string{"b", "a"}, []FieldDef{{Name: "f", Kind: column.Float64}}, 0))
	b := one("d", "t", "h", 1, "i=1").batch()
	b.Table([]byte("empty")).Field([]byte("x"), column.Int64)
	m.must(m.store.Write(ctx, "d", b, WriteOptions{}))
	m.durable.merge(one("d", "t", "h", 1, "i=1"))
	for range 2 {
		m.recover(m.crashNow())
		db, _ := m.store.Database("d")
		if tables := db.Tables(); !slices.Equal(tables, []string{"empty", "made", "t"}) {
			t.Fatalf("tables %q", tables)
		}
		sch, _ := db.Table("made")
		if c := sch.Columns; len(c) != 4 || c[1].Name != "b" || c[2].Name != "a" || c[3].Kind != column.Float64 {
			t.Errorf("columns %v", c)
		}
		if sch, _ := db.Table("empty"); len(sch.Columns) != 2 {
			t.Errorf("columns %v", sch.Columns)
		}
		m.must(m.store.Checkpoint(ctx))
	}
}

func TestAgeOfBufferedRows(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	want := func(when string, aged bool) {
		t.Helper()
		if m.store.aged() != aged {
			t.Errorf("%s: aged is %v", when, !aged)
		}
	}
	want("empty", false)
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
	want("at once", false)
	m.clock.Add(int64(6 * time.Hour))
	want("after FlushAge", true)
	m.must(m.store.Checkpoint(ctx))
	want("after a checkpoint", false)
	m.must(m.write(one("d", "t", "h", 2, "i=1"), false))
	m.clock.Add(int64(6 * time.Hour))
	var fail vfs.Injector = func(op vfs.Op) (int, error) {
		if strings.HasSuffix(op.Name, temporary) {
			return 0, errBoom
		}
		return 0, nil
	}
	m.inject.Store(&fail)
	if err := m.store.Checkpoint(ctx); !errors.Is(err, errBoom) {
		t.Fatal(err)
	}
	m.inject.Store(nil)
	want("after a failed checkpoint", true)
	m.must(m.store.Checkpoint(ctx))
	want("after the next", false)
	day := dayOf(m.clock.Load()) + 1
	m.clock.Store(day*dayNanos - int64(time.Hour))
	m.must(m.write(one("d", "t", "h", 3, "i=1"), false))
	m.recover(m.crashNow())
	want("after a restart", false)
	m.clock.Store(day*dayNanos + int64(time.Minute))
	want("just after midnight", false)
	m.clock.Store(day*dayNanos + int64(6*time.Minute))
	want("when the day has settled", true)
}

// TestDaysFarApart: rows of 1970 and of now, in one block, are flushed to a file for
// each day that has some, and no other day is looked at.
func TestDaysFarApart(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	now := dayOf(m.clock.Load())
	want := []int64{-1, 0, now - 400, now - 1, now}
	for i, day := range []int64{now, 0, now - 1, now, -1, now - 400, 0} {
		m.must(m.write(one("d", "t", fmt.Sprint("h", i%2), day*dayNanos+int64(i), "i=1"), false))
	}
	c, err := m.store.freeze(t.Context())
	m.must(err)
	var sources []merge.Source
	for _, f := range c.tables[0].frozen {
		sources = append(sources, f.Snapshot()...)
	}
	if days, err := daysOf(t.Context(), sources); err != nil || !slices.Equal(days, want) {
		t.Errorf("days %v, %v, want %v", days, err, want)
	}
	m.must(m.store.Checkpoint(t.Context()))
	if n := segmentFiles(t, m.mem); n != len(want) {
		t.Errorf("%d files, want %d", n, len(want))
	}
	m.check()
}

// TestLostCatalog takes the catalog away: segments must not be taken for
// orphans, and what is in the log alone comes back.
func TestLostCatalog(t *testing.T) {
	ctx := context.Background()
	lose := func(m *machine) {
		m.must(m.store.Close(ctx))
		m.store = nil
		m.must(os.Remove(filepath.Join(m.catalog, "catalog.db")))
	}
	t.Run("with_segments", func(t *testing.T) {
		m := newMachine(t, 1)
		m.mustOpen()
		m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
		lose(m)
		if err := m.open(); err == nil || !strings.Contains(err.Error(), "catalog") {
			t.Fatalf("opened with an empty catalog: %v", err)
		}
		if n := segmentFiles(t, m.mem); n != 1 {
			t.Errorf("%d segments are left, want 1", n)
		}
	})
	t.Run("with_a_log", func(t *testing.T) {
		m := newMachine(t, 1)
		m.mustOpen()
		m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
		i := m.crashNow()
		for _, name := range []string{"catalog.db", "catalog.db-wal"} {
			m.must(os.Remove(filepath.Join(i.catalog, name)))
		}
		m.recover(i)
		m.must(m.store.Checkpoint(ctx))
		m.recover(m.crashNow())
		m.check()
	})
}

func TestRetention(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	now := m.clock.Load()
	m.must(m.store.CreateDatabase(ctx, "d", 48*time.Hour))
	for _, age := range []int64{0, 1, 2, 3} {
		m.must(m.write(one("d", "t", "h", now-age*dayNanos+1000, fmt.Sprintf("i=%d", age)), false))
	}
	visible := func(when string, want int) {
		t.Helper()
		if got := len(dump(t, m.store, m.rng)["d/t"]); got != want {
			t.Errorf("%s: %d rows are visible, want %d", when, got, want)
		}
	}
	visible("in the buffer", 3)
	m.must(m.store.Checkpoint(ctx))
	visible("in segments", 3)
	if n := segmentFiles(t, m.mem); n != 4 {
		t.Errorf("%d segments, want one a day", n)
	}
	m.clock.Add(dayNanos)
	visible("a day later", 2)
	m.store.sweep(ctx)
	visible("after a sweep", 2)
	if n := segmentFiles(t, m.mem); n != 2 {
		t.Errorf("%d segments after a sweep, want 2", n)
	}
	m.must(m.store.SetRetention(ctx, "d", 0))
	visible("kept for ever", 2)
	i := m.crashNow()
	m.stop()
	m.mem, m.catalog = i.mem, i.catalog
	m.mustOpen()
	visible("after a restart", 2)
	if n := segmentFiles(t, m.mem); n != 2 {
		t.Errorf("%d segments after a restart, want 2", n)
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	if _, err := Open(context.Background(), Options{FS: m.mem, Dir: "data", CatalogPath: filepath.Join(t.TempDir(), "catalog.db")}); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
}
