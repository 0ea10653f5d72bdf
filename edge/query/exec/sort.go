package exec

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/spill"
	"tarn/store/column"
)

// sorter orders all rows of its input, or finds the first top of them. With a
// space for temporary files it sorts what there is memory for, writes that out
// as a run, and merges the runs at the end.
type sorter struct {
	node  *plan.Sort
	in    Operator
	ctx   *expr.Context
	mem   account
	rows  column.Batch // what is kept
	keys  column.Batch // its sort keys, which may be columns of rows
	order []int32      // rows in order, once sorted
	// compares compares two rows by each key, once sorted.
	compares []func(a, b int32) int
	at       int
	ready    bool
	// full says that rows were cut: the row at Top-1 is the last of the first.
	full   bool
	picked []int32
	// bound is told which times still matter, when the first key is the time
	// of a scan.
	bound *atomic.Int64
	out   column.Batch

	space *spill.Space // nil: all must fit into memory
	runs  runs
}

func newSort(n *plan.Sort, env *Env) (Operator, error) {
	s := &sorter{node: n, ctx: env.context(), mem: account{budget: env.Budget}, space: env.Spill}
	if env.Profile != nil {
		env.Profile[n] = &Measure{Note: s.runs.note}
	}
	var err error
	if n.TimeScan == nil || n.Top < 0 {
		s.in, err = Build(n.Input, env)
		return s, err
	}
	s.bound = &atomic.Int64{}
	s.bound.Store(math.MaxInt64)
	if n.Keys[0].Desc {
		s.bound.Store(math.MinInt64)
	}
	s.in = buildOver(n.Input, newScan(n.TimeScan, env, s.bound), env)
	return s, nil
}

// buildOver is Build for a chain of filters and projections down to a scan, for
// which there is an operator.
func buildOver(n plan.Node, scan Operator, env *Env) Operator {
	if _, ok := n.(*plan.Scan); ok {
		if env.Profile != nil {
			return &measured{scan, env.Profile[n]}
		}
		return scan
	}
	in := buildOver(n.Inputs()[0], scan, env)
	ctx := env.context()
	var op Operator
	switch n := n.(type) {
	case *plan.Filter:
		op = &filter{in: in, cond: n.Cond, ctx: ctx}
	case *plan.Project:
		op = &project{in: in, exprs: n.Exprs, ctx: ctx}
	}
	if env.Profile != nil {
		m := &Measure{}
		env.Profile[n] = m
		op = &measured{op, m}
	}
	return op
}

func (s *sorter) Next(ctx context.Context, b *column.Batch) error {
	if !s.ready {
		if err := drain(ctx, s.in, s.add); err != nil {
			return err
		}
		if err := s.finish(ctx); err != nil {
			return err
		}
		s.ready = true
	}
	if s.runs.merge != nil {
		return s.runs.merge.Next(ctx, b)
	}
	if s.at >= len(s.order) {
		return io.EOF
	}
	to := min(s.at+BatchRows, len(s.order))
	gatherRows(&s.out, &s.rows, s.order[s.at:to])
	s.at = to
	*b = s.out
	return nil
}

// add keeps a batch, and lets go of what can no longer be among the first.
func (s *sorter) add(b *column.Batch) error {
	if s.node.Top == 0 {
		return nil
	}
	s.ctx.Reset()
	k := column.Batch{Len: b.Len}
	for _, key := range s.node.Keys {
		v, err := key.Expr.Eval(s.ctx, b)
		if err != nil {
			return err
		}
		k.Cols = append(k.Cols, v)
	}
	if s.full && s.hopeful(&k) {
		var rows, keys column.Batch
		gatherRows(&rows, b, s.picked)
		gatherRows(&keys, &k, s.picked)
		b, k = &rows, keys
	}
	if b.Len == 0 {
		return nil
	}
	appendRows(&s.rows, b, 0, b.Len)
	s.appendKeys(&k)
	if s.cuts(s.node.Top) {
		s.cut(int(s.node.Top))
	}
	return s.charge()
}

