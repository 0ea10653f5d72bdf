package difftest

import (
	"fmt"
	"strconv"
	"strings"
)

// window is a window function over the rows of a table. Whatever depends on the
// place of a row is ordered by time and tags, which no two rows share.
func (g *gen) window(s source) expr {
	partition := g.partition()
	total := "ORDER BY " + s.name + ".time" + pick(g.Rand, "", " DESC")
	for _, c := range s.columns {
		if c.kind == str && !strings.HasSuffix(c.tarn, ".s") {
			total += ", " + c.tarn + pick(g.Rand, " NULLS FIRST", " DESC NULLS LAST")
		}
	}
	over := func(order string) text { return fill(" OVER (? ?)", partition, both(order)) }
	unsigned_ := func(call string, w text) expr {
		return expr{text: fills(text{"??", "CAST(?? AS UBIGINT)"}, both(call), w), kind: unsigned, size: 1e5}
	}
	switch g.IntN(8) {
	case 0:
		return unsigned_("row_number()", over(total))
	case 1:
		return unsigned_(pick(g.Rand, "rank()", "dense_rank()"), fill(" OVER (? ORDER BY ?)", partition, g.peers()))
	case 2:
		return unsigned_("ntile("+strconv.Itoa(1+g.IntN(5))+")", over(total))
	case 3:
		return expr{text: fill(pick(g.Rand, "percent_rank()", "cume_dist()")+" OVER (? ORDER BY ?)", partition, g.peers()), kind: float, size: 1, fuzzy: true}
	case 4:
		e := g.leaf(kind(g.IntN(6)))
		call := pick(g.Rand, "lag(?)", "lead(?)", "lag(?, 2)", "lead(?, 3)")
		if e.kind == integer && g.chance(50) {
			call = pick(g.Rand, "lag(?, 1, -1)", "lead(?, 2, 7)")
		}
		e.text = fill(call+"?", e.text, over(total))
		return e
	case 5:
		e := g.leaf(kind(g.IntN(6)))
		e.text = fill(pick(g.Rand, "first_value(?)", "last_value(?)", "nth_value(?, 2)")+"?", e.text, over(total+g.rowsFrame()))
		return e
	case 6:
		return g.windowed(over(total + g.rowsFrame()))
	}
	return g.windowed(fill(" OVER (? ?)", partition, g.rangeFrame(s)))
}

func (g *gen) partition() text {
	if g.chance(30) {
		return text{}
	}
	return fill("PARTITION BY ?", g.scalar(pick(g.Rand, str, str, integer, boolean), g.IntN(2)).text)
}

// peers is a sort key that rows may share. A constant would be no order.
func (g *gen) peers() text {
	c, _ := g.column(pick(g.Rand, str, integer, float, stamp))
	return g.direction(c.text)
}

// windowed is an aggregate over a window, which may slide.
func (g *gen) windowed(over text) expr {
	if g.chance(25) {
		over = fill(" FILTER (WHERE ?)?", g.cond(1), over)
	}
	k := kind(g.IntN(6))
	switch g.IntN(8) {
	case 0:
		return expr{text: fill("count(*)?", over), kind: integer, size: 1e6}
	case 1:
		return expr{text: fill("count(?)?", g.leaf(k).text, over), kind: integer, size: 1e6}
	case 2, 3:
		e := g.leaf(k)
		e.text = fill(pick(g.Rand, "min(?)?", "max(?)?"), e.text, over)
		return e
	case 4:
		// What slides out again must leave nothing behind.
		if c, ok := g.column(float); ok && c.exact {
			return expr{text: fill(pick(g.Rand, "avg(?)?", "sum(?)?", "stddev(?)?"), c.text, over), kind: float, size: c.size * 1e4, fuzzy: true}
		}
	case 5:
		return expr{text: fill(pick(g.Rand, "bool_and(?)?", "bool_or(?)?"), g.leaf(boolean).text, over), kind: boolean}
	}
	c, ok := g.column(integer)
	if !ok || c.size == 0 {
		return expr{text: fill("count(*)?", over), kind: integer, size: 1e6}
	}
	if g.chance(50) {
		return expr{text: fill(pick(g.Rand, "avg(?)?", "mean(?)?"), c.text, over), kind: float, size: c.size, fuzzy: true}
	}
	return expr{text: fills(text{"sum(?)?", "CAST(sum(?)? AS BIGINT)"}, c.text, over), kind: integer, size: c.size * 1e4}
}

func (g *gen) rowsFrame() string {
	n := func() string { return strconv.Itoa(g.IntN(4)) }
	switch g.IntN(6) {
	case 0:
		return ""
	case 1:
		return " ROWS " + n() + " PRECEDING"
	case 2:
		return " ROWS BETWEEN " + n() + " PRECEDING AND " + n() + " FOLLOWING"
	case 3:
		return " ROWS BETWEEN UNBOUNDED PRECEDING AND " + n() + " PRECEDING"
	case 4:
		return " ROWS BETWEEN " + n() + " FOLLOWING AND UNBOUNDED FOLLOWING"
	}
	return " ROWS BETWEEN CURRENT ROW AND " + n() + " FOLLOWING"
}

// rangeFrame is an order with a frame that takes peers together.
func (g *gen) rangeFrame(s source) text {
	switch g.IntN(4) {
	case 0:
		return text{} // the whole partition
	case 1:
		if c, ok := g.column(integer); ok && c.size > 0 {
			return fill("ORDER BY ? RANGE BETWEEN "+strconv.Itoa(g.IntN(5))+" PRECEDING AND "+strconv.Itoa(g.IntN(3))+" FOLLOWING",
				fill("?"+pick(g.Rand, " NULLS FIRST", " DESC NULLS LAST"), c.text))
		}
	case 2:
		// DuckDB would count in microseconds.
		n := 1 + g.IntN(90)
		return text{fmt.Sprintf("ORDER BY %s.time RANGE BETWEEN INTERVAL '%d minutes' PRECEDING AND CURRENT ROW", s.name, n),
			fmt.Sprintf("ORDER BY epoch_ns(%s.time) RANGE BETWEEN %d PRECEDING AND CURRENT ROW", s.name, int64(n)*60*second)}
	case 3:
		return fill("ORDER BY ? GROUPS BETWEEN "+strconv.Itoa(g.IntN(3))+" PRECEDING AND "+strconv.Itoa(g.IntN(3))+" FOLLOWING", g.peers())
	}
	return fill("ORDER BY ?", g.peers())
}

// qualify keeps rows by their place.
func (g *gen) qualify(s source) text {
	for {
		if e := g.window(s); !e.fuzzy {
			return fill("(? "+g.operator()+" ?)", e.text, g.literal(e.kind).text)
		}
	}
}
