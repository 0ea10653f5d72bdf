package sql

import "fmt"

// Node is a part of a syntax tree.
type Node interface {
	// Pos is the byte offset in the text where the node starts.
	Pos() int
	String() string
}

// at gives a node its position.
type at int

// Pos is Node's.
func (a at) Pos() int { return int(a) }

// Ident is a name; an unquoted one is lower-cased.
type Ident struct {
	Name   string
	Quoted bool
	At     int
}

// ObjectName is a dotted name of a table or function.
type ObjectName []Ident

// Statement is one SQL statement.
type Statement interface {
	Node
	statement()
}

// Explain shows the plan of a query.
type Explain struct {
	at
	Analyze, Verbose bool
	Format           string
	Query            *Query
}

// ShowTables lists tables.
type ShowTables struct{ at }

// ShowColumns lists a table's columns.
type ShowColumns struct {
	at
	Table ObjectName
}

// ShowAll lists settings.
type ShowAll struct{ at }

// Describe lists a table's columns.
type Describe struct {
	at
	Table ObjectName
}

func (*Explain) statement()     {}
func (*ShowTables) statement()  {}
func (*ShowColumns) statement() {}
func (*ShowAll) statement()     {}
func (*Describe) statement()    {}
func (*Query) statement()       {}

// Query is a body with what may stand around it.
type Query struct {
	at
	Recursive bool
	With      []CTE
	Body      Body
	OrderBy   []SortItem
	// OrderByAll is ORDER BY ALL.
	OrderByAll    bool
	Limit, Offset Expr // nil when absent or ALL
	// TQL is what WITH names TQL in the query and those in it; only the outermost
	// query has it.
	TQL []CTE
}

// CTE is one WITH query.
type CTE struct {
	Name    Ident
	Columns []Ident
	Query   *Query
	// TQL, in GreptimeDB's dialect, is what the query stands for: whoever runs
	// the statement puts its rows where the query's table is.
	TQL *TQL
}

// Table is the name of the table that stands for TQL, which no statement has.
func (c CTE) Table() string { return fmt.Sprintf("\x01tql:%d:%s", c.TQL.Pos(), c.Name.Name) }

// Body is a SELECT, a set operation, VALUES or a parenthesised query.
type Body interface {
	Node
	body()
}

// Select is one SELECT core.
type Select struct {
	at
	Distinct   bool
	DistinctOn []Expr
	Items      []SelectItem
	From       []TableExpr // joined by commas
	Where      Expr
	GroupBy    []GroupItem
	GroupByAll bool
	Having     Expr
	Windows    []NamedWindow
	Qualify    Expr
	// Align makes it a RANGE query of GreptimeDB's; nil for all others.
	Align *Align
}

// SetOp is UNION, INTERSECT or EXCEPT.
type SetOp struct {
	at
	Op          string // upper case
	All         bool
	Left, Right Body
}

// Values is a list of rows.
type Values struct {
	at
	Rows [][]Expr
}

// Nested is a query in parentheses.
type Nested struct {
	at
	Query *Query
}

func (*Select) body() {}
func (*SetOp) body()  {}
func (*Values) body() {}
func (*Nested) body() {}

// SelectItem is one item of a select list: an expression, or a wildcard.
type SelectItem struct {
	At    int
	Expr  Expr
	Alias *Ident
	// Wildcard is "*", or "t.*" with a Qualifier.
	Wildcard  bool
	Qualifier ObjectName
	Except    []Ident
}

// GroupItem is one GROUP BY item: an expression, or grouping sets.
type GroupItem struct {
	At   int
	Expr Expr
	// Kind is ROLLUP, CUBE or GROUPING SETS; Sets are its members.
	Kind string
	Sets [][]Expr
}

// SortItem is one ORDER BY key.
type SortItem struct {
	Expr Expr
	Desc bool
	// NullsFirst is nil when not said.
	NullsFirst *bool
}

// NamedWindow is one entry of the WINDOW clause.
type NamedWindow struct {
	Name Ident
	Spec *WindowSpec
}

// TableExpr is something that FROM can name.
type TableExpr interface {
	Node
	table()
}

// TableAlias renames a table and its columns.
type TableAlias struct {
	Name    Ident
	Columns []Ident
}

// TableName is a table.
type TableName struct {
	at
	Name  ObjectName
	Alias *TableAlias
}

// TableFunc is a function call as a table, UNNEST included.
type TableFunc struct {
	at
	Name  ObjectName
	Args  []Expr
	Alias *TableAlias
}

// Derived is a query as a table.
type Derived struct {
	at
	Lateral bool
	Query   *Query
	Alias   *TableAlias
	// Exact says that the alias must name all columns: those of a query that
	// a value or a row is compared with.
	Exact bool
}

// Join joins two tables.
type Join struct {
	at
	// Kind is INNER, LEFT, RIGHT, FULL, CROSS, LEFT SEMI, RIGHT SEMI, LEFT ANTI
	// or RIGHT ANTI.
	Kind        string
	Natural     bool
	Left, Right TableExpr
	On          Expr
	Using       []Ident
}

func (*TableName) table() {}
func (*TableFunc) table() {}
func (*Derived) table()   {}
func (*Join) table()      {}
