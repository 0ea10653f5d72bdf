package result

import (
	"time"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
)

// parquetColumn takes the values of a column, nested or not, apart into those
// of the file's leaves, with levels that say what is there.
type parquetColumn struct {
	kind     column.Kind
	leaf     int // of one that is no list and no struct
	def      int // level of a value that is not null
	rep      int // level of a list's further elements
	children []*parquetColumn
	text     func([]byte, int) []byte
}

// newParquetColumn numbers the leaves in the order of the schema's.
func newParquetColumn(t column.Type, def, rep int, leaves *int) *parquetColumn {
	c := &parquetColumn{kind: t.Kind, def: def + 1}
	switch t.Kind {
	case column.Struct:
		for _, f := range t.Nested.Types {
			c.children = append(c.children, newParquetColumn(f, c.def, rep, leaves))
		}
	case column.List:
		c.rep = rep + 1
		c.children = append(c.children, newParquetColumn(t.Nested.Types[0], c.def+1, c.rep, leaves))
	default:
		c.leaf = *leaves
		*leaves++
	}
	return c
}

// prepare makes ready for the values of a batch.
func (c *parquetColumn) prepare(v *column.Vector, zones map[string]*time.Location) {
	if len(c.children) == 0 {
		c.text = plainCell(v, zones)
		return
	}
	for i, child := range c.children {
		if i < len(v.Children) {
			child.prepare(v.Children[i], zones)
		}
	}
}

// add appends a row's value; rep and def are the levels of what it is in.
func (c *parquetColumn) add(cells [][]parquet.Value, v *column.Vector, row, rep, def int) {
	if v.IsNull(row) {
		c.null(cells, rep, def)
		return
	}
	switch c.kind {
	case column.Struct:
		for i, child := range c.children {
			child.add(cells, v.Children[i], row, rep, c.def)
		}
	case column.List:
		from, to := int(v.Offsets[row]), int(v.Offsets[row+1])
		if from == to {
			c.children[0].null(cells, rep, c.def)
		}
		for ; from < to; from++ {
			c.children[0].add(cells, v.Children[0], from, rep, c.def+1)
			rep = c.rep
		}
	default:
		cells[c.leaf] = append(cells[c.leaf], parquetValue(v, row, c.text).Level(rep, c.def, c.leaf))
	}
}

// null says in all leaves that there is no value below level def.
func (c *parquetColumn) null(cells [][]parquet.Value, rep, def int) {
	if c.kind != column.Struct && c.kind != column.List {
		cells[c.leaf] = append(cells[c.leaf], parquet.NullValue().Level(rep, def, c.leaf))
		return
	}
	for _, child := range c.children {
		child.null(cells, rep, def)
	}
}

func parquetValue(v *column.Vector, row int, text func([]byte, int) []byte) parquet.Value {
	switch v.Type.Kind {
	case column.Bool:
		return parquet.BooleanValue(v.Bools[row])
	case column.Int64, column.Duration, column.Timestamp, column.TimeOfDay:
		return parquet.Int64Value(v.Ints[row])
	case column.Uint64:
		return parquet.Int64Value(int64(v.Uints[row]))
	case column.Float64:
		return parquet.DoubleValue(v.Floats[row])
	case column.Date:
		return parquet.Int32Value(int32(v.Ints[row]))
	}
	return parquet.ByteArrayValue(text(nil, row))
}
