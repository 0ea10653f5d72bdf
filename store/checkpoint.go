package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

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
	oldest := s.oldestWrite.Load()
	c, err := s.freeze(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if len(c.tables) == 0 && s.wal.Stats().Segments == 0 {
		return nil
	}
	files, err := s.flushAll(ctx, c)
	if err != nil {
		s.oldestWrite.CompareAndSwap(0, oldest) // they are as old as before
		return fmt.Errorf("checkpoint: %w", err)
	}
	segments, bytes, rows := 0, int64(0), int64(0)
	for i, t := range c.tables {
		for _, f := range files[i] {
			bytes += f.Bytes
			rows += f.Rows
		}
		segments += len(files[i])
		s.register(t.table, files[i])
	}
	s.countSegments()
	if err := s.wal.Release(ctx, c.walSegment); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	s.stats.checkpoints.Add(1)
	s.requestCompaction()
	s.askForRoom()
	s.opts.Logger.Info("checkpoint", "tables", len(c.tables), "segments", segments, "rows", rows, "bytes", bytes,
		"took", s.opts.Now().Sub(started).Round(time.Millisecond))
	return nil
}

// cut is the moment between two writes at which a checkpoint looks at the
// store.
type cut struct {
	// walSegment is the first log segment of later writes, seq the last of the
	// earlier ones.
	walSegment, seq uint64
	// tables are those with frozen rows or a schema that the catalog lacks.
	tables []frozenTable
}

// frozenTable is a table with its schema at the cut. What the schema gets later
// may never reach the log, so it must not reach the catalog or a segment.
type frozenTable struct {
	*table
	at *schema.Table
}

// freeze is step 1.
func (s *Store) freeze(ctx context.Context) (c cut, err error) {
	s.gate.Lock()
	defer s.gate.Unlock()
	if err := s.failure.Load(); err != nil {
		// The log has rows that the buffers lack: it is the truth now.
		return c, errors.Join(ErrReadOnly, *err)
	}
	if c.walSegment, err = s.wal.Rotate(ctx); err != nil {
		return c, fmt.Errorf("rotate the log: %w", s.logError(err))
	}
	c.seq = s.lastSeq.Load()
	for _, t := range s.allTables() {
		s.buffered.Add(t.freeze())
		if t.unsaved.Swap(false) || t.hasFrozen() {
			c.tables = append(c.tables, frozenTable{t, t.schema.Load()})
		}
	}
	s.oldestWrite.Store(0)
	return c, nil
}

