package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tarn/store/vfs"
)

// manyTables is a write of a row to each of so many tables.
func manyTables(n int) write {
	w := write{database: "d"}
	for i := range n {
		w.rows = append(w.rows, point{table: fmt.Sprintf("m%03d", i), tags: map[string]string{"a": "b"}, time: int64(i), fields: map[string]string{"i": fmt.Sprint(i)}})
	}
	return w
}

// TestManyTables: a checkpoint of many tables syncs each file and its directory
// once, and what is above them once for many files.
func TestManyTables(t *testing.T) {
	const tables = 3*settleAtOnce + 10
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(manyTables(tables), false))
	syncs := map[string]int{}
	var count vfs.Injector = func(op vfs.Op) (int, error) {
		if op.Kind == "sync" || op.Kind == "syncdir" {
			syncs[op.Name]++
		}
		return 0, nil
	}
	m.inject.Store(&count)
	m.must(m.store.Checkpoint(t.Context()))
	m.inject.Store(nil)
	if n := m.store.Stats().Segments; n != tables {
		t.Errorf("%d segments of %d tables", n, tables)
	}
	for name, n := range syncs {
		most := 1
		if !strings.HasSuffix(name, temporary) && strings.Count(name, "/") < 3 { // not of a table
			most = tables/settleAtOnce + 1
		}
		if n > most {
			t.Errorf("%s was synced %d times", name, n)
		}
	}
	if len(syncs) < 2*tables {
		t.Errorf("%d files and directories were synced for %d tables", len(syncs), tables)
	}
	m.check()
	m.recover(m.crashNow())
}

// TestSettleFails: of files that cannot be made durable none is left, nor of
// those before them, whichever step fails; the rows stay in the log.
func TestSettleFails(t *testing.T) {
	const tables = settleAtOnce + 20
	for _, kind := range []string{"sync", "rename", "syncdir", "read"} {
		for _, at := range []int{1, settleAtOnce / 2, settleAtOnce + 5} {
			t.Run(fmt.Sprint(kind, "/", at), func(t *testing.T) {
				m := newMachine(t, 1)
				m.mustOpen()
				m.must(m.write(manyTables(tables), false))
				n := 0
				var fail vfs.Injector = func(op vfs.Op) (int, error) {
					if op.Kind == kind && strings.Contains(op.Name, "/segments/") {
						if n++; n == at {
							return 0, errBoom
						}
					}
					return 0, nil
				}
				m.inject.Store(&fail)
				if err := m.store.Checkpoint(t.Context()); !errors.Is(err, errBoom) {
					t.Fatalf("a checkpoint that fails: %v", err)
				}
				m.inject.Store(nil)
				if files := m.files("data/segments"); len(files) > 0 {
					t.Errorf("%d files are left, %s among them", len(files), files[0])
				}
				m.check()
				m.recover(m.crashNow())
				m.must(m.store.Checkpoint(t.Context()))
				m.check()
			})
		}
	}
}

// files are those below a directory.
func (m *machine) files(dir string) (files []string) {
	names, err := m.mem.List(dir)
	m.must(err)
	for _, name := range names {
		name = dir + "/" + name
		info, err := m.mem.Stat(name)
		m.must(err)
		if info.Dir {
			files = append(files, m.files(name)...)
		} else {
			files = append(files, name)
		}
	}
	return files
}

// BenchmarkCheckpoint writes a row to each of a thousand tables and makes files of
// them, on the real file system.
func BenchmarkCheckpoint(b *testing.B) {
	s, err := Open(b.Context(), Options{Dir: b.TempDir(), CompactInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
	}()
	for b.Loop() {
		b.StopTimer()
		if err := s.Write(b.Context(), "d", manyTables(1000).batch(), WriteOptions{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := s.Checkpoint(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
