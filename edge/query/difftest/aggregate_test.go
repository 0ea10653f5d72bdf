package difftest

import "strings"

// aggregate is an aggregate call of the scope's columns.
func (g *gen) aggregate() expr {
	e := g.call()
	if e.kind != stamp && g.chance(25) && !strings.HasSuffix(e.tarn, "]") && !strings.HasPrefix(e.duck, "CAST") && !strings.Contains(e.duck, "FILTER") {
		e.text = fill("? FILTER (WHERE ?)", e.text, g.cond(1))
	}
	return e
}

func (g *gen) call() expr {
	k := kind(g.IntN(6))
	distinct := ""
	if g.chance(20) {
		distinct = "DISTINCT "
	}
	switch g.IntN(16) {
	case 0:
		return expr{text: both("count(*)"), kind: integer, size: 1e6}
	case 1, 2:
		return expr{text: fill("count("+distinct+"?)", g.scalar(k, 1).text), kind: integer, size: 1e6}
	case 3, 4, 5:
		e := g.scalar(k, 1)
		e.text = fill(pick(g.Rand, "min(?)", "max(?)"), e.text)
		return e
	case 6, 7:
		return g.sum(distinct)
	case 8:
		e := g.bounded(pick(g.Rand, integer, unsigned, float), 1)
		return expr{text: fill(pick(g.Rand, "avg(", "mean(")+distinct+"?)", e.text), kind: float, size: e.size, fuzzy: true}
	case 9:
		// The median of integers is one.
		if e := g.bounded(float, 1); g.chance(50) {
			return expr{text: fill("median(?)", e.text), kind: float, size: e.size}
		}
		e := g.bounded(integer, 1)
		return expr{text: fills(text{"median(?)", "CAST(trunc(median(?)) AS BIGINT)"}, e.text), kind: integer, size: e.size}
	case 10:
		e := g.bounded(pick(g.Rand, integer, float), 1)
		if e.kind == float && !e.exact {
			e = g.literal(float) // its variance may be infinite, which DuckDB refuses
		}
		return expr{text: fill(pick(g.Rand, "stddev(?)", "stddev_samp(?)", "stddev_pop(?)", "var_samp(?)", "var_pop(?)"), e.text), kind: float, fuzzy: true}
	case 11:
		return expr{text: fill(pick(g.Rand, "bool_and(?)", "bool_or(?)"), g.scalar(boolean, 1).text), kind: boolean}
	case 12:
		switch g.IntN(3) {
		case 0:
			e := g.bounded(integer, 1)
			e.text, e.size = fill(pick(g.Rand, "bit_and(?)", "bit_or(?)", "bit_xor(?)"), e.text), 4*e.size+4
			return e
		case 1:
			// Of a constant the correlation is NaN here and NULL there.
			y, x := g.literal(float), g.literal(float)
			if a, ok := g.column(float); ok && a.exact {
				y = a
			}
			if b, ok := g.column(integer); ok && b.size > 0 {
				x = fillFloat(b)
			}
			return expr{text: fill(pick(g.Rand, "covar_pop(?, ?)", "covar_samp(?, ?)", "regr_count(?, ?)", "regr_avgx(?, ?)", "regr_sxx(?, ?)", "regr_sxy(?, ?)"), y.text, x.text), kind: float, fuzzy: true}
		}
		e := g.leaf(str)
		return expr{text: fill("string_agg("+pick(g.Rand, "", "DISTINCT ")+"?, ',' ORDER BY ?)", e.text, e.text), kind: str}
	}
	return g.first()
}

// fillFloat is an integer as a float.
func fillFloat(e expr) expr {
	return expr{text: fill("CAST(? AS DOUBLE)", e.text), kind: float, size: e.size, exact: true}
}

func (g *gen) sum(distinct string) expr {
	e := g.bounded(pick(g.Rand, integer, unsigned, float), 1)
	if e.kind == float {
		return expr{text: fill("sum("+distinct+"?)", e.text), kind: float, size: e.size * 1e4, exact: e.exact, fuzzy: !e.exact}
	}
	// DuckDB sums integers in 128 bits.
	cast := "CAST(sum(" + distinct + "?) AS BIGINT)"
	if e.kind == unsigned {
		cast = "CAST(sum(" + distinct + "?) AS UBIGINT)"
	}
	return expr{text: fills(text{"sum(" + distinct + "?)", cast}, e.text), kind: e.kind, size: e.size * 1e4}
}

// first is an aggregate that picks a value by the order of others: by time, and
// then by the value itself, so that there is one answer.
func (g *gen) first() expr {
	at, ok := g.column(stamp)
	v := g.leaf(pick(g.Rand, integer, float, str, boolean))
	if !ok || v.fuzzy {
		return expr{text: both("count(*)"), kind: integer, size: 1e6}
	}
	nulls := pick(g.Rand, "NULLS FIRST", "NULLS LAST")
	switch g.IntN(6) {
	case 0, 1:
		v.text = fills(text{"first_value(? ORDER BY ?, ? " + nulls + ")", "first(? ORDER BY ? NULLS LAST, ? " + nulls + ")"}, v.text, at.text, v.text)
	case 2:
		v.text = fills(text{"last_value(? ORDER BY ?, ? " + nulls + ")", "last(? ORDER BY ? NULLS LAST, ? " + nulls + ")"}, v.text, at.text, v.text)
	case 3:
		// Of equal times the greatest value counts.
		v.text = fills(text{"selector_last(?1, ?2)['value']", "first(?1 ORDER BY ?2 DESC, ?1 DESC) FILTER (WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL)"}, v.text, at.text)
	case 4:
		v.text = fills(text{"selector_first(?1, ?2)['value']", "first(?1 ORDER BY ?2, ?1 DESC) FILTER (WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL)"}, v.text, at.text)
	default:
		at.text = fills(text{"selector_max(?1, ?2)['time']", "first(?2 ORDER BY ?1 DESC, ?2) FILTER (WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL)"}, v.text, at.text)
		return at
	}
	return v
}