// flushAll is steps 2 and 3: it returns the registered files of each table, or
// leaves nothing behind.
func (s *Store) flushAll(ctx context.Context, c cut) (files [][]catalog.Segment, err error) {
	files = make([][]catalog.Segment, len(c.tables))
	defer func() {
		if err != nil {
			for i, t := range c.tables {
				s.discard(files[i])
				t.unsaved.Store(true)
			}
		}
	}()
	change := catalog.Change{Checkpoint: &catalog.Checkpoint{WALSegment: c.walSegment, Seq: c.seq}}
	var wet []unsettled
	defer func() { s.abandon(wet) }()
	settle := func() error {
		done, err := s.settle(wet)
		wet = wet[:0]
		for _, f := range done {
			files[f.table] = append(files[f.table], f.seg)
			change.AddSegments = append(change.AddSegments, f.seg)
		}
		return err
	}
	for i, t := range c.tables {
		before := len(wet)
		wet, err = s.flush(ctx, t, wet)
		for k := range wet[before:] {
			wet[before+k].table = i
		}
		if err == nil && len(wet) >= settleAtOnce {
			err = settle()
		}
		if err != nil {
			return files, err
		}
	}
	if err := settle(); err != nil {
		return files, err
	}
	s.records.Lock()
	defer s.records.Unlock()
	for _, t := range c.tables {
		r := t.record() // its name and lifetime may have changed since
		r.Schema = t.at.Renamed(r.Schema.Name)
		change.Tables = append(change.Tables, r)
	}
	return files, s.catalog.Apply(ctx, change)
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

// flush writes a table's frozen rows to files, at least one for each UTC day, and
// adds them to wet: the caller settles or abandons them, also after an error.
func (s *Store) flush(ctx context.Context, t frozenTable, wet []unsettled) ([]unsettled, error) {
	t.mu.RLock()
	frozen := slices.Clone(t.frozen)
	t.mu.RUnlock()
	var sources []merge.Source
	for _, f := range frozen {
		sources = append(sources, f.Snapshot()...)
	}
	sources = merge.SortBySeq(sources)
	days, err := daysOf(ctx, sources)
	if err != nil {
		return wet, fmt.Errorf("read the times of table %s: %w", t.at.Name, err)
	}
	for _, day := range days {
		from, to := dayBounds(day)
		var part []merge.Source
		for _, src := range sources {
			if l, h := src.TimeRange(); l <= to && h >= from {
				part = append(part, src)
			}
		}
		before := len(wet)
		wet, err = s.encodeSegments(ctx, t, rewrite{sources: part, from: from, to: to}, wet)
		for i := range wet[before:] {
			// Blocks may be late only among themselves; merged, they are not.
			f := &wet[before+i].seg
			f.Late = f.Late && t.overlaps(f.MinTime, f.MaxTime)
		}
		if err != nil {
			return wet, fmt.Errorf("write segments of table %s: %w", t.at.Name, err)
		}
	}
	return wet, nil
}

// daysOf are the days of which sources have rows, ascending. One row with a time
// of 1970, from a machine that has no clock, must not have every day since then
// looked for in a block.
func daysOf(ctx context.Context, sources []merge.Source) ([]int64, error) {
	var days, times []int64
	for _, src := range sources {
		l, h := src.TimeRange()
		days = append(days, dayOf(l), dayOf(h)) // of both there is a row
		if dayOf(h) <= dayOf(l)+1 {
			continue
		}
		const part = 4096
		for from := 0; from < src.Rows(); from += part {
			var err error
			if times, err = src.ReadTime(ctx, times[:0], from, min(from+part, src.Rows())); err != nil {
				return nil, err
			}
			for _, t := range times {
				if day := dayOf(t); day != days[len(days)-1] {
					days = append(days, day)
				}
			}
			slices.Sort(days)
			days = slices.Compact(days)
		}
	}
	slices.Sort(days)
	return slices.Compact(days), nil
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

// rewrite is rows that are to become segments.
type rewrite struct {
	sources  []merge.Source // in write order
	from, to int64          // times, inclusive
	limit    *rate.Limiter  // nil: as fast as it goes
	// gone says of which series the rows in [goneFrom, goneTo] are left out;
	// nil of none.
	gone             func(series uint32) bool
	goneFrom, goneTo int64
	// goneAt, when not nil, are the times of a series of which rows are left out,
	// ascending; others of the range stay.
	goneAt func(series uint32) []int64
}

// keeps calls fn for the stretches [from, to) of a series' ascending times that
// are not left out.
func (r *rewrite) keeps(series uint32, times []int64, fn func(from, to int) error) error {
	if r.gone == nil || !r.gone(series) {
		return fn(0, len(times))
	}
	if r.goneAt != nil {
		return without(times, r.goneAt(series), fn)
	}
	first, _ := slices.BinarySearch(times, r.goneFrom)
	last, found := slices.BinarySearch(times, r.goneTo)
	if found {
		last++
	}
	if first > 0 {
		if err := fn(0, first); err != nil {
			return err
		}
	}
	if last < len(times) {
		return fn(max(first, last), len(times))
	}
	return nil
}

// without calls fn for the stretches [from, to) of ascending times that have none
// of those that are gone.
func without(times, gone []int64, fn func(from, to int) error) error {
	from := 0
	skip, _ := slices.BinarySearch(gone, times[0])
	for i, t := range times {
		for skip < len(gone) && gone[skip] < t {
			skip++
		}
		if skip == len(gone) {
			break
		}
		if gone[skip] != t {
			continue
		}
		if from < i {
			if err := fn(from, i); err != nil {
				return err
			}
		}
		from = i + 1
	}
	if from < len(times) {
		return fn(from, len(times))
	}
	return nil
}

// groupBytes is what the writer of a segment may hold of a row group; half of it
// is read at once. Buffers that are small are those of a small machine.
func (s *Store) groupBytes() int { return int(min(max(s.opts.BufferBytes/2, 2<<20), 16<<20)) }

// writeSegments merges the rows of one day into files of about SegmentBytes. On an
// error it leaves those that it returns.
func (s *Store) writeSegments(ctx context.Context, t frozenTable, r rewrite) (files []catalog.Segment, err error) {
	wet, err := s.encodeSegments(ctx, t, r, nil)
	if err != nil {
		s.abandon(wet)
		return nil, err
	}
	done, err := s.settle(wet)
	for _, f := range done {
		files = append(files, f.seg)
	}
	return files, err
}

// encodeSegments is writeSegments without the end: the files, which it adds to
// wet, are not durable yet, and have temporary names.
func (s *Store) encodeSegments(ctx context.Context, t frozenTable, r rewrite, wet []unsettled) (_ []unsettled, err error) {
	sch := t.at
	fields := sch.Fields()
	ranks := t.index.Ranks()
	snap := t.index.Snapshot(len(sch.Tags))
	appends := t.schema.Load().Appends() // sch may come from a file, which does not tell
	reader := merge.NewOrderedReader(continuing(r.sources, sch, fields), merge.Options{Columns: fields, MinTime: r.from, MaxTime: r.to, Rank: ranks, BatchRows: 16384, BatchBytes: s.groupBytes() / 2, Append: appends})
	meta := s.segmentMeta(sch, r.sources)
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
			return wet, err
		}
		row := 0
		for _, span := range batch.Spans {
			for o := range tags {
				tags[o], _ = snap.Value(o, span.Series)
			}
			times := batch.Times[row : row+span.Rows]
			err := r.keeps(span.Series, times, func(from, to int) (err error) {
				if w == nil {
					if w, err = s.newSegmentWriter(ctx, sch, fields, meta, appends, r.limit); err != nil {
						return err
					}
				}
				if err := w.Append(tags, times[from:to], batch.Cols, row+from); err != nil {
					return fmt.Errorf("write %s: %w", w.path, err)
				}
				return nil
			})
			if err != nil {
				return wet, err
			}
			row += span.Rows
		}
		if w != nil && w.Size() >= s.opts.SegmentBytes {
			f, err := w.finish()
			w = nil
			if err != nil {
				return wet, err
			}
			wet = append(wet, f)
		}
	}
	if w == nil {
		return wet, nil
	}
	f, err := w.finish()
	w = nil
	if err != nil {
		return wet, err
	}
	return append(wet, f), nil
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

func (s *Store) newSegmentWriter(ctx context.Context, sch *schema.Table, fields []schema.Column, meta segment.Meta, appends bool, limit *rate.Limiter) (*segmentWriter, error) {
	w := &segmentWriter{store: s, meta: meta, id: s.nextSegment.Add(1)}
	dir := directory(sch.DatabaseID, sch.ID)
	if err := s.makeDirectory(dir); err != nil {
		return nil, err
	}
	w.path = fmt.Sprintf("%s/%d.parquet", dir, w.id)
	file, err := s.opts.FS.Create(s.opts.Dir + "/" + w.path + temporary)
	if err != nil {
		return nil, fmt.Errorf("create a segment: %w", err)
	}
	var out io.Writer = file
	if limit != nil {
		out = throttled{file, limit, ctx}
	}
	w.file, w.buf = file, outputs.Get().(*bufio.Writer)
	w.buf.Reset(out)
	w.Writer, err = segment.NewWriter(w.buf, sch, fields, meta, segment.WriterOptions{Append: appends, GroupBytes: s.groupBytes()})
	if err != nil {
		w.abort()
		return nil, fmt.Errorf("write %s: %w", w.path, err)
	}
	return w, nil
}

var outputs = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 256<<10) }}

