// Package exec runs logical plans: pull operators over column batches.
//
// An operator's Next fills a batch whose memory belongs to the operator and
// stays valid until the following Next. Batches have no selection vector: a
// filter compacts. Whatever an operator keeps is charged to the query's
// Budget.
package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/spill"
	"tarn/store"
	"tarn/store/column"
)

// BatchRows is the usual number of rows in a batch.
const BatchRows = 4096

// Operator is a running plan node.
type Operator interface {
	// Next fills b with at least one row, or returns io.EOF.
	Next(ctx context.Context, b *column.Batch) error
	// Close releases what the operator and its inputs hold.
	Close() error
}

// Env is what operators need from outside.
type Env struct {
	// Scan reads a table.
	Scan   func(ctx context.Context, spec store.ScanSpec) (store.Rows, error)
	Budget *Budget
	// Now is the query's clock, ns since epoch.
	Now int64
	// Workers is how many goroutines may work on one operator; fewer than 2
	// mean that none is started.
	Workers int
	// Spill is where operators put what they have no memory for; nil means that
	// they fail.
	Spill *spill.Space
	// Profile, when not nil, collects what each operator did.
	Profile Profile

	work     map[*plan.Work]*column.Batch
	contexts []*expr.Context // of the operators
}

// context returns what an operator needs to evaluate expressions, within the
// query's budget.
func (e *Env) context() *expr.Context {
	c := expr.NewContext(context.Background(), e.Now)
	c.Memory = e.Budget
	e.contexts = append(e.contexts, c)
	return c
}

// part is an Env for a plan that is run on the way, maybe often: done gives
// back what its operators' contexts hold.
func (e *Env) part() (part *Env, done func()) {
	p := *e
	p.contexts = nil
	return &p, func() {
		for _, c := range p.contexts {
			c.Release()
		}
	}
}

// Profile is what each node of a plan did.
type Profile map[plan.Node]*Measure

// Measure is what one operator did.
type Measure struct {
	Rows, Batches int64
	// Took includes the operator's inputs.
	Took time.Duration
	// Note is more to say, such as what a scan could leave out.
	Note func() string
}

// Build makes the operators of a plan. Nothing is read before the first Next.
func Build(n plan.Node, env *Env) (Operator, error) {
	op, err := build(n, env)
	if err != nil || env.Profile == nil {
		return op, err
	}
	m := env.Profile[n]
	if m == nil {
		m = &Measure{}
		env.Profile[n] = m
	}
	return &measured{op, m}, nil
}

func build(n plan.Node, env *Env) (Operator, error) {
	switch n := n.(type) {
	case *plan.Scan:
		return newScan(n, env, nil), nil
	case *plan.SystemScan:
		return &system{node: n, held: account{budget: env.Budget}}, nil
	case *plan.Values:
		return &values{node: n, ctx: env.context()}, nil
	case *plan.Union:
		return newUnion(n, env)
	case *plan.Sort:
		return newSort(n, env)
	case *plan.TopPerSeries:
		return newTopPerSeries(n, env)
	case *plan.TimeOrdered:
		return newTimeOrdered(n, env)
	case *plan.Join:
		return newJoin(n, env)
	case *plan.Window:
		return newWindow(n, env)
	case *plan.Recursive:
		return newRecursive(n, env)
	case *plan.WorkScan:
		return &workScan{node: n, rows: env.work[n.Work]}, nil
	case *plan.GapFill:
		return newGapFill(n, env)
	case *plan.Apply:
		return newApply(n, env)
	case *plan.Aggregate:
		return newAggregate(n, env)
	}
	in, err := Build(n.Inputs()[0], env)
	if err != nil {
		return nil, err
	}
	ctx := env.context()
	switch n := n.(type) {
	case *plan.Filter:
		return &filter{in: in, cond: n.Cond, ctx: ctx}, nil
	case *plan.Project:
		return &project{in: in, exprs: n.Exprs, ctx: ctx}, nil
	case *plan.Limit:
		return &limit{in: in, skip: n.Offset, left: n.Count}, nil
	case *plan.Single:
		return &single{in: in}, nil
	case *plan.Unnest:
		return newUnnest(n, in, ctx), nil
	case *plan.Expand:
		return newExpand(n, in, ctx), nil
	case *plan.Distinct:
		return newDistinct(n, in, ctx, env), nil
	case *plan.SeriesLimit:
		return &seriesLimit{node: n, in: in, series: seriesRuns{cols: n.Series}}, nil
	case *plan.Explode:
		return &explode{node: n, in: in}, nil
	case *plan.WindowFill:
		return newWindowFill(n, in, env), nil
	case *plan.Slide:
		return &ranges{node: n, in: in}, nil
	case *plan.Transform:
		return newTransform(n, in)
	}
	return nil, errors.Join(fmt.Errorf("BUG: no operator for %T", n), in.Close())
}

// measured counts what an operator yields.
type measured struct {
	Operator
	m *Measure
}

func (o *measured) Next(ctx context.Context, b *column.Batch) error {
	start := time.Now()
	err := o.Operator.Next(ctx, b)
	o.m.Took += time.Since(start)
	if err == nil {
		o.m.Rows += int64(b.Len)
		o.m.Batches++
	}
	return err
}

// appendRows copies rows [from, to) of src to the end of dst, whose columns
// must have src's types. Dictionaries that differ become texts.
func appendRows(dst, src *column.Batch, from, to int) {
	for i, v := range src.Cols {
		if i == len(dst.Cols) {
			dst.Cols = append(dst.Cols, &column.Vector{})
			dst.Cols[i].Reset(v.Type)
		}
		d := dst.Cols[i]
		if d.Type.Kind == column.Dict && v.Type.Kind == column.Dict && d.Dict != nil && d.Dict != v.Dict {
			dst.Cols[i] = toText(d)
			d = dst.Cols[i]
		}
		if d.Type.Kind == column.Dict && v.Type.Kind == column.String {
			dst.Cols[i] = toText(d)
			d = dst.Cols[i]
		}
		d.AppendFrom(v, from, to)
	}
	dst.Len += to - from
}

// toText copies a Dict vector as a String vector.
func toText(v *column.Vector) *column.Vector {
	t := column.NewVector(column.Of(column.String), v.Len)
	t.AppendFrom(v, 0, v.Len)
	return t
}

// gatherRows makes dst the given rows of src.
func gatherRows(dst, src *column.Batch, rows []int32) {
	for len(dst.Cols) < len(src.Cols) {
		dst.Cols = append(dst.Cols, &column.Vector{})
	}
	dst.Cols = dst.Cols[:len(src.Cols)]
	for i, v := range src.Cols {
		dst.Cols[i].Reset(v.Type)
		dst.Cols[i].Gather(v, rows)
	}
	dst.Len = len(rows)
}

// drain calls fn for every batch of an operator.
func drain(ctx context.Context, in Operator, fn func(*column.Batch) error) error {
	var b column.Batch
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := in.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = fn(&b)
		}
		if err != nil {
			return err
		}
	}
}

// Note is what a node did, for EXPLAIN ANALYZE.
func (p Profile) Note(n plan.Node) string {
	m := p[n]
	if m == nil {
		return ""
	}
	own := m.Took
	for _, in := range n.Inputs() {
		if i := p[in]; i != nil {
			own -= i.Took
		}
	}
	s := fmt.Sprintf("output_rows=%d batches=%d elapsed_compute=%s", m.Rows, m.Batches, max(own, 0).Round(time.Microsecond))
	if m.Note != nil {
		s = strings.TrimSuffix(s+" "+m.Note(), " ")
	}
	return s
}
