package influxql_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tarn/edge/query"
	"tarn/edge/query/result"
)

// TestDifferential writes the same random points to influxd and to a store, and
// compares the answers to random queries. TARN_DIFFERENTIAL_SEED repeats a run,
// TARN_DIFFERENTIAL_QUERIES changes how many there are.
//
// What is not asked, because v1 does not say what it answers, or answers what
// the specification does not follow: rows of several series at one time (there
// are none), ends of windows that depend on the clock, and sample().
func TestDifferential(t *testing.T) {
	d := startInfluxd(t)
	seed, n := uint64(1), 3000
	if s := os.Getenv("TARN_DIFFERENTIAL_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("TARN_DIFFERENTIAL_QUERIES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	g := &generator{rand.New(rand.NewPCG(seed, 0))}
	lines := g.points()
	d.query(t, "", "CREATE DATABASE db")
	d.write(t, "db", absolute(t, lines))
	s := openStore(t)
	write(t, s, "db", lines)
	e := query.New(provider{s}, query.Options{Now: clock})
	answered, failed := 0, 0
	for i := range n {
		q := expand(g.query())
		want := decodeV1(t, d.query(t, "db", q))
		body, err := v1(e, query.Request{Database: "db", Text: q, Language: query.InfluxQL, InfluxQL: query.InfluxQLRequest{Series: true}}, result.V1Options{Epoch: 1})
		var got v1Answer
		if err != nil {
			got.Error = err.Error()
		} else {
			got = decodeV1(t, []byte(body))
		}
		if len(want.Results) > 0 && len(want.Results[0].Series) > 0 {
			answered++
		}
		if why := compare(got, want); why != "" {
			t.Errorf("seed %d query %d: %s\n%s\ngot  %.1500s\nwant %.1500s", seed, i, why, q, show(got), show(want))
			if failed++; failed >= 20 {
				t.Fatal("too many differences")
			}
		}
	}
	t.Logf("seed %d: %d queries, %d of them with rows", seed, n, answered)
	if answered < n/2 {
		t.Errorf("only %d of %d queries had rows: they compare nothing", answered, n)
	}
}

// absolute is line protocol with times from the epoch, in seconds.
func absolute(t *testing.T, lines string) string {
	return stamp.ReplaceAllStringFunc(lines, func(m string) string {
		n, err := strconv.ParseInt(m[1:], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return " " + strconv.FormatInt(n+t0, 10)
	})
}

func show(a v1Answer) string {
	b, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// compare says how two answers differ.
func compare(got, want v1Answer) string {
	if (got.Error == "") != (want.Error == "") {
		return "one is no query"
	}
	if len(got.Results) != len(want.Results) {
		return "other number of results"
	}
	for i, r := range want.Results {
		o := got.Results[i]
		if (r.Error == "") != (o.Error == "") {
			return "one fails"
		}
		if len(r.Series) != len(o.Series) {
			return "other number of series"
		}
		for j, s := range r.Series {
			if why := compareSeries(o.Series[j], s); why != "" {
				return fmt.Sprintf("series %d: %s", j, why)
			}
		}
	}
	return ""
}

func compareSeries(got, want v1Series) string {
	switch {
	case got.Name != want.Name:
		return "other name"
	case fmt.Sprint(got.Tags) != fmt.Sprint(want.Tags):
		return "other tags"
	case !slices.Equal(got.Columns, want.Columns):
		return "other columns"
	case len(got.Values) != len(want.Values):
		return fmt.Sprintf("%d rows instead of %d", len(got.Values), len(want.Values))
	}
	for i, row := range want.Values {
		for k, v := range row {
			if !alike(got.Values[i][k], v) {
				return fmt.Sprintf("row %d column %s: %v instead of %v", i, want.Columns[k], got.Values[i][k], v)
			}
		}
	}
	return ""
}

// alike compares values; sums of floats depend on their order.
func alike(a, b any) bool {
	x, xok := a.(json.Number)
	y, yok := b.(json.Number)
	if !xok || !yok {
		return a == b
	}
	if x == y {
		return true
	}
	f, err1 := x.Float64()
	g, err2 := y.Float64()
	if err1 != nil || err2 != nil {
		return false
	}
	return math.Abs(f-g) <= 1e-9*math.Max(1, math.Max(math.Abs(f), math.Abs(g)))
}

// generator makes points and queries.
type generator struct{ *rand.Rand }

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// points are those of two measurements within two hours. No two rows are of one
// time, and no two have the same f: v1 leaves open which of equals percentile
// and top choose.
func (g *generator) points() string {
	var b strings.Builder
	times, values := g.Perm(7200), g.Perm(5000)
	for i, at := range times[:600] {
		tags := ",host=" + g.pick("a", "b", "c")
		if g.chance(70) {
			tags += ",dc=" + g.pick("x", "y")
		}
		var fields []string
		if g.chance(70) {
			fields = append(fields, fmt.Sprintf("f=%g", float64(values[i]-2500)/100))
		}
		if g.chance(60) {
			fields = append(fields, fmt.Sprintf("i=%di", g.IntN(40)-10))
		}
		if g.chance(30) {
			fields = append(fields, fmt.Sprintf("s=%q", g.pick("red", "green", "blue", "")))
		}
		if g.chance(30) {
			fields = append(fields, "b="+g.pick("true", "false"))
		}
		if len(fields) == 0 {
			continue
		}
		m := "m"
		if i%5 == 0 {
			m = "n"
		}
		fmt.Fprintf(&b, "%s%s %s %d\n", m, tags, strings.Join(fields, ","), at)
	}
	return b.String()
}

func (g *generator) field() string { return g.pick("f", "i", "f", "i", "s", "b") }

func (g *generator) number() string { return g.pick("f", "i") }

// query makes a statement.
func (g *generator) query() string {
	switch g.IntN(20) {
	case 0:
		return g.showStatement()
	case 1, 2:
		return g.outerQuery()
	}
	q := g.selectFrom(g.pick("m", "m", "m", "n", "m, n", "/^[mn]$/"))
	if strings.Contains(q, "fill(none)") {
		// v1 counts LIMIT and OFFSET in each column by itself.
		q, _, _ = strings.Cut(q, " LIMIT ")
	}
	return q
}

func (g *generator) selectFrom(from string) string {
	switch g.IntN(10) {
	case 0, 1:
		return "SELECT " + g.rawFields() + " FROM " + from + g.where() + g.groupTags(true) + g.tail()
	case 2:
		return "SELECT " + g.selectorWithOthers() + " FROM " + from + g.where() + g.groupAny() + g.tail()
	case 3:
		return "SELECT " + g.rawTransformations() + " FROM " + from + g.where() + g.groupTags(false) + g.tail()
	case 4:
		return "SELECT " + g.windowTransformations() + " FROM " + from + g.bounded() + g.groupTime() + g.tail()
	case 5:
		if g.chance(15) {
			// v1 lists the series in no order, and its time depends on whether
			// there is an upper bound.
			return "SELECT integral(" + g.number() + g.pick("", ", 1m") + ") FROM m WHERE " + g.predicate()
		}
		// v1 takes a LIMIT before top and bottom choose.
		return "SELECT " + g.special() + " FROM " + from + g.where() + g.groupTags(false) + g.pick("", "", " ORDER BY time DESC")
	case 6: // windows of chosen rows
		return "SELECT " + g.special() + " FROM " + from + g.bounded() + " GROUP BY time(" + g.pick("10m", "7m") + ")" + g.pick("", ", host", ", dc, host") + g.pick("", " ORDER BY time DESC")
	case 7:
		if g.chance(50) {
			// v1 truncates what it interpolates between integers.
			return "SELECT integral(f" + g.pick("", ", 1m") + ") FROM m" + g.bounded() + " GROUP BY time(" + g.pick("10m", "7m") + ")"
		}
		zone := g.pick("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
		return "SELECT " + g.pick("mean(f)", "sum(i)", "count(f), max(i)") + " FROM " + from + g.bounded() + " GROUP BY time(" + g.pick("10m", "1h", "1d", "12h") + ")" + g.pick("", ", host") + g.pick("", " fill(none)") + " TZ('" + zone + "')"
	}
	if g.chance(60) {
		fields, by := g.aggregates(), g.groupTime()
		if strings.Contains(by, "fill(0)") || strings.Contains(by, "fill(3.7)") {
			// v1 fills texts and booleans with the empty value, but with the
			// number in series that have none.
			fields = "mean(i), max(f), " + g.pick("count(f)", "spread(i)", "count(s), last(f)")
		}
		return "SELECT " + fields + " FROM " + from + g.bounded() + by + g.tail()
	}
	return "SELECT " + g.aggregates() + " FROM " + from + g.where() + g.groupTags(true) + g.tail()
}

func (g *generator) list(n int, item func() string) string {
	var out []string
	for range 1 + g.IntN(n) {
		out = append(out, item())
	}
	return strings.Join(out, ", ")
}

func (g *generator) rawFields() string {
	if g.chance(15) {
		return g.pick("*", "*::field", "*::tag, f", "/^[fi]$/", "f, *")
	}
	return g.list(3, func() string {
		switch g.IntN(8) {
		case 0:
			return g.pick("host", "dc", "nosuch")
		case 1:
			return g.arithmetic(g.number())
		case 2:
			return g.field() + "::" + g.pick("float", "integer", "field", "tag")
		case 3:
			return g.field() + " AS " + g.pick("x", "y", "z")
		}
		return g.field()
	})
}

func (g *generator) arithmetic(x string) string {
	return g.pick(x+" + "+g.pick("1", "0.5", "f", "i"), x+" * 2", "3 - "+x, x+" / "+g.pick("2", "0", "i"), "-"+x, "("+x+" + 1) * 2", "i % "+g.pick("3", "0"), "i & 3", "i | 4", "i ^ 5")
}

func (g *generator) aggregate() string {
	switch g.IntN(10) {
	case 0:
		return "count(" + g.field() + ")"
	case 1:
		return g.pick("first", "last") + "(" + g.field() + ")"
	case 2: // v1 ends a series at the first window in which no rank is wanted
		return "percentile(f, " + g.pick("50", "90", "99.9", "100") + ")"
	case 3:
		return "count(distinct(" + g.field() + "))"
	case 4:
		return g.pick("mean", "count", "sum", "max") + "(" + g.pick("*", "/^[fi]/") + ")"
	}
	return g.pick("mean", "sum", "min", "max", "median", "spread", "stddev", "mean", "max") + "(" + g.number() + ")"
}

func (g *generator) aggregates() string {
	return g.list(3, func() string {
		a := g.aggregate()
		switch {
		case strings.ContainsAny(a, "*/sb"[:2]) || g.chance(70):
			return a
		case g.chance(50):
			return a + " AS " + g.pick("x", "y")
		case strings.HasPrefix(a, "first") || strings.HasPrefix(a, "last"):
			return a
		}
		return a + " " + g.pick("*", "+", "-", "/") + " " + g.pick("2", "0.5", "mean(f)", "max(i)")
	})
}

func (g *generator) selectorWithOthers() string {
	s := g.pick("first(f)", "last(i)", "min(f)", "max(f)", "max(i)", "percentile(f, 90)", "last(s)")
	for range g.IntN(3) {
		s += ", " + g.pick("f", "i", "s", "b", "host", "dc")
	}
	return s
}

func (g *generator) transformation(arg string) string {
	switch g.IntN(8) {
	case 0:
		return g.pick("derivative", "non_negative_derivative") + "(" + arg + g.pick("", ", 1s", ", 10m") + ")"
	case 1:
		return "moving_average(" + arg + ", " + g.pick("2", "3", "5") + ")"
	case 2:
		return "cumulative_sum(" + arg + ")"
	case 3:
		return "elapsed(" + arg + g.pick("", ", 1s", ", 1m") + ")"
	}
	return g.pick("difference", "non_negative_difference", "derivative") + "(" + arg + ")"
}

func (g *generator) rawTransformations() string {
	return g.transformation(g.number())
}

func (g *generator) windowTransformations() string {
	inner := func() string {
		return g.pick("mean", "max", "sum", "count", "last") + "(" + g.number() + ")"
	}
	if g.chance(15) {
		return g.pick("difference", "derivative") + "(" + g.transformation(inner()) + ")"
	}
	if g.chance(20) {
		return g.transformation(inner()) + " * 2"
	}
	return g.transformation(inner())
}

func (g *generator) special() string {
	n := g.pick("1", "2", "3", "10")
	switch g.IntN(4) {
	case 0:
		return "distinct(" + g.field() + ")"
	case 1:
		return g.pick("top", "bottom") + "(f, " + n + ")"
	case 2:
		return g.pick("top", "bottom") + "(f, host, " + n + ")"
	}
	return g.pick("top", "bottom") + "(f, " + n + "), " + g.pick("i", "host", "s")
}

func (g *generator) instant() string { return fmt.Sprintf("{+%ds}", g.IntN(7200)) }

func (g *generator) where() string {
	if g.chance(25) {
		return ""
	}
	var parts []string
	if g.chance(60) {
		parts = append(parts, g.predicate())
	}
	if g.chance(40) {
		parts = append(parts, "time "+g.pick(">=", ">")+" "+g.instant())
	}
	if g.chance(40) {
		parts = append(parts, "time "+g.pick("<=", "<")+" "+g.instant())
	}
	if len(parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(parts, " AND ")
}

// bounded is a condition with both ends of time.
func (g *generator) bounded() string {
	lo := g.IntN(5000)
	w := fmt.Sprintf(" WHERE time >= {+%ds} AND time %s {+%ds}", lo, g.pick("<", "<="), lo+600+g.IntN(4000))
	if g.chance(50) {
		w += " AND " + g.predicate()
	}
	return w
}

func (g *generator) predicate() string {
	one := func() string {
		switch g.IntN(9) {
		case 0:
			return "host " + g.pick("=", "!=") + " '" + g.pick("a", "b", "zz", "") + "'"
		case 1:
			return "dc " + g.pick("=", "!=", "<>") + " '" + g.pick("x", "y", "") + "'"
		case 2:
			return "host " + g.pick("=~", "!~") + " /" + g.pick("a|b", "^c$", ".", "^$") + "/"
		case 3:
			return "dc " + g.pick("=~", "!~") + " /" + g.pick("x", "^$", ".*", ".+") + "/"
		case 4:
			return "f " + g.pick(">", "<", ">=", "<=", "!=") + " " + g.pick("0", "2.5", "-1")
		case 5:
			return "i " + g.pick(">", "<", "=", "!=") + " " + g.pick("0", "3", "2.5")
		case 6:
			return "s " + g.pick("=", "!=") + " '" + g.pick("red", "") + "'"
		case 7:
			return "s =~ /" + g.pick("e", "^b") + "/"
		}
		return "b = " + g.pick("true", "false")
	}
	p := one()
	for range g.IntN(3) {
		p += g.pick(" AND ", " OR ") + one()
	}
	return "(" + p + ")"
}

func (g *generator) groupTags(more bool) string {
	if g.chance(40) {
		return ""
	}
	if more && g.chance(20) {
		return " GROUP BY " + g.pick("*", "/h/", "/nosuch/", "nosuch", "dc, nosuch")
	}
	return " GROUP BY " + g.pick("host", "dc", "host, dc", "dc, host")
}

func (g *generator) groupTime() string {
	s := " GROUP BY time(" + g.pick("10m", "7m", "1h", "90s", "30m")
	if g.chance(25) {
		s += ", " + g.pick("1m", "-3m", "45m")
	}
	s += ")"
	if g.chance(50) {
		s += ", " + g.pick("host", "dc", "host, dc", "*")
	}
	return s + g.pick("", "", " fill(null)", " fill(none)", " fill(previous)", " fill(linear)", " fill(0)", " fill(3.7)")
}

func (g *generator) groupAny() string {
	if g.chance(50) {
		return g.groupTags(true)
	}
	return g.groupTags(false)
}

func (g *generator) tail() string {
	s := ""
	if g.chance(20) {
		s += " ORDER BY time " + g.pick("DESC", "DESC", "ASC")
	}
	if g.chance(20) {
		s += " LIMIT " + g.pick("1", "3", "10", "20") + g.pick("", "", " OFFSET 3")
	}
	return s
}

// outerQuery selects from a subquery.
func (g *generator) outerQuery() string {
	inner := g.pick("mean", "max", "sum", "count") + "(" + g.number() + ") AS x"
	group := g.pick("host", "dc", "host, dc")
	if g.chance(30) {
		// The rows themselves, by one series at a time.
		s := "SELECT " + g.pick("mean(f)", "max(f)", "count(i)", "f, i", "sum(i)", "difference(f)", "mean(y)", "y") + " FROM (SELECT f, i, f + i AS y FROM m" + g.where() + ")"
		return s + g.pick("", " WHERE f > 0") + g.groupTags(false)
	}
	sub := "SELECT " + inner + " FROM m" + g.bounded() + " GROUP BY time(" + g.pick("10m", "7m") + "), " + group + g.pick("", " fill(none)")
	outer := g.pick("max(x)", "mean(x)", "count(x)", "sum(x)", "x", "x * 2", "first(x), last(x)", "spread(x)")
	s := "SELECT " + outer + " FROM (" + sub + ")"
	if g.chance(30) {
		s += " WHERE x > 1"
	}
	if g.chance(50) {
		s += " GROUP BY " + group
	}
	return s
}

func (g *generator) showStatement() string {
	from := g.pick("", " FROM m", " FROM /n/", " FROM m, n")
	where := g.pick("", "", " WHERE host = 'a'", " WHERE dc =~ /x/", " WHERE dc = ''")
	limit := g.pick("", "", " LIMIT 1", " LIMIT 2 OFFSET 1")
	switch g.IntN(6) {
	case 0:
		return "SHOW MEASUREMENTS" + g.pick("", " WHERE host = 'a'", " WHERE dc =~ /x/") + limit
	case 1:
		return "SHOW TAG KEYS" + from + where + limit
	case 2:
		return "SHOW TAG VALUES" + from + " WITH KEY " + g.pick("= host", "IN (host, dc)", "=~ /./", "!= host", "!~ /d/") + where + limit
	case 3:
		return "SHOW FIELD KEYS" + from
	case 4:
		return "SHOW SERIES" + from + where + limit
	}
	return g.pick("SHOW TAG KEY CARDINALITY"+from, "SHOW SERIES EXACT CARDINALITY"+from, "SHOW FIELD KEY CARDINALITY"+from, "SHOW TAG VALUES EXACT CARDINALITY"+from+" WITH KEY = host")
}
