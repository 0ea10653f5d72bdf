package difftest

import (
	"fmt"
	"slices"
	"strconv"
)

// question is a query with what is known of its answer.
type question struct {
	text
	columns []expr // their texts are names
	rows    int
	// ordered says that there is one order of rows, but for equal ones.
	ordered bool
	// keys are the columns that tell the rows apart, where the others cannot
	// decide: those of GROUP BY.
	keys []int
}

// newQuestion makes a query.
func newQuestion(g *gen) question {
	if !g.chance(15) {
		return g.query(2, nil)
	}
	var with []text
	for range 1 + g.IntN(2) {
		q := g.query(1, nil)
		name := g.alias("cte")
		with = append(with, fill(name+" AS (?)", q.text))
		g.ctes = append(g.ctes, source{columns: q.columns, rows: q.rows, name: name})
	}
	q := g.query(2, nil)
	q.text = fill("WITH ? ?", join(with, ", "), q.text)
	return q
}

// query is a query with columns of the given kinds, or of any.
func (g *gen) query(depth int, kinds []kind) question {
	outer := g.scope
	defer func() { g.scope = outer }()
	switch {
	case kinds == nil && depth > 0 && g.chance(15):
		return g.limited(g.setOperation(depth - 1))
	case kinds == nil && g.chance(6):
		return g.byTime()
	}
	return g.selection(depth, kinds)
}

// core is a SELECT without ORDER BY.
func (g *gen) core(depth int, kinds []kind) (q question, s source) {
	s = g.from(depth)
	g.scope = s.columns
	where := text{}
	if g.chance(60) {
		where = fill(" WHERE ?", g.where(depth, s.rows))
	}
	if kinds == nil && g.chance(40) {
		return g.grouped(s, where), s
	}
	q = question{rows: s.rows}
	var items []text
	n := 1 + g.IntN(4)
	if kinds != nil {
		n = len(kinds)
	}
	for i := range n {
		var e expr
		switch {
		case kinds != nil:
			e = g.scalar(kinds[i], 2)
		case g.chance(40) && len(g.scope) > 0:
			e = g.scope[g.IntN(len(g.scope))] // a fuzzy one too
		default:
			e = g.scalar(kind(g.IntN(6)), 3)
		}
		switch {
		case kinds == nil && depth > 0 && g.chance(4):
			e = g.scalarQuery(depth - 1)
		case kinds == nil && depth > 0 && s.rows <= maxJoined && g.chance(4):
			e = g.correlatedScalar()
		case s.base && kinds == nil && g.chance(12):
			e = g.window(s)
		}
		items = append(items, g.named_(&q, e))
	}
	q.text = fill("SELECT ? FROM ??", join(items, ", "), s.text, where)
	if s.base && g.chance(4) {
		q.text = fill("? QUALIFY ?", q.text, g.qualify(s))
	}
	return q, s
}

// named_ adds an output column under a name of its own.
func (g *gen) named_(q *question, e expr) text {
	name := g.alias("c")
	item := fill("? AS "+name, e.text)
	e.text = both(name)
	q.columns = append(q.columns, e)
	return item
}

// grouped is an aggregation.
func (g *gen) grouped(s source, where text) question {
	q := question{rows: 1}
	var items, keys []text
	named, twice := map[string]bool{}, false
	for range g.IntN(4) {
		e := g.scalar(pick(g.Rand, str, str, integer, boolean, stamp, unsigned, float), g.IntN(3))
		if e.tarn == g.literalLike(e) {
			continue // a constant is no key: a number would be a position
		}
		items = append(items, g.named_(&q, e))
		at := len(q.columns) - 1
		q.keys = append(q.keys, at)
		twice = twice || named[e.tarn]
		named[e.tarn] = true
		// A position within grouping sets would be a constant to some.
		keys = append(keys, e.text)
		if g.chance(30) {
			keys[len(keys)-1] = both(strconv.Itoa(at + 1))
		}
		q.rows = min(q.rows*10, s.rows)
	}
	for range 1 + g.IntN(3) {
		e := g.aggregate()
		if e.kind == integer && e.size > 0 && g.chance(10) {
			e.text, e.size = fill("(? + count(*))", e.text), e.size+1e6
		}
		items = append(items, g.named_(&q, e))
	}
	q.text = fill("SELECT ? FROM ??", join(items, ", "), s.text, where)
	switch {
	case len(keys) > 1 && !twice && g.chance(20): // one key twice is two to some
		q.text = fill("? GROUP BY ?", q.text, g.groupingSets(keys))
		// A key that a set leaves out is NULL, as it may be in the data: rows are
		// told apart by neither.
		q.keys, q.rows = nil, q.rows*2
		return q
	case len(keys) > 0:
		q.text = fill("? GROUP BY ?", q.text, join(keys, ", "))
	}
	if g.chance(25) {
		q.text = fill("? HAVING ?", q.text, g.having())
	}
	return q
}

// groupingSets groups by several combinations of keys.
func (g *gen) groupingSets(keys []text) text {
	switch g.IntN(4) {
	case 0:
		return fill("ROLLUP (?)", join(keys, ", "))
	case 1:
		return fill("CUBE (?)", join(keys, ", "))
	case 2:
		return fill("GROUPING SETS ((?), (?), ())", join(keys, ", "), keys[0])
	}
	return fill("?, ROLLUP (?)", keys[0], join(keys[1:], ", "))
}

// literalLike is the expression's text if it names no column.
func (g *gen) literalLike(e expr) string {
	if slices.ContainsFunc(g.scope, func(c expr) bool { return contains(e.tarn, c.tarn) }) {
		return ""
	}
	return e.tarn
}

