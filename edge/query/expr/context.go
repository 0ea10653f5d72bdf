package expr

import (
	"context"
	"slices"

	"tarn/store/column"
)

// Context is what one goroutine needs to evaluate expressions: the query's
// clock and the memory of results. The zero value works. It is not safe for
// concurrent use.
type Context struct {
	// Now is the query's clock in nanoseconds since the epoch; now() gives it.
	Now int64
	// Ctx ends long evaluations; nil never does.
	Ctx context.Context
	// Memory bounds what results hold; nil does not.
	Memory Memory

	clocked bool // something asked for Now

	held, reserved int64 // bytes of results since Reset, and those asked for

	free    []*column.Vector // of all kinds
	used    []*column.Vector
	bytes   []byte
	ends    []int
	rows    []int32
	memos   map[Expr]*memo
	regexps map[string]*matcher
	likes   map[string]*likePattern
}

// NewContext returns a context for a query whose clock stands at now.
func NewContext(ctx context.Context, now int64) *Context {
	return &Context{Ctx: ctx, Now: now}
}

// clock is Now for what is computed.
func (c *Context) clock() int64 {
	c.clocked = true
	return c.Now
}

// Clocked says whether a result of this context, or of an expression that was
// evaluated with it, depends on Now.
func (c *Context) Clocked() bool { return c.clocked }

// Reset takes back the memory of all results since the last Reset. Operators
// call it before each batch.
func (c *Context) Reset() {
	c.giveBack()
	c.free = append(c.free, c.used...)
	c.used = c.used[:0]
}

// vector returns a vector of n rows with unspecified values and no nulls,
// valid until Reset.
func (c *Context) vector(t column.Type, n int) *column.Vector {
	v := c.empty(t)
	v.SetLen(n)
	return v
}

// empty returns a vector without rows, valid until Reset.
func (c *Context) empty(t column.Type) *column.Vector {
	v := c.reused(t.Kind)
	if v == nil {
		v = &column.Vector{}
	}
	v.Reset(t)
	c.used = append(c.used, v)
	return v
}

// reused returns a vector that held the same kind of values before, nil when
// there is none.
func (c *Context) reused(k column.Kind) *column.Vector {
	for i, v := range slices.Backward(c.free) {
		if v.Type.Kind == k {
			last := len(c.free) - 1
			c.free[i], c.free[last] = c.free[last], nil
			c.free = c.free[:last]
			return v
		}
	}
	return nil
}

// repeat returns a vector of n rows of one value.
func (c *Context) repeat(value Value, n int) *column.Vector {
	t := value.Type
	if t.Kind == column.Dict {
		t = column.Of(column.String)
	}
	if value.Null || t.Kind == column.Null {
		v := c.empty(t)
		v.AppendNull(n)
		return v
	}
	if t.Kind == column.Struct || t.Kind == column.List {
		v := c.empty(t)
		for range n {
			value.AppendTo(v)
		}
		return v
	}
	v := c.vector(t, n)
	switch t.Kind {
	case column.Bool:
		fill(v.Bools, value.B)
	case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
		fill(v.Ints, value.I)
	case column.Uint64:
		fill(v.Uints, value.U)
	case column.Float64:
		fill(v.Floats, value.F)
	case column.String:
		fill(v.Strings, value.S)
	case column.IntervalKind:
		fill(v.Intervals, value.Iv)
	}
	return v
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

// nulls returns an all-null vector.
func (c *Context) nulls(t column.Type, n int) *column.Vector {
	return c.repeat(NullOf(t), n)
}

// subset returns the given rows of the given columns of b; the other columns
// are missing.
func (c *Context) subset(b *column.Batch, rows []int32, columns []int) *column.Batch {
	out := &column.Batch{Len: len(rows), Cols: make([]*column.Vector, len(b.Cols))}
	for _, i := range columns {
		v := c.empty(b.Cols[i].Type)
		v.Gather(b.Cols[i], rows)
		out.Cols[i] = v
	}
	return out
}
