package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// clocked is a machine whose wall clock and monotonic clock are moved apart.
func clocked(t *testing.T, earliest time.Time) (m *machine, mono *atomic.Int64) {
	m, mono = newMachine(t, 1), &atomic.Int64{}
	m.options = func(o *Options) {
		o.Earliest = earliest
		o.Monotonic = func() time.Duration { return time.Duration(mono.Load()) }
	}
	return m, mono
}

// pass moves both clocks of m at once: a sweep in the background must not look
// in between, as it would see a step.
func pass(m *machine, mono *atomic.Int64, d time.Duration) {
	if m.store != nil {
		m.store.clock.mu.Lock()
		defer m.store.clock.mu.Unlock()
	}
	m.clock.Add(int64(d))
	mono.Add(int64(d))
}

// TestClockSteps boots in 1970, jumps to now, falls back, and jumps far ahead:
// nothing is deleted for its age before the clock has proved itself, and then
// what is old goes.
func TestClockSteps(t *testing.T) {
	ctx := context.Background()
	today := time.Unix(1_700_000_000, 0)
	m, mono := clocked(t, today.Add(-30*24*time.Hour))
	clocks, keep := m.options, true
	m.options = func(o *Options) {
		clocks(o)
		o.KeepExpired = keep
	}
	pass := func(d time.Duration) { pass(m, mono, d) }
	set := func(at time.Time) { m.clock.Store(at.UnixNano()) }
	left := func(when string, want int) {
		t.Helper()
		m.store.sweep(ctx)
		n := 0
		for _, table := range m.store.allTables() {
			n += len(table.segments)
		}
		if n != want {
			t.Fatalf("%s: %d files, want %d", when, n, want)
		}
	}
	row := func(table string, at time.Time) {
		t.Helper()
		m.must(m.store.Write(ctx, "d", write{database: "d", rows: []point{{table: table, time: at.UnixNano(), fields: map[string]string{"f": "1"}}}}.batch(), WriteOptions{}))
	}
	m.mustOpen()
	m.must(m.store.CreateDatabase(ctx, "d", 10*24*time.Hour))
	row("old", today.Add(-30*24*time.Hour))
	row("new", today)
	m.must(m.store.Checkpoint(ctx))
	m.must(m.store.Close(ctx))
	m.store = nil

	set(time.Unix(100, 0)) // a start without a battery
	mono.Store(0)
	keep = false // until here the sweep of the start might come late, and find "old"
	m.mustOpen()
	pass(time.Hour)
	left("in 1970", 2)
	row("early", time.Unix(3700, 0)) // a sensor that believes the clock
	m.must(m.store.DeleteTable(ctx, "d", "new", HardDelete{}))
	seq := m.store.lastSeq.Load()

	set(today.Add(time.Hour))
	left("the time server has just answered", 2)
	if m.store.lastSeq.Load() != seq {
		t.Error("sequence numbers depend on the clock")
	}
	pass(10 * time.Minute)
	left("ten minutes later", 2)
	pass(10 * time.Minute)
	// The old file goes. What was deleted in 1970 has its three days from now.
	left("the clock is trusted", 1)
	m.must(m.store.Checkpoint(ctx))
	for range 71 { // sweeps, and no step
		pass(time.Minute * 60)
		m.store.sweep(ctx)
	}
	left("within the three days", 1)
	pass(2 * time.Hour)
	left("after them", 0)

	now := m.now()
	row("new", now)
	m.must(m.store.Checkpoint(ctx))
	left("today", 1)
	set(time.Unix(4_000_000_000, 0)) // in the year 2096
	left("far ahead", 1)
	pass(14 * time.Minute)
	left("still far ahead", 1)
	set(now.Add(time.Hour))
	left("back again", 1)
	pass(20 * time.Minute)
	left("and trusted", 1)
	m.must(m.store.Close(ctx))
	m.store = nil

	set(now.Add(400 * 24 * time.Hour)) // a year in a cupboard, or a lie
	m.mustOpen()
	left("a year later", 1)
	pass(20 * time.Minute)
	left("it was true", 0)
}

