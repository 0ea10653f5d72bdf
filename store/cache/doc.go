// Package cache holds the last-value and distinct-value caches of tables
// (spec/influxdb3-http-api.md sections 4.3 and 4.4).
//
// Both are fed with every batch that the write-ahead log accepted, and read by
// queries that then touch no file. Both are made of entries, one for each
// distinct tuple of their key columns: a Last has the newest rows of an entry,
// a Distinct only the newest time at which it was seen. Entries are numbers
// into arrays of plain words, so that a million of them are a few objects to
// the garbage collector; a batch that brings nothing new allocates nothing.
//
// Memory is taken from a Budget that all caches share. What does not fit is
// left out and counted; it never becomes an old value that looks new.
package cache

import "tarn/store/column"

// Column is a column of the cached table.
type Column struct {
	// ID is the column's ID in the table's schema; 0 is time.
	ID int
	// Kind is the column's kind; Dict marks tags.
	Kind column.Kind
}

// timeID is the ID of every table's time column.
const timeID = 0

// Stats is a cache in numbers.
type Stats struct {
	// Entries is the number of key tuples, Rows that of cached rows. Those that
	// have expired count until the next Evict.
	Entries, Rows int
	// Bytes is the memory taken from the budget.
	Bytes int64
	// Dropped counts rows left out because the budget was spent.
	Dropped int64
}
