package expr

import (
	"strings"

	"tarn/store/column"
)

// smallSet is the size up to which a list is searched value by value; a map
// lookup costs about as much as eight comparisons.
const smallSet = 8

// In is X [NOT] IN (list). Operands and items have one type.
type In struct {
	X    Expr
	List []Expr
	Not  bool

	equal kernel
	set   *valueSet // nil unless all items are literals
	o     origin
}

// NewIn returns e [NOT] IN (list).
func NewIn(e Expr, list []Expr, not bool) (Expr, error) {
	items := make([]Expr, len(list))
	unified := true
	for i, item := range list {
		x, y, err := comparable2(Eq, e, item)
		if err != nil {
			return nil, err
		}
		if x != e {
			unified = false
		}
		items[i] = y
	}
	if !unified {
		_, all, err := coerceAll(append([]Expr{e}, list...))
		if err != nil {
			return nil, err
		}
		e, items = all[0], all[1:]
	}
	for i, item := range items { // literals beside an unsigned column may have kept their sign
		if e.Type().IsInteger() && item.Type().IsInteger() && item.Type().Kind != e.Type().Kind {
			return inByOr(e, items, not)
		}
		items[i] = item
	}
	n := newIn(e, items, not)
	if n.equal == nil {
		return nil, planError("Cannot compare values of type %s", e.Type())
	}
	return n, nil
}

func newIn(e Expr, items []Expr, not bool) *In {
	n := &In{X: e, List: items, Not: not, equal: compareKernel(Eq, e.Type(), e.Type())}
	n.set = newValueSet(e.Type(), items)
	n.o = originOfAll(n.Children())
	return n
}

// inByOr is the general form: a chain of comparisons.
func inByOr(e Expr, items []Expr, not bool) (Expr, error) {
	var out Expr = NewLiteral(Boolean(false))
	for _, item := range items {
		eq, err := NewBinary(Eq, e, item)
		if err != nil {
			return nil, err
		}
		if out, err = NewBinary(Or, out, eq); err != nil {
			return nil, err
		}
	}
	if not {
		return NewUnary(Not, out)
	}
	return out, nil
}

// NewBetween returns e [NOT] BETWEEN low AND high, as two comparisons.
func NewBetween(e, low, high Expr, not bool) (Expr, error) {
	lower, err := NewBinary(Ge, e, low)
	if err != nil {
		return nil, err
	}
	upper, err := NewBinary(Le, e, high)
	if err != nil {
		return nil, err
	}
	both, err := NewBinary(And, lower, upper)
	if err != nil || !not {
		return both, err
	}
	return NewUnary(Not, both)
}

// Type is Bool.
func (e *In) Type() column.Type { return column.Of(column.Bool) }

// Children are the operand and the items.
func (e *In) Children() []Expr { return append([]Expr{e.X}, e.List...) }

// WithChildren is the test with another operand and other items.
func (e *In) WithChildren(c []Expr) Expr { return newIn(c[0], c[1:], e.Not) }

// String is the SQL text.
func (e *In) String() string {
	items := make([]string, len(e.List))
	for i, x := range e.List {
		items[i] = x.String()
	}
	not := ""
	if e.Not {
		not = "NOT "
	}
	return operandText(e.X) + " " + not + "IN ([" + strings.Join(items, ", ") + "])"
}

func (e *In) origin() origin { return e.o }

// Eval tests the operand's values.
func (e *In) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *In) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	x, err := ctx.operandOf(e.X, b)
	if err != nil {
		return nil, err
	}
	x = ctx.spread(x, b.Len)
	out := ctx.vector(column.Of(column.Bool), b.Len)
	var unknown column.Bitmap // rows where an item is null
	if e.set != nil {
		e.set.find(ctx, x, out.Bools)
		if e.set.null {
			unknown.SetRange(0, b.Len)
		}
	} else {
		fill(out.Bools, false)
		for _, item := range e.List {
			y, err := ctx.operandOf(item, b)
			if err != nil {
				return nil, err
			}
			v, err := e.equal(ctx, []operand{x, y}, b.Len)
			if err != nil {
				return nil, err
			}
			for i, found := range v.Bools[:b.Len] {
				if v.Nulls.Get(i) {
					unknown.Set(i)
				} else if found {
					out.Bools[i] = true
				}
			}
		}
	}
	if len(e.List) > 0 {
		orNulls(out, x)
	}
	for i, found := range out.Bools {
		if !found && unknown.Get(i) {
			out.Nulls.Set(i)
		}
		out.Bools[i] = found != e.Not
	}
	return out, nil
}

// valueSet is the literals of a list.
type valueSet struct {
	null    bool // the list has a null
	ints    set[int64]
	uints   set[uint64]
	floats  set[float64]
	nan     bool // maps do not find NaN
	bools   [2]bool
	strings set[string]
}

// set finds values: by comparison when there are few.
type set[T comparable] struct {
	few  []T
	many map[T]struct{}
}

func (s *set[T]) add(v T) {
	s.few = append(s.few, v)
	if len(s.few) <= smallSet {
		return
	}
	if s.many == nil {
		s.many = make(map[T]struct{})
		for _, v := range s.few {
			s.many[v] = struct{}{}
		}
	}
	s.many[v] = struct{}{}
}

func (s *set[T]) find(in []T, out []bool) {
	if s.many != nil {
		for i := range out {
			_, out[i] = s.many[in[i]]
		}
		return
	}
	for i := range out {
		v, found := in[i], false
		for _, f := range s.few {
			if f == v {
				found = true
				break
			}
		}
		out[i] = found
	}
}

// newValueSet returns nil when an item is no literal or the type has no set.
func newValueSet(t column.Type, items []Expr) *valueSet {
	s := &valueSet{}
	for _, item := range items {
		lit, ok := item.(*Literal)
		if !ok {
			return nil
		}
		v := lit.Value
		if v.Null || v.Type.Kind == column.Null {
			s.null = true
			continue
		}
		switch t.Kind {
		case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
			s.ints.add(v.I)
		case column.Uint64:
			s.uints.add(v.U)
		case column.Float64:
			s.nan = s.nan || v.F != v.F
			s.floats.add(v.F)
		case column.Bool:
			s.bools[boolIndex(v.B)] = true
		case column.String, column.Dict:
			s.strings.add(v.S)
		default:
			return nil
		}
	}
	return s
}

func (s *valueSet) find(ctx *Context, x operand, out []bool) {
	switch x.v.Type.Kind {
	case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
		s.ints.find(x.v.Ints, out)
	case column.Uint64:
		s.uints.find(x.v.Uints, out)
	case column.Float64:
		s.floats.find(x.v.Floats, out)
		if s.nan {
			for i, v := range x.v.Floats[:len(out)] {
				out[i] = out[i] || v != v
			}
		}
	case column.Bool:
		for i, v := range x.v.Bools[:len(out)] {
			out[i] = s.bools[boolIndex(v)]
		}
	case column.String, column.Dict:
		s.strings.find(ctx.texts(x), out)
	default:
		fill(out, false)
	}
}
