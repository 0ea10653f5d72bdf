// Package text turns query values into text and text into query values: one
// set of formats that result writers, casts and EXPLAIN share.
//
// The Append functions write to a byte slice and do not allocate when it has
// room; they run once per cell of every answer. The formats are those of
// spec/sql.md sections 2, 6.3, 7.1 and 7.2.
package text
