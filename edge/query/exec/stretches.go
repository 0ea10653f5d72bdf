package exec

import (
	"context"
	"errors"
	"math"
	"sync/atomic"

	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/merge"
)

// stretches cuts a scan into stretches of time, from its oldest row on, or from
// its newest.
type stretches struct {
	scan *plan.Scan
	desc bool
	edge int64 // the next stretch begins here, inclusive
	step int64 // is its length
	done bool  // no stretch is left
}

// firstStretch is a minute: most that sends, sends more often.
const firstStretch = int64(60e9)

// begin finds the time of the first row: sources that cannot have an earlier one
// are not opened.
func (t *stretches) begin(ctx context.Context, env *Env) error {
	if t.step == 0 {
		t.step = firstStretch
	}
	bound := &atomic.Int64{}
	s := *t.scan
	s.IDs, s.Order, s.Bounds, s.Texts, s.Edge = []int{0}, store.OldestFirst, nil, nil, merge.NoEdge // column 0 is the time
	bound.Store(math.MaxInt64)
	if t.desc {
		s.Order = store.NewestFirst
		bound.Store(math.MinInt64)
	}
	op := newScan(&s, env, bound)
	t.done = true
	err := drain(ctx, op, func(b *column.Batch) error {
		t.done = false
		at := bound.Load()
		for _, x := range b.Cols[0].Ints[:b.Len] {
			if t.desc {
				at = max(at, x)
			} else {
				at = min(at, x)
			}
		}
		bound.Store(at)
		return nil
	})
	t.edge = bound.Load()
	return errors.Join(err, op.Close())
}

// next is the scan of the next stretch.
func (t *stretches) next() *plan.Scan {
	s := *t.scan
	if t.desc {
		s.MaxTime = t.edge
		if lo := t.edge - t.step + 1; lo > s.MinTime && lo < t.edge {
			s.MinTime = lo
		} else {
			t.done = true
		}
		t.edge = s.MinTime - 1
	} else {
		s.MinTime = t.edge
		if hi := t.edge + t.step - 1; hi < s.MaxTime && hi > t.edge {
			s.MaxTime = hi
		} else {
			t.done = true
		}
		t.edge = s.MaxTime + 1
	}
	return &s
}

// shrink takes a stretch back, to cut it into shorter ones, unless it is too
// short for that.
func (t *stretches) shrink(s *plan.Scan) bool {
	length := s.MaxTime - s.MinTime
	if length < 0 { // longer than can be said
		length = math.MaxInt64
	}
	if t.step = min(t.step, length) / 16; t.step < 1 {
		return false
	}
	t.done = false
	t.edge = s.MinTime
	if t.desc {
		t.edge = s.MaxTime
	}
	return true
}

// scale fits the length of the following stretches to want bytes, after one that
// had some.
func (t *stretches) scale(want, had int64) {
	switch {
	case had <= want/stretchFactor:
		t.grow(stretchFactor)
	case had < want/2:
		t.grow(2)
	case had > want:
		t.step = max(1, int64(float64(t.step)*float64(want)/float64(had)))
	}
}

// grow makes the following stretches longer.
func (t *stretches) grow(factor int64) {
	if t.step < math.MaxInt64/factor {
		t.step *= factor
	} else {
		t.step = math.MaxInt64
	}
}
