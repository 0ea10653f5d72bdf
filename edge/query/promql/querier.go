package promql

import (
	"context"
	"errors"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// Queryable is a database as Prometheus's engine sees one. It may be used by
// several goroutines; its queriers may not.
type Queryable struct {
	Store    Store
	Database string
	Memory   Memory
}

// Querier is storage.Queryable's; the times are in ms, inclusive.
func (q Queryable) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{Queryable: q, mint: mint, maxt: maxt}, nil
}

type querier struct {
	Queryable
	mint, maxt int64
	streams    []*stream
}

// Select is storage.Querier's. A database or table that does not exist has no
// series.
func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	mint, maxt := q.mint, q.maxt
	if hints != nil {
		mint, maxt = max(mint, hints.Start), min(maxt, hints.End)
	}
	set := &seriesSet{next: -1}
	set.err = q.list(ctx, set, matchers, firstNano(mint), lastNano(maxt), pointsOf(hints))
	if set.err == nil && sorted {
		set.err = set.sort()
	}
	return set
}

// list adds the series of all tables that match. Times are in ns.
func (q *querier) list(ctx context.Context, set *seriesSet, matchers []*labels.Matcher, minTime, maxTime int64, p points) error {
	sel, err := sortOut(q.Database, matchers)
	if err != nil {
		return err
	}
	db, ok := q.Store.Database(sel.database)
	if !ok {
		return nil
	}
	for _, m := range sel.metrics(db) {
		l, err := find(ctx, q.Store, m, minTime, maxTime)
		if err != nil {
			return err
		}
		if len(l.ids) == 0 {
			continue
		}
		s := newStream(ctx, q.Store, q.Memory, l, minTime, maxTime)
		s.points = p
		q.streams = append(q.streams, s)
		makers := make([]*labeler, len(l.fields))
		for i, f := range l.fields {
			makers[i] = l.labeler(f)
		}
		for place, id := range l.ids {
			for field, maker := range makers {
				labels := maker.of(id)
				if err := q.Memory.Reserve(seriesSize + int64(labelsSize(labels))); err != nil {
					return err
				}
				set.series = append(set.series, series{labels, s, place, field, nil})
			}
		}
	}
	return nil
}

// points bounds how many points the engine makes of the samples of a series: one
// a step as long as a sample is in reach.
type points struct{ step, reach int64 } // ms

func pointsOf(hints *storage.SelectHints) points {
	if hints == nil || hints.Step <= 0 {
		return points{}
	}
	return points{hints.Step, max(hints.Range, DefaultLookback.Milliseconds())}
}

// size is the memory of the points, in bytes.
func (p points) size(times []int64) int64 {
	if p.step == 0 || len(times) == 0 {
		return 0
	}
	return ((times[len(times)-1]-times[0]+p.reach)/p.step + 1) * 16
}

// seriesSize is about what a listed series takes, without its labels: in the
// set, and in the engine's list.
const seriesSize = 96

func labelsSize(l labels.Labels) int { return int(l.ByteSize()) }

// LabelValues is storage.Querier's. The engine does not call it.
func (q *querier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	limit := 0
	if hints != nil {
		limit = hints.Limit
	}
	sets := [][]*labels.Matcher{matchers}
	if len(matchers) == 0 {
		sets = nil
	}
	v, err := q.Queryable.LabelValues(ctx, name, sets, q.mint, q.maxt)
	return cut(v, limit), nil, err
}

// LabelNames is storage.Querier's. The engine does not call it.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	limit := 0
	if hints != nil {
		limit = hints.Limit
	}
	sets := [][]*labels.Matcher{matchers}
	if len(matchers) == 0 {
		sets = nil
	}
	v, err := q.Queryable.LabelNames(ctx, sets, q.mint, q.maxt)
	return cut(v, limit), nil, err
}

func cut(v []string, limit int) []string {
	if limit > 0 && len(v) > limit {
		return v[:limit]
	}
	return v
}

// Close is storage.Querier's.
func (q *querier) Close() error {
	var errs []error
	for _, s := range q.streams {
		errs = append(errs, s.close())
	}
	q.streams = nil
	return errors.Join(errs...)
}

// series is one listed series; its samples are read when they are wanted.
type series struct {
	labels labels.Labels
	stream *stream
	place  int // in the stream's lookup
	field  int
	loaded *samples // when they were read ahead
}

// Labels is storage.Series's.
func (s *series) Labels() labels.Labels { return s.labels }

// Iterator is storage.Series's.
func (s *series) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	if s.loaded != nil {
		return &iterator{samples: *s.loaded}
	}
	it, ok := reuse.(*iterator)
	if !ok {
		it = &iterator{}
	}
	it.next = 0
	it.err = s.stream.take(s.place, s.field, &it.samples)
	if it.err != nil {
		it.times = it.times[:0]
	}
	return it
}

// seriesSet is a list of series.
type seriesSet struct {
	series []series
	next   int
	err    error
}

// sort orders the series by their labels. When that is not the order of the
// scans, all samples are read now.
func (s *seriesSet) sort() error {
	slices.SortFunc(s.series, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	last := map[*stream]int{}
	inOrder := true
	for i := range s.series {
		x := &s.series[i]
		if place, ok := last[x.stream]; ok && place > x.place || x.field > 0 {
			inOrder = false
			break
		}
		last[x.stream] = x.place
	}
	if inOrder {
		return nil
	}
	byPlace := make([]*series, len(s.series))
	for i := range s.series {
		byPlace[i] = &s.series[i]
	}
	slices.SortStableFunc(byPlace, func(a, b *series) int { return a.place - b.place })
	for _, x := range byPlace {
		x.loaded = &samples{}
		if err := x.stream.take(x.place, x.field, x.loaded); err != nil {
			return err
		}
	}
	return nil
}

// Next is storage.SeriesSet's.
func (s *seriesSet) Next() bool {
	s.next++
	return s.err == nil && s.next < len(s.series)
}

// At is storage.SeriesSet's.
func (s *seriesSet) At() storage.Series { return &s.series[s.next] }

// Err is storage.SeriesSet's.
func (s *seriesSet) Err() error { return s.err }

// Warnings is storage.SeriesSet's.
func (s *seriesSet) Warnings() annotations.Annotations { return nil }
