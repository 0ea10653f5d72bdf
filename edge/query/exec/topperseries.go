package exec

import (
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
)

// topPerSeries reads stretches of time, from the newest or the oldest row on,
// each longer than the one before. What it has enough of it leaves out of the
// next: a host that went silent long ago costs a scan of that host alone.
type topPerSeries struct {
	node   *plan.TopPerSeries
	scan   *plan.Scan
	env    *Env
	mem    account
	groups *grouper // all series; frozen once they are listed
	seen   []int64  // rows by group
	open   int      // groups that lack rows

	started bool
	edge    int64 // the next stretch begins here, inclusive
	step    int64
	done    bool // no stretch is left
	in      Operator
	keys    []*column.Vector
}

const (
	firstStretch  = int64(60e9) // a minute: most that sends, sends more often
	stretchFactor = 4
)

func newTopPerSeries(n *plan.TopPerSeries, env *Env) (Operator, error) {
	s := n.Scan()
	if s == nil {
		return Build(n.Input, env)
	}
	quiet := *env
	quiet.Profile = nil // the chain is built many times
	return &topPerSeries{node: n, scan: s, env: &quiet, mem: account{budget: env.Budget}, step: firstStretch}, nil
}

func (t *topPerSeries) Next(ctx context.Context, b *column.Batch) error {
	if !t.started {
		if err := t.start(ctx); err != nil {
			return err
		}
		t.started = true
	}
	for {
		if t.in == nil {
			if t.done || t.open == 0 {
				return io.EOF
			}
			if err := t.stretch(); err != nil {
				return err
			}
		}
		err := t.in.Next(ctx, b)
		if errors.Is(err, io.EOF) {
			err = t.in.Close()
			t.in = nil
			if err != nil {
				return err
			}
			t.count()
			continue
		}
		if err != nil {
			return err
		}
		t.keys = t.keys[:0]
		for _, k := range t.node.Keys {
			t.keys = append(t.keys, b.Cols[k])
		}
		for _, g := range t.groups.assign(t.keys, b.Len) {
			if g != noGroup {
				t.seen[g]++
			}
		}
		return nil
	}
}

// start lists the series and finds the newest or the oldest row.
func (t *topPerSeries) start(ctx context.Context) error {
	types := make([]column.Type, len(t.node.Keys))
	for i, k := range t.node.Keys {
		types[i] = t.node.Input.Columns()[k].Type
	}
	var err error
	if t.groups, err = newGrouper(types); err != nil {
		return err
	}
	if err := t.list(ctx); err != nil {
		return err
	}
	t.groups.frozen = true
	t.seen = make([]int64, t.groups.n)
	t.open = t.groups.n
	if err := t.mem.set(t.groups.bytes() + 8*int64(t.groups.n)); err != nil {
		return err
	}
	return t.first(ctx)
}

