package plan

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// pullUp takes the conditions on outer columns out of a subquery, so that it
// can be joined by them. Columns that they need and that were dropped on the
// way follow the others. ok is false when outer columns stand elsewhere, or
// below what must see only the rows that meet the conditions.
func pullUp(n Node) (_ Node, conds []expr.Expr, ok bool) {
	if !readsOuter(n) {
		return n, nil, true
	}
	switch n := n.(type) {
	case *Filter:
		in, conds, ok := pullUp(n.Input)
		if !ok {
			return nil, nil, false
		}
		var own []expr.Expr
		for _, c := range conjuncts(n.Cond) {
			if isOuter(c) {
				conds = append(conds, c)
			} else {
				own = append(own, c)
			}
		}
		out, err := filter(in, own)
		return out, conds, err == nil
	case *Project:
		return n.pullUp()
	case *Sort:
		in, conds, ok := pullUp(n.Input)
		if !ok || slices.ContainsFunc(n.Keys, func(k SortKey) bool { return isOuter(k.Expr) }) {
			return nil, nil, false
		}
		return in, conds, true // what is joined has no order
	case *Join:
		return n.pullUp()
	}
	return nil, nil, false
}

// readsOuter says whether a plan reads the query around it.
func readsOuter(n Node) bool {
	found := false
	_ = eachExpr(n, func(e expr.Expr) (expr.Expr, error) { // never fails
		found = found || isOuter(e)
		return e, nil
	})
	return found || slices.ContainsFunc(n.Inputs(), readsOuter)
}

// pullUp keeps the columns that the conditions need.
func (p *Project) pullUp() (Node, []expr.Expr, bool) {
	if slices.ContainsFunc(p.Exprs, isOuter) {
		return nil, nil, false
	}
	in, conds, ok := pullUp(p.Input)
	if !ok {
		return nil, nil, false
	}
	out := &Project{Input: in, Exprs: slices.Clone(p.Exprs), Output: slices.Clone(p.Output)}
	cols := in.Columns()
	for i, c := range conds {
		conds[i] = expr.Remap(c, func(j int) int {
			if j >= outerBase {
				return j
			}
			col := (&scope{columns: cols}).column(j)
			at := slices.IndexFunc(out.Exprs, func(e expr.Expr) bool { return expr.Equal(e, col) })
			if at < 0 {
				at = len(out.Exprs)
				out.Exprs = append(out.Exprs, col)
				out.Output = append(out.Output, Column{Name: cols[j].Name, Type: cols[j].Type, Hidden: true})
			}
			return at
		})
	}
	return out, conds, true
}

// pullUp takes conditions out of both sides of an inner join.
func (j *Join) pullUp() (Node, []expr.Expr, bool) {
	if j.Kind != InnerJoin || slices.ContainsFunc(slices.Concat(j.LeftKeys, j.RightKeys), isOuter) {
		return nil, nil, false
	}
	wasLeft, wasRight := len(j.Left.Columns()), len(j.Right.Columns())
	left, leftConds, ok := pullUp(j.Left)
	if !ok {
		return nil, nil, false
	}
	right, rightConds, ok := pullUp(j.Right)
	if !ok {
		return nil, nil, false
	}
	nowLeft := len(left.Columns())
	// Columns that came along lie at the end of each side; the others must be
	// where they were for what is above.
	p := &Project{}
	cols := slices.Concat(left.Columns(), right.Columns())
	place := make([]int, len(cols))
	take := func(from, to int) {
		for i := from; i < to; i++ {
			place[i] = len(p.Exprs)
			p.Exprs = append(p.Exprs, (&scope{columns: cols}).column(i))
			p.Output = append(p.Output, cols[i])
		}
	}
	take(0, wasLeft)
	take(nowLeft, nowLeft+wasRight)
	take(wasLeft, nowLeft)
	take(nowLeft+wasRight, len(cols))
	moved := func(e expr.Expr, to func(int) int) expr.Expr {
		return expr.Remap(e, func(i int) int {
			if i >= outerBase {
				return i
			}
			return to(i)
		})
	}
	var conds, own []expr.Expr
	for _, c := range leftConds {
		conds = append(conds, moved(c, func(i int) int { return place[i] }))
	}
	for _, c := range rightConds {
		conds = append(conds, moved(c, func(i int) int { return place[nowLeft+i] }))
	}
	if j.On != nil {
		for _, c := range conjuncts(j.On) {
			if isOuter(c) {
				conds = append(conds, c) // positions in the output are as they were
				continue
			}
			own = append(own, moved(c, func(i int) int {
				if i >= wasLeft {
					i += nowLeft - wasLeft
				}
				return i
			}))
		}
	}
	on, err := conjunction(own)
	if err != nil {
		return nil, nil, false
	}
	p.Input = &Join{Kind: InnerJoin, Left: left, Right: right, LeftKeys: j.LeftKeys, RightKeys: j.RightKeys, NullsMatch: j.NullsMatch, On: on}
	return p, conds, true
}

