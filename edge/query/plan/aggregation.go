package plan

import (
	"slices"
	"strings"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// aggregation collects the keys and aggregates of a grouped SELECT while its
// list, HAVING and ORDER BY are bound.
type aggregation struct {
	binder *Binder
	input  *scope
	keys   []expr.Expr
	calls  []AggCall
	names  []string // canonical texts of calls
	gap    *gap     // nil when gaps stay
	// sets are grouping sets, nil when there is one: which keys are of each.
	// The last key is then the set's identity.
	sets [][]bool
}

// aggregation binds GROUP BY.
func (b *Binder) aggregation(s *sql.Select, items []item, sc *scope) (*aggregation, error) {
	// Subqueries within keys and aggregates belong below the aggregation.
	below := *sc
	below.subqueries = &subqueries{}
	sc = &below
	a := &aggregation{binder: b, input: sc}
	if s.GroupByAll {
		for _, it := range items {
			if it.source == nil {
				a.addKey(sc.column(it.column))
			} else if firstAggregate(it.source) == "" {
				k, err := b.bind(it.source, sc)
				if err != nil {
					return nil, err
				}
				a.addKey(k)
			}
		}
		return a, nil
	}
	if slices.ContainsFunc(s.GroupBy, func(g sql.GroupItem) bool { return g.Kind != "" }) {
		if err := a.groupingSets(s.GroupBy, items); err != nil {
			return nil, err
		}
		return a, a.noGapSets()
	}
	for _, g := range s.GroupBy {
		if t, ok := g.Expr.(*sql.Tuple); ok {
			for _, e := range t.Elems {
				if err := a.group(e, items); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := a.group(g.Expr, items); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// addKey returns the number of a key, new or not.
func (a *aggregation) addKey(k expr.Expr) int {
	i := slices.IndexFunc(a.keys, func(o expr.Expr) bool { return expr.Equal(o, k) })
	if i < 0 {
		i = len(a.keys)
		a.keys = append(a.keys, k)
	}
	return i
}

func (a *aggregation) group(e sql.Expr, items []item) error {
	_, err := a.groupKey(e, items)
	return err
}

// groupKey binds one GROUP BY item: a position in the select list, an input
// column, an alias, or an expression. It returns the key's number.
func (a *aggregation) groupKey(e sql.Expr, items []item) (int, error) {
	source := e
	if lit, ok := e.(*sql.Literal); ok && lit.Kind == sql.IntLit {
		if lit.Int < 1 || lit.Int > int64(len(items)) {
			return 0, planErrorf("Cannot find column with position %d in SELECT clause. Valid columns: 1 to %d", lit.Int, len(items))
		}
		it := items[lit.Int-1]
		if it.source == nil {
			return a.addKey(a.input.column(it.column)), nil
		}
		source = it.source
	} else if it := a.aliased(e, items); it != nil && hasGap(it) != "" {
		source = it // which cannot be bound apart from the GROUP BY clause
	}
	if name := firstAggregate(source); name != "" {
		return 0, planErrorf("Aggregate functions are not allowed in GROUP BY: %s", name)
	}
	if hasWindow(source) {
		return 0, planErrorf("Window functions are not allowed in GROUP BY")
	}
	if c, name := gapCall(source); c != nil {
		return len(a.keys), a.gapKey(c, name)
	}
	if name := hasGap(source); name != "" {
		return 0, planErrorf("%s must be a top-level expression in the GROUP BY clause when gap filling. It cannot be part of another expression or cast", strings.ToUpper(name))
	}
	k, err := a.binder.bind(source, a.input)
	if err != nil {
		again, aerr := a.binder.bind(substitute(source, items), a.input)
		if aerr != nil {
			return 0, err
		}
		k = again
	}
	return a.addKey(k), nil
}

// aliased is the item that a name means when it means no input column.
func (a *aggregation) aliased(e sql.Expr, items []item) sql.Expr {
	ref, ok := e.(*sql.ColumnRef)
	if !ok || len(ref.Qualifier) > 0 {
		return nil
	}
	if _, err := a.input.find(ref); err == nil {
		return nil
	}
	for _, it := range items {
		if it.source != nil && it.output.Name == ref.Name.Name {
			return it.source
		}
	}
	return nil
}

// column is the output of the aggregation that equals an expression over the
// input: a key, or a constant.
func (a *aggregation) column(e expr.Expr) (expr.Expr, error) {
	for i, k := range a.keys {
		if expr.Equal(k, e) {
			return expr.NewColumn(i, k.String(), k.Type()), nil
		}
	}
	if c, ok := e.(*expr.Column); ok && c.Index < outerBase {
		return nil, a.ungrouped(c)
	}
	return nil, nil
}

func (a *aggregation) ungrouped(c *expr.Column) error {
	var have []string
	for _, k := range a.keys {
		if c, ok := k.(*expr.Column); !ok || c.Index < groupingBase {
			have = append(have, k.String())
		}
	}
	have = append(have, a.names...)
	satisfied := "no column in the SELECT clause"
	if len(have) > 0 {
		satisfied = `only "` + strings.Join(have, ", ") + `" appears in the SELECT clause`
	}
	return planErrorf("Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column %q must appear in the GROUP BY clause or must be part of an aggregate function, currently %s satisfies this requirement",
		c.Name, satisfied)
}

// bind handles what has a meaning of its own after grouping. done is false for
// expressions whose operands are to be bound one by one.
func (a *aggregation) bind(e sql.Expr) (bound expr.Expr, done bool, err error) {
	if c, ok := e.(*sql.Call); ok && c.Over == nil && agg.Exists(c.Name.Name) {
		bound, err = a.call(c)
		return bound, true, err
	}
	if c, ok := e.(*sql.Call); ok && c.Over == nil && strings.EqualFold(c.Name.Name, "grouping") {
		bound, err = a.grouping(c)
		return bound, true, err
	}
	if c, ok := e.(*sql.Call); ok && gapFills[strings.ToLower(c.Name.Name)] != FillNull {
		bound, err = a.filled(c)
		return bound, true, err
	}
	if firstAggregate(e) != "" || hasWindow(e) || hasSubquery(e) || hasUnnest(e) || hasGrouping(e) {
		return nil, false, nil
	}
	plain, err := a.binder.bind(e, a.input)
	if err != nil {
		return nil, true, err
	}
	if bound, err = a.column(plain); bound != nil || err != nil {
		return bound, true, err
	}
	if !slices.ContainsFunc(expr.Columns(plain), func(i int) bool { return i < outerBase }) {
		return plain, true, nil
	}
	return nil, false, nil
}

// call registers an aggregate and returns its column in the output.
func (a *aggregation) call(c *sql.Call) (expr.Expr, error) {
	for _, arg := range c.Args {
		if inner := firstAggregate(arg); inner != "" {
			return nil, planErrorf("Aggregate function calls cannot be nested: %s in %s", inner, strings.ToLower(c.Name.Name))
		}
	}
	call, text, err := a.binder.aggregate(c, a.input)
	if err != nil {
		return nil, err
	}
	return a.register(call, text), nil
}

// aggregate binds the call of an aggregate in the scope of its arguments, and
// returns its canonical text.
func (b *Binder) aggregate(c *sql.Call, sc *scope) (call AggCall, text string, err error) {
	name := agg.Canonical(strings.ToLower(c.Name.Name))
	spec := agg.Spec{Name: name, Distinct: c.Distinct, Star: c.Star, IgnoreNulls: c.IgnoreNulls != nil && *c.IgnoreNulls}
	if c.Star && name != "count" {
		return call, "", planErrorf("%s(*) is not supported", name)
	}
	args, err := b.list(c.Args, sc)
	if err != nil {
		return call, "", err
	}
	sorts := c.OrderBy
	if c.Within != nil {
		// f(p) WITHIN GROUP (ORDER BY x) is f(x, p).
		if err := agg.WithinGroup(name, len(c.Within)); err != nil {
			return call, "", err
		}
		spec.Descending = c.Within[0].Desc
		x, err := b.bind(c.Within[0].Expr, sc)
		if err != nil {
			return call, "", err
		}
		args = append([]expr.Expr{x}, args...)
	}
	for i, e := range args {
		if args[i], err = expr.Fold(b.Ctx, e); err != nil {
			return call, "", err
		}
		spec.Args = append(spec.Args, args[i].Type())
		var lit *expr.Value
		if l, ok := args[i].(*expr.Literal); ok {
			lit = &l.Value
		}
		spec.ArgLiterals = append(spec.ArgLiterals, lit)
	}
	shown := texts(args)
	for _, s := range sorts {
		e, err := b.bind(s.Expr, sc)
		if err != nil {
			return call, "", err
		}
		k := sortKey(s, e)
		args = append(args, e)
		spec.OrderBy = append(spec.OrderBy, agg.Order{Desc: k.Desc, NullsFirst: k.NullsFirst, Type: e.Type()})
	}
	t, err := agg.Type(spec)
	if err != nil {
		return call, "", err
	}
	call = AggCall{Spec: spec, Args: args, Type: t}
	text = name + "(" + strings.Join(shown, ",") + ")"
	switch {
	case c.Star:
		text = name + "(*)"
	case c.Distinct:
		text = name + "(DISTINCT " + strings.Join(shown, ",") + ")"
	}
	if c.Within != nil {
		order := []agg.Order{{Desc: spec.Descending, NullsFirst: sortKey(c.Within[0], nil).NullsFirst}}
		text = name + "(" + strings.Join(shown[1:], ",") + ") WITHIN GROUP [" + orderText(args[:1], order) + "]"
	}
	if len(sorts) > 0 {
		text = strings.TrimSuffix(text, ")") + ") ORDER BY [" + orderText(args[len(shown):], spec.OrderBy) + "]"
	}
	if spec.IgnoreNulls {
		text += " IGNORE NULLS"
	}
	if c.Filter != nil {
		if call.Filter, err = b.bind(c.Filter, sc); err != nil {
			return call, "", err
		}
		if call.Filter, err = predicate(call.Filter); err != nil {
			return call, "", err
		}
		text += " FILTER (WHERE " + call.Filter.String() + ")"
	}
	return call, text, nil
}

func texts(es []expr.Expr) []string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.String()
	}
	return out
}

func orderText(keys []expr.Expr, orders []agg.Order) string {
	var parts []string
	for i, k := range keys {
		dir, nulls := " ASC", " NULLS LAST"
		if orders[i].Desc {
			dir = " DESC"
		}
		if orders[i].NullsFirst {
			nulls = " NULLS FIRST"
		}
		parts = append(parts, k.String()+dir+nulls)
	}
	return strings.Join(parts, ", ")
}

// register adds an aggregate unless the same one is there: two accesses of a
// selector compute it once.
func (a *aggregation) register(call AggCall, text string) expr.Expr {
	for i, o := range a.calls {
		same := a.names[i] == text && len(o.Args) == len(call.Args) && (o.Filter == nil) == (call.Filter == nil)
		for j := 0; same && j < len(o.Args); j++ {
			same = expr.Equal(o.Args[j], call.Args[j])
		}
		if same && (o.Filter == nil || expr.Equal(o.Filter, call.Filter)) {
			return a.output(i)
		}
	}
	a.calls = append(a.calls, call)
	a.names = append(a.names, text)
	return a.output(len(a.calls) - 1)
}

// output is the column of an aggregate after grouping, or after gap filling: a
// count is then 0 where there is nothing.
func (a *aggregation) output(i int) expr.Expr {
	col := expr.NewColumn(len(a.keys)+i, a.names[i], a.calls[i].Type)
	if a.gap == nil || a.gap.off {
		return col
	}
	f := Fill{Expr: col}
	if zeroWhenEmpty(a.calls[i].Spec) {
		f.Mode, f.Value = FillValue, expr.Int(0)
		if col.T.Kind == column.Uint64 {
			f.Value = expr.Uint(0)
		}
	}
	return a.fill(f, a.names[i])
}

// node builds the aggregation over its input.
func (a *aggregation) node(input Node) (Node, error) {
	input, settle, err := a.binder.attach(input, a.input.subqueries)
	if err != nil {
		return nil, err
	}
	n := &Aggregate{Input: input, Keys: a.keys, Aggs: a.calls}
	_ = eachExpr(n, func(e expr.Expr) (expr.Expr, error) { return settle(e), nil }) // never fails
	for _, k := range a.keys {
		t := k.Type()
		n.Output = append(n.Output, Column{Name: k.String(), Type: t})
	}
	for i, c := range a.calls {
		n.Output = append(n.Output, Column{Name: a.names[i], Type: c.Type})
	}
	if a.sets != nil {
		a.expand(n)
	}
	return n, nil
}
