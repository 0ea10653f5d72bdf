package text

import "fmt"

// Error says that text could not be read as a value. The wording is that of
// the reference, which clients know.
type Error struct{ Msg string }

// Error is the message.
func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }
