package exec

import (
	"context"
	"errors"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// apply runs a subquery for each distinct combination of values that it
// depends on, and remembers what it yielded.
type apply struct {
	node   *plan.Apply
	in     Operator
	env    *Env
	ctx    *expr.Context
	mem    account
	groups *grouper
	values *column.Vector // by group
	input  column.Batch
	rows   []int32
}

func newApply(n *plan.Apply, env *Env) (Operator, error) {
	var types []column.Type
	for _, r := range n.Refs {
		types = append(types, r.Type())
	}
	g, err := newGrouper(types)
	if err != nil {
		return nil, err
	}
	in, err := Build(n.Input, env)
	if err != nil {
		return nil, err
	}
	// The subqueries are many plans: a profile has no place for them.
	inner := *env
	inner.Profile = nil
	return &apply{node: n, in: in, env: &inner, ctx: env.context(), mem: account{budget: env.Budget},
		groups: g, values: column.NewVector(n.Value.Type, 0)}, nil
}

func (a *apply) Next(ctx context.Context, b *column.Batch) error {
	if err := a.in.Next(ctx, &a.input); err != nil {
		return err
	}
	a.ctx.Reset()
	refs := make([]*column.Vector, len(a.node.Refs))
	for i, r := range a.node.Refs {
		v, err := r.Eval(a.ctx, &a.input)
		if err != nil {
			return err
		}
		refs[i] = v
	}
	a.rows = a.rows[:0]
	for i, g := range a.groups.assign(refs, a.input.Len) {
		if int(g) == a.values.Len { // groups are numbered as they come
			values := make([]expr.Value, len(refs))
			for j, v := range refs {
				values[j] = expr.ValueAt(v, i)
			}
			if err := a.run(ctx, values); err != nil {
				return err
			}
		}
		a.rows = append(a.rows, int32(g))
	}
	if err := a.mem.set(a.groups.bytes() + int64(a.values.Bytes())); err != nil {
		return err
	}
	out := column.NewVector(a.values.Type, len(a.rows))
	out.Gather(a.values, a.rows)
	b.Len = a.input.Len
	b.Cols = append(append([]*column.Vector{}, a.input.Cols...), out)
	return nil
}

// run appends what the subquery yields for the given values.
func (a *apply) run(ctx context.Context, values []expr.Value) error {
	n, err := a.node.Plan(values)
	if err != nil {
		return err
	}
	env, done := a.env.part()
	defer done()
	op, err := Build(n, env)
	if err != nil {
		return err
	}
	found := false
	err = drain(ctx, op, func(b *column.Batch) error {
		a.values.AppendFrom(b.Cols[0], 0, 1)
		found = true
		return nil
	})
	if !found {
		a.values.AppendNull(1)
	}
	return errors.Join(err, op.Close())
}

func (a *apply) Close() error {
	a.mem.release()
	return a.in.Close()
}
