package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"tarn/store/catalog"
	"tarn/store/merge"
)

// A compaction replaces segments of one table and UTC day that follow each
// other in write order by their merged rows:
//
//  1. The inputs are chosen and held, so that nobody deletes them.
//  2. Their rows become new files, as in a checkpoint.
//  3. One catalog transaction registers the new files and forgets the old ones.
//  4. New scans see the new files; the old ones are deleted when the last scan
//     that holds them ends.
//
// A crash before 3 leaves new files, and one after 3 old files, that the
// catalog does not know; the next start removes them. Checkpoints go on beside
// 2: what they add is newer than the inputs.

// compactor compacts when asked, and now and then, until the store closes.
func (s *Store) compactor(ctx context.Context) {
	tick := time.NewTicker(s.opts.CompactInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wakeCompactor:
		case <-tick.C:
		}
		if _, err := s.Compact(ctx); err != nil && ctx.Err() == nil {
			s.stats.compactionErrors.Add(1)
			s.stats.lastError.Store(&err)
			s.opts.Logger.Error("compaction failed; the segments stay as they were", "error", err)
		}
	}
}

// Compact merges segments until no more are worth it, and returns how many
// files it replaced. It gives way to checkpoints: with buffers nearly full it
// stops.
func (s *Store) Compact(ctx context.Context) (replaced int, err error) {
	s.compacting.Lock()
	defer s.compacting.Unlock()
	for s.buffered.Load() < s.opts.BufferBytes/4*3 {
		c, ok := s.chooseCompaction()
		if !ok {
			return replaced, nil
		}
		n, err := s.compact(ctx, c)
		if err != nil {
			return replaced, s.setAside(fmt.Errorf("compact table %s: %w", c.table.schema.Load().Name, err))
		}
		if n == 0 {
			return replaced, nil // something changed meanwhile: look again later
		}
		replaced += n
	}
	return replaced, nil
}

// compaction is segments to be merged, in write order.
type compaction struct {
	table  *table
	inputs []*segmentFile
}

// chooseCompaction finds and holds the inputs of the compaction that saves the
// most files.
func (s *Store) chooseCompaction() (best compaction, ok bool) {
	now := s.opts.Now()
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	for _, t := range s.allTables() {
		if !s.live(t) {
			continue
		}
		t.mu.RLock()
		run := chooseRun(t.segments, s.opts.SegmentBytes, dayOf(now.Add(-dayEnds).UnixNano()), s.up.mergeState)
		if len(run) > len(best.inputs) {
			for _, f := range run {
				f.acquire()
			}
			for _, f := range best.inputs {
				f.release()
			}
			best = compaction{t, run}
		}
		t.mu.RUnlock()
	}
	return best, best.table != nil
}

// live says whether a table and its database are not deleted.
func (s *Store) live(t *table) bool {
	r := t.record()
	db, ok := s.databaseByID(r.Schema.DatabaseID)
	return ok && r.DeletedAt == 0 && !r.Purged && db.info.Load().DeletedAt == 0
}

// compact carries a compaction out and returns how many files it replaced: none
// when they are not there any more.
func (s *Store) compact(ctx context.Context, c compaction) (replaced int, err error) {
	defer func() {
		for _, f := range c.inputs {
			f.release()
		}
	}()
	started := s.opts.Now()
	files, rows, err := s.rewrite(ctx, c)
	if err != nil {
		return 0, err
	}
	registered, err := s.replace(ctx, c.table, []replacement{{c.inputs, files}}, fewerLate)
	if err != nil || !registered {
		s.discard(files)
		return 0, err
	}
	read, written := int64(0), int64(0)
	for _, f := range c.inputs {
		read += f.Bytes
	}
	for _, f := range files {
		written += f.Bytes
	}
	s.stats.compactions.Add(1)
	s.stats.compactedBytes.Add(written)
	s.opts.Logger.Info("compaction", "table", c.table.schema.Load().Name, "inputs", len(c.inputs), "outputs", len(files), "rows", rows,
		"bytes_read", read, "bytes_written", written, "took", s.opts.Now().Sub(started).Round(time.Millisecond))
	return len(c.inputs), nil
}

