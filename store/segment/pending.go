package segment

import "tarn/store/column"

// pending counts the rows of the page that a column is gathering, and which of
// them are null.
type pending struct {
	rows  int
	nulls int
	set   column.Bitmap
}

func (p *pending) reset() {
	p.rows, p.nulls = 0, 0
	p.set.Reset()
}

// present counts n rows that have values.
func (p *pending) present(n int) { p.rows += n }

// missing counts n rows that are null.
func (p *pending) missing(n int) {
	p.set.SetRange(p.rows, p.rows+n)
	p.rows += n
	p.nulls += n
}

// page starts the description of the page.
func (p *pending) page() encodedPage {
	return encodedPage{rows: p.rows, nulls: p.nulls, nullSet: p.set}
}

// stretches splits rows [from, from+n) of v into maximal ones without and with
// values.
func stretches(v *column.Vector, from, n int, present, missing func(from, n int)) {
	if v.Type.Kind == column.Null {
		missing(from, n)
		return
	}
	if len(v.Nulls)*64 <= from || !anyNull(v.Nulls, from, from+n) {
		present(from, n)
		return
	}
	for at, end := from, from+n; at < end; {
		null := v.Nulls.Get(at)
		to := at + 1
		for to < end && v.Nulls.Get(to) == null {
			to++
		}
		if null {
			missing(at, to-at)
		} else {
			present(at, to-at)
		}
		at = to
	}
}

// anyNull says whether a row of [from, to) is in b.
func anyNull(b column.Bitmap, from, to int) bool {
	for w := from >> 6; w < len(b) && w<<6 < to; w++ {
		v := b[w]
		if w == from>>6 {
			v &= ^uint64(0) << (uint(from) & 63)
		}
		if rest := to - w<<6; rest < 64 {
			v &= 1<<uint(rest) - 1
		}
		if v != 0 {
			return true
		}
	}
	return false
}