// existsCore drops what does not change whether a query has rows.
func existsCore(n Node) Node {
	for {
		switch o := n.(type) {
		case *Project:
			n = o.Input
		case *Sort:
			n = o.Input
		case *Distinct:
			n = o.Input
		case *Limit:
			if o.Offset > 0 || o.Count == 0 {
				return n
			}
			n = o.Input
		default:
			return n
		}
	}
}

// grouped joins a scalar subquery that is an aggregate of the rows whose
// values equal outer ones: it becomes one aggregate grouped by those values.
// ok is false for other subqueries.
func (s *subquery) grouped(n Node) (_ Node, value expr.Expr, ok bool, err error) {
	e, having, a := aggregateCore(s.node)
	if a == nil {
		return nil, nil, false, nil
	}
	aggs := &Aggregate{Aggs: a.Aggs}
	for _, c := range a.Aggs {
		if slices.ContainsFunc(c.Args, isOuter) || c.Filter != nil && isOuter(c.Filter) {
			return nil, nil, false, nil
		}
	}
	in, conds, ok := pullUp(a.Input)
	if !ok {
		return nil, nil, false, nil
	}
	aggs.Input = in
	width := len(n.Columns())
	var on []expr.Expr
	for _, c := range conds {
		outside, inside, ok := correlation(c)
		if !ok {
			return nil, nil, false, nil
		}
		key := expr.NewColumn(width+len(aggs.Keys), inside.String(), inside.Type())
		aggs.Keys = append(aggs.Keys, inside)
		aggs.Output = append(aggs.Output, Column{Name: inside.String(), Type: inside.Type(), Hidden: true})
		eq, err := expr.NewBinary(expr.Eq, s.over(outside, func(int) expr.Expr { return nil }, 0), key)
		if err != nil {
			return nil, nil, false, err
		}
		on = append(on, eq)
	}
	for _, c := range a.Output {
		c.Hidden = true
		aggs.Output = append(aggs.Output, c)
	}
	j, err := newJoin(LeftJoin, n, aggs, on)
	if err != nil {
		return nil, nil, false, err
	}
	// Where nothing was joined, the aggregates are those of no rows.
	column := func(i int) expr.Expr {
		c := a.Output[i]
		col := expr.NewColumn(width+len(aggs.Keys)+i, c.Name, c.Type)
		if !zeroWhenEmpty(a.Aggs[i].Spec) {
			return col
		}
		zero, cerr := castTo(expr.NewLiteral(expr.Int(0)), c.Type)
		if cerr == nil {
			var both expr.Expr
			if both, cerr = expr.NewCall("coalesce", []expr.Expr{col, zero}); cerr == nil {
				return both
			}
		}
		err = cerr
		return col
	}
	value = s.over(e, column, 0)
	if having != nil && err == nil {
		value, err = expr.NewCase(nil, []expr.Expr{s.over(having, column, 0)}, []expr.Expr{value}, nil)
	}
	if err == nil {
		value, err = castTo(value, s.t)
	}
	return j, value, true, err
}

// aggregateCore recognises a query that aggregates all its rows: the
// expression of its one column over the aggregates, and HAVING.
func aggregateCore(n Node) (e, having expr.Expr, a *Aggregate) {
	e = (&scope{columns: n.Columns()}).column(0)
	for {
		switch o := n.(type) {
		case *Project:
			var ok bool
			if e, ok = through(e, o.Exprs); !ok {
				return nil, nil, nil
			}
			n = o.Input
		case *Sort:
			n = o.Input
		case *Distinct:
			n = o.Input
		case *Limit:
			if o.Offset > 0 || o.Count == 0 {
				return nil, nil, nil
			}
			n = o.Input
		case *Filter:
			if having != nil {
				return nil, nil, nil
			}
			having, n = o.Cond, o.Input
		case *Aggregate:
			if len(o.Keys) > 0 {
				return nil, nil, nil
			}
			return e, having, o
		default:
			return nil, nil, nil
		}
	}
}

// correlation recognises the equality of an outer value with an inner one.
func correlation(c expr.Expr) (outside, inside expr.Expr, ok bool) {
	b, isBinary := c.(*expr.Binary)
	if !isBinary || b.Op != expr.Eq || !hashable(b.L.Type(), b.R.Type()) || expr.Volatile(c) {
		return nil, nil, false
	}
	outside, inside = b.L, b.R
	if !isOuter(outside) {
		outside, inside = inside, outside
	}
	onlyOuter := !slices.ContainsFunc(expr.Columns(outside), func(i int) bool { return i < outerBase })
	cols := expr.Columns(inside)
	return outside, inside, onlyOuter && len(cols) > 0 && !isOuter(inside) && groupable(inside.Type())
}

func groupable(t column.Type) bool {
	switch t.Kind {
	case column.Struct, column.List, column.IntervalKind:
		return false
	}
	return true
}
