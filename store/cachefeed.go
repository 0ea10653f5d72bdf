package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"tarn/store/cache"
	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// Caches are fed where rows enter the buffer: by writes, after the log has them,
// and by its replay at the start. They are not filled from segments, so that
// after a restart they have what the log still had, and only of the time since
// they were made.

// tableCache is a cache at run time.
type tableCache struct {
	def catalog.Cache
	filled
}

// filled is what both kinds of cache can do.
type filled interface {
	Add(p *points.Table, series []uint32, now int64)
	Read(columns []cache.Column, matches []cache.Match, now int64) *column.Batch
	Evict(now int64)
	Stats() cache.Stats
	Close()
}

func (s *Store) newTableCache(sch *schema.Table, def catalog.Cache) *tableCache {
	columns := func(ids []int) []cache.Column {
		out := make([]cache.Column, len(ids))
		for i, id := range ids {
			out[i] = cacheColumn(sch, id)
		}
		return out
	}
	c := &tableCache{def: def}
	size := int(min(def.Size, math.MaxInt32))
	if def.Kind == catalog.LastCache {
		c.filled = cache.NewLast(s.cacheBudget, cache.LastOptions{Keys: columns(def.Columns), Values: columns(def.Values),
			All: def.Values == nil, Count: size, TTL: nanos(def.Seconds)})
	} else {
		c.filled = cache.NewDistinct(s.cacheBudget, cache.DistinctOptions{Columns: columns(def.Columns), MaxCardinality: size, MaxAge: nanos(def.Seconds)})
	}
	return c
}

// cacheList are the table's caches. The list is replaced as a whole, under the
// database's write lock.
func (t *table) cacheList() []*tableCache {
	if l := t.caches.Load(); l != nil {
		return *l
	}
	return nil
}

func (t *table) setCaches(l []*tableCache) {
	if len(l) == 0 {
		t.caches.Store(nil)
		return
	}
	t.caches.Store(&l)
}

// dropCaches forgets the caches of a table that is deleted.
func (t *table) dropCaches() {
	list := t.cacheList()
	t.setCaches(nil)
	for _, c := range list {
		c.Close()
	}
}

// feedCaches gives the rows of a write to the table's caches. The caller holds
// the database's write lock.
func (s *Store) feedCaches(t *table, p *points.Table, series []uint32, seq uint64) {
	list := t.caches.Load()
	if list == nil {
		return
	}
	now := s.clock.even().UnixNano()
	for _, c := range *list {
		if seq > c.def.AfterSeq {
			c.Add(p, series, now)
		}
	}
}

// forgetCached takes deleted rows out of the table's last-value caches, if they
// came before a moment of the wall clock, in ns. A distinct-value cache has what
// was seen in writes, whatever became of the rows.
func (t *table) forgetCached(d RowDelete, before int64, gone func(series uint32) bool, at func(series uint32, time int64) bool) {
	for _, c := range t.cacheList() {
		if last, ok := c.filled.(*cache.Last); ok {
			last.Forget(d.MinTime, d.MaxTime, before, gone, at)
		}
	}
}

// restoreCaches makes the defined caches, empty.
func (s *Store) restoreCaches(state *catalog.State) {
	for _, def := range state.Caches {
		t := s.tables[def.TableID]
		if t == nil || t.life.DeletedAt != 0 || t.life.Purged {
			continue
		}
		t.setCaches(append(t.cacheList(), s.newTableCache(t.schema.Load(), def)))
	}
}

// correctCaches lowers the numbers of the write before each cache that are
// beyond the last write: the writes of those numbers, not durable yet when the
// cache was made, are lost, and their numbers will be used again.
func (s *Store) correctCaches(ctx context.Context) error {
	var ch catalog.Change
	last := s.lastSeq.Load()
	for _, t := range s.tables {
		for _, c := range t.cacheList() {
			if c.def.AfterSeq > last {
				c.def.AfterSeq = last
				ch.PutCaches = append(ch.PutCaches, c.def)
			}
		}
	}
	if ch.PutCaches == nil {
		return nil
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return fmt.Errorf("correct the caches' first writes: %w", err)
	}
	return nil
}

// evictCaches drops what is too old or too much, again and again.
func (s *Store) evictCaches(ctx context.Context) {
	last, distinct := time.NewTicker(s.opts.LastCacheEviction), time.NewTicker(s.opts.DistinctCacheEviction)
	defer last.Stop()
	defer distinct.Stop()
	dropped := int64(0)
	for {
		kind := catalog.LastCache
		select {
		case <-ctx.Done():
			return
		case <-last.C:
		case <-distinct.C:
			kind = catalog.DistinctCache
		}
		s.evict(kind)
		if n := s.cacheBudget.Dropped(); n > dropped {
			s.opts.Logger.Warn("last-value and distinct-value caches have no memory for all rows; raise --memory-limit, or keep less in them",
				"rows_left_out", n-dropped, "bytes", s.cacheBudget.Used())
			dropped = n
		}
	}
}

// evict is one pass over the caches of a kind.
func (s *Store) evict(kind catalog.CacheKind) {
	// What last values count from is their insertion; distinct values count from
	// the times of their rows.
	now := s.clock.even().UnixNano()
	if kind == catalog.DistinctCache {
		if now = s.opts.Now().UnixNano(); !s.clockTrusted() {
			return
		}
	}
	for _, t := range s.allTables() {
		for _, c := range t.cacheList() {
			if c.def.Kind == kind {
				c.Evict(now)
			}
		}
	}
}
