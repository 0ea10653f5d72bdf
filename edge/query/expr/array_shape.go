package expr

import (
	"math"

	"tarn/store/column"
)

// lengthKernel is array_length(list [, dimension]): the length of the list, or
// of the first list in it and so on; null when there is no such dimension.
func lengthKernel(column.Type) kernel {
	return strictRows(column.Of(column.Uint64), func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(out *column.Vector, i int) error {
			dimension := int64(1)
			if len(args) == 2 {
				dimension = args[1].v.Ints[i*args[1].step]
			}
			from, to := l.at(i)
			n, ok := lengthAt(l.items, from, to, dimension)
			if !ok {
				out.Nulls.Set(i)
			}
			out.Uints[i] = n
			return nil
		}
	})
}

func lengthAt(items *column.Vector, from, to int, dimension int64) (uint64, bool) {
	if dimension == 1 {
		return uint64(to - from), true
	}
	if dimension < 1 || from == to || items.Type.Kind != column.List || items.IsNull(from) {
		return 0, false
	}
	return lengthAt(items.Children[0], int(items.Offsets[from]), int(items.Offsets[from+1]), dimension-1)
}

// dimensionsKernel is how deep the lists are nested.
func dimensionsKernel(list column.Type) kernel {
	depth := uint64(0)
	for t := list; t.Kind == column.List; t = t.Nested.Types[0] {
		depth++
	}
	return strict(column.Of(column.Uint64), func(_ *Context, _ []operand, out *column.Vector) error {
		fill(out.Uints, depth)
		return nil
	})
}

// dimsKernel is the lengths of the list, of the first list in it, and so on.
func dimsKernel(list column.Type) kernel {
	return strictListRows(uintList(list), func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(items *column.Vector, i int) error {
			from, to := l.at(i)
			for dimension := int64(1); ; dimension++ {
				n, ok := lengthAt(l.items, from, to, dimension)
				if !ok {
					return nil
				}
				items.Uints = append(items.Uints, n)
				items.Len++
			}
		}
	})
}

func emptyKernel(column.Type) kernel {
	return strictRows(column.Of(column.Bool), func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(out *column.Vector, i int) error {
			from, to := l.at(i)
			out.Bools[i] = from == to
			return nil
		}
	})
}

// cardinalityKernel counts the elements of all nested lists.
func cardinalityKernel(column.Type) kernel {
	return strictRows(column.Of(column.Uint64), func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(out *column.Vector, i int) error {
			from, to := l.at(i)
			out.Uints[i] = leaves(l.items, from, to)
			return nil
		}
	})
}

func leaves(items *column.Vector, from, to int) uint64 {
	if items.Type.Kind != column.List {
		return uint64(to - from)
	}
	n := uint64(0)
	for k := from; k < to; k++ {
		if !items.IsNull(k) {
			n += leaves(items.Children[0], int(items.Offsets[k]), int(items.Offsets[k+1]))
		}
	}
	return n
}

// flatList is the list of what is not a list any more.
func flatList(list column.Type) column.Type {
	for list.Nested.Types[0].Kind == column.List && !IsMap(list.Nested.Types[0]) {
		list = list.Nested.Types[0]
	}
	return list
}

// flattenKernel takes out the elements of nested lists; null lists have none.
func flattenKernel(list column.Type) kernel {
	flat := flatList(list)
	return strictListRows(flat, func(_ *Context, args []operand) func(*column.Vector, int) error {
		l := listsOf(args[0])
		return func(items *column.Vector, i int) error {
			from, to := l.at(i)
			appendLeaves(items, l.items, from, to)
			return nil
		}
	})
}

func appendLeaves(items, src *column.Vector, from, to int) {
	if src.Type.Kind != column.List || items.Type.Equal(src.Type) {
		items.AppendFrom(src, from, to)
		return
	}
	for k := from; k < to; k++ {
		if !src.IsNull(k) {
			appendLeaves(items, src.Children[0], int(src.Offsets[k]), int(src.Offsets[k+1]))
		}
	}
}

// bindArrayDistance is the Euclidean distance of two lists of numbers; null
// when an element is.
func bindArrayDistance(name string, args []Expr) (Expr, error) {
	floats := column.ListOf(column.Of(column.Float64))
	out := make([]Expr, len(args))
	for i, a := range args {
		t := a.Type()
		if t.Kind != column.Null && (t.Kind != column.List || !t.Nested.Types[0].IsNumeric() && t.Nested.Types[0].Kind != column.Null) {
			return nil, signatureError(name, args)
		}
		var err error
		if out[i], err = implicitCast(a, floats); err != nil {
			return nil, err
		}
	}
	return newNode(name, out, column.Of(column.Float64), strictRows(column.Of(column.Float64), func(_ *Context, args []operand) func(*column.Vector, int) error {
		l, r := listsOf(args[0]), listsOf(args[1])
		return func(out *column.Vector, i int) error {
			a, to := l.at(i)
			b, end := r.at(i)
			if to-a != end-b {
				return executionError("array_distance: both lists must have the same length, got %d and %d", to-a, end-b)
			}
			sum := 0.0
			for ; a < to; a, b = a+1, b+1 {
				if l.items.IsNull(a) || r.items.IsNull(b) {
					out.Nulls.Set(i)
					return nil
				}
				d := l.items.Floats[a] - r.items.Floats[b]
				sum += float64(d * d)
			}
			out.Floats[i] = math.Sqrt(sum)
			return nil
		}
	})), nil
}
