package plan

import (
	"slices"

	"tarn/edge/query/expr"
)

// pushDown moves predicates towards the scans, over whatever they commute
// with.
func pushDown(n Node) (Node, error) {
	if f, ok := n.(*Filter); ok {
		below, rest, err := push(f.Input, conjuncts(f.Cond))
		if err != nil {
			return nil, err
		}
		if below, err = pushDown(below); err != nil {
			return nil, err
		}
		return filter(below, rest)
	}
	in := slices.Clone(n.Inputs())
	for i := range in {
		var err error
		if in[i], err = pushDown(in[i]); err != nil {
			return nil, err
		}
	}
	setInputs(n, in)
	return n, nil
}

// filter puts predicates on top of a node.
func filter(n Node, conds []expr.Expr) (Node, error) {
	all, err := conjunction(conds)
	if err != nil || all == nil {
		return n, err
	}
	return &Filter{n, all}, nil
}

// conjunction is the AND of predicates, nil when there is nothing to ask.
func conjunction(conds []expr.Expr) (all expr.Expr, err error) {
	for _, c := range conds {
		if lit, ok := c.(*expr.Literal); ok && !lit.Value.Null && lit.Value.B {
			continue
		}
		if all == nil {
			all = c
			continue
		}
		if all, err = expr.NewBinary(expr.And, all, c); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// conjuncts splits a predicate at its ANDs.
func conjuncts(e expr.Expr) []expr.Expr {
	if b, ok := e.(*expr.Binary); ok && b.Op == expr.And {
		return append(conjuncts(b.L), conjuncts(b.R)...)
	}
	return []expr.Expr{e}
}

// push gives predicates over n's output to n. It returns the new node and the
// predicates that must stay above it.
func push(n Node, conds []expr.Expr) (Node, []expr.Expr, error) {
	switch n := n.(type) {
	case *Scan:
		return n, n.absorb(conds), nil
	case *SystemScan:
		n.note(conds)
	case *Filter:
		// Both together go on.
		below, rest, err := push(n.Input, append(conjuncts(n.Cond), conds...))
		return below, rest, err
	case *Project:
		var down, stay []expr.Expr
		for _, c := range conds {
			if e, ok := through(c, n.Exprs); ok {
				down = append(down, e)
			} else {
				stay = append(stay, c)
			}
		}
		in, err := pushInto(n.Input, down)
		n.Input = in
		return n, stay, err
	case *Aggregate:
		// A predicate on keys alone chooses among groups: the rows of the
		// others need not be read. Without keys there is one group, even of no
		// rows.
		var down, stay []expr.Expr
		for _, c := range conds {
			cols := expr.Columns(c)
			keys := len(cols) > 0 && !slices.ContainsFunc(cols, func(i int) bool { return i >= len(n.Keys) })
			e, ok := through(c, n.Keys)
			if keys && ok {
				down = append(down, e)
			} else {
				stay = append(stay, c)
			}
		}
		in, err := pushInto(n.Input, down)
		n.Input = in
		return n, stay, err
	case *Sort:
		in, err := pushInto(n.Input, conds)
		n.Input = in
		return n, nil, err
	case *Union:
		for i := range n.Branches {
			in, err := pushInto(n.Branches[i], conds)
			if err != nil {
				return nil, nil, err
			}
			n.Branches[i] = in
		}
		return n, nil, nil
	case *Window:
		down, stay := n.push(conds)
		in, err := pushInto(n.Input, down)
		n.Input = in
		return n, stay, err
	case *Unnest:
		stay, err := n.push(conds)
		return n, stay, err
	case *GapFill:
		stay, err := n.push(conds)
		return n, stay, err
	case *Apply:
		stay, err := n.push(conds)
		return n, stay, err
	case *Join:
		stay, err := n.push(conds)
		return n, stay, err
	case *Distinct:
		if n.On == nil {
			in, err := pushInto(n.Input, conds)
			n.Input = in
			return n, nil, err
		}
	}
	return n, conds, nil
}

// pushInto is push with what stays put on top.
func pushInto(n Node, conds []expr.Expr) (Node, error) {
	below, rest, err := push(n, conds)
	if err != nil {
		return nil, err
	}
	return filter(below, rest)
}

// through expresses a predicate over computed columns by what they are
// computed from. Volatile columns must be computed once: those stay.
func through(c expr.Expr, exprs []expr.Expr) (expr.Expr, bool) {
	for _, i := range expr.Columns(c) {
		if i >= len(exprs) || expr.Volatile(exprs[i]) {
			return nil, false
		}
	}
	if expr.Volatile(c) {
		return nil, false
	}
	e, err := expr.Transform(c, func(e expr.Expr) (expr.Expr, error) {
		if col, ok := e.(*expr.Column); ok {
			return exprs[col.Index], nil
		}
		return e, nil
	})
	return e, err == nil
}
