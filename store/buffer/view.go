package buffer

import (
	"context"
	"math"
	"unsafe"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
)

// view is a head's rows at one moment, in the order of a merge.Source. Values
// are fetched through the permutation when they are read.
type view struct {
	sorter
	cols []headColumn

	minSeq, maxSeq   uint64
	minTime, maxTime int64
	late             bool
}

var _ merge.Source = (*view)(nil)

func (v *view) Runs() []merge.Run         { return v.runs }
func (v *view) Rows() int                 { return len(v.times) }
func (v *view) TimeRange() (lo, hi int64) { return v.minTime, v.maxTime }
func (v *view) SeqRange() (lo, hi uint64) { return v.minSeq, v.maxSeq }
func (v *view) Late() bool                { return v.late }

// ColumnStats of a head are not kept: it is too small for pruning to pay.
func (v *view) ColumnStats(schema.Column) (merge.Stats, bool) { return merge.Stats{}, false }

func (v *view) ReadTime(_ context.Context, dst []int64, from, to int) ([]int64, error) {
	return append(dst, v.times[from:to]...), nil
}

func (v *view) ReadColumn(_ context.Context, dst *column.Vector, col schema.Column, from, to int) error {
	c := v.column(col.ID)
	if c == nil || from >= to {
		dst.AppendNull(to - from)
		return nil
	}
	at := dst.Len
	dst.SetLen(at + to - from)
	switch c.kind {
	case column.Bool:
		gather(v, c, dst, at, from, to, dst.Bools[at:], func(w uint64) bool { return w != 0 })
	case column.Uint64:
		gather(v, c, dst, at, from, to, dst.Uints[at:], func(w uint64) uint64 { return w })
	case column.Float64:
		gather(v, c, dst, at, from, to, dst.Floats[at:], math.Float64frombits)
	case column.String:
		gather(v, c, dst, at, from, to, dst.Strings[at:], func(w uint64) string { return alias(c.text(w)) })
	default:
		gather(v, c, dst, at, from, to, dst.Ints[at:], func(w uint64) int64 { return int64(w) })
	}
	return nil
}

// alias makes a string of bytes that never change any more.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// column returns the column with that ID, or nil when no row has a value.
func (v *view) column(id int) *headColumn {
	if id >= len(v.cols) || v.cols[id].kind == column.Null {
		return nil
	}
	return &v.cols[id]
}

// gather fills out with the values of rows [from, to), and marks the nulls
// among them in dst, where they start at row at.
func gather[T any](v *view, c *headColumn, dst *column.Vector, at, from, to int, out []T, convert func(uint64) T) {
	if v.groups == nil && len(c.nulls) == 0 && len(c.bits) == len(v.perm) {
		for i, p := range v.perm[from:to] {
			out[i] = convert(c.bits[p])
		}
		return
	}
	for i := range to - from {
		w, ok := v.value(c, from+i)
		if !ok {
			dst.Nulls.Set(at + i)
			w = 0
		}
		out[i] = convert(w)
	}
}

// value returns the word of an output row: the newest value that is not null
// among the row's duplicates.
func (v *view) value(c *headColumn, row int) (word uint64, ok bool) {
	if v.groups == nil {
		p := v.perm[row]
		if c.null(p) {
			return 0, false
		}
		return c.bits[p], true
	}
	for j := v.groups[row+1]; j > v.groups[row]; j-- {
		if p := v.perm[j-1]; !c.null(p) {
			return c.bits[p], true
		}
	}
	return 0, false
}

// dense appends the words of all rows that have one to dst, and adds the others
// to nulls.
func (v *view) dense(dst []uint64, nulls *column.Bitmap, c *headColumn) []uint64 {
	if v.groups == nil && len(c.nulls) == 0 && len(c.bits) == len(v.perm) {
		for _, p := range v.perm {
			dst = append(dst, c.bits[p])
		}
		return dst
	}
	for row := range v.times {
		if w, ok := v.value(c, row); ok {
			dst = append(dst, w)
		} else {
			nulls.Set(row)
		}
	}
	return dst
}
