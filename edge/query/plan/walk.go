package plan

import "tarn/edge/query/sql"

// operands are the expressions directly below one, as places to read and
// replace them. Subqueries are not entered.
func operands(e sql.Expr) []*sql.Expr {
	var out []*sql.Expr
	one := func(es ...*sql.Expr) {
		for _, p := range es {
			if *p != nil {
				out = append(out, p)
			}
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
		one(&e.L, &e.R)
	case *sql.Is:
		one(&e.X)
	case *sql.IsDistinct:
		one(&e.L, &e.R)
	case *sql.Between:
		one(&e.X, &e.Lo, &e.Hi)
	case *sql.In:
		one(&e.X)
		many(e.List)
	case *sql.Quantified:
		one(&e.X, &e.List)
	case *sql.Like:
		one(&e.X, &e.Pattern)
	case *sql.Case:
		one(&e.Operand)
		for i := range e.Whens {
			one(&e.Whens[i].Cond, &e.Whens[i].Then)
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
		one(&e.X, &e.I)
	case *sql.Field:
		one(&e.X)
	case *sql.AtTimeZone:
		one(&e.X, &e.Zone)
	}
	return out
}

// walk calls fn for e and what is below while fn returns true.
func walk(e sql.Expr, fn func(sql.Expr) bool) {
	if !fn(e) {
		return
	}
	for _, p := range operands(e) {
		walk(*p, fn)
	}
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
