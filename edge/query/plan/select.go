package plan

import (
	"slices"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// item is one output column of a SELECT: its expression in the syntax tree, or
// for a wildcard the input column.
type item struct {
	source sql.Expr
	column int // input column of a wildcard, when source is nil
	output Column
	bound  expr.Expr
}

// selectQuery plans one SELECT with the ORDER BY and LIMIT around it.
//
// The node chain is Scan, Filter, Aggregate, Filter (HAVING), Window, Filter
// (QUALIFY), Project, Sort, Distinct, Limit, and a Project that drops columns
// needed for sorting only.
func (b *Binder) selectQuery(s *sql.Select, q *sql.Query, limit bounds) (Node, error) {
	if err := resolveWindows(s, q); err != nil {
		return nil, err
	}
	if s.Align != nil {
		return b.rangeQuery(s, q, limit)
	}
	input, err := b.from(s.From)
	if err != nil {
		return nil, err
	}
	if s.Where != nil {
		if input, err = b.where(input, s.Where, &scope{columns: input.Columns()}); err != nil {
			return nil, err
		}
	}
	return b.selectOver(s, q, limit, input)
}

// selectOver plans what a SELECT makes of the rows that FROM and WHERE yield.
func (b *Binder) selectOver(s *sql.Select, q *sql.Query, limit bounds, input Node) (Node, error) {
	sc := &scope{columns: input.Columns()}
	items, err := b.items(s, sc)
	if err != nil {
		return nil, err
	}
	out := &scope{columns: sc.columns, windows: &windows{}, subqueries: &subqueries{}, unnests: &unnests{}}
	if grouped(s, q) {
		if out.agg, err = b.aggregation(s, items, sc); err != nil {
			return nil, err
		}
	}
	if err := b.bindItems(items, out); err != nil {
		return nil, err
	}
	keys, err := b.orderKeys(s, q, items, out)
	if err != nil {
		return nil, err
	}
	on, err := b.distinctOn(s, items, keys, out)
	if err != nil {
		return nil, err
	}
	havingSubqueries := &subqueries{}
	having, err := b.having(s, items, out, havingSubqueries)
	if err != nil {
		return nil, err
	}
	qualify, err := b.qualify(s, items, out)
	if err != nil {
		return nil, err
	}
	n := input
	if out.agg != nil {
		if n, err = out.agg.node(input); err != nil {
			return nil, err
		}
	}
	if having != nil {
		m, values, err := b.attach(n, havingSubqueries)
		if err != nil {
			return nil, err
		}
		n = &Filter{m, values(having)}
	}
	if out.agg != nil && out.agg.gap != nil {
		if n, err = out.agg.fillGaps(n, input); err != nil {
			return nil, err
		}
	}
	n, values, err := b.attach(n, out.subqueries)
	if err != nil {
		return nil, err
	}
	n, place := out.windows.nodes(n, values)
	settle := func(e expr.Expr) expr.Expr { return expr.Remap(values(e), place) }
	if qualify != nil {
		n = &Filter{n, settle(qualify)}
	}
	n, element := out.unnests.node(n, settle)
	settled := settle
	settle = func(e expr.Expr) expr.Expr { return expr.Remap(settled(e), element) }
	for i := range items {
		items[i].bound = settle(items[i].bound)
	}
	for i := range keys {
		keys[i].Expr = settle(keys[i].Expr)
	}
	for i := range on {
		on[i] = settle(on[i])
	}
	return finish(n, s, items, keys, on, limit)
}

// having binds HAVING, in which names of the input come before aliases.
func (b *Binder) having(s *sql.Select, items []item, out *scope, sub *subqueries) (expr.Expr, error) {
	if s.Having == nil {
		return nil, nil
	}
	if out.agg == nil {
		return nil, planErrorf("HAVING needs GROUP BY or an aggregate")
	}
	plain := *out
	plain.windows, plain.unnests, plain.subqueries = nil, nil, sub
	if g := out.agg.gap; g != nil {
		g.off = true
		defer func() { g.off = false }()
	}
	cond, err := b.bindOrder(s.Having, items, &plain)
	if err != nil {
		return nil, err
	}
	return predicate(cond)
}

// qualify binds QUALIFY, which chooses rows by window functions.
func (b *Binder) qualify(s *sql.Select, items []item, out *scope) (expr.Expr, error) {
	if s.Qualify == nil {
		return nil, nil
	}
	rows := *out
	rows.unnests = nil
	cond, err := b.bindOrder(s.Qualify, items, &rows)
	if err != nil {
		return nil, err
	}
	if len(out.windows.calls) == 0 {
		return nil, planErrorf("QUALIFY clause requires window functions in the SELECT list or QUALIFY clause")
	}
	return predicate(cond)
}

func (b *Binder) where(input Node, where sql.Expr, sc *scope) (Node, error) {
	if name := firstAggregate(where); name != "" {
		return nil, planErrorf("Aggregate functions are not allowed in the WHERE clause. Consider using HAVING instead")
	}
	terms := andTerms(where)
	if !slices.ContainsFunc(terms, isMembership) {
		return b.filter(input, where, sc)
	}
	for _, term := range terms {
		if isMembership(term) {
			n, ok, err := b.membership(input, term, sc)
			if err != nil {
				return nil, err
			}
			if ok {
				input = n
				continue
			}
		}
		var err error
		if input, err = b.filter(input, term, sc); err != nil {
			return nil, err
		}
	}
	return input, nil
}

// filter puts a condition on a node. Columns that its subqueries needed stay;
// no name means them.
func (b *Binder) filter(input Node, where sql.Expr, sc *scope) (Node, error) {
	inner := *sc
	inner.subqueries = &subqueries{}
	cond, err := b.bind(where, &inner)
	if err != nil {
		return nil, err
	}
	if cond, err = predicate(cond); err != nil {
		return nil, err
	}
	input, settle, err := b.attach(input, inner.subqueries)
	if err != nil {
		return nil, err
	}
	return &Filter{input, settle(cond)}, nil
}

// predicate checks that an expression can decide about rows.
func predicate(e expr.Expr) (expr.Expr, error) {
	switch e.Type().Kind {
	case column.Bool, column.Null:
		return e, nil
	}
	return nil, planErrorf("Cannot create filter with non-boolean predicate '%s' returning %s", e, e.Type())
}

// items expands wildcards and names the output.
func (b *Binder) items(s *sql.Select, sc *scope) ([]item, error) {
	var out []item
	for _, it := range s.Items {
		if !it.Wildcard {
			out = append(out, item{source: it.Expr, output: Column{Name: alias(it)}})
			continue
		}
		from := len(out)
		for i, c := range sc.columns {
			excluded := slices.ContainsFunc(it.Except, func(id sql.Ident) bool { return id.Name == c.Name })
			if n := len(it.Qualifier); !excluded && (n == 0 && !c.Hidden || n > 0 && it.Qualifier[n-1].Name == c.Qualifier) {
				c.Hidden, c.Also = false, ""
				out = append(out, item{column: i, output: c})
			}
		}
		if n := len(it.Qualifier); n > 0 && len(out) == from {
			return nil, planErrorf("Invalid qualifier %s", it.Qualifier[n-1].Name)
		}
		if s.From == nil {
			return nil, planErrorf("SELECT * with no tables specified is not valid")
		}
		if err := excludable(it, sc); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// excludable checks that the columns a wildcard leaves out are there.
func excludable(it sql.SelectItem, sc *scope) error {
	for _, id := range it.Except {
		there := slices.ContainsFunc(sc.columns, func(c Column) bool {
			n := len(it.Qualifier)
			return c.Name == id.Name && (n == 0 || it.Qualifier[n-1].Name == c.Qualifier)
		})
		if !there {
			return sc.unknown(&sql.ColumnRef{Qualifier: it.Qualifier, Name: id})
		}
	}
	return nil
}

// alias is the name that an item's text gives it; computed items get theirs
// when they are bound.
func alias(it sql.SelectItem) string {
	if it.Alias != nil {
		return it.Alias.Name
	}
	return ""
}

// bindItems binds the select list and gives unnamed items their canonical
// names.
func (b *Binder) bindItems(items []item, sc *scope) error {
	for i := range items {
		it := &items[i]
		var err error
		if it.source == nil {
			if it.bound, err = b.wildcardColumn(it.column, sc); err != nil {
				return err
			}
			continue
		}
		if it.bound, err = b.bind(it.source, sc); err != nil {
			return err
		}
		it.output.Type = it.bound.Type()
		if b.Native != nil {
			it.output.Unit = sc.unitOf(it.bound)
		}
		if it.output.Name != "" {
			continue
		}
		if ref, ok := it.source.(*sql.ColumnRef); ok {
			it.output.Name = ref.Name.Name
			if j, err := (&scope{columns: sc.columns}).find(ref); err == nil {
				it.output.Qualifier = sc.columns[j].Qualifier
			}
			continue
		}
		it.output.Name = b.nameOf(it.source, sc)
	}
	for i, it := range items {
		for j, o := range items[:i] {
			if o.output.Qualifier == it.output.Qualifier && o.output.Name == it.output.Name {
				return planErrorf("Projections require unique expression names but the expression %q at position %d and %q at position %d have the same name. Consider aliasing (\"AS\") one of them.",
					b.itemText(o, sc), j, b.itemText(it, sc), i)
			}
		}
	}
	return nil
}

// itemText is an item as an error text shows it.
func (b *Binder) itemText(it item, sc *scope) string {
	if it.source == nil {
		return it.output.full()
	}
	text := b.nameOf(it.source, sc)
	if _, plain := it.source.(*sql.ColumnRef); !plain && it.output.Name != text {
		text += " AS " + it.output.Name
	}
	return text
}

// wildcardColumn is an input column of "*", which after grouping must be a key.
func (b *Binder) wildcardColumn(i int, sc *scope) (expr.Expr, error) {
	if sc.agg == nil {
		return sc.column(i), nil
	}
	return sc.agg.column(sc.column(i))
}

// orderKeys binds ORDER BY: a position, an output name, or an expression of
// input columns.
func (b *Binder) orderKeys(s *sql.Select, q *sql.Query, items []item, sc *scope) ([]SortKey, error) {
	sorts := q.OrderBy
	if q.OrderByAll {
		sorts = allColumns(len(items))
	}
	var keys []SortKey
	for _, it := range sorts {
		e, err := b.ordinalOr(it.Expr, len(items), func(i int) expr.Expr { return items[i].bound }, func() (expr.Expr, error) { return b.bindSort(it.Expr, items, sc) })
		if err != nil {
			return nil, err
		}
		if s.Distinct && !slices.ContainsFunc(items, func(o item) bool { return expr.Equal(o.bound, e) }) {
			return nil, planErrorf("For SELECT DISTINCT, ORDER BY expressions %s must appear in select list", e)
		}
		keys = append(keys, sortKey(it, e))
	}
	return keys, nil
}

// bindSort binds an expression of ORDER BY or DISTINCT ON: an output name, or
// what bindOrder makes of it.
func (b *Binder) bindSort(e sql.Expr, items []item, sc *scope) (expr.Expr, error) {
	if ref, ok := e.(*sql.ColumnRef); ok && len(ref.Qualifier) == 0 {
		if i := slices.IndexFunc(items, func(o item) bool { return o.output.Name == ref.Name.Name }); i >= 0 {
			return items[i].bound, nil
		}
	}
	return b.bindOrder(e, items, sc)
}

// bindOrder binds an expression in which names of the input come first and
// aliases after them.
func (b *Binder) bindOrder(e sql.Expr, items []item, sc *scope) (expr.Expr, error) {
	bound, err := b.bind(e, sc)
	if err == nil {
		return bound, nil
	}
	if again, aerr := b.bind(substitute(e, items), sc); aerr == nil {
		return again, nil
	}
	return nil, err
}

// distinctOn binds DISTINCT ON, which must lead the sort order.
func (b *Binder) distinctOn(s *sql.Select, items []item, keys []SortKey, sc *scope) ([]expr.Expr, error) {
	var on []expr.Expr
	for i, e := range s.DistinctOn {
		bound, err := b.ordinalOr(e, len(items), func(i int) expr.Expr { return items[i].bound }, func() (expr.Expr, error) { return b.bindSort(e, items, sc) })
		if err != nil {
			return nil, err
		}
		on = append(on, bound)
		if len(keys) > 0 && (i >= len(keys) || !slices.ContainsFunc(keys[:min(len(keys), len(s.DistinctOn))], func(k SortKey) bool { return expr.Equal(k.Expr, bound) })) {
			return nil, planErrorf("SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
	}
	return on, nil
}

// finish builds the nodes from the projection up.
func finish(n Node, s *sql.Select, items []item, keys []SortKey, on []expr.Expr, limit bounds) (Node, error) {
	p := &Project{Input: n}
	for _, it := range items {
		p.Exprs = append(p.Exprs, it.bound)
		p.Output = append(p.Output, it.output)
	}
	visible := len(items)
	// What is sorted or compared by is a column of the projection, a hidden
	// one if need be.
	hidden := func(e expr.Expr) expr.Expr {
		i := slices.IndexFunc(p.Exprs, func(o expr.Expr) bool { return expr.Equal(o, e) })
		if i < 0 {
			i = len(p.Exprs)
			p.Exprs = append(p.Exprs, e)
			p.Output = append(p.Output, Column{Name: e.String(), Type: e.Type()})
		}
		return expr.NewColumn(i, p.Output[i].full(), p.Output[i].Type)
	}
	for i := range keys {
		keys[i].Expr = hidden(keys[i].Expr)
	}
	for i := range on {
		on[i] = hidden(on[i])
	}
	n = p
	if s.Distinct {
		n = &Distinct{Input: n}
	}
	if len(keys) > 0 {
		n = &Sort{Input: n, Keys: keys, Top: -1}
	}
	if on != nil {
		n = &Distinct{Input: n, On: on}
	}
	n = limit.apply(n)
	if len(p.Exprs) > visible {
		trim := &Project{Input: n, Output: p.Output[:visible:visible]}
		for i := range visible {
			trim.Exprs = append(trim.Exprs, expr.NewColumn(i, p.Output[i].full(), p.Output[i].Type))
		}
		n = trim
	}
	return n, nil
}

// grouped says whether a SELECT aggregates.
func grouped(s *sql.Select, q *sql.Query) bool {
	if len(s.GroupBy) > 0 || s.GroupByAll || s.Having != nil && firstAggregate(s.Having) != "" {
		return true
	}
	for _, it := range s.Items {
		if !it.Wildcard && firstAggregate(it.Expr) != "" {
			return true
		}
	}
	for _, it := range q.OrderBy {
		if firstAggregate(it.Expr) != "" {
			return true
		}
	}
	return false
}

// firstAggregate is the name of an aggregate call in an expression, outside of
// subqueries and windows, or "".
func firstAggregate(e sql.Expr) string {
	name := ""
	walk(e, func(x sql.Expr) bool {
		if c, ok := x.(*sql.Call); ok && c.Over == nil && agg.Exists(c.Name.Name) {
			name = c.Name.Name
		}
		return name == ""
	})
	return name
}
