package exec

import (
	"context"
	"errors"
	"io"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// timeOrdered sorts stretches of time one after the other. Their length follows
// how much memory they turn out to need; one that needs more than its allowance
// is tried again as several.
type timeOrdered struct {
	node    *plan.TimeOrdered
	env     *Env
	parts   stretches
	mem     account // the allowance
	started bool
	in      Operator
	scan    *plan.Scan // of in
	endPart func()     // gives back what in took
	bytes   int64      // that in yielded
}

// A stretch's allowance is half of the query's share of the memory, but no more
// than is good for anything, and no less than reading takes and leastSorted.
const (
	leastSorted = 1 << 20
	mostAllowed = 16 << 20
)

func newTimeOrdered(n *plan.TimeOrdered, env *Env) (Operator, error) {
	s := n.Scan()
	if s == nil {
		all := &plan.Sort{Input: n.Input, Keys: n.Keys, Top: -1}
		op, err := Build(all, env)
		if m := env.Profile[all]; m != nil {
			env.Profile[n] = &Measure{Note: m.Note}
		}
		return op, err
	}
	quiet := *env
	quiet.Profile = nil // the chain is built many times
	return &timeOrdered{node: n, env: &quiet, parts: stretches{scan: s, desc: n.Keys[0].Desc}, mem: account{budget: env.Budget}}, nil
}

func (t *timeOrdered) Next(ctx context.Context, b *column.Batch) error {
	if !t.started {
		if err := t.start(ctx); err != nil {
			return err
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.in == nil {
			if t.parts.done {
				return io.EOF
			}
			t.scan = t.parts.next()
			if err := t.build(t.allowed()); err != nil {
				return err
			}
		}
		err := t.in.Next(ctx, b)
		if err == nil {
			t.bytes += int64(b.Bytes())
			return nil
		}
		end := errors.Is(err, io.EOF)
		var memory *ErrMemory
		if !end && (t.bytes > 0 || !errors.As(err, &memory)) {
			return err
		}
		if err := t.endStretch(); err != nil {
			return err
		}
		switch {
		case end:
			// Rows are held twice, sorted and on their way, in memory that grows
			// by leaps.
			t.parts.scale((t.mem.held-scanBytes(t.scan, t.mem.budget))/4, t.bytes)
		case t.parts.shrink(t.scan):
			// Nothing of it has been given away: shorter stretches follow.
		default: // as much as there is must do for one instant
			if err := t.build(t.env.Budget); err != nil {
				return err
			}
		}
	}
}

// start takes the least allowance, which the query keeps to its end: once rows
// are on their way it does not fail for what others take.
func (t *timeOrdered) start(ctx context.Context) error {
	if err := t.mem.set(t.least()); err != nil {
		return err
	}
	t.started = true
	env, done := t.env.part()
	defer done()
	env.Budget = t.env.Budget.Within(t.mem.held)
	return t.parts.begin(ctx, env)
}

func (t *timeOrdered) least() int64 {
	sorted := int64(leastSorted)
	if limit := t.mem.budget.pool.limit; limit > 0 {
		sorted = min(sorted, limit/4)
	}
	return scanBytes(t.parts.scan, t.mem.budget) + sorted
}

// allowed brings the allowance up to date with what other queries take, and is
// a budget of it.
func (t *timeOrdered) allowed() *Budget {
	want := max(t.least(), min(t.mem.budget.Share()/2, mostAllowed))
	_ = t.mem.try(want) // or else it stays what it was
	return t.mem.budget.Within(t.mem.held)
}

// build makes the operators of the stretch at hand.
func (t *timeOrdered) build(b *Budget) (err error) {
	env, done := t.env.part()
	env.Budget = b
	if b != t.env.Budget {
		env.Spill = nil // shorter stretches are better
	}
	t.endPart, t.bytes = done, 0
	t.in, err = Build(t.node.Over(t.scan), env)
	return err
}

func (t *timeOrdered) endStretch() error {
	if t.in == nil {
		return nil
	}
	err := t.in.Close()
	t.endPart()
	t.in = nil
	return err
}

func (t *timeOrdered) Close() error {
	err := t.endStretch()
	t.mem.release()
	return err
}
