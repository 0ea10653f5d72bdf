package expr

import (
	"tarn/edge/query/text"
	"tarn/store/column"
)

// Floor is a function that takes instants back to the beginning of the span
// they lie in: what a predicate on its result says about the instant itself.
type Floor struct {
	// Column is the input column of instants.
	Column *Column
	// Start is the beginning of the span of an instant, After that of the span
	// after the one that begins there.
	Start, After func(int64) int64
}

// FloorOf recognises date_bin and date_trunc of a naive timestamp column. All
// arguments but that must be literals.
func FloorOf(e Expr) (Floor, bool) {
	c, ok := e.(*Call)
	if !ok || len(c.Args) < 2 {
		return Floor{}, false
	}
	col, isColumn := c.Args[1].(*Column)
	first, isLiteral := c.Args[0].(*Literal)
	if !isColumn || !isLiteral || first.Value.Null || col.T.Kind != column.Timestamp || col.T.Zone != "" {
		return Floor{}, false
	}
	switch c.Name {
	case "date_trunc":
		start, err := truncator(first.Value.S)
		if err != nil {
			return Floor{}, false
		}
		// The longest the unit gets leads into the span after, and not further.
		longest := map[string]int64{"week": 7 * text.Day, "month": 31 * text.Day, "quarter": 92 * text.Day, "year": 366 * text.Day}[first.Value.S]
		if longest == 0 {
			longest = truncSpans[first.Value.S]
		}
		if longest == 0 { // written in another case: not worth it
			return Floor{}, false
		}
		return Floor{col, start, func(v int64) int64 { return start(v + longest) }}, true
	case "date_bin":
		origin := int64(0)
		if len(c.Args) > 2 {
			lit, ok := c.Args[2].(*Literal)
			if !ok || lit.Value.Null {
				return Floor{}, false
			}
			origin = lit.Value.I
		}
		b, err := NewBinner(first.Value.Iv, origin)
		if err != nil {
			return Floor{}, false
		}
		return Floor{col, b.Bin, b.Next}, true
	}
	return Floor{}, false
}

// Strict says whether e is null whenever the columns are for which in says so:
// it is certain for what it says, and says no where it is not.
func Strict(e Expr, in func(column int) bool) bool {
	switch e := e.(type) {
	case *Column:
		return in(e.Index)
	case *Cast:
		return Strict(e.X, in)
	case *Unary:
		switch e.Op {
		case Neg, Plus, Not:
			return Strict(e.X, in)
		}
	case *Binary:
		switch e.Op {
		case And, Or, Distinct, NotDistinct:
			return false
		}
		return Strict(e.L, in) || Strict(e.R, in)
	case *In:
		return Strict(e.X, in)
	case *Like:
		return Strict(e.X, in)
	}
	return false
}
