package influxql

import (
	"fmt"
	"math"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
)

// leaf is a function of the rows of a group.
type leaf struct {
	call *ast.Call
	// aggs are what the engine computes, and value makes the result of them;
	// aux gives the further columns of a chosen row.
	aggs  []plan.AggCall
	value func(cols []expr.Expr) (expr.Expr, error)
	typ   column.Type
	// chosen says that the aggregate is a struct of a row: value, time, others.
	// many says that it is a list of such.
	chosen, many bool
	// unfilled results have no fill: v1 omits what has no value.
	unfilled bool
}

// aggregate binds a SELECT of functions of groups.
func (q *selection) aggregate(t *table) (*branch, error) {
	g := &grouping{q: q, t: t, at: map[string]int{}}
	for _, c := range q.shape.calls {
		if _, ok := transformations[c.Name]; ok {
			continue
		}
		if isForecast(c) {
			if c != q.Fields[0].Expr {
				return nil, notImplemented("%s() within an expression", c.Name)
			}
			continue
		}
		if err := g.add(c); err != nil {
			return nil, err
		}
	}
	if g.empty() {
		return nil, nil
	}
	n, err := g.node()
	if err != nil {
		return nil, err
	}
	tr := &transformer{q: q, node: n, columns: map[string]int{}}
	if c, ok := q.Fields[0].Expr.(*ast.Call); ok && isForecast(c) {
		return q.forecast(t, tr, g, c)
	}
	base := func(c *ast.Call) (int, error) {
		i, ok := g.at[key(c)]
		if !ok {
			return 0, fmt.Errorf("BUG: %s was not planned", c)
		}
		return len(q.dims) + 1 + i, nil
	}
	return tr.finish(t, base, g.auxColumn)
}

func isForecast(c *ast.Call) bool {
	return c.Name == "holt_winters" || c.Name == "holt_winters_with_fit"
}

// forecast binds holt_winters of an aggregate: all windows of a series together
// give its rows.
func (q *selection) forecast(t *table, tr *transformer, g *grouping, c *ast.Call) (*branch, error) {
	inner, ok := c.Args[0].(*ast.Call)
	if !ok {
		return nil, planError("must use aggregate function with %s", c.Name)
	}
	at, err := tr.resolve(inner, func(c *ast.Call) (int, error) {
		i, ok := g.at[key(c)]
		if !ok {
			return 0, planError("unsupported call: %s", c.Name)
		}
		return len(q.dims) + 1 + i, nil
	})
	if err != nil {
		return nil, err
	}
	value, when := columnOf(tr.node, at), columnOf(tr.node, len(q.dims))
	p := &agg.InfluxQL{N: int(c.Args[1].(*ast.IntegerLiteral).Val), Season: int(c.Args[2].(*ast.IntegerLiteral).Val),
		Unit: q.window.every, WithFit: c.Name == "holt_winters_with_fit"}
	l := &leaf{call: c}
	if err := l.call1(g.spec("holt_winters", p, value, when), value, when); err != nil {
		return nil, numericArg(c, value)
	}
	a := &plan.Aggregate{Input: tr.node, Aggs: l.aggs}
	for i, d := range q.dims {
		k := columnOf(tr.node, i)
		a.Keys, a.Output = append(a.Keys, k), append(a.Output, plan.Column{Name: d, Type: k.Type()})
	}
	a.Output = append(a.Output, plan.Column{Name: c.String(), Type: l.aggs[0].Type})
	n := plan.NewExplode(a, len(q.dims))
	out := q.layout(n, func(i int, _ string) expr.Expr { return columnOf(n, i) }, columnOf(n, len(q.dims)+1))
	add(out, q.names[0], columnOf(n, len(q.dims)))
	return &branch{name: t.name, node: q.limited(q.sorted(out)), tags: q.dims, names: q.names}, nil
}

// grouping is the aggregation of a branch.
type grouping struct {
	q      *selection
	t      *table
	leaves []*leaf
	at     map[string]int // leaf by key of its call
	aux    []auxiliary
	single bool // there is one selector, whose rows are shown
}

// auxiliary is a field or tag that is shown beside a selector.
type auxiliary struct {
	name string
	e    expr.Expr
}

func (g *grouping) empty() bool {
	for _, l := range g.leaves {
		if l.aggs != nil {
			return false
		}
	}
	return true
}

