package expr

import (
	"strings"

	"tarn/store/column"
)

// maxElements bounds the list that one row of a query may build, and
// maxBatchElements those of all rows of a batch: a slip in a step must not take
// the memory of the device. Two million elements are a year in steps of
// fifteen seconds, and take 16 MB.
const (
	maxElements      = 2 << 20
	maxBatchElements = 4 << 20
)

// arrayFunctions are those of spec/sql.md section 9.7 over lists. Every
// array_x is also a list_x. Positions count from 1. Unless said otherwise a
// null argument gives null, and elements are the same when they are not
// distinct: a null is found among nulls.
func arrayFunctions() map[string]function {
	m := map[string]function{
		"make_array":      {0, -1, bindMakeArray},
		"array_append":    arrayOf("LE", 2, sameList, appendKernel(false)),
		"array_prepend":   arrayOf("EL", 2, sameList, appendKernel(true)),
		"array_concat":    {1, -1, bindArrayConcat},
		"array_repeat":    {2, 2, bindArrayRepeat},
		"array_resize":    arrayOf("LIE", 2, sameList, resizeKernel),
		"array_element":   {2, 2, func(_ string, args []Expr) (Expr, error) { return NewElement(args[0], args[1]) }},
		"array_any_value": arrayOf("L", 1, element, anyValueKernel),
		"array_max":       arrayOf("L", 1, element, extremeElement(1)),
		"array_min":       arrayOf("L", 1, element, extremeElement(-1)),
		"array_slice":     arrayOf("LIII", 3, sameList, sliceKernel),
		"array_pop_back":  arrayOf("L", 1, sameList, cutListKernel(0, 1)),
		"array_pop_front": arrayOf("L", 1, sameList, cutListKernel(1, 0)),
		"array_reverse":   arrayOf("L", 1, sameList, reverseListKernel),
		"array_sort":      arrayOf("LSS", 1, sameList, sortListKernel),

		"array_length":    arrayOf("LI", 1, always(column.Uint64), lengthKernel),
		"array_ndims":     arrayOf("L", 1, always(column.Uint64), dimensionsKernel),
		"array_dims":      arrayOf("L", 1, uintList, dimsKernel),
		"array_empty":     arrayOf("L", 1, always(column.Bool), emptyKernel),
		"cardinality":     arrayOf("L", 1, always(column.Uint64), cardinalityKernel),
		"array_flatten":   arrayOf("L", 1, flatList, flattenKernel),
		"array_distance":  {2, 2, bindArrayDistance},
		"array_to_string": arrayOf("LSS", 2, always(column.String), joinKernel),

		"array_has":         arrayOf("LE", 2, always(column.Bool), hasKernel),
		"array_has_all":     arrayOf("LL", 2, always(column.Bool), hasManyKernel(true)),
		"array_has_any":     arrayOf("LL", 2, always(column.Bool), hasManyKernel(false)),
		"array_position":    arrayOf("LEI", 2, always(column.Uint64), positionKernel),
		"array_positions":   arrayOf("LE", 2, uintList, positionsKernel),
		"array_remove":      arrayOf("LE", 2, sameList, removeKernel(1)),
		"array_remove_n":    arrayOf("LEI", 3, sameList, removeKernel(0)),
		"array_remove_all":  arrayOf("LE", 2, sameList, removeKernel(maxElements)),
		"array_replace":     arrayOf("LEE", 3, sameList, replaceElements(1)),
		"array_replace_n":   arrayOf("LEEI", 4, sameList, replaceElements(0)),
		"array_replace_all": arrayOf("LEE", 3, sameList, replaceElements(maxElements)),

		"array_distinct":  arrayOf("L", 1, sameList, distinctListKernel),
		"array_union":     arrayOf("LL", 2, sameList, unionKernel),
		"array_intersect": arrayOf("LL", 2, sameList, intersectKernel),
		"array_except":    arrayOf("LL", 2, sameList, exceptKernel),

		"string_to_array": {2, 3, bindSplit},
		"generate_series": {1, 3, bindSeries(true)},
		"range":           {1, 3, bindSeries(false)},
	}
	alias(m, "make_array", "make_list")
	alias(m, "array_append", "array_push_back")
	alias(m, "array_prepend", "array_push_front")
	alias(m, "array_concat", "array_cat")
	alias(m, "array_element", "array_extract")
	alias(m, "array_has", "array_contains")
	alias(m, "array_has_any", "arrays_overlap")
	alias(m, "array_position", "array_indexof")
	alias(m, "array_to_string", "array_join")
	alias(m, "string_to_array", "string_to_list")
	alias(m, "array_empty", "empty")
	alias(m, "array_flatten", "flatten")
	for name := range m {
		if rest, ok := strings.CutPrefix(name, "array_"); ok {
			alias(m, name, "list_"+rest)
		}
	}
	return m
}

