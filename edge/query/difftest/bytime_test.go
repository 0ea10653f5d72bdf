package difftest

import (
	"strconv"
	"strings"
)

// byTime asks for the newest or oldest rows, of a table or of each of its
// series: what scans answer without reading all rows.
func (g *gen) byTime() question {
	s := g.base(false)
	g.scope = s.columns
	var q question
	var items, tags []text
	for _, c := range s.columns {
		tag := c.kind == str && !strings.HasSuffix(c.tarn, ".s")
		if !tag && c.kind != stamp && g.chance(50) {
			continue
		}
		items = append(items, g.named_(&q, c))
		if tag {
			tags = append(tags, c.text)
		}
	}
	where := text{}
	switch g.IntN(4) {
	case 0:
		where = fill(" WHERE ?", g.timeRange())
	case 1:
		where = fill(" WHERE ? "+g.operator()+" ?", tags[0], g.literal(str).text)
	case 2:
		where = fill(" WHERE ? AND ?", g.timeRange(), g.cond(1))
	}
	time := both(s.name + ".time" + pick(g.Rand, "", " DESC"))
	// A time and all tags: there is one order.
	q.ordered, q.rows = true, 100
	if g.chance(50) {
		n := 1 + g.IntN(len(tags))
		g.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
		var order []text
		for _, t := range tags {
			order = append(order, g.direction(t))
		}
		order = append(order[:n:n], append([]text{time}, order[n:]...)...)
		q.text = fill("SELECT DISTINCT ON (?) ? FROM ?? ORDER BY ?", join(tags[:n], ", "), join(items, ", "), s.text, where, join(order, ", "))
		return g.limit(q)
	}
	order := []text{time}
	for _, t := range tags {
		order = append(order, g.direction(t))
	}
	q.text = fill("SELECT ? FROM ?? ORDER BY ? LIMIT "+strconv.Itoa(1+g.IntN(200)), join(items, ", "), s.text, where, join(order, ", "))
	return q
}
