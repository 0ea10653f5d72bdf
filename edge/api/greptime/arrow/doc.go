// Package arrow writes columns as a stream of Apache Arrow's IPC format, metadata
// version 5 (https://arrow.apache.org/docs/format/Columnar.html). A stream is a
// message with the schema, one with each batch of rows, and a mark of its end; a
// message is
//
//	0xFFFFFFFF | int32 length | FlatBuffers table, padded to 8 | body
//
// The tables are built slot by slot: Arrow's own library weighs 4 MB in the
// binary, FlatBuffers 30 KB. Numbers of slots are the places of the fields in
// Schema.fbs and Message.fbs, and constants are theirs.
package arrow
