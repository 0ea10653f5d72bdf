package plan

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
)

// Single yields the one row of its input, which must not have more: a scalar
// subquery.
type Single struct{ Input Node }

// Columns is Node's.
func (s *Single) Columns() []Column { return s.Input.Columns() }

// Inputs is Node's.
func (s *Single) Inputs() []Node { return []Node{s.Input} }

// scalar is a scalar subquery that was planned: its place among the columns of
// the query around it.
type scalar struct {
	index  int
	column Column
}

// scalars joins the scalar subqueries in expressions to a query's input, as
// columns that no name means. Those above it stay where they are.
func (b *Binder) scalars(input Node, sc *scope, es ...sql.Expr) (Node, error) {
	var err error
	for _, e := range es {
		walk(e, func(x sql.Expr) bool {
			if s, ok := x.(*sql.Subquery); ok && err == nil {
				input, err = b.scalar(input, sc, s)
			}
			return err == nil
		})
	}
	return input, err
}

func (b *Binder) scalar(input Node, sc *scope, s *sql.Subquery) (Node, error) {
	n, err := b.subquery(s.Query, sc)
	if err != nil {
		return nil, err
	}
	if err := oneColumn(n); err != nil {
		return nil, err
	}
	c := n.Columns()[0]
	c.Qualifier, c.Hidden = "", true
	p, _ := requalify(&Single{n}, "").(*Project)
	p.Output = []Column{c}
	j, err := newJoin(LeftJoin, input, p, nil)
	if err != nil {
		return nil, err
	}
	if b.planned == nil {
		b.planned = map[*sql.Subquery]scalar{}
	}
	b.planned[s] = scalar{len(input.Columns()), c}
	return j, nil
}

// subquery plans a query within an expression. It sees nothing of the query
// around it.
func (b *Binder) subquery(q *sql.Query, outer *scope) (Node, error) {
	n, err := b.query(q)
	if err != nil && correlated(q, outer) {
		return nil, notImplemented("correlated subqueries")
	}
	return n, err
}

// correlated says whether a query names columns of the one around it by their
// qualifier.
func correlated(q *sql.Query, outer *scope) bool {
	s, ok := q.Body.(*sql.Select)
	if !ok {
		return false
	}
	es := []sql.Expr{}
	if s.Where != nil {
		es = append(es, s.Where)
	}
	for _, it := range s.Items {
		if !it.Wildcard {
			es = append(es, it.Expr)
		}
	}
	found := false
	for _, e := range es {
		walk(e, func(x sql.Expr) bool {
			if ref, ok := x.(*sql.ColumnRef); ok && len(ref.Qualifier) > 0 {
				found = found || slices.ContainsFunc(outer.columns, func(c Column) bool { return match(ref, c) })
			}
			return !found
		})
	}
	return found
}

func oneColumn(n Node) error {
	if cols := n.Columns(); len(cols) != 1 {
		names := ""
		for i, c := range cols {
			if i > 0 {
				names += ", "
			}
			names += c.full()
		}
		return planErrorf("Too many columns! The subquery should only return one column: %s", names)
	}
	return nil
}

// andTerms splits a condition at its ANDs.
func andTerms(e sql.Expr) []sql.Expr {
	if x, ok := e.(*sql.Binary); ok && x.Op == "AND" {
		return append(andTerms(x.L), andTerms(x.R)...)
	}
	return []sql.Expr{e}
}

// isMembership says whether a term of WHERE asks for rows of a subquery.
func isMembership(term sql.Expr) bool {
	exists, _ := existsTerm(term)
	in, ok := term.(*sql.In)
	return exists != nil || ok && in.Query != nil
}

// existsTerm recognises EXISTS and NOT EXISTS.
func existsTerm(term sql.Expr) (e *sql.Exists, kind JoinKind) {
	kind = SemiJoin
	if u, ok := term.(*sql.Unary); ok && u.Op == "NOT" {
		term, kind = u.X, AntiJoin
	}
	e, _ = term.(*sql.Exists)
	return e, kind
}

// membership plans IN and EXISTS.
func (b *Binder) membership(input Node, term sql.Expr, sc *scope) (Node, error) {
	if in, ok := term.(*sql.In); ok {
		return b.inQuery(input, in, sc)
	}
	e, kind := existsTerm(term)
	sub, err := b.subquery(e.Query, sc)
	if err != nil {
		return nil, err
	}
	return newJoin(kind, input, &Limit{Input: sub, Count: 1}, nil)
}

func (b *Binder) inQuery(input Node, e *sql.In, sc *scope) (Node, error) {
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	sub, err := b.subquery(e.Query, sc)
	if err != nil {
		return nil, err
	}
	if err := oneColumn(sub); err != nil {
		return nil, err
	}
	c := sub.Columns()[0]
	eq, err := expr.NewBinary(expr.Eq, x, expr.NewColumn(len(input.Columns()), c.full(), c.Type))
	if err != nil {
		return nil, err
	}
	if !e.Not {
		return newJoin(SemiJoin, input, sub, []expr.Expr{eq})
	}
	// What is looked for may be a constant: then every left row has one key.
	keys, ok := eq.(*expr.Binary)
	if !ok || !hashable(keys.L.Type(), keys.R.Type()) {
		return nil, notImplemented("NOT IN with %s and a subquery of %s", x.Type(), c.Type)
	}
	j := &Join{Kind: AntiJoin, Left: input, Right: sub, NullAware: true}
	j.LeftKeys, j.RightKeys = []expr.Expr{keys.L}, []expr.Expr{j.toRight(keys.R)}
	return j, nil
}
