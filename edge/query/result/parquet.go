package result

import (
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	"tarn/store/column"
)

// parquetRowGroup is the number of rows in a row group (spec section 3.3).
const parquetRowGroup = 100_000

// parquetWriter writes a Parquet file. A query's result is small beside the
// store: the library's row interface is fast enough.
type parquetWriter struct {
	w     *parquet.GenericWriter[any]
	cols  []*parquetColumn
	rows  []parquet.Row
	cells [][]parquet.Value // of a row, by leaf
	group int
	zones map[string]*time.Location
}

func newParquet(w io.Writer, cols []Column) (*parquetWriter, error) {
	p := &parquetWriter{zones: map[string]*time.Location{}}
	names, types := make([]string, len(cols)), make([]column.Type, len(cols))
	for i, c := range cols {
		names[i], types[i] = c.Name, c.Type
	}
	leaves := 0
	for _, t := range types {
		p.cols = append(p.cols, newParquetColumn(t, 0, 0, &leaves))
	}
	p.cells = make([][]parquet.Value, leaves)
	p.w = parquet.NewGenericWriter[any](w, parquet.NewSchema("result", parquetGroup(names, types)))
	return p, nil
}

func (p *parquetWriter) WriteBatch(b *column.Batch) error {
	for i, v := range b.Cols {
		p.cols[i].prepare(v, p.zones)
	}
	for len(p.rows) < b.Len {
		p.rows = append(p.rows, nil)
	}
	for row := range b.Len {
		for leaf := range p.cells {
			p.cells[leaf] = p.cells[leaf][:0]
		}
		for i, v := range b.Cols {
			p.cols[i].add(p.cells, v, row, 0, 0)
		}
		r := p.rows[row][:0]
		for _, values := range p.cells {
			r = append(r, values...)
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

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
