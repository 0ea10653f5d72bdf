package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// withTargets gives a machine's store upstream targets.
func withTargets(targets ...SyncTarget) func(*Options) {
	return func(o *Options) { o.SyncTargets = targets }
}

// segment writes rows and makes them a segment of their own.
func (m *machine) segment(at int64, fields ...string) {
	m.t.Helper()
	m.must(m.write(one("d", "t", fmt.Sprint("h", at), at, fields...), false))
	m.must(m.store.Checkpoint(context.Background()))
}

// advance brings segments to a state at a target.
func (m *machine) advance(target string, state SyncState, files ...SyncFile) {
	m.t.Helper()
	for _, f := range files {
		p := SyncProgress{Target: target, State: min(state, SyncUploaded), Key: "k", SourceHash: "s", ObjectHash: "o", ObjectBytes: 7, Upload: "u"}
		m.must(m.store.SetSyncProgress(context.Background(), f, p))
		if state == SyncCommitted {
			totals, _ := m.store.SyncTotals(target)
			m.must(m.store.BeginSyncBatch(context.Background(), target, totals.NextBatch, []byte("manifest"), nil))
			m.must(m.store.CommitSync(context.Background(), target, totals.NextBatch, []uint64{f.ID}, SyncTotals{Files: 1, Rows: f.Rows, Bytes: 7}))
		}
	}
}

// states lists what a target has, in write order.
func (m *machine) states(target string) (out []SyncState) {
	for _, f := range m.store.SyncFiles(target) {
		out = append(out, f.Progress.State)
	}
	return out
}

// TestMergesOfOneState merges segments with those that the same targets have,
// and the result inherits that, across a crash.
func TestMergesOfOneState(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = withTargets(SyncTarget{ID: "a"}, SyncTarget{ID: "b"})
	m.mustOpen()
	long := m.clock.Load() - 5*dayNanos
	for i := range int64(7) {
		m.segment(long+i, "i=1")
	}
	files := m.store.SyncFiles("a")
	m.advance("a", SyncCommitted, files[0], files[1], files[2])
	m.advance("b", SyncCommitted, files[2])
	m.advance("a", SyncUploading, files[5])
	m.recover(m.crashNow())
	if got := m.states("a"); !slices.Equal(got, []SyncState{3, 3, 3, 0, 0, 1, 0}) {
		t.Fatalf("states %v", got)
	}
	if _, err := m.store.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	m.check()
	m.recover(m.crashNow())
	// The first two are one and a has it; the third is at both; the fourth and
	// fifth are one; the sixth is on its way, and the last has no neighbour.
	if got := m.states("a"); !slices.Equal(got, []SyncState{3, 3, 0, 1, 0}) {
		t.Errorf("states at a: %v", got)
	}
	if got := m.states("b"); !slices.Equal(got, []SyncState{0, 3, 0, 0, 0}) {
		t.Errorf("states at b: %v", got)
	}
	for _, f := range m.store.SyncFiles("a") {
		if f.Progress.State == SyncUploading && (f.Progress.Key != "k" || f.Progress.Upload != "u" || f.Progress.SourceHash != "s" || f.Progress.ObjectHash != "o") {
			t.Errorf("progress %+v", f.Progress)
		}
	}
	// When all is committed everything is one, and has been sent once.
	for _, target := range []string{"a", "b"} {
		for _, f := range m.store.SyncFiles(target) {
			if f.Progress.State != SyncCommitted {
				m.advance(target, SyncCommitted, f)
			}
		}
	}
	if _, err := m.store.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if got := m.states("a"); !slices.Equal(got, []SyncState{3}) {
		t.Errorf("states %v", got)
	}
	if totals, batch := m.store.SyncTotals("a"); totals.Rows != 7 || totals.Files != 6 || batch != nil || totals.NextBatch != 7 {
		t.Errorf("%+v %q", totals, batch)
	}
	m.check()
}

