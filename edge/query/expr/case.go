package expr

import (
	"strings"

	"tarn/store/column"
)

// Case is CASE: the value of the first branch whose condition is true. A
// branch is evaluated only for the rows that it decides.
type Case struct {
	// Whens are boolean conditions; the form with an operand has them as
	// comparisons with it.
	Whens, Thens []Expr
	// Else is nil for null.
	Else Expr

	t column.Type
	o origin
}

// NewCase returns CASE [operand] WHEN .. THEN .. [ELSE els] END; operand and
// els may be nil.
func NewCase(operand Expr, whens, thens []Expr, els Expr) (Expr, error) {
	if len(whens) == 0 || len(whens) != len(thens) {
		return nil, planError("CASE needs at least one WHEN, each with its THEN")
	}
	conditions := make([]Expr, len(whens))
	for i, w := range whens {
		var err error
		switch k := w.Type().Kind; {
		case operand != nil:
			conditions[i], err = NewBinary(Eq, operand, w)
		case k != column.Bool && k != column.Null:
			err = planError("WHEN expression of CASE must be boolean, got %s", w.Type())
		default:
			conditions[i], err = implicitCast(w, column.Of(column.Bool))
		}
		if err != nil {
			return nil, err
		}
	}
	values := append([]Expr(nil), thens...)
	if els != nil {
		values = append(values, els)
	}
	t, values, err := coerceAll(values)
	if err != nil {
		return nil, err
	}
	e := &Case{Whens: conditions, Thens: values[:len(thens)], t: textAsString(t)}
	if els != nil {
		e.Else = values[len(thens)]
	}
	e.o = originOfAll(e.Children())
	return e, nil
}

func (e *Case) lazy() {}

// Type is the common type of the branches.
func (e *Case) Type() column.Type { return e.t }

// Children are conditions and values in turn, then the value of ELSE.
func (e *Case) Children() []Expr {
	var c []Expr
	for i := range e.Whens {
		c = append(c, e.Whens[i], e.Thens[i])
	}
	if e.Else != nil {
		c = append(c, e.Else)
	}
	return c
}

// WithChildren is CASE with other conditions and values.
func (e *Case) WithChildren(c []Expr) Expr {
	n := &Case{t: e.t, o: originOfAll(c)}
	for i := range e.Whens {
		n.Whens, n.Thens = append(n.Whens, c[2*i]), append(n.Thens, c[2*i+1])
	}
	if e.Else != nil {
		n.Else = c[len(c)-1]
	}
	return n
}

// String is the SQL text.
func (e *Case) String() string {
	var b strings.Builder
	b.WriteString("CASE")
	for i := range e.Whens {
		b.WriteString(" WHEN " + e.Whens[i].String() + " THEN " + e.Thens[i].String())
	}
	if e.Else != nil {
		b.WriteString(" ELSE " + e.Else.String())
	}
	return b.String() + " END"
}

func (e *Case) origin() origin { return e.o }

// Eval computes the branches.
func (e *Case) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Case) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	s := newSplit(ctx, e.t, b)
	for i, when := range e.Whens {
		if len(s.rest) == 0 {
			break
		}
		cond, rows, err := s.eval(when)
		if err != nil {
			return nil, err
		}
		chosen := make([]int32, 0, len(s.rest))
		rest := make([]int32, 0, len(s.rest))
		for k, row := range s.rest {
			at := k
			if rows == nil {
				at = int(row)
			}
			if cond.Bools[at] && !cond.IsNull(at) {
				chosen = append(chosen, row)
			} else {
				rest = append(rest, row)
			}
		}
		s.rest = rest
		if err := s.assign(e.Thens[i], chosen); err != nil {
			return nil, err
		}
	}
	if e.Else != nil {
		if err := s.assign(e.Else, s.rest); err != nil {
			return nil, err
		}
	}
	return s.result(), nil
}

// Coalesce is the first of its arguments that is not null. An argument is
// evaluated only for the rows in which those before it are null.
type Coalesce struct {
	// Name is the name used in the query: coalesce, nvl or ifnull.
	Name string
	Args []Expr

	t column.Type
	o origin
}

func newCoalesce(name string, args []Expr) (Expr, error) {
	t, args, err := coerceAll(args)
	if err != nil {
		return nil, err
	}
	return &Coalesce{Name: name, Args: args, t: textAsString(t), o: originOfAll(args)}, nil
}

func (e *Coalesce) lazy() {}

// Type is the common type of the arguments.
func (e *Coalesce) Type() column.Type { return e.t }

// Children are the arguments.
func (e *Coalesce) Children() []Expr { return e.Args }

