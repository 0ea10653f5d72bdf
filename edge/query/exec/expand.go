package exec

import (
	"context"
	"slices"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// expand yields each input batch once for every grouping set.
type expand struct {
	node  *plan.Expand
	in    Operator
	ctx   *expr.Context
	input column.Batch
	keys  []*column.Vector
	none  []*column.Vector // the keys as nulls
	set   int
	out   column.Batch
	id    *column.Vector
}

func newExpand(n *plan.Expand, in Operator, ctx *expr.Context) *expand {
	return &expand{node: n, in: in, ctx: ctx, set: len(n.Sets), id: column.NewVector(column.Of(column.Int64), 0)}
}

func (e *expand) Next(ctx context.Context, b *column.Batch) error {
	if e.set == len(e.node.Sets) {
		if err := e.in.Next(ctx, &e.input); err != nil {
			return err
		}
		if err := e.load(); err != nil {
			return err
		}
		e.set = 0
	}
	e.out.Len = e.input.Len
	e.out.Cols = append(e.out.Cols[:0], e.input.Cols...)
	for i, in := range e.node.Sets[e.set] {
		if in {
			e.out.Cols = append(e.out.Cols, e.keys[i])
		} else {
			e.out.Cols = append(e.out.Cols, e.none[i])
		}
	}
	e.id.SetLen(e.input.Len)
	for i := range e.id.Ints {
		e.id.Ints[i] = e.node.Identity(e.set)
	}
	e.out.Cols = append(e.out.Cols, e.id)
	e.set++
	*b = e.out
	return nil
}

// load evaluates the keys of an input batch.
func (e *expand) load() error {
	e.ctx.Reset()
	e.keys, e.none = e.keys[:0], e.none[:0]
	for _, k := range e.node.Keys {
		v, err := k.Eval(e.ctx, &e.input)
		if err != nil {
			return err
		}
		none := column.NewVector(v.Type, v.Len)
		none.Dict = v.Dict // one dictionary throughout, also for nulls
		none.AppendNull(v.Len)
		e.keys, e.none = append(e.keys, v), append(e.none, none)
	}
	return nil
}

// totals makes the groups of the grouping sets without keys: like an aggregation
// without GROUP BY they have a row even when there is none to count.
func (a *aggregate) totals(e *plan.Expand) {
	for i, set := range e.Sets {
		if slices.Contains(set, true) {
			continue
		}
		var keys []*column.Vector
		for _, k := range a.node.Keys {
			v := column.NewVector(k.Type(), 1)
			v.AppendNull(1)
			keys = append(keys, v)
		}
		id := column.NewVector(column.Of(column.Int64), 1)
		id.Ints, id.Len = append(id.Ints, e.Identity(i)), 1
		keys[len(keys)-1] = id
		a.groups.assign(keys, 1)
	}
	for _, s := range a.states {
		s.Grow(a.groups.n)
	}
}

func (e *expand) Close() error { return e.in.Close() }