// TestClaimBeatsCompaction gives up a merge when one of its inputs began to go
// upstream while it ran.
func TestClaimBeatsCompaction(t *testing.T) {
	m := newMachine(t, 1)
	m.options = withTargets(SyncTarget{ID: "a"})
	m.mustOpen()
	long := m.clock.Load() - 5*dayNanos
	m.segment(long, "i=1")
	m.segment(long+1, "i=2")
	c, ok := m.store.chooseCompaction()
	if !ok {
		t.Fatal("nothing to merge")
	}
	f := m.store.SyncFiles("a")[1]
	m.advance("a", SyncUploading, f)
	if n, err := m.store.compact(context.Background(), c); n != 0 || err != nil {
		t.Fatalf("%d files were merged: %v", n, err)
	}
	if _, ok := m.store.chooseCompaction(); ok {
		t.Error("a file that is on its way is to be merged")
	}
	if got := m.states("a"); !slices.Equal(got, []SyncState{0, 1}) {
		t.Errorf("states %v", got)
	}
	m.check()
	// The other way round: a file that was merged cannot be claimed.
	if err := m.store.SetSyncProgress(context.Background(), f, SyncProgress{Target: "a", State: SyncSealed}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.store.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := m.store.SetSyncProgress(context.Background(), f, SyncProgress{Target: "a", State: SyncUploading}); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := m.store.OpenSyncFile(context.Background(), f); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	// Of several the others are claimed, and let go again.
	f.Progress.State = SyncUploading
	there := m.store.SyncFiles("a")[0]
	for _, state := range []SyncState{SyncUploading, SyncSealed} {
		there.Progress.State = state
		kept, err := m.store.SetSyncProgressOf(context.Background(), "a", []SyncFile{f, there})
		if err != nil || len(kept) != 1 || kept[0].ID != there.ID {
			t.Errorf("%d segments, %v", len(kept), err)
		}
		m.stop()
		m.mustOpen()
		if got := m.states("a"); !slices.Equal(got, []SyncState{state}) {
			t.Errorf("states %v", got)
		}
	}
}

// TestQuotaPrefersWhatIsUpstream makes room with segments that all targets have,
// also where others must not go.
func TestQuotaPrefersWhatIsUpstream(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 3)
	m.options = func(o *Options) {
		o.MaxDiskBytes = 24 << 10
		o.SyncTargets = []SyncTarget{{ID: "a"}, {ID: "b", Databases: []string{"other"}}}
	}
	m.mustOpen()
	long := m.clock.Load() - 50*dayNanos
	day := int64(0)
	for ; !m.store.overQuota(); day++ {
		m.must(m.store.Write(ctx, "d", one("d", "t", "h", long+day*dayNanos, "s=some text").batch(), WriteOptions{}))
		m.must(m.store.Checkpoint(ctx))
		if day > 1000 {
			t.Fatal("the quota was never reached")
		}
	}
	m.must(m.store.enforceQuota(ctx))
	files := m.store.SyncFiles("a")
	if len(files) != int(day) {
		t.Fatalf("%d of %d segments: what is not upstream went", len(files), day)
	}
	// Not the oldest ones: those that are upstream are the ones to go.
	for _, f := range files[5:10] {
		m.advance("a", SyncCommitted, f)
	}
	if m.store.overQuota() {
		t.Error("writes are refused although segments may go")
	}
	m.must(m.store.enforceQuota(ctx))
	left := m.store.SyncFiles("a")
	if len(left) >= len(files) || m.store.overQuota() {
		t.Errorf("%d of %d segments are left", len(left), len(files))
	}
	for _, f := range files[:5] {
		if !slices.ContainsFunc(left, func(l SyncFile) bool { return l.ID == f.ID }) {
			t.Errorf("segment %d went, and is not upstream", f.ID)
		}
	}
	m.stop()
	m.mustOpen()
	if got := len(m.store.SyncFiles("a")); got != len(left) {
		t.Errorf("%d segments after a restart, of %d", got, len(left))
	}
}

// TestRoomOnceUpstream makes room as soon as the targets have enough, and when a
// checkpoint that was asked for takes too much: not at the next sweep.
func TestRoomOnceUpstream(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 3)
	const quota = 24 << 10
	m.options = func(o *Options) { o.MaxDiskBytes, o.SyncTargets = quota, []SyncTarget{{ID: "a"}} }
	m.mustOpen()
	at := m.clock.Load() - 50*dayNanos
	write := func() {
		m.must(m.store.Write(ctx, "d", one("d", "t", "h", at, "s=some text").batch(), WriteOptions{}))
		m.must(m.store.Checkpoint(ctx))
		at += dayNanos / 10
	}
	room := func(when string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); m.store.diskBytes() > quota; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d bytes of %d", when, m.store.diskBytes(), quota)
			}
		}
	}
	for !m.store.overQuota() {
		write()
	}
	m.advance("a", SyncCommitted, m.store.SyncFiles("a")...)
	room("committed")
	for evicted := m.store.stats.evictedBytes.Load(); m.store.stats.evictedBytes.Load() == evicted; {
		write()
		m.advance("a", SyncCommitted, m.store.SyncPending("a")...)
		room("checkpoint")
	}
}

