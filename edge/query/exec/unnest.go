package exec

import (
	"context"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// unnest yields a row for each element of lists.
type unnest struct {
	node  *plan.Unnest
	in    Operator
	ctx   *expr.Context
	input column.Batch
	lists []*column.Vector
	row   int // of the input
	elem  int // of its lists
	rows  []int32
	out   column.Batch
}

func newUnnest(n *plan.Unnest, in Operator, ctx *expr.Context) *unnest {
	return &unnest{node: n, in: in, ctx: ctx}
}

func (u *unnest) Next(ctx context.Context, b *column.Batch) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if u.row == u.input.Len {
			if err := u.load(ctx); err != nil {
				return err
			}
		}
		if u.fill(); len(u.rows) > 0 {
			*b = u.out
			return nil
		}
	}
}

func (u *unnest) load(ctx context.Context) error {
	if err := u.in.Next(ctx, &u.input); err != nil {
		return err
	}
	u.ctx.Reset()
	u.row, u.elem, u.lists = 0, 0, u.lists[:0]
	for _, l := range u.node.Lists {
		v, err := l.Eval(u.ctx, &u.input)
		if err != nil {
			return err
		}
		u.lists = append(u.lists, v)
	}
	return nil
}

// size is the number of elements of a row's list.
func size(l *column.Vector, row int) int {
	if l.IsNull(row) {
		return 0
	}
	return int(l.Offsets[row+1] - l.Offsets[row])
}

// fill makes the next batch of the input at hand.
func (u *unnest) fill() {
	u.rows = u.rows[:0]
	elems := make([]*column.Vector, len(u.lists))
	for i, l := range u.lists {
		elems[i] = column.NewVector(l.Type.Nested.Types[0], 0)
	}
	for u.row < u.input.Len && len(u.rows) < BatchRows {
		longest := 0
		for _, l := range u.lists {
			longest = max(longest, size(l, u.row))
		}
		n := min(longest-u.elem, BatchRows-len(u.rows))
		for i, l := range u.lists {
			have := min(max(size(l, u.row)-u.elem, 0), n)
			from := 0
			if have > 0 {
				from = int(l.Offsets[u.row]) + u.elem
			}
			elems[i].AppendFrom(l.Children[0], from, from+have)
			elems[i].AppendNull(n - have)
		}
		for range n {
			u.rows = append(u.rows, int32(u.row))
		}
		if u.elem += n; u.elem == longest {
			u.row, u.elem = u.row+1, 0
		}
	}
	gatherRows(&u.out, &column.Batch{Len: u.input.Len, Cols: u.input.Cols}, u.rows)
	u.out.Cols = append(u.out.Cols, elems...)
}

func (u *unnest) Close() error { return u.in.Close() }
