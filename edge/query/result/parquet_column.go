package result

import (
	"slices"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
)

// parquetColumn takes the values of a column, nested or not, apart into those
// of the file's leaves, with levels that say what is there.
type parquetColumn struct {
	kind     column.Kind
	leaf     int // the first, the only one of what is no list and no struct
	end      int // behind the last
	def      int // level of a value that is not null
	rep      int // level of a list's further elements
	children []*parquetColumn
	text     func([]byte, int) []byte
}

// newParquetColumn numbers the leaves in the order of the schema's.
func newParquetColumn(t column.Type, def, rep int, leaves *int) *parquetColumn {
	c := &parquetColumn{kind: t.Kind, def: def + 1, leaf: *leaves}
	defer func() { c.end = *leaves }()
	switch t.Kind {
	case column.Struct:
		for _, f := range t.Nested.Types {
			c.children = append(c.children, newParquetColumn(f, c.def, rep, leaves))
		}
	case column.List:
		c.rep = rep + 1
		c.children = append(c.children, newParquetColumn(t.Nested.Types[0], c.def+1, c.rep, leaves))
	default:
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

// rows appends the values of rows [from, to), and returns what they take in
// pages, more or less.
func (c *parquetColumn) rows(cells [][]parquet.Value, v *column.Vector, from, to int) (size int) {
	if len(c.children) > 0 {
		for row := from; row < to; row++ {
			c.add(cells, v, row, 0, 0)
		}
		for leaf := c.leaf; leaf < c.end; leaf++ {
			for i := range cells[leaf] {
				size += parquetBytes(&cells[leaf][i])
			}
		}
		return size
	}
	out := slices.Grow(cells[c.leaf], to-from)
	nulls := v.Type.Kind == column.Null || len(v.Nulls) > 0
	var last string // as the value before, which a tag mostly is
	size = 8 * (to - from)
	for row := from; row < to; row++ {
		switch {
		case nulls && v.IsNull(row):
			out = append(out, parquet.NullValue().Level(0, 0, c.leaf))
			last = ""
		case c.kind == column.Float64:
			out = append(out, parquet.DoubleValue(v.Floats[row]).Level(0, 1, c.leaf))
		case c.kind == column.String || c.kind == column.Dict:
			s := v.Text(row)
			size += len(s) - 4
			if s != "" && len(s) == len(last) && unsafe.StringData(s) == unsafe.StringData(last) {
				out = append(out, out[len(out)-1])
				continue
			}
			out = append(out, parquetText(s).Level(0, 1, c.leaf))
			last = s
		default:
			value := parquetValue(v, row, c.text)
			size += parquetBytes(&value) - 8
			out = append(out, value.Level(0, 1, c.leaf))
		}
	}
	cells[c.leaf] = out
	return size
}

// parquetText is a text, which the library copies when it is handed over.
func parquetText(s string) parquet.Value {
	return parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(s), len(s)))
}

// parquetBytes is what a value takes in a page, more or less.
func parquetBytes(v *parquet.Value) int {
	if v.Kind() == parquet.ByteArray {
		return 4 + len(v.ByteArray())
	}
	return 8
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
	case column.String, column.Dict:
		return parquetText(v.Text(row))
	}
	return parquet.ByteArrayValue(text(nil, row))
}
