package difftest

import "strings"

func contains(s, part string) bool { return strings.Contains(s, part) }

// where is the condition of a WHERE, which may ask subqueries.
func (g *gen) where(depth int) text {
	if depth <= 0 || g.chance(80) {
		return g.cond(3)
	}
	w := g.membership(depth - 1)
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
