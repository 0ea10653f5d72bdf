package expr

import (
	"tarn/store/column"
)

// newConcat binds ||: both operands become text, null when either is.
func newConcat(l, r Expr) (Expr, error) {
	lt, rt := l.Type(), r.Type()
	if !lt.IsText() && !rt.IsText() && lt.Kind != column.Null && rt.Kind != column.Null {
		return nil, planError("Cannot infer common string type for string concat operation %s || %s", lt, rt)
	}
	l, r, err := castBoth(l, r, column.Of(column.String))
	if err != nil {
		return nil, err
	}
	return binary(Concat, l, r, column.Of(column.String), built(func(ctx *Context, args []operand) func([]byte, int) ([]byte, error) {
		a, b := ctx.textSlot(args[0]), ctx.textSlot(args[1])
		return func(dst []byte, i int) ([]byte, error) {
			if err := ctx.fits(len(a.at(i)) + len(b.at(i))); err != nil {
				return nil, err
			}
			return append(append(dst, a.at(i)...), b.at(i)...), nil
		}
	})), nil
}

// concatKernel joins all arguments, nulls left out.
func concatKernel(ctx *Context, args []operand, n int) (*column.Vector, error) {
	out := ctx.vector(column.Of(column.String), n)
	slots := make([]slot[string], len(args))
	for k, a := range args {
		slots[k] = ctx.textSlot(a)
	}
	w := ctx.writer(out)
	for i := range n {
		for k, a := range args {
			if !a.null(i) {
				if err := ctx.fits(len(w.buf) + len(slots[k].at(i))); err != nil {
					return nil, err
				}
				w.buf = append(w.buf, slots[k].at(i)...)
			}
		}
		if err := w.end(); err != nil {
			return nil, err
		}
	}
	return out, w.finish()
}

// concatWSKernel joins all arguments but the first with the first between
// them; nulls are left out, a null separator gives null.
func concatWSKernel(ctx *Context, args []operand, n int) (*column.Vector, error) {
	out := ctx.vector(column.Of(column.String), n)
	slots := make([]slot[string], len(args))
	for k, a := range args {
		slots[k] = ctx.textSlot(a)
	}
	w := ctx.writer(out)
	for i := range n {
		if args[0].null(i) {
			out.Nulls.Set(i)
			if err := w.end(); err != nil {
				return nil, err
			}
			continue
		}
		first := true
		for k := 1; k < len(args); k++ {
			if args[k].null(i) {
				continue
			}
			if !first {
				if err := ctx.fits(len(w.buf) + len(slots[0].at(i))); err != nil {
					return nil, err
				}
				w.buf = append(w.buf, slots[0].at(i)...)
			}
			first = false
			if err := ctx.fits(len(w.buf) + len(slots[k].at(i))); err != nil {
				return nil, err
			}
			w.buf = append(w.buf, slots[k].at(i)...)
		}
		if err := w.end(); err != nil {
			return nil, err
		}
	}
	return out, w.finish()
}
