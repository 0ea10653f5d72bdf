package merge

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
)

// timeBuffers are for sequential.times: most queries read little else of a file.
var timeBuffers = sync.Pool{New: func() any { return new([]int64) }}

// sequential reads one source from its first row to its last.
type sequential struct {
	opts   Options
	src    Source
	runs   []Run // those to read
	inside bool  // all rows lie in the time range
	next   int   // run being read
	row    int   // next row, within runs[next]

	times  []int64  // scratch
	pooled *[]int64 // where it came from; nil before the first read and after the last

	searcher Searcher // nil when there is nothing to search for
	ruled    int      // rows before it have been asked about
	dense    int      // pieces that are read without searching
	wanted   []Range  // scratch
	found    []Range  // scratch
}

func newSequential(src Source, opts Options) *sequential {
	lo, hi := src.TimeRange()
	s := &sequential{opts: opts, src: src, runs: src.Runs(), inside: opts.MinTime <= lo && hi <= opts.MaxTime && opts.Floor == nil && opts.Ceiling == nil}
	if opts.FromRow > 0 || 0 < opts.ToRow && opts.ToRow < src.Rows() {
		at := func(row int) int {
			i, _ := slices.BinarySearchFunc(s.runs, row, func(r Run, row int) int { return cmp.Compare(int(r.Start), row) })
			return i
		}
		s.runs = s.runs[at(opts.FromRow):at(opts.ToRow)]
	}
	if opts.Keep != nil {
		var kept []Run
		for _, r := range s.runs {
			if opts.Keep(r.Series) {
				kept = append(kept, r)
			}
		}
		s.runs = kept
	}
	if len(s.runs) > 0 {
		s.row = int(s.runs[0].Start)
	}
	if len(opts.Texts) > 0 {
		s.searcher, _ = src.(Searcher)
	}
	return s
}

func (s *sequential) Next(ctx context.Context, b *Batch) error {
	b.reset(s.opts.Columns)
	step := s.piece
	switch {
	case s.opts.Edge != NoEdge:
		step = s.edge
	case s.searcher != nil:
		step = s.search
	}
	for s.next < len(s.runs) && len(b.Times) < s.opts.BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx, b); err != nil {
			return err
		}
	}
	if len(b.Times) == 0 {
		s.release()
		return io.EOF
	}
	return nil
}

// release gives the scratch memory to others. Who does not read to the end leaves
// it to the garbage collector.
func (s *sequential) release() {
	if s.pooled == nil {
		return
	}
	*s.pooled = s.times[:0]
	timeBuffers.Put(s.pooled)
	s.times, s.pooled = nil, nil
}

// piece reads the next stretch of adjacent rows, across runs.
func (s *sequential) piece(ctx context.Context, b *Batch) error {
	// A piece that may lose rows to the time range is not made smaller for
	// what the batch already has, or it would shrink to single rows.
	size := s.opts.BatchRows
	if s.inside {
		size -= len(b.Times)
	}
	first, from, to := s.stretch(size)
	if err := s.readTimes(ctx, from, to); err != nil {
		return err
	}
	lowest, highest := s.opts.bounds()
	// Adjacent ranges of wanted rows are read in one go.
	keepFrom, keepTo := from, from
	flush := func() error {
		if keepFrom == keepTo {
			return nil
		}
		b.Times = append(b.Times, s.times[keepFrom-from:keepTo-from]...)
		for i, c := range s.opts.Columns {
			if err := s.src.ReadColumn(ctx, b.Cols[i], c, keepFrom, keepTo); err != nil {
				return fmt.Errorf("read column %q: %w", c.Name, err)
			}
		}
		return nil
	}
	for i := first; i < len(s.runs); i++ {
		r := s.runs[i]
		lo, hi := max(int(r.Start), from), min(int(r.End), to)
		if lo >= hi {
			break
		}
		if !s.inside {
			l, h := cut(s.times[lo-from:hi-from], lowest, highest)
			lo, hi = lo+l, lo+h
			if lo == hi {
				continue
			}
		}
		b.span(r.Series, hi-lo)
		if lo != keepTo {
			if err := flush(); err != nil {
				return err
			}
			keepFrom = lo
		}
		keepTo = hi
	}
	return flush()
}

// stretch goes past the next rows [from, to), at most size, that are adjacent;
// first is the run in which they begin.
func (s *sequential) stretch(size int) (first, from, to int) {
	first, from = s.next, s.row
	to = from
	for s.next < len(s.runs) && to-from < size && int(s.runs[s.next].Start) <= to {
		r := s.runs[s.next]
		n := min(int(r.End)-to, size-(to-from))
		to += n
		if to < int(r.End) {
			break
		}
		s.next++
		if s.next < len(s.runs) && int(s.runs[s.next].Start) != to {
			break
		}
	}
	if s.next < len(s.runs) {
		s.row = max(to, int(s.runs[s.next].Start))
	}
	return first, from, to
}

// readTimes makes s.times those of rows [from, to); their values do not matter
// when nobody asks for them and all lie in range.
func (s *sequential) readTimes(ctx context.Context, from, to int) (err error) {
	if s.pooled == nil {
		s.pooled = timeBuffers.Get().(*[]int64)
		s.times = *s.pooled
	}
	if s.inside && s.opts.NoTimes {
		s.times = slices.Grow(s.times[:0], to-from)[:to-from]
		return nil
	}
	if s.times, err = s.src.ReadTime(ctx, s.times[:0], from, to); err != nil {
		return fmt.Errorf("read times: %w", err)
	}
	return nil
}

// edge reads the one row of the next run that Options.Edge asks for.
func (s *sequential) edge(ctx context.Context, b *Batch) error {
	r := s.runs[s.next]
	s.next++
	from, to := int(r.Start), int(r.End)
	if !s.inside {
		if err := s.readTimes(ctx, from, to); err != nil {
			return err
		}
		lo, hi := s.opts.bounds()
		l, h := cut(s.times, lo, hi)
		from, to = from+l, from+h
	}
	if from >= to {
		return nil
	}
	if s.opts.Edge == Newest {
		from = to - 1
	}
	to = from + 1
	if err := s.readTimes(ctx, from, to); err != nil {
		return err
	}
	b.span(r.Series, 1)
	b.Times = append(b.Times, s.times[0])
	for i, c := range s.opts.Columns {
		if err := s.src.ReadColumn(ctx, b.Cols[i], c, from, to); err != nil {
			return fmt.Errorf("read column %q: %w", c.Name, err)
		}
	}
	return nil
}

// cut returns the part of ascending times that lies in [lo, hi].
func cut(times []int64, lo, hi int64) (from, to int) {
	from, to = 0, len(times)
	if times[0] < lo {
		from, _ = slices.BinarySearch(times, lo)
	}
	if times[len(times)-1] > hi {
		// hi+1 cannot overflow: a time above hi exists.
		to, _ = slices.BinarySearch(times, hi+1)
	}
	return min(from, to), to
}
