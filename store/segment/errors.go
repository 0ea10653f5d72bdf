package segment

import (
	"context"
	"errors"
	"fmt"
)

// ErrForeign means that a file is not a segment: it may be a fine Parquet file,
// but Tarn did not write it.
var ErrForeign = errors.New("not a segment written by Tarn")

// CorruptError means that a segment is damaged.
type CorruptError struct {
	// Path is the file as ReaderOptions.Name has it.
	Path string
	// Place says which part of the file is damaged.
	Place string
	Err   error
}

// Error names the file and the place.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("segment %s is corrupt: %s: %v", e.Path, e.Place, e.Err)
}

// Unwrap returns what was found.
func (e *CorruptError) Unwrap() error { return e.Err }

// errShort means that encoded bytes end before what they announce.
var errShort = errors.New("data ends early")

// guard turns a panic of a decoder into an error: bytes from a disk must not
// stop the server. It is deferred.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("decoder failed: %v", p)
	}
}

// readError is a failed read: the disk's fault, or somebody's who closed the
// file, but not what the file says.
type readError struct {
	path string
	off  int64
	err  error
}

func (e *readError) Error() string { return fmt.Sprintf("read %s at %d: %v", e.path, e.off, e.err) }
func (e *readError) Unwrap() error { return e.err }

// isEnvironment says that an error does not mean that the file is corrupt.
func isEnvironment(err error) bool {
	var read *readError
	return errors.As(err, &read) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
