package plan

import (
	"slices"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// Single yields the one row of its input, which must not have more: a scalar
// subquery.
type Single struct{ Input Node }

// Columns is Node's.
func (s *Single) Columns() []Column { return s.Input.Columns() }

// Inputs is Node's.
func (s *Single) Inputs() []Node { return []Node{s.Input} }

// outer is the query around a subquery while that is bound. What the subquery
// says of it becomes columns from outerBase on, numbered as refs are; or, when
// it is bound for one row of the outer query, values.
type outer struct {
	scope  *scope
	refs   []expr.Expr // over the outer query's columns
	values []expr.Value
}

const (
	// subqueryBase is where the columns begin that stand for subqueries until
	// these are attached.
	subqueryBase = 1 << 25
	// outerBase is where a subquery's columns of the query around it begin.
	outerBase = 1 << 26
)

// ref is a column of the outer query as its subquery sees it.
func (b *Binder) ref(e *sql.ColumnRef) (expr.Expr, bool) {
	o := b.outer
	b.outer = nil // one level, no more
	x, err := b.bind(e, o.scope)
	b.outer = o
	if err != nil {
		return nil, false
	}
	i := slices.IndexFunc(o.refs, func(r expr.Expr) bool { return expr.Equal(r, x) })
	if i < 0 && o.values != nil {
		return nil, false
	}
	if i < 0 {
		i = len(o.refs)
		o.refs = append(o.refs, x)
	}
	if o.values != nil {
		return expr.NewLiteral(o.values[i]), true
	}
	return expr.NewColumn(outerBase+i, x.String(), x.Type()), true
}

// isOuter says whether an expression reads the query around it.
func isOuter(e expr.Expr) bool {
	return slices.ContainsFunc(expr.Columns(e), func(i int) bool { return i >= outerBase })
}

// subqueries collects the subqueries of a query's expressions while these are
// bound. Each is a column from subqueryBase on until attach joins them to the
// rows that the expressions are about.
type subqueries struct {
	found []*subquery
}

// subquery is one of them: a plan, what it says of the query around it, and
// how it becomes a value of a row there.
type subquery struct {
	syntax sql.Expr
	query  *sql.Query
	ctes   []cte
	node   Node
	outer  *outer
	// refs are outer's, with the subqueries in them attached.
	refs []expr.Expr
	// operand is the left side of IN, over the outer query's columns.
	operand expr.Expr
	exists  bool
	t       column.Type
}

// subquery plans a query within an expression.
func (b *Binder) subquery(q *sql.Query, sc *scope) (*subquery, error) {
	inner := *b
	inner.outer = &outer{scope: sc}
	n, err := inner.query(q)
	if err != nil {
		return nil, err
	}
	return &subquery{query: q, ctes: b.ctes, node: n, outer: inner.outer, refs: slices.Clone(inner.outer.refs)}, nil
}

// rebind plans a subquery for given values of the outer columns.
func (b *Binder) rebind(s *subquery, values []expr.Value) (Node, error) {
	inner := *b
	inner.ctes = s.ctes
	inner.planned = nil // it is a query of its own
	inner.outer = &outer{scope: s.outer.scope, refs: s.outer.refs, values: values}
	return inner.query(s.query)
}

// bindSubquery binds a scalar subquery, EXISTS or IN within an expression.
func (b *Binder) bindSubquery(e sql.Expr, sc *scope) (expr.Expr, error) {
	if sc.subqueries == nil {
		return nil, notImplemented("subqueries here")
	}
	for i, s := range sc.subqueries.found {
		if s.syntax == e {
			return expr.NewColumn(subqueryBase+i, e.String(), s.t), nil
		}
	}
	s, err := b.planSubquery(e, sc)
	if err != nil {
		return nil, err
	}
	s.syntax = e
	sc.subqueries.found = append(sc.subqueries.found, s)
	return expr.NewColumn(subqueryBase+len(sc.subqueries.found)-1, e.String(), s.t), nil
}

func (b *Binder) planSubquery(e sql.Expr, sc *scope) (*subquery, error) {
	switch e := e.(type) {
	case *sql.Subquery:
		s, err := b.subquery(e.Query, sc)
		if err != nil {
			return nil, err
		}
		if err := oneColumn(s.node); err != nil {
			return nil, err
		}
		s.t = plainText(s.node.Columns()[0].Type)
		return s, nil
	case *sql.Exists:
		s, err := b.subquery(e.Query, sc)
		if err != nil {
			return nil, err
		}
		s.exists, s.t = true, column.Of(column.Bool)
		return s, nil
	case *sql.In:
		x, err := b.bind(e.X, sc)
		if err != nil {
			return nil, err
		}
		s, err := b.subquery(e.Query, sc)
		if err != nil {
			return nil, err
		}
		if err := oneColumn(s.node); err != nil {
			return nil, err
		}
		s.operand, s.t = x, column.Of(column.Bool)
		return s, nil
	}
	return nil, notImplemented("%T", e)
}

// attach joins the collected subqueries to a node. What it returns puts the
// values in the place of the columns that stood for them.
func (b *Binder) attach(n Node, sub *subqueries) (Node, func(expr.Expr) expr.Expr, error) {
	values := make([]expr.Expr, len(sub.found))
	settle := func(e expr.Expr) expr.Expr {
		out, err := expr.Transform(e, func(x expr.Expr) (expr.Expr, error) {
			if c, ok := x.(*expr.Column); ok && c.Index >= subqueryBase && c.Index < outerBase {
				return values[c.Index-subqueryBase], nil
			}
			return x, nil
		})
		if err != nil {
			panic("BUG: replacing columns failed: " + err.Error())
		}
		return out
	}
	for i, s := range sub.found {
		// An operand may hold subqueries that were found before.
		if s.operand != nil {
			s.operand = settle(s.operand)
		}
		for j, r := range s.refs {
			s.refs[j] = settle(r)
		}
		var err error
		if n, values[i], err = b.attachOne(n, s); err != nil {
			return nil, nil, err
		}
	}
	return n, settle, nil
}

// attachOne makes a subquery an expression over a node that extends n's
// columns: by a join, or when there is none that does it, by running it for
// the rows.
func (b *Binder) attachOne(n Node, s *subquery) (Node, expr.Expr, error) {
	width := len(n.Columns())
	mark := expr.NewColumn(width, "mark", column.Of(column.Bool))
	switch {
	case s.operand != nil && len(s.refs) == 0:
		c := s.node.Columns()[0]
		eq, err := expr.NewBinary(expr.Eq, s.operand, expr.NewColumn(width, c.full(), c.Type))
		if err != nil {
			return nil, nil, err
		}
		j := &Join{Kind: MarkJoin, Left: n, Right: s.node, NullAware: true}
		if !j.key(eq) {
			return b.apply(n, s)
		}
		return j, mark, nil
	case s.exists && len(s.refs) == 0:
		j, err := newJoin(MarkJoin, n, &Limit{Input: s.node, Count: 1}, nil)
		return j, mark, err
	case s.exists:
		core, conds, ok := pullUp(existsCore(s.node))
		if !ok {
			return b.apply(n, s)
		}
		j, err := newJoin(MarkJoin, n, core, s.joined(conds, width))
		return j, mark, err
	case s.operand == nil && len(s.refs) == 0:
		one, err := convert(&Single{s.node}, []Column{{Name: s.node.Columns()[0].Name, Type: s.t, Hidden: true}})
		if err != nil {
			return nil, nil, err
		}
		j, err := newJoin(LeftJoin, n, one, nil)
		return j, (&scope{columns: j.Columns()}).column(width), err
	case s.operand == nil:
		if j, e, ok, err := s.grouped(n); ok || err != nil {
			return j, e, err
		}
	}
	return b.apply(n, s)
}

// joined expresses conditions of a subquery over its own columns and outer
// ones by the columns of a join of width columns with it.
func (s *subquery) joined(conds []expr.Expr, width int) []expr.Expr {
	out := make([]expr.Expr, len(conds))
	for i, c := range conds {
		out[i] = s.over(c, func(i int) expr.Expr { return nil }, width)
	}
	return out
}

// over replaces the outer columns of an expression by what they refer to, its
// other columns by what inner says, or else moves them right by shift.
func (s *subquery) over(e expr.Expr, inner func(int) expr.Expr, shift int) expr.Expr {
	out, err := expr.Transform(e, func(x expr.Expr) (expr.Expr, error) {
		c, ok := x.(*expr.Column)
		switch {
		case !ok:
			return x, nil
		case c.Index >= outerBase:
			return s.refs[c.Index-outerBase], nil
		}
		if r := inner(c.Index); r != nil {
			return r, nil
		}
		return expr.NewColumn(c.Index+shift, c.Name, c.T), nil
	})
	if err != nil {
		panic("BUG: replacing columns failed: " + err.Error())
	}
	return out
}

func oneColumn(n Node) error { return columnsLike(n, 1) }

// columnsLike checks that a subquery has as many columns as the value or row
// that it is compared with.
func columnsLike(n Node, want int) error {
	if cols := n.Columns(); len(cols) != want {
		names := ""
		for i, c := range cols {
			if i > 0 {
				names += ", "
			}
			names += c.full()
		}
		if want > 1 {
			return planErrorf("The subquery should return %d columns, as the row that it is compared with: %s", want, names)
		}
		return planErrorf("Too many columns! The subquery should only return one column: %s", names)
	}
	return nil
}

// hasSubquery says whether a query is within an expression.
func hasSubquery(e sql.Expr) bool {
	found := false
	walk(e, func(x sql.Expr) bool {
		switch x := x.(type) {
		case *sql.Subquery, *sql.Exists:
			found = true
		case *sql.In:
			found = found || x.Query != nil
		}
		return !found
	})
	return found
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

// membership plans IN and EXISTS as terms of WHERE: rows that have a match, or
// have none. ok is false when no join does it.
func (b *Binder) membership(input Node, term sql.Expr, sc *scope) (_ Node, ok bool, err error) {
	in, isIn := term.(*sql.In)
	if isIn && in.Row != nil {
		// Rows with a match stay, or with NOT those that can have none.
		if isIn, term = false, in.Row.Match; in.Not {
			term = &sql.Unary{Op: "NOT", X: in.Row.Maybe}
		}
	}
	if !isIn {
		e, kind := existsTerm(term)
		s, err := b.subquery(e.Query, sc)
		if err != nil {
			return nil, false, err
		}
		if len(s.refs) == 0 {
			j, err := newJoin(kind, input, &Limit{Input: s.node, Count: 1}, nil)
			return j, true, err
		}
		core, conds, ok := pullUp(existsCore(s.node))
		if !ok {
			return nil, false, nil
		}
		j, err := newJoin(kind, input, core, s.joined(conds, len(input.Columns())))
		return j, true, err
	}
	if hasSubquery(in.X) {
		return nil, false, nil
	}
	x, err := b.bind(in.X, sc)
	if err != nil {
		return nil, false, err
	}
	s, err := b.subquery(in.Query, sc)
	if err != nil {
		return nil, false, err
	}
	if err := oneColumn(s.node); err != nil {
		return nil, false, err
	}
	width := len(input.Columns())
	c := s.node.Columns()[0]
	eq, err := expr.NewBinary(expr.Eq, x, expr.NewColumn(width, c.full(), c.Type))
	if err != nil {
		return nil, false, err
	}
	conds := []expr.Expr{}
	core := s.node
	if len(s.refs) > 0 {
		if core, conds, ok = pullUp(core); !ok {
			return nil, false, nil
		}
		conds = s.joined(conds, width)
	}
	if !in.Not {
		j, err := newJoin(SemiJoin, input, core, append(conds, eq))
		return j, true, err
	}
	if len(s.refs) == 0 {
		j := &Join{Kind: AntiJoin, Left: input, Right: core, NullAware: true}
		return j, j.key(eq), nil
	}
	// A row stays when no row of the subquery is, or might be, equal.
	maybe, err := expr.NewUnary(expr.IsNotFalse, eq)
	if err != nil {
		return nil, false, err
	}
	j, err := newJoin(AntiJoin, input, core, append(conds, maybe))
	return j, true, err
}

// zeroWhenEmpty are the aggregates that no rows make 0 instead of null.
func zeroWhenEmpty(s agg.Spec) bool {
	return s.Name == "count" || s.Name == "approx_distinct" || s.Name == "regr_count"
}
