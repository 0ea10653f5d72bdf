package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/vfs"
)

func floatBits(f float64) uint64 { return math.Float64bits(f) }

// machine is a computer with a store that can lose its power: the log and the
// segments lie on a file system in memory, the catalog on the real one, of
// which a crash takes a copy.
type machine struct {
	t       *testing.T
	rng     *rand.Rand
	mem     *vfs.Mem
	catalog string
	store   *Store
	options func(*Options) // nil for none
	inject  atomic.Pointer[vfs.Injector]
	clock   atomic.Int64 // ns, moved by hand

	anyKind bool // new columns may have any kind that fits the values

	durable model   // what must be there
	tail    []write // later writes, of which a crash may leave any first few
}

func newMachine(t *testing.T, seed uint64) *machine {
	m := &machine{t: t, rng: rand.New(rand.NewPCG(seed, 11)), mem: vfs.NewMem(), catalog: t.TempDir(), durable: model{}}
	m.clock.Store(1_700_000_000_000_000_000)
	t.Cleanup(func() {
		if m.store != nil {
			m.stop()
		}
	})
	return m
}

// open starts a store on what the machine has.
func (m *machine) open() error {
	var fsys vfs.FS = vfs.NewFault(m.mem, func(op vfs.Op) (int, error) {
		if inject := m.inject.Load(); inject != nil {
			return (*inject)(op)
		}
		return 0, nil
	})
	o := Options{FS: fsys, Dir: "data", CatalogPath: filepath.Join(m.catalog, "catalog.db"), WALSyncRate: 1e6,
		RetentionInterval: time.Hour, SegmentBytes: 4 << 10, CompactInterval: -1, CompactRate: -1, Now: m.now, walSegmentBytes: 64 << 10}
	if m.options != nil {
		m.options(&o)
	}
	var err error
	m.store, err = Open(context.Background(), o)
	return err
}

func (m *machine) mustOpen() {
	m.t.Helper()
	if err := m.open(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) now() time.Time { return time.Unix(0, m.clock.Load()) }

// stop ends the process without a checkpoint. What it leaves behind is of no
// interest: a crash was taken before.
func (m *machine) stop() {
	s := m.store
	m.store = nil
	s.closed.Store(true)
	s.stop()
	s.done.Wait()
	_ = s.release()
}

// image is a machine's disk after a crash.
type image struct {
	mem     *vfs.Mem
	catalog string
}

// crash returns what the disk would have if power failed now. No checkpoint
// may be registering files at this moment.
func (m *machine) crash() image {
	m.t.Helper()
	i := image{m.mem.CrashClone(m.rng), m.t.TempDir()}
	for _, name := range []string{"catalog.db", "catalog.db-wal"} {
		data, err := os.ReadFile(filepath.Join(m.catalog, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(i.catalog, name), data, 0o600)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	return i
}

// crashNow is crash between checkpoints.
func (m *machine) crashNow() image {
	m.store.checkpointing.Lock()
	defer m.store.checkpointing.Unlock()
	return m.crash()
}

// recover restarts from an image and checks that what was durable is there, and
// of the writes after it the first few or all.
func (m *machine) recover(i image) {
	m.t.Helper()
	if m.store != nil {
		m.stop()
	}
	m.inject.Store(nil)
	m.mem, m.catalog = i.mem, i.catalog
	m.mustOpen()
	got := dump(m.t, m.store, m.rng)
	want := m.durable.clone()
	first := want.diff(got)
	for k := 0; want.diff(got) != ""; k++ {
		if k == len(m.tail) {
			m.t.Fatalf("after the crash: %s; with none of %d unacknowledged writes: %s", want.diff(got), len(m.tail), first)
		}
		want.merge(m.tail[k])
	}
	m.durable, m.tail = want, nil
}

// write writes and keeps book.
func (m *machine) write(w write, noSync bool) error {
	b := w.typed(func(table, field string) column.Kind { return m.kind(w.database, table, field) })
	// It may survive from the moment that it begins.
	m.tail = append(m.tail, w)
	err := m.store.Write(context.Background(), w.database, b, WriteOptions{NoSync: noSync})
	if err == nil && !noSync {
		m.acked()
	}
	return err
}

// acked notes that everything written so far must survive.
func (m *machine) acked() {
	for _, w := range m.tail {
		m.durable.merge(w)
	}
	m.tail = nil
}

// forget notes that a table, or with an empty name a database, was deleted.
func (m *machine) forget(database, table string) {
	gone := func(t string) bool { return table == "" || t == table }
	for name := range m.durable {
		if name == database+"/"+table || table == "" && filepath.Dir(name) == database {
			delete(m.durable, name)
		}
	}
	for i, w := range m.tail {
		if w.database != database {
			continue
		}
		kept := write{database: database}
		for _, r := range w.rows {
			if !gone(r.table) {
				kept.rows = append(kept.rows, r)
			}
		}
		m.tail[i] = kept
	}
}

// check compares all that is visible with all that was written.
func (m *machine) check() {
	m.t.Helper()
	want := m.durable.clone()
	for _, w := range m.tail {
		want.merge(w)
	}
	if d := want.diff(dump(m.t, m.store, m.rng)); d != "" {
		m.t.Fatal(d)
	}
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// testSeeds runs a test with seeds from 0, or with those of TARN_SEEDS, which is
// "FIRST" or "FIRST+COUNT": make soak chooses new ones, and a seed that failed
// is run again so.
func testSeeds(t *testing.T, n uint64, test func(t *testing.T, seed uint64)) {
	first := uint64(0)
	if testing.Short() {
		n = max(1, n/5)
	}
	if text := os.Getenv("TARN_SEEDS"); text != "" {
		n = 1
		if got, err := fmt.Sscanf(text, "%d+%d", &first, &n); got == 0 {
			t.Fatalf("TARN_SEEDS is %q: %v", text, err)
		}
	}
	for i := range n {
		seed := first + i
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { test(t, seed) })
	}
}
