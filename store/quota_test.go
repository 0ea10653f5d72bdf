package store

import (
	"context"
	"errors"
	"testing"
)

// TestQuotaRefusesWrites fills the disk up to the quota: writes are refused,
// reads go on, and writes do again when data went.
func TestQuotaRefusesWrites(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.MaxDiskBytes = 64 << 10 }
	m.mustOpen()
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 2}
	for n := 0; ; n++ {
		one := w.next()
		err := m.write(one, false)
		if errors.Is(err, ErrQuota) {
			m.tail = m.tail[:len(m.tail)-1]
			break
		}
		m.must(err)
		if n%8 == 7 {
			m.must(m.store.Checkpoint(ctx))
		}
		if n > 5000 {
			t.Fatal("the quota was never reached")
		}
	}
	if st := m.store.Stats(); st.DiskUsed < st.DiskQuota {
		t.Errorf("writes are refused with %d of %d bytes used", st.DiskUsed, st.DiskQuota)
	}
	m.check()
	m.recover(m.crashNow())
	if got, want := m.store.segmentBytes.Load(), m.store.Stats().SegmentBytes; got != want || got == 0 {
		t.Errorf("after a restart %d bytes of segments are counted, of %d", got, want)
	}
	for _, db := range m.store.Databases() {
		for _, name := range db.Tables() {
			m.must(m.store.DeleteTable(ctx, db.Name(), name, HardDelete{At: m.now()}))
		}
	}
	m.clock.Add(1e9)
	m.store.sweep(ctx)
	m.must(m.store.Write(ctx, "d0", w.next().batch(), WriteOptions{}))
}

// TestQuotaEvictsTheOldest writes day after day within a quota: what is there is
// the newest data, whole files of it.
func TestQuotaEvictsTheOldest(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 2)
	m.options = func(o *Options) { o.MaxDiskBytes, o.EvictOldest = 48<<10, true }
	m.mustOpen()
	start := m.clock.Load()
	for day := range int64(60) {
		for i := range int64(40) {
			m.must(m.store.Write(ctx, "d", one("d", "t", "a", start+day*dayNanos+i, "f=1", "s=some text that takes a few bytes").batch(), WriteOptions{NoSync: true}))
		}
		m.must(m.store.Checkpoint(ctx))
		m.must(m.store.enforceQuota(ctx))
		if st := m.store.Stats(); st.SegmentBytes > 48<<10 {
			t.Fatalf("day %d: %d bytes of segments", day, st.SegmentBytes)
		}
	}
	st := m.store.Stats()
	if st.EvictedBytes == 0 {
		t.Fatal("nothing had to go")
	}
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t")
	times := collectTimes(t, m.store, ScanSpec{Database: "d", Table: sch, MinTime: MinTime, MaxTime: MaxTime, Columns: []int{0}})
	days := map[int64]int{}
	for _, at := range times {
		days[(at-start)/dayNanos]++
	}
	first := int64(60 - len(days))
	for day := first; day < 60; day++ {
		if days[day] != 40 {
			t.Errorf("day %d has %d rows of 40; there are %d days", day, days[day], len(days))
		}
	}
	if len(days) == 0 || len(days) == 60 {
		t.Errorf("%d days are left", len(days))
	}
}
