package result

import (
	"io"
	"slices"
	"strconv"
	"time"

	"tarn/edge/query/expr"
	"tarn/edge/query/text"
	"tarn/store/column"
)

// jsonWriter writes row objects.
type jsonWriter struct {
	output
	lines bool
	keys  [][]byte // "name": of each column
	rows  int
	zones map[string]*time.Location
}

func newJSON(w io.Writer, cols []Column, lines bool) *jsonWriter {
	j := &jsonWriter{output: newOutput(w), lines: lines, zones: map[string]*time.Location{}}
	for _, c := range cols {
		j.keys = append(j.keys, append(text.AppendJSONString(nil, c.Name), ':'))
	}
	return j
}

func (j *jsonWriter) WriteBatch(b *column.Batch) error {
	cells := make([]func(dst []byte, row int) []byte, len(b.Cols))
	for i, v := range b.Cols {
		cells[i] = j.cell(v)
	}
	if j.rows == 0 {
		j.buf = slices.Grow(j.buf, min(b.Len*j.rowBytes(), flushBytes)+smallAnswer)
	}
	for row := range b.Len {
		switch {
		case j.lines:
		case j.rows == 0:
			j.buf = append(j.buf, '[')
		default:
			j.buf = append(j.buf, ',')
		}
		j.rows++
		j.buf = append(j.buf, '{')
		first := true
		for i, v := range b.Cols {
			if v.IsNull(row) {
				continue
			}
			if !first {
				j.buf = append(j.buf, ',')
			}
			first = false
			j.buf = append(j.buf, j.keys[i]...)
			j.buf = cells[i](j.buf, row)
		}
		j.buf = append(j.buf, '}')
		if j.lines {
			j.buf = append(j.buf, '\n')
		}
		if err := j.flush(false); err != nil {
			return err
		}
	}
	return nil
}

// smallAnswer is what there is room for beside the rows that the buffer is made for.
const smallAnswer = 64

// rowBytes guesses the length of a row.
func (j *jsonWriter) rowBytes() int {
	n := 0
	for _, k := range j.keys {
		const value = 12
		n += len(k) + value
	}
	return n
}

func (j *jsonWriter) Close() error {
	if !j.lines {
		if j.rows == 0 {
			j.buf = append(j.buf, '[')
		}
		j.buf = append(j.buf, ']')
	}
	return j.flush(true)
}

// cell returns how to append a value of v that is not null.
func (j *jsonWriter) cell(v *column.Vector) func(dst []byte, row int) []byte {
	quoted := func(appendText func([]byte, int) []byte) func([]byte, int) []byte {
		return func(dst []byte, row int) []byte {
			return append(appendText(append(dst, '"'), row), '"')
		}
	}
	switch v.Type.Kind {
	case column.Bool:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, v.Bools[row]) }
	case column.Int64:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, v.Ints[row], 10) }
	case column.Uint64:
		return func(dst []byte, row int) []byte { return strconv.AppendUint(dst, v.Uints[row], 10) }
	case column.Float64:
		return func(dst []byte, row int) []byte { return text.AppendFloatJSON(dst, v.Floats[row]) }
	case column.String:
		return func(dst []byte, row int) []byte { return text.AppendJSONString(dst, v.Strings[row]) }
	case column.Dict:
		return dictCell(v)
	case column.Struct:
		return j.structCell(v)
	case column.List:
		if expr.IsMap(v.Type) {
			return j.mapCell(v)
		}
		elem := j.cell(v.Children[0])
		return func(dst []byte, row int) []byte {
			dst = append(dst, '[')
			for i := v.Offsets[row]; i < v.Offsets[row+1]; i++ {
				if i > v.Offsets[row] {
					dst = append(dst, ',')
				}
				if v.Children[0].IsNull(int(i)) {
					dst = append(dst, "null"...)
				} else {
					dst = elem(dst, int(i))
				}
			}
			return append(dst, ']')
		}
	}
	return quoted(plainCell(v, j.zones))
}

// dictCell quotes a text once for a run of rows that have it: tags come in runs,
// since rows mostly come series by series.
func dictCell(v *column.Vector) func([]byte, int) []byte {
	var quoted []byte
	var code uint32
	return func(dst []byte, row int) []byte {
		if c := v.Codes[row]; c != code || quoted == nil {
			code, quoted = c, text.AppendJSONString(quoted[:0], v.Dict.Values[c])
		}
		return append(dst, quoted...)
	}
}

func (j *jsonWriter) structCell(v *column.Vector) func([]byte, int) []byte {
	var fields []func([]byte, int) []byte
	var keys [][]byte
	for i, c := range v.Children {
		fields = append(fields, j.cell(c))
		keys = append(keys, append(text.AppendJSONString(nil, v.Type.Nested.Names[i]), ':'))
	}
	return func(dst []byte, row int) []byte {
		dst = append(dst, '{')
		first := true
		for i, c := range v.Children {
			if c.IsNull(row) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = fields[i](append(dst, keys[i]...), row)
		}
		return append(dst, '}')
	}
}