// appendKeys keeps the keys of rows that were just appended. One that is a
// column of theirs is not held twice.
func (s *sorter) appendKeys(k *column.Batch) {
	for i, v := range k.Cols {
		if i == len(s.keys.Cols) {
			s.keys.Cols = append(s.keys.Cols, column.NewVector(v.Type, 0))
		}
		if c, ok := s.node.Keys[i].Expr.(*expr.Column); ok {
			s.keys.Cols[i] = s.rows.Cols[c.Index]
			continue
		}
		one := column.Batch{Cols: s.keys.Cols[i : i+1]}
		appendRows(&one, &column.Batch{Cols: k.Cols[i : i+1]}, 0, k.Len)
	}
	s.keys.Len += k.Len
}

// computed are the keys that are no columns of the rows.
func (s *sorter) computed() []*column.Vector {
	var cols []*column.Vector
	for i, v := range s.keys.Cols {
		if _, ok := s.node.Keys[i].Expr.(*expr.Column); !ok {
			cols = append(cols, v)
		}
	}
	return cols
}

// leastRun is the memory worth waiting for: shorter runs are too many.
const leastRun = 1 << 20

// charge counts what is kept, and writes it out when that is too much.
func (s *sorter) charge() error {
	n := int64(s.rows.Bytes() + 4*s.rows.Len)
	for _, v := range s.computed() {
		n += int64(v.Bytes())
	}
	if s.space == nil || n <= leastRun {
		return s.mem.set(n)
	}
	if err := s.mem.try(n); err == nil {
		return nil
	}
	return s.spill()
}

// spill writes what is kept out as a sorted run.
func (s *sorter) spill() error {
	s.sort()
	all := column.Batch{Len: s.rows.Len, Cols: append(append([]*column.Vector{}, s.rows.Cols...), s.computed()...)}
	if err := s.runs.add(s.space, &all, s.order); err != nil {
		return err
	}
	s.rows, s.keys, s.order, s.compares, s.full = column.Batch{}, column.Batch{}, nil, nil, false
	s.mem.release()
	return nil
}

// finish orders all rows once they are there.
func (s *sorter) finish(ctx context.Context) error {
	if len(s.runs.all) == 0 {
		s.sort()
		return nil
	}
	if s.rows.Len > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	fan, err := s.fanIn()
	if err != nil {
		return err
	}
	keys, next := make([]mergeKey, 0, len(s.node.Keys)), len(s.node.Input.Columns())
	for _, k := range s.node.Keys {
		m := mergeKey{column: next, desc: k.Desc, nullsFirst: k.NullsFirst}
		if c, ok := k.Expr.(*expr.Column); ok {
			m.column = c.Index
		} else {
			next++
		}
		keys = append(keys, m)
	}
	return s.runs.begin(ctx, s.space, fan, keys, len(s.node.Input.Columns()), s.node.Top)
}

// fanIn takes the memory for merging runs, and says how many at once it is for.
func (s *sorter) fanIn() (int, error) {
	n := min(maxFanIn, len(s.runs.all))
	for n > minFanIn && s.mem.try(int64(n)*mergeBytes) != nil {
		n = max(minFanIn, n/2)
	}
	return n, s.mem.set(int64(n) * mergeBytes)
}

// cuts says whether it is time to let go of rows: when most would go, or when a
// scan waits to be told which times still matter.
func (s *sorter) cuts(top int64) bool {
	n := int64(s.rows.Len)
	switch {
	case top < 0:
		return false
	case s.bound != nil:
		return n/2 >= top || !s.full && n >= top
	}
	return (n-BatchRows)/2 >= top
}

// hopeful picks the rows of a batch whose first key does not come after that of
// the last row kept at the latest cut: the others cannot be among the first.
// It says whether that leaves rows out. Dictionary codes are not worth it: their
// order has to be found for every batch anew.
func (s *sorter) hopeful(k *column.Batch) bool {
	first, key := k.Cols[0], s.node.Keys[0]
	if first.Type.Kind == column.Dict || !first.Type.Equal(s.keys.Cols[0].Type) {
		return false
	}
	both := column.NewVector(first.Type, k.Len+1)
	both.AppendFrom(first, 0, k.Len)
	last := int(s.node.Top) - 1
	both.AppendFrom(s.keys.Cols[0], last, last+1)
	compare := comparer(both, key.Desc, key.NullsFirst)
	s.picked = s.picked[:0]
	for i := range int32(k.Len) {
		if compare(i, int32(k.Len)) <= 0 {
			s.picked = append(s.picked, i)
		}
	}
	return len(s.picked) < k.Len
}

