package plan

import (
	"context"
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// Selective is a SystemTable that need not yield all that it has.
type Selective interface {
	SystemTable
	// Select returns some columns, by their places in Columns, of at least the
	// rows for which every match holds.
	Select(ctx context.Context, columns []int, matches []Match) (*column.Batch, error)
}

// Match says that a column has one of some values.
type Match struct {
	// Column is the place in SystemTable.Columns.
	Column int
	// Values are of the column's type, or text for text, and none is NULL.
	Values []expr.Value
}

// note remembers what predicates over the output say of single columns. The
// predicates themselves must still be evaluated.
func (s *SystemScan) note(conds []expr.Expr) {
	if _, ok := s.Table.(Selective); !ok {
		return
	}
	for _, c := range conds {
		if col, values, ok := oneOf(c); ok && s.comparable(col, values) {
			s.Matches = append(s.Matches, Match{s.Picked[col], values})
		}
	}
}

// comparable says whether values are of a column's type.
func (s *SystemScan) comparable(col int, values []expr.Value) bool {
	t := s.Output[col].Type
	return !slices.ContainsFunc(values, func(v expr.Value) bool {
		return v.Type.Kind != t.Kind && !(v.Type.IsText() && t.IsText())
	})
}

// oneOf recognises column = constant, column IN (constants), and several of
// these for one column joined by OR.
func oneOf(e expr.Expr) (col int, values []expr.Value, ok bool) {
	switch e := e.(type) {
	case *expr.In:
		c, isColumn := e.X.(*expr.Column)
		if !isColumn || e.Not {
			return 0, nil, false
		}
		for _, item := range e.List {
			lit, isLiteral := item.(*expr.Literal)
			if !isLiteral {
				return 0, nil, false
			}
			if !lit.Value.Null { // equal to nothing
				values = append(values, lit.Value)
			}
		}
		return c.Index, values, true
	case *expr.Binary:
		if e.Op == expr.Or {
			l, left, okl := oneOf(e.L)
			r, right, okr := oneOf(e.R)
			return l, slices.Concat(left, right), okl && okr && l == r
		}
		c, op, v, isComparison := comparison(e)
		if !isComparison || op != expr.Eq {
			return 0, nil, false
		}
		if !v.Null {
			values = []expr.Value{v}
		}
		return c.Index, values, true
	}
	return 0, nil, false
}

func (s *SystemScan) describe() string {
	out := "System: " + s.Name
	if len(s.Matches) == 0 {
		return out
	}
	columns := s.Table.Columns()
	var parts []string
	for _, m := range s.Matches {
		var values []string
		for _, v := range m.Values {
			values = append(values, expr.NewLiteral(v).String())
		}
		parts = append(parts, columns[m.Column].Name+" IN ("+strings.Join(values, ", ")+")")
	}
	return out + " match=[" + strings.Join(parts, ", ") + "]"
}