// mapCell appends a map as an object; keys that are not texts become texts.
func (j *jsonWriter) mapCell(v *column.Vector) func([]byte, int) []byte {
	keys, values := v.Children[0].Children[0], v.Children[0].Children[1]
	key, value := plainCell(keys, j.zones), j.cell(values)
	var name []byte
	return func(dst []byte, row int) []byte {
		dst = append(dst, '{')
		for i := int(v.Offsets[row]); i < int(v.Offsets[row+1]); i++ {
			if i > int(v.Offsets[row]) {
				dst = append(dst, ',')
			}
			name = key(name[:0], i)
			dst = append(text.AppendJSONString(dst, string(name)), ':')
			if values.IsNull(i) {
				dst = append(dst, "null"...)
			} else {
				dst = value(dst, i)
			}
		}
		return append(dst, '}')
	}
}

// plainCell returns how to append the unquoted text of a value that is not
// null: CSV, pretty, and what JSON puts in quotes.
func plainCell(v *column.Vector, zones map[string]*time.Location) func(dst []byte, row int) []byte {
	switch v.Type.Kind {
	case column.Bool:
		return func(dst []byte, row int) []byte { return strconv.AppendBool(dst, v.Bools[row]) }
	case column.Int64:
		return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, v.Ints[row], 10) }
	case column.Uint64:
		return func(dst []byte, row int) []byte { return strconv.AppendUint(dst, v.Uints[row], 10) }
	case column.Float64:
		return func(dst []byte, row int) []byte { return text.AppendFloat(dst, v.Floats[row]) }
	case column.String, column.Dict:
		return func(dst []byte, row int) []byte { return append(dst, v.Text(row)...) }
	case column.Timestamp:
		if v.Type.Zone == "" {
			return func(dst []byte, row int) []byte { return text.AppendTimestamp(dst, v.Ints[row]) }
		}
		loc, ok := zones[v.Type.Zone]
		if !ok {
			var err error
			if loc, err = text.Zone(v.Type.Zone); err != nil {
				loc = time.UTC
			}
			zones[v.Type.Zone] = loc
		}
		return func(dst []byte, row int) []byte { return text.AppendZoned(dst, v.Ints[row], loc) }
	case column.Duration:
		return func(dst []byte, row int) []byte { return text.AppendDuration(dst, v.Ints[row]) }
	case column.Date:
		return func(dst []byte, row int) []byte { return text.AppendDate(dst, v.Ints[row]) }
	case column.TimeOfDay:
		return func(dst []byte, row int) []byte { return text.AppendTimeOfDay(dst, v.Ints[row]) }
	case column.IntervalKind:
		return func(dst []byte, row int) []byte { return text.AppendInterval(dst, v.Intervals[row]) }
	case column.Struct:
		return structText(v, zones)
	case column.List:
		if expr.IsMap(v.Type) {
			return mapText(v, zones)
		}
		elem := plainCell(v.Children[0], zones)
		return func(dst []byte, row int) []byte {
			dst = append(dst, '[')
			for i := v.Offsets[row]; i < v.Offsets[row+1]; i++ {
				if i > v.Offsets[row] {
					dst = append(dst, ", "...)
				}
				if !v.Children[0].IsNull(int(i)) {
					dst = elem(dst, int(i))
				}
			}
			return append(dst, ']')
		}
	}
	return func(dst []byte, _ int) []byte { return dst }
}

func structText(v *column.Vector, zones map[string]*time.Location) func([]byte, int) []byte {
	var fields []func([]byte, int) []byte
	for _, c := range v.Children {
		fields = append(fields, plainCell(c, zones))
	}
	return func(dst []byte, row int) []byte {
		dst = append(dst, '{')
		for i, c := range v.Children {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(append(dst, v.Type.Nested.Names[i]...), ": "...)
			if !c.IsNull(row) {
				dst = fields[i](dst, row)
			}
		}
		return append(dst, '}')
	}
}

// mapText appends a map as {key: value, ..}.
func mapText(v *column.Vector, zones map[string]*time.Location) func([]byte, int) []byte {
	keys, values := v.Children[0].Children[0], v.Children[0].Children[1]
	key, value := plainCell(keys, zones), plainCell(values, zones)
	return func(dst []byte, row int) []byte {
		dst = append(dst, '{')
		for i := int(v.Offsets[row]); i < int(v.Offsets[row+1]); i++ {
			if i > int(v.Offsets[row]) {
				dst = append(dst, ", "...)
			}
			dst = append(key(dst, i), ": "...)
			if !values.IsNull(i) {
				dst = value(dst, i)
			}
		}
		return append(dst, '}')
	}
}
