package difftest

// source is what may stand in FROM.
type source struct {
	text
	columns []expr
	rows    int // about how many
	base    bool
	name    string // of a CTE, or the alias
	last    bool   // not to be joined with more
}

// base is a table under an alias.
func (g *gen) base(small bool) source {
	t := &tables[g.IntN(len(tables))]
	if small {
		t = &tables[g.IntN(2)]
	}
	as := g.alias("t")
	s := source{text: both(pick(g.Rand, t.name, t.name, "iox."+t.name) + " " + as), rows: t.rows, base: true, name: as}
	s.duck = t.name + " " + as
	add := func(name string, e expr) {
		e.text = both(as + "." + name)
		s.columns = append(s.columns, e)
	}
	add("time", expr{kind: stamp})
	for _, tag := range t.tags {
		add(tag, expr{kind: str})
	}
	for _, f := range t.fields {
		add(f.name, expr{kind: f.kind, size: f.size, exact: f.exact})
	}
	return s
}

// derived is a query in FROM.
func (g *gen) derived(depth int) source {
	outer := g.scope
	q := g.query(depth-1, nil)
	g.scope = outer
	as := g.alias("q")
	s := source{text: fill(pick(g.Rand, "(?) "+as, "(?) AS "+as), q.text), rows: q.rows, name: as}
	s.columns = renamed(q.columns, as)
	return s
}

// renamed are a query's columns as those of a name in FROM.
func renamed(columns []expr, as string) []expr {
	out := make([]expr, len(columns))
	for i, c := range columns {
		c.text = fill(as+".?", c.text)
		out[i] = c
	}
	return out
}

// source is something in FROM.
func (g *gen) source(depth int, small bool) source {
	s := g.base(small)
	switch {
	case len(g.ctes) > 0 && g.chance(50):
		c := g.ctes[g.IntN(len(g.ctes))]
		as := g.alias("w")
		s = source{text: both(c.name + " " + as), columns: renamed(c.columns, as), rows: c.rows, name: as}
	case depth > 0 && g.chance(25):
		s = g.derived(depth)
	}
	if small && s.rows > maxJoined {
		return g.base(true)
	}
	return s
}

// maxJoined bounds the rows of what is joined, and maxPairs those of a join.
const (
	maxJoined = 1000
	maxPairs  = 60_000
)

// from is a FROM clause: one source or a join.
func (g *gen) from(depth int) source {
	if depth <= 0 || g.chance(55) {
		return g.source(depth, false)
	}
	s := g.joined(g.source(depth-1, true), g.source(depth-1, true))
	if s.rows < 3000 && !s.last && g.chance(25) {
		s = g.joined(s, g.source(0, true))
	}
	return s
}

func (g *gen) joined(l, r source) source {
	s := source{columns: append(append([]expr(nil), l.columns...), r.columns...)}
	few := l.rows*r.rows < maxPairs
	kinds := []text{both("JOIN"), both("INNER JOIN"), both("LEFT JOIN"), both("RIGHT JOIN"), both("FULL JOIN"), both("LEFT OUTER JOIN"),
		{"LEFT SEMI JOIN", "SEMI JOIN"}, {"LEFT ANTI JOIN", "ANTI JOIN"}}
	how := kinds[g.IntN(len(kinds))]
	semi := how.tarn != how.duck
	if l.base && r.base && !semi && g.chance(20) {
		return g.using(how, l, r)
	}
	if few && l.rows < 30 && g.chance(10) {
		s.text, s.rows = fill(pick(g.Rand, "? CROSS JOIN ?", "?, ?"), l.text, r.text), l.rows*r.rows
		s.last = true // an ON behind a comma does not see what is before it; DuckDB's does
		return s
	}
	outer := g.scope
	defer func() { g.scope = outer }()
	var on []text
	s.rows = l.rows * r.rows
	equal := func(of ...kind) {
		k := pick(g.Rand, of...)
		g.scope = l.columns
		a, ok := g.column(k)
		g.scope = r.columns
		b, okb := g.column(k)
		if ok && okb {
			on = append(on, fill(pick(g.Rand, "? = ?", "?2 = ?1"), a.text, b.text))
			s.rows = l.rows * r.rows / 4
		}
	}
	if g.chance(85) {
		equal(str, stamp, integer)
	}
	if len(on) == 0 && !few || g.chance(30) {
		equal(str, stamp)
	}
	g.scope = s.columns
	if s.rows > maxPairs/2 && len(on) == 0 || s.rows > maxPairs {
		return l
	}
	if len(on) == 0 || g.chance(25) {
		on = append(on, g.cond(1))
	}
	s.text = fill("? ? ? ON ?", l.text, how, r.text, join(on, " AND "))
	if semi {
		s.columns, s.rows = l.columns, l.rows
	}
	return s
}

// using joins tables by columns of one name, which become one column.
func (g *gen) using(how text, l, r source) source {
	keys := pick(g.Rand, []string{"host"}, []string{"time", "host"}, []string{"n", "host"}, []string{"time"})
	// A merged name would be ambiguous beside a third table.
	s := source{text: fill("? ? ? USING (?)", l.text, how, r.text, join(boths(keys), ", ")), rows: l.rows * r.rows / 8, last: true}
	merged := func(c expr, as string) (string, bool) {
		for _, k := range keys {
			if c.tarn == as+"."+k {
				return k, true
			}
		}
		return "", false
	}
	for _, c := range l.columns {
		if k, ok := merged(c, l.name); ok {
			c.text = both(k)
		}
		s.columns = append(s.columns, c)
	}
	for _, c := range r.columns {
		if _, ok := merged(c, r.name); !ok {
			s.columns = append(s.columns, c)
		}
	}
	return s
}

func boths(of []string) []text {
	out := make([]text, len(of))
	for i, s := range of {
		out[i] = both(s)
	}
	return out
}
