// Package pipeline is the language in which logs are cut into columns: YAML
// texts of processors, a dispatcher, transforms and a table suffix
// (spec/greptimedb-http-api.md section 8.7).
//
// Compile reads a text once; a Pipeline is immutable and shared. A Runner
// takes records through pipelines, one after the other, and yields a Row for
// each. Runner, Record and Row are scratch memory that is used again: in steady
// state a record costs no allocation.
package pipeline
