package result

import (
	"bytes"
	"io"
	"time"

	"tarn/store/column"
)

// csvWriter writes comma-separated values; the header comes with the first
// row.
type csvWriter struct {
	output
	cols  []Column
	begun bool
	cell  []byte
	zones map[string]*time.Location
}

func newCSV(w io.Writer, cols []Column) *csvWriter {
	return &csvWriter{output: newOutput(w), cols: cols, zones: map[string]*time.Location{}}
}

func (c *csvWriter) WriteBatch(b *column.Batch) error {
	if !c.begun {
		c.begun = true
		for i, col := range c.cols {
			if i > 0 {
				c.buf = append(c.buf, ',')
			}
			c.buf = appendCSV(c.buf, []byte(col.Name))
		}
		c.buf = append(c.buf, '\n')
	}
	cells := make([]func([]byte, int) []byte, len(b.Cols))
	for i, v := range b.Cols {
		cells[i] = plainCell(v, c.zones)
	}
	for row := range b.Len {
		for i, v := range b.Cols {
			if i > 0 {
				c.buf = append(c.buf, ',')
			}
			if v.IsNull(row) {
				continue
			}
			switch v.Type.Kind {
			case column.String, column.Dict, column.Struct, column.List:
				c.cell = cells[i](c.cell[:0], row)
				c.buf = appendCSV(c.buf, c.cell)
			default: // never needs quotes
				c.buf = cells[i](c.buf, row)
			}
		}
		c.buf = append(c.buf, '\n')
		if err := c.flush(false); err != nil {
			return err
		}
	}
	return nil
}

func (c *csvWriter) Close() error { return c.flush(true) }

// appendCSV appends a field, in quotes when it must be (RFC 4180).
func appendCSV(dst, s []byte) []byte {
	if !bytes.ContainsAny(s, ",\"\r\n") {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for _, c := range s {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
