package difftest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"tarn/store/column"
	"tarn/store/points"
)

// kind is the type of a column or expression. Tags and texts are alike.
type kind uint8

const (
	integer kind = iota
	unsigned
	float
	str
	boolean
	stamp
)

// columnKinds are the kinds as the store has them.
var columnKinds = map[kind]column.Kind{integer: column.Int64, unsigned: column.Uint64, float: column.Float64, str: column.String, boolean: column.Bool}

// table describes a table. Tables share names and kinds of columns, so that they
// can be joined and united.
type table struct {
	name   string
	tags   []string
	fields []field
	rows   int
	// step is how far apart times lie on average.
	step int64
}

// field is a field column with what queries may do to it.
type field struct {
	name  string
	kind  kind
	value func(*rand.Rand) any
	// size bounds the absolute value of numbers; 0 means that there is no
	// bound: arithmetic would overflow.
	size float64
	// exact floats are multiples of 1/4, whose sums are the same in every order.
	exact bool
}

// epoch is the time of the first rows: 2025-12-31T23:00:00Z, so that the data
// spans three days.
const epoch = int64(1767222000) * 1e9

const second = int64(1e9)

var texts = []string{"", "a", "b", "ab", "abc", "a%b", "a_b", "B", "Ba", "12", "-7", "0", "é", "éa", "日本", "it''s", "a b", " x ", "\"q\"", "x\ny", "zz", "ZZ"}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

var (
	fieldN = field{"n", integer, func(r *rand.Rand) any { return int64(r.IntN(41) - 20) }, 20, false}
	fieldI = field{"i", integer, func(r *rand.Rand) any {
		return pick[int64](r, math.MinInt64, math.MaxInt64, 0, -1, 1, 1<<53+1, r.Int64(), -r.Int64())
	}, 0, false}
	fieldU = field{"u", unsigned, func(r *rand.Rand) any { return uint64(r.IntN(30)) }, 30, false}
	fieldW = field{"w", unsigned, func(r *rand.Rand) any { return pick(r, 0, 1, math.MaxUint64, uint64(1<<63), r.Uint64()) }, 0, false}
	fieldF = field{"f", float, func(r *rand.Rand) any { return float64(r.IntN(400)-200) / 4 }, 50, true}
	fieldG = field{"g", float, func(r *rand.Rand) any { return float64(r.IntN(100000)) / 997 }, 101, false}
	fieldX = field{"x", float, func(r *rand.Rand) any {
		return pick(r, 0, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, 5e-324, math.Inf(1), math.Inf(-1), math.NaN(), r.NormFloat64(), 1e300*r.NormFloat64())
	}, 0, false}
	fieldS = field{"s", str, func(r *rand.Rand) any { return pick(r, texts...) }, 0, false}
	fieldB = field{"b", boolean, func(r *rand.Rand) any { return r.IntN(2) == 0 }, 0, false}
)

var tables = []table{
	{"a", []string{"host", "site"}, []field{fieldN, fieldI, fieldU, fieldW, fieldF, fieldG, fieldX, fieldS, fieldB}, 350, 300 * second},
	{"b", []string{"host", "rack"}, []field{fieldN, fieldF, fieldS, fieldU}, 150, 900 * second},
	{"c", []string{"host", "site", "rack"}, []field{fieldN, fieldF, fieldG, fieldS, fieldB, fieldX, fieldI}, 6000, 22 * second},
}

// tagValues are those of each tag; "" is NULL.
var tagValues = map[string][]string{
	"host": {"a", "b", "h1", "h2", "H1", "é", "h 3", ""},
	"site": {"lab", "hub", "", ""},
	"rack": {"1", "2", "10", ""},
}

// row is one row as written: values of tags by name, and the fields it has.
type row struct {
	table  *table
	tags   []string
	time   int64
	fields map[string]any
}

func (r *row) key() string {
	return fmt.Sprint(r.table.name, "\x00", strings.Join(r.tags, "\x00"), "\x00", r.time)
}

// generate makes the writes of all tables in their order. Every sixth row comes
// again with other fields.
func generate(rng *rand.Rand) []row {
	var out []row
	for i := range tables {
		t := &tables[i]
		for range t.rows {
			r := row{table: t, time: epoch + rng.Int64N(int64(t.rows))*t.step, fields: map[string]any{}}
			switch rng.IntN(40) {
			case 0:
				r.time += rng.Int64N(1000) // nanoseconds
			case 1:
				r.time = -rng.Int64N(1e6) * 1e6 // before 1970, in whole milliseconds
			}
			for _, tag := range t.tags {
				r.tags = append(r.tags, pick(rng, tagValues[tag]...))
			}
			r.setFields(rng)
			out = append(out, r)
			if rng.IntN(6) == 0 {
				again := row{table: t, tags: r.tags, time: r.time, fields: map[string]any{}}
				again.setFields(rng)
				at := len(out) - rng.IntN(min(len(out), 400))
				out = slices.Insert(out, at, again)
			}
		}
	}
	// Tables come mixed, and the order within a table stays.
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Compare(a.time%97, b.time%97) })
	return out
}

func (r *row) setFields(rng *rand.Rand) {
	for _, f := range r.table.fields {
		if rng.IntN(5) > 0 {
			r.fields[f.name] = f.value(rng)
		}
	}
	if len(r.fields) == 0 {
		r.fields["n"] = int64(0)
	}
}

// shadow is a field that repeats the time: DuckDB reads the files' nanoseconds
// as microseconds.
var shadow = field{name: "nanos", kind: integer}

// merged is what the rows amount to: of each series and time one row, with the
// newest value of each field, and the shadow.
func merged(rows []row) []row {
	at := map[string]int{}
	var out []row
	for _, r := range rows {
		if i, ok := at[r.key()]; ok {
			maps.Copy(out[i].fields, r.fields)
			continue
		}
		at[r.key()] = len(out)
		r.fields = maps.Clone(r.fields)
		r.fields[shadow.name] = r.time
		out = append(out, r)
	}
	return out
}

// batch is a write request of rows.
func batch(rows []row) *points.Batch {
	b := points.NewBatch()
	for _, r := range rows {
		t := b.Table([]byte(r.table.name))
		var tags []points.Tag
		for i, name := range r.table.tags {
			tags = append(tags, points.Tag{Key: []byte(name), Value: []byte(r.tags[i])})
		}
		n := t.AddRow(t.AddSeries(nil, tags), r.time)
		for _, f := range append(r.table.fields[:len(r.table.fields):len(r.table.fields)], shadow) {
			v, ok := r.fields[f.name]
			if !ok {
				continue
			}
			to := t.Fields[t.Field([]byte(f.name), columnKinds[f.kind])]
			switch v := v.(type) {
			case int64:
				to.Set(n, uint64(v))
			case uint64:
				to.Set(n, v)
			case float64:
				to.Set(n, math.Float64bits(v))
			case string:
				to.SetString(n, []byte(v))
			case bool:
				word := uint64(0)
				if v {
					word = 1
				}
				to.Set(n, word)
			}
		}
	}
	return b
}
