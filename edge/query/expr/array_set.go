package expr

import (
	"slices"

	"tarn/store/column"
)

// sortedPlaces is the distinct elements of a list, in order, each by its first
// place. It is loaded anew for every row and keeps its memory.
type sortedPlaces struct {
	items  *column.Vector
	places []int32
}

func (s *sortedPlaces) load(l lists, i int) {
	s.items, s.places = l.items, s.places[:0]
	from, to := l.at(i)
	for at := from; at < to; at++ {
		s.places = append(s.places, int32(at))
	}
	slices.SortStableFunc(s.places, func(a, b int32) int { return compareRows(s.items, int(a), s.items, int(b)) })
	s.places = slices.CompactFunc(s.places, func(a, b int32) bool { return compareRows(s.items, int(a), s.items, int(b)) == 0 })
}

// has says whether row i of another vector is among the elements.
func (s *sortedPlaces) has(v *column.Vector, i int) bool {
	_, ok := slices.BinarySearchFunc(s.places, i, func(at int32, i int) int { return compareRows(s.items, int(at), v, i) })
	return ok
}

// keep drops the elements for which keep is false.
func (s *sortedPlaces) keep(keep func(at int) bool) {
	s.places = slices.DeleteFunc(s.places, func(at int32) bool { return !keep(int(at)) })
}

// distinctListKernel is the distinct elements in order, a null first.
func distinctListKernel(list column.Type) kernel {
	return strictListRows(list, func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		var set sortedPlaces
		return func(items *column.Vector, i int) error {
			set.load(l, i)
			items.Gather(l.items, set.places)
			return nil
		}
	})
}

// setKernel combines the distinct elements of two lists.
func setKernel(list column.Type, combine func(items *column.Vector, l, r *sortedPlaces)) kernel {
	return strictListRows(list, func(_ *Context, args []operand) func(*column.Vector, int) error {
		left, right := listsOf(args[0]), listsOf(args[1])
		var l, r sortedPlaces
		return func(items *column.Vector, i int) error {
			l.load(left, i)
			r.load(right, i)
			combine(items, &l, &r)
			return nil
		}
	})
}

// unionKernel is the elements of the first list in order, then those that only
// the second has in order.
func unionKernel(list column.Type) kernel {
	return setKernel(list, func(items *column.Vector, l, r *sortedPlaces) {
		r.keep(func(at int) bool { return !l.has(r.items, at) })
		items.Gather(l.items, l.places)
		items.Gather(r.items, r.places)
	})
}

// intersectKernel is the elements that both lists have, in order.
func intersectKernel(list column.Type) kernel {
	return setKernel(list, func(items *column.Vector, l, r *sortedPlaces) {
		l.keep(func(at int) bool { return r.has(l.items, at) })
		items.Gather(l.items, l.places)
	})
}

// exceptKernel is the elements that only the first list has, as they stand
// there.
func exceptKernel(list column.Type) kernel {
	return setKernel(list, func(items *column.Vector, l, r *sortedPlaces) {
		l.keep(func(at int) bool { return !r.has(l.items, at) })
		slices.Sort(l.places)
		items.Gather(l.items, l.places)
	})
}
