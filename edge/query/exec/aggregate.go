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
// together, it starts again and yields groups as they are complete. Otherwise
// the rows of further groups go to files, which are grouped one after the other.
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
	files     spilled
	part      bool // of an aggregation that is spread: it has no files
}

func newAggregate(n *plan.Aggregate, env *Env) (_ Operator, err error) {
	a := &aggregate{node: n, ctx: env.context(), env: env, mem: account{budget: env.Budget}, files: spilled{space: env.Spill}}
	if env.Profile != nil {
		env.Profile[n] = &Measure{Note: a.files.note}
	}
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
		switch {
		case !errors.As(err, &short):
		case a.node.Stream != nil:
			err = a.restart()
		case a.source != nil && a.files.space != nil:
			err = a.alone(ctx)
		}
		if err != nil {
			return err
		}
		a.ready = true
	}
	for a.at >= a.groups.n {
		if err := a.more(ctx); err != nil {
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

// more makes further groups, or returns io.EOF.
func (a *aggregate) more(ctx context.Context) error {
	if a.streaming {
		if a.finished && a.rest.Len == 0 {
			return io.EOF
		}
		return a.stream(ctx)
	}
	file, err := a.files.open()
	if err != nil {
		return err
	}
	a.mem.release()
	a.at = 0
	if err = a.fresh(); err == nil {
		err = drain(ctx, file, a.add)
	}
	return errors.Join(err, file.Close())
}

// alone begins again in one goroutine, for an aggregation that needs files.
func (a *aggregate) alone(ctx context.Context) error {
	if err := a.in.Close(); err != nil {
		return err
	}
	a.mem.release()
	a.source = nil
	in, err := Build(a.node.Input, a.env)
	if err != nil {
		return err
	}
	a.in = in
	return a.run(ctx)
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
	if a.files.over != nil {
		if all, err := a.divert(b, groups); !all || err != nil {
			return err
		}
	}
	held := a.groups.bytes()
	for i, c := range a.node.Aggs {
		a.args = a.args[:0]
		for _, e := range c.Args {
			v, err := guarded(a.ctx, e, c.Filter, b)
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
	return a.charge(held)
}

// charge counts what the groups hold. When that is too much, further groups go
// to files; what there is of memory then is for those that are there.
func (a *aggregate) charge(held int64) error {
	if a.files.space == nil && !a.part || a.streaming || a.groups.frozen || len(a.node.Keys) == 0 || held <= leastRun {
		return a.mem.set(held)
	}
	err := a.mem.try(held + held/4) // tables grow by leaps
	if err == nil || a.part || a.node.Stream != nil || !a.files.begin(a.groups) {
		return err
	}
	return a.mem.set(held)
}

// divert sends the rows without a group to files. When there are such, it adds
// the others and says so.
func (a *aggregate) divert(b *column.Batch, groups []uint32) (all bool, err error) {
	var kept []int32
	for i, g := range groups {
		if g != noGroup {
			kept = append(kept, int32(i))
		}
	}
	if len(kept) == b.Len {
		return true, nil
	}
	if err := a.files.over.add(b, a.groups, groups); err != nil || len(kept) == 0 {
		return false, err
	}
	var rows column.Batch
	gatherRows(&rows, b, kept)
	return false, a.add(&rows)
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
	return errors.Join(a.files.close(), a.in.Close())
}

// distinct drops rows whose key came before. Rows for whose keys there is no
// memory go to files, unless their order matters.
type distinct struct {
	node   *plan.Distinct
	in     Operator
	ctx    *expr.Context
	mem    account
	groups *grouper
	input  column.Batch
	out    column.Batch
	fresh  []int32
	files  spilled
}

func newDistinct(n *plan.Distinct, in Operator, ctx *expr.Context, env *Env) *distinct {
	d := &distinct{node: n, in: in, ctx: ctx, mem: account{budget: env.Budget}}
	if n.On == nil {
		d.files.space = env.Spill
	}
	if env.Profile != nil {
		env.Profile[n] = &Measure{Note: d.files.note}
	}
	return d
}

func (d *distinct) Next(ctx context.Context, b *column.Batch) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := d.in.Next(ctx, &d.input)
		if errors.Is(err, io.EOF) {
			if err := d.more(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := d.pick(); err != nil {
			return err
		}
		if len(d.fresh) > 0 {
			gatherRows(&d.out, &d.input, d.fresh)
			*b = d.out
			return nil
		}
	}
}

// pick finds the rows of the batch whose keys are new.
func (d *distinct) pick() error {
	d.fresh = d.fresh[:0]
	keys, err := d.keys()
	if err != nil {
		return err
	}
	before := uint32(d.groups.n)
	groups := d.groups.assign(keys, d.input.Len)
	if d.files.over != nil { // what is known was yielded
		return d.files.over.add(&d.input, d.groups, groups)
	}
	for i, g := range groups {
		if g >= before { // groups are numbered as they come
			d.fresh = append(d.fresh, int32(i))
			before = g + 1
		}
	}
	held := d.groups.bytes()
	if d.files.space == nil || held <= leastRun {
		return d.mem.set(held)
	}
	if err := d.mem.try(held + held/4); err == nil || !d.files.begin(d.groups) {
		return err
	}
	return d.mem.set(held)
}

// more goes on with the next file, or returns io.EOF.
func (d *distinct) more() error {
	in, err := d.files.open()
	if err != nil {
		return err
	}
	if err := d.in.Close(); err != nil {
		return errors.Join(err, in.Close())
	}
	d.mem.release()
	d.in, d.groups = in, nil
	return nil
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
	return errors.Join(d.files.close(), d.in.Close())
}
