package store

import (
	"sync/atomic"

	"tarn/store/wal"
)

// counters are what the store counts while it runs.
type counters struct {
	rowsWritten, checkpoints, checkpointErrors, segmentBytes atomic.Int64
	compactions, compactionErrors, compactedBytes            atomic.Int64
	replacedBytes, evictedBytes                              atomic.Int64
	lastError                                                atomic.Pointer[error]
}

// Stats is the state of the store in numbers, for metrics, health and the page.
type Stats struct {
	// RowsWritten counts accepted rows since the start.
	RowsWritten int64
	// BufferedBytes is memory held by rows that are not in segments, and
	// BufferLimit the number at which a checkpoint starts.
	BufferedBytes, BufferLimit int64
	// Checkpoints and CheckpointErrors count those that succeeded and failed.
	Checkpoints, CheckpointErrors int64
	// SegmentBytesWritten counts what checkpoints and compactions wrote since
	// the start, CompactedBytes what compactions alone did.
	SegmentBytesWritten, CompactedBytes int64
	// ReplacedBytes counts segments that others took the place of.
	ReplacedBytes int64
	// Compactions and CompactionErrors count those that succeeded and failed.
	Compactions, CompactionErrors int64
	// DiskQuota is Options.MaxDiskBytes, DiskUsed what counts against it, and
	// EvictedBytes what was deleted to keep to it since the start.
	DiskQuota, DiskUsed, EvictedBytes int64
	// Segments, SegmentBytes and SegmentRows describe the registered segments.
	Segments                  int
	SegmentBytes, SegmentRows int64
	// Series is the number of series that are known in memory.
	Series            int64
	Databases, Tables int
	WAL               wal.Stats
	// ValueCacheBytes is the memory of last-value and distinct-value caches,
	// ValueCacheDropped the rows that they left out because it was spent.
	ValueCacheBytes, ValueCacheDropped int64
	// DamagedSegments, DamagedLogs and DamagedCatalogs count Problems.
	DamagedSegments, DamagedLogs, DamagedCatalogs int
	// DiskFree and DiskTotal are of the file system, in bytes; 0 when unknown.
	DiskFree, DiskTotal int64
}

// Stats returns the numbers of now.
func (s *Store) Stats() Stats {
	st := Stats{
		RowsWritten: s.stats.rowsWritten.Load(), BufferedBytes: s.buffered.Load(), BufferLimit: s.opts.BufferBytes,
		Checkpoints: s.stats.checkpoints.Load(), CheckpointErrors: s.stats.checkpointErrors.Load(),
		SegmentBytesWritten: s.stats.segmentBytes.Load(), CompactedBytes: s.stats.compactedBytes.Load(),
		ReplacedBytes: s.stats.replacedBytes.Load(),
		Compactions:   s.stats.compactions.Load(), CompactionErrors: s.stats.compactionErrors.Load(), WAL: s.wal.Stats(),
		Databases: len(*s.byName.Load()), Tables: int(s.liveTables.Load()),
		ValueCacheBytes: s.cacheBudget.Used(), ValueCacheDropped: s.cacheBudget.Dropped(),
	}
	damaged := s.countProblems()
	st.DamagedSegments, st.DamagedLogs, st.DamagedCatalogs = damaged[ProblemSegment], damaged[ProblemLog], damaged[ProblemCatalog]
	for _, t := range s.allTables() {
		t.mu.RLock()
		st.Segments += len(t.segments)
		for _, f := range t.segments {
			st.SegmentBytes += f.Bytes
			st.SegmentRows += f.Segment.Rows
		}
		t.mu.RUnlock()
		st.Series += int64(t.index.Len())
	}
	st.DiskQuota, st.DiskUsed, st.EvictedBytes = s.opts.MaxDiskBytes, st.SegmentBytes+st.WAL.LiveBytes+s.temporaryBytes.Load(), s.stats.evictedBytes.Load()
	if free, total, err := s.opts.FS.Free(s.opts.Dir); err == nil {
		st.DiskFree, st.DiskTotal = free, total
	}
	return st
}

// WriteAmplification says how many bytes went to the disk since the start, log
// and segments together, for each byte of segments that came to stay; 0 when
// none did. A row in the log is in no segment yet: what is young, or restarts
// often, shows more than what runs.
func (s Stats) WriteAmplification() float64 {
	stayed := s.SegmentBytesWritten - s.ReplacedBytes
	if stayed <= 0 {
		return 0
	}
	return float64(s.WAL.WrittenBytes+s.SegmentBytesWritten) / float64(stayed)
}

// Health is nil while the store takes writes, and otherwise says why not.
func (s *Store) Health() error {
	if err := s.failure.Load(); err != nil {
		return *err
	}
	if st := s.wal.Stats(); st.Failed {
		return s.logError(st.LastError)
	}
	if s.closed.Load() {
		return ErrClosed
	}
	return nil
}

// SegmentInfo describes a registered segment, for system tables.
type SegmentInfo struct {
	Table            string
	Path             string
	Bytes, Rows      int64
	MinTime, MaxTime int64
}

// Segments lists the segments of a database's live tables.
func (d Database) Segments() []SegmentInfo {
	var out []SegmentInfo
	for _, name := range d.Tables() {
		t, ok := d.db.table(name)
		if !ok {
			continue
		}
		t.mu.RLock()
		for _, f := range t.segments {
			out = append(out, SegmentInfo{Table: name, Path: f.Path, Bytes: f.Bytes, Rows: f.Segment.Rows, MinTime: f.MinTime, MaxTime: f.MaxTime})
		}
		t.mu.RUnlock()
	}
	return out
}
