package influxql

import (
	"fmt"
	"slices"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/result"
	"tarn/store/column"
)

// MeasurementColumn is the first column of flat answers.
const MeasurementColumn = "iox::measurement"

// Statement is what a statement asks for.
type Statement struct {
	plan.Statement
	// Series says how the rows fall into series.
	Series result.Series
}

// Bind plans a statement that reads: SELECT, SHOW or EXPLAIN. Those that change
// something are not for it (see Reads).
func (b *Binder) Bind(s ast.Statement) (*Statement, error) {
	switch s := s.(type) {
	case *ast.SelectStatement:
		return b.bindSelect(s)
	case *ast.ExplainStatement:
		st, err := b.bindSelect(s.Statement)
		if err != nil {
			return nil, err
		}
		st.Explain, st.Analyze = true, s.Analyze
		st.Series = result.Series{Unnamed: true}
		return st, nil
	}
	return b.show(s)
}

// Reads says whether a statement only reads, so that Bind can plan it. SELECT
// INTO reads what it writes.
func Reads(s ast.Statement) bool {
	switch s.(type) {
	case *ast.SelectStatement, *ast.ExplainStatement:
		return true
	}
	return isShow(s)
}

func (b *Binder) bindSelect(s *ast.SelectStatement) (*Statement, error) {
	if b.Flat && s.Target != nil {
		return nil, notImplemented("SELECT INTO")
	}
	branches, rewritten, err := b.selectAll(s)
	if err != nil {
		return nil, err
	}
	if len(branches) == 0 {
		return b.empty(rewritten)
	}
	st := &Statement{Series: result.Series{HasTime: true, Tags: len(branches[0].tags), Zone: s.Location}}
	u := &plan.Union{}
	for _, br := range branches {
		u.Branches = append(u.Branches, named(br, rewritten.TimeFieldName()))
	}
	unify(u)
	st.Plan = u
	if len(u.Branches) == 1 {
		st.Plan = u.Branches[0]
	}
	if b.Flat {
		st.Plan = flatten(st.Plan, rewritten, len(branches[0].tags))
	}
	return st, nil
}

// empty is a statement without rows. Its columns are those of the flat forms.
func (b *Binder) empty(s *ast.SelectStatement) (*Statement, error) {
	v := &plan.Values{Output: []plan.Column{{Name: MeasurementColumn, Type: column.Of(column.String)}, {Name: s.TimeFieldName(), Type: column.Of(column.Timestamp)}}}
	return &Statement{Statement: plan.Statement{Plan: v}, Series: result.Series{HasTime: true}}, nil
}

// named is a branch's rows in the order of answers: measurement, time, tags,
// values.
func named(br *branch, timeName string) *plan.Project {
	n := len(br.tags)
	p := &plan.Project{Input: br.node}
	add(p, MeasurementColumn, expr.NewLiteral(expr.String(br.name)))
	add(p, timeName, columnOf(br.node, n))
	for i, t := range br.tags {
		add(p, t, columnOf(br.node, i))
	}
	for i, name := range br.names {
		add(p, name, columnOf(br.node, n+1+i))
	}
	return p
}

// unify gives the branches of a union the same types.
func unify(u *plan.Union) {
	first := u.Branches[0].(*plan.Project)
	for _, br := range u.Branches[1:] {
		p := br.(*plan.Project)
		for i := range first.Exprs {
			first.Exprs[i], p.Exprs[i] = alike(first.Exprs[i], p.Exprs[i])
		}
	}
	for _, br := range u.Branches {
		p := br.(*plan.Project)
		for i := range first.Exprs {
			// A type that a later branch settled.
			_, p.Exprs[i] = alike(first.Exprs[i], p.Exprs[i])
			p.Output[i].Type = p.Exprs[i].Type()
		}
	}
	u.Output = slices.Clone(first.Output)
}

// flatten makes the columns those of /api/v3/query_influxql: tags in the order
// of GROUP BY, those that are selected only once, and no name twice.
func flatten(n plan.Node, s *ast.SelectStatement, tags int) plan.Node {
	cols := n.Columns()
	p := &plan.Project{Input: n}
	add(p, cols[0].Name, columnOf(n, 0))
	add(p, cols[1].Name, columnOf(n, 1))
	selected := map[string]bool{}
	for _, c := range cols[2+tags:] {
		selected[c.Name] = true
	}
	taken := map[string]bool{cols[0].Name: true, cols[1].Name: true}
	for _, d := range s.Dimensions {
		r, ok := d.Expr.(*ast.VarRef)
		if !ok || selected[r.Val] || taken[r.Val] {
			continue
		}
		i := slices.IndexFunc(cols[2:2+tags], func(c plan.Column) bool { return c.Name == r.Val })
		taken[r.Val] = true
		add(p, r.Val, columnOf(n, 2+i))
	}
	for i, c := range cols[2+tags:] {
		name := c.Name
		for k := 1; taken[name]; k++ {
			name = fmt.Sprintf("%s_%d", c.Name, k)
		}
		taken[name] = true
		add(p, name, columnOf(n, 2+tags+i))
	}
	return p
}
