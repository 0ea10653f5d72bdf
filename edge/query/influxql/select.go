package influxql

import (
	"slices"
	"strings"
	"time"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// maxWindows bounds the windows of a series: a query for all time at a small
// interval would else fill the memory with nulls (spec/influxql.md section 7).
const maxWindows = 1_000_000

// maxDepthOfQueries bounds subqueries.
const maxDepthOfQueries = 64

// selectAll checks, expands and binds a SELECT.
func (b *Binder) selectAll(s *ast.SelectStatement) ([]*branch, *ast.SelectStatement, error) {
	s = s.Clone()
	if err := b.check(s, nil, 0); err != nil {
		return nil, nil, err
	}
	s.RewriteTimeFields()
	s, err := s.RewriteFields(b)
	if err != nil {
		return nil, nil, wrap(err)
	}
	o := outer{min: store.MinTime, max: store.MaxTime}
	branches, err := b.selectBranches(s, o)
	return branches, s, err
}

// check validates a statement and what is nested in it, and folds its
// constants. parent is the statement around.
func (b *Binder) check(s *ast.SelectStatement, parent *ast.SelectStatement, depth int) error {
	if depth > maxDepthOfQueries {
		return planError("subqueries are nested more than %d levels deep", maxDepthOfQueries)
	}
	now := time.Unix(0, b.Ctx.Now).UTC()
	w, err := windowOf(s.Dimensions, s.Location, now)
	if err != nil {
		return err
	}
	sh := &shape{windowed: w != nil, limit: s.Limit, target: s.Target != nil}
	if parent != nil {
		if len(s.SortFields) > 0 && s.TimeAscending() != parent.TimeAscending() {
			return planError("subqueries must be ordered in the same direction as the query itself")
		}
		if len(s.SortFields) == 0 {
			s.SortFields = parent.SortFields
		}
		if w == nil {
			if pw, _ := windowOf(parent.Dimensions, parent.Location, now); pw != nil {
				sh.windowed, sh.inherited = true, true
			}
		}
	}
	s.RewriteDistinct()
	for _, f := range s.Fields {
		f.Expr = ast.Reduce(f.Expr, mathValuer{})
	}
	if err := sh.examine(s); err != nil {
		return err
	}
	rest, _, _, err := b.timeRange(s.Condition, s.Location)
	if err != nil {
		return err
	}
	if err := checkCondition(rest); err != nil {
		return err
	}
	for _, src := range s.Sources {
		if sub, ok := src.(*ast.SubQuery); ok {
			sub.Statement.RewriteTimeFields()
			if err := b.check(sub.Statement, s, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCondition refuses aggregates in WHERE.
func checkCondition(e ast.Expr) (err error) {
	if e == nil {
		return nil
	}
	ast.WalkFunc(e, func(n ast.Node) {
		if c, ok := n.(*ast.Call); ok && !isMath(c.Name) && err == nil {
			err = planError("invalid function call in condition: %s", c)
		}
	})
	return err
}

// selection is a statement while it is bound.
type selection struct {
	*ast.SelectStatement
	binder *Binder
	desc   bool
	nested bool
	// lo and hi bound the times, inclusive; window is GROUP BY time().
	lo, hi int64
	window *window
	inner  outer    // what the sources were given
	dims   []string // in byte order
	rest   ast.Expr // the condition without time
	names  []string
	shape  shape
	// partial says that this is one way of several to find the fields.
	partial bool
	// extra is by how many windows transformations look beyond the range, and
	// extraRead how many of those are read; the others are there to be filled.
	extra, extraRead int64
}

// selectBranches binds a statement whose wildcards are expanded.
func (b *Binder) selectBranches(s *ast.SelectStatement, o outer) ([]*branch, error) {
	now := time.Unix(0, b.Ctx.Now).UTC()
	q := &selection{SelectStatement: s, binder: b, nested: o.nested, desc: o.desc || !s.TimeAscending(), names: s.ColumnNames()[1:]}
	var err error
	if q.window, err = windowOf(s.Dimensions, s.Location, now); err != nil {
		return nil, err
	}
	q.shape = shape{windowed: q.window != nil || o.window != nil, inherited: q.window == nil, limit: s.Limit, target: s.Target != nil}
	if err := q.shape.examine(s); err != nil {
		if len(s.Fields) == 0 { // no wildcard matched anything
			return nil, nil
		}
		return nil, err
	}
	if q.window == nil && len(q.shape.calls) > 0 {
		q.window = o.window
	}
	if q.rest, q.lo, q.hi, err = b.timeRange(s.Condition, s.Location); err != nil {
		return nil, err
	}
	q.lo, q.hi = max(q.lo, o.min), min(q.hi, o.max)
	if q.window != nil && q.hi == store.MaxTime {
		q.hi = b.Ctx.Now
	}
	q.dims = slices.Clone(o.dims)
	for _, d := range s.Dimensions {
		if r, ok := d.Expr.(*ast.VarRef); ok {
			q.dims = append(q.dims, r.Val)
		}
	}
	slices.Sort(q.dims)
	q.dims = slices.Compact(q.dims)
	if q.window != nil {
		q.extra = extraWindows(s.Fields)
		q.extraRead = min(q.extra, readWindows(q.shape.calls))
	}
	inner := outer{min: q.lo, max: q.hi, dims: q.dims, window: q.window, desc: q.desc, nested: true}
	if q.extra > 0 {
		inner.min, inner.max = q.extended(q.extraRead)
	}
	q.inner = inner
	tables, err := b.from(s.Sources, inner)
	if err != nil {
		return nil, err
	}
	var out []*branch
	for _, t := range tables {
		br, err := q.branch(t)
		if err != nil {
			return nil, err
		}
		if br != nil {
			out = append(out, br)
		}
	}
	return out, nil
}

// extended is the range of time with the lengths of some windows more. The
// first of these windows is read in part, as in InfluxDB 1.
func (q *selection) extended(windows int64) (lo, hi int64) {
	lo, hi = q.lo, q.hi
	for range windows {
		if q.desc && hi < store.MaxTime-q.window.every {
			hi += q.window.every
		} else if !q.desc && lo > store.MinTime+q.window.every {
			lo -= q.window.every
		}
	}
	return lo, hi
}

// readWindows bounds the windows before the range that are read: one, or as
// many as the longest moving average has.
func readWindows(calls []*ast.Call) int64 {
	n := int64(1)
	for _, c := range calls {
		if _, ok := transformations[c.Name]; ok && len(c.Args) > 1 {
			if l, ok := c.Args[1].(*ast.IntegerLiteral); ok {
				n = max(n, l.Val)
			}
		}
	}
	return n
}

// extraWindows is how many windows before the range the deepest transformation
// of the fields needs: one each, but none for a running sum
// (spec/influxql.md section 9.3).
func extraWindows(fields ast.Fields) int64 {
	deepest := int64(0)
	for _, f := range fields {
		deepest = max(deepest, extraOf(f.Expr))
	}
	return deepest
}

func extraOf(e ast.Expr) int64 {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return extraOf(e.Expr)
	case *ast.BinaryExpr:
		return max(extraOf(e.LHS), extraOf(e.RHS))
	case *ast.Call:
		n := int64(0)
		for _, a := range e.Args {
			n = max(n, extraOf(a))
		}
		if _, ok := transformations[e.Name]; ok && e.Name != "cumulative_sum" {
			n++
		}
		return n
	}
	return 0
}

// branch binds the statement for one table; nil when it has nothing to show.
func (q *selection) branch(t *table) (*branch, error) {
	if ways := q.ways(); len(ways) > 1 {
		return q.together(t, ways)
	}
	if q.rest != nil {
		cond, err := t.condition(q.rest)
		if err != nil {
			return nil, err
		}
		filtered := *t
		filtered.node = &plan.Filter{Input: t.node, Cond: cond}
		t = &filtered
	}
	if len(q.shape.calls) == 0 {
		return q.raw(t)
	}
	if q.stepwise() {
		return q.transformRaw(t)
	}
	return q.aggregate(t)
}

// layout begins a projection with the group tags and the time.
func (q *selection) layout(in plan.Node, tag func(i int, name string) expr.Expr, at expr.Expr) *plan.Project {
	p := &plan.Project{Input: in}
	for i, d := range q.dims {
		e := tag(i, d)
		p.Exprs, p.Output = append(p.Exprs, e), append(p.Output, plan.Column{Name: d, Type: e.Type()})
	}
	p.Exprs, p.Output = append(p.Exprs, at), append(p.Output, plan.Column{Name: "time", Type: column.Of(column.Timestamp)})
	return p
}

func add(p *plan.Project, name string, e expr.Expr) {
	p.Exprs, p.Output = append(p.Exprs, e), append(p.Output, plan.Column{Name: name, Type: e.Type()})
}

// columnOf is column i of a node.
func columnOf(n plan.Node, i int) expr.Expr {
	c := n.Columns()[i]
	return expr.NewColumn(i, c.Name, c.Type)
}

// anyOf is true where one of some columns is not null.
func anyOf(es []expr.Expr) (expr.Expr, error) {
	var all expr.Expr
	for _, e := range es {
		x, err := expr.NewUnary(expr.IsNotNull, e)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = x
			continue
		}
		if all, err = expr.NewBinary(expr.Or, all, x); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// sorted orders rows whose first columns are the tags and the time by them, and
// then by further columns.
func (q *selection) sorted(n plan.Node, further ...int) plan.Node {
	s := &plan.Sort{Input: n, Top: -1}
	for i := range len(q.dims) + 1 {
		s.Keys = append(s.Keys, plan.SortKey{Expr: columnOf(n, i), Desc: q.desc, NullsFirst: !q.desc})
	}
	for _, i := range further {
		s.Keys = append(s.Keys, plan.SortKey{Expr: columnOf(n, i), NullsFirst: true})
	}
	return s
}

// series are the columns that tell the series of a branch apart.
func (q *selection) series() []int {
	out := make([]int, len(q.dims))
	for i := range out {
		out[i] = i
	}
	return out
}

// limited is LIMIT, OFFSET, SLIMIT and SOFFSET, of which 0 means none.
func (q *selection) limited(n plan.Node) plan.Node {
	count, scount := int64(q.Limit), int64(q.SLimit)
	if count == 0 {
		count = -1
	}
	if scount == 0 {
		scount = -1
	}
	if count < 0 && scount < 0 && q.Offset == 0 && q.SOffset == 0 {
		return n
	}
	if len(q.dims) == 0 && scount < 0 && q.SOffset == 0 {
		return &plan.Limit{Input: n, Offset: int64(q.Offset), Count: count}
	}
	return &plan.SeriesLimit{Input: n, Series: q.series(), Offset: int64(q.Offset), Count: count, SOffset: int64(q.SOffset), SCount: scount}
}

// raw binds a SELECT without functions: the rows in which a selected field has
// a value.
func (q *selection) raw(t *table) (*branch, error) {
	fields := map[string]expr.Expr{}
	sc := &scope{ref: func(r *ast.VarRef) (expr.Expr, error) {
		e, kind := t.ref(r)
		if kind == fieldRef {
			fields[e.String()] = e
		}
		return e, nil
	}}
	in := t.node
	p := q.layout(nil, func(_ int, name string) expr.Expr { return t.group(name) }, t.column(t.time))
	for i, f := range q.Fields {
		e, err := sc.expr(f.Expr)
		if err != nil {
			return nil, err
		}
		add(p, q.names[i], e)
	}
	if len(fields) == 0 {
		return nil, nil
	}
	exists := make([]expr.Expr, 0, len(fields))
	for _, k := range slices.Sorted(keysOf(fields)) {
		exists = append(exists, fields[k])
	}
	cond, err := anyOf(exists)
	if err != nil {
		return nil, err
	}
	p.Input = in
	if !t.derived { // the rows of a subquery are rows, whatever is selected of them
		p.Input = &plan.Filter{Input: in, Cond: cond}
	}
	visible := len(p.Exprs)
	return q.finishRaw(t, p, visible)
}

// finishRaw sorts, limits and trims the rows of a projection, of which the
// columns from visible on are not wanted.
func (q *selection) finishRaw(t *table, p *plan.Project, visible int) (*branch, error) {
	// Rows of one time lie in the order of their series' keys.
	var further []int
	for _, name := range t.order {
		if slices.Contains(q.dims, name) {
			continue
		}
		further = append(further, len(p.Exprs))
		add(p, name, t.group(name))
	}
	n := q.limited(q.sorted(q.firstRows(t, p), further...))
	return &branch{name: t.name, node: trim(n, visible), tags: q.dims, names: q.names}, nil
}

// firstRows lets a LIMIT within series read no more rows than it needs.
func (q *selection) firstRows(t *table, p *plan.Project) plan.Node {
	if q.Limit == 0 || len(q.dims) == 0 || t.derived {
		return p
	}
	top := &plan.TopPerSeries{Input: p, Count: int64(q.Limit) + int64(q.Offset), Desc: q.desc}
	scan := top.Scan()
	if scan == nil {
		return p
	}
	for i, name := range q.dims {
		if c, ok := scan.Table.Column(name); ok && c.Role == schema.Tag {
			top.Keys, top.TagIDs = append(top.Keys, i), append(top.TagIDs, c.ID)
		}
	}
	if len(top.Keys) == 0 {
		return p
	}
	return top
}

// trim drops the columns from n on.
func trim(in plan.Node, n int) plan.Node {
	if len(in.Columns()) == n {
		return in
	}
	p := &plan.Project{Input: in, Output: in.Columns()[:n:n]}
	for i := range n {
		p.Exprs = append(p.Exprs, columnOf(in, i))
	}
	return p
}

// key names a call among those of a statement.
func key(c *ast.Call) string { return strings.ToLower(c.Name) + "|" + c.String() }
