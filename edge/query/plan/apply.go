package plan

import (
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// Apply adds a column that a subquery yields for each row: the value of its one
// row, or null. It is run once for each combination of what it refers to.
type Apply struct {
	Input Node
	// Refs are what the subquery depends on, over Input's columns.
	Refs []expr.Expr
	// Plan returns the subquery for given values of Refs, optimized. Its one
	// column has the type of Value.
	Plan  func(values []expr.Value) (Node, error)
	Value Column
}

// Columns is Node's.
func (a *Apply) Columns() []Column {
	return append(a.Input.Columns()[:len(a.Input.Columns()):len(a.Input.Columns())], a.Value)
}

// Inputs is Node's.
func (a *Apply) Inputs() []Node { return []Node{a.Input} }

func (a *Apply) describe() string {
	return "Apply: for each [" + strings.Join(texts(a.Refs), ", ") + "]"
}

// prune drops input columns; the added one stays.
func (a *Apply) prune(need []bool) []int {
	n := len(need) - 1
	var to []int
	a.Input, to = pruneInput(a.Input, need[:n], a.Refs...)
	for i := range a.Refs {
		a.Refs[i] = remap(a.Refs[i], to)
	}
	return append(to, len(a.Input.Columns()))
}

// push gives predicates on the input's columns to the input.
func (a *Apply) push(conds []expr.Expr) (stay []expr.Expr, err error) {
	n := len(a.Input.Columns())
	var down []expr.Expr
	for _, c := range conds {
		if cols := expr.Columns(c); expr.Volatile(c) || len(cols) == 0 || slices.Contains(cols, n) {
			stay = append(stay, c)
		} else {
			down = append(down, c)
		}
	}
	a.Input, err = pushInto(a.Input, down)
	return stay, err
}

// apply attaches a subquery to n by running it for n's rows.
func (b *Binder) apply(n Node, s *subquery) (Node, expr.Expr, error) {
	for _, r := range s.refs {
		if !groupable(r.Type()) {
			return nil, nil, notImplemented("subqueries that depend on a value of type %s", r.Type())
		}
	}
	width := len(n.Columns())
	value := Column{Name: "subquery", Type: s.t, Hidden: true}
	refs := s.refs
	if s.operand != nil {
		refs = append(refs[:len(refs):len(refs)], s.operand)
	}
	run := *b // as it is now
	a := &Apply{Input: n, Refs: refs, Value: value, Plan: func(values []expr.Value) (Node, error) {
		return run.applied(s, values)
	}}
	return a, expr.NewColumn(width, value.Name, value.Type), nil
}

// applied plans a subquery for given values as a query of one value.
func (b *Binder) applied(s *subquery, values []expr.Value) (Node, error) {
	sub, err := b.rebind(s, values[:len(s.refs)])
	if err != nil {
		return nil, err
	}
	boolean := column.Of(column.Bool)
	one := &Values{Rows: [][]expr.Expr{{}}, Output: []Column{}}
	switch {
	case s.exists:
		j, err := newJoin(MarkJoin, one, &Limit{Input: sub, Count: 1}, nil)
		if err != nil {
			return nil, err
		}
		sub = &Project{Input: j, Exprs: []expr.Expr{expr.NewColumn(0, "mark", boolean)}, Output: []Column{{Type: boolean}}}
	case s.operand != nil:
		x := values[len(s.refs)]
		one.Rows[0] = []expr.Expr{expr.NewLiteral(x)}
		one.Output = []Column{{Name: "x", Type: x.Type}}
		c := sub.Columns()[0]
		eq, err := expr.NewBinary(expr.Eq, expr.NewColumn(0, "x", x.Type), expr.NewColumn(1, c.full(), c.Type))
		if err != nil {
			return nil, err
		}
		j := &Join{Kind: MarkJoin, Left: one, Right: sub, NullAware: true}
		if !j.key(eq) {
			return nil, notImplemented("IN with %s and a subquery of %s", x.Type, c.Type)
		}
		sub = &Project{Input: j, Exprs: []expr.Expr{expr.NewColumn(1, "mark", boolean)}, Output: []Column{{Type: boolean}}}
	default:
		if sub, err = convert(sub, []Column{{Type: s.t}}); err != nil {
			return nil, err
		}
		sub = &Single{sub}
	}
	return Optimize(b.Ctx, sub)
}