// cut keeps the first n rows only.
func (s *sorter) cut(n int) {
	s.sort()
	var rows, keys column.Batch
	gatherRows(&rows, &s.rows, s.order[:n])
	gatherRows(&keys, &s.keys, s.order[:n])
	s.rows, s.keys, s.order, s.full = rows, keys, nil, true
	if s.bound != nil {
		s.bound.Store(s.keys.Cols[0].Ints[n-1])
	}
}

// sort orders the kept rows by their keys; equal ones stay as they came.
func (s *sorter) sort() {
	s.order = s.order[:0]
	if s.rows.Len == 0 { // the keys have no columns, either
		return
	}
	for i := range s.rows.Len {
		s.order = append(s.order, int32(i))
	}
	s.compares = make([]func(a, b int32) int, len(s.node.Keys))
	for i, k := range s.node.Keys {
		s.compares[i] = comparer(s.keys.Cols[i], k.Desc, k.NullsFirst)
	}
	slices.SortStableFunc(s.order, func(a, b int32) int {
		for _, c := range s.compares {
			if r := c(a, b); r != 0 {
				return r
			}
		}
		return 0
	})
	if top := s.node.Top; top >= 0 && int64(len(s.order)) > top {
		s.order = s.order[:top]
	}
}

func (s *sorter) Close() error {
	s.mem.release()
	return errors.Join(s.runs.close(), s.in.Close())
}

// comparer compares two rows of a vector.
func comparer(v *column.Vector, desc, nullsFirst bool) func(a, b int32) int {
	var c func(a, b int32) int
	switch v.Type.Kind {
	case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
		c = func(a, b int32) int { return cmp.Compare(v.Ints[a], v.Ints[b]) }
	case column.Uint64:
		c = func(a, b int32) int { return cmp.Compare(v.Uints[a], v.Uints[b]) }
	case column.Float64:
		c = func(a, b int32) int { return compareFloats(v.Floats[a], v.Floats[b]) }
	case column.Bool:
		c = func(a, b int32) int { return cmp.Compare(boolInt(v.Bools[a]), boolInt(v.Bools[b])) }
	case column.String:
		c = func(a, b int32) int { return strings.Compare(v.Strings[a], v.Strings[b]) }
	case column.Dict:
		c = dictComparer(v)
	case column.IntervalKind, column.Struct, column.List:
		c = func(a, b int32) int { return compareValues(v, int(a), v, int(b)) }
	default:
		c = func(int32, int32) int { return 0 }
	}
	nulls := v.HasNulls()
	return func(a, b int32) int {
		if nulls {
			x, y := v.IsNull(int(a)), v.IsNull(int(b))
			switch {
			case x && y:
				return 0
			case x:
				return order(nullsFirst)
			case y:
				return -order(nullsFirst)
			}
		}
		if desc {
			return c(b, a)
		}
		return c(a, b)
	}
}

// order is the result for a null compared with a value.
func order(nullsFirst bool) int {
	if nullsFirst {
		return -1
	}
	return 1
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareFloats puts NaN last (spec/sql.md 6.4).
func compareFloats(a, b float64) int {
	switch x, y := math.IsNaN(a), math.IsNaN(b); {
	case x && y:
		return 0
	case x:
		return 1
	case y:
		return -1
	}
	return cmp.Compare(a, b)
}

// dictComparer compares texts once per value, not once per pair of rows.
func dictComparer(v *column.Vector) func(a, b int32) int {
	used := map[uint32]struct{}{}
	for i, c := range v.Codes {
		if !v.Nulls.Get(i) {
			used[c] = struct{}{}
		}
	}
	codes := make([]uint32, 0, len(used))
	for c := range used {
		codes = append(codes, c)
	}
	slices.SortFunc(codes, func(a, b uint32) int { return strings.Compare(v.Dict.Values[a], v.Dict.Values[b]) })
	rank := make(map[uint32]int32, len(codes))
	for i, c := range codes {
		rank[c] = int32(i)
	}
	ranks := make([]int32, v.Len)
	for i, c := range v.Codes {
		ranks[i] = rank[c]
	}
	return func(a, b int32) int { return cmp.Compare(ranks[a], ranks[b]) }
}
