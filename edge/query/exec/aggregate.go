package exec

import (
	"context"
	"errors"
	"io"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// aggregate groups all rows of its input and then yields the groups. If they
// need too much memory, and the input can come in an order that brings them
// together, it starts again and yields groups as they are complete.
type aggregate struct {
	node   *plan.Aggregate
	in     Operator
	ctx    *expr.Context
	mem    account
	groups *grouper
	states []agg.State
	keys   []*column.Vector
	args   []*column.Vector
	skip   []bool
	at     int
	ready  bool
	out    column.Batch

	env       *Env
	source    *scan // below, when its parts can be aggregated apart
	streaming bool
	finished  bool         // the input has ended, while streaming
	rest      column.Batch // rows of groups that are not begun
}

func newAggregate(n *plan.Aggregate, env *Env) (_ Operator, err error) {
	a := &aggregate{node: n, ctx: env.context(), env: env, mem: account{budget: env.Budget}}
	if leaf := lowest(n.Input); leaf != nil && env.Workers > 1 {
		a.source = newScan(leaf, env, nil)
		a.in = buildOver(n.Input, a.source, env)
		return a, nil
	}
	a.in, err = Build(n.Input, env)
	return a, err
}

func (a *aggregate) Next(ctx context.Context, b *column.Batch) error {
	if !a.ready {
		err := a.run(ctx)
		var short *ErrMemory
		if errors.As(err, &short) && a.node.Stream != nil {
			err = a.restart()
		}
		if err != nil {
			return err
		}
		a.ready = true
	}
	for a.at >= a.groups.n {
		if !a.streaming || a.finished && a.rest.Len == 0 {
			return io.EOF
		}
		if err := a.stream(ctx); err != nil {
			return err
		}
	}
	from, to := a.at, min(a.at+BatchRows, a.groups.n)
	a.at = to
	a.out.Len = to - from
	for len(a.out.Cols) < len(a.node.Output) {
		a.out.Cols = append(a.out.Cols, &column.Vector{})
	}
	for i := range a.node.Keys {
		a.groups.emit(a.out.Cols[i], i, from, to)
	}
	for i, s := range a.states {
		v := a.out.Cols[len(a.node.Keys)+i]
		v.Reset(a.node.Aggs[i].Type)
		if err := s.Final(v, from, to); err != nil {
			return err
		}
	}
	*b = a.out
	return nil
}

func (a *aggregate) run(ctx context.Context) error {
	if err := a.fresh(); err != nil {
		return err
	}
	apart, err := a.spread(ctx)
	if err == nil && !apart {
		err = drain(ctx, a.in, a.add)
	}
	if err != nil {
		return err
	}
	if len(a.node.Keys) == 0 {
		// Without GROUP BY there is always one row.
		a.groups.n = 1
		for _, s := range a.states {
			s.Grow(1)
		}
	}
	if e, ok := a.node.Input.(*plan.Expand); ok && a.groups.n == 0 {
		a.totals(e)
	}
	return nil
}

func (a *aggregate) add(b *column.Batch) error {
	a.ctx.Reset()
	a.keys = a.keys[:0]
	for _, k := range a.node.Keys {
		v, err := k.Eval(a.ctx, b)
		if err != nil {
			return err
		}
		a.keys = append(a.keys, v)
	}
	groups := a.groups.assign(a.keys, b.Len)
	held := a.groups.bytes()
	for i, c := range a.node.Aggs {
		a.args = a.args[:0]
		for _, e := range c.Args {
			v, err := e.Eval(a.ctx, b)
			if err != nil {
				return err
			}
			a.args = append(a.args, v)
		}
		var skip []bool
		if c.Filter != nil {
			v, err := c.Filter.Eval(a.ctx, b)
			if err != nil {
				return err
			}
			skip = a.skipped(v)
		}
		a.states[i].Grow(a.groups.n)
		if err := a.states[i].Update(groups, a.args, skip, b.Len); err != nil {
			return err
		}
		held += int64(a.states[i].Bytes())
	}
	return a.mem.set(held)
}

// skipped turns a FILTER's values into the rows to leave out.
func (a *aggregate) skipped(v *column.Vector) []bool {
	if cap(a.skip) < v.Len {
		a.skip = make([]bool, v.Len)
	}
	a.skip = a.skip[:v.Len]
	for i := range a.skip {
		a.skip[i] = v.IsNull(i) || !v.Bools[i]
	}
	return a.skip
}

func (a *aggregate) Close() error {
	a.mem.release()
	return a.in.Close()
}

// distinct drops rows whose key came before.
type distinct struct {
	node   *plan.Distinct
	in     Operator
	ctx    *expr.Context
	mem    account
	groups *grouper
	input  column.Batch
	out    column.Batch
	fresh  []int32
}

func newDistinct(n *plan.Distinct, in Operator, ctx *expr.Context, env *Env) *distinct {
	return &distinct{node: n, in: in, ctx: ctx, mem: account{budget: env.Budget}}
}

func (d *distinct) Next(ctx context.Context, b *column.Batch) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.in.Next(ctx, &d.input); err != nil {
			return err
		}
		keys, err := d.keys()
		if err != nil {
			return err
		}
		before := uint32(d.groups.n)
		groups := d.groups.assign(keys, d.input.Len)
		d.fresh = d.fresh[:0]
		for i, g := range groups {
			if g >= before { // groups are numbered as they come
				d.fresh = append(d.fresh, int32(i))
				before = g + 1
			}
		}
		if err := d.mem.set(d.groups.bytes()); err != nil {
			return err
		}
		if len(d.fresh) > 0 {
			gatherRows(&d.out, &d.input, d.fresh)
			*b = d.out
			return nil
		}
	}
}

// keys are the columns to compare by.
func (d *distinct) keys() ([]*column.Vector, error) {
	keys := d.input.Cols
	if d.node.On != nil {
		d.ctx.Reset()
		keys = make([]*column.Vector, len(d.node.On))
		for i, e := range d.node.On {
			var err error
			if keys[i], err = e.Eval(d.ctx, &d.input); err != nil {
				return nil, err
			}
		}
	}
	if d.groups != nil {
		return keys, nil
	}
	types := make([]column.Type, len(keys))
	for i, k := range keys {
		types[i] = k.Type
	}
	var err error
	d.groups, err = newGrouper(types)
	return keys, err
}

func (d *distinct) Close() error {
	d.mem.release()
	return d.in.Close()
}
