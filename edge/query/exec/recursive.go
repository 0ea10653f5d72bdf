package exec

import (
	"context"
	"errors"
	"io"
	"maps"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// recursive runs its term over the rows of the round before, until there are
// none.
type recursive struct {
	node  *plan.Recursive
	env   *Env
	mem   account
	round Operator
	made  column.Batch // by the round at hand
	// endRound gives back what the round's operators took.
	endRound func()
}

func newRecursive(n *plan.Recursive, env *Env) (Operator, error) {
	op, err := Build(n.Static, env)
	return &recursive{node: n, env: env, mem: account{budget: env.Budget}, round: op, endRound: func() {}}, err
}

func (r *recursive) Next(ctx context.Context, b *column.Batch) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := r.round.Next(ctx, b)
		if err == nil {
			appendRows(&r.made, b, 0, b.Len)
			return r.mem.set(int64(r.made.Bytes()))
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
		if r.made.Len == 0 {
			return io.EOF
		}
		if err := r.again(); err != nil {
			return err
		}
	}
}

// again begins a round over what the last one made.
func (r *recursive) again() error {
	if err := r.round.Close(); err != nil {
		return err
	}
	r.endRound()
	env, done := r.env.part()
	r.endRound = done
	env.Profile = nil // which has one place for a node, not one a round
	env.work = maps.Clone(r.env.work)
	if env.work == nil {
		env.work = map[*plan.Work]*column.Batch{}
	}
	last := r.made
	r.made = column.Batch{}
	env.work[r.node.Work] = &last
	var err error
	if r.round, err = Build(r.node.Term, env); err != nil {
		r.round = nil
	}
	return err
}

func (r *recursive) Close() error {
	r.mem.release()
	if r.round == nil {
		return nil
	}
	return r.round.Close()
}

// workScan yields the rows of the round before.
type workScan struct {
	node *plan.WorkScan
	rows *column.Batch
	at   int
}

func (w *workScan) Next(_ context.Context, b *column.Batch) error {
	if w.rows == nil || w.at >= w.rows.Len {
		return io.EOF
	}
	to := min(w.at+BatchRows, w.rows.Len)
	picked := column.Batch{Len: w.rows.Len}
	for _, i := range w.node.Picked {
		picked.Cols = append(picked.Cols, w.rows.Cols[i])
	}
	out := column.Batch{}
	appendRows(&out, &picked, w.at, to)
	w.at = to
	*b = out
	return nil
}

func (w *workScan) Close() error { return nil }
