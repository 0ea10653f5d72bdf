package expr

import "tarn/store/column"

// conditionalFunctions are those of spec/sql.md section 9.3.
func conditionalFunctions() map[string]function {
	m := map[string]function{
		"coalesce": {1, -1, newCoalesce},
		"nvl":      {2, 2, newCoalesce},
		"ifnull":   {2, 2, newCoalesce},
		"nullif":   {2, 2, bindNullif},
		"nvl2": {3, 3, func(_ string, args []Expr) (Expr, error) {
			present, err := NewUnary(IsNotNull, args[0])
			if err != nil {
				return nil, err
			}
			return NewCase(nil, []Expr{present}, args[1:2], args[2])
		}},
		"greatest": {1, -1, bindExtreme(Gt)},
		"least":    {1, -1, bindExtreme(Lt)},
	}
	return m
}

// bindNullif gives null where both arguments are equal, else the first.
func bindNullif(name string, args []Expr) (Expr, error) {
	l, r, err := comparable2(Eq, args[0], args[1])
	if err != nil {
		return nil, err
	}
	equal := compareKernel(Eq, l.Type(), r.Type())
	if equal == nil {
		return nil, signatureError(name, args)
	}
	// The result has the type of the first argument as written, so that goes
	// along beside its converted form.
	t := textAsString(args[0].Type())
	return newNode(name, []Expr{args[0], l, r}, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		same, err := equal(ctx, args[1:], n)
		if err != nil {
			return nil, err
		}
		out := ctx.empty(t)
		out.AppendFrom(ctx.spread(args[0], n).v, 0, n)
		for i, s := range same.Bools[:n] {
			if s && !same.Nulls.Get(i) {
				out.Nulls.Set(i)
			}
		}
		return out, nil
	}), nil
}

// bindExtreme binds greatest and least, which leave nulls out.
func bindExtreme(better Op) func(string, []Expr) (Expr, error) {
	return func(name string, args []Expr) (Expr, error) {
		t, args, err := coerceAll(args)
		if err != nil {
			return nil, err
		}
		t = textAsString(t)
		if t.Kind == column.Null {
			return NewLiteral(NullOf(t)), nil
		}
		compare := compareKernel(better, t, t)
		if compare == nil {
			return nil, signatureError(name, args)
		}
		return newNode(name, args, t, func(ctx *Context, args []operand, n int) (*column.Vector, error) {
			best := ctx.spread(args[0], n).v
			for _, a := range args[1:] {
				next := ctx.spread(a, n).v
				wins, err := compare(ctx, []operand{{next, 1}, {best, 1}}, n)
				if err != nil {
					return nil, err
				}
				all := ctx.empty(t)
				all.AppendFrom(best, 0, n)
				all.AppendFrom(next, 0, n)
				rows := make([]int32, n)
				for i := range rows {
					rows[i] = int32(i)
					if best.IsNull(i) || !wins.Nulls.Get(i) && wins.Bools[i] {
						rows[i] += int32(n)
					}
				}
				best = ctx.empty(t)
				best.Gather(all, rows)
			}
			if best.Type.Kind != t.Kind {
				out := ctx.empty(t)
				out.AppendFrom(best, 0, n)
				best = out
			}
			return best, nil
		}), nil
	}
}
