package plan

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/store"
	"tarn/store/schema"
)

// steer lets a top-n by time tell its scan which times still matter.
func steer(s *Sort) {
	if len(s.Keys) == 0 {
		return
	}
	scan, col := origin(s.Input, s.Keys[0].Expr)
	if scan == nil || col.Role != schema.Time {
		return
	}
	scan.Order = store.OldestFirst
	if s.Keys[0].Desc {
		scan.Order = store.NewestFirst
	}
	s.TimeScan = scan
}

// lastRows lets DISTINCT ON of tags in the order of tags and then time read one
// row of each series, and no file that is older than those. Series with the same
// of those tags are still compared.
func lastRows(d *Distinct) {
	s, ok := d.Input.(*Sort)
	if !ok || d.On == nil || len(s.Keys) <= len(d.On) {
		return
	}
	top := &TopPerSeries{Input: s.Input, Count: 1}
	for _, k := range s.Keys[:len(d.On)] {
		scan, col := origin(s.Input, k.Expr)
		if scan == nil || col.Role != schema.Tag || !slices.ContainsFunc(d.On, func(e expr.Expr) bool { return expr.Equal(e, k.Expr) }) {
			return
		}
		top.Keys, top.TagIDs = append(top.Keys, k.Expr.(*expr.Column).Index), append(top.TagIDs, col.ID)
	}
	last := s.Keys[len(d.On)]
	scan, col := origin(s.Input, last.Expr)
	if scan == nil || col.Role != schema.Time || filtered(s.Input) {
		return
	}
	top.Desc = last.Desc
	s.Input = top
}

// origin is the scan and its column that an expression over n's columns is
// nothing but, through projections and filters.
func origin(n Node, e expr.Expr) (*Scan, schema.Column) {
	for {
		c, ok := e.(*expr.Column)
		if !ok {
			return nil, schema.Column{}
		}
		switch in := n.(type) {
		case *Filter:
			n = in.Input
		case *Project:
			n, e = in.Input, in.Exprs[c.Index]
		case *Scan:
			return in, in.Table.Columns[in.IDs[c.Index]]
		default:
			return nil, schema.Column{}
		}
	}
}

// filtered says whether there is a filter above the scan that origin finds.
func filtered(n Node) bool {
	if _, ok := n.(*Filter); ok {
		return true
	}
	return slices.ContainsFunc(n.Inputs(), filtered)
}
