package segment

import (
	"bytes"

	"github.com/parquet-go/parquet-go/format"
)

// tagColumn writes a tag: dictionary-coded runs, one page a row group. The
// store itself reads the series index instead.
type tagColumn struct {
	pending
	c     chunk
	dict  textDict
	runs  []tagRun
	last  []byte // value of the run being counted
	lo    []byte
	hi    []byte
	valid bool

	hybrid hybridEncoder
}

type tagRun struct {
	index uint32
	rows  int
}

func (w *tagColumn) begin() {
	w.c.reset()
	w.dict.reset()
	w.runs = w.runs[:0]
	w.valid = false
	w.pending.reset()
}

// append adds n rows of one value; the empty one is NULL.
func (w *tagColumn) append(value string, n int) {
	if value == "" {
		w.missing(n)
		return
	}
	w.present(n)
	if k := len(w.runs); k > 0 && string(w.last) == value {
		w.runs[k-1].rows += n
		return
	}
	w.last = append(w.last[:0], value...)
	w.runs = append(w.runs, tagRun{w.dict.index(w.last), n})
	if !w.valid || bytes.Compare(w.last, w.lo) < 0 {
		w.lo = append(w.lo[:0], value...)
	}
	if !w.valid || bytes.Compare(w.last, w.hi) > 0 {
		w.hi = append(w.hi[:0], value...)
	}
	w.valid = true
}

// full says that the dictionary is as large as a page may be.
func (w *tagColumn) full() bool { return len(w.dict.plain) >= maxDictBytes }

func (w *tagColumn) pendingBytes() int { return len(w.dict.plain)/2 + 2*len(w.runs) }

func (w *tagColumn) finish() error {
	if w.rows == 0 {
		return nil
	}
	h := &w.hybrid
	width := indexWidth(w.dict.n())
	h.reset(append(h.dst[:0], byte(width)), width)
	for _, r := range w.runs {
		h.run(r.index, r.rows)
	}
	p := w.page()
	p.encoding, p.values = format.RLEDictionary, h.finish()
	switch {
	case !w.valid:
	case len(w.lo) > maxBound || len(w.hi) > maxBound:
		p.noBounds = true
	default:
		p.min, p.max = bytes.Clone(w.lo), bytes.Clone(w.hi)
	}
	if err := w.c.addPage(p); err != nil {
		return err
	}
	return w.c.setDictionary(w.dict.plain, w.dict.n())
}
