package plan

import (
	"tarn/edge/query/expr"
)

// prune drops the output columns of n that need does not ask for, as far as n
// can, and returns where the others are then: new position by old, -1 for
// those dropped.
func prune(n Node, need []bool) (Node, []int) {
	switch n := n.(type) {
	case *Scan:
		to := positions(need)
		n.IDs = pick(n.IDs, need)
		return n, to
	case *SystemScan:
		to := positions(need)
		n.Picked, n.Output = pick(n.Picked, need), pick(n.Output, need)
		return n, to
	case *Project:
		to := positions(need)
		n.Exprs, n.Output = pick(n.Exprs, need), pick(n.Output, need)
		n.Input = pruneFor(n, n.Input)
		return n, to
	case *Filter:
		var to []int
		n.Input, to = pruneInput(n.Input, need, n.Cond)
		n.Cond = remap(n.Cond, to)
		return n, to
	case *Sort:
		keys := make([]expr.Expr, len(n.Keys))
		for i, k := range n.Keys {
			keys[i] = k.Expr
		}
		var to []int
		n.Input, to = pruneInput(n.Input, need, keys...)
		for i := range n.Keys {
			n.Keys[i].Expr = remap(n.Keys[i].Expr, to)
		}
		return n, to
	case *Limit:
		var to []int
		n.Input, to = prune(n.Input, need)
		return n, to
	case *Aggregate:
		// Keys stay: they make the groups.
		for i := range n.Keys {
			need[i] = true
		}
		to := positions(need)
		n.Aggs, n.Output = pick(n.Aggs, need[len(n.Keys):]), pick(n.Output, need)
		n.Input = pruneFor(n, n.Input)
		return n, to
	case *Join:
		return n, n.prune(need)
	case *Window:
		return n.prune(need)
	case *Apply:
		return n, n.prune(need)
	case *GapFill:
		return n, n.prune(need)
	case *Expand:
		return n, n.prune(need)
	case *Unnest:
		return n, n.prune(need)
	case *WorkScan:
		to := positions(need)
		n.Picked, n.Output = pick(n.Picked, need), pick(n.Output, need)
		return n, to
	case *Distinct:
		if n.On != nil {
			var to []int
			n.Input, to = pruneInput(n.Input, need, n.On...)
			for i := range n.On {
				n.On[i] = remap(n.On[i], to)
			}
			return n, to
		}
	}
	// All columns count: rows are compared by them, or branches aligned.
	for i, in := range n.Inputs() {
		all := make([]bool, len(in.Columns()))
		for j := range all {
			all[j] = true
		}
		pruned, _ := prune(in, all)
		inputs := n.Inputs()
		inputs[i] = pruned
		setInputs(n, inputs)
	}
	return n, identity(len(n.Columns()))
}

func identity(n int) []int {
	to := make([]int, n)
	for i := range to {
		to[i] = i
	}
	return to
}

func positions(need []bool) []int {
	to, next := make([]int, len(need)), 0
	for i, want := range need {
		to[i] = -1
		if want {
			to[i] = next
			next++
		}
	}
	return to
}

func pick[T any](items []T, need []bool) []T {
	out := make([]T, 0, len(items))
	for i, it := range items {
		if need[i] {
			out = append(out, it)
		}
	}
	return out
}

func remap(e expr.Expr, to []int) expr.Expr {
	return expr.Remap(e, func(i int) int { return to[i] })
}

// pruneInput prunes the input of a node that passes its columns on and reads
// some of them itself.
func pruneInput(in Node, need []bool, exprs ...expr.Expr) (Node, []int) {
	all := append([]bool(nil), need...)
	for _, e := range exprs {
		for _, i := range expr.Columns(e) {
			all[i] = true
		}
	}
	return prune(in, all)
}

// pruneFor prunes the input of a node that reads only what its expressions
// name.
func pruneFor(n, in Node) Node {
	need := make([]bool, len(in.Columns()))
	_ = eachExpr(n, func(e expr.Expr) (expr.Expr, error) { // never fails
		for _, i := range expr.Columns(e) {
			need[i] = true
		}
		return e, nil
	})
	pruned, to := prune(in, need)
	_ = eachExpr(n, func(e expr.Expr) (expr.Expr, error) { return remap(e, to), nil })
	return pruned
}
