package expr

import (
	"tarn/store/column"
)

// Expr is a bound, typed expression. It is immutable and safe for concurrent
// Eval with a Context each.
type Expr interface {
	// Type is the type of the values.
	Type() column.Type
	// Eval returns one value per row of b. The result may alias a column of b
	// or memory of ctx and must not be modified; it is valid until ctx.Reset or
	// the next batch. Its kind is that of Type; only columns give Dict vectors.
	Eval(ctx *Context, b *column.Batch) (*column.Vector, error)
	// String is the canonical text, as in EXPLAIN.
	String() string
	// Children are the operands.
	Children() []Expr
	// WithChildren is the same operation on other operands, which must have
	// the types of those they replace, in the same number.
	WithChildren(children []Expr) Expr
}

// Column is an input column by position.
type Column struct {
	// Index is the position in the batch.
	Index int
	// Name is the canonical name, qualified as the binder wants it shown.
	Name string
	// T is the type of the column.
	T column.Type
}

// NewColumn returns the expression of an input column.
func NewColumn(index int, name string, t column.Type) *Column {
	return &Column{Index: index, Name: name, T: t}
}

// Type is the type of the column.
func (c *Column) Type() column.Type { return c.T }

// Eval returns the column of the batch itself.
func (c *Column) Eval(_ *Context, b *column.Batch) (*column.Vector, error) {
	return b.Cols[c.Index], nil
}

// String is the name.
func (c *Column) String() string { return c.Name }

// Children is empty.
func (c *Column) Children() []Expr { return nil }

// WithChildren returns the column itself.
func (c *Column) WithChildren([]Expr) Expr { return c }

// Literal is a constant.
type Literal struct{ Value Value }

// NewLiteral returns the expression of a constant.
func NewLiteral(v Value) *Literal { return &Literal{v} }

// Type is the type of the value.
func (l *Literal) Type() column.Type { return l.Value.Type }

// Eval repeats the value. Kernels do not come here: they take literals as
// scalars.
func (l *Literal) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return ctx.repeat(l.Value, b.Len), nil
}

// String is the typed text, as in Int64(1).
func (l *Literal) String() string { return l.Value.Canonical() }

// Children is empty.
func (l *Literal) Children() []Expr { return nil }

// WithChildren returns the literal itself.
func (l *Literal) WithChildren([]Expr) Expr { return l }

// Walk calls f for e and everything below it, parents first; f returns false
// to skip what is below.
func Walk(e Expr, f func(Expr) bool) {
	if !f(e) {
		return
	}
	for _, c := range e.Children() {
		Walk(c, f)
	}
}

// Transform rebuilds e bottom up: f is called with each node, its children
// already transformed, and returns its replacement of the same type (or the
// node itself).
func Transform(e Expr, f func(Expr) (Expr, error)) (Expr, error) {
	children := e.Children()
	var changed []Expr
	for i, c := range children {
		n, err := Transform(c, f)
		if err != nil {
			return nil, err
		}
		if n != c && changed == nil {
			changed = append([]Expr(nil), children...)
		}
		if changed != nil {
			changed[i] = n
		}
	}
	if changed != nil {
		e = e.WithChildren(changed)
	}
	return f(e)
}

// Columns returns the positions of the input columns that e reads, each once,
// in the order in which they occur.
func Columns(e Expr) []int {
	var out []int
	seen := map[int]bool{}
	Walk(e, func(n Expr) bool {
		if c, ok := n.(*Column); ok && !seen[c.Index] {
			seen[c.Index] = true
			out = append(out, c.Index)
		}
		return true
	})
	return out
}

// Remap returns e with the position of every column replaced by to(position).
func Remap(e Expr, to func(int) int) Expr {
	e, err := Transform(e, func(n Expr) (Expr, error) {
		if c, ok := n.(*Column); ok {
			if at := to(c.Index); at != c.Index {
				return NewColumn(at, c.Name, c.T), nil
			}
		}
		return n, nil
	})
	if err != nil {
		panic("BUG: remapping columns failed: " + err.Error())
	}
	return e
}

// Equal says whether two expressions compute the same, as far as their form
// tells. Volatile expressions are equal to nothing.
func Equal(a, b Expr) bool {
	if a == b {
		return !Volatile(a)
	}
	if x, ok := a.(*Column); ok {
		y, ok := b.(*Column)
		return ok && x.Index == y.Index && x.Name == y.Name && x.T.Equal(y.T)
	}
	if _, ok := b.(*Column); ok {
		return false
	}
	return a.Type().Equal(b.Type()) && !Volatile(a) && !Volatile(b) && key(a) == key(b)
}

// key is the canonical text with the column positions, which tell apart
// columns of one name.
func key(e Expr) string {
	s := e.String()
	Walk(e, func(n Expr) bool {
		switch n := n.(type) {
		case *Column:
			s += "#" + itoa(n.Index)
		case *Cast:
			s += "->" + n.target.String()
		}
		return true
	})
	return s
}

// Volatile says whether e can have another value for the same input, like
// random().
func Volatile(e Expr) bool { return originOf(e).volatile }

// Constant says whether e has one value for all rows of a query.
func Constant(e Expr) bool {
	o := originOf(e)
	return o.col == nil && !o.mixed && !o.volatile
}

// origin summarises what an expression depends on.
type origin struct {
	// col is the one input column, nil when there is none or many.
	col *Column
	// mixed is true when there are several input columns.
	mixed bool
	// volatile is true when a volatile function is below.
	volatile bool
}

func originOf(e Expr) origin {
	switch e := e.(type) {
	case *Column:
		return origin{col: e}
	case *Literal:
		return origin{}
	case interface{ origin() origin }:
		return e.origin()
	}
	return originOfAll(e.Children())
}

func originOfAll(children []Expr) origin {
	var o origin
	for _, c := range children {
		p := originOf(c)
		o.volatile = o.volatile || p.volatile
		o.mixed = o.mixed || p.mixed || o.col != nil && p.col != nil && o.col.Index != p.col.Index
		if o.col == nil {
			o.col = p.col
		}
	}
	if o.mixed {
		o.col = nil
	}
	return o
}
