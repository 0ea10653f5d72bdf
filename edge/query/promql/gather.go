package promql

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"sync"

	"tarn/store"
	"tarn/store/column"
)

// gather reads all series of a lookup at once: block by block and file by file
// as their rows lie, which is much faster than series by series where a block
// has a few rows of each.
type gather struct {
	*selection
	ctx    context.Context
	table  int           // of selection
	lookup *lookup       // some series of it
	rows   *gatheredRows // by place in lookup.ids, and field
	next   int
	done   bool
	// ordered reads instead when the blocks do not lie in the order of time.
	ordered *reader
}

// Next is sweep.Reader's.
func (g *gather) Next() ([]int64, []float64, error) {
	if !g.done {
		if err := g.collect(); err != nil {
			return nil, nil, err
		}
		g.done = true
	}
	if g.ordered != nil {
		return g.ordered.Next()
	}
	s := &g.rows.series[g.next]
	g.next++
	return s.times, s.values, nil
}

// Close is sweep.Reader's.
func (g *gather) Close() error {
	if g.rows != nil {
		size := g.rows.size()
		_ = g.Memory.Reserve(-size) // giving back cannot fail
		if size <= keepGathered {
			gathered.Put(g.rows)
		}
		g.rows = nil
	}
	if g.ordered != nil {
		return g.ordered.close()
	}
	return nil
}

// keepGathered bounds what is kept for the next reader, in bytes.
const keepGathered = 4 << 20

// gathered are the arrays that readers have left behind.
var gathered = sync.Pool{New: func() any { return &gatheredRows{} }}

// gatheredRows is the samples of a reader's series.
type gatheredRows struct {
	series []samples
	places []uint32 // of a series in the lookup, by its number
}

func (r *gatheredRows) size() (bytes int64) {
	for i := range r.series {
		bytes += int64(cap(r.series[i].times)) * 16
	}
	return bytes + int64(cap(r.places))*4
}

// take gets arrays for n series, and accounts for them.
func (g *gather) take(n int) error {
	rows := gathered.Get().(*gatheredRows)
	for len(rows.series) < n {
		rows.series = append(rows.series, samples{})
	}
	clear(rows.series[n:])
	rows.series = rows.series[:n]
	for i := range rows.series {
		s := &rows.series[i]
		s.times, s.values, s.newest = s.times[:0], s.values[:0], math.MinInt64
	}
	rows.places = slices.Grow(rows.places[:0], g.lookup.view.Len())[:g.lookup.view.Len()]
	for place, id := range g.lookup.ids {
		rows.places[id] = uint32(place)
	}
	if err := g.Memory.Reserve(rows.size()); err != nil {
		return err
	}
	g.rows = rows
	return nil
}

var errDisorder = errors.New("rows of a series are not in the order of time")

func (g *gather) collect() error {
	if err := g.take(len(g.lookup.ids) * len(g.lookup.fields)); err != nil {
		return err
	}
	err := g.scan()
	if errors.Is(err, errDisorder) {
		s := newStream(g.ctx, g.Store, g.Memory, g.lookup, g.minTime, g.maxTime)
		fields := len(g.lookup.fields)
		g.ordered = &reader{stream: s, place: g.next / fields, field: g.next % fields}
		return nil
	}
	return err
}

func (g *gather) scan() (err error) {
	l := g.lookup
	spec := store.ScanSpec{Database: l.database, Table: l.table, Columns: []int{0}, MinTime: g.minTime, MaxTime: g.maxTime, Series: l.wanted()}
	for _, f := range l.fields {
		spec.Columns = append(spec.Columns, f.ID)
	}
	rows, err := g.Store.Scan(g.ctx, spec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	spans := rows.(store.SeriesRows)
	var b column.Batch
	for {
		if err := rows.Next(g.ctx, &b); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		row := 0
		for _, span := range spans.Spans() {
			if err := g.add(&b, span.Series, row, row+span.Rows); err != nil {
				return err
			}
			row += span.Rows
		}
	}
}

// add adds rows [from, to) of a batch to their series.
func (g *gather) add(b *column.Batch, series uint32, from, to int) error {
	l, place := g.lookup, int(g.rows.places[series])
	times := b.Cols[0].Ints[from:to]
	for i, f := range l.fields {
		s := &g.rows.series[place*len(l.fields)+i]
		if times[0] <= s.newest {
			return errDisorder
		}
		s.newest = times[len(times)-1]
		want := len(times)
		if s.times == nil {
			want = max(want, g.Samples(g.table)*17/16)
		}
		if err := s.grow(g.Memory, want); err != nil {
			return err
		}
		s.add(times, b.Cols[i+1], from, f)
	}
	return nil
}
