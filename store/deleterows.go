package store

import (
	"context"
	"fmt"
	"slices"

	"tarn/store/catalog"
	"tarn/store/merge"
)

// RowDelete says which rows of a table go: those of some series in a range of
// time, or of each of some series those of some times.
type RowDelete struct {
	// MinTime and MaxTime bound the rows, both inclusive.
	MinTime, MaxTime int64
	// FilterTags and Filter choose the series, as in a ScanSpec; nil means all.
	FilterTags []int
	Filter     SeriesFilter
	// Rows, when not nil, are the rows; nothing else is set then.
	Rows []SeriesTimes
}

// SeriesTimes are rows of one series.
type SeriesTimes struct {
	// Tags are its values in series-key order, "" for none.
	Tags []string
	// Times ascend.
	Times []int64
}

// bounds are the first and the last time of rows.
func bounds(rows []SeriesTimes) (from, to int64) {
	from, to = MaxTime, MinTime
	for _, r := range rows {
		if n := len(r.Times); n > 0 {
			from, to = min(from, r.Times[0]), max(to, r.Times[n-1])
		}
	}
	return from, to
}

// DeleteRows deletes rows that were there when it was called, for good: the
// segments that have any are written again without them, all in one catalog
// transaction, so that a crash leaves all of them or none. Rows that are
// written meanwhile stay.
func (s *Store) DeleteRows(ctx context.Context, database, name string, d RowDelete) error {
	db, err := s.lookup(database)
	if err != nil {
		return err
	}
	t, ok := db.table(name)
	if !ok {
		return fmt.Errorf("table %q: %w", name, ErrNotFound)
	}
	// A compaction would bring rows back that it read before.
	s.compacting.Lock()
	defer s.compacting.Unlock()
	started := s.clock.even().UnixNano()
	// What is buffered becomes segments, and leaves the log.
	if err := s.Checkpoint(ctx); err != nil {
		return fmt.Errorf("delete from table %q: %w", name, err)
	}
	if err := s.deleteRows(ctx, t, d, started); err != nil {
		return s.setAside(fmt.Errorf("delete from table %q: %w", name, err))
	}
	return nil
}

func (s *Store) deleteRows(ctx context.Context, t *table, d RowDelete, started int64) (err error) {
	if d.Rows != nil {
		d.MinTime, d.MaxTime = bounds(d.Rows)
	}
	segments, _ := t.sources()
	defer func() {
		for _, f := range segments {
			f.release()
		}
	}()
	var touched []*segmentFile
	for _, f := range segments {
		if f.MinTime > d.MaxTime || f.MaxTime < d.MinTime {
			continue
		}
		if err := f.open(ctx); err != nil {
			return err
		}
		touched = append(touched, f)
	}
	series := &scan{store: s, table: t, spec: ScanSpec{Table: t.schema.Load(), FilterTags: d.FilterTags, Filter: d.Filter}}
	if err := series.filter(ctx); err != nil {
		return err
	}
	gone := func(id uint32) bool { return d.Filter == nil || series.chosen[id] }
	var times func(id uint32) []int64
	var at func(id uint32, time int64) bool
	if d.Rows != nil {
		// The files are open, so that the index has all their series.
		of := make(map[uint32][]int64, len(d.Rows))
		for _, r := range d.Rows {
			id, err := t.index.Resolve(r.Tags)
			if err != nil {
				return err
			}
			of[id] = r.Times
		}
		times = func(id uint32) []int64 { return of[id] }
		gone = func(id uint32) bool { return len(of[id]) > 0 }
		at = func(id uint32, time int64) bool {
			_, ok := slices.BinarySearch(of[id], time)
			return ok
		}
	}
	var files, written []catalog.Segment
	var parts []replacement
	defer func() {
		if err != nil {
			s.discard(written)
		}
	}()
	for _, f := range touched {
		if !slices.ContainsFunc(f.Runs(), func(r merge.Run) bool { return gone(r.Series) }) {
			continue
		}
		if err := s.rewritable(f); err != nil {
			return err
		}
		files, err = s.writeSegments(ctx, frozenTable{t, t.schema.Load().First(len(f.schema().Columns))}, rewrite{
			sources: []merge.Source{f}, from: f.MinTime, to: f.MaxTime, limit: s.limiter,
			gone: gone, goneFrom: d.MinTime, goneTo: d.MaxTime, goneAt: times,
		})
		written = append(written, files...)
		parts = append(parts, replacement{[]*segmentFile{f}, files})
		if err != nil {
			return err
		}
	}
	forget := func() {
		t.forgetCached(d, started, func(id uint32) bool {
			if d.Rows != nil {
				return gone(id)
			}
			return d.Filter == nil || int(id) < len(series.chosen) && series.chosen[id]
		}, at)
	}
	if len(parts) == 0 {
		forget()
		return nil
	}
	replaced, err := s.replace(ctx, t, parts, keepLate)
	if err == nil && !replaced {
		err = fmt.Errorf("its segments changed meanwhile: try again")
	}
	if err != nil {
		return err
	}
	forget()
	s.opts.Logger.Info("rows deleted", "table", t.schema.Load().Name, "segments", len(parts), "left", len(written))
	return nil
}
