package result

import (
	"bytes"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"tarn/store/column"
)

// prettyWriter draws a table. Widths need all rows, so it keeps them as text.
type prettyWriter struct {
	output
	cols   []Column
	widths []int
	cells  []byte
	ends   []int
	rows   int
	zones  map[string]*time.Location
}

func newPretty(w io.Writer, cols []Column) *prettyWriter {
	p := &prettyWriter{output: newOutput(w), cols: cols, zones: map[string]*time.Location{}}
	for _, c := range cols {
		p.widths = append(p.widths, utf8.RuneCountInString(c.Name))
	}
	return p
}

func (p *prettyWriter) WriteBatch(b *column.Batch) error {
	cells := make([]func([]byte, int) []byte, len(b.Cols))
	for i, v := range b.Cols {
		cells[i] = plainCell(v, p.zones)
	}
	for row := range b.Len {
		for i, v := range b.Cols {
			from := len(p.cells)
			if !v.IsNull(row) {
				p.cells = cells[i](p.cells, row)
			}
			for line := range bytes.SplitSeq(p.cells[from:], []byte{'\n'}) {
				p.widths[i] = max(p.widths[i], utf8.RuneCount(line))
			}
			p.ends = append(p.ends, len(p.cells))
		}
	}
	p.rows += b.Len
	return nil
}

// Held is Holder's.
func (p *prettyWriter) Held() int64 { return int64(cap(p.cells) + 8*cap(p.ends)) }

func (p *prettyWriter) Close() error {
	if p.rows == 0 {
		p.buf = append(p.buf, "++\n++"...)
		return p.flush(true)
	}
	var rule strings.Builder
	for _, w := range p.widths {
		rule.WriteString("+" + strings.Repeat("-", w+2))
	}
	rule.WriteString("+")
	names := make([][]byte, len(p.cols))
	for i, c := range p.cols {
		names[i] = []byte(c.Name)
	}
	p.buf = append(append(p.buf, rule.String()...), '\n')
	p.row(names)
	p.buf = append(append(p.buf, rule.String()...), '\n')
	from, k := 0, 0
	cells := make([][]byte, len(p.cols))
	for range p.rows {
		for i := range cells {
			cells[i] = p.cells[from:p.ends[k]]
			from = p.ends[k]
			k++
		}
		p.row(cells)
		if err := p.flush(false); err != nil {
			return err
		}
	}
	p.buf = append(p.buf, rule.String()...)
	return p.flush(true)
}

// row draws one row, over several lines when a cell has them.
func (p *prettyWriter) row(cells [][]byte) {
	lines, height := make([][][]byte, len(cells)), 1
	for i, c := range cells {
		lines[i] = bytes.Split(c, []byte{'\n'})
		height = max(height, len(lines[i]))
	}
	for n := range height {
		for i, w := range p.widths {
			var cell []byte
			if n < len(lines[i]) {
				cell = lines[i][n]
			}
			p.buf = append(append(p.buf, "| "...), cell...)
			for range w - utf8.RuneCount(cell) + 1 {
				p.buf = append(p.buf, ' ')
			}
		}
		p.buf = append(p.buf, "|\n"...)
	}
}
