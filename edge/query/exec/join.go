package exec

import (
	"context"
	"errors"
	"io"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// join keeps the right input's rows in memory, chained by key, and streams the
// left input past them. An inner join keeps whichever input ends first. What does
// not fit into memory goes to files; see joinFiles.
type join struct {
	node        *plan.Join
	left, right Operator
	ctx         *expr.Context
	mem         account
	ahead       account // of what race read ahead
	files       joinFiles
	// swapped says that left and right are the node's right and left.
	swapped             bool
	leftKeys, rightKeys []expr.Expr

	rows    column.Batch // of the right input
	groups  *grouper     // of the right keys
	head    []int32      // by group: its first row, -1 for none
	next    []int32      // by row: the next of its group, -1 for none
	matched []bool       // by row, for joins that yield the others
	ready   bool

	probe   column.Batch // the left batch at hand, while probing
	probing bool
	ended   bool // the left input
	keys    []uint32
	found   []bool // by left row
	at      int    // left row, and where its chain goes on
	chain   int32
	lefts   []int32 // candidates
	rights  []int32
	tail    int  // right rows before it were yielded or matched
	unknown bool // NullAware, and there is a null among the right keys

	leftOut, rightOut column.Batch
}

// fresh is a chain that was not entered.
const fresh = -2

func newJoin(n *plan.Join, env *Env) (Operator, error) {
	left, err := Build(n.Left, env)
	if err != nil {
		return nil, err
	}
	right, err := Build(n.Right, env)
	if err != nil {
		return nil, errors.Join(err, left.Close())
	}
	j := &join{node: n, left: left, right: right, leftKeys: n.LeftKeys, rightKeys: n.RightKeys, ctx: env.context(), mem: account{budget: env.Budget}, ahead: account{budget: env.Budget},
		files: joinFiles{space: env.Spill}}
	if env.Profile != nil {
		env.Profile[n] = &Measure{Note: j.files.note}
	}
	for _, k := range n.RightKeys {
		if err := groupable(k.Type()); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	return j, nil
}

func (j *join) Next(ctx context.Context, b *column.Batch) error {
	if !j.ready {
		if err := j.build(ctx); err != nil {
			return err
		}
	}
	if j.files.divided {
		return j.nextOfFiles(ctx, b)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case j.probing:
			j.candidates()
			if len(j.lefts) == 0 {
				j.probing = false
				if j.settle(b) {
					return nil
				}
				continue
			}
			if ok, err := j.pairs(b); ok || err != nil {
				return err
			}
		case !j.ended:
			err := j.left.Next(ctx, &j.probe)
			switch {
			case errors.Is(err, io.EOF):
				j.ended = true
			case err != nil:
				return err
			default:
				if err := j.begin(); err != nil {
					return err
				}
			}
		default:
			if j.unmatched(b) {
				return nil
			}
			return io.EOF
		}
	}
}

// build takes in the right input.
func (j *join) build(ctx context.Context) error {
	j.ready = true
	if j.node.Kind == plan.InnerJoin {
		if err := j.race(ctx); err != nil || j.files.divided {
			return err
		}
	}
	cols := j.node.Right.Columns()
	if j.swapped {
		cols = j.node.Left.Columns()
	}
	for _, c := range cols {
		v := &column.Vector{}
		v.Reset(c.Type)
		j.rows.Cols = append(j.rows.Cols, v)
	}
	var types []column.Type
	for _, k := range j.rightKeys {
		types = append(types, k.Type())
	}
	var err error
	if j.groups, err = newGrouper(types); err != nil {
		return err
	}
	var groups []uint32
	err = drain(ctx, j.right, func(b *column.Batch) error {
		if j.files.divided {
			return j.divide(j.rightKeys, b, &j.files.right)
		}
		g, err := j.group(j.rightKeys, b)
		if err != nil {
			return err
		}
		groups = append(groups, g...)
		appendRows(&j.rows, b, 0, b.Len)
		if ok, err := j.hold(int64(j.rows.Bytes()+13*j.rows.Len) + j.groups.bytes()); ok || err != nil {
			return err
		}
		if err := j.beginFiles(); err != nil {
			return err
		}
		if err := j.divide(j.rightKeys, &j.rows, &j.files.right); err != nil {
			return err
		}
		j.rows, j.groups, groups = column.Batch{}, nil, nil
		j.mem.release()
		return nil
	})
	if err != nil {
		return err
	}
	if j.files.divided {
		return j.divideInputs(ctx)
	}
	j.groups.freeze()
	j.head = make([]int32, j.groups.n)
	for i := range j.head {
		j.head[i] = -1
	}
	j.next = make([]int32, len(groups))
	for i := len(groups) - 1; i >= 0; i-- { // backwards: chains are in order
		j.next[i] = -1
		if g := groups[i]; g < uint32(len(j.head)) {
			j.next[i], j.head[g] = j.head[g], int32(i)
		}
		j.unknown = j.unknown || j.node.NullAware && groups[i] == nullGroup
	}
	if j.node.Kind == plan.RightJoin || j.node.Kind == plan.FullJoin {
		j.matched = make([]bool, len(groups))
	}
	// Nothing on the right: no left row matches, and none need be read.
	j.ended = len(groups) == 0 && (j.node.Kind == plan.InnerJoin || j.node.Kind == plan.RightJoin || j.node.Kind == plan.SemiJoin)
	return nil
}

// group numbers the keys of a batch's rows; nullGroup is for keys with a null,
// which equal nothing.
func (j *join) group(keys []expr.Expr, b *column.Batch) ([]uint32, error) {
	vs, err := j.evaluate(keys, b)
	if err != nil {
		return nil, err
	}
	groups := j.groups.assign(vs, b.Len)
	if j.node.NullsMatch {
		return groups, nil
	}
	for _, v := range vs {
		if !v.HasNulls() {
			continue
		}
		for r := range groups {
			if v.IsNull(r) {
				groups[r] = nullGroup
			}
		}
	}
	return groups, nil
}

// evaluate returns the keys of a batch's rows.
func (j *join) evaluate(keys []expr.Expr, b *column.Batch) ([]*column.Vector, error) {
	j.ctx.Reset()
	vs := make([]*column.Vector, len(keys))
	for i, k := range keys {
		v, err := k.Eval(j.ctx, b)
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

// begin looks up the left batch's keys.
func (j *join) begin() error {
	g, err := j.group(j.leftKeys, &j.probe)
	if err != nil {
		return err
	}
	j.keys = append(j.keys[:0], g...)
	if cap(j.found) < j.probe.Len {
		j.found = make([]bool, j.probe.Len)
	}
	j.found = j.found[:j.probe.Len]
	clear(j.found)
	j.probing, j.at, j.chain = true, 0, fresh
	return nil
}

// candidates gathers the next pairs of rows with equal keys, up to a batch.
func (j *join) candidates() {
	j.lefts, j.rights = j.lefts[:0], j.rights[:0]
	// Whether there is a match is all that semi and anti joins want to know.
	first := j.node.On == nil && j.marks()
	for j.at < j.probe.Len && len(j.lefts) < BatchRows {
		if j.chain == fresh {
			j.chain = -1
			if g := j.keys[j.at]; g < uint32(len(j.head)) {
				j.chain = j.head[g]
			}
		}
		for j.chain >= 0 && len(j.lefts) < BatchRows {
			j.lefts, j.rights = append(j.lefts, int32(j.at)), append(j.rights, j.chain)
			if j.chain = j.next[j.chain]; first {
				j.chain = -1
			}
		}
		if j.chain < 0 {
			j.at, j.chain = j.at+1, fresh
		}
	}
}

// pairs yields the candidates that match, if there are any and the join wants
// them.
func (j *join) pairs(b *column.Batch) (ok bool, err error) {
	if j.node.On != nil {
		j.gather(b)
		j.ctx.Reset()
		v, err := j.node.On.Eval(j.ctx, b)
		if err != nil {
			return false, err
		}
		matches := trueRows(nil, v)
		for i, m := range matches {
			j.lefts[i], j.rights[i] = j.lefts[m], j.rights[m]
		}
		j.lefts, j.rights = j.lefts[:len(matches)], j.rights[:len(matches)]
	}
	for _, l := range j.lefts {
		j.found[l] = true
	}
	if j.matched != nil {
		for _, r := range j.rights {
			j.matched[r] = true
		}
	}
	if len(j.lefts) == 0 || j.marks() {
		return false, nil
	}
	j.gather(b)
	return true, nil
}

// gather makes b the candidate pairs.
func (j *join) gather(b *column.Batch) {
	gatherRows(&j.leftOut, &j.probe, j.lefts)
	gatherRows(&j.rightOut, &j.rows, j.rights)
	b.Len = len(j.lefts)
	first, second := j.leftOut.Cols, j.rightOut.Cols
	if j.swapped {
		first, second = second, first
	}
	b.Cols = append(append([]*column.Vector{}, first...), second...)
}

// settle yields the rows of a finished left batch that are wanted for having,
// or not having, a match.
func (j *join) settle(b *column.Batch) bool {
	want := false
	switch j.node.Kind {
	case plan.MarkJoin:
		j.mark(b)
		return true
	case plan.SemiJoin:
		want = true
	case plan.LeftJoin, plan.FullJoin, plan.AntiJoin:
	default:
		return false
	}
	j.lefts = j.lefts[:0]
	for i, found := range j.found {
		if found == want && !(j.node.NullAware && j.rows.Len > 0 && (j.unknown || j.keys[i] == nullGroup)) {
			j.lefts = append(j.lefts, int32(i))
		}
	}
	if len(j.lefts) == 0 {
		return false
	}
	gatherRows(&j.leftOut, &j.probe, j.lefts)
	*b = column.Batch{Len: len(j.lefts), Cols: append([]*column.Vector{}, j.leftOut.Cols...)}
	if j.node.Kind == plan.LeftJoin || j.node.Kind == plan.FullJoin {
		b.Cols = append(b.Cols, nulls(j.node.Right.Columns(), b.Len)...)
	}
	return true
}

// marks says whether the join wants to know of left rows only whether they have
// a match.
func (j *join) marks() bool {
	return j.node.Kind == plan.SemiJoin || j.node.Kind == plan.AntiJoin || j.node.Kind == plan.MarkJoin
}

// mark yields the left batch with the verdicts.
func (j *join) mark(b *column.Batch) {
	v := column.NewVector(column.Of(column.Bool), j.probe.Len)
	v.SetLen(j.probe.Len)
	for i, found := range j.found {
		v.Bools[i] = found
		if !found && j.node.NullAware && j.rows.Len > 0 && (j.unknown || j.keys[i] == nullGroup) {
			v.Nulls.Set(i)
		}
	}
	*b = column.Batch{Len: j.probe.Len, Cols: append(append([]*column.Vector{}, j.probe.Cols...), v)}
}

// unmatched yields right rows that no left row matched.
func (j *join) unmatched(b *column.Batch) bool {
	j.rights = j.rights[:0]
	for ; j.tail < len(j.matched) && len(j.rights) < BatchRows; j.tail++ {
		if !j.matched[j.tail] {
			j.rights = append(j.rights, int32(j.tail))
		}
	}
	if len(j.rights) == 0 {
		return false
	}
	gatherRows(&j.rightOut, &j.rows, j.rights)
	*b = column.Batch{Len: len(j.rights), Cols: append(nulls(j.node.Left.Columns(), len(j.rights)), j.rightOut.Cols...)}
	return true
}

// nulls are columns of n nulls each.
func nulls(cols []plan.Column, n int) []*column.Vector {
	var out []*column.Vector
	for _, c := range cols {
		v := column.NewVector(c.Type, n)
		if c.Type.Kind == column.Dict {
			v.Dict = &column.Dictionary{Values: []string{""}}
		}
		v.AppendNull(n)
		out = append(out, v)
	}
	return out
}

func (j *join) Close() error {
	j.mem.release()
	j.ahead.release()
	return errors.Join(j.files.close(), j.left.Close(), j.right.Close())
}
