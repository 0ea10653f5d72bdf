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
//
// There are no bloom filters. They would pay only for equality on fields whose
// values nothing orders, such as trace_id: in a segment of 1 M spans (30 MB, 8 row
// groups, 16 MB of it trace_id) the bounds of pages exclude nothing, and
// WHERE trace_id = '...' reads all of the column in some 105 ms over HTTP on two
// cores of amd64 (DuckDB, on the same file with two threads: 44 ms). Of that 40 %
// go to reading and decompressing pages, 35 % to making texts of them, the rest
// mostly to their garbage. At 10 bits a value (about 1 % of wrong hits) a filter
// would take 156 kB a row group and add 4 % to this file; a segment without the
// value should then cost below 1 ms, by calculation, and one that has it an
// eighth, about 15 ms. For other tables they would cost without a use, and the
// time for texts can be had without a change of the format, by comparing the
// decompressed bytes.
package segment
