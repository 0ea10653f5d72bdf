package store

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart. Each is wrapped with what it concerns;
// spec/influxdb3-http-api.md section 0.4 maps them to statuses.
var (
	// ErrNotFound means that no such database or table exists.
	ErrNotFound = errors.New("the requested resource was not found")
	// ErrExists means that the name is taken.
	ErrExists = errors.New("attempted to create a resource that already exists")
	// ErrDeleted means that the database or table is soft-deleted already.
	ErrDeleted = errors.New("attempted to delete resource that was already deleted")
	// ErrSchemaChanged means that another writer changed a table between the
	// validation of a batch and its write: validate again and retry.
	ErrSchemaChanged = errors.New("the table's schema changed during the write")
	// ErrReadOnly means that the write-ahead log failed; reads go on.
	ErrReadOnly = errors.New("the store is read-only because its write-ahead log failed")
	// ErrBusy means that buffers are full and flushing cannot keep up: retry
	// later.
	ErrBusy = errors.New("write buffers are full; retry later")
	// ErrQuota means that the data directory holds as much as it may: rows must
	// expire or be deleted, or the quota be raised, before writes go on.
	ErrQuota = errors.New("the disk quota (--max-disk-bytes) is used up: writes are refused until data expires or is deleted, or the quota is raised")
	// ErrUploading means that rows cannot be deleted while their segment is on
	// its way upstream: try again when it has arrived.
	ErrUploading = errors.New("its rows cannot be deleted until it has arrived")
	// ErrClosed means that the store is shutting down.
	ErrClosed = errors.New("the store is closed")
)

// LimitError means that a write or definition would exceed a configured limit.
type LimitError struct{ msg string }

func (e *LimitError) Error() string { return e.msg }

// LimitDatabases is the error of one database too many.
func LimitDatabases(n int) error {
	return &LimitError{fmt.Sprintf("Adding a new database would exceed limit of %d databases", n)}
}

// LimitTables is the error of one table too many.
func LimitTables(n int) error {
	return &LimitError{fmt.Sprintf("Update to schema would exceed number of tables limit of %d tables", n)}
}

// LimitColumns is the error of a table that would get too many columns.
func LimitColumns(n int) error {
	return &LimitError{fmt.Sprintf("Update to schema would exceed number of columns per table limit of %d columns", n)}
}

// LimitTags is the error of a table that would get too many tags.
func LimitTags(n int) error {
	return &LimitError{fmt.Sprintf("Update to schema would exceed number of tag columns per table limit of %d columns", n)}
}

// ConfigError is a user's mistake in a definition (400).
type ConfigError struct{ msg string }

func (e *ConfigError) Error() string { return "invalid configuration provided: " + e.msg }
