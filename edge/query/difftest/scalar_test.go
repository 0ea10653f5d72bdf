package difftest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// expr is an expression with what may be done with it.
type expr struct {
	text
	kind  kind
	size  float64 // see field
	exact bool    // see field
	// fuzzy floats depend on the order in which rows were added up: they may
	// be shown, but nothing may be decided by them.
	fuzzy bool
}

// gen makes queries. What it picks depends on its random numbers alone.
type gen struct {
	*rand.Rand
	scope []expr // the columns that an expression may name
	ctes  []source
	named int // aliases given so far
}

func (g *gen) alias(prefix string) string {
	g.named++
	return prefix + strconv.Itoa(g.named)
}

// chance is true n times of a hundred.
func (g *gen) chance(n int) bool { return g.IntN(100) < n }

// maxInt bounds integers that are computed with: sums of sums still fit.
const maxInt = 1e14

// column is a column of a kind, if there is one to decide by.
func (g *gen) column(k kind) (expr, bool) {
	var of []expr
	for _, c := range g.scope {
		if c.kind == k && !c.fuzzy {
			of = append(of, c)
		}
	}
	if len(of) == 0 {
		return expr{}, false
	}
	return of[g.IntN(len(of))], true
}

// leaf is a column, or rarely a literal.
func (g *gen) leaf(k kind) expr {
	if c, ok := g.column(k); ok && g.chance(80) {
		return c
	}
	return g.literal(k)
}

func (g *gen) literal(k kind) expr {
	switch k {
	case integer:
		return g.integerLiteral(int64(g.IntN(25) - 6))
	case unsigned:
		n := strconv.Itoa(g.IntN(30))
		return expr{text: fills(text{"CAST(? AS BIGINT UNSIGNED)", "CAST(? AS UBIGINT)"}, both(n)), kind: k, size: 30}
	case float:
		n := strconv.FormatFloat(float64(g.IntN(200)-80)/4, 'f', 2, 64)
		return expr{text: fills(text{"(?)", "CAST(? AS DOUBLE)"}, both(n)), kind: k, size: 50, exact: true}
	case boolean:
		return expr{text: pick(g.Rand, both("TRUE"), both("FALSE")), kind: k}
	case stamp:
		return g.stampLiteral()
	}
	return expr{text: quote(strings.ReplaceAll(pick(g.Rand, texts...), "''", "'")), kind: str}
}

func (g *gen) integerLiteral(n int64) expr {
	return expr{text: fills(text{"(?)", "CAST(? AS BIGINT)"}, both(strconv.FormatInt(n, 10))), kind: integer, size: math.Abs(float64(n)) + 1}
}

// stampLiteral is a time that lies among the data.
func (g *gen) stampLiteral() expr {
	at := epoch + g.Int64N(200_000)*second
	t := time.Unix(0, at).UTC()
	tarn := pick(g.Rand, t.Format("TIMESTAMP '2006-01-02T15:04:05'"), t.Format("CAST('2006-01-02T15:04:05Z' AS TIMESTAMP)"), t.Format("TIMESTAMP '2006-01-02 15:04:05.000'"))
	return expr{text: text{tarn, fmt.Sprintf("make_timestamp_ns(%d)", at)}, kind: stamp}
}

// bounded is an expression of numbers that may be computed with.
func (g *gen) bounded(k kind, depth int) expr {
	for range 4 {
		if e := g.scalar(k, depth); e.size > 0 && e.size < maxInt {
			return e
		}
	}
	return g.literal(k)
}

// scalar is an expression of a kind.
func (g *gen) scalar(k kind, depth int) expr {
	if depth <= 0 || g.chance(35) {
		return g.leaf(k)
	}
	if g.chance(25) {
		return g.conditional(k, depth-1)
	}
	switch k {
	case integer:
		return g.integer(depth - 1)
	case unsigned:
		a, b := g.bounded(k, depth-1), g.bounded(k, depth-1)
		if a.size*b.size < maxInt && g.chance(40) {
			return expr{text: fill("(? * ?)", a.text, b.text), kind: k, size: a.size * b.size}
		}
		return expr{text: fill("(? + ?)", a.text, b.text), kind: k, size: a.size + b.size}
	case float:
		return g.float(depth - 1)
	case str:
		return g.str(depth - 1)
	case boolean:
		return expr{text: g.cond(depth - 1), kind: boolean}
	}
	return g.stamp(depth - 1)
}

