// Package column holds Tarn's typed vectors: the one currency between the
// storage engine and the query engine.
//
// A Vector is a column of values of one Type with a null bitmap; a Batch is a
// set of vectors of equal length. Batches are produced by pulling: the batch
// that an operator hands out stays valid until its next call, so whoever keeps
// rows longer copies them.
package column
