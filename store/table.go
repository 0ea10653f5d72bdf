package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store/buffer"
	"tarn/store/catalog"
	"tarn/store/merge"
	"tarn/store/schema"
	"tarn/store/series"
)

// table is one table at run time.
type table struct {
	id     uint32
	schema atomic.Pointer[schema.Table]
	index  *series.Index

	mu       sync.RWMutex
	life     catalog.Lifetime
	active   *buffer.Table   // takes the writes; nil when nothing came since the last checkpoint
	frozen   []*buffer.Table // being written to segments, oldest first
	segments []*segmentFile  // registered, in order of ID
	// lost are registered segments that were not there when they were wanted.
	lost []catalog.Segment

	// last is the newest time of each series in frozen and registered rows
	// that this process has seen; flushed is the newest time in segments that
	// it has not looked into. Both are guarded by the database's write lock.
	last    []int64
	flushed int64

	// caches are fed with every write; nil when there are none.
	caches atomic.Pointer[[]*tableCache]

	// unsaved says that the schema has columns that the catalog lacks.
	unsaved atomic.Bool
}

func newTable(s *schema.Table, life catalog.Lifetime) *table {
	t := &table{id: s.ID, index: series.NewIndex(), life: life, flushed: MinTime}
	t.schema.Store(s)
	return t
}

// oldest is the oldest time that retention lets a reader see: the table's own,
// which goes before its database's.
func (t *table) oldest(db *database, now time.Time) int64 {
	if d := t.schema.Load().Def; d != nil && d.Retention > 0 {
		return oldestOf(int64(d.Retention), now)
	}
	return db.oldest(now)
}

// newest is the newest time that a series may have outside the active buffer.
func (t *table) newest(id uint32) int64 {
	if int(id) < len(t.last) && t.last[id] != MinTime {
		return t.last[id]
	}
	return t.flushed
}

// freeze takes the active buffer out of the way of writers, compressed, and
// returns by how much its memory grew. The caller holds the store's gate, so no
// write is half done.
func (t *table) freeze() (grown int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.active == nil || t.active.Rows() == 0 {
		return 0
	}
	before := t.active.Bytes()
	t.active.Seal() // a flush reads blocks only
	n := t.index.Len()
	for len(t.last) < n {
		t.last = append(t.last, MinTime)
	}
	for id := range t.last {
		if v, ok := t.active.Last(uint32(id)); ok {
			t.last[id] = max(t.last[id], v)
		}
	}
	grown = t.active.Bytes() - before
	t.frozen = append(t.frozen, t.active)
	t.active = nil
	return grown
}

// sources is everything that a reader must look at: segments and buffered
// rows, at one moment.
func (t *table) sources() (segments []*segmentFile, buffered []merge.Source) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, f := range t.frozen {
		buffered = append(buffered, f.Snapshot()...)
	}
	if t.active != nil {
		buffered = append(buffered, t.active.Snapshot()...)
	}
	segments = slices.Clone(t.segments)
	for _, s := range segments {
		s.acquire()
	}
	return segments, buffered
}

// overlaps says whether a registered segment has rows in a time range.
func (t *table) overlaps(from, to int64) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return slices.ContainsFunc(t.segments, func(f *segmentFile) bool { return f.MinTime <= to && f.MaxTime >= from })
}

// bufferedBytes is the memory of the rows that are not in segments.
func (t *table) bufferedBytes() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := int64(0)
	if t.active != nil {
		n += t.active.Bytes()
	}
	for _, f := range t.frozen {
		n += f.Bytes()
	}
	return n
}

// dropBuffers forgets all buffered rows and returns how much memory they held.
func (t *table) dropBuffers() int64 {
	n := t.bufferedBytes()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active, t.frozen = nil, nil
	return n
}

// record is the table as the catalog keeps it.
func (t *table) record() catalog.Table {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return catalog.Table{Schema: t.schema.Load(), Lifetime: t.life}
}

// hasFrozen says whether rows wait for a flush.
func (t *table) hasFrozen() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.frozen) > 0
}

// directory is where a table's segments lie, relative to the data directory:
// numbers, never names that a user chose.
func directory(databaseID, tableID uint32) string {
	return fmt.Sprintf("segments/%d/%d", databaseID, tableID)
}
