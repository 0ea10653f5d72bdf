package result

import (
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
)

// parquetRowGroup is the number of rows in a row group (spec section 3.3), if
// they are not too large for the memory.
const parquetRowGroup = 100_000

const (
	// parquetStep is how many rows are handed to the library at once: it wants
	// each value as a struct.
	parquetStep = 256
	// parquetPage is the library's buffer for each column's page.
	parquetPage = 32 << 10
)

// parquetWriter writes a Parquet file. A query's result is small beside the
// store: the library's row interface is fast enough.
type parquetWriter struct {
	w     *parquet.GenericWriter[any]
	cols  []*parquetColumn
	rows  []parquet.Row
	cells [][]parquet.Value // of a row, by leaf
	group int               // rows in the row group, and their values' bytes
	bytes int
	limit int // of bytes
	zones map[string]*time.Location
}

func newParquet(w io.Writer, cols []Column, limit int) (*parquetWriter, error) {
	p := &parquetWriter{limit: limit, zones: map[string]*time.Location{}}
	names, types := make([]string, len(cols)), make([]column.Type, len(cols))
	for i, c := range cols {
		names[i], types[i] = c.Name, c.Type
	}
	leaves := 0
	for _, t := range types {
		p.cols = append(p.cols, newParquetColumn(t, 0, 0, &leaves))
	}
	p.cells = make([][]parquet.Value, leaves)
	p.w = parquet.NewGenericWriter[any](w, parquet.NewSchema("result", parquetGroup(names, types)), parquet.PageBufferSize(parquetPage))
	return p, nil
}

func (p *parquetWriter) WriteBatch(b *column.Batch) error {
	for i, v := range b.Cols {
		p.cols[i].prepare(v, p.zones)
	}
	for from := 0; from < b.Len; from += parquetStep {
		if err := p.write(b, from, min(b.Len, from+parquetStep)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	return nil
}

// write adds rows [from, to) of a batch.
func (p *parquetWriter) write(b *column.Batch, from, to int) error {
	for len(p.rows) < to-from {
		p.rows = append(p.rows, nil)
	}
	for row := from; row < to; row++ {
		for leaf := range p.cells {
			p.cells[leaf] = p.cells[leaf][:0]
		}
		for i, v := range b.Cols {
			p.cols[i].add(p.cells, v, row, 0, 0)
		}
		r := p.rows[row-from][:0]
		for _, values := range p.cells {
			r = append(r, values...)
		}
		p.rows[row-from] = r
		for _, v := range r {
			p.bytes += parquetBytes(v)
		}
	}
	if _, err := p.w.WriteRows(p.rows[:to-from]); err != nil {
		return err
	}
	if p.group += to - from; p.group < parquetRowGroup && p.bytes < p.limit {
		return nil
	}
	p.group, p.bytes = 0, 0
	return p.w.Flush()
}

// parquetBytes is what a value takes in a page, more or less.
func parquetBytes(v parquet.Value) int {
	if v.Kind() == parquet.ByteArray {
		return 4 + len(v.ByteArray())
	}
	return 8
}

// Held is Holder's.
func (p *parquetWriter) Held() int64 {
	return int64(p.limit + len(p.cells)*(2*parquetPage+24*parquetStep))
}

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
