package difftest

import (
	"strconv"
	"time"
)

// cond is a condition, in parentheses.
func (g *gen) cond(depth int) text {
	if depth > 0 && g.chance(45) {
		switch g.IntN(5) {
		case 0, 1:
			return fill("(? AND ?)", g.cond(depth-1), g.cond(depth-1))
		case 2, 3:
			return fill("(? OR ?)", g.cond(depth-1), g.cond(depth-1))
		}
		return fill("(NOT ?)", g.cond(depth-1))
	}
	depth = min(depth, 2) - 1
	k := kind(g.IntN(6))
	switch g.IntN(14) {
	case 0, 1, 2, 3:
		return g.comparison(k, depth)
	case 4:
		return fill(pick(g.Rand, "(? IS NULL)", "(? IS NOT NULL)"), g.scalar(k, depth).text)
	case 5:
		return g.inList(k, depth)
	case 6:
		return fill(pick(g.Rand, "(? BETWEEN ? AND ?)", "(? NOT BETWEEN ? AND ?)"), g.scalar(k, depth).text, g.leaf(k).text, g.leaf(k).text)
	case 7:
		return fill(pick(g.Rand, "(? LIKE ?)", "(? NOT LIKE ?)", "(? ILIKE ?)", "(? NOT ILIKE ?)"), g.scalar(str, depth).text,
			quote(pick(g.Rand, "%", "a%", "%b", "_", "%a%", "a_b", "h_", "", "%é%", "__", "%1%", "A%")))
	case 8:
		return g.regexp(depth)
	case 9:
		return fill(pick(g.Rand, "(? IS DISTINCT FROM ?)", "(? IS NOT DISTINCT FROM ?)"), g.scalar(k, depth).text, g.leaf(k).text)
	case 10:
		return fill(pick(g.Rand, "(? IS TRUE)", "(? IS FALSE)", "(? IS NOT TRUE)", "(? IS NOT FALSE)", "(? IS UNKNOWN)", "(? IS NOT UNKNOWN)"), g.cond(depth))
	case 11:
		return g.timeRange()
	case 12:
		// Numbers of different types are compared by their values.
		a, b := g.bounded(integer, depth), g.bounded(pick(g.Rand, unsigned, float), depth)
		return fill("(? "+g.operator()+" ?)", a.text, b.text)
	}
	return g.leaf(boolean).text
}

func (g *gen) operator() string { return pick(g.Rand, "=", "<>", "<", "<=", ">", ">=", "!=") }

func (g *gen) comparison(k kind, depth int) text {
	return fill("(? "+g.operator()+" ?)", g.scalar(k, depth).text, g.scalar(k, depth).text)
}

func (g *gen) inList(k kind, depth int) text {
	var list []text
	for range 1 + g.IntN(4) {
		list = append(list, g.literal(k).text)
	}
	if g.chance(20) {
		list = append(list, both("NULL"))
	}
	return fill(pick(g.Rand, "(? IN (?))", "(? NOT IN (?))"), g.scalar(k, depth).text, join(list, ", "))
}

// regexp searches: DuckDB's operators match whole texts instead.
func (g *gen) regexp(depth int) text {
	pattern := quote(pick(g.Rand, "^a", "b$", "[0-9]+", "a|B", "^$", ".", "h[12]", "^(a|b)+$", "é", "a b"))
	op, flags, not := "~", "", ""
	if g.chance(30) {
		op, flags = "~*", ", 'i'"
	}
	if g.chance(30) {
		op, not = "!"+op, "NOT "
	}
	return fills(text{"(? " + op + " ?)", "(" + not + "regexp_matches(?, ?" + flags + "))"}, g.scalar(str, depth).text, pattern)
}

// timeRange bounds a time, with the literals that people write.
func (g *gen) timeRange() text {
	c, ok := g.column(stamp)
	if !ok {
		return g.comparison(integer, 0)
	}
	at := epoch + g.Int64N(150_000)*second
	day := time.Unix(0, at).UTC()
	tarn := pick(g.Rand, day.Format("'2006-01-02T15:04:05Z'"), day.Format("'2006-01-02 15:04:05'"), strconv.FormatInt(at, 10),
		day.In(time.FixedZone("", 7200)).Format("'2006-01-02T15:04:05-07:00'"))
	lit := text{tarn, "make_timestamp_ns(" + strconv.FormatInt(at, 10) + ")"}
	if g.chance(50) {
		return fill("(? "+pick(g.Rand, "<", "<=", ">", ">=")+" ?)", c.text, lit)
	}
	to := at + g.Int64N(100_000)*second
	return fill("(? >= ? AND ? < ?)", c.text, lit, c.text, text{time.Unix(0, to).UTC().Format("'2006-01-02T15:04:05Z'"), "make_timestamp_ns(" + strconv.FormatInt(to, 10) + ")"})
}
