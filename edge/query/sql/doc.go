// Package sql parses the SQL dialect of spec/sql.md into syntax trees.
//
// The lexer and the parser know the whole grammar, whatever the engine can
// execute: a Pratt parser for expressions, recursive descent for the rest.
// Every node has the byte offset where it starts, every error a line and a
// column.
package sql
