package exec

import (
	"context"
	"errors"
	"io"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// timeOrdered sorts stretches of time one after the other. Their length follows
// how many rows they turn out to have; one that does not fit into the budget is
// tried again as several.
type timeOrdered struct {
	node    *plan.TimeOrdered
	parts   stretches
	started bool
	in      Operator
	scan    *plan.Scan // of in
	rows    int64      // from in
}

// A stretch with less than fewRows is followed by a longer one, one with more
// than manyRows by a shorter one: each costs a look into every source, and
// memory for its rows.
const (
	fewRows  = 16 << 10
	manyRows = 128 << 10
)

func newTimeOrdered(n *plan.TimeOrdered, env *Env) (Operator, error) {
	s := n.Scan()
	if s == nil {
		return Build(&plan.Sort{Input: n.Input, Keys: n.Keys, Top: -1}, env)
	}
	quiet := *env
	quiet.Profile = nil // the chain is built many times
	return &timeOrdered{node: n, parts: stretches{scan: s, env: &quiet, desc: n.Keys[0].Desc}}, nil
}

func (t *timeOrdered) Next(ctx context.Context, b *column.Batch) error {
	if !t.started {
		if err := t.parts.begin(ctx); err != nil {
			return err
		}
		t.started = true
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
			var err error
			if t.in, err = Build(t.node.Over(t.scan), t.parts.env); err != nil {
				return err
			}
			t.rows = 0
		}
		err := t.in.Next(ctx, b)
		if err == nil {
			t.rows += int64(b.Len)
			return nil
		}
		var memory *ErrMemory
		switch {
		case errors.Is(err, io.EOF):
			switch {
			case t.rows < fewRows:
				t.parts.grow(stretchFactor)
			case t.rows > manyRows:
				t.parts.step /= 2
			}
		case errors.As(err, &memory) && t.rows == 0 && t.parts.shrink(t.scan):
			// Nothing of it has been given away: shorter stretches follow.
		default:
			return err
		}
		err = t.in.Close()
		t.in = nil
		if err != nil {
			return err
		}
	}
}

func (t *timeOrdered) Close() error {
	if t.in == nil {
		return nil
	}
	return t.in.Close()
}
