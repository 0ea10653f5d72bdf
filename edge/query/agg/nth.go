package agg

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// nth is nth_value(x, k): the k-th row of a group in the order of the keys, or
// of arrival when there are none; with a negative k the k-th from the end. It
// is null when the group has no such row.
//
// Only the |k| rows nearest to the end in question are kept. A group's list is
// cut down to them when it has twice as many, so that a row costs little and
// the memory is that of 2|k| rows a group.
type nth struct {
	k           int
	fromEnd     bool
	ignoreNulls bool
	orders      []Order
	rows        *column.Vector // values of the rows kept, with gaps
	keys        []*column.Vector
	groups      [][]int32 // places in rows, in order of arrival
	kept        int       // rows of all groups that count
}

func nthType(s Spec) (column.Type, error) {
	l := s.ArgLiterals[1]
	switch {
	case l == nil || l.Null || !s.Args[1].IsInteger():
		return column.Type{}, mismatch(s, "Error during planning: nth_value requires a constant integer as its second argument")
	case l.I == 0 && l.U == 0:
		return column.Type{}, &expr.Error{Class: expr.Plan, Msg: "nth_value: the position must not be zero"}
	case max(l.I, -l.I) > 1<<30 || l.U > 1<<30:
		return column.Type{}, &expr.Error{Class: expr.Plan, Msg: "nth_value: the position is too large"}
	}
	return same(s)
}

func newNth(s Spec) State {
	l := s.ArgLiterals[1]
	k := int(l.I) + int(l.U) // one of them is 0
	n := &nth{k: max(k, -k), fromEnd: k < 0, ignoreNulls: s.IgnoreNulls, orders: s.OrderBy}
	n.rows, n.keys = n.empty(plain(s.Args[0]))
	return n
}

func (s *nth) empty(t column.Type) (*column.Vector, []*column.Vector) {
	var keys []*column.Vector
	for _, o := range s.orders {
		keys = append(keys, column.NewVector(plain(o.Type), 0))
	}
	return column.NewVector(t, 0), keys
}

func (s *nth) Grow(n int) { s.groups = resize(s.groups, n) }

func (s *nth) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if skip != nil && skip[i] || s.ignoreNulls && args[0].IsNull(i) {
			continue
		}
		if len(s.orders) == 0 && !s.fromEnd && len(s.groups[g]) >= s.k {
			continue // the row is there already
		}
		s.groups[g] = append(s.groups[g], int32(s.rows.Len))
		s.rows.AppendFrom(args[0], i, i+1)
		for j, k := range s.keys {
			k.AppendFrom(args[2+j], i, i+1)
		}
		s.kept++
		if len(s.groups[g]) > 2*s.k+16 {
			s.cut(g)
		}
	}
	if s.rows.Len > 4096 && s.rows.Len > 2*s.kept {
		s.compact()
	}
	return nil
}

// sorted puts a group's rows in order.
func (s *nth) sorted(g uint32) []int32 {
	rows := s.groups[g]
	if len(s.orders) > 0 {
		slices.SortStableFunc(rows, func(a, b int32) int { return compareKeys(s.keys, s.orders, int(a), int(b)) })
	}
	return rows
}

// cut drops the rows of a group that cannot be the k-th any more. Those kept
// stay in their order, so that later rows are compared with them rightly.
func (s *nth) cut(g uint32) {
	rows := s.sorted(g)
	s.kept -= len(rows) - s.k
	if s.fromEnd {
		copy(rows, rows[len(rows)-s.k:])
	}
	s.groups[g] = rows[:s.k]
}

// compact moves the rows that count into new vectors.
func (s *nth) compact() {
	rows, keys := s.empty(s.rows.Type)
	for g, places := range s.groups {
		from := rows.Len
		rows.Gather(s.rows, places)
		for j, k := range keys {
			k.Gather(s.keys[j], places)
		}
		for i := range places {
			s.groups[g][i] = int32(from + i)
		}
	}
	s.rows, s.keys = rows, keys
}

func (s *nth) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		rows := s.sorted(uint32(g))
		at := s.k - 1
		if s.fromEnd {
			at = len(rows) - s.k
		}
		if at < 0 || at >= len(rows) || dst.Type.Kind == column.Null {
			dst.AppendNull(1)
			continue
		}
		dst.AppendFrom(s.rows, int(rows[at]), int(rows[at])+1)
	}
	return nil
}

func (s *nth) Bytes() int {
	n := s.rows.Bytes() + 24*len(s.groups) + 8*s.kept
	for _, k := range s.keys {
		n += k.Bytes()
	}
	return n
}
