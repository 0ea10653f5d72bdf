package plan

import "fmt"

// Class says what kind of error a query met; the HTTP layer chooses the status
// by it.
type Class uint8

// The classes.
const (
	// Parse is a text that is no statement.
	Parse Class = iota
	// Plan is a statement that makes no sense here.
	Plan
	// Schema is a name that does not exist or is not unique.
	Schema
	// NotImplemented is a statement that this version does not run.
	NotImplemented
	// Execution is an error of the data: a division by zero, a failed cast.
	Execution
	// Resources is a query that needs more than it may have.
	Resources
	// DatabaseNotFound is a query to a database that does not exist.
	DatabaseNotFound
	// Busy means too many queries at once.
	Busy
	// Timeout means that the query ran too long.
	Timeout
)

var classNames = [...]string{"Parse", "Plan", "Schema", "NotImplemented", "Execution", "Resources", "DatabaseNotFound", "Busy", "Timeout"}

func (c Class) String() string { return classNames[c] }

// Error is a query's error with its class. Its text has the leading phrase of
// spec/sql.md section 14.
type Error struct {
	Class Class
	Msg   string
	Err   error // what caused it, or nil
}

func (e *Error) Error() string { return e.Msg }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func planErrorf(format string, args ...any) error {
	return &Error{Class: Plan, Msg: "Error during planning: " + fmt.Sprintf(format, args...)}
}

func schemaErrorf(format string, args ...any) error {
	return &Error{Class: Schema, Msg: "Schema error: " + fmt.Sprintf(format, args...)}
}

func notImplemented(format string, args ...any) error {
	return &Error{Class: NotImplemented, Msg: "This feature is not implemented: " + fmt.Sprintf(format, args...)}
}
