package influxql

import (
	"slices"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// way is how a field's values are found: fields of one way are found together.
// Functions that see a series whole have a way of their own each.
func (q *selection) way(e ast.Expr) string {
	way := "grouped" // names go with the selector beside them
	ast.WalkFunc(e, func(n ast.Node) {
		c, ok := n.(*ast.Call)
		if !ok || way != "grouped" || isMath(c.Name) {
			return
		}
		_, steps := transformations[c.Name]
		_, field := c.Args[0].(*ast.VarRef)
		switch {
		case steps && field:
			way = "stepwise"
		case isForecast(c), c.Name == "sample", c.Name == "integral" && q.window != nil:
			way = key(c)
		}
	})
	return way
}

// ways are the numbers of the fields by way, in order.
func (q *selection) ways() [][]int {
	var names []string
	var out [][]int
	for i, f := range q.Fields {
		w := q.way(f.Expr)
		at := slices.Index(names, w)
		if at < 0 {
			at = len(names)
			names, out = append(names, w), append(out, nil)
		}
		out[at] = append(out[at], i)
	}
	return out
}

// together binds fields of several ways, each by itself, and puts the rows of
// one series and time together.
func (q *selection) together(t *table, ways [][]int) (*branch, error) {
	u := &plan.Union{}
	first := len(q.dims) + 1
	types := make([]column.Type, len(q.Fields))
	for i := range types {
		types[i] = column.Of(column.Null)
	}
	for _, fields := range ways {
		// A plan is a tree: each part reads a table of its own.
		tables, err := q.binder.from(q.Sources, q.inner)
		if err != nil {
			return nil, err
		}
		own := tables[slices.IndexFunc(tables, func(o *table) bool { return o.name == t.name })]
		br, err := q.part(fields).branch(own)
		if err != nil {
			return nil, err
		}
		if br == nil {
			continue
		}
		p := q.layout(br.node, func(i int, _ string) expr.Expr { return text(columnOf(br.node, i)) }, columnOf(br.node, len(q.dims)))
		for i := range q.Fields {
			e := null(column.Of(column.Null))
			if at := slices.Index(fields, i); at >= 0 {
				e = text(columnOf(br.node, first+at))
				types[i] = e.Type()
			}
			add(p, q.names[i], e)
		}
		u.Branches = append(u.Branches, p)
	}
	if len(u.Branches) == 0 {
		return nil, nil
	}
	for _, b := range u.Branches {
		p := b.(*plan.Project)
		for i, typ := range types {
			if typ.Kind == column.Null {
				typ = column.Of(column.Float64)
			}
			if p.Exprs[first+i].Type().Kind == column.Null {
				p.Exprs[first+i] = null(typ)
			}
			p.Output[first+i].Type = typ
		}
		u.Output = p.Output
	}
	a := &plan.Aggregate{Input: u}
	for i := range first {
		a.Keys, a.Output = append(a.Keys, columnOf(u, i)), append(a.Output, u.Output[i])
	}
	for i := range q.Fields {
		c := columnOf(u, first+i)
		a.Aggs = append(a.Aggs, plan.AggCall{Spec: agg.Spec{Name: "first_value", Args: []column.Type{c.Type()}, IgnoreNulls: true}, Args: []expr.Expr{c}, Type: c.Type()})
		a.Output = append(a.Output, u.Output[first+i])
	}
	return &branch{name: t.name, node: q.limited(q.sorted(a)), tags: q.dims, names: q.names}, nil
}

// part is the statement with some of its fields, and without limits.
func (q *selection) part(fields []int) *selection {
	s := *q.SelectStatement
	s.Fields, s.Limit, s.Offset, s.SLimit, s.SOffset = nil, 0, 0, 0, 0
	p := *q
	p.SelectStatement, p.names, p.partial = &s, nil, true
	for _, i := range fields {
		s.Fields = append(s.Fields, q.Fields[i])
		p.names = append(p.names, q.names[i])
	}
	p.shape = shape{windowed: q.shape.windowed, inherited: q.shape.inherited, target: q.shape.target}
	for _, f := range s.Fields {
		_ = p.shape.expr(f.Expr) // was examined as part of the whole
	}
	return &p
}