// arg is a function's argument: null when it is no field.
func (g *grouping) arg(c *ast.Call) (expr.Expr, error) {
	r, ok := c.Args[0].(*ast.VarRef)
	if !ok {
		return nil, planError("expected field argument in %s()", c.Name)
	}
	e, kind := g.t.ref(r)
	if kind == tagRef {
		return null(column.Of(column.Float64)), nil
	}
	return e, numericArg(c, e)
}

// resultType is that of a function of a field that there is not.
func resultType(c *ast.Call, arg column.Type) column.Type {
	switch c.Name {
	case "count":
		return column.Of(column.Int64)
	case "mean", "median", "stddev", "integral":
		return column.Of(column.Float64)
	}
	return arg
}

func (g *grouping) add(c *ast.Call) error {
	if _, ok := g.at[key(c)]; ok {
		return nil
	}
	l := &leaf{call: c}
	g.at[key(c)] = len(g.leaves)
	g.leaves = append(g.leaves, l)
	if inner := asDistinct(c.Args[0]); inner != nil { // count(distinct(x))
		e, err := g.arg(inner)
		if err != nil || isNull(e) {
			l.typ = column.Of(column.Int64)
			return err
		}
		return l.plain(agg.Spec{Name: "count", Distinct: true, Args: []column.Type{e.Type()}}, e)
	}
	e, err := g.arg(c)
	if err != nil {
		return err
	}
	if isNull(e) {
		l.typ = resultType(c, e.Type())
		return nil
	}
	return g.plan(l, e)
}

// plan chooses the aggregate of a function of e.
func (g *grouping) plan(l *leaf, e expr.Expr) error {
	at := g.t.column(g.t.time)
	// The only selector shows the time of its row, or further columns of it.
	g.single = !g.q.partial && len(g.q.distinctCalls()) == 1 && selectors[l.call.Name] && (g.q.window == nil || g.q.shape.plain)
	switch name := l.call.Name; name {
	case "count":
		return l.plain(agg.Spec{Name: "count", Args: []column.Type{e.Type()}}, e)
	case "sum":
		return l.plain(agg.Spec{Name: "sum", Args: []column.Type{e.Type()}}, e)
	case "mean":
		return l.plain(agg.Spec{Name: "avg", Args: []column.Type{e.Type()}}, e)
	case "stddev":
		if err := l.plain(agg.Spec{Name: "stddev", Args: []column.Type{e.Type()}}, e); err != nil {
			return err
		}
		l.aggs = append(l.aggs, plan.AggCall{Spec: agg.Spec{Name: "count", Args: []column.Type{e.Type()}}, Args: []expr.Expr{e}, Type: column.Of(column.Int64)})
		l.value = func(cols []expr.Expr) (expr.Expr, error) { return ofOne(cols[0], cols[1]), nil }
		return nil
	case "median":
		// Of integers, too, it is a float.
		e = cast(e, column.Float64)
		return l.plain(agg.Spec{Name: "median", Args: []column.Type{e.Type()}}, e)
	case "spread":
		l.typ = e.Type()
		for _, n := range []string{"max", "min"} {
			s := agg.Spec{Name: n, Args: []column.Type{e.Type()}}
			l.aggs = append(l.aggs, plan.AggCall{Spec: s, Args: []expr.Expr{e}, Type: e.Type()})
		}
		l.value = func(cols []expr.Expr) (expr.Expr, error) { return binary(ast.SUB, cols[0], cols[1], l.call.String()) }
		return nil
	case "mode":
		return l.plain(g.spec("mode", &agg.InfluxQL{}, e, at), e, at)
	case "integral":
		return g.integral(l, e, at)
	case "min", "max":
		if !g.single {
			return l.plain(agg.Spec{Name: name, Args: []column.Type{e.Type()}}, e)
		}
		return g.selector(l, agg.Spec{Name: "selector_" + name}, e, at)
	case "first", "last":
		return g.selector(l, agg.Spec{Name: "selector_" + name}, e, at)
	case "percentile":
		return g.selector(l, agg.Spec{Name: agg.InfluxQLPrefix + name, InfluxQL: &agg.InfluxQL{Percent: number(l.call.Args[1])}}, e, at)
	case "top", "bottom", "sample":
		n := len(l.call.Args) - 1
		p := &agg.InfluxQL{N: int(l.call.Args[n].(*ast.IntegerLiteral).Val)}
		if name != "sample" {
			for _, a := range l.call.Args[1:n] {
				g.addAux(a.(*ast.VarRef))
			}
			p.Tags = len(g.aux)
		}
		l.many = true
		return g.selector(l, agg.Spec{Name: agg.InfluxQLPrefix + name, InfluxQL: p}, e, at)
	case "distinct":
		l.many = true
		s := g.spec("distinct", &agg.InfluxQL{Desc: g.q.desc}, e, at)
		l.typ = e.Type()
		return l.call1(s, e, at)
	}
	return planError("undefined function %s()", l.call.Name)
}

