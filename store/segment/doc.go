// Package segment writes and reads Tarn's immutable Parquet files.
//
// A file holds rows of one table, sorted by tags (in the order of the series
// key, bytewise, NULL last) and time. Any Parquet reader can read it. What only
// Tarn reads lies in key-value metadata and in gaps that Parquet leaves free:
//
//	"PAR1"
//	row group 0: for each column  [dictionary page] data page ...
//	             for some of them [Bloom filter]
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
// those have the CRCs of the pages. Filters have their own CRCs; a damaged one is
// not used, since the rows are still there, and Verify tells of it.
//
// Columns lie in the order tags, time, fields. Pages are version 1, compressed
// with zstd. Tags are dictionary-coded; time and integers DELTA_BINARY_PACKED;
// floats and strings get the encoding that a sample of each row group says is
// smallest.
//
// Columns of ids have Bloom filters, as Parquet has them: bloom.go, with what
// chooses them in filter_choice.go. A search for a text asks of each row group the
// bounds, then the filter, or the dictionary, and where these do not rule it out
// it compares the texts in the decompressed pages: only rows that have it are
// read. Of a million spans in 8 row groups (28 MB; 1.25 bytes a filtered id, a tenth
// of this file of three ids and little else), over HTTP on two cores of amd64:
// WHERE trace_id = '...' takes 1.0 ms (105 before), an id that is not there 0.2 ms,
// three span ids by IN 6 ms (45), where decompressing the ids of a row group is all
// that is left. To write spans takes 2 % more CPU; tables of numbers lack filters,
// and take what they took.
package segment
