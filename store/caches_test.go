package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tarn/store/cache"
	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/vfs"
)

// cached reads a cache: a line a row, sorted.
func (m *machine) cached(database, table, name string, kind catalog.CacheKind, matches ...cache.Match) []string {
	m.t.Helper()
	db, ok := m.store.Database(database)
	if !ok {
		m.t.Fatalf("no database %s", database)
	}
	c, ok := db.Cache(table, name, kind)
	if !ok {
		m.t.Fatalf("no cache %q of table %s", name, table)
	}
	var ids []int
	for _, col := range c.Columns() {
		ids = append(ids, col.ID)
	}
	b := c.Read(ids, matches)
	if err := b.Check(); err != nil {
		m.t.Fatal(err)
	}
	out := []string{}
	for row := range b.Len {
		var parts []string
		for i, v := range b.Cols {
			switch {
			case v.IsNull(row):
			case v.Type.Kind == column.Timestamp:
				parts = append(parts, fmt.Sprintf("time=%d", v.Ints[row]))
			default:
				parts = append(parts, c.Table.Columns[ids[i]].Name+"="+textOf(v, row))
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	slices.Sort(out)
	return out
}

// wantCached compares what a cache holds.
func (m *machine) wantCached(database, table, name string, kind catalog.CacheKind, want ...string) {
	m.t.Helper()
	if got := m.cached(database, table, name, kind); !slices.Equal(got, append([]string{}, want...)) {
		m.t.Errorf("cache %q has %q, want %q", name, got, want)
	}
}

func (m *machine) makeLast(table string, def LastCacheDef) CacheInfo {
	m.t.Helper()
	if def.Count == 0 {
		def.Count = 1
	}
	if def.TTL == 0 {
		def.TTL = 14400
	}
	info, err := m.store.CreateLastCache(context.Background(), "d", table, def)
	m.must(err)
	return info
}

func (m *machine) makeDistinct(table string, def DistinctCacheDef) CacheInfo {
	m.t.Helper()
	if def.MaxCardinality == 0 {
		def.MaxCardinality = 1000
	}
	if def.MaxAge == 0 {
		def.MaxAge = 86400
	}
	info, _, err := m.store.CreateDistinctCache(context.Background(), "d", table, def)
	m.must(err)
	return info
}

// TestCachesAcrossRestarts: a cache gets what is written after it was made; a
// restart keeps of that what the log has.
func TestCachesAcrossRestarts(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	at := m.clock.Load()
	m.must(m.write(one("d", "t", "a", at-1, "i=1"), false))
	m.makeLast("t", LastCacheDef{})
	m.makeLast("t", LastCacheDef{Name: "some", Values: []string{"i"}, Count: 2})
	m.makeDistinct("t", DistinctCacheDef{Columns: []string{"host"}})
	const last, distinct = catalog.LastCache, catalog.DistinctCache
	m.wantCached("d", "t", "t_host_last_cache", last)
	m.must(m.write(one("d", "t", "b", at, "i=2"), false))
	m.must(m.write(one("d", "t", "b", at+1, "i=3", "s=new"), false)) // a column that comes later
	for range 3 {
		m.wantCached("d", "t", "t_host_last_cache", last, fmt.Sprintf("host=b i=3 s=new time=%d", at+1))
		m.wantCached("d", "t", "some", last, fmt.Sprintf("host=b i=2 time=%d", at), fmt.Sprintf("host=b i=3 time=%d", at+1))
		m.wantCached("d", "t", "", distinct, "host=b")
		m.recover(m.crashNow())
	}
	m.must(m.store.Checkpoint(context.Background()))
	m.wantCached("d", "t", "", distinct, "host=b")
	m.recover(m.crashNow())
	m.wantCached("d", "t", "t_host_last_cache", last)
	m.wantCached("d", "t", "", distinct)
	m.must(m.write(one("d", "t", "b", at, "i=4"), false)) // older than what was lost
	m.wantCached("d", "t", "t_host_last_cache", last, fmt.Sprintf("host=b i=4 time=%d", at))
	m.check()
}

// TestCacheTimes moves the clock: rows leave the last cache ttl after they came,
// the distinct cache max_age after their time, with and without a pass.
func TestCacheTimes(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	at := m.clock.Load()
	m.must(m.write(one("d", "t", "a", at, "i=1"), false))
	m.makeLast("t", LastCacheDef{TTL: 10})
	m.makeDistinct("t", DistinctCacheDef{Columns: []string{"host"}, MaxAge: 20})
	m.must(m.write(one("d", "t", "a", at+1, "i=1"), false))
	for _, c := range []struct {
		after          time.Duration
		last, distinct int
	}{{10*time.Second - 1, 1, 1}, {10 * time.Second, 0, 1}, {20*time.Second + 1, 0, 1}, {20*time.Second + 2, 0, 0}, {time.Second, 1, 1}} {
		m.clock.Store(at + int64(c.after))
		if n, k := len(m.cached("d", "t", "", catalog.LastCache)), len(m.cached("d", "t", "", catalog.DistinctCache)); n != c.last || k != c.distinct {
			t.Errorf("after %v: %d and %d entries, want %d and %d", c.after, n, k, c.last, c.distinct)
		}
	}
	m.clock.Store(at + int64(time.Hour))
	m.store.evict(catalog.LastCache)
	m.store.evict(catalog.DistinctCache)
	m.clock.Store(at) // what was evicted does not come back
	m.wantCached("d", "t", "", catalog.LastCache)
	m.wantCached("d", "t", "", catalog.DistinctCache)
}

// TestEvictionInTheBackground waits for the passes to empty caches whose
// contents are past their time.
func TestEvictionInTheBackground(t *testing.T) {
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.LastCacheEviction, o.DistinctCacheEviction = time.Millisecond, time.Millisecond }
	m.mustOpen()
	at := m.clock.Load()
	m.must(m.write(one("d", "t", "a", at, "i=1"), false))
	m.makeLast("t", LastCacheDef{TTL: 10})
	m.makeDistinct("t", DistinctCacheDef{Columns: []string{"host"}, MaxAge: 10})
	m.must(m.write(one("d", "t", "a", at+1, "i=1"), false))
	db, _ := m.store.Database("d")
	last, _ := db.Cache("t", "", LastCache)
	distinct, _ := db.Cache("t", "", DistinctCache)
	entries := func() int { return last.cache.Stats().Entries + distinct.cache.Stats().Entries }
	if n := entries(); n != 2 {
		t.Fatalf("%d entries", n)
	}
	m.clock.Store(at + int64(time.Minute))
	for entries() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestCachesGoWithTheirTable deletes caches, tables and databases.
func TestCachesGoWithTheirTable(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	at := m.clock.Load()
	fill := func() {
		t.Helper()
		m.must(m.write(one("d", "t", "a", at, "i=1"), false))
		m.makeLast("t", LastCacheDef{Name: "x"})
		m.makeDistinct("t", DistinctCacheDef{Name: "x", Columns: []string{"host"}})
		at++
		m.must(m.write(one("d", "t", "a", at, "i=1"), false))
		m.wantCached("d", "t", "x", catalog.LastCache, fmt.Sprintf("host=a i=1 time=%d", at))
		m.wantCached("d", "t", "x", catalog.DistinctCache, "host=a")
	}
	none := func() {
		t.Helper()
		db, _ := m.store.Database("d")
		if n := len(db.Caches(catalog.LastCache)) + len(db.Caches(catalog.DistinctCache)); n != 0 {
			t.Errorf("%d caches", n)
		}
		if n := m.store.Stats().ValueCacheBytes; n != 0 {
			t.Errorf("%d bytes of memory are in caches", n)
		}
		c, state, err := catalog.Open(ctx, filepath.Join(m.catalog, "catalog.db"))
		m.must(err)
		m.must(c.Close())
		if len(state.Caches) != 0 {
			t.Errorf("the catalog has %+v", state.Caches)
		}
	}
	later := HardDelete{At: m.now().Add(time.Hour)}
	fill()
	m.must(m.store.DeleteCache(ctx, "d", "t", "x", catalog.LastCache))
	if err := m.store.DeleteCache(ctx, "d", "t", "x", catalog.LastCache); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	m.wantCached("d", "t", "x", catalog.DistinctCache, "host=a")
	m.must(m.store.DeleteCache(ctx, "d", "t", "x", catalog.DistinctCache))
	none()
	fill()
	m.must(m.store.DeleteTable(ctx, "d", "t", later))
	m.forget("d", "t")
	none()
	m.must(m.write(one("d", "t", "a", at, "i=1"), false))
	none()
	m.recover(m.crashNow())
	none()
	fill()
	m.must(m.store.DeleteDatabase(ctx, "d", later))
	m.forget("d", "")
	m.recover(m.crashNow())
	m.must(m.store.CreateDatabase(ctx, "d", 0))
	none()
	fill()
	m.recover(m.crashNow())
	m.wantCached("d", "t", "x", catalog.LastCache, fmt.Sprintf("host=a i=1 time=%d", at))
}

// TestDeletedRowsLeaveCaches deletes rows of one host.
func TestDeletedRowsLeaveCaches(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "a", 1, "i=1"), false))
	m.makeLast("t", LastCacheDef{Count: 5})
	m.makeDistinct("t", DistinctCacheDef{Columns: []string{"host"}, MaxAge: 1 << 40})
	for i := range int64(4) {
		m.must(m.write(one("d", "t", "a", 10+i, "i=1"), false))
		m.must(m.write(one("d", "t", "b", 10+i, "i=1"), false))
	}
	m.clock.Add(1)
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t")
	host, _ := sch.Column("host")
	m.must(m.store.DeleteRows(context.Background(), "d", "t", RowDelete{MinTime: 11, MaxTime: 12, FilterTags: []int{host.ID},
		Filter: func(_ context.Context, tags *column.Batch, keep []bool) error {
			for i := range keep {
				keep[i] = tags.Cols[0].Text(i) == "a"
			}
			return nil
		}}))
	m.wantCached("d", "t", "", LastCache, "host=a i=1 time=10", "host=a i=1 time=13",
		"host=b i=1 time=10", "host=b i=1 time=11", "host=b i=1 time=12", "host=b i=1 time=13")
	m.must(m.store.DeleteRows(context.Background(), "d", "t", RowDelete{MinTime: MinTime, MaxTime: MaxTime}))
	m.wantCached("d", "t", "", LastCache)
	m.wantCached("d", "t", "", DistinctCache, "host=a", "host=b")
	m.must(m.write(one("d", "t", "a", 2, "i=2"), false))
	m.wantCached("d", "t", "", LastCache, "host=a i=2 time=2")
}

