package expr

import "tarn/store/column"

// node is an Expr whose evaluation can be replaced by a dictionary lookup.
type node interface {
	Expr
	origin() origin
	// compute evaluates over the rows as they are.
	compute(ctx *Context, b *column.Batch) (*column.Vector, error)
}

// evaluate evaluates n over b: through the dictionary when n's only input is a
// dictionary column, else row by row.
func evaluate(ctx *Context, n node, b *column.Batch) (*column.Vector, error) {
	o := n.origin()
	if o.col == nil || o.volatile || o.col.T.Kind != column.Dict {
		return n.compute(ctx, b)
	}
	in := b.Cols[o.col.Index]
	if in.Type.Kind != column.Dict || in.Len == 0 {
		// An enclosing expression already looks at the distinct values.
		return n.compute(ctx, b)
	}
	m := ctx.memos[n]
	if m == nil {
		if ctx.memos == nil {
			ctx.memos = map[Expr]*memo{}
		}
		m = &memo{ctx: ctx, result: column.NewVector(n.Type(), 0), input: column.NewVector(column.Of(column.String), 0)}
		m.result.Reset(textAsString(n.Type()))
		m.batch.Cols = make([]*column.Vector, o.col.Index+1)
		m.batch.Cols[o.col.Index] = m.input
		ctx.memos[n] = m
	}
	return m.eval(ctx, n, in)
}

// memo keeps the results of one expression for the values of one dictionary.
// It lives as long as the Context, so that a value that occurs in every batch
// is computed once per query and worker.
type memo struct {
	ctx  *Context
	kept int64 // bytes of text in result, asked of the budget
	dict *column.Dictionary
	// slot maps a code to its row in result plus one; 0 means not computed yet.
	slot []int32
	// nullSlot is the same for the null row.
	nullSlot int32
	result   *column.Vector

	input *column.Vector
	batch column.Batch
}

func (m *memo) reset(d *column.Dictionary) {
	m.dict, m.nullSlot = d, 0
	clear(m.slot)
	if m.kept > 0 {
		_ = m.ctx.Memory.Reserve(-m.kept) // giving back cannot fail
		m.kept = 0
		clear(m.result.Strings) // or the texts would stay
	}
	m.result.Reset(m.result.Type)
}

func (m *memo) eval(ctx *Context, n node, in *column.Vector) (*column.Vector, error) {
	if m.dict != in.Dict {
		m.reset(in.Dict)
	}
	values := in.Dict.Values
	if len(m.slot) < len(values) {
		m.slot = append(m.slot, make([]int32, len(values)-len(m.slot))...)
	}
	if err := m.learn(ctx, n, in, values); err != nil {
		m.reset(nil)
		return nil, err
	}
	if cap(ctx.rows) < in.Len {
		ctx.rows = make([]int32, in.Len)
	}
	rows := ctx.rows[:in.Len]
	if !in.HasNulls() {
		for i, code := range in.Codes {
			rows[i] = m.slot[code] - 1
		}
	} else {
		for i, code := range in.Codes {
			if in.Nulls.Get(i) {
				rows[i] = m.nullSlot - 1
			} else {
				rows[i] = m.slot[code] - 1
			}
		}
	}
	out := ctx.empty(m.result.Type)
	out.Gather(m.result, rows)
	return out, nil
}

// learn computes the results of the values in the batch that are new.
func (m *memo) learn(ctx *Context, n node, in *column.Vector, values []string) error {
	m.input.Reset(column.Of(column.String))
	next := int32(m.result.Len)
	nulls := in.HasNulls()
	for i, code := range in.Codes {
		if nulls && in.Nulls.Get(i) {
			if m.nullSlot == 0 {
				next++
				m.nullSlot = next
				m.input.AppendNull(1)
			}
			continue
		}
		if m.slot[code] == 0 {
			next++
			m.slot[code] = next
			m.input.Strings = append(m.input.Strings, values[code])
			m.input.Len++
		}
	}
	if m.input.Len == 0 {
		return nil
	}
	m.batch.Len = m.input.Len
	v, err := n.compute(ctx, &m.batch)
	if err != nil {
		return err
	}
	m.result.AppendFrom(v, 0, v.Len)
	return m.keep(v)
}

// keep asks the budget for the texts of new results, which stay when the batch
// is done.
func (m *memo) keep(v *column.Vector) error {
	if m.ctx.Memory == nil || v.Type.Kind != column.String {
		return nil
	}
	n := int64(0)
	for _, s := range v.Strings {
		n += int64(len(s))
	}
	if err := m.ctx.Memory.Reserve(n); err != nil {
		return err
	}
	m.kept += n
	return nil
}

// textAsString is t with String in place of Dict: computed text has no
// dictionary.
func textAsString(t column.Type) column.Type {
	if t.Kind == column.Dict {
		return column.Of(column.String)
	}
	return t
}