// distinctCalls are the calls of a statement, each once.
func (q *selection) distinctCalls() map[string]bool {
	out := map[string]bool{}
	for _, c := range q.shape.calls {
		out[key(c)] = true
	}
	return out
}

func number(e ast.Expr) float64 {
	switch e := e.(type) {
	case *ast.IntegerLiteral:
		return float64(e.Val)
	case *ast.NumberLiteral:
		return e.Val
	}
	return 0
}

func (g *grouping) spec(name string, p *agg.InfluxQL, args ...expr.Expr) agg.Spec {
	s := agg.Spec{Name: agg.InfluxQLPrefix + name, InfluxQL: p}
	for _, a := range args {
		s.Args = append(s.Args, a.Type())
	}
	return s
}

// plain is a leaf whose result is the aggregate's.
func (l *leaf) plain(s agg.Spec, args ...expr.Expr) error {
	if err := l.call1(s, args...); err != nil {
		return err
	}
	l.typ = l.aggs[0].Type
	count := s.Name == "count"
	l.value = func(cols []expr.Expr) (expr.Expr, error) {
		if count {
			return nullZero(cols[0]), nil
		}
		return cols[0], nil
	}
	return nil
}

func (l *leaf) call1(s agg.Spec, args ...expr.Expr) error {
	t, err := agg.Type(s)
	if err != nil {
		return err
	}
	l.aggs = []plan.AggCall{{Spec: s, Args: args, Type: t}}
	return nil
}

// nullZero makes a count of nothing null: a group without values is not there.
func nullZero(e expr.Expr) expr.Expr {
	t := column.Of(column.Int64)
	return newFunc("count", t, []expr.Expr{e}, lift(t, func(out *column.Vector, args []*column.Vector, n int) {
		for i, x := range args[0].Ints[:n] {
			out.Ints[i] = x
			if x == 0 {
				out.Nulls.Set(i)
			}
		}
	}))
}

// ofOne tells the deviation of one value, which is no number, from that of
// none, which is null: only the latter is a gap to fill.
func ofOne(deviation, count expr.Expr) expr.Expr {
	t := column.Of(column.Float64)
	return newFunc("stddev", t, []expr.Expr{deviation, count}, func(args []*column.Vector, n int) *column.Vector {
		out := column.NewVector(t, n)
		out.AppendFrom(args[0], 0, n)
		for i, k := range args[1].Ints[:n] {
			if k == 1 {
				out.Floats[i] = math.NaN()
				out.Nulls.Clear(i)
			}
		}
		return out
	})
}

// selector is a leaf that chooses rows.
func (g *grouping) selector(l *leaf, s agg.Spec, e, at expr.Expr) error {
	args := []expr.Expr{e, at}
	if g.single || l.many {
		for _, r := range auxRefs(g.q.Fields) {
			g.addAux(r)
		}
		for _, a := range g.aux {
			args = append(args, a.e)
		}
	}
	for _, a := range args {
		s.Args = append(s.Args, a.Type())
	}
	if err := l.call1(s, args...); err != nil {
		return err
	}
	l.typ, l.chosen = e.Type(), true
	l.value = func(cols []expr.Expr) (expr.Expr, error) { return expr.NewGetField(cols[0], "value") }
	return nil
}

// auxRefs are the names in the fields that are not arguments of functions.
func auxRefs(fields ast.Fields) []*ast.VarRef {
	var out []*ast.VarRef
	var walk func(e ast.Expr)
	walk = func(e ast.Expr) {
		switch e := e.(type) {
		case *ast.VarRef:
			out = append(out, e)
		case *ast.ParenExpr:
			walk(e.Expr)
		case *ast.BinaryExpr:
			walk(e.LHS)
			walk(e.RHS)
		case *ast.Call:
			if isMath(e.Name) {
				for _, a := range e.Args {
					walk(a)
				}
			}
		}
	}
	for _, f := range fields {
		walk(f.Expr)
	}
	return out
}

func (g *grouping) addAux(r *ast.VarRef) {
	for _, a := range g.aux {
		if a.name == r.String() {
			return
		}
	}
	e, _ := g.t.ref(r)
	g.aux = append(g.aux, auxiliary{r.String(), e})
}

