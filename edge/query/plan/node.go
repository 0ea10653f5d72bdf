// Package plan turns syntax trees into logical plans: names resolved, types
// checked, predicates pushed to where they cost least.
//
// The nodes know nothing of the language that they come from; SQL and InfluxQL
// front-ends build the same ones, and package exec runs them.
package plan

import (
	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
)

// Column is one output column of a node.
type Column struct {
	// Qualifier is the table name or alias, empty for computed columns.
	Qualifier string
	Name      string
	Type      column.Type
	// Hidden columns are those that USING made one with another: * does not
	// list them, and only their full name means them.
	Hidden bool
	// Also is another name, which a reference may use where no column has it
	// as its own; * and information_schema do not show it. Empty for none.
	Also string
	// Unit is the nanoseconds of the unit in which a time of GreptimeDB's
	// dialect counts; 0 is 1.
	Unit int64
}

// Node is a logical operator.
type Node interface {
	// Columns are the output columns.
	Columns() []Column
	// Inputs are the nodes it reads.
	Inputs() []Node
}

// Scan reads a table.
type Scan struct {
	Database  string
	Table     *schema.Table
	Qualifier string
	// IDs are the columns to read, in output order.
	IDs []int
	// MinTime and MaxTime bound the rows, both inclusive.
	MinTime, MaxTime int64
	// Tags restricts the series: an expression over the tags of TagIDs, in
	// that order.
	Tags   expr.Expr
	TagIDs []int
	// TagValues are what Tags asks of single tags.
	TagValues []store.TagValues
	// Bounds are hints from predicates on fields.
	Bounds []store.FieldBound
	Texts  []store.FieldText
	Order  store.Order
	// Edge says that one row of each series is enough.
	Edge merge.Edge

	output []Column // what Columns made of IDs
}

// SystemScan reads a table of the server's own.
type SystemScan struct {
	Name   string
	Table  SystemTable
	Output []Column
	// Picked are the table's columns to yield.
	Picked []int
	// Matches restrict the rows of a Selective table.
	Matches []Match
}

// Filter keeps the rows for which a predicate is true.
type Filter struct {
	Input Node
	Cond  expr.Expr
}

// Project computes columns.
type Project struct {
	Input  Node
	Exprs  []expr.Expr
	Output []Column
}

// Aggregate groups rows. Its output is the keys, then the aggregates.
type Aggregate struct {
	Input  Node
	Keys   []expr.Expr
	Aggs   []AggCall
	Output []Column
	// Stream is the scan whose order of series and time would bring the rows
	// of a group together; nil when there is none.
	Stream *Scan
}

// AggCall is one aggregate: the arguments, then the order keys.
type AggCall struct {
	Spec   agg.Spec
	Args   []expr.Expr
	Filter expr.Expr // nil when all rows count
	Type   column.Type
}

// SortKey is one key of a Sort.
type SortKey struct {
	Expr             expr.Expr
	Desc, NullsFirst bool
}

// Sort orders rows. With Limit >= 0 only the first Offset+Limit matter.
type Sort struct {
	Input Node
	Keys  []SortKey
	// Top bounds the rows that are wanted; negative means all.
	Top int64
	// TimeScan is the scan below, when the first key is its time column and
	// the sort may tell it which times are still of interest.
	TimeScan *Scan
}

// Limit skips and stops.
type Limit struct {
	Input         Node
	Offset, Count int64 // Count < 0 means all
}

// Distinct drops rows that came before. With On, rows are compared by those
// expressions only, and the first of each stays.
type Distinct struct {
	Input Node
	On    []expr.Expr
}

// Union yields the rows of all inputs, whose columns have the same types.
type Union struct {
	Branches []Node
	Output   []Column
}

// Values yields constant rows.
type Values struct {
	Rows   [][]expr.Expr
	Output []Column
}

// Columns is Node's.
func (s *Scan) Columns() []Column {
	if len(s.output) == len(s.IDs) && len(s.IDs) > 0 && s.output[0].Qualifier == s.Qualifier {
		return s.output
	}
	s.output = make([]Column, len(s.IDs))
	for i, id := range s.IDs {
		c := &s.Table.Columns[id]
		s.output[i] = Column{Qualifier: s.Qualifier, Name: c.Name, Type: column.Of(c.Kind)}
		if c.Kind == column.Timestamp {
			s.output[i].Unit = UnitOf(s.Table, *c)
		}
	}
	return s.output
}

// Columns is Node's.
func (s *SystemScan) Columns() []Column { return s.Output }

// Columns is Node's.
func (f *Filter) Columns() []Column { return f.Input.Columns() }

// Columns is Node's.
func (p *Project) Columns() []Column { return p.Output }

// Columns is Node's.
func (a *Aggregate) Columns() []Column { return a.Output }

// Columns is Node's.
func (s *Sort) Columns() []Column { return s.Input.Columns() }

// Columns is Node's.
func (l *Limit) Columns() []Column { return l.Input.Columns() }

// Columns is Node's.
func (d *Distinct) Columns() []Column { return d.Input.Columns() }

// Columns is Node's.
func (u *Union) Columns() []Column { return u.Output }

// Columns is Node's.
func (v *Values) Columns() []Column { return v.Output }

// Inputs is Node's.
func (s *Scan) Inputs() []Node { return nil }

// Inputs is Node's.
func (s *SystemScan) Inputs() []Node { return nil }

// Inputs is Node's.
func (f *Filter) Inputs() []Node { return []Node{f.Input} }

// Inputs is Node's.
func (p *Project) Inputs() []Node { return []Node{p.Input} }

// Inputs is Node's.
func (a *Aggregate) Inputs() []Node { return []Node{a.Input} }

// Inputs is Node's.
func (s *Sort) Inputs() []Node { return []Node{s.Input} }

// Inputs is Node's.
func (l *Limit) Inputs() []Node { return []Node{l.Input} }

// Inputs is Node's.
func (d *Distinct) Inputs() []Node { return []Node{d.Input} }

// Inputs is Node's.
func (u *Union) Inputs() []Node { return u.Branches }

// Inputs is Node's.
func (v *Values) Inputs() []Node { return nil }
