package merge

import (
	"context"
	"fmt"
)

// joined is how many rows between two that are wanted are read along with them:
// to begin a range anew costs about as much.
const joined = 64

// Where more than half of a piece is wanted, searching costs more than it saves:
// so many pieces are then read whole.
const denseFor = 15

// search reads the next stretch of adjacent rows that may pass the tests.
func (s *sequential) search(ctx context.Context, b *Batch) error {
	if err := s.rule(ctx); err != nil {
		return err
	}
	if s.next == len(s.runs) {
		return nil
	}
	// Batches are not made smaller for what this one already has: see piece.
	first, from, to := s.stretch(min(s.opts.BatchRows, s.ruled-s.row))
	s.wanted = s.wanted[:0]
	if s.inside {
		s.wanted = append(s.wanted, Range{from, to})
	} else {
		if err := s.readTimes(ctx, from, to); err != nil {
			return err
		}
		s.inTime(first, from, to)
	}
	if s.dense > 0 {
		s.dense--
	} else if err := s.narrow(ctx); err != nil {
		return err
	}
	at := first
	for _, w := range s.wanted {
		if s.inside {
			if err := s.readTimes(ctx, w.From, w.To); err != nil {
				return err
			}
			b.Times = append(b.Times, s.times...)
		} else {
			b.Times = append(b.Times, s.times[w.From-from:w.To-from]...)
		}
		for lo := w.From; lo < w.To; {
			for int(s.runs[at].End) <= lo {
				at++
			}
			hi := min(int(s.runs[at].End), w.To)
			b.span(s.runs[at].Series, hi-lo)
			lo = hi
		}
		for i, c := range s.opts.Columns {
			if err := s.src.ReadColumn(ctx, b.Cols[i], c, w.From, w.To); err != nil {
				return fmt.Errorf("read column %q: %w", c.Name, err)
			}
		}
	}
	return nil
}

// rule goes past rows of which the source knows that they do not pass.
func (s *sequential) rule(ctx context.Context) error {
	for s.next < len(s.runs) && s.row >= s.ruled {
		to, out, err := s.searcher.Rules(ctx, s.opts.Texts, s.row)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		s.ruled = to
		if !out {
			return nil
		}
		for s.next < len(s.runs) && int(s.runs[s.next].End) <= to {
			s.next++
		}
		if s.next < len(s.runs) {
			s.row = max(to, int(s.runs[s.next].Start))
		}
	}
	return nil
}

// inTime makes wanted those of rows [from, to), whose times have been read, that
// lie in the range of time.
func (s *sequential) inTime(first, from, to int) {
	lowest, highest := s.opts.bounds()
	for _, r := range s.runs[first:] {
		lo, hi := max(int(r.Start), from), min(int(r.End), to)
		if lo >= hi {
			break
		}
		l, h := cut(s.times[lo-from:hi-from], lowest, highest)
		if l == h {
			continue
		}
		if n := len(s.wanted); n > 0 && s.wanted[n-1].To == lo+l {
			s.wanted[n-1].To = lo + h
		} else {
			s.wanted = append(s.wanted, Range{lo + l, lo + h})
		}
	}
}

// narrow leaves of the wanted rows those that may pass the tests.
func (s *sequential) narrow(ctx context.Context) error {
	before, after := 0, 0
	s.found = s.found[:0]
	for _, w := range s.wanted {
		from := len(s.found)
		var err error
		if s.found, err = s.searcher.Search(ctx, s.found, s.opts.Texts, w.From, w.To); err != nil {
			return fmt.Errorf("search: %w", err)
		}
		s.found = joinRanges(s.found, from)
		before += w.To - w.From
	}
	for _, f := range s.found {
		after += f.To - f.From
	}
	if 2*after > before {
		s.dense = denseFor
	}
	s.wanted, s.found = s.found, s.wanted
	return nil
}

// joinRanges makes one of those ranges from place first on that have few rows
// between them.
func joinRanges(ranges []Range, first int) []Range {
	n := first
	for _, r := range ranges[first:] {
		if n > first && r.From-ranges[n-1].To <= joined {
			ranges[n-1].To = r.To
			continue
		}
		ranges[n] = r
		n++
	}
	return ranges[:n]
}
