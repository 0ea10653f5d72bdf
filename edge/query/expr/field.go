package expr

import (
	"slices"
	"strings"

	"tarn/store/column"
)

// Field is a child of a struct, written e['name'].
type Field struct {
	X    Expr
	Name string

	index int
	t     column.Type
}

// NewGetField returns the child of a struct by name.
func NewGetField(e Expr, name string) (Expr, error) {
	t := e.Type()
	if t.Kind != column.Struct {
		return nil, planError("The expression %s is of type %s; only a struct has the field '%s'", e, t, name)
	}
	i := slices.Index(t.Nested.Names, name)
	if i < 0 {
		return nil, planError("Field %s not found in struct; it has the fields %s", name, strings.Join(t.Nested.Names, ", "))
	}
	return &Field{X: e, Name: name, index: i, t: t.Nested.Types[i]}, nil
}

// Type is the type of the child.
func (e *Field) Type() column.Type { return e.t }

// Children is the struct.
func (e *Field) Children() []Expr { return []Expr{e.X} }

// WithChildren is the same field of another struct.
func (e *Field) WithChildren(c []Expr) Expr {
	n := *e
	n.X = c[0]
	return &n
}

// String is the struct with the name in brackets.
func (e *Field) String() string { return e.X.String() + "[" + e.Name + "]" }

// Eval returns the child; it is null where the struct is.
func (e *Field) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	v, err := e.X.Eval(ctx, b)
	if err != nil {
		return nil, err
	}
	child := v.Children[e.index]
	if !v.HasNulls() {
		return child, nil
	}
	merged := *child // the values are shared, the nulls are its own
	merged.Nulls = append(column.Bitmap(nil), child.Nulls...)
	merged.Nulls.Or(v.Nulls)
	return &merged, nil
}

// NewElement returns list[index], counted from 1 or, when negative, from the
// end; null when there is no such element.
func NewElement(list, index Expr) (Expr, error) {
	if list.Type().Kind == column.Null {
		return list, nil
	}
	if list.Type().Kind != column.List {
		return nil, planError("The expression %s is of type %s; only a list has elements", list, list.Type())
	}
	if k := index.Type(); !k.IsInteger() && k.Kind != column.Null {
		return nil, planError("The index of a list must be an integer, got %s", k)
	}
	index, err := implicitCast(index, column.Of(column.Int64))
	if err != nil {
		return nil, err
	}
	t := list.Type().Nested.Types[0]
	return newNode("array_element", []Expr{list, index}, t, elementKernel(t)), nil
}

func elementKernel(t column.Type) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l, k := ctx.spread(args[0], n).v, args[1]
		out := ctx.empty(t)
		for i := range n {
			if l.IsNull(i) || k.null(i) {
				out.AppendNull(1)
				continue
			}
			from, to := int64(l.Offsets[i]), int64(l.Offsets[i+1])
			at := k.v.Ints[i*k.step]
			switch {
			case at > 0 && at <= to-from:
				at += from - 1
			case at < 0 && -at <= to-from:
				at += to
			default:
				out.AppendNull(1)
				continue
			}
			out.AppendFrom(l.Children[0], int(at), int(at)+1)
		}
		return out, nil
	}
}
