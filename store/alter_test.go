package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tarn/store/column"
	"tarn/store/schema"
	"tarn/store/vfs"
)

// alteration is a change of a table: a field that goes, one that gets another
// type, one that comes with a value for the rows that are there, or another name
// of the table.
type alteration struct {
	database, table string
	drop, retype    string
	add             string
	kind            column.Kind
	rename          string
}

// kind is what a write takes a field for: what it is, or what a new column of it
// may be.
func (m *machine) kind(database, table, field string) column.Kind {
	if db, ok := m.store.Database(database); ok {
		if sch, ok := db.Table(table); ok {
			if c, ok := sch.Column(field); ok {
				return c.Kind
			}
		}
	}
	if kinds := kindsFor(field); m.anyKind && m.rng.IntN(3) == 0 {
		return kinds[m.rng.IntN(len(kinds))]
	}
	return kindOf(field)
}

// kindsFor are the kinds that hold the values that the tests give a field, and
// show them alike.
func kindsFor(field string) []column.Kind {
	if kindOf(field) == column.Bool {
		return []column.Kind{column.Bool, column.String}
	}
	return []column.Kind{column.Int64, column.Uint64, column.Float64, column.String}
}

// anyAlteration is one of a table that is there, or of none.
func (m *machine) anyAlteration() (a alteration) {
	var names []string
	for _, db := range m.store.Databases() {
		for _, t := range db.Tables() {
			names = append(names, db.Name()+"/"+t)
		}
	}
	if len(names) == 0 {
		return a
	}
	a.database, a.table, _ = strings.Cut(names[m.rng.IntN(len(names))], "/")
	db, _ := m.store.Database(a.database)
	sch, _ := db.Table(a.table)
	fields := sch.Fields()
	n := m.rng.IntN(4)
	if n < 2 && len(fields) == 0 {
		return alteration{}
	}
	switch n {
	case 0:
		a.drop = fields[m.rng.IntN(len(fields))].Name
	case 1:
		c := fields[m.rng.IntN(len(fields))]
		kinds := kindsFor(c.Name)
		if a.kind = kinds[m.rng.IntN(len(kinds))]; a.kind == c.Kind || c.Kind == column.Float64 && a.kind == column.String {
			return alteration{} // 5 would be "5.0"
		}
		a.retype = c.Name
	case 2:
		names := []string{"i", "f", "s", "b", "u", "f2", "i2", "s2"}
		a.add = names[m.rng.IntN(len(names))]
		if _, there := sch.Column(a.add); there {
			return alteration{}
		}
		kinds := kindsFor(a.add)
		a.kind = kinds[m.rng.IntN(len(kinds))]
	default:
		a.rename = fmt.Sprint("t", m.rng.IntN(5))
		if slices.Contains(db.Tables(), a.rename) {
			return alteration{}
		}
	}
	return a
}

// alter alters a table, and the model.
func (m *machine) alter(a alteration) {
	m.t.Helper()
	if a.table == "" {
		return
	}
	ctx := context.Background()
	if a.rename != "" {
		m.must(m.store.RenameTable(ctx, a.database, a.table, a.rename))
		if t, ok := m.durable[a.database+"/"+a.table]; ok {
			delete(m.durable, a.database+"/"+a.table)
			m.durable[a.database+"/"+a.rename] = t
		}
	} else {
		m.must(m.store.AlterTable(ctx, a.database, a.table, func(*schema.Table) (change Alteration, _ error) {
			switch {
			case a.drop != "":
				change.Drop = []string{a.drop}
			case a.add != "":
				value := a.value()
				change.Fields = []FieldDef{{Name: a.add, Kind: a.kind, Fill: &value}}
			default:
				change.Retype = []RetypeDef{{Name: a.retype, Kind: a.kind}}
			}
			return change, nil
		}))
	}
	for _, r := range m.durable[a.database+"/"+a.table] {
		delete(r, a.drop)
		if a.add != "" {
			r[a.add] = a.value()
		}
	}
	for _, w := range m.tail {
		for i := range w.rows {
			if r := &w.rows[i]; w.database == a.database && r.table == a.table {
				delete(r.fields, a.drop)
				if a.add != "" {
					r.fields[a.add] = a.value()
				}
				if a.rename != "" {
					r.table = a.rename
				}
			}
		}
	}
}

