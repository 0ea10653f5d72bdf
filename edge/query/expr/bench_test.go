package expr

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tarn/store/column"
)

const benchRows = 4096

// benchBatch has the layout of env with many rows.
func benchBatch() *column.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := &column.Batch{Len: benchRows}
	for _, c := range env().Cols {
		b.Cols = append(b.Cols, column.NewVector(c.Type, benchRows))
	}
	msg, n, node, ok, site, t, ts, u, big := b.Cols[0], b.Cols[1], b.Cols[2], b.Cols[3], b.Cols[4], b.Cols[5], b.Cols[6], b.Cols[7], b.Cols[8]
	node.Dict, site.Dict = &column.Dictionary{}, &column.Dictionary{Values: []string{"lab", "hub"}}
	for i := range 100 {
		node.Dict.Values = append(node.Dict.Values, fmt.Sprintf("node-%d", i))
	}
	for _, c := range b.Cols {
		c.SetLen(benchRows)
	}
	for i := range benchRows {
		msg.Strings[i] = fmt.Sprintf("message %d of the day", r.IntN(1000))
		n.Ints[i] = r.Int64N(100) + 1
		node.Codes[i] = uint32(r.IntN(100))
		ok.Bools[i] = r.IntN(2) == 0
		site.Codes[i] = uint32(r.IntN(2))
		t.Floats[i] = float64(r.IntN(1000)) / 10
		ts.Ints[i] = t0 + int64(i)*1e9
		u.Uints[i] = uint64(r.IntN(100)) + 1
		big.Uints[i] = 1 << 63
	}
	return b
}

func BenchmarkEval(b *testing.B) {
	for _, bc := range []struct {
		name  string
		e     Expr
		bytes int // per row
	}{
		{"float greater constant", bin(col("t"), Gt, 20), 8},
		{"int equal constant", bin(col("n"), Eq, 50), 8},
		{"int less column", bin(col("n"), Lt, col("t")), 16},
		{"tag equal constant", bin(col("node"), Eq, "node-7"), 4},
		{"tag regexp", bin(col("node"), Match, "^node-[0-4]$"), 4},
		{"and", bin(bin(col("t"), Gt, 20), And, bin(col("n"), Lt, 50)), 16},
		{"int plus constant", bin(col("n"), Add, 1), 8},
		{"float times column", bin(col("t"), Mul, col("t")), 16},
		{"int over constant", bin(col("n"), Div, 3), 8},
		{"date_bin in order", call("date_bin", "1 minute", col("time")), 8},
		{"date_bin of months", call("date_bin", "1 month", col("time")), 8},
		{"date_trunc", call("date_trunc", "hour", col("time")), 8},
		{"LIKE contains", like(col("msg"), "%99%"), 16},
		{"LIKE general", like(col("msg"), "%9_ of%"), 16},
		{"ILIKE", ilike(col("msg"), "%99 OF%"), 16},
		{"IN ints", in(col("n"), 1, 2, 3), 8},
		{"IN tags", in(col("node"), "node-1", "node-2"), 4},
		{"CASE", when(bin(col("t"), Gt, 50), 1.0, bin(col("t"), Gt, 20), 2.0, 3.0), 8},
		{"coalesce", call("coalesce", col("t"), 0.0), 8},
		{"float to text", cast(col("t"), textType), 8},
		{"upper", call("upper", col("msg")), 16},
	} {
		b.Run(bc.name, func(b *testing.B) {
			batch, ctx := benchBatch(), &Context{}
			b.SetBytes(int64(bc.bytes * benchRows))
			b.ReportAllocs()
			for b.Loop() {
				ctx.Reset()
				if _, err := bc.e.Eval(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}

// BenchmarkArrays runs functions of lists of four numbers.
func BenchmarkArrays(b *testing.B) {
	batch := benchBatch()
	list := call("make_array", col("n"), 3, col("u"), 5)
	v, err := list.Eval(&Context{}, batch)
	if err != nil {
		b.Fatal(err)
	}
	batch.Cols = append(batch.Cols, v)
	l := NewColumn(len(batch.Cols)-1, "l", v.Type)
	for _, bc := range []struct {
		name string
		e    Expr
	}{
		{"make_array", list},
		{"array_length", call("array_length", l)},
		{"array_has", call("array_has", l, 7)},
		{"array_append", call("array_append", l, col("n"))},
		{"array_distinct", call("array_distinct", l)},
		{"array_union", call("array_union", l, l)},
		{"array_sort", call("array_sort", l, "DESC")},
		{"array_max", call("array_max", l)},
		{"array_to_string", call("array_to_string", l, ",")},
		{"string_to_array", call("string_to_array", col("msg"), " ")},
		{"struct", call("struct", l, col("n"))},
		{"map", call("map", "a", col("n"))},
		{"sha256", call("sha256", col("msg"))},
		{"encode", call("encode", col("msg"), "base64")},
		{"SIMILAR TO", must(NewSimilar(col("msg"), lit("%(7|9)_%"), "", false))},
	} {
		b.Run(bc.name, func(b *testing.B) {
			ctx := &Context{}
			b.ReportAllocs()
			for b.Loop() {
				ctx.Reset()
				if _, err := bc.e.Eval(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
		})
	}
}
