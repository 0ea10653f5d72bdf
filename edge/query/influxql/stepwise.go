package influxql

import (
	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
)

// stepwise says whether the statement transforms fields row by row, rather than
// the results of aggregates.
func (q *selection) stepwise() bool {
	for _, c := range q.shape.calls {
		if _, ok := transformations[c.Name]; ok {
			if _, ok := c.Args[0].(*ast.VarRef); ok {
				return true
			}
		}
	}
	return false
}

// transformRaw binds functions of consecutive rows.
func (q *selection) transformRaw(t *table) (*branch, error) {
	for _, c := range q.shape.calls {
		if _, ok := transformations[c.Name]; !ok {
			return nil, notImplemented("%s() of a field beside %s()", q.shape.calls[0].Name, c.Name)
		}
	}
	// Equal fields are read once.
	p := q.layout(nil, func(_ int, name string) expr.Expr { return t.group(name) }, t.column(t.time))
	columns := map[string]int{}
	var exists []expr.Expr
	for _, c := range q.shape.calls {
		r := c.Args[0].(*ast.VarRef)
		if _, ok := columns[r.String()]; ok {
			continue
		}
		e, kind := t.ref(r)
		if kind == tagRef {
			e, kind = null(column.Of(column.Float64)), noRef
		}
		if kind == fieldRef {
			exists = append(exists, e)
		}
		if err := numericArg(c, e); err != nil {
			return nil, err
		}
		columns[r.String()] = len(p.Exprs)
		add(p, r.Val, e)
	}
	if len(exists) == 0 {
		return nil, nil
	}
	cond, err := anyOf(exists)
	if err != nil {
		return nil, err
	}
	p.Input = &plan.Filter{Input: t.node, Cond: cond}
	var further []int
	for _, name := range t.order {
		further = append(further, len(p.Exprs))
		add(p, name, t.group(name))
	}
	tr := &transformer{q: q, node: q.sorted(p, further...), columns: map[string]int{}}
	return tr.finish(t, func(c *ast.Call) (int, error) { return columns[c.Args[0].String()], nil }, nil)
}

// numericArg refuses what a function cannot take.
func numericArg(c *ast.Call, e expr.Expr) error {
	if isNull(e) || e.Type().IsNumeric() {
		return nil
	}
	switch c.Name {
	case "count", "first", "last", "mode", "distinct", "elapsed", "sample":
		return nil
	case "min", "max":
		if e.Type().Kind == column.Bool {
			return nil
		}
	}
	return planError("unsupported %s input type: %s", c.Name, typeName(e.Type()))
}

// transformer adds the results of transformations to sorted rows.
type transformer struct {
	q       *selection
	node    plan.Node
	columns map[string]int // of calls, by key
	results []int          // columns of the outermost transformations
	// plainResults says that something else than transformations is selected.
	plainResults bool
}

// add computes a call whose argument is a column of node, and returns the
// column of the result.
func (tr *transformer) add(c *ast.Call, arg int) int {
	q := tr.q
	call := plan.TransformCall{Name: c.Name, Column: arg, Unit: 1, Hold: -1, Type: column.Of(column.Float64)}
	switch c.Name {
	case "difference", "non_negative_difference", "cumulative_sum":
		call.Type = tr.node.Columns()[arg].Type
		if !call.Type.IsNumeric() {
			call.Type = column.Of(column.Float64)
		}
	case "elapsed":
		call.Type = column.Of(column.Int64)
	case "derivative", "non_negative_derivative":
		call.Unit = int64(1e9)
		if q.window != nil {
			call.Unit = q.window.every
		}
	}
	if len(c.Args) > 1 {
		switch a := c.Args[1].(type) {
		case *ast.DurationLiteral:
			call.Unit = int64(a.Val)
		case *ast.IntegerLiteral:
			call.N = int(a.Val)
		}
	}
	if len(c.Args) > 2 {
		call.Hold = int(c.Args[2].(*ast.IntegerLiteral).Val)
	}
	if len(c.Args) > 3 {
		call.Warmup = c.Args[3].(*ast.StringLiteral).Val
	}
	tr.node = plan.NewTransform(tr.node, q.series(), len(q.dims), q.desc, []plan.TransformCall{call})
	return len(tr.node.Columns()) - 1
}

