package plan

import (
	"math"
	"slices"

	"tarn/edge/query/expr"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// absorb takes what the scan can do itself out of predicates over its output
// and returns the others: bounds on time, predicates on tags alone, and hints
// from comparisons of fields with constants.
//
// Rows of one series and time that lie in several sources become one before a
// predicate on fields may see them; tags and time are the same in all of them.
func (s *Scan) absorb(conds []expr.Expr) []expr.Expr {
	var rest []expr.Expr
	for _, c := range conds {
		switch {
		case s.timeBound(c):
		case s.tagPredicate(c):
		default:
			s.floorBound(c)
			s.fieldBound(c)
			s.fieldText(c)
			rest = append(rest, c)
		}
	}
	return rest
}

// comparison recognises "column op constant" either way round.
func comparison(e expr.Expr) (col *expr.Column, op expr.Op, v expr.Value, ok bool) {
	b, isBinary := e.(*expr.Binary)
	if !isBinary || !b.Op.IsComparison() {
		return nil, 0, v, false
	}
	if c, isCol := b.L.(*expr.Column); isCol {
		if l, isLit := b.R.(*expr.Literal); isLit {
			return c, b.Op, l.Value, true
		}
	}
	if c, isCol := b.R.(*expr.Column); isCol {
		if l, isLit := b.L.(*expr.Literal); isLit {
			return c, b.Op.Swapped(), l.Value, true
		}
	}
	return nil, 0, v, false
}

func (s *Scan) column(c *expr.Column) schema.Column { return s.Table.Columns[s.IDs[c.Index]] }

// timeBound narrows the time range by a comparison of time with a constant.
func (s *Scan) timeBound(e expr.Expr) bool {
	col, op, v, ok := comparison(e)
	if !ok || s.column(col).Role != schema.Time || v.Type.Kind != column.Timestamp {
		return false
	}
	if v.Null { // never true
		s.MinTime, s.MaxTime = 1, 0
		return true
	}
	lo, hi := store.MinTime, store.MaxTime
	switch op {
	case expr.Eq:
		lo, hi = v.I, v.I
	case expr.Ge:
		lo = v.I
	case expr.Le:
		hi = v.I
	case expr.Gt:
		if v.I == math.MaxInt64 {
			lo, hi = 1, 0
		} else {
			lo = v.I + 1
		}
	case expr.Lt:
		if v.I == math.MinInt64 {
			lo, hi = 1, 0
		} else {
			hi = v.I - 1
		}
	default:
		return false
	}
	s.MinTime, s.MaxTime = max(s.MinTime, lo), min(s.MaxTime, hi)
	return true
}

// floorBound narrows the time range by a comparison of the bin or the unit
// that a row lies in with a constant. The comparison itself must still be made.
func (s *Scan) floorBound(e expr.Expr) {
	b, ok := e.(*expr.Binary)
	if !ok || !b.Op.IsComparison() {
		return
	}
	x, y, op := b.L, b.R, b.Op
	if _, ok := x.(*expr.Literal); ok {
		x, y, op = y, x, op.Swapped()
	}
	f, ok := expr.FloorOf(x)
	lit, isLiteral := y.(*expr.Literal)
	if !ok || !isLiteral || lit.Value.Null || lit.Value.Type.Kind != column.Timestamp || s.column(f.Column).Role != schema.Time {
		return
	}
	v := lit.Value.I
	last := f.After(f.Start(v))
	if last > v { // else beyond the range of timestamps
		last--
	} else {
		last = store.MaxTime
	}
	switch op {
	case expr.Eq:
		s.MinTime, s.MaxTime = max(s.MinTime, v), min(s.MaxTime, last)
	case expr.Ge, expr.Gt:
		s.MinTime = max(s.MinTime, v)
	case expr.Lt, expr.Le:
		s.MaxTime = min(s.MaxTime, last)
	}
}

// tagPredicate takes a predicate that reads tags and nothing else.
func (s *Scan) tagPredicate(e expr.Expr) bool {
	cols := expr.Columns(e)
	if len(cols) == 0 || expr.Volatile(e) {
		return false
	}
	for _, i := range cols {
		if s.Table.Columns[s.IDs[i]].Role != schema.Tag {
			return false
		}
	}
	if col, values, ok := oneOf(e); ok {
		s.tagValues(s.IDs[col], values)
	}
	e = expr.Remap(e, func(i int) int {
		id := s.IDs[i]
		at := slices.Index(s.TagIDs, id)
		if at < 0 {
			at = len(s.TagIDs)
			s.TagIDs = append(s.TagIDs, id)
		}
		return at
	})
	if s.Tags != nil {
		both, err := expr.NewBinary(expr.And, s.Tags, e)
		if err != nil {
			return false
		}
		e = both
	}
	s.Tags = e
	return true
}

// tagValues notes that a tag must have one of some values.
func (s *Scan) tagValues(id int, values []expr.Value) {
	t := store.TagValues{Column: id}
	for _, v := range values {
		if !v.Type.IsText() {
			return
		}
		t.Values = append(t.Values, v.S)
	}
	s.TagValues = append(s.TagValues, t)
}

// fieldBound notes what a comparison of a field says about its range.
func (s *Scan) fieldBound(e expr.Expr) {
	col, op, v, ok := comparison(e)
	if !ok || v.Null {
		return
	}
	c := s.column(col)
	if c.Role != schema.Field || c.Kind != v.Type.Kind {
		return
	}
	b := store.FieldBound{Column: c.ID}
	var bits uint64
	switch c.Kind {
	case column.Int64:
		b.Min, b.Max, bits = 1<<63, math.MaxInt64, uint64(v.I)
	case column.Uint64:
		b.Min, b.Max, bits = 0, math.MaxUint64, v.U
	case column.Float64:
		// NaN is greater than everything and in no statistics: only bounds
		// from above, and equality with a number, say anything.
		if math.IsNaN(v.F) || op == expr.Gt || op == expr.Ge {
			return
		}
		b.Min, b.Max, bits = math.Float64bits(math.Inf(-1)), math.Float64bits(math.Inf(1)), math.Float64bits(v.F)
	default:
		return
	}
	// An exclusive bound is kept inclusive: it is a hint.
	switch op {
	case expr.Eq:
		b.Min, b.Max = bits, bits
	case expr.Ge, expr.Gt:
		b.Min = bits
	case expr.Le, expr.Lt:
		b.Max = bits
	default:
		return
	}
	s.Bounds = append(s.Bounds, b)
}

// fieldText notes what a predicate needs of the text of a field.
func (s *Scan) fieldText(e expr.Expr) {
	n, ok := expr.NeedOf(e)
	if !ok {
		return
	}
	if c := s.column(n.Column); c.Role == schema.Field && c.Kind == column.String {
		s.Texts = append(s.Texts, store.FieldText{Column: c.ID, Values: n.Values, Parts: n.Parts, Also: n.Also})
	}
}