// list asks a scan which series it would read, and lets it read none.
func (t *topPerSeries) list(ctx context.Context) error {
	spec := store.ScanSpec{Database: t.scan.Database, Table: t.scan.Table, MinTime: t.scan.MinTime, MaxTime: t.scan.MaxTime,
		FilterTags: append(append([]int(nil), t.node.TagIDs...), t.scan.TagIDs...), Order: store.SeriesTime}
	ec := expr.NewContext(ctx, t.env.Now)
	own := len(t.node.TagIDs)
	spec.Filter = func(_ context.Context, tags *column.Batch, keep []bool) error {
		if t.scan.Tags != nil {
			ec.Reset()
			v, err := t.scan.Tags.Eval(ec, &column.Batch{Len: tags.Len, Cols: tags.Cols[own:]})
			if err != nil {
				return err
			}
			rows := trueRows(nil, v)
			var kept column.Batch
			gatherRows(&kept, &column.Batch{Len: tags.Len, Cols: tags.Cols[:own]}, rows)
			t.groups.assign(kept.Cols, kept.Len)
		} else {
			t.groups.assign(tags.Cols[:own], tags.Len)
		}
		clear(keep)
		return nil
	}
	rows, err := t.env.Scan(ctx, spec)
	if err != nil {
		return err
	}
	var b column.Batch
	for err == nil {
		err = rows.Next(ctx, &b)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// first finds the time of the first row: sources that cannot have an earlier one
// are not opened.
func (t *topPerSeries) first(ctx context.Context) error {
	bound := &atomic.Int64{}
	s := *t.scan
	s.IDs, s.Order = []int{0}, store.OldestFirst // column 0 is the time
	bound.Store(math.MaxInt64)
	if t.node.Desc {
		s.Order = store.NewestFirst
		bound.Store(math.MinInt64)
	}
	op := newScan(&s, t.env, bound)
	t.done = true
	err := drain(ctx, op, func(b *column.Batch) error {
		t.done = false
		at := bound.Load()
		for _, x := range b.Cols[0].Ints[:b.Len] {
			if t.node.Desc {
				at = max(at, x)
			} else {
				at = min(at, x)
			}
		}
		bound.Store(at)
		return nil
	})
	t.edge = bound.Load()
	return errors.Join(err, op.Close())
}

// stretch builds the chain for the next stretch of time and the series that
// lack rows.
func (t *topPerSeries) stretch() error {
	s := *t.scan
	if t.node.Desc {
		s.MaxTime = t.edge
		if lo := t.edge - t.step + 1; lo > s.MinTime && lo < t.edge {
			s.MinTime = lo
		} else {
			t.done = true
		}
		t.edge = s.MinTime - 1
	} else {
		s.MinTime = t.edge
		if hi := t.edge + t.step - 1; hi < s.MaxTime && hi > t.edge {
			s.MaxTime = hi
		} else {
			t.done = true
		}
		t.edge = s.MaxTime + 1
	}
	if t.step < math.MaxInt64/stretchFactor {
		t.step *= stretchFactor
	} else {
		t.step = math.MaxInt64
	}
	if t.open < t.groups.n {
		if err := t.lacking(&s); err != nil {
			return err
		}
	}
	var err error
	t.in, err = Build(t.node.Over(&s), t.env)
	return err
}

// lacking restricts a scan to the series that lack rows.
func (t *topPerSeries) lacking(s *plan.Scan) error {
	w := &wanting{of: t}
	ids := append([]int(nil), s.TagIDs...)
	for _, id := range t.node.TagIDs {
		c := s.Table.Columns[id]
		w.args = append(w.args, expr.NewColumn(len(ids), c.Name, column.Of(c.Kind)))
		ids = append(ids, id)
	}
	s.TagIDs = ids
	if s.Tags == nil {
		s.Tags = w
		return nil
	}
	var err error
	s.Tags, err = expr.NewBinary(expr.And, s.Tags, w)
	return err
}

// count finds out which series still lack rows.
func (t *topPerSeries) count() {
	t.open = 0
	for _, n := range t.seen {
		if n < t.node.Count {
			t.open++
		}
	}
}

func (t *topPerSeries) Close() error {
	t.mem.release()
	if t.in == nil {
		return nil
	}
	return t.in.Close()
}

// wanting is true for the series that lack rows.
type wanting struct {
	of   *topPerSeries
	args []expr.Expr
}

func (w *wanting) Type() column.Type { return column.Of(column.Bool) }

func (w *wanting) Children() []expr.Expr { return w.args }

func (w *wanting) WithChildren(c []expr.Expr) expr.Expr { return &wanting{w.of, c} }

func (w *wanting) String() string { return "lacks rows" }

func (w *wanting) Eval(ctx *expr.Context, b *column.Batch) (*column.Vector, error) {
	var keys []*column.Vector
	for _, a := range w.args {
		v, err := a.Eval(ctx, b)
		if err != nil {
			return nil, err
		}
		keys = append(keys, v)
	}
	out := column.NewVector(w.Type(), b.Len)
	out.SetLen(b.Len)
	for i, g := range w.of.groups.assign(keys, b.Len) {
		// A series that came since is not among those that were listed.
		out.Bools[i] = g == noGroup || w.of.seen[g] < w.of.node.Count
	}
	return out, nil
}
