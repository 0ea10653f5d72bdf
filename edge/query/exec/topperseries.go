package exec

import (
	"context"
	"errors"
	"io"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/merge"
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
	parts   stretches
	in      Operator
	keys    []*column.Vector
}

// edgeStretch is the first stretch where the store reads edges only: about a
// file, which holds a day.
const edgeStretch = 24 * int64(3600e9)

// stretchFactor is how much longer each stretch is than the one before.
const stretchFactor = 4

func newTopPerSeries(n *plan.TopPerSeries, env *Env) (Operator, error) {
	s := n.Scan()
	if s == nil {
		return Build(n.Input, env)
	}
	first := firstStretch
	if n.Count == 1 && n.Unfiltered() {
		// The store knows where each series ends in a file, and reads no more of it:
		// a file costs little, but a year of them does not.
		edge := *s
		edge.Edge = merge.Oldest
		if n.Desc {
			edge.Edge = merge.Newest
		}
		s, first = &edge, edgeStretch
	}
	quiet := *env
	quiet.Profile = nil // the chain is built many times
	return &topPerSeries{node: n, scan: s, env: &quiet, mem: account{budget: env.Budget}, parts: stretches{scan: s, desc: n.Desc, step: first}}, nil
}

func (t *topPerSeries) Next(ctx context.Context, b *column.Batch) error {
	if !t.started {
		err := t.start(ctx)
		var short *ErrMemory
		if errors.As(err, &short) {
			err = t.readAll()
		}
		if err != nil {
			return err
		}
		t.started = true
	}
	for {
		if t.in == nil {
			if t.parts.done || t.open == 0 {
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
		if err != nil || t.groups == nil {
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
	t.groups.freeze()
	t.seen = make([]int64, t.groups.n)
	t.open = t.groups.n
	if err := t.mem.set(t.groups.bytes() + 8*int64(t.groups.n)); err != nil {
		return err
	}
	return t.parts.begin(ctx, t.env)
}

// readAll gives up on stretches, as there is no memory to list the series.
func (t *topPerSeries) readAll() (err error) {
	t.mem.release()
	t.groups, t.parts.done = nil, true
	t.in, err = Build(t.node.Over(t.scan), t.env)
	return err
}

// list asks a scan which series it would read, and lets it read none.
func (t *topPerSeries) list(ctx context.Context) error {
	spec := store.ScanSpec{Database: t.scan.Database, Table: t.scan.Table, MinTime: t.scan.MinTime, MaxTime: t.scan.MaxTime,
		FilterTags: append(append([]int(nil), t.node.TagIDs...), t.scan.TagIDs...), TagValues: t.scan.TagValues, Order: store.SeriesTime}
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
		// What sorts the rows afterwards needs memory as well.
		return t.mem.try(4 * t.groups.bytes())
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

// stretch builds the chain for the next stretch of time and the series that
// lack rows.
func (t *topPerSeries) stretch() error {
	s := t.parts.next()
	t.parts.grow(stretchFactor)
	if t.open < t.groups.n {
		if err := t.lacking(s); err != nil {
			return err
		}
	}
	var err error
	t.in, err = Build(t.node.Over(s), t.env)
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
