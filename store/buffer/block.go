package buffer

import (
	"context"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
)

// Block is the rows of a head after sealing: sorted by series and time,
// duplicates merged, compressed. It is immutable, and its data have no
// pointers for the garbage collector to follow.
//
// Every column is cut into stretches of codec.Size rows, each of which decodes
// alone. Nulls are not stored but counted out: a stretch has as many values as
// the column's null bitmap has rows that are not null.
type Block struct {
	runs  []merge.Run
	rows  int
	times blockColumn
	// cols are the field columns by column ID; those without a kind have no
	// value in the block.
	cols []blockColumn

	minSeq, maxSeq   uint64
	minTime, maxTime int64
	late             bool
	size             int64
}

// blockColumn is one column of a block.
type blockColumn struct {
	kind column.Kind
	// data holds the stretches, and offsets where each starts. Both are parts
	// of arrays that all columns of the block share.
	data    []byte
	offsets []uint32
	nulls   column.Bitmap
	stats   merge.Stats
	// dict is the end of each text in data when the column is a String whose
	// values are codes: the texts precede the stretches.
	dict []uint32
}

var _ merge.Source = (*Block)(nil)

// Runs lists the series in ascending order of their numbers.
func (b *Block) Runs() []merge.Run { return b.runs }

// Rows is the number of rows.
func (b *Block) Rows() int { return b.rows }

// TimeRange is the smallest and the largest time.
func (b *Block) TimeRange() (lo, hi int64) { return b.minTime, b.maxTime }

// SeqRange is the smallest and the largest sequence number of the rows. The
// rows of one Insert may lie in several blocks, so that the end of one block's
// range may be the start of the next one's: then a Snapshot's order decides.
func (b *Block) SeqRange() (lo, hi uint64) { return b.minSeq, b.maxSeq }

// Late says that rows may have the series and time of rows in older blocks or
// in segments.
func (b *Block) Late() bool { return b.late }

// Bytes is the memory that the block holds.
func (b *Block) Bytes() int64 { return b.size }

// ColumnStats returns the statistics of all columns but texts.
func (b *Block) ColumnStats(col schema.Column) (merge.Stats, bool) {
	c := b.column(col.ID)
	switch {
	case c == nil:
		return merge.Stats{Nulls: b.rows}, true
	case c.kind == column.String:
		return merge.Stats{}, false
	}
	return c.stats, true
}

// column returns the column with that ID, or nil when no row has a value.
func (b *Block) column(id int) *blockColumn {
	if id >= len(b.cols) || b.cols[id].kind == column.Null {
		return nil
	}
	return &b.cols[id]
}

// ReadTime appends the times of rows [from, to) to dst.
func (b *Block) ReadTime(_ context.Context, dst []int64, from, to int) ([]int64, error) {
	at := len(dst)
	dst = extend(dst, to-from)
	return dst, readInts(&b.times, dst[at:], b.rows, from, to)
}

// extend makes s n longer; the new elements are unspecified.
func extend[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s[:len(s)+n]
	}
	return append(s, make([]T, n)...)
}

// ReadColumn appends rows [from, to) of a field column to dst. Strings alias
// memory of the block where they can.
func (b *Block) ReadColumn(_ context.Context, dst *column.Vector, col schema.Column, from, to int) error {
	c := b.column(col.ID)
	if c == nil || from >= to {
		dst.AppendNull(to - from)
		return nil
	}
	at := dst.Len
	dst.SetLen(at + to - from)
	copyBits(&dst.Nulls, at, c.nulls, from, to-from)
	switch c.kind {
	case column.Bool:
		return readBools(c, dst.Bools[at:], b.rows, from, to)
	case column.Uint64:
		return readInts(c, dst.Uints[at:], b.rows, from, to)
	case column.Float64:
		return readFloats(c, dst.Floats[at:], b.rows, from, to)
	case column.String:
		return readStrings(c, dst.Strings[at:], b.rows, from, to)
	default:
		return readInts(c, dst.Ints[at:], b.rows, from, to)
	}
}
