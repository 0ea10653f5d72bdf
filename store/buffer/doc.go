// Package buffer holds one table's rows since the last checkpoint in memory,
// as compressed columns.
//
//	Insert --> head ----------------------> block, block, block ...
//	           open, arrival order,  seal   sorted, duplicates merged,
//	           plain words                  compressed, immutable
//	             |                            |
//	             +---- Snapshot: merge.Sources ----> readers
//
// A Table takes inserts from one goroutine at a time; any number of readers
// take snapshots meanwhile. A reader sees the part of the head that was filled
// when it came: that part never changes, so nothing is copied for it. Memory
// of a head that a reader has seen is left to the garbage collector, otherwise
// the next head reuses it.
package buffer