// auxColumn is where a name beside a selector lies.
func (g *grouping) auxColumn(r *ast.VarRef) (expr.Expr, error) {
	for i, a := range g.aux {
		if a.name == r.String() {
			t := a.e.Type()
			if t.Kind == column.Dict {
				t = column.Of(column.String)
			}
			return expr.NewColumn(len(g.q.dims)+1+len(g.leaves)+i, r.Val, t), nil
		}
	}
	return nil, planError("mixing aggregate and non-aggregate queries is not supported")
}

func (g *grouping) integral(l *leaf, e, at expr.Expr) error {
	p := &agg.InfluxQL{Unit: int64(1e9), Desc: g.q.desc}
	if len(l.call.Args) > 1 {
		p.Unit = int64(l.call.Args[1].(*ast.DurationLiteral).Val)
	}
	if g.q.window == nil {
		return l.plain(g.spec("integral", p, e, at), e, at)
	}
	if len(g.q.distinctCalls()) > 1 {
		return notImplemented("integral() with GROUP BY time() within an expression")
	}
	p.Window = g.q.window.bounds
	l.many, l.chosen, l.unfilled = true, true, true
	l.typ = column.Of(column.Float64)
	return l.call1(g.spec("integral", p, e, at), e, at)
}

// node is the aggregation: tags, time, the leaves' values, and the auxiliary
// columns, in order of tags and time.
func (g *grouping) node() (plan.Node, error) {
	q, t := g.q, g.t
	a := &plan.Aggregate{Input: t.node}
	for _, d := range q.dims {
		k := t.group(d)
		a.Keys, a.Output = append(a.Keys, k), append(a.Output, plan.Column{Name: d, Type: k.Type()})
	}
	whole := len(g.leaves) == 1 && g.leaves[0].unfilled // integral sees its series whole
	windowed := q.window != nil && !whole
	if windowed {
		k := q.window.of(t.column(t.time))
		a.Keys, a.Output = append(a.Keys, k), append(a.Output, plan.Column{Name: "time", Type: k.Type()})
	}
	for _, l := range g.leaves {
		for _, c := range l.aggs {
			a.Aggs, a.Output = append(a.Aggs, c), append(a.Output, plan.Column{Name: l.call.String(), Type: c.Type})
		}
	}
	n, err := g.values(a, windowed)
	if err != nil {
		return nil, err
	}
	switch {
	case g.leaves[0].many && g.leaves[0].chosen && q.desc:
		return q.chosenDescending(n, windowed), nil
	case len(q.dims) > 0 || q.window != nil || g.leaves[0].many:
		n = q.sorted(n)
	}
	if windowed && !g.leaves[0].many && q.fill() != ast.NoFill {
		n = g.filled(n)
	}
	return n, nil
}

// chosenDescending orders rows that were chosen within their groups: the series
// and the windows descend, but in each the rows stay in order of time, as in
// InfluxDB 1.
func (q *selection) chosenDescending(n plan.Node, windowed bool) plan.Node {
	p := &plan.Project{Input: n}
	cols := n.Columns()
	for i, c := range cols {
		add(p, c.Name, columnOf(n, i))
	}
	s := &plan.Sort{Input: p, Top: -1}
	for i := range q.dims {
		s.Keys = append(s.Keys, plan.SortKey{Expr: columnOf(p, i), Desc: true})
	}
	at := columnOf(n, len(q.dims))
	if q.window != nil {
		add(p, "window", q.window.of(at))
		s.Keys = append(s.Keys, plan.SortKey{Expr: columnOf(p, len(cols)), Desc: true})
	}
	if !windowed && q.window != nil { // integral: a row a window
		return trim(s, len(cols))
	}
	s.Keys = append(s.Keys, plan.SortKey{Expr: columnOf(p, len(q.dims))})
	return trim(s, len(cols))
}

// fill is the fill mode; a query around would drop nulls anyway.
func (q *selection) fill() ast.FillOption {
	if q.Fill == ast.NullFill && (q.nested || q.Target != nil) {
		return ast.NoFill
	}
	return q.Fill
}

