package expr

import (
	"tarn/store/column"
)

// find is the first place in [at, to) that has the value of row i of an
// operand; to when there is none.
func (l lists) find(e operand, i, at, to int) int {
	for ; at < to; at++ {
		if compareRows(l.items, at, e.v, i*e.step) == 0 {
			break
		}
	}
	return at
}

// hasKernel is array_has(list, element); null when the element is.
func hasKernel(column.Type) kernel {
	return strictRows(column.Of(column.Bool), func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(out *column.Vector, i int) error {
			from, to := l.at(i)
			out.Bools[i] = l.find(args[1], i, from, to) < to
			return nil
		}
	})
}

// hasManyKernel says whether the first list has all, or any, of the second's
// elements.
func hasManyKernel(all bool) func(column.Type) kernel {
	return func(column.Type) kernel {
		return strictRows(column.Of(column.Bool), func(_ *Context, args []operand) func(*column.Vector, int) error {
			l, r := listsOf(args[0]), listsOf(args[1])
			var have sortedPlaces
			return func(out *column.Vector, i int) error {
				have.load(l, i)
				out.Bools[i] = all
				for at, to := r.at(i); at < to; at++ {
					if have.has(r.items, at) != all {
						out.Bools[i] = !all
						break
					}
				}
				return nil
			}
		})
	}
}

// positionKernel is array_position(list, element [, start]): the first place
// of an element, null included, from a start on; null when there is none.
func positionKernel(column.Type) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.vector(column.Of(column.Uint64), n)
		l := listsOf(args[0])
		for i := range n {
			if args[0].null(i) || len(args) == 3 && args[2].null(i) {
				out.Nulls.Set(i)
				continue
			}
			from, to := l.at(i)
			start := int64(1)
			if len(args) == 3 {
				start = args[2].v.Ints[i*args[2].step]
			}
			if start < 1 {
				return nil, executionError("array_position: the start position must be at least 1, got %d", start)
			}
			at := l.find(args[1], i, from+int(min(start-1, int64(to-from))), to)
			if at == to {
				out.Nulls.Set(i)
				continue
			}
			out.Uints[i] = uint64(at - from + 1)
		}
		return out, nil
	}
}

// positionsKernel is the list of all places of an element, null included.
func positionsKernel(list column.Type) kernel {
	return listRows(uintList(list), func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
		l := listsOf(args[0])
		return func(items *column.Vector, i int) (bool, error) {
			if args[0].null(i) {
				return false, nil
			}
			from, to := l.at(i)
			for at := l.find(args[1], i, from, to); at < to; at = l.find(args[1], i, at+1, to) {
				items.Uints = append(items.Uints, uint64(at-from+1))
				items.Len++
			}
			return true, nil
		}
	})
}

// removeKernel drops the first n elements equal to a value, or when n is 0 as
// many as the third argument says.
func removeKernel(n int64) func(column.Type) kernel {
	return func(list column.Type) kernel {
		return strictListRows(list, func(_ *Context, args []operand) func(*column.Vector, int) error {
			l := listsOf(args[0])
			return func(items *column.Vector, i int) error {
				left := n
				if n == 0 {
					left = args[2].v.Ints[i*args[2].step]
				}
				at, to := l.at(i)
				for at < to {
					next := to
					if left > 0 {
						next = l.find(args[1], i, at, to)
					}
					items.AppendFrom(l.items, at, next)
					at = next + 1
					left--
				}
				return nil
			}
		})
	}
}

// replaceElements puts a value in the place of the first n elements equal to
// another, null included; when n is 0 the fourth argument says how many.
func replaceElements(n int64) func(column.Type) kernel {
	return func(list column.Type) kernel {
		return listRows(list, func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
			l, with := listsOf(args[0]), args[2]
			return func(items *column.Vector, i int) (bool, error) {
				if args[0].null(i) || len(args) == 4 && args[3].null(i) {
					return false, nil
				}
				left := n
				if n == 0 {
					left = args[3].v.Ints[i*args[3].step]
				}
				at, to := l.at(i)
				for at < to {
					next := to
					if left > 0 {
						next = l.find(args[1], i, at, to)
					}
					items.AppendFrom(l.items, at, next)
					if next < to {
						append1(items, with.v, i*with.step)
					}
					at = next + 1
					left--
				}
				return true, nil
			}
		})
	}
}
