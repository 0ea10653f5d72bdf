package expr

import "fmt"

// Class says what kind of mistake an Error is; it decides the leading phrase
// of the text (spec/sql.md section 14).
type Class uint8

// The classes.
const (
	// Plan is a mistake in the query's meaning, such as a type mismatch.
	Plan Class = iota
	// NotImplemented is valid SQL that this engine does not support.
	NotImplemented
	// Arrow is a failing computation or conversion.
	Arrow
	// Execution is a failing function.
	Execution
	// Argument is a value that a function of GreptimeDB's dialect cannot take.
	Argument
)

// Error is a mistake in a query or in the data it met.
type Error struct {
	Class Class
	// Msg is the text without the leading phrase of the class.
	Msg string
}

// Error is the leading phrase of the class and the message.
func (e *Error) Error() string {
	switch e.Class {
	case Plan:
		return "Error during planning: " + e.Msg
	case NotImplemented:
		return "This feature is not implemented: " + e.Msg
	case Arrow:
		return "Arrow error: " + e.Msg
	case Argument:
		return "Invalid function args: " + e.Msg
	}
	return "Execution error: " + e.Msg
}

func planError(format string, args ...any) error {
	return &Error{Plan, fmt.Sprintf(format, args...)}
}

func arrowError(format string, args ...any) error {
	return &Error{Arrow, fmt.Sprintf(format, args...)}
}

func executionError(format string, args ...any) error {
	return &Error{Execution, fmt.Sprintf(format, args...)}
}
