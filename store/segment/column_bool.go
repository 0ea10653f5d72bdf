package segment

import (
	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
)

// boolColumn writes booleans, a bit each.
type boolColumn struct {
	pending
	c        chunk
	pageRows int
	n        int
	bits     []byte
	has      [2]bool // false, true
}

func (w *boolColumn) chunk() *chunk     { return &w.c }
func (w *boolColumn) begin()            { w.c.reset() }
func (w *boolColumn) pendingBytes() int { return len(w.bits) }

func (w *boolColumn) append(v *column.Vector, from, n int) error {
	for n > 0 {
		k := min(n, w.pageRows-w.rows)
		stretches(v, from, k, func(from, n int) {
			for _, b := range v.Bools[from : from+n] {
				w.push(b)
			}
			w.present(n)
		}, func(_, n int) { w.missing(n) })
		from, n = from+k, n-k
		if w.rows == w.pageRows {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *boolColumn) push(b bool) {
	if w.n&7 == 0 {
		w.bits = append(w.bits, 0)
	}
	if b {
		w.bits[w.n>>3] |= 1 << (w.n & 7)
		w.has[1] = true
	} else {
		w.has[0] = true
	}
	w.n++
}

func (w *boolColumn) boundary() error {
	if w.rows == 0 || w.rows < w.pageRows/3 {
		return nil
	}
	return w.flush()
}

func (w *boolColumn) finish() error {
	if w.rows == 0 {
		return nil
	}
	return w.flush()
}

func (w *boolColumn) flush() error {
	p := w.page()
	p.encoding, p.values = format.Plain, w.bits
	switch w.has {
	case [2]bool{true, true}:
		p.min, p.max = []byte{0}, []byte{1}
	case [2]bool{true, false}:
		p.min, p.max = []byte{0}, []byte{0}
	case [2]bool{false, true}:
		p.min, p.max = []byte{1}, []byte{1}
	}
	err := w.c.addPage(p)
	w.reset()
	w.n, w.bits, w.has = 0, w.bits[:0], [2]bool{}
	return err
}