// value is what rows that are there get in a new field.
func (a alteration) value() string {
	if kindOf(a.add) == column.Bool {
		return "true"
	}
	return "42"
}

// TestDropColumn drops a column whose values are in a file, in the buffer and in
// the log, makes one of the name anew with another type, and looks for old values
// after every step of a store's life.
func TestDropColumn(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	kind := column.Int64
	put := func(time int64, fields ...string) {
		t.Helper()
		w := one("d", "t", "h", time, fields...)
		m.tail = append(m.tail, w)
		b := w.typed(func(_, field string) column.Kind {
			if field == "x" {
				return kind
			}
			return kindOf(field)
		})
		m.must(m.store.Write(ctx, "d", b, WriteOptions{}))
		m.acked()
	}
	put(1, "x=1", "f=1")
	m.must(m.store.Checkpoint(ctx))
	put(2, "x=2", "f=2")
	m.alter(alteration{database: "d", table: "t", drop: "x"})
	m.check()
	db, _ := m.store.Database("d")
	if sch, _ := db.Table("t"); sch.Live() != 3 || len(sch.Sorted()) != 3 || len(sch.Fields()) != 1 {
		t.Errorf("the schema is %v", sch.Columns)
	}
	m.recover(m.crashNow()) // from the log
	m.check()
	kind = column.String
	put(2, "x=new")
	put(3, "x=newer")
	m.check()
	m.recover(m.crashNow()) // a log with both
	m.check()
	m.must(m.store.Checkpoint(ctx))
	m.check()
	m.recover(m.crashNow())
	m.check()
	m.clock.Add(3 * dayNanos)
	if n, err := m.store.Compact(ctx); err != nil || n != 2 {
		t.Fatalf("%d files compacted, %v", n, err)
	}
	m.check()
	db, _ = m.store.Database("d")
	sch, _ := db.Table("t")
	if c, _ := sch.Column("x"); c.Kind != column.String || c.ID != 4 {
		t.Errorf("x is %+v", c)
	}
	// The file that is left has nothing of the old column.
	for _, f := range m.store.allTables()[0].segments {
		m.must(f.open(ctx))
		if cols := f.reader.Columns(); len(cols) != 4 {
			t.Errorf("the compacted file has columns %v", cols)
		}
	}
	// Twice, and back.
	m.alter(alteration{database: "d", table: "t", drop: "x"})
	kind = column.Int64
	m.check()
	put(4, "x=4")
	m.recover(m.crashNow())
	m.check()
}

// TestUnloggedDrop drops a column after writes that the crash takes: the numbers
// of the writes come again, and mean the new column.
func TestUnloggedDrop(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1"), false))
	m.store.lastSeq.Add(5) // as if more had been written without waiting
	m.alter(alteration{database: "d", table: "t", drop: "i"})
	m.recover(m.crashNow())
	m.must(m.write(one("d", "t", "h", 10, "i=10"), false))
	m.recover(m.crashNow())
	m.check()
	m.must(m.store.Checkpoint(ctx))
	m.check()
}

// TestWriteMeetsDrop has a batch that was made before the column was dropped, and
// committed after.
func TestWriteMeetsDrop(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1", "f=1"), false))
	db, err := m.store.lookup("d")
	m.must(err)
	late := one("d", "t", "h", 2, "i=2").batch()
	late.Tables[0].SortBySeries()
	if grown, err := m.store.prepare(db, late); grown || err != nil {
		t.Fatal(grown, err)
	}
	scratch := &writeScratch{payload: late.Encode(nil, db.id, "d")}
	m.alter(alteration{database: "d", table: "t", drop: "i"})
	if _, err := m.store.commit(db, late, scratch, WriteOptions{}); err == nil {
		t.Error("the dropped column took a value")
	}
	m.check()
}

