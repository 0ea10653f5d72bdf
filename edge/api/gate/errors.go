package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/store"
)

// Error is an error with its code. Its text is what the client reads.
type Error struct {
	Code Code
	Msg  string
	// Status is the HTTP status where it is not the code's.
	Status int
	// Plain makes the body plain text, or empty when Msg is, whatever the
	// endpoint's shape: what upstream's framework refuses, not its handlers.
	Plain bool
	Err   error // what caused it, or nil
}

func (e *Error) Error() string { return e.Msg }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// HTTP is the status to answer with.
func (e *Error) HTTP() int {
	if e.Status != 0 {
		return e.Status
	}
	return e.Code.Status()
}

// Errorf makes an Error. %w keeps the cause.
func Errorf(c Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: c, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// Bad is an error of the request's arguments: 400 and InvalidArguments.
func Bad(format string, args ...any) *Error { return Errorf(InvalidArguments, format, args...) }

// Plainf is an error whose body is plain text.
func Plainf(status int, format string, args ...any) *Error {
	return &Error{Code: InvalidArguments, Status: status, Plain: true, Msg: fmt.Sprintf(format, args...)}
}

// errExpired is the cause of a context that x-greptime-timeout ended.
var errExpired = errors.New("x-greptime-timeout expired")

// Classify gives any error its code and text: those of the store, of queries and
// of the body's reading. An Error stays as it is.
func Classify(err error) *Error {
	var (
		own    *Error
		q      *query.Error
		limit  *store.LimitError
		config *store.ConfigError
		name   *store.NameError
		double *store.DuplicateError
		word   *store.ReservedError
		size   *http.MaxBytesError
		shape  *ingest.ConflictError
		row    *ingest.RowError
		absent *ingest.NoTableError
	)
	as := func(c Code) *Error { return &Error{Code: c, Msg: err.Error(), Err: err} }
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errExpired):
		return &Error{Code: DeadlineExceeded, Status: http.StatusRequestTimeout, Plain: true, Err: err}
	case errors.As(err, &q):
		return as(classOf(q.Class))
	case errors.As(err, &size):
		return tooLarge(size.Limit)
	case errors.As(err, &limit), errors.As(err, &config), errors.As(err, &name), errors.As(err, &double), errors.As(err, &word):
		return as(InvalidArguments)
	case errors.As(err, &shape), errors.As(err, &row):
		return as(InvalidArguments)
	case errors.Is(err, ingest.ErrTooMuch):
		return &Error{Code: InvalidArguments, Status: http.StatusRequestEntityTooLarge, Msg: err.Error(), Err: err}
	case errors.As(err, &absent):
		return as(TableNotFound)
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDeleted):
		return as(TableNotFound)
	case errors.Is(err, store.ErrExists):
		return as(TableAlreadyExists)
	case errors.Is(err, store.ErrBusy), errors.Is(err, store.ErrSchemaChanged):
		return as(RegionBusy)
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, store.ErrQuota):
		return as(StorageUnavailable)
	case errors.Is(err, store.ErrClosed):
		return as(TableUnavailable)
	case errors.Is(err, context.DeadlineExceeded):
		return as(DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return as(Cancelled)
	}
	return as(Internal)
}

func classOf(c query.Class) Code {
	switch c {
	case query.Parse:
		return InvalidSyntax
	case query.Plan, query.Schema:
		return PlanQuery
	case query.NotImplemented:
		return Unsupported
	case query.DatabaseNotFound:
		return DatabaseNotFound
	case query.Resources:
		return RuntimeResourcesExhausted
	case query.Busy:
		return RegionBusy
	case query.Timeout:
		return DeadlineExceeded
	}
	return EngineExecuteQuery
}

func tooLarge(limit int64) *Error {
	return &Error{Code: InvalidArguments, Status: http.StatusRequestEntityTooLarge,
		Msg: fmt.Sprintf("the request body is longer than %d bytes (--max-http-request-size)", limit)}
}
