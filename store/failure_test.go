package store

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"tarn/store/vfs"
)

var errBoom = errors.New("boom")

// TestEveryFailure fails each file operation of a life in turn, once or from
// then on, cuts the power at the end, and finds every acknowledged row.
func TestEveryFailure(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		name := map[bool]string{false: "once", true: "from_then_on"}[sticky]
		t.Run(name, func(t *testing.T) {
			step := 1
			if testing.Short() {
				step = 9
			}
			for n := 1; ; n += step {
				m := newMachine(t, uint64(n))
				ops := m.liveWithFailures(vfs.FailNth(n, sticky, errBoom))
				m.recover(m.crash())
				m.must(m.store.Close(context.Background()))
				m.store = nil
				if ops < n {
					if n < 50 {
						t.Errorf("only %d operations", ops)
					}
					return // every operation has had its turn
				}
			}
		})
	}
}

// liveWithFailures is a short life in which anything may fail. It returns how
// many operations it took and ends as a power cut does.
func (m *machine) liveWithFailures(fail vfs.Injector) (ops int) {
	m.t.Helper()
	ctx := context.Background()
	var inject vfs.Injector = func(op vfs.Op) (int, error) {
		ops = max(ops, op.N)
		return fail(op)
	}
	m.inject.Store(&inject)
	defer m.inject.Store(nil)
	tolerate := func(err error) {
		if err != nil && !errors.Is(err, errBoom) && !errors.Is(err, ErrReadOnly) {
			m.t.Fatalf("at operation %d: %v", ops, err)
		}
	}
	if err := m.open(); err != nil {
		tolerate(err)
		return ops
	}
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 2}
	for range 2 {
		tolerate(m.write(w.next(), false))
		tolerate(m.write(w.next(), true))
		tolerate(m.write(w.next(), false))
		tolerate(m.store.Checkpoint(ctx))
	}
	m.clock.Add(2 * dayNanos) // their days have ended
	_, err := m.store.Compact(ctx)
	tolerate(err)
	tolerate(m.write(w.next(), false))
	return ops
}

// TestFullDiskLosesNothing has no room for segments for a while: writes go on
// until the buffers are full and then wait, and nothing that was accepted is
// lost.
func TestFullDiskLosesNothing(t *testing.T) {
	m := newMachine(t, 1)
	buffer := int64(64 << 10)
	m.options = func(o *Options) { o.BufferBytes = buffer }
	m.mustOpen()
	var full vfs.Injector = func(op vfs.Op) (int, error) {
		if op.Kind == "write" && strings.HasSuffix(op.Name, temporary) {
			return op.Bytes / 2, syscall.ENOSPC
		}
		return 0, nil
	}
	m.inject.Store(&full)
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 2}
	for n := 0; ; n++ {
		one := w.next()
		err := m.write(one, true)
		if errors.Is(err, ErrBusy) {
			m.tail = m.tail[:len(m.tail)-1] // refused
			break
		}
		m.must(err)
		if n > 10_000 {
			t.Fatal("the buffers never got full")
		}
	}
	if err := m.store.Checkpoint(context.Background()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a checkpoint on a full disk: %v", err)
	}
	m.check()
	m.must(m.store.wal.Sync(context.Background()))
	m.acked()
	buffer = 64 << 20 // or what comes out of the log would be written before the disk is full again
	m.recover(m.crashNow())
	m.inject.Store(&full)
	if err := m.store.Checkpoint(context.Background()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("a checkpoint on a full disk: %v", err)
	}
	m.inject.Store(nil)
	m.must(m.store.Checkpoint(context.Background()))
	if b := m.store.Stats().BufferedBytes; b != 0 {
		t.Errorf("%d bytes are buffered after a checkpoint", b)
	}
	m.must(m.write(w.next(), false))
	m.check()
	for _, name := range list(t, m.mem, "data/segments/1/1") {
		if strings.HasSuffix(name, temporary) {
			t.Errorf("%s was left behind", name)
		}
	}
}

// TestFailedSyncMakesReadOnly fails one sync of the log for good.
func TestFailedSyncMakesReadOnly(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 1}
	m.must(m.write(w.next(), false))
	var fail vfs.Injector = func(op vfs.Op) (int, error) {
		if op.Kind == "sync" {
			return 0, syscall.EIO
		}
		return 0, nil
	}
	m.inject.Store(&fail)
	for range 2 {
		if err := m.write(w.next(), false); !errors.Is(err, ErrReadOnly) {
			t.Errorf("a write whose sync failed: %v", err)
		}
		m.inject.Store(nil) // that the disk is well again changes nothing
	}
	if err := m.store.Health(); !errors.Is(err, syscall.EIO) {
		t.Errorf("health: %v", err)
	}
	if err := m.store.Checkpoint(context.Background()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("checkpoint: %v", err)
	}
	if got := dump(t, m.store, m.rng); len(got["d0/t0"])+len(got["d1/t0"]) == 0 {
		t.Error("reads do not go on")
	}
	m.recover(m.crashNow())
	m.must(m.write(w.next(), false))
}

// TestMemoryBehindTheLog has a store whose buffers lack what its log has: it
// takes no more writes, and no checkpoint releases the log.
func TestMemoryBehindTheLog(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 1}
	m.must(m.write(w.next(), false))
	m.store.fail(errBoom)
	if err := m.store.Write(context.Background(), "d0", w.next().batch(), WriteOptions{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("write: %v", err)
	}
	if err := m.store.Checkpoint(context.Background()); !errors.Is(err, ErrReadOnly) || !errors.Is(err, errBoom) {
		t.Errorf("checkpoint: %v", err)
	}
	if err := m.store.Health(); !errors.Is(err, errBoom) {
		t.Errorf("health: %v", err)
	}
	m.recover(m.crashNow())
	m.check()
}

func list(t *testing.T, fsys vfs.FS, dir string) []string {
	t.Helper()
	names, err := fsys.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
