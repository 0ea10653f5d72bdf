// Package store is Tarn's storage engine: databases of tables, a write-ahead
// log, compressed columnar buffers, Parquet segments and the catalog that ties
// them together. This package wires the parts and is their only face; nothing
// outside imports the parts except for their types (column, schema, points).
package store
