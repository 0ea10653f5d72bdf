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
	// parquetStep is how many values are handed to the library at once: it wants
	// each as a struct.
	parquetStep = 1024
	// parquetPage is the library's buffer for each column's page, unless the
	// columns are too many for the memory.
	parquetPage, leastParquetPage = 32 << 10, 4 << 10
)

// parquetWriter writes a Parquet file, column by column: by rows the library
// takes more than twice as long.
type parquetWriter struct {
	w      *parquet.GenericWriter[any]
	leaves []*parquet.ColumnWriter
	cols   []*parquetColumn
	cells  [][]parquet.Value // of a step of one column, by leaf
	flat   []parquet.Value   // the memory of those of columns that are not nested
	page   int
	group  int // rows in the row group, and their values' bytes
	bytes  int
	limit  int // of bytes
	zones  map[string]*time.Location
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
	p.page = min(max(limit/4/max(leaves, 1), leastParquetPage), parquetPage)
	p.w = parquet.NewGenericWriter[any](w, parquet.NewSchema("result", parquetGroup(names, types)), parquet.PageBufferSize(p.page))
	p.leaves = p.w.ColumnWriters()
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
	for i, v := range b.Cols {
		c := p.cols[i]
		if len(c.children) == 0 {
			p.cells[c.leaf] = p.flat
		}
		p.bytes += c.rows(p.cells, v, from, to)
		for leaf := c.leaf; leaf < c.end; leaf++ {
			if _, err := p.leaves[leaf].WriteRowValues(p.cells[leaf]); err != nil {
				return err
			}
			p.cells[leaf] = p.cells[leaf][:0]
		}
		if len(c.children) == 0 {
			p.flat, p.cells[c.leaf] = p.cells[c.leaf], nil
		}
	}
	if p.group += to - from; p.group < parquetRowGroup && p.bytes < p.limit {
		return nil
	}
	p.group, p.bytes = 0, 0
	return p.w.Flush()
}

// Held is Holder's.
func (p *parquetWriter) Held() int64 {
	nested := 1
	for _, c := range p.cols {
		if len(c.children) > 0 {
			nested += c.end - c.leaf
		}
	}
	return int64(p.limit + len(p.leaves)*2*p.page + 24*parquetStep*nested)
}

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