// TestClockBehindTheData has a clock that shows less than the data for a day,
// and then is believed.
func TestClockBehindTheData(t *testing.T) {
	m, mono := clocked(t, time.Time{})
	m.mustOpen()
	m.must(m.write(write{database: "d", rows: []point{{table: "t", time: 1, fields: map[string]string{"f": "1"}}}}, false))
	m.must(m.store.Checkpoint(t.Context()))
	m.must(m.store.Close(t.Context()))
	m.store = nil
	m.clock.Add(-int64(48 * time.Hour))
	m.mustOpen()
	for hour := range 30 {
		if got, want := m.store.clockTrusted(), hour >= 24; got != want {
			t.Fatalf("after %d hours: trusted is %t", hour, got)
		}
		pass(m, mono, time.Hour)
	}
}

// TestTokensAndTheClock: an expired token stays expired in 1970, and a clock
// step drops no row of a last-value cache.
func TestTokensAndTheClock(t *testing.T) {
	ctx := t.Context()
	m, mono := clocked(t, time.Unix(1_690_000_000, 0))
	m.mustOpen()
	_, text, err := m.store.Tokens().Create(ctx, "short", m.now().Add(time.Hour), -1)
	m.must(err)
	pass(m, mono, 2*time.Hour)
	m.must(m.write(write{database: "d", rows: []point{{table: "t", time: 1, tags: map[string]string{"host": "a"}, fields: map[string]string{"f": "1"}}}}, false))
	m.must(m.store.Checkpoint(ctx))
	m.must(m.store.Close(ctx))
	m.store = nil
	m.clock.Store(100)
	m.mustOpen()
	if _, ok := m.store.Tokens().Check(text); ok {
		t.Error("an expired token is valid in 1970")
	}
	_, err = m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Name: "c", Count: 1, TTL: 60})
	m.must(err)
	m.must(m.write(write{database: "d", rows: []point{{table: "t", time: 2, tags: map[string]string{"host": "a"}, fields: map[string]string{"f": "1"}}}}, false))
	cached := func() int {
		db, _ := m.store.Database("d")
		c, ok := db.Cache("t", "c", LastCache)
		if !ok {
			t.Fatal("no cache")
		}
		m.store.evict(LastCache)
		return c.Read([]int{0}, nil).Len
	}
	m.clock.Store(1_800_000_000_000_000_000)
	if cached() != 1 {
		t.Error("a clock step emptied a last-value cache")
	}
	mono.Add(int64(61 * time.Second))
	if cached() != 0 {
		t.Error("what was too old stayed")
	}
}

// TestTableRetention has a table that keeps less than its database, and one that
// keeps more.
func TestTableRetention(t *testing.T) {
	ctx := t.Context()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.store.CreateDatabase(ctx, "d", 10*24*time.Hour))
	m.must(m.store.CreateTable(ctx, "d", "short", nil, nil, 24*time.Hour))
	for _, table := range []string{"short", "long", "plain"} {
		for day := range 20 {
			m.must(m.store.Write(ctx, "d", write{rows: []point{{table: table, time: m.clock.Load() - int64(day)*dayNanos - 1, fields: map[string]string{"f": "1"}}}}.batch(), WriteOptions{}))
		}
	}
	m.must(m.store.SetTableRetention(ctx, "d", "long", 100*24*time.Hour))
	check := func(want map[string]int) {
		t.Helper()
		for table, n := range want {
			if got, err := readTable(m.store, table); err != nil || got != n {
				t.Errorf("%s has %d rows, want %d: %v", table, got, n, err)
			}
		}
	}
	want := map[string]int{"short": 1, "long": 20, "plain": 10}
	check(want)
	m.must(m.store.Checkpoint(ctx))
	check(want)
	m.store.sweep(ctx)
	for _, table := range m.store.allTables() {
		if n := len(table.segments); n != want[table.schema.Load().Name] {
			t.Errorf("%s has %d files", table.schema.Load().Name, n)
		}
	}
	m.must(m.store.Close(ctx))
	m.store = nil
	m.mustOpen()
	check(want)
	m.must(m.store.SetTableRetention(ctx, "d", "short", 0))
	m.must(m.store.SetTableRetention(ctx, "d", "plain", time.Hour))
	check(map[string]int{"short": 1, "long": 20, "plain": 1}) // its day's file is still there
	db, _ := m.store.Database("d")
	if got := db.TableRetention("plain"); got != time.Hour {
		t.Errorf("retention is %v", got)
	}
}
