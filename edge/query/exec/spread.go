package exec

import (
	"context"
	"sync"

	"tarn/edge/query/agg"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
)

// lowest is the scan below filters and projections alone, or nil.
func lowest(n plan.Node) *plan.Scan {
	switch n := n.(type) {
	case *plan.Filter:
		return lowest(n.Input)
	case *plan.Project:
		return lowest(n.Input)
	case *plan.Scan:
		return n
	}
	return nil
}

// spread aggregates the parts of a scan apart, each in a goroutine, and puts
// the results together in the order of the parts. ok is false when the rows
// are too few, or states cannot be put together; nothing was read then.
//
// Which rows are in which part does not depend on who is faster, so that sums
// of floats are the same each time.
func (a *aggregate) spread(ctx context.Context) (ok bool, err error) {
	if a.source == nil {
		return false, nil
	}
	for _, s := range a.states {
		if _, ok := s.(agg.Merger); !ok {
			return false, nil
		}
	}
	if err := a.source.open(ctx); err != nil {
		return false, err
	}
	rows, ok := a.source.rows.(store.Divisible)
	if !ok {
		return false, nil
	}
	parts := rows.Split(a.env.Workers)
	if len(parts) == 0 {
		return false, nil
	}
	workers := make([]*aggregate, len(parts))
	for i, p := range parts {
		env, done := a.env.part()
		defer done()
		if workers[i], err = a.worker(p, env); err != nil {
			return false, err
		}
		defer workers[i].mem.release()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			if err := drain(ctx, w.in, w.add); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return true, context.Cause(ctx)
	}
	return true, a.collect(workers)
}

// worker is an aggregation of a part of the scan.
func (a *aggregate) worker(part store.Rows, env *Env) (*aggregate, error) {
	if env.Profile != nil {
		env.Profile = Profile{}
		env.Profile[lowest(a.node.Input)] = &Measure{}
	}
	w := &aggregate{node: a.node, ctx: env.context(), env: env, mem: account{budget: env.Budget}, part: a.files.space != nil}
	w.in = buildOver(a.node.Input, part, env)
	return w, w.fresh()
}

// collect takes over what the workers have.
func (a *aggregate) collect(workers []*aggregate) error {
	for i, w := range workers {
		for n, m := range w.env.Profile {
			a.env.Profile[n].add(m)
		}
		if i == 0 {
			a.groups, a.states = w.groups, w.states
			continue
		}
		keys := make([]*column.Vector, len(a.node.Keys))
		for k := range keys {
			keys[k] = &column.Vector{}
			w.groups.emit(keys[k], k, 0, w.groups.n)
		}
		to := a.groups.assign(keys, w.groups.n)
		held := a.groups.bytes()
		for k, s := range a.states {
			s.Grow(a.groups.n)
			if err := s.(agg.Merger).Merge(w.states[k], to); err != nil {
				return err
			}
			held += int64(s.Bytes())
		}
		if err := a.mem.set(held); err != nil {
			return err
		}
	}
	return nil
}

// add counts what another operator of the same node did.
func (m *Measure) add(o *Measure) {
	m.Rows, m.Batches, m.Took = m.Rows+o.Rows, m.Batches+o.Batches, m.Took+o.Took
}
