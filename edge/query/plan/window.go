package plan

import (
	"fmt"
	"strings"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/store/column"
)

// Window adds one column per call to its input's: each is computed for a row
// from the rows of its partition.
type Window struct {
	Input     Node
	Partition []expr.Expr
	Order     []SortKey
	Calls     []WindowCall
	Output    []Column
	// Head, when not nil, says that rows behind it are not wanted.
	Head *Head
}

// Head is the first rows of each partition; with Ties, those that are equal in
// order to the last one as well.
type Head struct {
	Rows uint64
	Ties bool
}

// WindowCall is one function over a window.
type WindowCall struct {
	// Func is the function's lower-case name: one of WindowFunctions, or
	// otherwise an aggregate, which Spec then describes.
	Func string
	// Args are the arguments; for aggregates the order keys follow.
	Args   []expr.Expr
	Spec   agg.Spec
	Filter expr.Expr // nil when all rows count
	Frame  Frame
	// Offset is the constant of lag, lead, ntile and nth_value, and the unit
	// of the derivatives in nanoseconds.
	Offset int64
	// Default is what lag and lead yield where there is no such row.
	Default     expr.Value
	IgnoreNulls bool
	Type        column.Type
}

// FrameUnit says what the offsets of a frame count.
type FrameUnit uint8

// The units of frames.
const (
	FrameRows FrameUnit = iota
	FrameRange
	FrameGroups
)

// BoundKind is where a frame begins or ends. They are in order.
type BoundKind uint8

// The kinds of bounds.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// FrameBound is one end of a frame.
type FrameBound struct {
	Kind BoundKind
	// Offset belongs to Preceding and Following: an Int64 that is not negative
	// in rows and groups; in a range what can be added to the order key, an
	// interval for timestamps.
	Offset expr.Value
}

// Frame is the rows of a partition that a function sees, relative to a row.
type Frame struct {
	Unit       FrameUnit
	Start, End FrameBound
}

// WholePartition says whether every row sees the same rows.
func (f Frame) WholePartition() bool {
	return f.Start.Kind == UnboundedPreceding && f.End.Kind == UnboundedFollowing
}

func (f Frame) String() string {
	return [...]string{"ROWS", "RANGE", "GROUPS"}[f.Unit] + " BETWEEN " + f.Start.String() + " AND " + f.End.String()
}

func (b FrameBound) String() string {
	switch b.Kind {
	case UnboundedPreceding:
		return "UNBOUNDED PRECEDING"
	case Preceding:
		return b.Offset.Text() + " PRECEDING"
	case CurrentRow:
		return "CURRENT ROW"
	case Following:
		return b.Offset.Text() + " FOLLOWING"
	}
	return "UNBOUNDED FOLLOWING"
}

// Columns is Node's.
func (w *Window) Columns() []Column { return w.Output }

// Inputs is Node's.
func (w *Window) Inputs() []Node { return []Node{w.Input} }

// exprs are the places of all expressions.
func (w *Window) exprs() []*expr.Expr {
	var out []*expr.Expr
	for i := range w.Partition {
		out = append(out, &w.Partition[i])
	}
	for i := range w.Order {
		out = append(out, &w.Order[i].Expr)
	}
	for i := range w.Calls {
		c := &w.Calls[i]
		for j := range c.Args {
			out = append(out, &c.Args[j])
		}
		if c.Filter != nil {
			out = append(out, &c.Filter)
		}
	}
	return out
}

// prune drops calls and input columns that nobody needs, and the window with
// its last call.
func (w *Window) prune(need []bool) (Node, []int) {
	n := len(w.Input.Columns())
	w.Calls = pick(w.Calls, need[n:])
	if len(w.Calls) == 0 {
		in, to := prune(w.Input, need[:n])
		return in, append(to, make([]int, len(need)-n)...) // nobody asks for those
	}
	below := append([]bool(nil), need[:n]...)
	for _, e := range w.exprs() {
		for _, i := range expr.Columns(*e) {
			below[i] = true
		}
	}
	var to []int
	w.Input, to = prune(w.Input, below)
	for _, e := range w.exprs() {
		*e = remap(*e, to)
	}
	// Columns that came along stay in the output: the row is passed on whole.
	out := make([]int, len(need))
	output := append([]Column(nil), w.Input.Columns()...)
	copy(out, to)
	for i := n; i < len(need); i++ {
		out[i] = -1
		if need[i] {
			out[i] = len(output)
			output = append(output, w.Output[i])
		}
	}
	w.Output = output
	return w, out
}

// push lets predicates on partition keys alone choose among partitions before
// they are made.
func (w *Window) push(conds []expr.Expr) (down, stay []expr.Expr) {
	for _, c := range conds {
		cols := expr.Columns(c)
		ok := len(cols) > 0 && !expr.Volatile(c)
		for _, i := range cols {
			ok = ok && w.partitionedBy(i)
		}
		if ok {
			down = append(down, c)
		} else {
			stay = append(stay, c)
		}
	}
	return down, stay
}

func (w *Window) partitionedBy(i int) bool {
	for _, p := range w.Partition {
		if c, ok := p.(*expr.Column); ok && c.Index == i {
			return true
		}
	}
	return false
}

func (w *Window) describe() string {
	var calls []string
	for _, c := range w.Output[len(w.Output)-len(w.Calls):] {
		calls = append(calls, c.Name)
	}
	head := ""
	if w.Head != nil {
		head = fmt.Sprintf(" head=%d", w.Head.Rows)
	}
	return fmt.Sprintf("Window: partition=[%s] order=[%s] calls=[%s]%s", strings.Join(texts(w.Partition), ", "), keysText(w.Order), strings.Join(calls, ", "), head)
}

// keysText is sort keys as EXPLAIN shows them.
func keysText(keys []SortKey) string {
	var out []string
	for _, k := range keys {
		dir := " ASC"
		if k.Desc {
			dir = " DESC"
		}
		nulls := " NULLS LAST"
		if k.NullsFirst {
			nulls = " NULLS FIRST"
		}
		out = append(out, k.Expr.String()+dir+nulls)
	}
	return strings.Join(out, ", ")
}