// TestCacheDefinitions has the mistakes of spec sections 4.3 and 4.4.
func TestCacheDefinitions(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "a", 1, "i=1", "f=1", "s=x", "b=true", "u=2"), false))
	info := m.makeLast("t", LastCacheDef{Keys: []string{"s", "i", "u", "b"}, Values: []string{"time", "f"}})
	if info.Name != "t_s_i_u_b_last_cache" || info.ID != 0 || info.Change == 0 || len(info.Values) != 1 {
		t.Errorf("%+v", info)
	}
	distinct := DistinctCacheDef{Columns: []string{"s", "host"}, MaxCardinality: 10, MaxAge: 10}
	first, created, err := m.store.CreateDistinctCache(ctx, "d", "t", distinct)
	if err != nil || !created || first.Name != "t_s_host_distinct_cache" {
		t.Errorf("%+v, %v, %v", first, created, err)
	}
	if _, created, err := m.store.CreateDistinctCache(ctx, "d", "t", distinct); err != nil || created {
		t.Errorf("the same again: %v, %v", created, err)
	}
	last := LastCacheDef{Count: 1, TTL: 1}
	for name, c := range map[string]struct {
		change func() error
		is     error
		text   string
	}{
		"last cache exists": {func() error {
			def := last
			def.Name = info.Name
			_, err := m.store.CreateLastCache(ctx, "d", "t", def)
			return err
		}, ErrExists, ""},
		"distinct cache differs": {func() error {
			def := distinct
			def.MaxAge++
			_, _, err := m.store.CreateDistinctCache(ctx, "d", "t", def)
			return err
		}, ErrExists, ""},
		"no database": {func() error { _, err := m.store.CreateLastCache(ctx, "e", "t", last); return err }, ErrNotFound, ""},
		"no table":    {func() error { _, _, err := m.store.CreateDistinctCache(ctx, "d", "u", distinct); return err }, ErrNotFound, ""},
		"key column": {func() error {
			_, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Keys: []string{"host", "no"}, Count: 1, TTL: 1})
			return err
		}, nil, "invalid configuration provided: invalid key column provided: no"},
		"key twice": {func() error {
			_, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Keys: []string{"host", "host"}, Count: 1, TTL: 1})
			return err
		}, nil, "invalid configuration provided: invalid key column provided: host"},
		"key type": {func() error {
			_, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Keys: []string{"f"}, Count: 1, TTL: 1})
			return err
		}, nil, "only uint64, int64, bool, tag, and string columns are supported in the last cache"},
		"value column": {func() error {
			_, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Values: []string{"no"}, Count: 1, TTL: 1})
			return err
		}, nil, "invalid configuration provided: invalid value column provided: no"},
		"value is key": {func() error {
			_, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Values: []string{"host"}, Count: 1, TTL: 1})
			return err
		}, nil, "invalid configuration provided: invalid value column provided: host"},
		"no columns": {func() error {
			_, _, err := m.store.CreateDistinctCache(ctx, "d", "t", DistinctCacheDef{MaxCardinality: 1, MaxAge: 1})
			return err
		}, nil, "invalid configuration provided: no columns provided when creating distinct cache"},
		"column": {func() error {
			_, _, err := m.store.CreateDistinctCache(ctx, "d", "t", DistinctCacheDef{Columns: []string{"no"}, MaxCardinality: 1, MaxAge: 1})
			return err
		}, nil, "invalid configuration provided: invalid column provided: no"},
		"column type": {func() error {
			_, _, err := m.store.CreateDistinctCache(ctx, "d", "t", DistinctCacheDef{Columns: []string{"i"}, MaxCardinality: 1, MaxAge: 1})
			return err
		}, nil, "only tag and string columns are supported in the distinct cache"},
	} {
		if err := c.change(); err == nil || c.is != nil && !errors.Is(err, c.is) || c.is == nil && err.Error() != c.text {
			t.Errorf("%s: %v", name, err)
		}
	}
	db, _ := m.store.Database("d")
	if n := len(db.Caches(catalog.LastCache)) + len(db.Caches(catalog.DistinctCache)); n != 2 {
		t.Errorf("%d caches, want the first two", n)
	}
}

