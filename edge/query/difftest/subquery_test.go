package difftest

import "strings"

func contains(s, part string) bool { return strings.Contains(s, part) }

// where is the condition of a WHERE, which may ask subqueries.
func (g *gen) where(depth, rows int) text {
	if depth <= 0 || g.chance(75) {
		return g.cond(3)
	}
	w := text{}
	if rows <= maxJoined && g.chance(50) {
		w = g.correlated()
	} else {
		w = g.membership(depth - 1)
	}
	if g.chance(50) {
		w = fill("? AND ?", g.cond(2), w)
	}
	return w
}

// membership asks for rows of a subquery.
func (g *gen) membership(depth int) text {
	k := pick(g.Rand, str, integer, stamp, float, unsigned)
	switch g.IntN(4) {
	case 0:
		x := g.scalar(k, 1)
		return fill("? "+g.operator()+" ?", x.text, g.scalarQueryOf(k, depth).text)
	case 1:
		return fill(pick(g.Rand, "EXISTS (?)", "NOT EXISTS (?)"), g.query(depth, nil).text)
	}
	x := g.scalar(k, 1)
	return fill(pick(g.Rand, "? IN (?)", "? NOT IN (?)"), x.text, g.query(depth, []kind{k}).text)
}

// scalarQuery is a subquery of one value.
func (g *gen) scalarQuery(depth int) expr {
	return g.scalarQueryOf(pick(g.Rand, str, integer, stamp, float), depth)
}

func (g *gen) scalarQueryOf(k kind, depth int) expr {
	outer := g.scope
	defer func() { g.scope = outer }()
	s := g.from(min(depth, 0))
	g.scope = s.columns
	e := g.scalar(k, 1)
	e.text = fill(pick(g.Rand, "(SELECT min(?) FROM ? WHERE ?)", "(SELECT max(?) FROM ? WHERE ?)"), e.text, s.text, g.cond(1))
	return e
}

// inner is a table in a subquery that depends on the query around it: its
// columns, and the condition that ties them together.
func (g *gen) inner() (s source, tie text) {
	outer := g.scope
	defer func() { g.scope = outer }()
	s = g.base(true)
	k := pick(g.Rand, str, str, integer, stamp)
	a, ok := g.column(k)
	if !ok {
		a = g.literal(k)
	}
	g.scope = s.columns
	b, _ := g.column(k)
	op := "="
	if g.chance(15) {
		op = g.operator()
	}
	tie = fill("? "+op+" ?", b.text, a.text)
	if g.chance(40) {
		tie = fill("? AND ?", tie, g.cond(1))
	}
	return s, tie
}

// of is an expression over the columns of s alone.
func (g *gen) of(s source, k kind) expr {
	outer := g.scope
	defer func() { g.scope = outer }()
	g.scope = s.columns
	return g.scalar(k, 1)
}

// correlated is a condition on a subquery that names columns of this query.
func (g *gen) correlated() text {
	k := pick(g.Rand, str, integer, stamp, float, unsigned)
	switch g.IntN(4) {
	case 0:
		e := g.correlatedScalar()
		return fill("? "+g.operator()+" ?", g.scalar(e.kind, 1).text, e.text)
	case 1:
		s, tie := g.inner()
		return fill(pick(g.Rand, "EXISTS (SELECT 1 FROM ? WHERE ?)", "NOT EXISTS (SELECT 1 FROM ? WHERE ?)"), s.text, tie)
	}
	s, tie := g.inner()
	return fill(pick(g.Rand, "? IN (SELECT ? FROM ? WHERE ?)", "? NOT IN (SELECT ? FROM ? WHERE ?)"), g.scalar(k, 1).text, g.of(s, k).text, s.text, tie)
}

// correlatedScalar is one value of a subquery for each row.
func (g *gen) correlatedScalar() expr {
	s, tie := g.inner()
	if g.chance(30) {
		return expr{text: fill("(SELECT count(*) FROM ? WHERE ?)", s.text, tie), kind: integer, size: 1e6}
	}
	e := g.of(s, pick(g.Rand, str, integer, stamp, float))
	e.text = fill(pick(g.Rand, "(SELECT min(?) FROM ? WHERE ?)", "(SELECT max(?) FROM ? WHERE ?)"), e.text, s.text, tie)
	return e
}
