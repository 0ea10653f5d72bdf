package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"tarn/store/column"
	"tarn/store/points"
)

// appendTables appends the rows of written tables as the "tables" member of an
// exec message has them. Columns that a row does not have are null.
func appendTables(dst []byte, tables []*points.Table) []byte {
	dst = append(dst, '[')
	for i, t := range tables {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTable(dst, t)
	}
	return append(dst, ']')
}

func appendTable(dst []byte, t *points.Table) []byte {
	dst = append(dst, `{"n":`...)
	dst = appendText(dst, t.Name)
	dst = append(dst, `,"c":[`...)
	for _, name := range t.Tags {
		dst = append(appendText(dst, name), ',')
	}
	for _, f := range t.Fields {
		dst = append(appendText(dst, f.Name), ',')
	}
	dst = append(dst, `"time"]`...)
	// The tags of each series, as they stand at the start of its rows.
	full := true
	heads := make([][]byte, t.NumSeries())
	for s := range heads {
		var head []byte
		next := 0
		fill := func(to int) {
			for ; next < to; next++ {
				head = append(head, "null,"...)
				full = false
			}
		}
		points.EachTag(t.SeriesKey(uint32(s)), func(tag int, value []byte) {
			fill(tag)
			head = append(appendText(head, string(value)), ',')
			next++
		})
		fill(len(t.Tags))
		heads[s] = head
	}
	full = full && !slices.ContainsFunc(t.Fields, func(f *points.Field) bool { return f.Nulls.Any(len(t.Times)) })
	dst = append(dst, `,"full":`...)
	dst = appendBool(dst, full)
	dst = append(dst, `,"d":[`...)
	for row, at := range t.Times {
		if row > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		dst = append(dst, heads[t.Series[row]]...)
		for _, f := range t.Fields {
			dst = append(appendField(dst, f, row), ',')
		}
		dst = strconv.AppendInt(dst, at, 10)
		dst = append(dst, ']')
	}
	return append(dst, "]}"...)
}

func appendField(dst []byte, f *points.Field, row int) []byte {
	switch {
	case f.Nulls.Get(row):
		return append(dst, "null"...)
	case f.Kind == column.Int64:
		return strconv.AppendInt(dst, int64(f.Bits[row]), 10)
	case f.Kind == column.Uint64:
		return strconv.AppendUint(dst, f.Bits[row], 10)
	case f.Kind == column.Float64:
		return appendFloat(dst, math.Float64frombits(f.Bits[row]))
	case f.Kind == column.Bool:
		return appendBool(dst, f.Bits[row] != 0)
	}
	return appendText(dst, string(f.Text(row)))
}

// appendBatch appends the rows of a query's answer, from row from on until
// there are limit bytes, and returns the next row. units divide times; nil leaves
// them.
func appendBatch(dst []byte, b *column.Batch, from, limit int, units []int64) ([]byte, int) {
	row := from
	for ; row < b.Len && len(dst) < limit; row++ {
		if row > from {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for i, v := range b.Cols {
			if i > 0 {
				dst = append(dst, ',')
			}
			unit := int64(1)
			if units != nil && v.Type.Kind == column.Timestamp {
				unit = max(units[i], 1)
			}
			dst = appendValue(dst, v, row, unit)
		}
		dst = append(dst, ']')
	}
	return dst, row
}

// supported says whether plugins can be given values of a type.
func supported(t column.Type) error {
	switch t.Kind {
	case column.Null, column.Bool, column.Int64, column.Uint64, column.Float64, column.String, column.Dict, column.Timestamp:
		return nil
	}
	//lint:ignore ST1005 the reference's text
	return fmt.Errorf("Unsupported data type: %s", t)
}

func appendValue(dst []byte, v *column.Vector, row int, unit int64) []byte {
	if v.IsNull(row) {
		return append(dst, "null"...)
	}
	switch v.Type.Kind {
	case column.Bool:
		return appendBool(dst, v.Bools[row])
	case column.Int64, column.Timestamp:
		n := v.Ints[row] / unit
		if n*unit > v.Ints[row] { // before 1970
			n--
		}
		return strconv.AppendInt(dst, n, 10)
	case column.Uint64:
		return strconv.AppendUint(dst, v.Uints[row], 10)
	case column.Float64:
		return appendFloat(dst, v.Floats[row])
	}
	return appendText(dst, v.Text(row))
}

// appendStrings appends a JSON object, or null for a nil map.
func appendStrings(dst []byte, m map[string]string) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("BUG: strings that are no JSON: " + err.Error())
	}
	return append(dst, text...)
}