// TestAlterDuringCompaction drops one column and changes another while a
// compaction writes its files.
func TestAlterDuringCompaction(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	for i := range int64(3) {
		m.must(m.write(one("d", "t", "h", i, "i=1", "u=5"), false))
		m.must(m.store.Checkpoint(ctx))
	}
	m.clock.Add(3 * dayNanos)
	var once atomic.Bool
	var hook vfs.Injector = func(op vfs.Op) (int, error) {
		if op.Kind == "create" && strings.HasSuffix(op.Name, temporary) && !once.Swap(true) {
			m.alter(alteration{database: "d", table: "t", drop: "i"})
			m.alter(alteration{database: "d", table: "t", retype: "u", kind: column.String})
		}
		return 0, nil
	}
	m.inject.Store(&hook)
	if n, err := m.store.Compact(ctx); err != nil || n != 3 {
		t.Fatalf("%d files, %v", n, err)
	}
	m.inject.Store(nil)
	if !once.Load() {
		t.Fatal("nothing was altered")
	}
	m.check()
	m.must(m.write(one("d", "t", "h", 9, "i=9"), false))
	m.recover(m.crashNow())
	m.check()
}

// TestRetype changes types of columns with values everywhere.
func TestRetype(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "s=12", "f=3"), false))
	m.must(m.write(one("d", "t", "h", 2, "s=words", "f=300"), false))
	m.must(m.store.Checkpoint(ctx))
	m.must(m.write(one("d", "t", "h", 3, "s=-7", "f=70000"), false))
	m.must(m.store.AlterTable(ctx, "d", "t", func(*schema.Table) (Alteration, error) {
		return Alteration{Retype: []RetypeDef{{Name: "s", Kind: column.Int64}, {Name: "f", Kind: column.Int64, Bits: 16}}}, nil
	}))
	want := map[int64]map[string]string{1: {"s": "12", "f": "3"}, 2: {"f": "300"}, 3: {"s": "-7"}}
	look := func(when string) {
		t.Helper()
		got := dump(t, m.store, m.rng)["d/t"]
		for time, fields := range want {
			if !maps.Equal(got[rowKey{"host=h", time}], fields) {
				t.Errorf("%s: row %d is %v, want %v", when, time, got[rowKey{"host=h", time}], fields)
			}
		}
	}
	look("at once")
	m.mem, m.catalog = func() (*vfs.Mem, string) { i := m.crashNow(); m.stop(); return i.mem, i.catalog }()
	m.mustOpen()
	look("from the log")
	m.must(m.store.Checkpoint(ctx))
	look("from files")
	m.clock.Add(3 * dayNanos)
	if n, err := m.store.Compact(ctx); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	look("compacted")
	// What is gone is gone: only values that had become numbers are texts again.
	m.must(m.store.AlterTable(ctx, "d", "t", func(*schema.Table) (Alteration, error) {
		return Alteration{Retype: []RetypeDef{{Name: "s", Kind: column.String}}}, nil
	}))
	look("and back")
	m.must(m.store.Close(ctx))
	m.store = nil
	m.mustOpen()
	look("after a restart")
}

// TestRename gives names to and fro, with rows in files and in the log.
func TestRename(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "a", "h", 1, "i=1"), false))
	m.must(m.store.Checkpoint(ctx))
	m.must(m.write(one("d", "a", "h", 2, "i=2"), false))
	m.alter(alteration{database: "d", table: "a", rename: "b"})
	m.check()
	m.must(m.write(one("d", "a", "h", 3, "s=new"), false)) // the old name is free
	m.must(m.write(one("d", "b", "h", 4, "i=4"), false))
	m.recover(m.crashNow())
	m.check()
	if err := m.store.RenameTable(ctx, "d", "a", "b"); err == nil {
		t.Error("two tables b")
	}
	if err := m.store.RenameTable(ctx, "d", "c", "e"); err == nil {
		t.Error("no table c, and it was renamed")
	}
	m.alter(alteration{database: "d", table: "b", rename: "c"})
	m.alter(alteration{database: "d", table: "a", rename: "b"})
	m.alter(alteration{database: "d", table: "c", rename: "a"})
	m.check()
	m.recover(m.crashNow())
	m.check()
	m.must(m.store.Close(ctx))
	m.store = nil
	m.mustOpen()
	m.check()
}

