package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"tarn/store/catalog"
	"tarn/store/merge"
	"tarn/store/schema"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// A checkpoint moves buffered rows into segments and frees the log:
//
//  1. With writers held at the gate, every table's buffer is frozen and the
//     log rotated: all rows of log segments below N are frozen, none of those
//     from N on.
//  2. The frozen rows become Parquet files: temporary name, sync, rename,
//     directory sync.
//  3. One catalog transaction registers the files and the checkpoint N.
//  4. The log releases its segments below N.
//
// A crash before 3 leaves files that the catalog does not know, which the next
// start removes, and the log; a crash after 3 leaves log segments below N,
// which the next start does not replay. Rows that fail to become files stay
// frozen, visible and in the log, and the next checkpoint tries again.

// Checkpoint writes all buffered rows to segments. It returns when they are
// durable there.
func (s *Store) Checkpoint(ctx context.Context) error {
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	started := s.opts.Now()
	n, seq, work, err := s.freeze(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if len(work) == 0 {
		return nil
	}
	change := catalog.Change{Checkpoint: &catalog.Checkpoint{WALSegment: n, Seq: seq}}
	files := make([][]catalog.Segment, len(work))
	for i, t := range work {
		if files[i], err = s.flush(ctx, t); err != nil {
			for _, fs := range files {
				s.discard(fs)
			}
			return fmt.Errorf("checkpoint: %w", err)
		}
		change.AddSegments = append(change.AddSegments, files[i]...)
		change.Tables = append(change.Tables, t.record())
	}
	if err := s.catalog.Apply(ctx, change); err != nil {
		for _, fs := range files {
			s.discard(fs)
		}
		return fmt.Errorf("checkpoint: %w", err)
	}
	bytes, rows := int64(0), int64(0)
	for i, t := range work {
		for _, f := range files[i] {
			bytes += f.Bytes
			rows += f.Rows
		}
		s.register(t, files[i])
	}
	if err := s.wal.Release(ctx, n); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	s.stats.checkpoints.Add(1)
	s.opts.Logger.Info("checkpoint", "tables", len(work), "segments", len(change.AddSegments), "rows", rows, "bytes", bytes,
		"took", s.opts.Now().Sub(started).Round(time.Millisecond))
	return nil
}

// freeze is step 1. It returns the tables that have frozen rows.
func (s *Store) freeze(ctx context.Context) (walSegment, seq uint64, work []*table, err error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	if walSegment, err = s.wal.Rotate(ctx); err != nil {
		return 0, 0, nil, fmt.Errorf("rotate the log: %w", s.logError(err))
	}
	for _, t := range s.allTables() {
		s.buffered.Add(t.freeze())
		t.mu.RLock()
		if len(t.frozen) > 0 {
			work = append(work, t)
		}
		t.mu.RUnlock()
	}
	return walSegment, s.lastSeq.Load(), work, nil
}

const dayNanos = int64(24 * time.Hour)

// dayOf is the number of the UTC day of a time.
func dayOf(t int64) int64 {
	d := t / dayNanos
	if t%dayNanos < 0 {
		d--
	}
	return d
}

// flush writes a table's frozen rows to files, at least one for each UTC day.
func (s *Store) flush(ctx context.Context, t *table) (files []catalog.Segment, err error) {
	t.mu.RLock()
	frozen := slices.Clone(t.frozen)
	t.mu.RUnlock()
	var sources []merge.Source
	lo, hi := int64(math.MaxInt64), int64(math.MinInt64)
	for _, f := range frozen {
		sources = append(sources, f.Snapshot()...)
		if l, h, ok := f.TimeRange(); ok {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	defer func() {
		if err != nil {
			s.discard(files)
			files = nil
		}
	}()
	sources = merge.SortBySeq(sources)
	for day := dayOf(lo); day <= dayOf(hi); day++ {
		from, to := dayBounds(day)
		var part []merge.Source
		next := int64(math.MaxInt64)
		for _, src := range sources {
			switch l, h := src.TimeRange(); {
			case l <= to && h >= from:
				part = append(part, src)
			case l > to:
				next = min(next, l)
			}
		}
		if len(part) == 0 {
			if next == math.MaxInt64 {
				break
			}
			day = dayOf(next) - 1 // a gap of years costs nothing
			continue
		}
		got, err := s.writeSegments(ctx, t, part, from, to)
		for i := range got {
			// Blocks may be late only among themselves; merged, they are not.
			got[i].Late = got[i].Late && t.overlaps(got[i].MinTime, got[i].MaxTime)
		}
		files = append(files, got...)
		if err != nil {
			return files, fmt.Errorf("write segments of table %s: %w", t.schema.Load().Name, err)
		}
	}
	return files, nil
}

// dayBounds are the first and last time of a UTC day.
func dayBounds(day int64) (from, to int64) {
	from = int64(math.MinInt64)
	if day > math.MinInt64/dayNanos-1 {
		from = day * dayNanos
	}
	to = int64(math.MaxInt64)
	if day < math.MaxInt64/dayNanos {
		to = (day+1)*dayNanos - 1
	}
	return from, to
}

// writeSegments merges the rows of one day into files of about SegmentBytes.
func (s *Store) writeSegments(ctx context.Context, t *table, sources []merge.Source, from, to int64) (files []catalog.Segment, err error) {
	sch := t.schema.Load()
	fields := make([]schema.Column, 0, len(sch.Columns))
	for _, c := range sch.Columns {
		if c.Role == schema.Field {
			fields = append(fields, c)
		}
	}
	ranks := t.index.Ranks()
	snap := t.index.Snapshot(len(sch.Tags))
	reader := merge.NewOrderedReader(sources, merge.Options{Columns: fields, MinTime: from, MaxTime: to, Rank: ranks, BatchRows: 16384})
	meta := s.segmentMeta(sch, sources)
	var w *segmentWriter
	defer func() {
		if w != nil {
			w.abort()
		}
	}()
	tags := make([]string, len(sch.Tags))
	var batch merge.Batch
	for {
		err := reader.Next(ctx, &batch)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return files, err
		}
		row := 0
		for _, span := range batch.Spans {
			if w == nil {
				if w, err = s.newSegmentWriter(sch, fields, meta); err != nil {
					return files, err
				}
			}
			for o := range tags {
				tags[o], _ = snap.Value(o, span.Series)
			}
			if err := w.Append(tags, batch.Times[row:row+span.Rows], batch.Cols, row); err != nil {
				return files, fmt.Errorf("write %s: %w", w.path, err)
			}
			row += span.Rows
		}
		if w != nil && w.Size() >= s.opts.SegmentBytes {
			f, err := w.finish()
			w = nil
			if err != nil {
				return files, err
			}
			files = append(files, f)
		}
	}
	if w == nil {
		return files, nil
	}
	f, err := w.finish()
	w = nil
	if err != nil {
		return files, err
	}
	return append(files, f), nil
}

func (s *Store) segmentMeta(sch *schema.Table, sources []merge.Source) segment.Meta {
	m := segment.Meta{DatabaseID: sch.DatabaseID, TableID: sch.ID, Table: sch.Name, NodeID: s.opts.NodeID, MinSeq: math.MaxUint64}
	if db, ok := s.databaseByID(sch.DatabaseID); ok {
		m.Database = db.name()
	}
	for _, src := range sources {
		lo, hi := src.SeqRange()
		m.MinSeq, m.MaxSeq = min(m.MinSeq, lo), max(m.MaxSeq, hi)
		m.Late = m.Late || src.Late()
	}
	return m
}

// segmentWriter writes one file under a temporary name.
type segmentWriter struct {
	*segment.Writer
	store *Store
	meta  segment.Meta
	id    uint64
	path  string // relative, final
	file  vfs.File
	buf   *bufio.Writer
}

// temporary marks files that are not complete.
const temporary = ".tmp"

func (s *Store) newSegmentWriter(sch *schema.Table, fields []schema.Column, meta segment.Meta) (*segmentWriter, error) {
	w := &segmentWriter{store: s, meta: meta, id: s.nextSegment.Add(1)}
	dir := directory(sch.DatabaseID, sch.ID)
	if err := s.opts.FS.MkdirAll(s.opts.Dir + "/" + dir); err != nil {
		return nil, fmt.Errorf("make the table's directory: %w", err)
	}
	w.path = fmt.Sprintf("%s/%d.parquet", dir, w.id)
	file, err := s.opts.FS.Create(s.opts.Dir + "/" + w.path + temporary)
	if err != nil {
		return nil, fmt.Errorf("create a segment: %w", err)
	}
	w.file, w.buf = file, bufio.NewWriterSize(file, 256<<10)
	w.Writer, err = segment.NewWriter(w.buf, sch, fields, meta, segment.WriterOptions{})
	if err != nil {
		w.abort()
		return nil, fmt.Errorf("write %s: %w", w.path, err)
	}
	return w, nil
}

// abort removes what was written.
func (w *segmentWriter) abort() {
	_ = w.file.Close()
	if err := w.store.opts.FS.Remove(w.store.opts.Dir + "/" + w.path + temporary); err != nil {
		w.store.opts.Logger.Warn("cannot delete an unfinished segment; the next start will", "path", w.path, "error", err)
	}
}

// finish makes the file durable under its name.
func (w *segmentWriter) finish() (catalog.Segment, error) {
	fail := func(err error) (catalog.Segment, error) {
		w.abort()
		return catalog.Segment{}, fmt.Errorf("finish %s: %w", w.path, err)
	}
	info, err := w.Close()
	if err != nil {
		return fail(err)
	}
	if err := w.buf.Flush(); err != nil {
		return fail(err)
	}
	if err := w.file.Sync(); err != nil {
		return fail(err)
	}
	if err := w.verify(info); err != nil {
		return fail(err)
	}
	full := w.store.opts.Dir + "/" + w.path
	if err := w.file.Close(); err != nil {
		return fail(err)
	}
	fs := w.store.opts.FS
	if err := fs.Rename(full+temporary, full); err != nil {
		return fail(err)
	}
	seg := catalog.Segment{
		ID: w.id, DatabaseID: w.meta.DatabaseID, TableID: w.meta.TableID, Path: w.path, Bytes: info.Bytes, Rows: info.Rows,
		Series: int64(info.Series), MinTime: info.MinTime, MaxTime: info.MaxTime, MinSeq: w.meta.MinSeq, MaxSeq: w.meta.MaxSeq,
		Late: w.meta.Late, CreatedAt: w.store.opts.Now().UnixNano(),
	}
	if err := fs.SyncDir(w.store.opts.Dir + "/" + directory(seg.DatabaseID, seg.TableID)); err != nil {
		w.store.discard([]catalog.Segment{seg})
		return catalog.Segment{}, fmt.Errorf("finish %s: %w", w.path, err)
	}
	w.store.stats.segmentBytes.Add(info.Bytes)
	return seg, nil
}

// verify reads the footer back before anything relies on the file: a writer
// that lost rows must not let the log be released.
func (w *segmentWriter) verify(info segment.Info) error {
	r, err := segment.Open(context.Background(), w.file, segment.ReaderOptions{Name: w.path})
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if int64(r.Rows()) != info.Rows {
		return fmt.Errorf("read back: %d rows were written, the footer says %d", info.Rows, r.Rows())
	}
	return nil
}

// register makes new segments visible in the place of the frozen rows.
func (s *Store) register(t *table, files []catalog.Segment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	freed := int64(0)
	for _, f := range t.frozen {
		freed += f.Bytes()
	}
	t.frozen = nil
	for _, f := range files {
		t.segments = append(t.segments, newSegmentFile(f, s.files, t.index))
	}
	s.buffered.Add(-freed)
}

// discard deletes files that were written but not registered.
func (s *Store) discard(files []catalog.Segment) {
	for _, f := range files {
		s.files.remove(f.Path)
	}
}
