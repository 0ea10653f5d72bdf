package plan

import "tarn/edge/query/sql"

// eachOperand calls visit with the expressions directly below one, as places to
// read and replace them. Subqueries are not entered.
func eachOperand(e sql.Expr, visit func(*sql.Expr)) {
	one := func(p *sql.Expr) {
		if *p != nil {
			visit(p)
		}
	}
	many := func(es []sql.Expr) {
		for i := range es {
			one(&es[i])
		}
	}
	sorts := func(items []sql.SortItem) {
		for i := range items {
			one(&items[i].Expr)
		}
	}
	switch e := e.(type) {
	case *sql.Unary:
		one(&e.X)
	case *sql.Binary:
		one(&e.L)
		one(&e.R)
	case *sql.Is:
		one(&e.X)
	case *sql.IsDistinct:
		one(&e.L)
		one(&e.R)
	case *sql.Between:
		one(&e.X)
		one(&e.Lo)
		one(&e.Hi)
	case *sql.In:
		one(&e.X)
		many(e.List)
	case *sql.Quantified:
		one(&e.X)
		one(&e.List)
	case *sql.Like:
		one(&e.X)
		one(&e.Pattern)
	case *sql.Case:
		one(&e.Operand)
		for i := range e.Whens {
			one(&e.Whens[i].Cond)
			one(&e.Whens[i].Then)
		}
		one(&e.Else)
	case *sql.Cast:
		one(&e.X)
	case *sql.Call:
		many(e.Args)
		sorts(e.OrderBy)
		sorts(e.Within)
		one(&e.Filter)
		if e.Over != nil {
			many(e.Over.PartitionBy)
			sorts(e.Over.OrderBy)
		}
	case *sql.Array:
		many(e.Elems)
	case *sql.Tuple:
		many(e.Elems)
	case *sql.Index:
		one(&e.X)
		one(&e.I)
	case *sql.Field:
		one(&e.X)
	case *sql.AtTimeZone:
		one(&e.X)
		one(&e.Zone)
	}
}

// operands are the places that eachOperand visits.
func operands(e sql.Expr) (out []*sql.Expr) {
	eachOperand(e, func(p *sql.Expr) { out = append(out, p) })
	return out
}

// walk calls fn for e and what is below while fn returns true.
func walk(e sql.Expr, fn func(sql.Expr) bool) {
	if !fn(e) {
		return
	}
	eachOperand(e, func(p *sql.Expr) { walk(*p, fn) })
}

// substitute returns e with the names of select items replaced by what they
// stand for. The tree is parsed again from its own text, so that e stays as it
// is.
func substitute(e sql.Expr, items []item) sql.Expr {
	fresh, err := sql.ParseExpr(e.String())
	if err != nil {
		return e
	}
	var replace func(p *sql.Expr)
	replace = func(p *sql.Expr) {
		if ref, ok := (*p).(*sql.ColumnRef); ok && len(ref.Qualifier) == 0 {
			for _, it := range items {
				if it.source != nil && it.output.Name == ref.Name.Name {
					*p = it.source
					return
				}
			}
			return
		}
		for _, o := range operands(*p) {
			replace(o)
		}
	}
	replace(&fresh)
	return fresh
}

// EachColumn calls fn for the columns that an expression names, outside of
// subqueries.
func EachColumn(e sql.Expr, fn func(*sql.ColumnRef)) {
	walk(e, func(x sql.Expr) bool {
		if ref, ok := x.(*sql.ColumnRef); ok {
			fn(ref)
		}
		return true
	})
}
