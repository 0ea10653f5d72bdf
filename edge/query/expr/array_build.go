package expr

import (
	"tarn/store/column"
)

// bindMakeArray makes a list of its arguments, nulls included.
func bindMakeArray(name string, args []Expr) (Expr, error) {
	elem, args, err := coerceAll(args)
	if err != nil {
		return nil, err
	}
	t := column.ListOf(textAsString(elem))
	return newNode(name, args, t, listRows(t, func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
		return func(items *column.Vector, i int) (bool, error) {
			for _, a := range args {
				append1(items, a.v, i*a.step)
			}
			return true, nil
		}
	})), nil
}

// appendKernel adds an element behind or before a list. A null list counts as
// an empty one and the element may be null.
func appendKernel(before bool) func(column.Type) kernel {
	return func(list column.Type) kernel {
		return listRows(list, func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
			x, e := args[0], args[1]
			if before {
				x, e = e, x
			}
			l := listsOf(x)
			return func(items *column.Vector, i int) (bool, error) {
				if before {
					append1(items, e.v, i*e.step)
				}
				if !x.null(i) {
					from, to := l.at(i)
					items.AppendFrom(l.items, from, to)
				}
				if !before {
					append1(items, e.v, i*e.step)
				}
				return true, nil
			}
		})
	}
}

// bindArrayConcat joins lists; nulls are left out unless all are null.
func bindArrayConcat(name string, args []Expr) (Expr, error) {
	letters := make([]byte, len(args))
	for i := range letters {
		letters[i] = 'L'
	}
	t, args, err := arrayArgs(name, string(letters), args)
	if err != nil {
		return nil, err
	}
	return newNode(name, args, t, listRows(t, func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
		return func(items *column.Vector, i int) (bool, error) {
			some := false
			for _, a := range args {
				if a.null(i) {
					continue
				}
				some = true
				l := listsOf(a)
				from, to := l.at(i)
				items.AppendFrom(l.items, from, to)
			}
			return some, nil
		}
	})), nil
}

// bindArrayRepeat is a list of an element, null or not, a number of times.
func bindArrayRepeat(name string, args []Expr) (Expr, error) {
	count, err := convertArgs(name, args[1:], []column.Kind{column.Int64})
	if err != nil {
		return nil, err
	}
	t := column.ListOf(textAsString(args[0].Type()))
	return newNode(name, []Expr{asText(args[0]), count[0]}, t, listRows(t, func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
		e, count := args[0], args[1]
		return func(items *column.Vector, i int) (bool, error) {
			if count.null(i) {
				return false, nil
			}
			n := count.v.Ints[i*count.step]
			if n > maxElements {
				return false, tooManyElements(name)
			}
			// A list in a list counts with all its elements.
			nested := len(items.Children) > 0
			for range n {
				append1(items, e.v, i*e.step)
				if nested && elements(items) > maxBatchElements {
					return false, tooManyElements(name)
				}
			}
			return true, nil
		}
	})), nil
}

func tooManyElements(name string) error {
	return executionError("%s: the list would have more than %d elements", name, maxElements)
}

// resizeKernel is array_resize(list, size [, value]): a list cut down to a
// size, or filled up to it with the value or nulls.
func resizeKernel(list column.Type) kernel {
	return listRows(list, func(_ *Context, args []operand) func(*column.Vector, int) (bool, error) {
		l, size := listsOf(args[0]), args[1]
		return func(items *column.Vector, i int) (bool, error) {
			if args[0].null(i) || size.null(i) {
				return false, nil
			}
			n := size.v.Ints[i*size.step]
			switch {
			case n < 0:
				return false, executionError("array_resize: the size must not be negative, got %d", n)
			case n > maxElements:
				return false, tooManyElements("array_resize")
			}
			from, to := l.at(i)
			kept := min(int(n), to-from)
			items.AppendFrom(l.items, from, from+kept)
			nested := len(items.Children) > 0
			for range int(n) - kept {
				if nested && elements(items) > maxBatchElements {
					return false, tooManyElements("array_resize")
				}
				if len(args) == 3 {
					append1(items, args[2].v, i*args[2].step)
				} else {
					items.AppendNull(1)
				}
			}
			return true, nil
		}
	})
}
