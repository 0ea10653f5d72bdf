package result

import (
	"io"
	"strconv"
	"time"

	"tarn/store/column"
)

// v1CSV writes a table for each statement, a blank line between them. What
// fails or has no rows is left out.
type v1CSV struct {
	output
	epoch  int64
	tables int
	series Series
	cols   []Column
	begun  bool
	mark   seriesMark
	prefix []byte // name and tags of the current series
	cell   []byte
}

// NewV1CSV returns a writer of CSV to w. Times are integers always.
func NewV1CSV(w io.Writer, o V1Options) V1 {
	return &v1CSV{output: newOutput(w), epoch: max(int64(o.Epoch), 1)}
}

func (c *v1CSV) Message(int, error, string) error { return nil }

func (c *v1CSV) Begin(_ int, s Series, cols []Column) error {
	c.series, c.cols, c.begun, c.mark = s, cols, false, seriesMark{}
	return nil
}

func (c *v1CSV) header() {
	if c.tables++; c.tables > 1 {
		c.buf = append(c.buf, '\n')
	}
	c.buf = append(c.buf, "name,tags"...)
	if c.series.HasTime {
		c.buf = appendCSV(append(c.buf, ','), []byte(c.cols[1].Name))
	}
	for _, col := range c.cols[c.series.Values():] {
		c.buf = appendCSV(append(c.buf, ','), []byte(col.Name))
	}
	c.buf = append(c.buf, '\n')
}

func (c *v1CSV) WriteBatch(b *column.Batch) error {
	if !c.begun {
		c.begun = true
		c.header()
	}
	first := c.series.Values()
	tags := b.Cols[first-c.series.Tags : first]
	keys := append([]*column.Vector{b.Cols[0]}, tags...)
	zones := map[string]*time.Location{}
	cells := make([]func([]byte, int) []byte, len(b.Cols))
	for i, v := range b.Cols {
		cells[i] = plainCell(v, zones)
	}
	for row := range b.Len {
		if c.mark.next(keys, row) {
			c.prefix = appendCSV(c.prefix[:0], []byte(c.mark.texts[0]))
			c.prefix = append(c.prefix, ',')
			c.cell = c.cell[:0]
			for i, value := range c.mark.texts[1:] {
				if i > 0 {
					c.cell = append(c.cell, ',')
				}
				c.cell = append(append(append(c.cell, c.cols[first-c.series.Tags+i].Name...), '='), value...)
			}
			c.prefix = appendCSV(c.prefix, c.cell)
		}
		c.buf = append(c.buf, c.prefix...)
		if c.series.HasTime {
			c.buf = strconv.AppendInt(append(c.buf, ','), b.Cols[1].Ints[row]/c.epoch, 10)
		}
		for i, v := range b.Cols[first:] {
			c.buf = append(c.buf, ',')
			switch {
			case v.IsNull(row):
			case v.Type.Kind == column.Float64:
				c.buf = strconv.AppendFloat(c.buf, v.Floats[row], 'f', -1, 64)
			default:
				c.cell = cells[first+i](c.cell[:0], row)
				c.buf = appendCSV(c.buf, c.cell)
			}
		}
		c.buf = append(c.buf, '\n')
		if err := c.flush(false); err != nil {
			return err
		}
	}
	return nil
}

func (c *v1CSV) End(error) error { return nil }

func (c *v1CSV) Close() error { return c.flush(true) }
