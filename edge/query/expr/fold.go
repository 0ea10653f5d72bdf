package expr

import (
	"tarn/store/column"
)

// Fold replaces every constant part of e by its value: now() is constant
// within a query, random() and uuid() are not. An error of a constant part,
// such as 1/0, is returned unless the part stands where it may never be
// evaluated (a branch of CASE or COALESCE); there it is left for run time.
func Fold(ctx *Context, e Expr) (Expr, error) {
	folded, err := foldBelow(ctx, e)
	if err != nil {
		return nil, err
	}
	return foldHere(ctx, folded)
}

func foldBelow(ctx *Context, e Expr) (Expr, error) {
	children := e.Children()
	_, lazy := e.(lazyExpr)
	var changed []Expr
	for i, c := range children {
		n, err := Fold(ctx, c)
		if err != nil {
			if !lazy {
				return nil, err
			}
			n = c
		}
		if n != c && changed == nil {
			changed = append([]Expr(nil), children...)
		}
		if changed != nil {
			changed[i] = n
		}
	}
	if changed != nil {
		return e.WithChildren(changed), nil
	}
	return e, nil
}

func foldHere(ctx *Context, e Expr) (Expr, error) {
	if _, ok := e.(*Literal); ok {
		return e, nil
	}
	if b, ok := e.(*Binary); ok && (b.Op == And || b.Op == Or) {
		if s, ok := simplifyLogical(b); ok {
			return s, nil
		}
	}
	if !Constant(e) {
		return e, nil
	}
	v, err := evaluateOnce(ctx, e)
	if err != nil {
		return nil, err
	}
	if v.Type.Kind == column.List && v.Children[0].Len > maxFolded {
		return e, nil
	}
	return NewLiteral(constantOf(v, e)), nil
}

// maxFolded is the longest list that becomes a literal. As values its elements
// take many times the memory of a vector's, and a literal is copied to every
// row of a batch.
const maxFolded = 1024

// simplifyLogical drops constant operands of AND and OR.
func simplifyLogical(e *Binary) (Expr, bool) {
	for _, p := range [][2]Expr{{e.L, e.R}, {e.R, e.L}} {
		lit, ok := p[0].(*Literal)
		if !ok || lit.Value.Null {
			continue
		}
		if lit.Value.B == (e.Op == Or) {
			return lit, true // decides
		}
		return p[1], true // neutral
	}
	return nil, false
}

// lazyExpr is an expression that may leave children unevaluated.
type lazyExpr interface{ lazy() }

// Evaluate computes a constant expression. The context may be nil when the
// expression does not depend on the clock.
func Evaluate(ctx *Context, e Expr) (Value, error) {
	if l, ok := e.(*Literal); ok {
		return l.Value, nil
	}
	v, err := evaluateOnce(ctx, e)
	if err != nil {
		return Value{}, err
	}
	return constantOf(v, e), nil
}

// evaluateOnce computes a constant expression as a vector of one row.
func evaluateOnce(ctx *Context, e Expr) (*column.Vector, error) {
	if o := originOf(e); o.col != nil || o.mixed {
		return nil, planError("%s is not a constant", e)
	}
	// A context of its own: the results must not disturb the caller's.
	own := &Context{}
	if ctx != nil {
		own.Now, own.Ctx, own.Memory = ctx.Now, ctx.Ctx, ctx.Memory
	}
	defer own.giveBack() // of what led to the result
	v, err := e.Eval(own, &column.Batch{Len: 1})
	if ctx != nil {
		ctx.clocked = ctx.clocked || own.clocked
	}
	return v, err
}

func constantOf(v *column.Vector, e Expr) Value {
	out := ValueAt(v, 0)
	out.Type = textAsString(e.Type())
	return out
}
