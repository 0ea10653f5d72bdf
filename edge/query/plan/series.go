package plan

import (
	"fmt"

	"tarn/store/column"
)

// The nodes of this file work on the series of InfluxQL: runs of rows that are
// equal in some columns of text, each in order of time. Their input is sorted
// by those columns and then by time.

// SeriesLimit skips and stops within each series, and skips and stops among the
// series.
type SeriesLimit struct {
	Input Node
	// Series are the columns that tell series apart.
	Series []int
	// Offset and Count are of rows, SOffset and SCount of series; negative
	// counts mean all.
	Offset, Count, SOffset, SCount int64
}

// Columns is Node's.
func (l *SeriesLimit) Columns() []Column { return l.Input.Columns() }

// Inputs is Node's.
func (l *SeriesLimit) Inputs() []Node { return []Node{l.Input} }

func (l *SeriesLimit) describe() string {
	return fmt.Sprintf("SeriesLimit: skip=%d fetch=%d series: skip=%d fetch=%d", l.Offset, l.Count, l.SOffset, l.SCount)
}

// Explode replaces a column of lists of structs by the structs' members, one
// row for each element. An empty list yields no row.
type Explode struct {
	Input Node
	// List is the column; its members come in its place.
	List   int
	Output []Column
}

// NewExplode returns an Explode with the columns that it yields.
func NewExplode(in Node, list int) *Explode {
	e := &Explode{Input: in, List: list}
	for i, c := range in.Columns() {
		if i != list {
			e.Output = append(e.Output, c)
			continue
		}
		element := c.Type.Nested.Types[0].Nested
		for j, t := range element.Types {
			e.Output = append(e.Output, Column{Name: element.Names[j], Type: t})
		}
	}
	return e
}

// Columns is Node's.
func (e *Explode) Columns() []Column { return e.Output }

// Inputs is Node's.
func (e *Explode) Inputs() []Node { return []Node{e.Input} }

// WindowFill adds the rows of windows that a series lacks, and fills columns. A
// column of which a series has no value at all stays null in it, unless Always
// is set.
//
// It is not a GapFill, which makes its series of all combinations of keys, in
// ascending order and with bounds on both sides: here series are those that
// have rows, each may begin at its own first window, and rows may descend.
type WindowFill struct {
	Input Node
	// Series and Time are columns; Time has the starts of windows.
	Series []int
	Time   int
	// Next gives the start of the window after, or with Desc before, the one
	// that starts at t.
	Next func(t int64) int64
	// Windows is the nominal length of a window, for interpolation.
	Length int64
	// First and Last are the starts of the first and last window in the order
	// of the rows. FromFirst starts each series at its own first row instead,
	// and ToLast ends it at its last.
	First, Last       int64
	FromFirst, ToLast bool
	Desc              bool
	// Always puts constants even where a series has no value of its own.
	Always bool
	// Extrapolate draws the line through two values on beyond the first and the
	// last, of columns that are interpolated.
	Extrapolate bool
	// Fills are by column, whose expressions are not used; those of series and
	// time are not looked at. FillLinear interpolates by windows.
	Fills []Fill
	// MaxWindows refuses more windows a series; 0 means no limit.
	MaxWindows int64
}

// Columns is Node's.
func (f *WindowFill) Columns() []Column { return f.Input.Columns() }

// Inputs is Node's.
func (f *WindowFill) Inputs() []Node { return []Node{f.Input} }

// TransformCall is a function of the values of one column in the order of
// their rows.
type TransformCall struct {
	// Name is that of spec/influxql.md sections 9.3 and 9.4.
	Name string
	// Column is the argument's.
	Column int
	// Unit is a duration: that of a rate or of elapsed.
	Unit int64
	// N is a number of rows: of a moving average.
	N int
	// Hold and Warmup are those of technical analysis; Hold < 0 is the default.
	Hold   int
	Warmup string
	Type   column.Type
}

// Transform adds a column for each of its calls. They are null where a function
// has no result.
type Transform struct {
	Input  Node
	Series []int
	Time   int
	Desc   bool
	Calls  []TransformCall
	Output []Column
}

// NewTransform returns a Transform with the columns that it yields.
func NewTransform(in Node, series []int, time int, desc bool, calls []TransformCall) *Transform {
	t := &Transform{Input: in, Series: series, Time: time, Desc: desc, Calls: calls}
	t.Output = append(t.Output, in.Columns()...)
	for _, c := range calls {
		t.Output = append(t.Output, Column{Name: c.Name, Type: c.Type})
	}
	return t
}

// Columns is Node's.
func (t *Transform) Columns() []Column { return t.Output }

// Inputs is Node's.
func (t *Transform) Inputs() []Node { return []Node{t.Input} }

func (t *Transform) describe() string {
	s := "Transform:"
	for _, c := range t.Calls {
		s += " " + c.Name + "(" + t.Output[c.Column].Name + ")"
	}
	return s
}
