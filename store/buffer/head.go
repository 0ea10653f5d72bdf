package buffer

import (
	"math"
	"slices"

	"tarn/store/column"
	"tarn/store/points"
)

// head is the open part of a table: rows in the order in which they came, as
// plain arrays. Rows are appended and never changed, so that whoever holds the
// slices as they were reads them while more rows come. Null bitmaps are the
// exception: a word of them serves old and new rows.
type head struct {
	series []uint32
	times  []int64
	// cols are the field columns by column ID; those without a kind have no
	// value in the head.
	cols []headColumn

	minSeq, maxSeq   uint64
	minTime, maxTime int64
	// late says that a row may have the series and time of an older row that
	// is not in the head.
	late bool
	// shared says that a snapshot refers to the arrays, which must therefore
	// not be used again.
	shared bool
}

// headColumn is one field's values: a word a row as in points.Field, for a
// String offset<<32|length of the text in arena. Rows beyond bits are null.
type headColumn struct {
	kind  column.Kind
	bits  []uint64
	nulls column.Bitmap
	arena []byte
}

func (h *head) rows() int { return len(h.times) }

// reset empties the head; the arrays are kept unless a snapshot has them.
func (h *head) reset() {
	if h.shared {
		*h = head{}
		return
	}
	for i := range h.cols {
		c := &h.cols[i]
		*c = headColumn{bits: c.bits[:0], nulls: c.nulls[:0], arena: c.arena[:0]}
	}
	*h = head{series: h.series[:0], times: h.times[:0], cols: h.cols}
}

// column returns the column with that ID, making it if need be.
func (h *head) column(id int, kind column.Kind) *headColumn {
	if id >= len(h.cols) {
		h.cols = append(h.cols, make([]headColumn, id+1-len(h.cols))...)
	}
	c := &h.cols[id]
	c.kind = kind
	return c
}

// appendField adds rows [from, to) of f after the head's first rows rows.
func (h *head) appendField(rows int, f *points.Field, from, to, limit int) {
	c := h.column(f.ID, f.Kind)
	c.bits = reserve(c.bits, rows+to-from, limit)
	if have := len(c.bits); have < rows {
		c.bits = c.bits[:rows]
		clear(c.bits[have:])
		c.nulls.SetRange(have, rows)
	}
	if f.Nulls.Any(to) {
		copyBits(&c.nulls, rows, f.Nulls, from, to-from)
	}
	if f.Kind != column.String {
		c.bits = append(c.bits, f.Bits[from:to]...)
		return
	}
	for i := from; i < to; i++ {
		if f.Nulls.Get(i) {
			c.bits = append(c.bits, 0)
			continue
		}
		text := f.Text(i)
		c.bits = append(c.bits, uint64(len(c.arena))<<32|uint64(len(text)))
		c.arena = append(c.arena, text...)
	}
}

// reserve makes room for a length of n, at least doubling the capacity but not
// beyond limit: a full head wastes nothing, and one of a rarely written table
// stays small.
func reserve[T any](s []T, n, limit int) []T {
	if n <= cap(s) {
		return s
	}
	c := max(n, min(2*cap(s), limit))
	return append(make([]T, 0, c), s...)
}

// text returns the text of a row's word. It aliases the arena.
func (c *headColumn) text(word uint64) []byte {
	return c.arena[word>>32 : word>>32+word&math.MaxUint32]
}

// null says whether a row has no value.
func (c *headColumn) null(row uint32) bool {
	return int(row) >= len(c.bits) || c.nulls.Get(int(row))
}

// bytes is the memory that the head holds.
func (h *head) bytes() int64 {
	n := 4*cap(h.series) + 8*cap(h.times) + cap(h.cols)*sizeOfHeadColumn
	for i := range h.cols {
		c := &h.cols[i]
		n += 8*cap(c.bits) + 8*cap(c.nulls) + cap(c.arena)
	}
	return int64(n)
}

// sizeOfHeadColumn is that of the struct on a 64-bit machine.
const sizeOfHeadColumn = 80

// share returns the head's columns as they are now, safe from later inserts.
func (h *head) share() []headColumn {
	h.shared = true
	cols := slices.Clone(h.cols)
	for i := range cols {
		cols[i].nulls = slices.Clone(cols[i].nulls)
	}
	return cols
}