// WithChildren is the function of other arguments.
func (e *Coalesce) WithChildren(c []Expr) Expr {
	return &Coalesce{Name: e.Name, Args: c, t: e.t, o: originOfAll(c)}
}

// String is the call.
func (e *Coalesce) String() string { return (&Call{Name: e.Name, Args: e.Args}).String() }

func (e *Coalesce) origin() origin { return e.o }

// Eval computes the arguments as far as needed.
func (e *Coalesce) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Coalesce) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	first, err := e.Args[0].Eval(ctx, b)
	if err != nil || !first.HasNulls() && first.Type.Kind == e.t.Kind {
		return first, err
	}
	s := newSplit(ctx, e.t, b)
	for k, arg := range e.Args {
		v, rows := first, []int32(nil)
		if k > 0 {
			if v, rows, err = s.eval(arg); err != nil {
				return nil, err
			}
		}
		chosen, at := make([]int32, 0, len(s.rest)), make([]int32, 0, len(s.rest))
		var rest []int32
		for k, row := range s.rest {
			i := k
			if rows == nil {
				i = int(row)
			}
			if v.IsNull(i) {
				rest = append(rest, row)
			} else {
				chosen, at = append(chosen, row), append(at, int32(i))
			}
		}
		s.take(v, at, chosen)
		if s.rest = rest; len(rest) == 0 {
			break
		}
	}
	return s.result(), nil
}

// split assembles a vector from the results of several expressions, each for
// some of the rows.
type split struct {
	ctx   *Context
	batch *column.Batch
	// rest are the rows that have no value yet, ascending.
	rest []int32
	// all collects the values as they come, a null first; pick says which of
	// them each row takes.
	all  *column.Vector
	pick []int32
}

func newSplit(ctx *Context, t column.Type, b *column.Batch) *split {
	s := &split{ctx: ctx, batch: b, all: ctx.empty(t), rest: make([]int32, b.Len), pick: make([]int32, b.Len)}
	s.all.AppendNull(1)
	for i := range s.rest {
		s.rest[i] = int32(i)
	}
	return s
}

// eval evaluates e for the remaining rows. When rows is nil, the result has
// all rows of the batch, otherwise those in rows.
func (s *split) eval(e Expr) (v *column.Vector, rows []int32, err error) {
	return s.evalRows(e, s.rest)
}

func (s *split) evalRows(e Expr, rows []int32) (*column.Vector, []int32, error) {
	if len(rows) == s.batch.Len || len(rows) > s.batch.Len/2 && !fallible(e) {
		v, err := e.Eval(s.ctx, s.batch)
		return v, nil, err
	}
	v, err := e.Eval(s.ctx, s.ctx.subset(s.batch, rows, Columns(e)))
	return v, rows, err
}

// assign gives rows the values of e.
func (s *split) assign(e Expr, rows []int32) error {
	if len(rows) == 0 {
		return nil
	}
	if l, ok := e.(*Literal); ok {
		if !l.Value.Null {
			l.Value.AppendTo(s.all)
			for _, r := range rows {
				s.pick[r] = int32(s.all.Len - 1)
			}
		}
		return nil
	}
	v, of, err := s.evalRows(e, rows)
	if err != nil {
		return err
	}
	if of == nil {
		s.take(v, rows, rows)
		return nil
	}
	at := make([]int32, len(of))
	for i := range at {
		at[i] = int32(i)
	}
	s.take(v, at, rows)
	return nil
}

// take gives rows the values of v at the given places.
func (s *split) take(v *column.Vector, at, rows []int32) {
	next := int32(s.all.Len)
	s.all.Gather(v, at)
	for i, r := range rows {
		s.pick[r] = next + int32(i)
	}
}

func (s *split) result() *column.Vector {
	out := s.ctx.empty(s.all.Type)
	out.Gather(s.all, s.pick)
	return out
}

// fallible says whether evaluating e may fail for some rows. It errs on the
// side of true.
func fallible(e Expr) bool {
	switch e := e.(type) {
	case *Column, *Literal:
		return false
	case *Binary:
		if !e.Op.IsComparison() && e.Op != And && e.Op != Or && e.Op != Xor && e.Op != Distinct && e.Op != NotDistinct && e.t.Kind != column.Float64 {
			return true
		}
	case *Unary:
		if e.Op == Neg && e.t.Kind != column.Float64 {
			return true
		}
	case *Cast:
		from := e.X.Type()
		if !e.Try && !(from.IsNumeric() && e.target == Target{Type: column.Of(column.Float64)}) {
			return true
		}
	case *Case, *Coalesce, *In, *Like, *Field:
	default:
		return true
	}
	for _, c := range e.Children() {
		if fallible(c) {
			return true
		}
	}
	return false
}
