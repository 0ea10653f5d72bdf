package plan

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/store/schema"
)

// streams marks the aggregations that need not hold all their groups: rows of
// one group follow each other when the scan below yields them in order of
// series and time.
func streams(n Node) {
	if a, ok := n.(*Aggregate); ok {
		a.Stream = a.streamable()
	}
	for _, in := range n.Inputs() {
		streams(in)
	}
}

// streamable finds the scan whose order would make groups contiguous: the keys
// are the first tags of the table in any order or, with a bin of time beside
// them, all tags.
func (a *Aggregate) streamable() *Scan {
	if len(a.Keys) == 0 {
		return nil
	}
	keys := slices.Clone(a.Keys)
	n := a.Input
	for {
		switch o := n.(type) {
		case *Filter:
			n = o.Input
			continue
		case *Project:
			for i, k := range keys {
				e, ok := through(k, o.Exprs)
				if !ok {
					return nil
				}
				keys[i] = e
			}
			n = o.Input
			continue
		case *Scan:
			if o.orders(keys) {
				return o
			}
		}
		return nil
	}
}

// orders says whether the order of series and time keeps rows of equal keys
// together.
func (s *Scan) orders(keys []expr.Expr) bool {
	tags := map[int]bool{} // ordinals among the table's tags
	times := 0
	for _, k := range keys {
		col, ok := k.(*expr.Column)
		if f, isFloor := expr.FloorOf(k); isFloor {
			col, ok = f.Column, true
		}
		if !ok {
			return false
		}
		c := s.Table.Columns[s.IDs[col.Index]]
		_, plain := k.(*expr.Column)
		switch {
		case c.Role == schema.Tag && plain:
			tags[slices.Index(s.Table.Tags, c.ID)] = true
		case c.Role == schema.Time:
			times++
		default:
			return false
		}
	}
	for i := range len(tags) {
		if !tags[i] {
			return false
		}
	}
	return times == 0 || times == 1 && len(tags) == len(s.Table.Tags)
}
