package plan

import (
	"tarn/edge/query/expr"
	"tarn/store/column"
	"tarn/store/schema"
)

// Origin is where a column of a plan has its type from.
type Origin struct {
	// Table and Column are a stored column whose values, or times in whose
	// unit, these are. Table is nil where the column is computed.
	Table  *schema.Table
	Column schema.Column
	// Target is the type that a cast gave, when it is narrower than what values
	// are held in.
	Target expr.Target
}

// Origins are those of a plan's columns.
func Origins(n Node) []Origin {
	out := make([]Origin, len(n.Columns()))
	switch n := n.(type) {
	case *Scan:
		for i, id := range n.IDs {
			out[i] = Origin{Table: n.Table, Column: n.Table.Columns[id]}
		}
	case *SystemScan:
		if t, ok := n.Table.(Targeted); ok {
			targets := t.Targets()
			for i, c := range n.Picked {
				out[i].Target = targets[c]
			}
		}
	case *Project:
		in := Origins(n.Input)
		for i, e := range n.Exprs {
			out[i] = originOf(e, in)
		}
	case *Aggregate:
		in := Origins(n.Input)
		for i, k := range n.Keys {
			out[i] = originOf(k, in)
		}
		for i, c := range n.Aggs {
			// What chooses one of the values keeps its type.
			if len(c.Args) > 0 && c.Type.Equal(c.Args[0].Type()) && keepsType[c.Spec.Name] {
				out[len(n.Keys)+i] = originOf(c.Args[0], in)
			}
		}
	case *Join:
		in := append(Origins(n.Left), Origins(n.Right)...)
		copy(out, in)
	case *Window, *Slide, *Unnest, *Expand, *Apply:
		copy(out, Origins(n.Inputs()[0])) // and the columns that they add
		if s, ok := n.(*Slide); ok {
			out[len(out)-1] = out[s.Time]
		}
	case *Filter, *Sort, *Limit, *Distinct, *Union, *WindowFill, *TimeOrdered, *Single:
		copy(out, Origins(n.Inputs()[0]))
	}
	return out
}

// keepsType are the aggregates whose result is one of the values.
var keepsType = map[string]bool{"min": true, "max": true, "first_value": true, "last_value": true, "nth_value": true, "mode": true, "median": false}

func originOf(e expr.Expr, in []Origin) Origin {
	switch e := e.(type) {
	case *expr.Column:
		if e.Index < len(in) {
			return in[e.Index]
		}
	case *expr.Cast:
		if t := e.Target(); t.Bits != 0 || t.Unit != 0 {
			return Origin{Target: t}
		}
		if e.Type().Kind == e.X.Type().Kind {
			return originOf(e.X, in)
		}
		return Origin{}
	}
	// Of what computes a time the unit stays.
	if e.Type().Kind == column.Timestamp {
		for _, c := range e.Children() {
			if c.Type().Kind == column.Timestamp {
				if o := originOf(c, in); o.Table != nil || o.Target.Unit != 0 {
					return o
				}
			}
		}
	}
	return Origin{}
}