// resolve finds or computes a call; base gives the columns of those calls that
// are no transformations of other calls.
func (tr *transformer) resolve(c *ast.Call, base func(*ast.Call) (int, error)) (int, error) {
	k := key(c)
	if i, ok := tr.columns[k]; ok {
		return i, nil
	}
	i, err := tr.compute(c, base)
	if err == nil {
		tr.columns[k] = i
	}
	return i, err
}

func (tr *transformer) compute(c *ast.Call, base func(*ast.Call) (int, error)) (int, error) {
	if _, ok := transformations[c.Name]; !ok {
		return base(c)
	}
	switch a := c.Args[0].(type) {
	case *ast.Call:
		if isMath(a.Name) {
			return 0, planError("unsupported call: %s", a.Name)
		}
		arg, err := tr.resolve(a, base)
		if err != nil {
			return 0, err
		}
		return tr.add(c, arg), nil
	case *ast.Distinct:
		return 0, planError("unsupported call: distinct")
	}
	arg, err := base(c)
	if err != nil {
		return 0, err
	}
	return tr.add(c, arg), nil
}

// finish computes the select list over the rows of node. aux, when not nil,
// resolves names of fields and tags.
func (tr *transformer) finish(t *table, base func(*ast.Call) (int, error), aux func(*ast.VarRef) (expr.Expr, error)) (*branch, error) {
	q := tr.q
	sc := &scope{ref: aux, call: func(c *ast.Call) (expr.Expr, error) {
		i, err := tr.resolve(c, base)
		if err != nil {
			return nil, err
		}
		if _, ok := transformations[c.Name]; ok {
			tr.results = append(tr.results, i)
		} else {
			tr.plainResults = true
		}
		return columnOf(tr.node, i), nil
	}}
	var values []expr.Expr
	for _, f := range q.expanded() {
		e, err := sc.expr(f)
		if err != nil {
			return nil, err
		}
		if e.Type().Kind == column.Float64 && callsStddev(f) {
			e = numberOrNull(e)
		}
		values = append(values, e)
	}
	n := tr.node
	if len(tr.results) > 0 && !tr.plainResults {
		// Rows in which nothing has a result are not there.
		var es []expr.Expr
		for _, i := range tr.results {
			es = append(es, columnOf(n, i))
		}
		cond, err := anyOf(es)
		if err != nil {
			return nil, err
		}
		n = &plan.Filter{Input: n, Cond: cond}
	}
	if q.extra > 0 {
		var err error
		if n, err = q.inRange(n); err != nil {
			return nil, err
		}
	}
	p := q.layout(n, func(i int, _ string) expr.Expr { return columnOf(n, i) }, columnOf(n, len(q.dims)))
	for i, e := range values {
		add(p, q.names[i], e)
	}
	return &branch{name: t.name, node: q.limited(p), tags: q.dims, names: q.names}, nil
}

// callsStddev says whether an expression may be no number where it should be
// null.
func callsStddev(e ast.Expr) (found bool) {
	ast.WalkFunc(e, func(n ast.Node) {
		c, ok := n.(*ast.Call)
		found = found || ok && c.Name == "stddev"
	})
	return found
}

// numberOrNull makes what is no number null.
func numberOrNull(e expr.Expr) expr.Expr {
	t := column.Of(column.Float64)
	return newFunc("number", t, []expr.Expr{e}, lift(t, func(out *column.Vector, args []*column.Vector, n int) {
		copy(out.Floats, args[0].Floats[:n])
		nullNaN(out, n)
	}))
}

// expanded are the expressions of the columns: those of the fields, and after a
// top or bottom its tags.
func (q *selection) expanded() []ast.Expr {
	var out []ast.Expr
	for _, f := range q.Fields {
		out = append(out, f.Expr)
		if c, ok := f.Expr.(*ast.Call); ok && (c.Name == "top" || c.Name == "bottom") && q.Target == nil {
			out = append(out, c.Args[1:len(c.Args)-1]...)
		}
	}
	return out
}

// inRange drops the windows that only transformations looked at.
func (q *selection) inRange(n plan.Node) (plan.Node, error) {
	if !q.desc && q.lo == store.MinTime || q.desc && q.hi == store.MaxTime {
		return n, nil
	}
	at := columnOf(n, len(q.dims))
	op, bound := expr.Ge, q.window.start(q.lo)
	if q.desc {
		op, bound = expr.Le, q.window.start(q.hi)
	}
	cond, err := expr.NewBinary(op, at, expr.NewLiteral(expr.Timestamp(bound)))
	if err != nil {
		return nil, err
	}
	return &plan.Filter{Input: n, Cond: cond}, nil
}