// makeDirectory makes a table's directory the first time it is needed; settle
// makes its name durable.
func (s *Store) makeDirectory(dir string) error {
	s.directoriesMu.Lock()
	defer s.directoriesMu.Unlock()
	if s.directories[dir] {
		return nil
	}
	if err := s.opts.FS.MkdirAll(s.opts.Dir + "/" + dir); err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	return nil
}

// abort removes what was written.
func (w *segmentWriter) abort() {
	w.recycle()
	_ = w.file.Close()
	w.store.removeTemporary(w.path)
}

func (w *segmentWriter) recycle() {
	if w.buf != nil {
		w.buf.Reset(nil)
		outputs.Put(w.buf)
		w.buf = nil
	}
}

func (s *Store) removeTemporary(path string) {
	if err := s.opts.FS.Remove(s.opts.Dir + "/" + path + temporary); err != nil {
		s.opts.Logger.Warn("cannot delete an unfinished segment; the next start will", "path", path, "error", err)
	}
}

// finish ends the file.
func (w *segmentWriter) finish() (unsettled, error) {
	info, err := w.Close()
	if err == nil {
		err = w.buf.Flush()
	}
	if err != nil {
		w.abort()
		return unsettled{}, fmt.Errorf("finish %s: %w", w.path, err)
	}
	w.recycle()
	return unsettled{file: w.file, seg: catalog.Segment{
		ID: w.id, DatabaseID: w.meta.DatabaseID, TableID: w.meta.TableID, Path: w.path, Bytes: info.Bytes, Rows: info.Rows,
		Series: int64(info.Series), MinTime: info.MinTime, MaxTime: info.MaxTime, MinSeq: w.meta.MinSeq, MaxSeq: w.meta.MaxSeq,
		Late: w.meta.Late, CreatedAt: w.store.opts.Now().UnixNano(),
	}}, nil
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
