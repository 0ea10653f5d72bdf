package sql

// The statements and clauses of GreptimeDB's dialect (spec/greptimedb-http-api.md
// section 2.2). ParseScript reads them; Parse knows none of them, so that they
// cannot be reached through InfluxDB's endpoints.

// Option is one entry of WITH (...) or SET: a name and its value as text. Value
// is empty where a name is UNSET.
type Option struct{ Name, Value string }

// CreateDatabase makes a database.
type CreateDatabase struct {
	at
	Name        ObjectName
	IfNotExists bool
	Options     []Option
}

// ColumnDef is one column of CREATE TABLE or ALTER TABLE ADD.
type ColumnDef struct {
	Name    Ident
	Type    TypeName
	NotNull bool
	// Default is nil when there is none.
	Default            Expr
	TimeIndex, Key     bool
	Inverted, Skipping bool
	Fulltext           bool
	Comment            string
}

// CreateTable makes a table.
type CreateTable struct {
	at
	Name        ObjectName
	IfNotExists bool
	Columns     []ColumnDef
	// TimeIndex and Key are the constraints; nil when columns say it.
	TimeIndex *Ident
	Key       []Ident
	Engine    string
	Options   []Option
	// Like is the table whose definition is taken, in place of all that.
	Like ObjectName
}

// Drop removes tables or a database.
type Drop struct {
	at
	Database bool
	IfExists bool
	Names    []ObjectName
}

// Truncate empties a table.
type Truncate struct {
	at
	Table ObjectName
}

// AlterDatabase changes a database's options.
type AlterDatabase struct {
	at
	Name  ObjectName
	Unset bool
	Set   []Option
}

// AlterTable changes a table.
type AlterTable struct {
	at
	Name ObjectName
	// Ops are its changes: several ADD, or one other.
	Ops []AlterOp
}

// AlterOp is one change of a table.
type AlterOp struct {
	// Kind is ADD, DROP, RENAME, MODIFY, SET DEFAULT, DROP DEFAULT, SET INDEX,
	// UNSET INDEX, SET or UNSET.
	Kind        string
	Column      ColumnDef
	IfNotExists bool
	First       bool
	After       *Ident
	// Index is INVERTED, FULLTEXT or SKIPPING.
	Index   string
	To      Ident
	Options []Option
}

// Insert writes rows.
type Insert struct {
	at
	Table   ObjectName
	Columns []Ident // nil means all, in order
	// Rows are VALUES; Query is what to insert otherwise.
	Rows  [][]Expr
	Query *Query
}

// Delete removes rows.
type Delete struct {
	at
	Table ObjectName
	Where Expr
}

// ShowNative lists something: SHOW in GreptimeDB's dialect.
type ShowNative struct {
	at
	// What is DATABASES, TABLES, TABLE STATUS, COLUMNS, INDEX, CREATE TABLE,
	// CREATE DATABASE, VARIABLES, PROCESSLIST, VIEWS, FLOWS, CHARSET, COLLATION, STATUS
	// or SEARCH_PATH.
	What string
	Full bool
	// Name is the table, database or variable.
	Name ObjectName
	// From is the database that FROM or IN names.
	From  *Ident
	Like  string
	Where Expr
}

// Use chooses the database of the statements that follow.
type Use struct {
	at
	Database Ident
}

// SetVariable sets a session's variable for the statements that follow.
type SetVariable struct {
	at
	Name   Ident
	Values []Expr
}

// Admin calls an administrative function.
type Admin struct {
	at
	Call *Call
}

// TQL evaluates PromQL.
type TQL struct {
	at
	// Kind is EVAL, EXPLAIN or ANALYZE.
	Kind    string
	Verbose bool
	Format  string
	// Params are start, end, step and lookback; nil when not given.
	Params []Expr
	Query  string
	// Alias renames the value column.
	Alias *Ident
}

func (*CreateDatabase) statement() {}
func (*CreateTable) statement()    {}
func (*Drop) statement()           {}
func (*Truncate) statement()       {}
func (*AlterDatabase) statement()  {}
func (*AlterTable) statement()     {}
func (*Insert) statement()         {}
func (*Delete) statement()         {}
func (*ShowNative) statement()     {}
func (*Use) statement()            {}
func (*SetVariable) statement()    {}
func (*Admin) statement()          {}
func (*TQL) statement()            {}

// Duration is a span as RANGE and ALIGN have it: a text such as '5s', or an
// interval.
type Duration struct {
	At       int
	Text     string
	Interval Expr // nil when Text counts
}

// RangeFill says what stands where a window of a RANGE query has no value.
type RangeFill struct {
	// Kind is NULL, PREV, LINEAR, or "" for the constant Value.
	Kind  string
	Value Expr
}

// RangeAgg is agg(...) RANGE duration [FILL f], or (expression) RANGE ..., which
// is the clause of each aggregate in the expression.
type RangeAgg struct {
	at
	Call  *Call // nil where Of is not
	Of    Expr
	Range Duration
	Fill  *RangeFill // nil when not said
}

// Align is the ALIGN clause of a RANGE query.
type Align struct {
	At   int
	Step Duration
	// To is the origin: nil when not given, Now for TO NOW.
	To  Expr
	Now bool
	// By are the group's expressions; HasBy tells BY () from none.
	By    []Expr
	HasBy bool
	Fill  *RangeFill
}

// DefaultValue is DEFAULT in VALUES.
type DefaultValue struct{ at }

func (*RangeAgg) expr()     {}
func (*DefaultValue) expr() {}
