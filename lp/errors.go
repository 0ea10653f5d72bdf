package lp

import (
	"errors"
	"fmt"
)

// Reasons, in the words of InfluxDB 3 Core where it has any.
const (
	reasonMeasurement   = "Invalid measurement was provided"
	reasonTagSet        = "Tag Set Malformed"
	reasonBackslash     = "Measurements, tag keys and values, and field keys may not end with a backslash"
	reasonNoSpace       = "A generic parsing error occurred: TakeWhile1"
	reasonNoFields      = "No fields were provided"
	reasonTooLong       = "String is greater than 64KB"
	reasonNUL           = "NUL bytes are not allowed in line protocol"
	reasonTooMany       = "Too many tags or fields in one line: at most 65536"
	reasonUTF8          = "Line protocol must be valid UTF-8"
	reasonTrailing      = "Could not parse entire line. Found trailing content: '%s'"
	reasonInteger       = "Unable to parse integer value '%s'"
	reasonUnsigned      = "Unable to parse unsigned integer value '%s'"
	reasonTimestamp     = "Unable to parse timestamp value '%s'"
	reasonRepeatedTag   = "invalid line protocol - multiple instances of '%s' tag found"
	reasonRepeatedField = "invalid line protocol - multiple instances of '%s' field found"
)

// reasonOpen is that of a line whose last string is not closed before the first
// newline. Nobody sees it: the line is parsed again once its end is known.
const reasonOpen = "unclosed string"

// maxText is the longest identifier or string value in bytes, escapes removed.
const maxText = 64 << 10

// maxKeys is the largest number of tags, and of fields, in a line. It is far
// above what a table may have and keeps the memory of a hostile line, some 150
// bytes for each "a=t,", in bounds.
const maxKeys = 64 << 10

// maxQuoted bounds how much of a line an error text repeats.
const maxQuoted = 1 << 10

// ErrLineTooLong ends the decoding of a body that has a line longer than
// MaxLine.
var ErrLineTooLong = errors.New("line is too long")

// Error tells why a line is bad.
type Error struct {
	// Number is the 1-based physical number of the line in the body.
	Number int
	// Column is the 1-based byte of Raw at which parsing stopped.
	Column int
	// Reason is the text for the client.
	Reason string
	// Raw is the line as it came, without line end; valid until the next call
	// of Next.
	Raw []byte
}

// Error returns the reason with its place.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Number, e.Column, e.Reason)
}

// flaw is an Error on its way: a reason and the offset where it was found. The
// zero flaw means that nothing is wrong. It is what the parsing functions
// return, because unlike *Error it costs nothing when there is no error.
type flaw struct {
	reason string
	at     int
}

// quoted makes the flaw of a reason that repeats a piece of the line.
func quoted(reason string, text []byte, at int) flaw {
	if len(text) > maxQuoted {
		text = text[:maxQuoted]
		for i := 0; i < 3 && len(text) > 0 && text[len(text)-1]&0xC0 == 0x80; i++ {
			text = text[:len(text)-1]
		}
		if len(text) > 0 && text[len(text)-1] >= 0xC0 {
			text = text[:len(text)-1]
		}
	}
	return flaw{reason: fmt.Sprintf(reason, text), at: at}
}
