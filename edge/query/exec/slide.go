package exec

import (
	"context"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// ranges yields each row for every window that it lies in.
type ranges struct {
	node   *plan.Slide
	in     Operator
	input  column.Batch
	row    int   // of input, the next to be yielded
	window int64 // of row, how many windows were
	rows   []int32
	starts *column.Vector
	out    column.Batch
	sent   column.Batch
}

func (s *ranges) Next(ctx context.Context, b *column.Batch) error {
	for {
		if s.row >= s.input.Len {
			if err := s.in.Next(ctx, &s.input); err != nil {
				return err
			}
			s.row, s.window = 0, 0
		}
		if s.fill(); len(s.rows) > 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	s.sent.Len = len(s.rows)
	if s.all() {
		// Every row lies in one window: nothing is copied.
		s.sent.Cols = append(s.sent.Cols[:0], s.input.Cols...)
	} else {
		gatherRows(&s.out, &s.input, s.rows)
		s.sent.Cols = append(s.sent.Cols[:0], s.out.Cols...)
	}
	s.sent.Cols = append(s.sent.Cols, s.starts)
	*b = s.sent
	return nil
}

// all says whether the rows to yield are those of the input.
func (s *ranges) all() bool {
	if len(s.rows) != s.input.Len {
		return false
	}
	for i, r := range s.rows {
		if int(r) != i {
			return false
		}
	}
	return true
}

// fill chooses the next rows and their windows, a batch at most.
func (s *ranges) fill() {
	n := s.node
	times := s.input.Cols[n.Time]
	s.rows = s.rows[:0]
	if s.starts == nil {
		s.starts = column.NewVector(times.Type, BatchRows)
	}
	s.starts.Reset(times.Type)
	for s.row < s.input.Len && len(s.rows) < BatchRows {
		if times.IsNull(s.row) {
			s.row++
			continue
		}
		t := times.Ints[s.row]
		w := n.First(t) - s.window*n.Step
		if t-w >= n.Length {
			s.row, s.window = s.row+1, 0
			continue
		}
		s.rows = append(s.rows, int32(s.row))
		s.starts.Ints = append(s.starts.Ints, w)
		s.window++
	}
	s.starts.Len = len(s.starts.Ints)
}

func (s *ranges) Close() error { return s.in.Close() }
