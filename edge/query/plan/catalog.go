package plan

import (
	"context"

	"tarn/store/column"
	"tarn/store/schema"
)

// Database is what the binder needs of a database.
type Database interface {
	Name() string
	// Tables lists the tables by name.
	Tables() []string
	Table(name string) (*schema.Table, bool)
}

// SystemTable is a table that the server makes up when it is read.
type SystemTable interface {
	Columns() []Column
	// Read returns all rows.
	Read(ctx context.Context) (*column.Batch, error)
}

// System finds the tables of schema "system" for a database.
type System interface {
	Tables(database string) []string
	Table(database, name string) (SystemTable, bool)
}
