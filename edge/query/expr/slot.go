package expr

import "tarn/store/column"

// slot reads the values of an operand by row, constants included.
type slot[T any] struct {
	values []T
	step   int
}

func (s slot[T]) at(i int) T { return s.values[i*s.step] }

func (c *Context) textSlot(o operand) slot[string] { return slot[string]{c.texts(o), o.step} }

func intSlot(o operand) slot[int64] { return slot[int64]{o.v.Ints, o.step} }

func floatSlot(o operand) slot[float64] { return slot[float64]{o.v.Floats, o.step} }

// strict returns a kernel that is null where an argument is null. f computes
// the rows of out; it sees null rows too, whose values are unspecified, and
// must not fail for them.
func strict(t column.Type, f func(ctx *Context, args []operand, out *column.Vector) error) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out, some := ctx.result(t, n, args...)
		if !some || n == 0 {
			return out, nil
		}
		return out, f(ctx, args, out)
	}
}

// strictRows is strict for functions computed row by row that can fail or that
// must not see unspecified values: null rows are left out.
func strictRows(t column.Type, f func(ctx *Context, args []operand) func(out *column.Vector, i int) error) kernel {
	return strict(t, func(ctx *Context, args []operand, out *column.Vector) error {
		row := f(ctx, args)
		nulls := anyNulls(out)
		for i := range out.Len {
			if nulls && out.Nulls.Get(i) {
				continue
			}
			if err := row(out, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// built returns a strict kernel for text that is composed: f appends the text
// of row i, or reports false for null.
func built(f func(ctx *Context, args []operand) func(dst []byte, i int) ([]byte, error)) kernel {
	return strict(column.Of(column.String), func(ctx *Context, args []operand, out *column.Vector) error {
		row := f(ctx, args)
		w := ctx.writer(out)
		nulls := anyNulls(out)
		for i := range out.Len {
			if !nulls || !out.Nulls.Get(i) {
				var err error
				if w.buf, err = row(w.buf, i); err != nil {
					return err
				}
			}
			if err := w.end(); err != nil {
				return err
			}
		}
		return w.finish()
	})
}
