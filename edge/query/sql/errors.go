package sql

import (
	"fmt"
	"strings"
)

// Error is a text that is not a statement we know.
type Error struct {
	// Msg says what was expected and what was found.
	Msg string
	// Line and Column count from 1, columns in bytes.
	Line, Column int
	line         string
	// refused says that the statement was understood and is not allowed.
	refused bool
}

func newError(text string, pos int, msg string) *Error {
	before := text[:min(pos, len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	return &Error{Msg: msg, Line: strings.Count(before, "\n") + 1, Column: len(before) - start + 1, line: line}
}

// Error is the text of spec/sql.md section 14.
func (e *Error) Error() string {
	if e.refused {
		return "Error during planning: " + e.Msg
	}
	return fmt.Sprintf("SQL error: ParserError(%q)", fmt.Sprintf("%s at Line: %d, Column: %d", e.Msg, e.Line, e.Column))
}

// Refused says that the statement is one that this server does not run, not
// one that it cannot read.
func (e *Error) Refused() bool { return e.refused }

// Excerpt is the line of the error with a caret below the place.
func (e *Error) Excerpt() string {
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.line[:min(e.Column-1, len(e.line))])
	return e.line + "\n" + pad + "^"
}

// Place is what is wrong and where.
func (e *Error) Place() string {
	return fmt.Sprintf("%s at Line: %d, Column: %d", e.Msg, e.Line, e.Column)
}
