package plan

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// sinkLimits moves limits below projections and subqueries that are run for the
// rows, which compute each row alone: what is cut off need not be computed.
func sinkLimits(n Node) Node {
	in := n.Inputs()
	for i := range in {
		in[i] = sinkLimits(in[i])
	}
	setInputs(n, in)
	if l, ok := n.(*Limit); ok {
		return sinkLimit(l)
	}
	return n
}

func sinkLimit(l *Limit) Node {
	if s, ok := l.Input.(*Sort); ok && l.Count >= 0 {
		l.Input = computeLater(s)
	}
	switch n := l.Input.(type) {
	case *Project:
		l.Input = n.Input
		n.Input = sinkLimit(l)
		return n
	case *Apply: // adds a column, by a query for each row
		l.Input = n.Input
		n.Input = sinkLimit(l)
		return n
	}
	return l
}

// computeLater moves what a projection computes from below a sort to above it,
// if the sort does not need it: of the rows sorted only few are wanted.
func computeLater(s *Sort) Node {
	p, ok := s.Input.(*Project)
	if !ok {
		return s
	}
	plain := func(e expr.Expr) bool { _, ok := e.(*expr.Column); return ok }
	if !slices.ContainsFunc(p.Exprs, func(e expr.Expr) bool { return !plain(e) }) {
		return s // nothing to gain
	}
	keys := slices.Clone(s.Keys)
	for i, k := range keys {
		if slices.ContainsFunc(expr.Columns(k.Expr), func(c int) bool { return !plain(p.Exprs[c]) }) {
			return s
		}
		e, err := expr.Transform(k.Expr, func(x expr.Expr) (expr.Expr, error) {
			if c, ok := x.(*expr.Column); ok {
				return p.Exprs[c.Index], nil
			}
			return x, nil
		})
		if err != nil {
			return s
		}
		keys[i].Expr = e
	}
	s.Keys, s.Input = keys, p.Input
	p.Input = computeLater(s)
	return p
}

// limits tells the operators below how few of their rows are wanted: sorts
// become top-n, branches of a union stop, windows keep the head of each
// partition.
func limits(n Node) {
	switch n := n.(type) {
	case *Limit:
		if n.Count >= 0 {
			n.Input = first(n.Input, n.Offset+n.Count)
		}
	case *Filter:
		if w, ok := n.Input.(*Window); ok {
			w.keepHead(conjuncts(n.Cond))
		}
	case *Distinct:
		lastRows(n)
	}
	for _, in := range n.Inputs() {
		limits(in)
	}
}

// first says that only the first rows of a node are wanted.
func first(n Node, rows int64) Node {
	switch n := n.(type) {
	case *Project:
		n.Input = first(n.Input, rows)
	case *Sort:
		if n.Top < 0 || n.Top > rows {
			n.Top = rows
		}
		steer(n)
	case *Union:
		for i, b := range n.Branches {
			if _, ok := b.(*Limit); !ok {
				n.Branches[i] = sinkLimit(&Limit{Input: first(b, rows), Count: rows})
			}
		}
	}
	return n
}

// keepHead looks for a bound on the rank of rows. It counts only when no other
// call needs the rows that rank behind.
func (w *Window) keepHead(conds []expr.Expr) {
	for _, c := range w.Calls {
		switch c.Func {
		case "row_number", "rank", "dense_rank":
		default:
			return
		}
	}
	calls := len(w.Output) - len(w.Calls)
	for _, c := range conds {
		b, ok := c.(*expr.Binary)
		if !ok || !b.Op.IsComparison() {
			continue
		}
		col, isColumn := b.L.(*expr.Column)
		lit, isLiteral := b.R.(*expr.Literal)
		if !isColumn || !isLiteral || lit.Value.Null || lit.Value.Type.Kind != column.Uint64 || col.Index < calls {
			continue
		}
		f := w.Calls[col.Index-calls].Func
		if f == "dense_rank" { // any number of rows may share it
			continue
		}
		rows := lit.Value.U
		switch b.Op {
		case expr.Le, expr.Eq:
		case expr.Lt:
			rows = max(rows, 1) - 1
		default:
			continue
		}
		if rows < 1<<31 && (w.Head == nil || rows < w.Head.Rows) {
			w.Head = &Head{Rows: rows, Ties: f == "rank"}
		}
	}
}
