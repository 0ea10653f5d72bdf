package greptime

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"tarn/edge/api/greptime/statement"
	"tarn/edge/query/expr"
	"tarn/edge/query/text"
	"tarn/store/column"
)

// cells print values as section 2.1 has them: in JSON, or plain for CSV.
type cells struct {
	columns []statement.Column
	plain   bool
	batch   *column.Batch
	print   []func(dst []byte, row int) []byte
}

// load takes the next rows. epoch, unless 0, is the unit of all times.
func (c *cells) load(b *column.Batch, epoch int64) {
	c.batch, c.print = b, c.print[:0]
	for i, col := range c.columns {
		c.print = append(c.print, printer(col, b.Cols[i], epoch))
	}
}

// one appends the value of column i.
func (c *cells) one(dst []byte, i, row int) []byte {
	if c.batch.Cols[i].IsNull(row) {
		return append(dst, "null"...)
	}
	return c.print[i](dst, row)
}

// list appends a row as an array.
func (c *cells) list(dst []byte, row int) []byte {
	dst = append(dst, '[')
	for i := range c.columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.one(dst, i, row)
	}
	return append(dst, ']')
}

// csv appends a value that is not null as a field of CSV.
func (c *cells) csv(dst []byte, i, row int) []byte {
	v := c.batch.Cols[i]
	switch v.Type.Kind {
	case column.String, column.Dict:
		return appendCSV(dst, v.Text(row))
	case column.Float64:
		if f := v.Floats[row]; math.IsNaN(f) || math.IsInf(f, 0) {
			return append(dst, strings.TrimPrefix(text.FormatFloat(f), "+")...)
		}
		return c.print[i](dst, row)
	case column.List, column.Struct:
		return appendCSV(dst, string(c.print[i](nil, row)))
	case column.IntervalKind:
		return appendCSV(dst, expr.ValueAt(v, row).Text())
	}
	return c.print[i](dst, row)
}

// printer returns how to append a value that is not null in JSON.
func printer(col statement.Column, v *column.Vector, epoch int64) func([]byte, int) []byte {
	switch v.Type.Kind {
	case column.Bool:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, v.Bools[row]) }
	case column.Timestamp:
		unit := max(col.Unit, 1)
		if epoch > 0 && strings.HasPrefix(col.DataType, "Timestamp") {
			unit = epoch
		}
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, text.FloorDiv(v.Ints[row], unit), 10) }
	case column.Int64, column.Duration, column.Date, column.TimeOfDay:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, v.Ints[row], 10) }
	case column.Uint64:
		return func(dst []byte, row int) []byte { return strconv.AppendUint(dst, v.Uints[row], 10) }
	case column.Float64:
		return func(dst []byte, row int) []byte {
			if f := v.Floats[row]; math.IsNaN(f) || math.IsInf(f, 0) {
				return append(dst, "null"...)
			}
			return text.AppendFloatJSON(dst, short(v.Floats[row], col.DataType))
		}
	case column.String, column.Dict:
		if col.DataType != "String" { // JSON, or a tag of another type
			return func(dst []byte, row int) []byte {
				if s := v.Text(row); json.Valid([]byte(s)) {
					return append(dst, s...)
				}
				return text.AppendJSONString(dst, v.Text(row))
			}
		}
		return func(dst []byte, row int) []byte { return text.AppendJSONString(dst, v.Text(row)) }
	case column.IntervalKind:
		return func(dst []byte, row int) []byte {
			iv := v.Intervals[row]
			dst = strconv.AppendInt(append(dst, `{"months":`...), int64(iv.Months), 10)
			dst = strconv.AppendInt(append(dst, `,"days":`...), int64(iv.Days), 10)
			return append(strconv.AppendInt(append(dst, `,"nsecs":`...), iv.Nanos, 10), '}')
		}
	case column.List:
		inner := v.Children[0]
		elem := printer(statement.Column{DataType: "String", Unit: 1}, inner, 0)
		return func(dst []byte, row int) []byte {
			dst = append(dst, '[')
			for i := v.Offsets[row]; i < v.Offsets[row+1]; i++ {
				if i > v.Offsets[row] {
					dst = append(dst, ',')
				}
				if inner.IsNull(int(i)) {
					dst = append(dst, "null"...)
				} else {
					dst = elem(dst, int(i))
				}
			}
			return append(dst, ']')
		}
	case column.Struct:
		return structPrinter(v)
	}
	return func(dst []byte, _ int) []byte { return append(dst, "null"...) }
}

func structPrinter(v *column.Vector) func([]byte, int) []byte {
	var fields []func([]byte, int) []byte
	for _, c := range v.Children {
		fields = append(fields, printer(statement.Column{DataType: "String", Unit: 1}, c, 0))
	}
	return func(dst []byte, row int) []byte {
		dst = append(dst, '{')
		for i, c := range v.Children {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(text.AppendJSONString(dst, v.Type.Nested.Names[i]), ':')
			if c.IsNull(row) {
				dst = append(dst, "null"...)
			} else {
				dst = fields[i](dst, row)
			}
		}
		return append(dst, '}')
	}
}

// short is a value of a Float32 as its shortest text has it: 0.1 and not
// 0.10000000149011612.
func short(f float64, dataType string) float64 {
	if dataType != "Float32" {
		return f
	}
	var buf [32]byte
	g, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], f, 'g', -1, 32)), 64)
	if err != nil {
		return f
	}
	return g
}

// appendCSV appends a field, quoted when it must be.
func appendCSV(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, "\",\r\n") {
		return append(dst, s...)
	}
	return append(append(append(dst, '"'), strings.ReplaceAll(s, `"`, `""`)...), '"')
}
