// Package schema describes tables: their columns, roles and types.
//
// A Table is immutable; adding columns makes a new one. Readers and writers
// take the pointer once and work on a consistent picture.
package schema

import (
	"slices"

	"tarn/store/column"
)

// Role is what a column is for.
type Role uint8

// The roles of a column.
const (
	// Time is the row's timestamp: one per table, never null.
	Time Role = iota
	// Tag is part of a row's series; its kind is column.Dict.
	Tag
	// Field is a measured value.
	Field
)

// TimeColumn is the name of every table's time column.
const TimeColumn = "time"

// ReservedColumns may not be used as tag or field names (spec 2.4).
var reservedColumns = []string{TimeColumn, "__chunk_order"}

// Reserved says whether no tag or field may have this name.
func Reserved(name string) bool { return slices.Contains(reservedColumns, name) }

// Column is one column of a table.
type Column struct {
	// ID is the column's place in Table.Columns: dense, never reused.
	ID int
	// Name is unique within the table.
	Name string
	Role Role
	// Kind is Timestamp for the time column, Dict for tags, and one of Bool,
	// Int64, Uint64, Float64, String, Timestamp for fields.
	Kind column.Kind
}

// InfluxType is the column's type as InfluxDB's error texts print it
// (spec section 0.4).
func (c Column) InfluxType() string {
	switch c.Role {
	case Time:
		return "iox::column_type::timestamp"
	case Tag:
		return "iox::column_type::tag"
	}
	switch c.Kind {
	case column.Float64:
		return "iox::column_type::field::float"
	case column.Int64:
		return "iox::column_type::field::integer"
	case column.Uint64:
		return "iox::column_type::field::uinteger"
	case column.Bool:
		return "iox::column_type::field::boolean"
	case column.Timestamp:
		return "iox::column_type::timestamp"
	}
	return "iox::column_type::field::string"
}

// Table is the schema of one table. It is immutable.
type Table struct {
	// ID names the table's directory; it is never reused.
	ID uint32
	// DatabaseID is the owner.
	DatabaseID uint32
	Name       string
	// Columns in order of creation; Columns[0] is time.
	Columns []Column
	// Tags are the IDs of the tag columns in series-key order.
	Tags []int
	// Def is what SQL says of the table; nil for tables that a protocol made.
	Def *Definition

	byName map[string]int
}

// NewTable returns the schema of a table with just its time column.
func NewTable(databaseID, id uint32, name string) *Table {
	return &Table{
		ID: id, DatabaseID: databaseID, Name: name,
		Columns: []Column{{ID: 0, Name: TimeColumn, Role: Time, Kind: column.Timestamp}},
		byName:  map[string]int{TimeColumn: 0},
	}
}

// Column looks a column up by name.
func (t *Table) Column(name string) (Column, bool) {
	i, ok := t.byName[name]
	if !ok {
		return Column{}, false
	}
	return t.Columns[i], true
}

// ColumnBytes is Column without making a string of the name.
func (t *Table) ColumnBytes(name []byte) (Column, bool) {
	i, ok := t.byName[string(name)]
	if !ok {
		return Column{}, false
	}
	return t.Columns[i], true
}

// With returns a table that has the given columns too. Their IDs are assigned
// here; names must be new.
func (t *Table) With(cols ...Column) *Table {
	n := &Table{ID: t.ID, DatabaseID: t.DatabaseID, Name: t.Name, Def: t.Def}
	n.Columns = append(slices.Clip(slices.Clone(t.Columns)), cols...)
	n.Tags = slices.Clone(t.Tags)
	for i := range n.Columns {
		c := &n.Columns[i]
		c.ID = i
		if i >= len(t.Columns) && c.Role == Tag {
			n.Tags = append(n.Tags, i)
		}
	}
	n.index()
	return n
}

// Renamed returns the same table under another name (soft deletion).
func (t *Table) Renamed(name string) *Table {
	n := *t
	n.Name = name
	return &n
}

// Sorted returns the columns in byte order of their names: the order of
// SELECT * (spec/sql.md fact 5).
func (t *Table) Sorted() []Column {
	cols := slices.Clone(t.Columns)
	slices.SortFunc(cols, func(a, b Column) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return cols
}
