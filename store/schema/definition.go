package schema

import (
	"slices"
	"time"
)

// Definition is what SQL's CREATE TABLE says of a table beyond the roles and
// kinds of its columns (spec/greptimedb-http-api.md sections 2.2 and 10). It
// changes how GreptimeDB's SQL shows the table and what it accepts, and but for
// AppendMode not how rows are stored: the time column is "time" on disk and to
// InfluxDB's languages, whatever it is called here.
type Definition struct {
	// TimeName is what the time index is called; empty means the default of
	// tables that a protocol made.
	TimeName string `json:"time,omitempty"`
	// Order are the columns as * lists them, the time index included; columns
	// that came later follow in order of their coming.
	Order []string `json:"order,omitempty"`
	// Columns has what is not said by a column's kind, by name.
	Columns map[string]ColumnDefinition `json:"columns,omitempty"`
	// Options are those of WITH, and Engine the one that was asked for.
	Options map[string]string `json:"options,omitempty"`
	Engine  string            `json:"engine,omitempty"`
	// Retention is how long the table's rows stay, 0 for as long as the
	// database's.
	Retention time.Duration `json:"retention,omitempty"`
	// Formerly are names that the table had, the latest last: what was sent
	// upstream then is still called so there.
	Formerly []string `json:"formerly,omitempty"`
}

// ColumnDefinition is what SQL says of a column.
type ColumnDefinition struct {
	// Type is the name of its type in GreptimeDB, such as Int32 or
	// TimestampMillisecond; empty means what its kind says.
	Type    string `json:"type,omitempty"`
	NotNull bool   `json:"not_null,omitempty"`
	// Default is the text of an expression, empty when there is none.
	Default string   `json:"default,omitempty"`
	Comment string   `json:"comment,omitempty"`
	Indexes []string `json:"indexes,omitempty"`
}

// TimeName is what GreptimeDB's SQL calls the time column, "" when nothing says
// so.
func (t *Table) TimeName() string {
	if t.Def == nil {
		return ""
	}
	return t.Def.TimeName
}

// Retention is how long the table's rows stay, 0 for as long as the database's.
func (t *Table) Retention() time.Duration {
	if t.Def == nil {
		return 0
	}
	return t.Def.Retention
}

// AppendMode is the option of tables that keep rows of the same series and time
// apart: logs and traces. It is fixed when the table is made.
const AppendMode = "append_mode"

// Appends says whether the table is one of those.
func (t *Table) Appends() bool { return t.Def != nil && t.Def.Options[AppendMode] == "true" }

// Defined returns the same table with another definition.
func (t *Table) Defined(d *Definition) *Table {
	n := *t
	n.Def = d
	n.index()
	return &n
}

// Called returns the table as a view with another name of its time column and
// another definition: nothing that is stored has it.
func (t *Table) Called(name string, d *Definition) *Table {
	n := *t
	n.Columns = slices.Clone(t.Columns)
	n.Columns[0].Name = name
	n.Def = d
	n.index()
	return &n
}

// index fills byName, dropped and fills. The time index can be found by its name in SQL too, so that
// no tag or field takes that name.
func (t *Table) index() {
	t.byName, t.dropped, t.fills = make(map[string]int, len(t.Columns)+1), 0, nil
	if name := t.TimeName(); name != "" {
		t.byName[name] = 0
	}
	for i := range t.Columns {
		if t.Columns[i].Role == Dropped {
			t.dropped++
			continue
		}
		t.byName[t.Columns[i].Name] = i
		if t.Columns[i].Filled {
			t.fills = append(t.fills, t.Columns[i].FilledTo)
		}
	}
}
