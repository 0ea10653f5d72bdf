package expr

import "tarn/store/column"

// writer collects the text results of a batch in one buffer, so that a batch
// costs one allocation however many rows it has.
type writer struct {
	ctx  *Context
	buf  []byte
	ends []int
}

// writer returns the context's writer, empty. Only one is in use at a time:
// kernels call no other kernels while they write.
func (c *Context) writer(n int) *writer {
	if cap(c.ends) < n {
		c.ends = make([]int, 0, n)
	}
	return &writer{ctx: c, buf: c.bytes[:0], ends: c.ends[:0]}
}

// end ends the text of a row.
func (w *writer) end() { w.ends = append(w.ends, len(w.buf)) }

// finish stores the rows in a String vector.
func (w *writer) finish(out *column.Vector) {
	all, from := string(w.buf), 0
	for i, end := range w.ends {
		out.Strings[i] = all[from:end]
		from = end
	}
	w.ctx.bytes, w.ctx.ends = w.buf, w.ends
}
