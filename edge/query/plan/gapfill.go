package plan

import (
	"fmt"
	"math"
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/text"
	"tarn/store"
	"tarn/store/column"
)

// GapFill completes series of time bins: for each combination of the other
// keys it yields a row for every bin from that of Lo to that of Hi, in order
// of the other keys and then of time.
type GapFill struct {
	Input Node
	// Keys is how many of Input's columns, from the first, tell its rows
	// apart; Time is the one of them that holds the bins' beginnings.
	Keys, Time int
	Bins       *expr.Bins
	// Lo and Hi are instants, both inclusive.
	Lo, Hi int64
	// Fills are the columns beside the keys.
	Fills []Fill
	// Output is the keys and then the filled columns.
	Output []Column
}

// FillMode says what a column is in a bin without a value.
type FillMode uint8

// The modes. They fill bins without rows; all but FillNull also replace nulls
// of rows that are there.
const (
	FillNull FillMode = iota
	// FillPrevious repeats the value before, if there is one.
	FillPrevious
	// FillLinear lies on the line between the values before and after, by
	// time; integers are truncated. Of a struct only the first field does.
	FillLinear
	// FillValue is a constant.
	FillValue
)

// Fill is a column of a GapFill: an expression over its input.
type Fill struct {
	Expr  expr.Expr
	Mode  FillMode
	Value expr.Value // of FillValue
}

// Columns is Node's.
func (g *GapFill) Columns() []Column { return g.Output }

// Inputs is Node's.
func (g *GapFill) Inputs() []Node { return []Node{g.Input} }

// prune drops filled columns and what they alone need. The keys stay: they
// make the rows.
func (g *GapFill) prune(need []bool) []int {
	for i := range g.Keys {
		need[i] = true
	}
	to := positions(need)
	g.Fills, g.Output = pick(g.Fills, need[g.Keys:]), pick(g.Output, need)
	below := make([]bool, len(g.Input.Columns()))
	for i := range g.Keys {
		below[i] = true
	}
	for _, f := range g.Fills {
		for _, i := range expr.Columns(f.Expr) {
			below[i] = true
		}
	}
	var moved []int
	g.Input, moved = prune(g.Input, below) // keys come first: they stay where they are
	for i := range g.Fills {
		g.Fills[i].Expr = remap(g.Fills[i].Expr, moved)
	}
	return to
}

// push gives predicates on keys other than time to the input: they choose
// among series.
func (g *GapFill) push(conds []expr.Expr) (stay []expr.Expr, err error) {
	var down []expr.Expr
	for _, c := range conds {
		cols := expr.Columns(c)
		ok := len(cols) > 0 && !expr.Volatile(c)
		for _, i := range cols {
			ok = ok && i < g.Keys && i != g.Time
		}
		if ok {
			down = append(down, c)
		} else {
			stay = append(stay, c)
		}
	}
	g.Input, err = pushInto(g.Input, down)
	return stay, err
}

func (g *GapFill) describe() string {
	var fills []string
	for i, f := range g.Fills {
		mode := [...]string{"null", "previous", "linear", "value"}[f.Mode]
		fills = append(fills, g.Output[g.Keys+i].Name+":"+mode)
	}
	return fmt.Sprintf("GapFill: time=%s from=%s to=%s fill=[%s]", g.Output[g.Time].Name,
		text.FormatTimestamp(g.Lo), text.FormatTimestamp(g.Hi), strings.Join(fills, ", "))
}

// timeRange is what predicates of a plan say about one of its columns, a
// timestamp: bounds that are inclusive, store.MinTime and MaxTime where there
// are none.
func timeRange(ctx *expr.Context, n Node, col int) (lo, hi int64, err error) {
	lo, hi = store.MinTime, store.MaxTime
	for {
		switch o := n.(type) {
		case *Filter:
			cond, err := expr.Fold(ctx, o.Cond)
			if err != nil {
				return 0, 0, err
			}
			for _, c := range conjuncts(cond) {
				l, h := boundOf(c, col)
				lo, hi = max(lo, l), min(hi, h)
			}
			n = o.Input
		case *Project:
			i, ok := baseColumn(o.Exprs[col])
			if !ok {
				return lo, hi, nil
			}
			col, n = i, o.Input
		case *Aggregate:
			if col >= len(o.Keys) {
				return lo, hi, nil
			}
			i, ok := baseColumn(o.Keys[col])
			if !ok {
				return lo, hi, nil
			}
			col, n = i, o.Input
		case *Join:
			left := len(o.Left.Columns())
			switch {
			case col < left && o.Kind != RightJoin && o.Kind != FullJoin:
				n = o.Left
			case col >= left && o.Kind == InnerJoin:
				col, n = col-left, o.Right
			default:
				return lo, hi, nil
			}
		case *Sort:
			n = o.Input
		case *Limit:
			n = o.Input
		case *Distinct:
			n = o.Input
		case *Apply:
			n = o.Input
		case *Window:
			n = o.Input
		default:
			return lo, hi, nil
		}
	}
}

// baseColumn looks through what shows an instant differently.
func baseColumn(e expr.Expr) (int, bool) {
	for {
		switch o := e.(type) {
		case *expr.Column:
			return o.Index, o.T.Kind == column.Timestamp
		case *expr.Cast:
			if o.Type().Kind != column.Timestamp {
				return 0, false
			}
			e = o.Children()[0]
		case *expr.Call:
			if o.Name != "tz" {
				return 0, false
			}
			e = o.Args[0]
		default:
			return 0, false
		}
	}
}

// boundOf is the range to which a comparison with a constant restricts a
// column.
func boundOf(c expr.Expr, col int) (lo, hi int64) {
	lo, hi = store.MinTime, store.MaxTime
	b, ok := c.(*expr.Binary)
	if !ok || !b.Op.IsComparison() {
		return lo, hi
	}
	x, y, op := b.L, b.R, b.Op
	if _, ok := x.(*expr.Literal); ok {
		x, y, op = y, x, op.Swapped()
	}
	i, isColumn := baseColumn(x)
	lit, isLiteral := y.(*expr.Literal)
	if !isColumn || i != col || !isLiteral || lit.Value.Null || lit.Value.Type.Kind != column.Timestamp {
		return lo, hi
	}
	v := lit.Value.I
	switch op {
	case expr.Eq:
		return v, v
	case expr.Ge:
		lo = v
	case expr.Le:
		hi = v
	case expr.Gt:
		if lo = v; v < math.MaxInt64 {
			lo++
		}
	case expr.Lt:
		if hi = v; v > math.MinInt64 {
			hi--
		}
	}
	return lo, hi
}
