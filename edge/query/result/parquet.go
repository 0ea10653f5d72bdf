package result

import (
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"tarn/store/column"
)

// parquetRowGroup is the number of rows in a row group (spec section 3.3).
const parquetRowGroup = 100_000

// parquetWriter writes a Parquet file. A query's result is small beside the
// store: the library's row interface is fast enough.
type parquetWriter struct {
	w     *parquet.GenericWriter[any]
	cols  []Column
	order []int // column of the file -> column of the result
	rows  []parquet.Row
	group int
	zones map[string]*time.Location
}

func newParquet(w io.Writer, cols []Column) (*parquetWriter, error) {
	group := parquet.Group{}
	for _, c := range cols {
		if _, ok := group[c.Name]; ok {
			return nil, fmt.Errorf("two columns are named %q: a Parquet file needs distinct names", c.Name)
		}
		group[c.Name] = parquet.Optional(parquet.Compressed(parquetNode(c.Type), &zstd.Codec{Level: zstd.SpeedFastest}))
	}
	s := parquet.NewSchema("result", group)
	p := &parquetWriter{w: parquet.NewGenericWriter[any](w, s), cols: cols, zones: map[string]*time.Location{}}
	place := map[string]int{}
	for i, c := range cols {
		place[c.Name] = i
	}
	for _, path := range s.Columns() {
		p.order = append(p.order, place[path[0]])
	}
	return p, nil
}

// parquetNode is a column's type in the file. Nested values are text.
func parquetNode(t column.Type) parquet.Node {
	switch t.Kind {
	case column.Bool:
		return parquet.Leaf(parquet.BooleanType)
	case column.Int64, column.Duration:
		return parquet.Int(64)
	case column.Uint64:
		return parquet.Uint(64)
	case column.Float64:
		return parquet.Leaf(parquet.DoubleType)
	case column.Timestamp:
		return parquet.TimestampAdjusted(parquet.Nanosecond, t.Zone != "")
	case column.Date:
		return parquet.Date()
	}
	return parquet.String()
}

func (p *parquetWriter) WriteBatch(b *column.Batch) error {
	texts := make([]func([]byte, int) []byte, len(b.Cols))
	for i, v := range b.Cols {
		texts[i] = plainCell(v, p.zones)
	}
	for len(p.rows) < b.Len {
		p.rows = append(p.rows, nil)
	}
	for row := range b.Len {
		r := p.rows[row][:0]
		for at, i := range p.order {
			v := b.Cols[i]
			if v.IsNull(row) {
				r = append(r, parquet.NullValue().Level(0, 0, at))
				continue
			}
			r = append(r, parquetValue(v, row, texts[i]).Level(0, 1, at))
		}
		p.rows[row] = r
	}
	if _, err := p.w.WriteRows(p.rows[:b.Len]); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if p.group += b.Len; p.group >= parquetRowGroup {
		p.group = 0
		if err := p.w.Flush(); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}

func parquetValue(v *column.Vector, row int, text func([]byte, int) []byte) parquet.Value {
	switch v.Type.Kind {
	case column.Bool:
		return parquet.BooleanValue(v.Bools[row])
	case column.Int64, column.Duration, column.Timestamp:
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

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