// having is a condition on aggregates that are the same in every order of rows.
func (g *gen) having() text {
	for range 5 {
		e := g.aggregate()
		if e.fuzzy {
			continue
		}
		return fill("(? "+g.operator()+" ?)", e.text, g.literal(e.kind).text)
	}
	return both("(count(*) > 2)")
}

// selection is a SELECT of one of its kinds, with its order.
func (g *gen) selection(depth int, kinds []kind) question {
	q, _ := g.core(depth, kinds)
	certain := !slices.ContainsFunc(q.columns, func(e expr) bool { return e.fuzzy })
	switch {
	case q.keys == nil && certain && g.chance(12) && !aggregated(q):
		q.text = distinct(q.text, "SELECT DISTINCT ")
		q.rows = min(q.rows, 200)
	case q.keys == nil && certain && g.chance(10) && !aggregated(q):
		return g.distinctOn(q)
	}
	return g.limited(q)
}

// aggregated says whether a query without keys aggregates.
func aggregated(q question) bool { return q.rows == 1 }

// distinct changes the first word of a query.
func distinct(t text, to string) text {
	return text{to + t.tarn[len("SELECT "):], to + t.duck[len("SELECT "):]}
}

// distinctOn keeps one row of each combination of some output columns: the first
// in the order of all.
func (g *gen) distinctOn(q question) question {
	n := 1 + g.IntN(len(q.columns))
	var on []text
	for _, c := range q.columns[:n] {
		on = append(on, c.text)
	}
	var order []text
	for i := range q.columns {
		order = append(order, g.direction(q.columns[i].text))
	}
	to := fill("SELECT DISTINCT ON (?) ", join(on, ", "))
	q.text = text{to.tarn + q.tarn[len("SELECT "):], to.duck + q.duck[len("SELECT "):]}
	q.text = fill("? ORDER BY ?", q.text, join(order, ", "))
	q.ordered, q.rows = true, min(q.rows, 100)
	return g.limit(q)
}

// limited gives a query an order, and with it perhaps a limit.
func (g *gen) limited(q question) question {
	keys := q.keys
	if keys == nil {
		for i := range q.columns {
			keys = append(keys, i)
		}
	}
	if slices.ContainsFunc(keys, func(i int) bool { return q.columns[i].fuzzy }) || !g.chance(50) {
		return q
	}
	keys = slices.Clone(keys)
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	// What decides may be preceded by anything certain.
	if i := g.IntN(len(q.columns)); !q.columns[i].fuzzy && !slices.Contains(keys, i) {
		keys = slices.Insert(keys, 0, i)
	}
	var order []text
	for _, i := range keys {
		order = append(order, g.direction(pick(g.Rand, q.columns[i].text, both(strconv.Itoa(i+1)))))
	}
	q.text = fill("? ORDER BY ?", q.text, join(order, ", "))
	q.ordered = true
	return g.limit(q)
}

func (g *gen) limit(q question) question {
	if !g.chance(50) {
		return q
	}
	n := pick(g.Rand, 0, 1, 2, 5, 20, 300, 5000)
	q.text = fill(fmt.Sprintf("? LIMIT %d", n), q.text)
	if g.chance(40) {
		q.text = fill(fmt.Sprintf("? OFFSET %d", g.IntN(30)), q.text)
	}
	q.rows = min(q.rows, n)
	return q
}

// direction is a sort key. Tarn takes NULL for the largest value where the
// query does not say; DuckDB is always told.
func (g *gen) direction(key text) text {
	switch g.IntN(6) {
	case 0:
		return fills(text{"?", "? ASC NULLS LAST"}, key)
	case 1:
		return fills(text{"? DESC", "? DESC NULLS FIRST"}, key)
	}
	return fill(pick(g.Rand, "? ASC NULLS FIRST", "? DESC NULLS LAST", "? NULLS FIRST", "? DESC NULLS FIRST"), key)
}

// setOperation combines queries of the same kinds of columns.
func (g *gen) setOperation(depth int) question {
	var kinds []kind
	for range 1 + g.IntN(3) {
		kinds = append(kinds, pick(g.Rand, str, str, integer, boolean, stamp, unsigned, float))
	}
	branch := func() question {
		outer := g.scope
		defer func() { g.scope = outer }()
		q, _ := g.core(depth, kinds)
		return q
	}
	q, r := branch(), branch()
	op := g.IntN(7)
	switch op {
	case 0, 1:
		q.text = fill("? UNION ALL ?", q.text, r.text)
	case 2:
		q.text = fill("? UNION ?", q.text, r.text)
	case 3:
		q.text = fill(pick(g.Rand, "? INTERSECT ?", "? EXCEPT ?"), q.text, r.text)
	case 4:
		q.text = fill(pick(g.Rand, "? UNION ? INTERSECT ?", "? UNION ALL ? EXCEPT ?", "(? EXCEPT ?) UNION ?"), q.text, r.text, branch().text)
	case 5:
		q.text = g.all("INTERSECT ALL", "SEMI", q, r)
	default:
		q.text = g.all("EXCEPT ALL", "ANTI", q, r)
	}
	q.rows += r.rows
	for i := range q.columns {
		q.columns[i].size, q.columns[i].exact = 0, false
	}
	return q
}

// all is INTERSECT ALL or EXCEPT ALL: here the left rows that are, or are not,
// among the right ones, as the reference's engine has it; DuckDB would count
// how often.
func (g *gen) all(op, kind string, l, r question) text {
	var on, names []text
	for i, c := range l.columns {
		on = append(on, fill("l.? IS NOT DISTINCT FROM r.?", c.text, r.columns[i].text))
		names = append(names, fill("l.?", c.text))
	}
	return fills(text{"?1 " + op + " ?2", "SELECT ?4 FROM (?1) l " + kind + " JOIN (?2) r ON ?3"}, l.text, r.text, join(on, " AND "), join(names, ", "))
}
