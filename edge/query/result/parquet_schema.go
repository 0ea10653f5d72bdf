package result

import (
	"fmt"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"tarn/store/column"
)

// orderedGroup is a group whose fields stand in an order of their own: the
// library's are sorted by name, but columns stand as they were selected.
type orderedGroup struct {
	parquet.Group
	names []string
}

// Fields are the members in order.
func (g orderedGroup) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(g.names))
	for i, n := range g.names {
		fields[i] = byName[n]
	}
	return fields
}

func parquetGroup(names []string, types []column.Type) parquet.Node {
	g := orderedGroup{Group: parquet.Group{}, names: distinctNames(names)}
	for i, n := range g.names {
		g.Group[n] = parquet.Optional(parquetNode(types[i]))
	}
	return g
}

// distinctNames gives the second column of a name a number, as "time_1": a
// Parquet file needs distinct names, and a join's `time, time` is a fair query.
func distinctNames(names []string) []string {
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	used := map[string]bool{}
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n
		for k := 1; used[out[i]]; k++ {
			if numbered := fmt.Sprintf("%s_%d", n, k); !taken[numbered] {
				out[i] = numbered
			}
		}
		used[out[i]] = true
	}
	return out
}

// parquetNode is a column's type in the file. A duration has no logical type in
// Parquet: it is an integer of nanoseconds. Intervals are text. A map is the
// list of its entries.
func parquetNode(t column.Type) parquet.Node {
	var n parquet.Node
	switch t.Kind {
	case column.Struct:
		return parquetGroup(t.Nested.Names, t.Nested.Types)
	case column.List:
		return parquet.List(parquet.Optional(parquetNode(t.Nested.Types[0])))
	case column.Bool:
		n = parquet.Leaf(parquet.BooleanType)
	case column.Int64, column.Duration:
		n = parquet.Int(64)
	case column.Uint64:
		n = parquet.Uint(64)
	case column.Float64:
		n = parquet.Leaf(parquet.DoubleType)
	case column.Timestamp:
		n = parquet.TimestampAdjusted(parquet.Nanosecond, t.Zone != "")
	case column.Date:
		n = parquet.Date()
	case column.TimeOfDay:
		n = parquet.TimeAdjusted(parquet.Nanosecond, false)
	default:
		n = parquet.String()
	}
	return parquet.Compressed(n, &zstd.Codec{Level: zstd.SpeedFastest})
}
