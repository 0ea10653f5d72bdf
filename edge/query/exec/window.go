package exec

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// window sorts its input by partition and order, and computes the calls one
// partition after the other. What comes out is in that order.
type window struct {
	node *plan.Window
	sort *sorter
	mem  account
	ctx  *expr.Context

	width int   // input columns; the calls' arguments follow them
	args  []int // by call: the column of its first argument
	ready bool
	next  int // row in order at which the next partition begins
	// crowded is how many rows make it look for those that are not wanted.
	crowded int

	chunk   partition
	from    int              // rows [from, next) of the order are computed
	emitted int              // of those
	results []*column.Vector // of the computed rows, by call
	rows    column.Batch
	out     column.Batch
}

// partition is the rows of one partition, in order.
type partition struct {
	ctx  context.Context
	rows []int32
	// peers are the groups of rows that are equal in order: group g is the
	// positions [starts[g], starts[g+1]), and group[i] is that of position i.
	starts []int32
	group  []int32

	mem   *account // the window's
	built int64    // bytes of results that mem does not count yet
}

func newWindow(n *plan.Window, env *Env) (Operator, error) {
	keys := make([]plan.SortKey, 0, len(n.Partition)+len(n.Order))
	for _, p := range n.Partition {
		keys = append(keys, plan.SortKey{Expr: p})
	}
	keys = append(keys, n.Order...)
	for _, k := range keys {
		switch t := k.Expr.Type(); t.Kind {
		case column.Struct, column.List:
			return nil, &expr.Error{Class: expr.NotImplemented, Msg: fmt.Sprintf("windows by %s", t)}
		}
	}
	in, err := Build(n.Input, env)
	if err != nil {
		return nil, err
	}
	w := &window{node: n, crowded: minCrowd, mem: account{budget: env.Budget}, ctx: env.context()}
	p := &project{in: in, ctx: env.context()}
	for i, c := range n.Input.Columns() {
		p.exprs = append(p.exprs, expr.NewColumn(i, c.Name, c.Type))
	}
	w.width = len(p.exprs)
	for _, c := range n.Calls {
		w.args = append(w.args, len(p.exprs))
		p.exprs = append(p.exprs, c.Args...)
		if c.Filter != nil {
			p.exprs = append(p.exprs, c.Filter)
		}
		w.results = append(w.results, column.NewVector(c.Type, 0))
	}
	w.sort = &sorter{node: &plan.Sort{Keys: keys, Top: -1}, in: p, ctx: env.context(), mem: account{budget: env.Budget}}
	return w, nil
}

func (w *window) Next(ctx context.Context, b *column.Batch) error {
	if !w.ready {
		if err := drain(ctx, w.sort.in, w.add); err != nil {
			return err
		}
		w.sort.sort()
		w.ready = true
	}
	if w.from+w.emitted == w.next {
		if w.next == len(w.sort.order) {
			return io.EOF
		}
		if err := w.compute(ctx); err != nil {
			return err
		}
	}
	n := min(BatchRows, w.next-w.from-w.emitted)
	rows := w.sort.order[w.from+w.emitted:][:n]
	kept := column.Batch{Len: w.sort.rows.Len, Cols: w.sort.rows.Cols[:w.width]}
	gatherRows(&w.rows, &kept, rows)
	w.out.Len = n
	w.out.Cols = append(w.out.Cols[:0], w.rows.Cols...)
	for _, r := range w.results {
		v := column.NewVector(r.Type, n)
		v.AppendFrom(r, w.emitted, w.emitted+n)
		w.out.Cols = append(w.out.Cols, v)
	}
	w.emitted += n
	*b = w.out
	return nil
}

// add keeps a batch, and of every partition only the head if that is all that
// is wanted.
func (w *window) add(b *column.Batch) error {
	if err := w.sort.add(b); err != nil || w.node.Head == nil || w.sort.rows.Len < w.crowded {
		return err
	}
	w.sort.sort()
	var kept []int32
	place, partner := uint64(0), 0
	for i, row := range w.sort.order {
		switch {
		case i == 0 || !w.same(w.sort.order[i-1], row, 0, len(w.node.Partition)):
			place, partner = 0, i
		default:
			if place++; !w.same(w.sort.order[partner], row, len(w.node.Partition), len(w.sort.compares)) {
				partner = i
			}
		}
		rank := place
		if w.node.Head.Ties {
			rank -= uint64(i - partner)
		}
		if rank < w.node.Head.Rows {
			kept = append(kept, row)
		}
	}
	var rows, keys column.Batch
	gatherRows(&rows, &w.sort.rows, kept)
	gatherRows(&keys, &w.sort.keys, kept)
	w.sort.rows, w.sort.keys, w.sort.order = rows, keys, nil
	w.crowded = max(minCrowd, 2*rows.Len)
	return nil
}

// minCrowd is the fewest rows for which it pays to look for those that are not
// wanted.
const minCrowd = 1 << 16

// same says whether two rows agree in keys [from, to).
func (w *window) same(a, b int32, from, to int) bool {
	for _, c := range w.sort.compares[from:to] {
		if c(a, b) != 0 {
			return false
		}
	}
	return true
}

// compute fills results for the next partitions: as many as fill a batch.
func (w *window) compute(ctx context.Context) error {
	w.from, w.emitted = w.next, 0
	for _, r := range w.results {
		r.Reset(r.Type)
	}
	for w.next < len(w.sort.order) && w.next-w.from < BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		w.partition(ctx)
		for i := range w.node.Calls {
			if err := w.call(i); err != nil {
				return err
			}
		}
	}
	held := 8 * (cap(w.chunk.starts) + cap(w.chunk.group))
	for _, r := range w.results {
		held += r.Bytes()
	}
	return w.mem.set(int64(held))
}

// partition finds the rows of the next partition and their peers.
func (w *window) partition(ctx context.Context) {
	order := w.sort.order[w.next:]
	keys := len(w.node.Partition)
	p := &w.chunk
	p.ctx, p.mem, p.starts, p.group = ctx, &w.mem, p.starts[:0], p.group[:0]
	n := 0
	for ; n < len(order); n++ {
		if n > 0 && !w.same(order[n-1], order[n], 0, keys) {
			break
		}
		if n == 0 || !w.same(order[n-1], order[n], keys, len(w.sort.compares)) {
			p.starts = append(p.starts, int32(n))
		}
		p.group = append(p.group, int32(len(p.starts)-1))
	}
	p.starts = append(p.starts, int32(n))
	p.rows = order[:n]
	w.next += n
}

// call computes one call for the partition at hand.
func (w *window) call(i int) error {
	c, out := &w.node.Calls[i], w.results[i]
	args := w.sort.rows.Cols[w.args[i]:][:len(c.Args)]
	p := &w.chunk
	switch c.Func {
	case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile":
		p.rank(c, out)
		return nil
	case "lag", "lead":
		p.shift(c, args[0], out)
		return nil
	case "difference", "non_negative_difference", "derivative", "non_negative_derivative":
		p.change(c, args, out)
		return nil
	}
	f := w.frames(c.Frame)
	switch c.Func {
	case "first_value", "last_value", "nth_value":
		p.pick(c, f, args[0], out)
		return nil
	}
	var filter *column.Vector
	if c.Filter != nil {
		filter = w.sort.rows.Cols[w.args[i]+len(c.Args)]
	}
	return p.aggregate(c, f, args, filter, out)
}

func (w *window) Close() error {
	w.mem.release()
	return errors.Join(w.sort.Close())
}
