package exec

import (
	"tarn/store/column"
)

// seriesRuns finds where the series of sorted rows begin: where a column of text
// changes. Null is a text of its own.
type seriesRuns struct {
	cols  []int
	begun bool
	last  []string
	null  []bool
	// starts are the rows of the latest batch at which a series begins.
	starts []int32
}

// mark looks at the next batch.
func (p *seriesRuns) mark(b *column.Batch) []int32 {
	p.starts = p.starts[:0]
	if b.Len == 0 {
		return p.starts
	}
	if !p.begun || p.differs(b) {
		p.starts = append(p.starts, 0)
	}
	for i := 1; i < b.Len; i++ {
		for _, c := range p.cols {
			if !sameText(b.Cols[c], i-1, i) {
				p.starts = append(p.starts, int32(i))
				break
			}
		}
	}
	p.remember(b)
	return p.starts
}

// differs says whether the first row is of another series than the last one of
// the batch before.
func (p *seriesRuns) differs(b *column.Batch) bool {
	for i, c := range p.cols {
		v := b.Cols[c]
		if v.IsNull(0) != p.null[i] || !p.null[i] && v.Text(0) != p.last[i] {
			return true
		}
	}
	return false
}

func (p *seriesRuns) remember(b *column.Batch) {
	p.begun = true
	p.last, p.null = p.last[:0], p.null[:0]
	for _, c := range p.cols {
		v, row := b.Cols[c], b.Len-1
		p.null = append(p.null, v.IsNull(row))
		if v.IsNull(row) {
			p.last = append(p.last, "")
		} else {
			p.last = append(p.last, v.Text(row))
		}
	}
}

func sameText(v *column.Vector, a, b int) bool {
	if x, y := v.IsNull(a), v.IsNull(b); x || y {
		return x == y
	}
	if v.Type.Kind == column.Dict {
		return v.Codes[a] == v.Codes[b] || v.Text(a) == v.Text(b)
	}
	return v.Strings[a] == v.Strings[b]
}
