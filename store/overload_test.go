package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/vfs"
)

// TestOverload has fifty writers at full speed and a disk that is slow: writers
// are refused with ErrBusy and come again, the buffers stay within what they may
// hold, reads are answered meanwhile, and every acknowledged row is there in the
// end, after a power cut too.
func TestOverload(t *testing.T) {
	const (
		writers, batches, rows = 50, 20, 200
		buffer                 = 128 << 10
		batchBytes             = 64 << 10 // more than one of them takes
	)
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.BufferBytes, o.SegmentBytes = buffer, 1<<20 }
	m.mustOpen()
	var slow vfs.Injector = func(op vfs.Op) (int, error) {
		if strings.HasSuffix(op.Name, temporary) {
			time.Sleep(10 * time.Millisecond) // a segment takes several of these
		}
		return 0, nil
	}
	m.inject.Store(&slow)

	var busy, acknowledged, most atomic.Int64
	var all sync.WaitGroup
	write := func(n int) {
		rng, b := rand.New(rand.NewPCG(uint64(n), 1)), points.NewBatch()
		for batch := range batches {
			b.Reset()
			p := b.Table([]byte("load"))
			tag := []points.Tag{{Key: []byte("w"), Value: fmt.Appendf(nil, "w%d", n)}}
			for i := range rows {
				r := p.AddRow(p.AddSeries(nil, tag), int64(batch*rows+i))
				p.Fields[p.Field([]byte("v"), column.Int64)].Set(r, rng.Uint64()) // nothing to compress
			}
			for {
				err := m.store.Write(ctx, "db", b, WriteOptions{})
				if err == nil {
					acknowledged.Add(rows)
					break
				}
				if !errors.Is(err, ErrBusy) {
					t.Errorf("writer %d: %v", n, err)
					return
				}
				busy.Add(1)
				time.Sleep(time.Millisecond) // Retry-After
			}
			if now := m.store.Stats().BufferedBytes; now > most.Load() {
				most.Store(now)
			}
		}
	}
	for n := range writers {
		all.Go(func() { write(n) })
	}
	end := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for reads := 1; ; reads++ {
			before := acknowledged.Load()
			if got := countRows(t, m.store); got < before {
				t.Errorf("read %d: %d rows, %d are acknowledged", reads, got, before)
			}
			select {
			case <-end:
				return
			default:
			}
		}
	})
	all.Wait()
	close(end)
	reader.Wait()

	want := int64(writers * batches * rows)
	if acknowledged.Load() != want {
		t.Fatalf("%d rows are acknowledged, want %d", acknowledged.Load(), want)
	}
	if busy.Load() == 0 {
		t.Error("nobody was refused: the disk was too fast for this test")
	}
	// Beyond twice the buffer nobody is let in; those who were before may add
	// their batches.
	if limit := int64(2*buffer + writers*batchBytes); most.Load() > limit {
		t.Errorf("%d bytes were buffered, at most %d may be", most.Load(), limit)
	}
	if got := countRows(t, m.store); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	crashed := m.crashNow()
	m.stop()
	m.inject.Store(nil)
	m.mem, m.catalog = crashed.mem, crashed.catalog
	m.mustOpen()
	if got := countRows(t, m.store); got != want {
		t.Errorf("%d rows after the crash, want %d", got, want)
	}
}

// countRows reads all rows of the test's table; before the first write there is
// none.
func countRows(t *testing.T, s *Store) (n int64) {
	t.Helper()
	ctx := context.Background()
	db, ok := s.Database("db")
	if !ok {
		return 0
	}
	sch, ok := db.Table("load")
	if !ok {
		return 0
	}
	rows, err := s.Scan(ctx, ScanSpec{Database: "db", Table: sch, Columns: []int{0}, MinTime: MinTime, MaxTime: MaxTime})
	if err != nil {
		t.Error(err)
		return 0
	}
	var b column.Batch
	for err == nil {
		if err = rows.Next(ctx, &b); err == nil {
			n += int64(b.Len)
		}
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	return n
}