// TestRetentionWaitsForUpstream keeps what is past its retention, unseen, until
// the targets have it.
func TestRetentionWaitsForUpstream(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = withTargets(SyncTarget{ID: "a"})
	m.mustOpen()
	m.must(m.store.CreateDatabase(ctx, "d", 3*24*time.Hour))
	at := m.clock.Load()
	for i := range int64(3) {
		m.must(m.store.Write(ctx, "d", one("d", "t", "h", at+i, "i=1").batch(), WriteOptions{}))
		m.must(m.store.Checkpoint(ctx))
	}
	m.clock.Add(10 * dayNanos)
	m.store.sweep(ctx)
	if _, err := m.store.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	files := m.store.SyncFiles("a")
	rows := int64(0)
	for _, f := range files {
		rows += f.Rows
	}
	if rows != 3 {
		t.Fatalf("%d rows are left for the target, of 3", rows)
	}
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t")
	if times := collectTimes(t, m.store, ScanSpec{Database: "d", Table: sch, MinTime: MinTime, MaxTime: MaxTime, Columns: []int{0}}); len(times) != 0 {
		t.Errorf("%d expired rows are seen", len(times))
	}
	m.advance("a", SyncCommitted, files...)
	m.store.sweep(ctx)
	if files := m.store.SyncFiles("a"); len(files) != 0 {
		t.Errorf("%d segments are left", len(files))
	}
}

// TestDeleteRowsUpstream deletes rows of what was sent or was not, but not of
// what is on its way.
func TestDeleteRowsUpstream(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = withTargets(SyncTarget{ID: "a"})
	m.mustOpen()
	at := m.clock.Load() - 5*dayNanos
	for i := range int64(3) {
		m.must(m.store.Write(ctx, "d", one("d", "t", "h", at+2*i, "i=1").batch(), WriteOptions{NoSync: true}))
		m.must(m.store.Write(ctx, "d", one("d", "t", "h", at+2*i+1, "i=1").batch(), WriteOptions{NoSync: true}))
		m.must(m.store.Checkpoint(ctx))
	}
	files := m.store.SyncFiles("a")
	m.advance("a", SyncCommitted, files[0])
	m.advance("a", SyncUploading, files[1])
	all := RowDelete{MinTime: at, MaxTime: at + 4}
	if err := m.store.DeleteRows(ctx, "d", "t", all); !errors.Is(err, ErrUploading) {
		t.Fatalf("%v", err)
	}
	for i, f := range m.store.SyncFiles("a") {
		if f.ID != files[i].ID || f.Rows != 2 {
			t.Errorf("something changed: %+v", f)
		}
	}
	m.advance("a", SyncCommitted, files[1])
	m.must(m.store.DeleteRows(ctx, "d", "t", all))
	// Two are empty now; the last has a row, and is still to be sent.
	left := m.store.SyncFiles("a")
	if len(left) != 1 || left[0].Rows != 1 || left[0].Progress.State != SyncSealed {
		t.Errorf("%+v", left)
	}
}

// TestSyncReady says which segments may go: those that will not be merged any
// more, and those that waited long enough.
func TestSyncReady(t *testing.T) {
	m := newMachine(t, 1)
	m.options = func(o *Options) {
		o.CompactInterval = time.Hour // on, but not during the test
		o.SyncTargets = []SyncTarget{{ID: "a", MaxDelay: time.Hour}}
	}
	m.mustOpen()
	m.store.compacting.Lock() // the test says when
	now := m.clock.Load()
	ready := func() (out []bool) {
		for _, f := range m.store.SyncFiles("a") {
			out = append(out, f.Ready)
		}
		return out
	}
	m.segment(now, "i=1")
	if got := ready(); !slices.Equal(got, []bool{false}) {
		t.Errorf("of today: %v", got)
	}
	m.clock.Add(int64(61 * time.Minute))
	if got := ready(); !slices.Equal(got, []bool{true}) {
		t.Errorf("of an hour ago: %v", got)
	}
	long := now - 5*dayNanos
	m.segment(long, "i=1")
	if got := ready(); !slices.Equal(got, []bool{true, true}) {
		t.Errorf("alone in its day: %v", got)
	}
	m.segment(long+1, "i=1")
	if got := ready(); !slices.Equal(got, []bool{true, false, false}) {
		t.Errorf("about to be merged: %v", got)
	}
	m.store.compacting.Unlock()
	if _, err := m.store.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := ready(); !slices.Equal(got, []bool{true, true}) {
		t.Errorf("merged: %v", got)
	}
	// A clock that jumps back does not make a segment wait for ever: what this
	// process has seen of it counts too.
	m.clock.Add(-30 * dayNanos)
	m.store.up.mu.Lock()
	for id := range m.store.up.seen {
		m.store.up.seen[id] = time.Now().Add(-2 * time.Hour)
	}
	m.store.up.mu.Unlock()
	if got := ready(); slices.Contains(got, false) {
		t.Errorf("after the clock jumped back: %v", got)
	}
}
