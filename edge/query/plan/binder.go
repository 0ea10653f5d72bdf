package plan

import (
	"context"
	"fmt"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// Binder turns statements into plans.
type Binder struct {
	Database Database
	System   System
	// Caches has the caches that table functions read; nil when there are none.
	Caches Caches
	// Params are the values of placeholders.
	Params map[string]expr.Value
	// Ctx has the query's clock, for folding constants.
	Ctx *expr.Context

	// Native makes the dialect GreptimeDB's; nil is InfluxDB's.
	Native *Native

	// Settings are what SHOW ALL lists.
	Settings []Setting

	ctes    []cte
	depth   int  // of queries in queries
	chained int  // queries whose planning has begun and not ended
	planned *int // queries, all together
	// outer is the query around the one that is bound, if that is a subquery.
	outer *outer
}

// cte is a WITH query in scope. outer is how many of the binder's CTEs it sees.
type cte struct {
	name    string
	columns []sql.Ident
	query   *sql.Query
	outer   int
	// recursive ones may read themselves: work is what the last round made,
	// while they are planned.
	recursive bool
	work      *Work
}

// Statement is what a statement asks for.
type Statement struct {
	Plan Node
	// Explain and Analyze ask for the plan instead of the rows.
	Explain, Analyze bool
}

// Bind plans a statement.
func (b *Binder) Bind(s sql.Statement) (*Statement, error) {
	switch s := s.(type) {
	case *sql.Query:
		n, err := b.query(s)
		return &Statement{Plan: n}, err
	case *sql.Explain:
		switch s.Format {
		case "", "indent", "tree":
		case "pgjson", "graphviz":
			return nil, notImplemented("EXPLAIN FORMAT %s", s.Format)
		default:
			return nil, planErrorf("Invalid explain format. Expected 'indent', 'tree', 'pgjson' or 'graphviz'. Got '%s'", s.Format)
		}
		n, err := b.query(s.Query)
		return &Statement{Plan: n, Explain: true, Analyze: s.Analyze}, err
	case *sql.ShowTables:
		n, err := b.information("tables")
		return &Statement{Plan: n}, err
	case *sql.ShowColumns:
		n, err := b.showColumns(s.Table)
		return &Statement{Plan: n}, err
	case *sql.Describe:
		n, err := b.describe(s.Table)
		return &Statement{Plan: n}, err
	case *sql.ShowAll:
		n, err := b.information("df_settings")
		return &Statement{Plan: n}, err
	}
	return nil, notImplemented("%T", s)
}

const (
	// maxNested is how deep queries may stand in one another.
	maxNested = 64
	// maxChained is how many may be planned for one another, WITH queries
	// included: each costs stack.
	maxChained = 1024
	// maxPlanned is how many queries one may expand to: a WITH query is planned
	// anew wherever it is used.
	maxPlanned = 20_000
)

// enter counts a query, and leave ends that.
func (b *Binder) enter() (leave func(), err error) {
	if b.planned == nil {
		b.planned = new(int)
	}
	*b.planned++
	switch {
	case b.depth >= maxNested:
		return nil, planErrorf("queries are nested more than %d levels deep", maxNested)
	case b.chained >= maxChained:
		return nil, planErrorf("more than %d queries depend on one another", maxChained)
	case *b.planned > maxPlanned:
		return nil, planErrorf("WITH queries are planned where they are used: these make more than %d queries", maxPlanned)
	}
	b.depth++
	b.chained++
	return func() { b.depth--; b.chained-- }, nil
}

// query plans a body with its ORDER BY and LIMIT.
func (b *Binder) query(q *sql.Query) (Node, error) {
	leave, err := b.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	mark := len(b.ctes)
	defer func() { b.ctes = b.ctes[:mark] }()
	for i, c := range q.With {
		for _, o := range q.With[:i] {
			if o.Name.Name == c.Name.Name {
				return nil, planErrorf("WITH query name %q specified more than once", c.Name.Name)
			}
		}
		b.ctes = append(b.ctes[:len(b.ctes):len(b.ctes)], cte{name: c.Name.Name, columns: c.Columns, query: c.Query, outer: len(b.ctes), recursive: q.Recursive})
	}
	limit, err := b.limit(q)
	if err != nil {
		return nil, err
	}
	if s, ok := q.Body.(*sql.Select); ok {
		return b.selectQuery(s, q, limit)
	}
	n, err := b.body(q.Body)
	if err != nil {
		return nil, err
	}
	if n, err = b.orderOutput(n, q); err != nil {
		return nil, err
	}
	return limit.apply(n), nil
}

// orderOutput sorts by output columns only: what a set operation allows.
func (b *Binder) orderOutput(n Node, q *sql.Query) (Node, error) {
	cols := n.Columns()
	items := q.OrderBy
	if q.OrderByAll {
		items = allColumns(len(cols))
	}
	if len(items) == 0 {
		return n, nil
	}
	sc := &scope{columns: cols}
	var keys []SortKey
	for _, it := range items {
		e, err := b.ordinalOr(it.Expr, len(cols), sc.column, func() (expr.Expr, error) { return b.bind(it.Expr, sc) })
		if err != nil {
			return nil, err
		}
		keys = append(keys, sortKey(it, e))
	}
	return &Sort{Input: n, Keys: keys, Top: -1}, nil
}

// allColumns is ORDER BY ALL.
func allColumns(n int) []sql.SortItem {
	items := make([]sql.SortItem, n)
	for i := range items {
		items[i].Expr = &sql.Literal{Kind: sql.IntLit, Int: int64(i + 1)}
	}
	return items
}

func sortKey(it sql.SortItem, e expr.Expr) SortKey {
	k := SortKey{Expr: e, Desc: it.Desc, NullsFirst: it.Desc}
	if it.NullsFirst != nil {
		k.NullsFirst = *it.NullsFirst
	}
	return k
}

// ordinalOr resolves an integer literal as a 1-based position among n columns,
// and leaves the rest to other.
func (b *Binder) ordinalOr(e sql.Expr, n int, at func(int) expr.Expr, other func() (expr.Expr, error)) (expr.Expr, error) {
	lit, ok := e.(*sql.Literal)
	if !ok || lit.Kind != sql.IntLit {
		return other()
	}
	if lit.Int < 1 || lit.Int > int64(n) {
		return nil, planErrorf("Cannot find column with position %d in SELECT clause. Valid columns: 1 to %d", lit.Int, n)
	}
	return at(int(lit.Int - 1)), nil
}

func (b *Binder) body(body sql.Body) (Node, error) {
	switch s := body.(type) {
	case *sql.Select:
		return b.selectQuery(s, &sql.Query{Body: s}, bounds{count: -1})
	case *sql.Nested:
		return b.query(s.Query)
	case *sql.Values:
		return b.values(s)
	case *sql.SetOp:
		return b.setOp(s)
	}
	return nil, notImplemented("%T", body)
}

// values plans VALUES: columns column1, column2, ... of the common types.
func (b *Binder) values(v *sql.Values) (Node, error) {
	n := &Values{}
	for i, row := range v.Rows {
		if len(row) != len(v.Rows[0]) {
			return nil, planErrorf("Inconsistent data length across values list: got %d values in row %d but expected %d", len(row), i, len(v.Rows[0]))
		}
		var out []expr.Expr
		for j, e := range row {
			bound, err := b.bind(e, &scope{})
			if err != nil {
				return nil, err
			}
			out = append(out, bound)
			if i == 0 {
				n.Output = append(n.Output, Column{Name: fmt.Sprintf("column%d", j+1), Type: bound.Type()})
				continue
			}
			if n.Output[j].Type, err = expr.Coerce(n.Output[j].Type, bound.Type()); err != nil {
				return nil, err
			}
		}
		n.Rows = append(n.Rows, out)
	}
	for _, row := range n.Rows {
		for j := range row {
			var err error
			if row[j], err = castTo(row[j], n.Output[j].Type); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

// castTo converts an expression if it has another type.
func castTo(e expr.Expr, t column.Type) (expr.Expr, error) {
	if e.Type().Equal(t) {
		return e, nil
	}
	return expr.NewCast(e, t, false)
}

// setOp plans UNION, INTERSECT and EXCEPT.
func (b *Binder) setOp(s *sql.SetOp) (Node, error) {
	if s.Op != "UNION" {
		return b.difference(s)
	}
	u := &Union{}
	var add func(body sql.Body) error
	add = func(body sql.Body) error {
		// A chain of the same operation becomes one node.
		if o, ok := body.(*sql.SetOp); ok && o.Op == s.Op && o.All == s.All {
			if err := add(o.Left); err != nil {
				return err
			}
			return add(o.Right)
		}
		n, err := b.body(body)
		u.Branches = append(u.Branches, n)
		return err
	}
	if err := add(s); err != nil {
		return nil, err
	}
	var err error
	if u.Output, err = align(s.Op, u.Branches); err != nil {
		return nil, err
	}
	if s.All {
		return u, nil
	}
	return &Distinct{Input: u}, nil
}

// difference plans INTERSECT and EXCEPT: the left rows that are, or are not,
// among the right ones. ALL keeps repeated left rows, all of them: the engine
// family makes it a semi or anti join, and spec/sql.md section 8 says no more
// than "distinct unless ALL". The SQL standard would count: of m left copies
// and n right ones INTERSECT ALL keeps min(m, n), EXCEPT ALL max(m - n, 0).
func (b *Binder) difference(s *sql.SetOp) (Node, error) {
	left, err := b.body(s.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.body(s.Right)
	if err != nil {
		return nil, err
	}
	branches := []Node{left, right}
	out, err := align(s.Op, branches)
	if err != nil {
		return nil, err
	}
	j := &Join{Kind: SemiJoin, Left: branches[0], Right: branches[1], NullsMatch: true}
	if s.Op == "EXCEPT" {
		j.Kind = AntiJoin
	}
	sc := &scope{columns: out}
	for i := range out {
		j.LeftKeys, j.RightKeys = append(j.LeftKeys, sc.column(i)), append(j.RightKeys, sc.column(i))
	}
	if !s.All {
		j.Left = &Distinct{Input: j.Left}
	}
	return j, nil
}

// align gives the branches of a set operation the same columns, which it
// returns: the names of the first and the common types.
func align(op string, branches []Node) ([]Column, error) {
	out := append([]Column(nil), branches[0].Columns()...)
	for i := range out {
		out[i].Qualifier = ""
	}
	for _, n := range branches[1:] {
		cols := n.Columns()
		if len(cols) != len(out) {
			return nil, planErrorf("%s queries have different number of columns", op)
		}
		for i, c := range cols {
			var err error
			if out[i].Type, err = expr.Coerce(out[i].Type, c.Type); err != nil {
				return nil, err
			}
		}
	}
	for i := range out {
		// Dictionaries differ from branch to branch: texts do not.
		if out[i].Type.Kind == column.Dict {
			out[i].Type = column.Of(column.String)
		}
	}
	for i, n := range branches {
		var err error
		if branches[i], err = convert(n, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// convert casts a node's columns to the types of out.
func convert(n Node, out []Column) (Node, error) {
	p := &Project{Input: n, Output: out}
	for i, c := range n.Columns() {
		e, err := castTo(expr.NewColumn(i, c.full(), c.Type), out[i].Type)
		if err != nil {
			return nil, err
		}
		p.Exprs = append(p.Exprs, e)
	}
	return p, nil
}

// bounds are LIMIT and OFFSET.
type bounds struct{ offset, count int64 } // count < 0 means all

func (l bounds) apply(n Node) Node {
	if l.count < 0 && l.offset == 0 {
		return n
	}
	return &Limit{Input: n, Offset: l.offset, Count: l.count}
}

func (b *Binder) limit(q *sql.Query) (bounds, error) {
	l := bounds{count: -1}
	for _, c := range []struct {
		what string
		e    sql.Expr
		to   *int64
	}{{"LIMIT", q.Limit, &l.count}, {"OFFSET", q.Offset, &l.offset}} {
		if c.e == nil {
			continue
		}
		e, err := b.bind(c.e, &scope{})
		if err != nil {
			return l, err
		}
		v, err := expr.Evaluate(b.Ctx, e)
		switch {
		case err != nil:
			return l, err
		case v.Null:
		case v.Type.Kind == column.Int64 && v.I < 0:
			return l, planErrorf("%s must be >= 0, '%d' was provided", c.what, v.I)
		case v.Type.Kind == column.Int64:
			*c.to = v.I
		case v.Type.Kind == column.Uint64:
			*c.to = int64(min(v.U, 1<<62))
		default:
			return l, planErrorf("Expected %s to be an integer or null, but got %s", c.what, v.Type)
		}
	}
	return l, nil
}

// static is a system table whose rows are known when it is planned.
type static struct {
	columns []Column
	batch   *column.Batch
}

func (s *static) Columns() []Column { return s.columns }

func (s *static) Read(context.Context) (*column.Batch, error) { return s.batch, nil }