// values computes the leaves' values from the aggregates, and the time.
func (g *grouping) values(a *plan.Aggregate, windowed bool) (plan.Node, error) {
	q := g.q
	var in plan.Node = a
	first := len(a.Keys)
	if g.leaves[0].many {
		return g.exploded(a, windowed)
	}
	at := expr.Expr(expr.NewLiteral(expr.Timestamp(q.startTime())))
	if windowed {
		at = columnOf(in, len(q.dims))
	}
	var values, aux []expr.Expr
	for _, l := range g.leaves {
		if l.aggs == nil {
			values = append(values, null(l.typ))
			continue
		}
		var cols []expr.Expr
		for range l.aggs {
			cols = append(cols, columnOf(in, first))
			first++
		}
		v, err := l.value(cols)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		if !l.chosen || !g.single {
			continue
		}
		if !windowed {
			if at, err = expr.NewGetField(cols[0], "time"); err != nil {
				return nil, err
			}
		}
		for i := range g.aux {
			x, err := expr.NewGetField(cols[0], a.Output[first-1].Type.Nested.Names[2+i])
			if err != nil {
				return nil, err
			}
			aux = append(aux, x)
		}
	}
	p := q.layout(in, func(i int, _ string) expr.Expr { return columnOf(in, i) }, at)
	var exists []expr.Expr
	for i, v := range values {
		name := g.leaves[i].call.String()
		add(p, name, v)
		if !isNull(v) {
			exists = append(exists, columnOf(p, len(p.Exprs)-1))
		}
	}
	for i, x := range aux {
		add(p, g.aux[i].name, x)
	}
	cond, err := anyOf(exists)
	if err != nil {
		return nil, err
	}
	return &plan.Filter{Input: p, Cond: cond}, nil
}

// exploded makes rows of a list that a leaf chose.
func (g *grouping) exploded(a *plan.Aggregate, windowed bool) (plan.Node, error) {
	q, l := g.q, g.leaves[0]
	list := len(a.Keys)
	n := plan.NewExplode(a, list)
	at := expr.Expr(expr.NewLiteral(expr.Timestamp(q.startTime())))
	switch {
	case l.chosen:
		at = columnOf(n, list+1)
	case windowed:
		at = columnOf(n, len(q.dims))
	}
	p := q.layout(n, func(i int, _ string) expr.Expr { return columnOf(n, i) }, at)
	add(p, l.call.String(), columnOf(n, list))
	for i, x := range g.aux {
		add(p, x.name, columnOf(n, list+2+i))
	}
	return p, nil
}

// startTime is the time of results that belong to no window and no row.
func (q *selection) startTime() int64 {
	if q.lo == store.MinTime {
		return 0
	}
	return q.lo
}

// filled adds the windows without rows.
func (g *grouping) filled(n plan.Node) plan.Node {
	q := g.q
	lo, hi := q.extended(q.extra)
	f := &plan.WindowFill{Input: n, Series: q.series(), Time: len(q.dims), Next: q.window.next(q.desc), Length: q.window.every,
		Desc: q.desc, MaxWindows: maxWindows, Always: q.Fill == ast.NumberFill}
	if lo == store.MinTime {
		f.FromFirst, f.ToLast = !q.desc, q.desc
	} else {
		f.First = q.window.start(lo)
	}
	f.Last = q.window.start(hi)
	if q.desc {
		f.First, f.Last = f.Last, f.First
	}
	f.Fills = make([]plan.Fill, len(n.Columns()))
	for i, l := range g.leaves {
		f.Fills[len(q.dims)+1+i] = fillOf(q.SelectStatement, l)
	}
	return f
}

// fillOf is how a leaf's column is filled; texts and booleans get the empty
// value for a number (spec/influxql.md section 7.1).
func fillOf(s *ast.SelectStatement, l *leaf) plan.Fill {
	switch s.Fill {
	case ast.PreviousFill:
		return plan.Fill{Mode: plan.FillPrevious}
	case ast.LinearFill:
		return plan.Fill{Mode: plan.FillLinear}
	case ast.NumberFill:
		return plan.Fill{Mode: plan.FillValue, Value: fillValue(s.FillValue, l.typ.Kind)}
	}
	if l.call.Name == "count" {
		return plan.Fill{Mode: plan.FillValue, Value: expr.Int(0)}
	}
	return plan.Fill{}
}

func fillValue(v any, k column.Kind) expr.Value {
	f := 0.0
	i := int64(0)
	switch v := v.(type) {
	case float64:
		f, i = v, int64(v)
	case int64:
		f, i = float64(v), v
	}
	switch k {
	case column.Int64:
		return expr.Int(i)
	case column.Uint64:
		return expr.Uint(uint64(i))
	case column.Bool:
		return expr.Boolean(false)
	case column.String, column.Dict:
		return expr.String("")
	}
	return expr.Float(f)
}