// TestCacheAfterLostWrites makes a cache after writes that then are lost: the
// writes that get their numbers belong to the cache.
func TestCacheAfterLostWrites(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	m.must(m.write(one("d", "t", "a", 1, "i=1"), false))
	info := m.makeLast("t", LastCacheDef{})
	info.AfterSeq += 5 // as if more had been written without waiting
	m.must(m.store.catalog.Apply(context.Background(), catalog.Change{PutCaches: []catalog.Cache{info.Cache}}))
	m.recover(m.crashNow())
	m.must(m.write(one("d", "t", "a", 2, "i=2"), false))
	for range 2 {
		m.wantCached("d", "t", "", catalog.LastCache, "host=a i=2 time=2")
		m.recover(m.crashNow())
	}
}

// TestCachesConcurrently makes, reads, evicts and deletes caches of a table that
// several writers write to; in the end each cache has the newest row of each.
func TestCachesConcurrently(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	ctx := context.Background()
	const writers, writes = 3, 60
	m.must(m.write(one("d", "t", "first", 0, "i=0"), false))
	m.makeLast("t", LastCacheDef{Name: "keep"})
	m.makeDistinct("t", DistinctCacheDef{Name: "keep", Columns: []string{"host"}, MaxAge: 1 << 40})
	done := make(chan struct{})
	var background, foreground sync.WaitGroup
	background.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if _, err := m.store.CreateLastCache(ctx, "d", "t", LastCacheDef{Name: "other", Count: 2, TTL: 10}); err != nil {
				t.Error(err)
			}
			m.store.evict(LastCache)
			m.store.evict(DistinctCache)
			if i%5 == 0 {
				if err := m.store.Checkpoint(ctx); err != nil {
					t.Error(err)
				}
			}
			if err := m.store.DeleteCache(ctx, "d", "t", "other", LastCache); err != nil {
				t.Error(err)
			}
		}
	})
	background.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			last := m.cached("d", "t", "keep", LastCache)
			if n := len(m.cached("d", "t", "keep", DistinctCache)); n < len(last) || len(last) > writers {
				t.Errorf("%d hosts, and the last rows of %d", n, len(last))
			}
			m.store.Stats()
			m.store.ListTables(true)
		}
	})
	for w := range writers {
		foreground.Go(func() {
			for i := range int64(writes) {
				b := one("d", "t", fmt.Sprint("h", w), i+1, fmt.Sprint("i=", i), fmt.Sprintf("f%d=%d", i%7, i)).batch()
				if err := m.store.Write(ctx, "d", b, WriteOptions{NoSync: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	foreground.Wait()
	close(done)
	background.Wait()
	var hosts []string
	for w := range writers {
		hosts = append(hosts, fmt.Sprint("host=h", w))
	}
	m.wantCached("d", "t", "keep", DistinctCache, hosts...)
	for i, row := range m.cached("d", "t", "keep", LastCache) {
		if want := fmt.Sprintf("host=h%d f%d=%d i=%d time=%d", i, (writes-1)%7, writes-1, writes-1, writes); row != want {
			t.Errorf("got %q, want %q", row, want)
		}
	}
	db, _ := m.store.Database("d")
	keep, _ := db.Cache("t", "keep", LastCache)
	distinct, _ := db.Cache("t", "keep", DistinctCache)
	if n := keep.cache.Stats().Bytes + distinct.cache.Stats().Bytes; n != m.store.Stats().ValueCacheBytes {
		t.Errorf("%d bytes are taken, the caches have %d", m.store.Stats().ValueCacheBytes, n)
	}
}

// TestCacheModel writes, checkpoints, crashes, makes and deletes caches at
// random, and compares them with what was written since.
func TestCacheModel(t *testing.T) {
	testSeeds(t, 15, func(t *testing.T, seed uint64) {
		m := newMachine(t, seed)
		m.mustOpen()
		r := rand.New(rand.NewPCG(seed, 3))
		ctx := context.Background()
		m.must(m.write(one("d", "t", "first", 0, "i=0"), false))
		type modelCache struct {
			kind catalog.CacheKind
			rows map[string]int64 // newest time by host
			log  map[string]int64 // of it, what the log has
		}
		caches := map[string]*modelCache{}
		for step := range 80 {
			switch r.IntN(8) {
			case 0:
				name := fmt.Sprint("c", step)
				if r.IntN(2) == 0 {
					m.makeLast("t", LastCacheDef{Name: name})
					caches[name] = &modelCache{catalog.LastCache, map[string]int64{}, map[string]int64{}}
				} else {
					m.makeDistinct("t", DistinctCacheDef{Name: name, Columns: []string{"host"}, MaxAge: 1 << 40})
					caches[name] = &modelCache{catalog.DistinctCache, map[string]int64{}, map[string]int64{}}
				}
			case 1:
				for name, c := range caches {
					if r.IntN(3) == 0 {
						m.must(m.store.DeleteCache(ctx, "d", "t", name, c.kind))
						delete(caches, name)
					}
				}
			case 2:
				m.must(m.store.Checkpoint(ctx))
				for _, c := range caches {
					clear(c.log)
				}
			case 3:
				m.recover(m.crashNow())
				for _, c := range caches {
					c.rows = maps.Clone(c.log)
				}
			default:
				host, at := fmt.Sprint("h", r.IntN(6)), r.Int64N(1000)
				m.must(m.write(one("d", "t", host, at, fmt.Sprint("i=", at)), false))
				for _, c := range caches {
					for _, rows := range []map[string]int64{c.rows, c.log} {
						rows[host] = max(rows[host], at)
					}
				}
			}
			for name, c := range caches {
				var want []string
				for host, at := range c.rows {
					if c.kind == catalog.LastCache {
						want = append(want, fmt.Sprintf("host=%s i=%d time=%d", host, at, at))
					} else {
						want = append(want, "host="+host)
					}
				}
				slices.Sort(want)
				if got := m.cached("d", "t", name, c.kind); !slices.Equal(got, append([]string{}, want...)) {
					t.Fatalf("step %d: cache %s has %q, want %q", step, name, got, want)
				}
			}
		}
		m.check()
	})
}

// BenchmarkWriteWithCaches is a write of 5,000 rows of 100 hosts and ten fields
// into the buffer and the log, without waiting.
func BenchmarkWriteWithCaches(b *testing.B) {
	for _, c := range []struct {
		name   string
		create func(*Store) error
	}{
		{"none", func(*Store) error { return nil }},
		{"last", func(s *Store) error {
			_, err := s.CreateLastCache(b.Context(), "d", "t", LastCacheDef{Count: 1, TTL: 14400})
			return err
		}},
		{"last of ten and distinct", func(s *Store) error {
			if _, err := s.CreateLastCache(b.Context(), "d", "t", LastCacheDef{Count: 10, TTL: 14400}); err != nil {
				return err
			}
			_, _, err := s.CreateDistinctCache(b.Context(), "d", "t", DistinctCacheDef{Columns: []string{"host"}, MaxCardinality: 100000, MaxAge: 1 << 40})
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, err := Open(b.Context(), Options{Dir: b.TempDir(), BufferBytes: 1 << 30, WALBytes: 8 << 20})
			if err != nil {
				b.Fatal(err)
			}
			defer func() {
				s.failure.Store(&ErrClosed) // nobody wants the rows
				if err := s.Close(context.Background()); err != nil {
					b.Error(err)
				}
			}()
			w := write{database: "d"}
			for i := range 5000 {
				p := point{table: "t", tags: map[string]string{"host": fmt.Sprint("h", i%100)}, fields: map[string]string{}, time: int64(i / 100)}
				for f := range 10 {
					p.fields[fmt.Sprint("f", f)] = fmt.Sprint(i * f % 100)
				}
				w.rows = append(w.rows, p)
			}
			batch := w.batch()
			insert := func() {
				if err := s.Write(b.Context(), "d", batch, WriteOptions{NoSync: true}); err != nil {
					b.Fatal(err)
				}
			}
			insert()
			if err := c.create(s); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				insert()
				b.StopTimer()
				for i := range batch.Tables[0].Times {
					batch.Tables[0].Times[i] += 50
				}
				if s.buffered.Load() > 512<<20 {
					if err := s.Checkpoint(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*5000), "ns/line")
		})
	}
}

// TestCachesTouchNoFile: with every file out of reach caches answer as before.
func TestCachesTouchNoFile(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	at := m.clock.Load()
	m.must(m.write(one("d", "t", "a", at-1, "i=1"), false))
	m.makeLast("t", LastCacheDef{})
	m.makeDistinct("t", DistinctCacheDef{Columns: []string{"host"}})
	m.must(m.write(one("d", "t", "b", at, "i=2"), false))
	m.must(m.store.Checkpoint(t.Context()))
	ops := 0
	var broken vfs.Injector = func(vfs.Op) (int, error) {
		ops++
		return 0, errBoom
	}
	m.inject.Store(&broken)
	m.wantCached("d", "t", "", catalog.LastCache, fmt.Sprintf("host=b i=2 time=%d", at))
	m.wantCached("d", "t", "", catalog.DistinctCache, "host=b")
	m.inject.Store(nil)
	if ops > 0 {
		t.Errorf("%d file operations", ops)
	}
}
