package exec

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// scan reads a table from the store.
type scan struct {
	node    *plan.Scan
	env     *Env
	bound   *atomic.Int64 // floor or ceiling that a top-n raises
	rows    store.Rows
	keepCtx *expr.Context
	stats   store.ScanStats
	mem     account // what reading takes
}

func newScan(n *plan.Scan, env *Env, bound *atomic.Int64) *scan {
	s := &scan{node: n, env: env, bound: bound, mem: account{budget: env.Budget}}
	if env.Profile != nil {
		env.Profile[n] = &Measure{Note: s.note}
	}
	return s
}

func (s *scan) open(ctx context.Context) (err error) {
	n := s.node
	if err := s.mem.set(scanBytes(n, s.env.Budget)); err != nil {
		return err
	}
	spec := store.ScanSpec{
		Database: n.Database, Table: n.Table, Columns: n.IDs, MinTime: n.MinTime, MaxTime: n.MaxTime,
		FieldBounds: n.Bounds, FieldTexts: n.Texts, Order: n.Order, Edge: n.Edge, BatchRows: scanRows(len(n.IDs)),
	}
	if n.Tags != nil {
		s.keepCtx = s.env.context()
		spec.FilterTags, spec.Filter, spec.TagValues = n.TagIDs, s.keep, n.TagValues
	}
	switch {
	case s.bound == nil:
	case n.Order == store.NewestFirst:
		spec.Floor = s.bound
	case n.Order == store.OldestFirst:
		spec.Ceiling = s.bound
	}
	s.rows, err = s.env.Scan(ctx, spec)
	return err
}

// scanRows is how many rows the batches of so many columns have: those of wide
// tables have fewer.
func scanRows(columns int) int {
	const usual = 24
	return BatchRows * usual / max(usual, min(columns, 8*usual))
}

// pageBytes is what the page of a column takes while it is read: most are
// smaller, and none is much larger than 60 KiB.
const pageBytes = 32 << 10

// scanBytes is about what it takes to read a table: for every column a page, and
// the values of two batches. It is never more than half of what there is: a wide
// table is read all the same.
func scanBytes(n *plan.Scan, b *Budget) int64 {
	rows, bytes := int64(scanRows(len(n.IDs))), int64(0)
	for _, id := range n.IDs {
		if n.Table.Columns[id].Role == schema.Tag {
			bytes += 2 * 4 * rows
		} else {
			bytes += 2*8*rows + pageBytes
		}
	}
	if b.pool.limit > 0 {
		bytes = min(bytes, b.pool.limit/2)
	}
	return bytes
}

// keep evaluates the predicate on tags over distinct series.
func (s *scan) keep(_ context.Context, tags *column.Batch, keep []bool) error {
	s.keepCtx.Reset()
	v, err := s.node.Tags.Eval(s.keepCtx, tags)
	if err != nil {
		return err
	}
	for i := range keep {
		keep[i] = !v.IsNull(i) && v.Bools[i]
	}
	return nil
}

func (s *scan) Next(ctx context.Context, b *column.Batch) error {
	if s.rows == nil {
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	return s.rows.Next(ctx, b)
}

func (s *scan) Close() error {
	s.mem.release()
	if s.rows == nil {
		return nil
	}
	s.stats = s.rows.Stats()
	err := s.rows.Close()
	s.rows = nil
	return err
}

func (s *scan) note() string {
	st := s.stats
	if s.rows != nil {
		st = s.rows.Stats()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "bytes_read=%d", st.BytesRead)
	for _, n := range []struct {
		what        string
		all, pruned int
	}{{"files", st.Files, st.FilesPruned}, {"blocks", st.Blocks, st.BlocksPruned}, {"row_groups", st.RowGroups, st.RowGroupsPruned}, {"series", st.Series, st.SeriesPruned}} {
		fmt.Fprintf(&b, " %s=%d %s_pruned=%d", n.what, n.all-n.pruned, n.what, n.pruned)
	}
	fmt.Fprintf(&b, " pages=%d pages_cached=%d", st.Pages, st.PagesCached)
	return b.String()
}

// system reads a table of the server's own.
type system struct {
	node *plan.SystemScan
	held account // what the table made
	rows *column.Batch
	at   int
	out  column.Batch
}

func (s *system) Next(ctx context.Context, b *column.Batch) error {
	if s.rows == nil {
		if err := s.read(ctx); err != nil {
			return fmt.Errorf("read system table %s: %w", s.node.Name, err)
		}
		if err := s.held.set(int64(s.rows.Bytes())); err != nil {
			return err
		}
	}
	if s.at >= s.rows.Len {
		return io.EOF
	}
	to := min(s.at+BatchRows, s.rows.Len)
	s.out.Len = 0
	for _, c := range s.out.Cols {
		c.Reset(c.Type)
	}
	appendRows(&s.out, s.rows, s.at, to)
	if len(s.rows.Cols) == 0 {
		s.out.Len = to - s.at
	}
	s.at = to
	*b = s.out
	return nil
}

func (s *system) read(ctx context.Context) (err error) {
	if t, ok := s.node.Table.(plan.Selective); ok {
		s.rows, err = t.Select(ctx, s.node.Picked, s.node.Matches)
		return err
	}
	all, err := s.node.Table.Read(ctx)
	if err != nil {
		return err
	}
	s.rows = &column.Batch{Len: all.Len}
	for _, i := range s.node.Picked {
		s.rows.Cols = append(s.rows.Cols, all.Cols[i])
	}
	return nil
}

func (s *system) Close() error { return s.held.set(0) }

// values yields constant rows.
type values struct {
	node *plan.Values
	ctx  *expr.Context
	done bool
}

func (v *values) Next(_ context.Context, b *column.Batch) error {
	if v.done || len(v.node.Rows) == 0 {
		return io.EOF
	}
	v.done = true
	one := &column.Batch{Len: 1}
	out := column.Batch{Len: len(v.node.Rows)}
	for i, c := range v.node.Output {
		t := c.Type
		if t.Kind == column.Dict {
			t = column.Of(column.String)
		}
		col := column.NewVector(t, len(v.node.Rows))
		for _, row := range v.node.Rows {
			x, err := row[i].Eval(v.ctx, one)
			if err != nil {
				return err
			}
			col.AppendFrom(x, 0, 1)
		}
		out.Cols = append(out.Cols, col)
	}
	*b = out
	return nil
}

func (v *values) Close() error { return nil }

// union yields the rows of one branch after the other.
type union struct {
	branches []Operator
	next     int
}

func newUnion(n *plan.Union, env *Env) (Operator, error) {
	u := &union{}
	for _, in := range n.Branches {
		op, err := Build(in, env)
		if err != nil {
			_ = u.Close() // nothing was opened yet
			return nil, err
		}
		u.branches = append(u.branches, op)
	}
	return u, nil
}

func (u *union) Next(ctx context.Context, b *column.Batch) error {
	for u.next < len(u.branches) {
		err := u.branches[u.next].Next(ctx, b)
		if err != io.EOF { //nolint:errorlint // operators return it bare
			return err
		}
		u.next++
	}
	return io.EOF
}

func (u *union) Close() error {
	var first error
	for _, o := range u.branches {
		if err := o.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