// conditional are the forms that all kinds have.
func (g *gen) conditional(k kind, depth int) expr {
	a, b := g.scalar(k, depth), g.scalar(k, depth)
	e := expr{kind: k, exact: a.exact && b.exact}
	if a.size > 0 && b.size > 0 {
		e.size = max(a.size, b.size)
	}
	switch g.IntN(7) {
	case 0:
		e.text = fill("CASE WHEN ? THEN ? ELSE ? END", g.cond(depth), a.text, b.text)
	case 1:
		e.text = fill("CASE WHEN ? THEN ? WHEN ? THEN ? END", g.cond(depth), a.text, g.cond(depth), b.text)
	case 2:
		x := pick(g.Rand, integer, str)
		e.text = fill("CASE ? WHEN ? THEN ? WHEN ? THEN ? END", g.scalar(x, depth).text, g.leaf(x).text, a.text, g.leaf(x).text, b.text)
	case 3:
		e.text = fill("coalesce(?, ?)", a.text, b.text)
	case 4:
		e.text, e.size, e.exact = fill("nullif(?, ?)", a.text, b.text), a.size, a.exact
	case 5:
		if k == boolean {
			return expr{text: g.cond(depth), kind: k}
		}
		e.text = fill(pick(g.Rand, "greatest(?, ?)", "least(?, ?)"), a.text, b.text)
	default:
		e.text = fill("coalesce(?, ?, ?)", a.text, b.text, a.text)
	}
	return e
}

func (g *gen) integer(depth int) expr {
	a, b := g.bounded(integer, depth), g.bounded(integer, depth)
	e := expr{kind: integer}
	switch g.IntN(15) {
	case 0, 1:
		e.text, e.size = fill(pick(g.Rand, "(? + ?)", "(? - ?)"), a.text, b.text), a.size+b.size
	case 2:
		if a.size*b.size > maxInt {
			return a
		}
		e.text, e.size = fill("(? * ?)", a.text, b.text), a.size*b.size
	case 3:
		// A division by zero is an error here, and NULL there.
		e.text, e.size = fills(text{"(? / nullif(?, 0))", "(? // nullif(?, 0))"}, a.text, b.text), a.size
	case 4:
		e.text, e.size = fill("(? % nullif(?, 0))", a.text, b.text), a.size
	case 5:
		e.text, e.size = fill(pick(g.Rand, "(- ?)", "abs(?)", "(+ ?)"), a.text), a.size
	case 6:
		e.text, e.size = fill("length(?)", g.scalar(str, depth).text), 1000
	case 7:
		x := g.bounded(float, depth)
		if !x.exact { // a NaN or an infinity has no integer
			return a
		}
		e.text, e.size = fills(text{"CAST(? AS BIGINT)", "CAST(trunc(?) AS BIGINT)"}, x.text), x.size
	case 8:
		e.text, e.size = fill("CAST(? AS BIGINT)", g.scalar(boolean, depth).text), 1
	case 9:
		x := g.bounded(unsigned, depth)
		e.text, e.size = fill("CAST(? AS BIGINT)", x.text), x.size
	case 10:
		part := pick(g.Rand, "year", "month", "day", "hour", "minute", "second", "dow", "doy", "week", "quarter")
		e.text, e.size = fill(pick(g.Rand, "date_part(?, ?)", "extract("+part+" FROM ?2)"), quote(part), g.scalar(stamp, depth).text), 3000
	case 11:
		e.text, e.size = fill(pick(g.Rand, "(? & ?)", "(? | ?)"), a.text, b.text), 2*(a.size+b.size)
	case 12:
		e.text, e.size = fills(text{"(? ^ ?)", "xor(?, ?)"}, a.text, b.text), 2*(a.size+b.size)
	case 13:
		e.text, e.size = fill("strpos(?, ?)", g.scalar(str, depth).text, g.literal(str).text), 1000
	default:
		e.text = fills(text{"CAST(? AS BIGINT)", "epoch_ns(?)"}, g.leaf(stamp).text)
	}
	return e
}

