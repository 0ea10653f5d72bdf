package expr

import (
	"slices"
	"strings"

	"tarn/store/column"
)

// anyValueKernel is the first element that is not null.
func anyValueKernel(list column.Type) kernel {
	return pickRows(element(list), func(l lists, i int) int {
		for at, to := l.at(i); at < to; at++ {
			if !l.items.IsNull(at) {
				return at
			}
		}
		return -1
	})
}

// extremeElement is the greatest element, or with sign -1 the least; nulls are
// left out.
func extremeElement(sign int) func(column.Type) kernel {
	return func(list column.Type) kernel {
		return pickRows(element(list), func(l lists, i int) int {
			best := -1
			for at, to := l.at(i); at < to; at++ {
				if !l.items.IsNull(at) && (best < 0 || sign*compareRows(l.items, at, l.items, best) > 0) {
					best = at
				}
			}
			return best
		})
	}
}

// cutListKernel drops elements at both ends.
func cutListKernel(front, back int) func(column.Type) kernel {
	return func(list column.Type) kernel {
		return strictListRows(list, func(_ *Context, args []operand) func(*column.Vector, int) error {
			l := listsOf(args[0])
			return func(items *column.Vector, i int) error {
				from, to := l.at(i)
				items.AppendFrom(l.items, from+front, to-back)
				return nil
			}
		})
	}
}

func reverseListKernel(list column.Type) kernel {
	return strictListRows(list, func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(items *column.Vector, i int) error {
			from, to := l.at(i)
			for at := to - 1; at >= from; at-- {
				append1(items, l.items, at)
			}
			return nil
		}
	})
}

// sliceKernel is array_slice(list, begin, end [, stride]), both ends included.
// Negative positions count from the end; those outside of the list mean its
// ends. A negative stride goes backward, from begin down to end.
func sliceKernel(list column.Type) kernel {
	return strictListRows(list, func(_ *Context, args []operand) func(*column.Vector, int) error {
		l, begin, end := listsOf(args[0]), intSlot(args[1]), intSlot(args[2])
		return func(items *column.Vector, i int) error {
			stride := int64(1)
			if len(args) == 4 {
				stride = args[3].v.Ints[i*args[3].step]
			}
			if stride == 0 {
				return executionError("array_slice: the stride must not be zero")
			}
			base, to := l.at(i)
			n := int64(to - base)
			position := func(p int64) int64 {
				if p < 0 {
					p += n + 1
				}
				return p
			}
			first, last := position(begin.at(i)), position(end.at(i))
			if stride > 0 {
				first, last = max(first, 1), min(last, n)
			} else {
				first, last = min(first, n), max(last, 1)
			}
			stride = min(max(stride, -n-1), n+1) // more than a step has no second element
			for p := first; stride > 0 && p <= last || stride < 0 && p >= last; p += stride {
				append1(items, l.items, base+int(p)-1)
			}
			return nil
		}
	})
}

// sortListKernel is array_sort(list [, 'ASC' or 'DESC' [, 'NULLS FIRST' or
// 'NULLS LAST']]); nulls come first when nothing is said.
func sortListKernel(list column.Type) kernel {
	return strictListRows(list, func(ctx *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		var words []slot[string]
		for _, a := range args[1:] {
			words = append(words, ctx.textSlot(a))
		}
		var order []int32
		return func(items *column.Vector, i int) error {
			sign, nulls := 1, -1
			if len(words) > 0 {
				switch w := words[0].at(i); strings.ToUpper(w) {
				case "ASC":
				case "DESC":
					sign = -1
				default:
					return executionError("the second parameter of array_sort expects DESC or ASC, got '%s'", w)
				}
			}
			if len(words) > 1 {
				switch w := words[1].at(i); strings.ToUpper(w) {
				case "NULLS FIRST":
				case "NULLS LAST":
					nulls = 1
				default:
					return executionError("the third parameter of array_sort expects NULLS FIRST or NULLS LAST, got '%s'", w)
				}
			}
			order = order[:0]
			from, to := l.at(i)
			for at := from; at < to; at++ {
				order = append(order, int32(at))
			}
			slices.SortStableFunc(order, func(a, b int32) int {
				if x, y := l.items.IsNull(int(a)), l.items.IsNull(int(b)); x || y {
					return nulls * (boolIndex(x) - boolIndex(y))
				}
				return sign * compareRows(l.items, int(a), l.items, int(b))
			})
			items.Gather(l.items, order)
			return nil
		}
	})
}
