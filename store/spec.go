package store

import (
	"context"
	"math"
	"sync/atomic"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
)

// Order is the order in which a scan yields rows.
type Order uint8

const (
	// Unordered lets the scan yield rows source by source.
	Unordered Order = iota
	// SeriesTime yields all rows of a series together, ascending in time;
	// series come in the order of their tag values, NULL last.
	SeriesTime
	// NewestFirst yields sources in descending order of their largest time. The
	// rows within a source are not ordered; it is for top-n by time, which
	// raises ScanSpec.Floor as it learns.
	NewestFirst
	// OldestFirst is the mirror image, for ORDER BY time LIMIT n with
	// ScanSpec.Ceiling.
	OldestFirst
)

// AllTime is the widest time range of a scan.
const (
	MinTime int64 = math.MinInt64
	MaxTime int64 = math.MaxInt64
)

// ScanSpec says what to read of one table.
type ScanSpec struct {
	Database string
	// Table is the schema that the caller planned with.
	Table *schema.Table
	// Columns are the IDs of the columns to yield, in that order. Tags come as
	// Dict vectors whose dictionary is the same for all batches of the scan.
	Columns []int
	// MinTime and MaxTime bound the rows, both inclusive.
	MinTime, MaxTime int64
	// FilterTags and Filter restrict the series: Filter gets batches of
	// distinct series, with one Dict column for each tag of FilterTags, and
	// clears keep[i] for the series to leave out. Nil keeps all.
	FilterTags []int
	Filter     SeriesFilter
	// TagValues are what Filter is known to ask of single tags: it is given only
	// the series that have such values, instead of all of the table.
	TagValues []TagValues
	// Series, when not nil, restricts the series to those whose number of
	// SeriesView it has as true. It goes with no Filter.
	Series []bool
	// FieldBounds are ranges that a row must lie in, by column ID: the scan may
	// use statistics to skip what cannot match; it need not filter rows.
	FieldBounds []FieldBound
	// FieldTexts are tests that the texts of string fields must pass: the scan
	// may use them to leave out what cannot; it need not filter rows.
	FieldTexts []FieldText
	Order      Order
	// Floor and Ceiling, when not nil, are re-read during the scan: rows
	// older than Floor or newer than Ceiling are no longer wanted.
	Floor, Ceiling *atomic.Int64
	// Edge lets the scan yield the newest, or the oldest, row of each series
	// alone. It may yield others, too.
	Edge merge.Edge
	// BatchRows is the wanted size of batches; 0 means 4096.
	BatchRows int
}

// SeriesFilter chooses among series: tags has a row for each, and it clears
// keep[i] for those to leave out.
type SeriesFilter func(ctx context.Context, tags *column.Batch, keep []bool) error

// TagValues are the texts of which a tag must have one. NULL never passes.
type TagValues struct {
	Column int // ID
	Values []string
}

// FieldBound is a range of a numeric field's values as bits of its kind, both
// inclusive. NULL never lies in it.
type FieldBound struct {
	Column   int
	Min, Max uint64
}

// FieldText is a test of a string field. NULL never passes.
type FieldText struct {
	Column int
	// Values are those that the text may be; nil means any.
	Values []string
	// Parts are those of which the text must contain one, and Also what it must
	// contain besides, without Values.
	Parts, Also []string
}

// Rows is a running scan. It is used by one goroutine and must be closed.
type Rows interface {
	// Next fills b, whose memory it reuses, with the next rows, at least one,
	// and returns io.EOF when there are no more. What it puts in b is
	// valid until the next call.
	Next(ctx context.Context, b *column.Batch) error
	// Stats says what the scan has read so far.
	Stats() ScanStats
	// Close releases what the scan holds.
	Close() error
}

// ScanStats is what a scan has read and what it could leave out.
type ScanStats struct {
	Rows, Batches int64
	// Files are the segments of the table, Blocks its buffered parts.
	Files, FilesPruned   int
	Blocks, BlocksPruned int
	Series, SeriesPruned int
	// RowGroups are those of the files that were opened.
	RowGroups, RowGroupsPruned int
	// Pages were read, PagesCached of them from the page cache; the others
	// were BytesRead in the files.
	Pages, PagesCached int
	BytesRead          int64
}