func (g *gen) float(depth int) expr {
	a, b := g.bounded(float, depth), g.bounded(float, depth)
	e := expr{kind: float}
	switch g.IntN(9) {
	case 0, 1:
		e.text, e.size, e.exact = fill(pick(g.Rand, "(? + ?)", "(? - ?)"), a.text, b.text), a.size+b.size, a.exact && b.exact
	case 2:
		if a.size*b.size > maxInt {
			return a
		}
		e.text, e.size = fill("(? * ?)", a.text, b.text), a.size*b.size
	case 3:
		e.text = fill("(? / ?)", a.text, b.text) // by zero: infinities and NaN
	case 4:
		n := g.bounded(integer, depth)
		e.text, e.size, e.exact = fill("CAST(? AS DOUBLE)", n.text), n.size, true
	case 5:
		n := g.bounded(integer, depth)
		e.text, e.size, e.exact = fill(pick(g.Rand, "(? + ?)", "(?2 - ?1)"), n.text, a.text), a.size+n.size, a.exact
	case 6:
		x := g.scalar(float, depth)
		e.text, e.size, e.exact = fill(pick(g.Rand, "floor(?)", "ceil(?)", "abs(?)", "trunc(?)"), x.text), x.size, x.exact
	case 7:
		e.text, e.size = fill("sqrt(abs(?))", a.text), a.size+1
	default:
		e.text, e.size, e.exact = fill("(- ?)", a.text), a.size, a.exact
	}
	return e
}

func (g *gen) str(depth int) expr {
	a, b := g.scalar(str, depth), g.scalar(str, depth)
	e := expr{kind: str}
	n := func(limit int) text { return both(strconv.Itoa(g.IntN(limit))) }
	switch g.IntN(13) {
	case 0:
		e.text = fill(pick(g.Rand, "lower(?)", "upper(?)", "trim(?)", "ltrim(?)", "rtrim(?)", "reverse(?)"), a.text)
	case 1:
		e.text = fill("(? || ?)", a.text, b.text)
	case 2:
		e.text = fill("concat(?, '-', ?)", a.text, b.text)
	case 3:
		e.text = fill(pick(g.Rand, "substr(?, 1, ?)", "left(?, ?)", "right(?, ?)"), a.text, n(4))
	case 4:
		e.text = fill("substr(?, ?)", a.text, n(4))
	case 5:
		e.text = fill("replace(?, 'a', ?)", a.text, g.literal(str).text)
	case 6:
		e.text = fill("CAST(? AS VARCHAR)", g.scalar(integer, depth).text)
	case 7:
		e.text = fill("CAST(? AS VARCHAR)", g.scalar(boolean, depth).text)
	case 8:
		// Small floats without long fractions have the same text in both.
		x := g.bounded(float, depth)
		if !x.exact || x.size > 1e6 {
			return a
		}
		e.text = fill("CAST((? + 0.0) AS VARCHAR)", x.text)
	case 9:
		e.text = fill("split_part(?, 'a', ?)", a.text, both(strconv.Itoa(1+g.IntN(3))))
	case 10:
		e.text = fill("(? || ?)", a.text, g.scalar(integer, depth).text)
	case 11:
		e.text = fill("lpad(?, ?, 'x')", a.text, n(6))
	default:
		e.text = fill("repeat(?, ?)", a.text, n(3))
	}
	return e
}

// bins are strides of date_bin as their text.
var bins = []string{"30 minutes", "1 hour", "10 seconds", "7 minutes", "1 day", "6 hours"}

func (g *gen) stamp(depth int) expr {
	a := g.scalar(stamp, depth)
	e := expr{kind: stamp}
	switch g.IntN(4) {
	case 0:
		// DuckDB counts weeks and months from another day, unless told.
		e.text = fills(text{"date_bin(INTERVAL ?, ?)", "CAST(time_bucket(INTERVAL ?, CAST(? AS TIMESTAMP), TIMESTAMP '1970-01-01') AS TIMESTAMP_NS)"},
			quote(pick(g.Rand, bins...)), a.text)
	case 1:
		e.text = fills(text{"date_trunc(?, ?)", "CAST(date_trunc(?, ?) AS TIMESTAMP_NS)"},
			quote(pick(g.Rand, "second", "minute", "hour", "day", "week", "month", "quarter", "year")), a.text)
	case 2:
		// DuckDB's own addition drops the nanoseconds.
		n := g.IntN(5000)
		op := pick(g.Rand, "+", "-")
		e.text = fills(text{"(? " + op + " INTERVAL '" + strconv.Itoa(n) + " seconds')", "make_timestamp_ns(epoch_ns(?) " + op + " " + strconv.FormatInt(int64(n)*second, 10) + ")"}, a.text)
	default:
		e.text = fill(pick(g.Rand, "greatest(?, ?)", "coalesce(?, ?)"), a.text, g.leaf(stamp).text)
	}
	return e
}
