package plan

import (
	"slices"
	"strings"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
)

// aggregation collects the keys and aggregates of a grouped SELECT while its
// list, HAVING and ORDER BY are bound.
type aggregation struct {
	binder *Binder
	input  *scope
	keys   []expr.Expr
	calls  []AggCall
	names  []string // canonical texts of calls
}

// aggregation binds GROUP BY.
func (b *Binder) aggregation(s *sql.Select, items []item, sc *scope) (*aggregation, error) {
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
	for _, g := range s.GroupBy {
		if g.Kind != "" {
			return nil, notImplemented("%s", g.Kind)
		}
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

func (a *aggregation) addKey(k expr.Expr) {
	if !slices.ContainsFunc(a.keys, func(o expr.Expr) bool { return expr.Equal(o, k) }) {
		a.keys = append(a.keys, k)
	}
}

// group binds one GROUP BY item: a position in the select list, an input
// column, an alias, or an expression.
func (a *aggregation) group(e sql.Expr, items []item) error {
	source := e
	if lit, ok := e.(*sql.Literal); ok && lit.Kind == sql.IntLit {
		if lit.Int < 1 || lit.Int > int64(len(items)) {
			return planErrorf("Cannot find column with position %d in SELECT clause. Valid columns: 1 to %d", lit.Int, len(items))
		}
		it := items[lit.Int-1]
		if it.source == nil {
			a.addKey(a.input.column(it.column))
			return nil
		}
		source = it.source
	}
	if name := firstAggregate(source); name != "" {
		return planErrorf("Aggregate functions are not allowed in GROUP BY: %s", name)
	}
	k, err := a.binder.bind(source, a.input)
	if err != nil {
		again, aerr := a.binder.bind(substitute(source, items), a.input)
		if aerr != nil {
			return err
		}
		k = again
	}
	a.addKey(k)
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
	if c, ok := e.(*expr.Column); ok {
		return nil, a.ungrouped(c)
	}
	return nil, nil
}

func (a *aggregation) ungrouped(c *expr.Column) error {
	var have []string
	for _, k := range a.keys {
		have = append(have, k.String())
	}
	have = append(have, a.names...)
	satisfied := "no column"
	if len(have) > 0 {
		satisfied = `"` + strings.Join(have, ", ") + `"`
	}
	return planErrorf("Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column %q must appear in the GROUP BY clause or must be part of an aggregate function, currently only %s appears in the SELECT clause satisfies this requirement",
		c.Name, satisfied)
}

// bind handles what has a meaning of its own after grouping. done is false for
// expressions whose operands are to be bound one by one.
func (a *aggregation) bind(e sql.Expr) (bound expr.Expr, done bool, err error) {
	if c, ok := e.(*sql.Call); ok && c.Over == nil && agg.Exists(c.Name.Name) {
		bound, err = a.call(c)
		return bound, true, err
	}
	if firstAggregate(e) != "" {
		return nil, false, nil
	}
	plain, err := a.binder.bind(e, a.input)
	if err != nil {
		return nil, true, err
	}
	if bound, err = a.column(plain); bound != nil || err != nil {
		return bound, true, err
	}
	if len(expr.Columns(plain)) == 0 {
		return plain, true, nil
	}
	return nil, false, nil
}

// call registers an aggregate and returns its column in the output.
func (a *aggregation) call(c *sql.Call) (expr.Expr, error) {
	name := agg.Canonical(strings.ToLower(c.Name.Name))
	spec := agg.Spec{Name: name, Distinct: c.Distinct, Star: c.Star, IgnoreNulls: c.IgnoreNulls != nil && *c.IgnoreNulls}
	if c.Star && name != "count" {
		return nil, planErrorf("%s(*) is not supported", name)
	}
	for _, arg := range c.Args {
		if inner := firstAggregate(arg); inner != "" {
			return nil, planErrorf("Aggregate function calls cannot be nested: %s in %s", inner, name)
		}
	}
	args, err := a.binder.list(c.Args, a.input)
	if err != nil {
		return nil, err
	}
	sorts := c.OrderBy
	if c.Within != nil {
		// f(p) WITHIN GROUP (ORDER BY x) is f(x, p).
		if err := agg.WithinGroup(name, len(c.Within)); err != nil {
			return nil, err
		}
		spec.Descending = c.Within[0].Desc
		x, err := a.binder.bind(c.Within[0].Expr, a.input)
		if err != nil {
			return nil, err
		}
		args = append([]expr.Expr{x}, args...)
	}
	for i, e := range args {
		if args[i], err = expr.Fold(a.binder.Ctx, e); err != nil {
			return nil, err
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
		e, err := a.binder.bind(s.Expr, a.input)
		if err != nil {
			return nil, err
		}
		k := sortKey(s, e)
		args = append(args, e)
		spec.OrderBy = append(spec.OrderBy, agg.Order{Desc: k.Desc, NullsFirst: k.NullsFirst, Type: e.Type()})
	}
	t, err := agg.Type(spec)
	if err != nil {
		return nil, err
	}
	call := AggCall{Spec: spec, Args: args, Type: t}
	text := name + "(" + strings.Join(shown, ",") + ")"
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
		if call.Filter, err = a.binder.bind(c.Filter, a.input); err != nil {
			return nil, err
		}
		if call.Filter, err = predicate(call.Filter); err != nil {
			return nil, err
		}
		text += " FILTER (WHERE " + call.Filter.String() + ")"
	}
	return a.register(call, text), nil
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
			return expr.NewColumn(len(a.keys)+i, text, o.Type)
		}
	}
	a.calls = append(a.calls, call)
	a.names = append(a.names, text)
	return expr.NewColumn(len(a.keys)+len(a.calls)-1, text, call.Type)
}

// node builds the aggregation over its input.
func (a *aggregation) node(input Node) Node {
	n := &Aggregate{Input: input, Keys: a.keys, Aggs: a.calls}
	for _, k := range a.keys {
		t := k.Type()
		n.Output = append(n.Output, Column{Name: k.String(), Type: t})
	}
	for i, c := range a.calls {
		n.Output = append(n.Output, Column{Name: a.names[i], Type: c.Type})
	}
	return n
}