// TestDropOfCachedColumn refuses to drop what a cache is made of.
func TestDropOfCachedColumn(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1", "s=a", "f=1"), false))
	_, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Name: "c", Keys: []string{"s"}, Values: []string{"i"}, Count: 1, TTL: 100})
	m.must(err)
	_, err = m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Name: "all", Count: 1, TTL: 100})
	m.must(err)
	for name, ok := range map[string]bool{"i": false, "s": false, "host": false, "time": false, "none": false, "f": true} {
		err := m.store.AlterTable(ctx, "d", "t", func(*schema.Table) (Alteration, error) { return Alteration{Drop: []string{name}}, nil })
		if ok != (err == nil) {
			t.Errorf("drop %s: %v", name, err)
		}
	}
	db, _ := m.store.Database("d")
	c, _ := db.Cache("t", "all", LastCache)
	for _, col := range c.Columns() {
		if col.Name == "f" {
			t.Error("the cache of all columns has the dropped one")
		}
	}
}

// rebuilt stops the store, takes its catalog away, and has it made of the files.
func (m *machine) rebuilt() {
	m.t.Helper()
	ctx := context.Background()
	m.must(m.store.Close(ctx))
	m.store = nil
	path := filepath.Join(m.catalog, "catalog.db")
	m.must(os.Remove(path))
	if _, err := Rebuild(ctx, Options{FS: m.mem, Dir: "data", CatalogPath: path, Now: m.now}); err != nil {
		m.t.Fatal(err)
	}
	m.mustOpen()
}

// TestRebuildAfterAlteration loses the catalog when columns were dropped and
// tables renamed: neither comes back, whether there are newer files or not.
func TestRebuildAfterAlteration(t *testing.T) {
	ctx := context.Background()
	for _, later := range []bool{false, true} {
		m := newMachine(t, 1)
		m.mustOpen()
		m.must(m.write(one("d", "a", "h", 1, "i=1", "s=5", "f=1"), false))
		m.must(m.write(one("d", "b", "h", 1, "i=2"), false))
		m.must(m.store.Checkpoint(ctx))
		m.alter(alteration{database: "d", table: "a", drop: "i"})
		m.alter(alteration{database: "d", table: "a", retype: "s", kind: column.Int64})
		m.alter(alteration{database: "d", table: "a", rename: "c"})
		m.alter(alteration{database: "d", table: "b", rename: "a"})
		if later {
			m.must(m.write(one("d", "c", "h", 2, "i=3"), false))
			m.must(m.write(one("d", "a", "h", 2, "i=4"), false))
			m.must(m.store.Checkpoint(ctx))
		}
		m.check()
		m.rebuilt()
		m.check()
		db, _ := m.store.Database("d")
		if got := db.Tables(); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("tables %v", got)
		}
		sch, _ := db.Table("c")
		if c, _ := sch.Column("s"); c.Kind != column.Int64 || c.Continues == 0 {
			t.Errorf("s is %+v", c)
		}
		if !slices.Equal(sch.Def.Formerly, []string{"a"}) {
			t.Errorf("the table was called %v", sch.Def.Formerly)
		}
		m.must(m.write(one("d", "c", "h", 3, "i=7"), false))
		m.recover(m.crashNow())
		m.check()
	}
}

