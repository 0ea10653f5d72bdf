package promql

import (
	"context"
	"errors"
	"io"
	"math"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// stream reads the samples of a lookup series by series. The engine asks for
// the series in the order in which they were listed, which is that of the
// scan, so that one pass over the store is enough and one series is in
// memory at a time; asked in another order, the scan starts over.
type stream struct {
	ctx              context.Context
	store            Store
	memory           Memory
	lookup           *lookup
	minTime, maxTime int64 // ns
	points           points

	rows  store.SeriesRows
	batch column.Batch
	spans []store.Span // of the batch, those not read
	row   int          // the first of them begins here
	done  bool

	at     int // series in samples, by its place in lookup.ids; -1 before the first
	series []samples
}

// samples are those of one field of one series, ascending in time.
type samples struct {
	times  []int64 // ms
	values []float64
	taken  bool  // gone to an iterator
	newest int64 // of the rows added, in ns
}

func newStream(ctx context.Context, s Store, m Memory, l *lookup, minTime, maxTime int64) *stream {
	return &stream{ctx: ctx, store: s, memory: m, lookup: l, minTime: minTime, maxTime: maxTime, at: -1, series: make([]samples, len(l.fields))}
}

// take swaps the samples of a series's field with those in into, whose memory
// is used again.
func (s *stream) take(place, field int, into *samples) error {
	if s.at != place || s.series[field].taken {
		if err := s.seek(place); err != nil {
			return err
		}
	}
	// What the engine makes of them is its own, but counts here.
	if err := s.memory.Reserve(s.points.size(s.series[field].times)); err != nil {
		return err
	}
	into.taken = true
	s.series[field], *into = *into, s.series[field]
	return nil
}

// seek reads the series at a place of lookup.ids.
func (s *stream) seek(place int) error {
	if s.rows == nil || place <= s.at {
		if err := s.start(); err != nil {
			return err
		}
	}
	for i := range s.series {
		f := &s.series[i]
		f.times, f.values, f.taken = f.times[:0], f.values[:0], false
	}
	s.at = place
	ranks := s.lookup.view.Ranks
	wanted := s.lookup.ids[place]
	for {
		for len(s.spans) > 0 {
			span := s.spans[0]
			if span.Series == wanted {
				if err := s.collect(s.row, s.row+span.Rows); err != nil {
					return err
				}
			} else if ranks[span.Series] > ranks[wanted] {
				return nil
			}
			s.row += span.Rows
			s.spans = s.spans[1:]
		}
		if s.done {
			return nil
		}
		err := s.rows.Next(s.ctx, &s.batch)
		switch {
		case errors.Is(err, io.EOF):
			s.done = true
		case err != nil:
			return err
		}
		if !s.done {
			s.spans, s.row = s.rows.Spans(), 0
		}
	}
}

func (s *stream) start() error {
	if err := s.close(); err != nil {
		return err
	}
	l := s.lookup
	spec := store.ScanSpec{
		Database: l.database, Table: l.table, Columns: []int{0}, MinTime: s.minTime, MaxTime: s.maxTime,
		Series: l.wanted(), Order: store.SeriesTime,
	}
	for _, f := range l.fields {
		spec.Columns = append(spec.Columns, f.ID)
	}
	rows, err := s.store.Scan(s.ctx, spec)
	if err != nil {
		return err
	}
	s.rows, s.at = rows.(store.SeriesRows), -1
	return nil
}

func (s *stream) close() error {
	s.spans, s.done = nil, false
	if s.rows == nil {
		return nil
	}
	err := s.rows.Close()
	s.rows = nil
	return err
}

// collect adds rows [from, to) of the batch to the samples.
func (s *stream) collect(from, to int) error {
	times := s.batch.Cols[0].Ints
	for i := range s.series {
		v, f := s.batch.Cols[i+1], &s.series[i]
		if err := f.grow(s.memory, to-from); err != nil {
			return err
		}
		f.add(times[from:to], v, from, s.lookup.fields[i])
	}
	return nil
}

// grow makes room for n more samples and accounts for it.
func (f *samples) grow(m Memory, n int) error {
	need := len(f.times) + n
	if need <= cap(f.times) {
		return nil
	}
	size := max(need, 2*cap(f.times), 64)
	if err := m.Reserve(int64(size-cap(f.times)) * 16); err != nil {
		return err
	}
	times, values := make([]int64, len(f.times), size), make([]float64, len(f.times), size)
	copy(times, f.times)
	copy(values, f.values)
	f.times, f.values = times, values
	return nil
}

// add appends the rows of v that are not null. Of rows of the same
// millisecond the last one stays. There is room for them.
func (f *samples) add(times []int64, v *column.Vector, from int, c schema.Column) {
	switch to := from + len(times); c.Kind {
	case column.Int64:
		addRows(f, times, v.Ints[from:to], v, from)
	case column.Uint64:
		addRows(f, times, v.Uints[from:to], v, from)
	default:
		addRows(f, times, v.Floats[from:to], v, from)
	}
}

func addRows[T int64 | uint64 | float64](f *samples, times []int64, rows []T, v *column.Vector, from int) {
	n := len(f.times)
	last := int64(math.MinInt64)
	if n > 0 {
		last = f.times[n-1]
	}
	end := n + len(times)
	outTimes, outValues := f.times[:end], f.values[:end]
	nulls := v.HasNulls()
	if !nulls && times[0] >= 0 && addTimes(outTimes[n:], times, last) {
		addValues(outValues[n:], rows)
		f.times, f.values = outTimes, outValues
		return
	}
	for i, ns := range times {
		if nulls && v.Nulls.Get(from+i) {
			continue
		}
		ms := floorMillis(ns)
		if ms == last {
			n--
		}
		outTimes[n], outValues[n] = ms, float64(rows[i])
		last = ms
		n++
	}
	f.times, f.values = outTimes[:n], outValues[:n]
}

// addTimes makes out the times in ms, and says whether all of them differ. None
// is negative.
func addTimes(out, times []int64, last int64) bool {
	differ := true
	out = out[:len(times)]
	for i, ns := range times {
		ms := int64(uint64(ns) / nanosPerMilli)
		out[i] = ms
		if ms == last {
			differ = false
		}
		last = ms
	}
	return differ
}

func addValues[T int64 | uint64 | float64](out []float64, rows []T) {
	if floats, ok := any(rows).([]float64); ok {
		copy(out, floats)
		return
	}
	for i, x := range rows {
		out[i] = float64(x)
	}
}

const nanosPerMilli = 1_000_000

// floorMillis is a time in ns cut to ms.
func floorMillis(ns int64) int64 {
	ms := ns / nanosPerMilli
	if ns%nanosPerMilli < 0 {
		ms--
	}
	return ms
}

// firstNano and lastNano are the bounds in ns of a time in ms, as far as the
// calendar goes.
func firstNano(ms int64) int64 {
	switch {
	case ms < store.MinTime/nanosPerMilli:
		return store.MinTime
	case ms > store.MaxTime/nanosPerMilli:
		return store.MaxTime
	}
	return ms * nanosPerMilli
}

func lastNano(ms int64) int64 {
	switch {
	case ms < store.MinTime/nanosPerMilli:
		return store.MinTime
	case ms >= store.MaxTime/nanosPerMilli:
		return store.MaxTime
	}
	return ms*nanosPerMilli + nanosPerMilli - 1
}
