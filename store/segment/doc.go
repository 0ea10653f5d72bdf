// Package segment writes and reads Tarn's immutable Parquet files.
//
// A file holds rows of one table, sorted by tags (in the order of the series
// key, bytewise, NULL last) and time. Any Parquet reader can read it. What only
// Tarn reads lies in key-value metadata and in gaps that Parquet leaves free:
//
//	"PAR1"
//	row group 0: for each column  [dictionary page] data page ...
//	row group 1: ...
//	column indexes                bounds of every page
//	offset indexes                place and first row of every page   \ page index,
//	page checks                   length, CRC-32C of page headers     / read on demand
//	trailer                       40 bytes, see trailer.go
//	footer                        Parquet's, with tarn.* metadata
//	length of the footer, "PAR1"
//
// Nothing is believed unchecked: the trailer has the CRC of itself, the footer
// and the page index; the page index has the CRCs of the page headers, and
// those have the CRCs of the pages.
//
// Columns lie in the order tags, time, fields. Pages are version 1, compressed
// with zstd. Tags are dictionary-coded; time and integers DELTA_BINARY_PACKED;
// floats and strings get the encoding that a sample of each row group says is
// smallest.
package segment