// TestDamagedTableNote has notes that are none: the files must do.
func TestDamagedTableNote(t *testing.T) {
	ctx := context.Background()
	note := func(m *machine) string {
		t.Helper()
		f, err := m.mem.Open("data/segments/1/1/table.json")
		m.must(err)
		size, err := f.Size()
		m.must(err)
		text := make([]byte, size)
		_, err = f.ReadAt(text, 0)
		m.must(errors.Join(err, f.Close()))
		return string(text)
	}
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "i=1", "f=1"), false))
	m.alter(alteration{database: "d", table: "t", drop: "i"})
	m.must(m.store.Checkpoint(ctx)) // the file knows it, too
	whole := note(m)
	if n, err := parseTableNote([]byte(whole)); err != nil || n.schema.Live() != 3 {
		t.Fatalf("%v of %s", err, whole)
	}
	for _, text := range []string{"", "x", whole[:9], whole[:20], whole[:len(whole)-2], "00000000" + whole[8:], strings.Replace(whole, "dropped", "field", 1), whole[:9] + "{}\n"} {
		if _, err := parseTableNote([]byte(text)); err == nil {
			t.Errorf("%q is a note", text)
		}
		m.must(vfs.WriteFileAtomic(m.mem, "data/segments/1/1", "table.json", []byte(text)))
		m.rebuilt()
		m.check()
	}
	m.must(m.store.DeleteTable(ctx, "d", "t", HardDelete{At: m.now()}))
	m.clock.Add(1)
	m.store.sweep(ctx)
	if _, err := m.mem.Open("data/segments/1/1/table.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the note of a table that is gone: %v", err)
	}
}

// FuzzTableNote reads notes of any kind.
func FuzzTableNote(f *testing.F) {
	f.Add([]byte("00000000 {}\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		line := fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(body, castagnoli), body)
		if n, err := parseTableNote(line); err == nil && (n.schema == nil || n.schema.Columns[0].Role != schema.Time) {
			t.Errorf("%q gave %v", body, n.schema)
		}
	})
}

// TestPruneKeepsRenamed says of a name that a renamed table had that its files
// upstream stay, and when the table is gone for good that they may go.
func TestPruneKeepsRenamed(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	gone := func(table string) {
		t.Helper()
		m.must(m.store.DeleteTable(ctx, "d", table, HardDelete{At: m.now()}))
		m.clock.Add(1)
		m.store.sweep(ctx)
		m.forget("d", table)
	}
	m.must(m.write(one("d", "a", "h", 1, "i=1"), false))
	m.must(m.store.Checkpoint(ctx))
	m.alter(alteration{database: "d", table: "a", rename: "b"})
	m.must(m.write(one("d", "a", "h", 1, "i=1"), false))
	gone("a")
	if _, deleted := m.store.SyncKeeps("d", "a"); deleted {
		t.Error("rows of the renamed table are there")
	}
	gone("b")
	for _, name := range []string{"a", "b"} {
		if _, deleted := m.store.SyncKeeps("d", name); !deleted {
			t.Errorf("%s is gone for good", name)
		}
	}
}

// TestAddWithDefault adds a field with a value for the rows that are there: those
// in files, in the buffer and in the log, and no later ones.
func TestAddWithDefault(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "h", 1, "f=1"), false))
	m.must(m.store.Checkpoint(ctx))
	m.must(m.write(one("d", "t", "h", 2, "f=2"), false))
	m.alter(alteration{database: "d", table: "t", add: "i", kind: column.Int64})
	m.check()
	m.must(m.write(one("d", "t", "h", 3, "f=3"), false)) // has none
	m.must(m.write(one("d", "t", "h", 2, "f=4"), false)) // the row was there
	m.must(m.write(one("d", "t", "h", 1, "i=5"), false))
	m.check()
	m.recover(m.crashNow())
	m.check()
	m.must(m.store.Checkpoint(ctx))
	m.check()
	m.alter(alteration{database: "d", table: "t", retype: "i", kind: column.String})
	m.check()
	m.clock.Add(3 * dayNanos)
	if n, err := m.store.Compact(ctx); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	m.check()
	m.rebuilt()
	m.check()
	bad := "words"
	if err := m.store.AlterTable(ctx, "d", "t", func(*schema.Table) (Alteration, error) {
		return Alteration{Fields: []FieldDef{{Name: "u", Kind: column.Uint64, Fill: &bad}}}, nil
	}); err == nil {
		t.Error("a default that is no number")
	}
}
