// Package difftest compares Tarn's SQL with DuckDB's: random queries over random
// data, DuckDB reading the Parquet files that Tarn wrote. It holds tests only.
//
//	go test ./edge/query/difftest -seed 7 -queries 20000
//
// Queries come from a grammar whose every rule says itself in both dialects (see
// text_test.go), so that a known difference of the two is written down where
// the rule is. A query that is answered differently is a fault of Tarn, to be
// fixed and kept as a case of edge/query/testdata/regressions, or a difference
// that spec/sql.md wants, to be taught to its rule.
package difftest
