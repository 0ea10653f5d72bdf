package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tarn/store/merge"
	"tarn/store/schema"
	"tarn/store/series"
)

// SeriesView is the series of a table at one moment, as codes into a
// dictionary a tag: those that may have rows in the time range that was asked
// for, and others that the table has.
type SeriesView struct {
	snapshot *series.Snapshot
	// Ranks are the places of the series in a scan of order SeriesTime, by
	// their number. Series that come later change the places but not which of
	// two series comes first.
	Ranks []uint32
	// Rows is about how many rows lie in the time range, if those of files and
	// blocks are spread evenly over theirs.
	Rows int
}

// Len is the number of series; they are numbered from 0.
func (v *SeriesView) Len() int { return len(v.Ranks) }

// Values are the values of the i-th tag of schema.Table.Tags, by code. Code 0
// is the absent tag. They must not be changed.
func (v *SeriesView) Values(i int) []string { return v.snapshot.Dict(i).Values }

// Code is a series's value of the i-th tag.
func (v *SeriesView) Code(i int, series uint32) uint32 { return v.snapshot.Code(i, series) }

// Span is consecutive rows of one series in a batch.
type Span = merge.Span

// SeriesRows is a Rows that says which series its rows are of.
type SeriesRows interface {
	Rows
	// Spans are the series of the last batch of Next, by their numbers of
	// SeriesView, in order of the rows.
	Spans() []Span
}

// Spans is SeriesRows'.
func (r *scan) Spans() []Span { return r.batch.Spans }

// Series lists the series of a table, without reading rows.
func (s *Store) Series(ctx context.Context, database string, t *schema.Table, minTime, maxTime int64) (_ *SeriesView, err error) {
	db, err := s.lookup(database)
	if err != nil {
		return nil, err
	}
	live, ok := db.tableOf(s, t)
	if !ok {
		return nil, fmt.Errorf("list the series of table %s: %w", t.Name, ErrNotFound)
	}
	// A segment that was not opened yet may have series that the index lacks.
	r := &scan{store: s, table: live, opened: map[*segmentFile]int{}}
	defer func() { err = errors.Join(err, r.Close()) }()
	var buffered []merge.Source
	r.held, buffered = live.sources()
	count := 0
	for _, f := range r.held {
		if f.MaxTime < minTime || f.MinTime > maxTime {
			continue
		}
		if err := r.open(ctx, f); err != nil {
			return nil, fmt.Errorf("list the series of table %s: %w", t.Name, err)
		}
		count += share(f, minTime, maxTime)
	}
	for _, s := range buffered {
		count += share(s, minTime, maxTime)
	}
	// In this order, so that the snapshot has every series that has a rank.
	ranks := live.index.Ranks()
	return &SeriesView{snapshot: live.index.Snapshot(len(t.Tags)), Ranks: ranks, Rows: count}, nil
}

// share is about how many rows of a source lie in a time range.
func share(s merge.Source, minTime, maxTime int64) int {
	lo, hi := s.TimeRange()
	if hi < minTime || lo > maxTime {
		return 0
	}
	part := float64(min(hi, maxTime)) - float64(max(lo, minTime)) + 1
	return int(math.Ceil(float64(s.Rows()) * part / (float64(hi) - float64(lo) + 1)))
}