// rewrite merges the inputs' rows into new files.
func (s *Store) rewrite(ctx context.Context, c compaction) (files []catalog.Segment, rows int64, err error) {
	defer func() {
		if err != nil {
			s.discard(files)
		}
	}()
	var sources []merge.Source
	columns := 0
	lo, hi, most, late, awaited := MaxTime, MinTime, int64(0), false, false
	for _, f := range c.inputs {
		if err := f.open(ctx); err != nil {
			return nil, 0, err
		}
		sources = append(sources, f)
		columns = max(columns, len(f.schema().Columns))
		lo, hi = min(lo, f.MinTime), max(hi, f.MaxTime)
		most += f.Segment.Rows
		late = late || f.Segment.Late
		awaited = awaited || s.awaited(c.table, f)
	}
	// Columns are only ever added: the first of them that the widest file knows are
	// all. Later ones might never reach the log. What was dropped since is left out,
	// and what has another type now gets it.
	sch := c.table.schema.Load().First(columns)
	first := lo
	if db, ok := s.databaseByID(sch.DatabaseID); ok && !awaited && s.clockTrusted() {
		lo = max(lo, c.table.oldest(db, s.opts.Now()))
	}
	expired := lo > first
	at := frozenTable{c.table, sch}
	if lo <= hi {
		if files, err = s.writeSegments(ctx, at, rewrite{sources: merge.SortBySeq(sources), from: lo, to: hi, limit: s.limiter}); err != nil {
			return files, 0, err
		}
	}
	for _, f := range files {
		rows += f.Rows
	}
	// Rows disappear by merging with others, and by age. Anything else is a
	// mistake that must not cost data.
	if rows > most || rows < most && !late && !expired {
		return files, rows, fmt.Errorf("BUG: %d rows of %d segments became %d", most, len(c.inputs), rows)
	}
	return files, rows, nil
}

// lateness says what is known of whether new files may have the rows of older
// ones.
type lateness bool

const (
	// keepLate is for files that have no more rows than one of their inputs.
	keepLate lateness = false
	// fewerLate is for merged files: late towards each other the inputs are no
	// more.
	fewerLate lateness = true
)

// replacement is segments and the files that take their place.
type replacement struct {
	inputs []*segmentFile
	files  []catalog.Segment
}

// replace registers new files in the place of their inputs, if these are all
// still there, and nothing of them began to go upstream meanwhile. The files
// inherit what their inputs have in common: the targets that have them, and the
// age.
func (s *Store) replace(ctx context.Context, t *table, parts []replacement, late lateness) (bool, error) {
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	done, err := s.replaceNow(ctx, t, parts, late)
	if done {
		s.countSegments()
	}
	return done, err
}

func (s *Store) replaceNow(ctx context.Context, t *table, parts []replacement, late lateness) (bool, error) {
	s.up.mu.Lock()
	defer s.up.mu.Unlock()
	var ch catalog.Change
	t.mu.RLock()
	others := slices.Clone(t.segments)
	t.mu.RUnlock()
	for _, p := range parts {
		first, _ := s.up.mergeState(p.inputs[0].ID)
		for _, f := range p.inputs {
			i := slices.Index(others, f)
			if i < 0 {
				return false, nil
			}
			if state, ok := s.up.mergeState(f.ID); !ok || state != first {
				return false, nil
			}
			others = slices.Delete(others, i, i+1)
			ch.RemoveSegments = append(ch.RemoveSegments, f.ID)
		}
		ch.PutSyncFiles = append(ch.PutSyncFiles, s.up.inherit(p.inputs[0].ID, p.files)...)
	}
	for _, p := range parts {
		created := p.inputs[0].CreatedAt
		for _, f := range p.inputs {
			created = min(created, f.CreatedAt)
		}
		for i := range p.files {
			f := &p.files[i]
			f.CreatedAt = created
			f.Late = f.Late && (late == keepLate || slices.ContainsFunc(others, func(o *segmentFile) bool {
				return o.MinSeq < f.MinSeq && o.MinTime <= f.MaxTime && f.MinTime <= o.MaxTime
			}))
		}
		ch.AddSegments = append(ch.AddSegments, p.files...)
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return false, fmt.Errorf("register compacted segments: %w", err)
	}
	for _, f := range ch.AddSegments {
		others = append(others, newSegmentFile(f, s.files, t.index))
	}
	t.mu.Lock()
	t.segments = others
	t.mu.Unlock()
	s.up.forget(ch.RemoveSegments)
	for _, p := range ch.PutSyncFiles {
		s.up.put(p)
	}
	for _, p := range parts {
		for _, f := range p.inputs {
			s.stats.replacedBytes.Add(f.Bytes)
			f.removed.Store(true)
			f.release() // what registration held; the compaction itself still does
		}
	}
	return true, nil
}

// throttled is a writer that takes its time.
type throttled struct {
	w     io.Writer
	limit *rate.Limiter
	ctx   context.Context
}

func (t throttled) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), t.limit.Burst())
		if err := t.limit.WaitN(t.ctx, n); err != nil {
			return written, errors.Join(err, t.ctx.Err())
		}
		m, err := t.w.Write(p[:n])
		if written += m; err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}
