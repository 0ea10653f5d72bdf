package plan

import (
	"tarn/edge/query/expr"
)

// Optimize rewrites a plan into one with the same answer that reads and
// computes less: constants are folded, predicates move towards the scans, and
// only columns that somebody needs are read.
func Optimize(ctx *expr.Context, n Node) (Node, error) {
	n, err := fold(ctx, n)
	if err != nil {
		return nil, err
	}
	if n, err = pushDown(n); err != nil {
		return nil, err
	}
	need := make([]bool, len(n.Columns()))
	for i := range need {
		need[i] = true
	}
	n, _ = prune(n, need)
	n = sinkLimits(n)
	limits(n)
	streams(n)
	return n, nil
}

// eachExpr replaces the expressions of one node.
func eachExpr(n Node, fn func(expr.Expr) (expr.Expr, error)) error {
	replace := func(es ...*expr.Expr) error {
		for _, p := range es {
			if *p == nil {
				continue
			}
			e, err := fn(*p)
			if err != nil {
				return err
			}
			*p = e
		}
		return nil
	}
	switch n := n.(type) {
	case *Scan:
		return replace(&n.Tags)
	case *Filter:
		return replace(&n.Cond)
	case *Project:
		for i := range n.Exprs {
			if err := replace(&n.Exprs[i]); err != nil {
				return err
			}
		}
	case *Aggregate:
		for i := range n.Keys {
			if err := replace(&n.Keys[i]); err != nil {
				return err
			}
		}
		for i := range n.Aggs {
			a := &n.Aggs[i]
			for j := range a.Args {
				if err := replace(&a.Args[j]); err != nil {
					return err
				}
			}
			if err := replace(&a.Filter); err != nil {
				return err
			}
		}
	case *Sort:
		for i := range n.Keys {
			if err := replace(&n.Keys[i].Expr); err != nil {
				return err
			}
		}
	case *TimeOrdered:
		for i := range n.Keys {
			if err := replace(&n.Keys[i].Expr); err != nil {
				return err
			}
		}
	case *Window:
		return replace(n.exprs()...)
	case *Unnest:
		for i := range n.Lists {
			if err := replace(&n.Lists[i]); err != nil {
				return err
			}
		}
	case *Expand:
		for i := range n.Keys {
			if err := replace(&n.Keys[i]); err != nil {
				return err
			}
		}
	case *GapFill:
		for i := range n.Fills {
			if err := replace(&n.Fills[i].Expr); err != nil {
				return err
			}
		}
	case *Apply:
		for i := range n.Refs {
			if err := replace(&n.Refs[i]); err != nil {
				return err
			}
		}
	case *Join:
		for i := range n.LeftKeys {
			if err := replace(&n.LeftKeys[i], &n.RightKeys[i]); err != nil {
				return err
			}
		}
		return replace(&n.On)
	case *Distinct:
		for i := range n.On {
			if err := replace(&n.On[i]); err != nil {
				return err
			}
		}
	case *Values:
		for _, row := range n.Rows {
			for i := range row {
				if err := replace(&row[i]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// setInput replaces the inputs of a node.
func setInputs(n Node, in []Node) {
	switch n := n.(type) {
	case *Filter:
		n.Input = in[0]
	case *Project:
		n.Input = in[0]
	case *Aggregate:
		n.Input = in[0]
	case *Sort:
		n.Input = in[0]
	case *Limit:
		n.Input = in[0]
	case *Distinct:
		n.Input = in[0]
	case *Union:
		n.Branches = in
	case *Join:
		n.Left, n.Right = in[0], in[1]
	case *Single:
		n.Input = in[0]
	case *SeriesLimit:
		n.Input = in[0]
	case *TopPerSeries:
		n.Input = in[0]
	case *TimeOrdered:
		n.Input = in[0]
	case *Explode:
		n.Input = in[0]
	case *WindowFill:
		n.Input = in[0]
	case *Slide:
		n.Input = in[0]
	case *Transform:
		n.Input = in[0]
	case *Window:
		n.Input = in[0]
	case *Apply:
		n.Input = in[0]
	case *GapFill:
		n.Input = in[0]
	case *Expand:
		n.Input = in[0]
	case *Unnest:
		n.Input = in[0]
	case *Recursive:
		n.Static, n.Term = in[0], in[1]
	}
}

// fold computes what is constant, now() included.
func fold(ctx *expr.Context, n Node) (Node, error) {
	if err := eachExpr(n, func(e expr.Expr) (expr.Expr, error) { return expr.Fold(ctx, e) }); err != nil {
		return nil, err
	}
	in := n.Inputs()
	for i := range in {
		var err error
		if in[i], err = fold(ctx, in[i]); err != nil {
			return nil, err
		}
	}
	setInputs(n, in)
	return n, nil
}
