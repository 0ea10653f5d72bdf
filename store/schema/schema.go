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
	// Dropped is a field that is gone: neither its name nor its values are seen
	// again. It keeps its place, so that files and the log that have values of it
	// can be told from those of a later column of the same name.
	Dropped
)

// TimeColumn is the name of every table's time column.
const TimeColumn = "time"

// ReservedColumns may not be used as tag or field names (spec 2.4).
var reservedColumns = []string{TimeColumn, "__chunk_order"}

// Reserved says whether no tag or field may have this name.
func Reserved(name string) bool { return slices.Contains(reservedColumns, name) }

// Column is one column of a table.
type Column struct {
	// ID is the column's place in Table.Columns: dense, never reused, not even when
	// the column is dropped.
	ID int
	// Name is unique among the columns of the table that are not dropped.
	Name string
	Role Role
	// Kind is Timestamp for the time column, Dict for tags, and one of Bool,
	// Int64, Uint64, Float64, String, Timestamp for fields.
	Kind column.Kind
	// DroppedAt is the number of the last write that may have values of a column
	// that is Dropped.
	DroppedAt uint64
	// Continues is the ID of the dropped column whose values are also this one's,
	// converted to its kind, where it has none itself: its type was changed. 0
	// means none. Bits bounds what is converted: values that do not fit are NULL;
	// 0 means as many as the kind has.
	Continues int
	Bits      uint8
	// Filled says that rows of writes up to FilledTo, which came before the field,
	// have the value Fill in it where they have none: numbers and booleans as Go
	// writes them, times in ns.
	Filled   bool
	FilledTo uint64
	Fill     string
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
	// Columns in order of creation, dropped ones too; Columns[0] is time.
	Columns []Column
	// Tags are the IDs of the tag columns in series-key order.
	Tags []int
	// Def is what SQL says of the table; nil for tables that a protocol made.
	Def *Definition

	byName  map[string]int
	dropped int // how many columns are
	fills   []uint64
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

// Fills are the FilledTo of the fields that have one.
func (t *Table) Fills() []uint64 { return t.fills }

// Live is how many columns there are, without dropped ones.
func (t *Table) Live() int { return len(t.Columns) - t.dropped }

// Drop returns a table without a field, of which writes up to at may have
// values.
func (t *Table) Drop(id int, at uint64) *Table {
	n := *t
	n.Columns = slices.Clone(t.Columns)
	c := &n.Columns[id]
	if c.Role != Field {
		panic("BUG: column " + c.Name + " is dropped and is no field")
	}
	c.Role, c.DroppedAt = Dropped, at
	n.index()
	return &n
}

// Retype returns a table whose field of that ID has another kind, and at most
// so many bits: a new column of the name that continues the old one, of which
// writes up to at may have values.
func (t *Table) Retype(id int, kind column.Kind, bits uint8, at uint64) *Table {
	c := t.Columns[id]
	return t.Drop(id, at).With(Column{Name: c.Name, Role: Field, Kind: kind, Continues: id, Bits: bits})
}

// Written finds the column that a write of that number meant by a name: a
// dropped one when it was still there.
func (t *Table) Written(name string, seq uint64) (Column, bool) {
	if t.dropped > 0 {
		for _, c := range t.Columns {
			if c.Role == Dropped && c.Name == name && seq <= c.DroppedAt {
				return c, true // the first to be dropped after the write
			}
		}
	}
	return t.Column(name)
}

// First returns the table with its first n columns, or as many more as it takes
// to have what continues one.
func (t *Table) First(n int) *Table {
	for _, c := range t.Columns {
		if c.Continues != 0 {
			n = max(n, c.ID+1)
		}
	}
	if n >= len(t.Columns) {
		return t
	}
	f := *t
	f.Columns = slices.Clip(t.Columns[:n])
	f.Tags = slices.DeleteFunc(slices.Clone(t.Tags), func(id int) bool { return id >= n })
	f.index()
	return &f
}

// FilledUntil returns the table with another FilledTo of a field.
func (t *Table) FilledUntil(id int, to uint64) *Table {
	n := *t
	n.Columns = slices.Clone(t.Columns)
	n.Columns[id].FilledTo = to
	n.index()
	return &n
}

// Until returns the table with no number of a write in it above last.
func (t *Table) Until(last uint64) *Table {
	n := *t
	n.Columns = slices.Clone(t.Columns)
	for i := range n.Columns {
		c := &n.Columns[i]
		c.DroppedAt, c.FilledTo = min(c.DroppedAt, last), min(c.FilledTo, last)
	}
	n.index()
	return &n
}

// Fields are the fields in order of their creation.
func (t *Table) Fields() []Column {
	fields := make([]Column, 0, len(t.Columns))
	for _, c := range t.Columns {
		if c.Role == Field {
			fields = append(fields, c)
		}
	}
	return fields
}

// Renamed returns the same table under another name.
func (t *Table) Renamed(name string) *Table {
	n := *t
	n.Name = name
	return &n
}

// Sorted returns the columns in byte order of their names, without dropped ones:
// the order of SELECT * (spec/sql.md fact 5).
func (t *Table) Sorted() []Column {
	cols := slices.DeleteFunc(slices.Clone(t.Columns), func(c Column) bool { return c.Role == Dropped })
	slices.SortFunc(cols, func(a, b Column) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return cols
}
