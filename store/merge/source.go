// Package merge reads rows from many sorted sources as one: buffer blocks and
// segments alike, for queries, flushes and compactions. Rows of one series and
// time that lie in several sources become one row, field by field the newest
// value that is not null.
package merge

import (
	"context"

	"tarn/store/column"
	"tarn/store/schema"
)

// Run is the rows of one series in a source: [Start, End), ascending in time.
// Series is the table's number for it.
type Run struct {
	Series     uint32
	Start, End uint32
}

// Source is an immutable set of rows of one table, grouped by series and
// ascending in time within each. A series has at most one run in a source, and
// a run has each time at most once.
//
// A source may be read by several goroutines at once.
type Source interface {
	// Runs lists the series, in the order in which their rows lie.
	Runs() []Run
	// Rows is the number of rows.
	Rows() int
	// TimeRange is the smallest and the largest time, both inclusive.
	TimeRange() (min, max int64)
	// SeqRange is the smallest and the largest write sequence number of the
	// rows. The ranges of two sources never overlap unless the sources cannot
	// have a row in common.
	SeqRange() (min, max uint64)
	// Late says that rows of the source may have the series and time of a row
	// in a source with smaller sequence numbers. Sources that are not late
	// need no merging with older ones.
	Late() bool
	// ReadTime appends the times of rows [from, to) to dst.
	ReadTime(ctx context.Context, dst []int64, from, to int) ([]int64, error)
	// ReadColumn appends rows [from, to) of a field column to dst, whose type
	// is the column's; rows of a source that lacks the column are null.
	// Strings in dst may alias memory of the source.
	ReadColumn(ctx context.Context, dst *column.Vector, col schema.Column, from, to int) error
	// ColumnStats returns the smallest and largest value of a numeric or
	// boolean field column as the column's bits (int64, uint64, float64 bits,
	// 0 or 1), and the number of its nulls, when the source knows them.
	ColumnStats(col schema.Column) (stats Stats, ok bool)
}

// Stats summarises one column of a source.
type Stats struct {
	// Min and Max are bounds as bits of the column's kind; meaningless when
	// Nulls equals the number of rows. NaNs are not counted.
	Min, Max uint64
	Nulls    int
}
