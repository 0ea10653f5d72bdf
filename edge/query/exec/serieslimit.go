package exec

import (
	"context"
	"io"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// seriesLimit is LIMIT, OFFSET, SLIMIT and SOFFSET. It stops reading when no
// more can be wanted.
type seriesLimit struct {
	node   *plan.SeriesLimit
	in     Operator
	series seriesRuns
	nth    int64 // number of the current series, from 1
	row    int64 // rows of it so far
	picked []int32
	input  column.Batch
	out    column.Batch
}

func (l *seriesLimit) Next(ctx context.Context, b *column.Batch) error {
	n := l.node
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n.SCount >= 0 && l.nth > n.SOffset+n.SCount || n.SCount == 0 || n.Count == 0 {
			return io.EOF
		}
		if n.SCount >= 0 && l.nth == n.SOffset+n.SCount && n.Count >= 0 && l.row >= n.Offset+n.Count ||
			len(n.Series) == 0 && n.Count >= 0 && l.row >= n.Offset+n.Count {
			return io.EOF
		}
		if err := l.in.Next(ctx, &l.input); err != nil {
			return err
		}
		l.pick()
		switch len(l.picked) {
		case 0:
			continue
		case l.input.Len:
			*b = l.input
		default:
			gatherRows(&l.out, &l.input, l.picked)
			*b = l.out
		}
		return nil
	}
}

func (l *seriesLimit) pick() {
	n := l.node
	starts := l.series.mark(&l.input)
	l.picked = l.picked[:0]
	for i := range int32(l.input.Len) {
		if len(starts) > 0 && starts[0] == i {
			starts = starts[1:]
			l.nth++
			l.row = 0
		}
		l.row++
		if l.nth > n.SOffset && (n.SCount < 0 || l.nth <= n.SOffset+n.SCount) &&
			l.row > n.Offset && (n.Count < 0 || l.row <= n.Offset+n.Count) {
			l.picked = append(l.picked, i)
		}
	}
}

func (l *seriesLimit) Close() error { return l.in.Close() }

// explode makes a row of each element of a list.
type explode struct {
	node  *plan.Explode
	in    Operator
	input column.Batch
	rows  []int32
	elems []int32
	out   column.Batch
}

func (e *explode) Next(ctx context.Context, b *column.Batch) error {
	for {
		if err := e.in.Next(ctx, &e.input); err != nil {
			return err
		}
		list := e.input.Cols[e.node.List]
		e.rows, e.elems = e.rows[:0], e.elems[:0]
		for i := range e.input.Len {
			if list.IsNull(i) {
				continue
			}
			for k := list.Offsets[i]; k < list.Offsets[i+1]; k++ {
				e.rows, e.elems = append(e.rows, int32(i)), append(e.elems, k)
			}
		}
		if len(e.rows) == 0 {
			continue
		}
		e.out.Cols = e.out.Cols[:0]
		for i, v := range e.input.Cols {
			if i != e.node.List {
				e.out.Cols = append(e.out.Cols, gathered(v, e.rows))
				continue
			}
			for _, m := range list.Children[0].Children {
				e.out.Cols = append(e.out.Cols, gathered(m, e.elems))
			}
		}
		e.out.Len = len(e.rows)
		*b = e.out
		return nil
	}
}

func gathered(v *column.Vector, rows []int32) *column.Vector {
	out := column.NewVector(v.Type, len(rows))
	out.Gather(v, rows)
	return out
}

func (e *explode) Close() error { return e.in.Close() }
