package expr

import "tarn/store/column"

// writer collects the text results of a batch in a buffer, so that a batch of
// small texts costs one allocation however many rows it has. Texts go over to
// the vector a chunk at a time: the buffer stays small, and the query's budget
// is asked before more is built.
type writer struct {
	ctx  *Context
	out  *column.Vector
	buf  []byte
	ends []int // of the rows in buf
	row  int   // of out, the first in buf
}

// writer returns the context's writer of the rows of a String vector. Only one
// is in use at a time: kernels call no other kernels while they write.
func (c *Context) writer(out *column.Vector) *writer {
	if cap(c.ends) < out.Len {
		c.ends = make([]int, 0, out.Len)
	}
	return &writer{ctx: c, out: out, buf: c.bytes[:0], ends: c.ends[:0]}
}

// end ends the text of a row.
func (w *writer) end() error {
	w.ends = append(w.ends, len(w.buf))
	if len(w.buf) < writerChunk {
		return nil
	}
	return w.flush()
}

// flush stores the rows that are in the buffer.
func (w *writer) flush() error {
	if err := w.ctx.charge(len(w.buf)); err != nil {
		return err
	}
	all, from := string(w.buf), 0
	for _, end := range w.ends {
		w.out.Strings[w.row] = all[from:end]
		from = end
		w.row++
	}
	w.buf, w.ends = w.buf[:0], w.ends[:0]
	return nil
}

// finish stores the rest.
func (w *writer) finish() error {
	err := w.flush()
	w.ctx.ends = w.ends
	if w.ctx.bytes = w.buf; cap(w.buf) > keptBytes {
		w.ctx.bytes = nil
	}
	return err
}