// arrayOf describes a function of lists, their elements, integers and texts,
// in the order of the letters L, E, I and S; the first required ones must be
// there. Lists and elements are converted to one type of element, which the
// result and the kernel are made for.
func arrayOf(letters string, required int, result func(list column.Type) column.Type, run func(list column.Type) kernel) function {
	return function{required, len(letters), func(name string, args []Expr) (Expr, error) {
		list, args, err := arrayArgs(name, letters, args)
		if err != nil {
			return nil, err
		}
		return newNode(name, args, result(list), run(list)), nil
	}}
}

// arrayArgs finds the common type of lists and elements and converts all
// arguments.
func arrayArgs(name, letters string, args []Expr) (column.Type, []Expr, error) {
	elem := column.Of(column.Null)
	for i, a := range args {
		t := a.Type()
		var err error
		switch letters[i] {
		case 'L':
			if t.Kind == column.Null {
				continue
			}
			if t.Kind != column.List {
				return elem, nil, signatureError(name, args)
			}
			elem, err = Coerce(elem, textAsString(t.Nested.Types[0]))
		case 'E':
			elem, err = Coerce(elem, textAsString(t))
		}
		if err != nil {
			return elem, nil, signatureError(name, args)
		}
	}
	list := column.ListOf(elem)
	out := make([]Expr, len(args))
	for i, a := range args {
		t := a.Type()
		to := list
		switch letters[i] {
		case 'L':
			if IsMap(t) && t.Nested.Types[0].Equal(elem) {
				out[i] = a // the functions of lists take a map's entries
				continue
			}
		case 'E':
			to = elem
		case 'I':
			to = column.Of(column.Int64)
			if !t.IsInteger() && t.Kind != column.Null {
				return elem, nil, signatureError(name, args)
			}
		case 'S':
			to = column.Of(column.String)
			if !t.IsText() && t.Kind != column.Null {
				return elem, nil, signatureError(name, args)
			}
		}
		var err error
		if out[i], err = implicitCast(a, to); err != nil {
			return elem, nil, err
		}
	}
	return list, out, nil
}

// The types of results.

func sameList(list column.Type) column.Type { return list }

func element(list column.Type) column.Type { return list.Nested.Types[0] }

func uintList(column.Type) column.Type { return column.ListOf(column.Of(column.Uint64)) }

func always(k column.Kind) func(column.Type) column.Type {
	return func(column.Type) column.Type { return column.Of(k) }
}

// lists reads the lists of an operand by row.
type lists struct {
	v     *column.Vector
	items *column.Vector
	step  int
}

func listsOf(o operand) lists {
	if o.v.Type.Kind != column.List {
		return lists{v: o.v, step: o.step} // all null
	}
	return lists{o.v, o.v.Children[0], o.step}
}

// at is the range of row i in items.
func (l lists) at(i int) (from, to int) {
	i *= l.step
	return int(l.v.Offsets[i]), int(l.v.Offsets[i+1])
}

// listRows returns a kernel whose results are lists: row appends the elements
// of row i, or reports false and appends none for null.
func listRows(t column.Type, f func(ctx *Context, args []operand) func(items *column.Vector, i int) (bool, error)) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.empty(t)
		row := f(ctx, args)
		items := out.Children[0]
		charged := 0
		for i := range n {
			ok, err := row(items, i)
			if err != nil {
				return nil, err
			}
			if !ok {
				out.AppendNull(1)
				continue
			}
			have := elements(items)
			if have > maxBatchElements {
				return nil, executionError("the lists of %d rows have more than %d elements", i+1, maxBatchElements)
			}
			if err := ctx.charge((have - charged) * elementBytes); err != nil {
				return nil, err
			}
			charged = have
			out.Offsets = append(out.Offsets, int32(items.Len))
			out.Len++
		}
		return out, nil
	}
}

// strictListRows is listRows with null where an argument is null.
func strictListRows(t column.Type, f func(ctx *Context, args []operand) func(items *column.Vector, i int) error) kernel {
	return listRows(t, func(ctx *Context, args []operand) func(*column.Vector, int) (bool, error) {
		for _, a := range args {
			if a.allNull() {
				return func(*column.Vector, int) (bool, error) { return false, nil }
			}
		}
		row := f(ctx, args)
		return func(items *column.Vector, i int) (bool, error) {
			for _, a := range args {
				if a.null(i) {
					return false, nil
				}
			}
			return true, row(items, i)
		}
	})
}

// pickRows returns a kernel whose results are elements of the first argument:
// pick gives the place of row i's, or a negative number for null.
func pickRows(t column.Type, pick func(l lists, i int) int) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out := ctx.empty(t)
		l := listsOf(args[0])
		for i := range n {
			if args[0].null(i) {
				out.AppendNull(1)
			} else if at := pick(l, i); at < 0 {
				out.AppendNull(1)
			} else {
				out.AppendFrom(l.items, at, at+1)
			}
		}
		return out, nil
	}
}

// append1 appends element i of src.
func append1(items, src *column.Vector, i int) { items.AppendFrom(src, i, i+1) }
