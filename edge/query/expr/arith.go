package expr

import (
	"math"

	"tarn/store/column"
)

// newArithmetic binds + - * / %, the bitwise operators and the shifts.
func newArithmetic(op Op, l, r Expr) (Expr, error) {
	lt, rt := l.Type(), r.Type()
	if lt.Kind == column.Null || rt.Kind == column.Null {
		return nullArithmetic(op, l, r)
	}
	if op >= BitAnd {
		return newBitwise(op, l, r)
	}
	if !lt.IsNumeric() || !rt.IsNumeric() {
		return newTemporal(op, l, r)
	}
	var err error
	switch {
	case lt.Kind == rt.Kind:
	case lt.Kind == column.Float64 || rt.Kind == column.Float64:
		if l, r, err = castBoth(l, r, column.Of(column.Float64)); err != nil {
			return nil, err
		}
	default: // Int64 and Uint64
		return newMixedArithmetic(op, l, r)
	}
	t := l.Type()
	switch t.Kind {
	case column.Int64:
		return binary(op, l, r, t, integerKernel(op, ints)), nil
	case column.Uint64:
		return binary(op, l, r, t, integerKernel(op, uints)), nil
	}
	return binary(op, l, r, t, floatKernel(op)), nil
}

// nullArithmetic gives NULL op x the type that x op x has.
func nullArithmetic(op Op, l, r Expr) (Expr, error) {
	t := l.Type()
	if t.Kind == column.Null {
		t = r.Type()
	}
	switch t.Kind {
	case column.Null:
		t = column.Of(column.Int64)
	case column.Timestamp, column.Date:
		// The missing operand is taken for an interval.
		return binary(op, l, r, t, allNullKernel(t)), nil
	}
	l, r, err := castBoth(l, r, t)
	if err != nil {
		return nil, err
	}
	return newArithmetic(op, l, r)
}

func allNullKernel(t column.Type) kernel {
	return func(ctx *Context, _ []operand, n int) (*column.Vector, error) { return ctx.nulls(t, n), nil }
}

func coerceError(op Op, l, r column.Type) error {
	return planError("Cannot coerce arithmetic expression %s %s %s to valid types", l, op, r)
}

func castBoth(l, r Expr, t column.Type) (Expr, Expr, error) {
	l, err := implicitCast(l, t)
	if err != nil {
		return nil, nil, err
	}
	r, err = implicitCast(r, t)
	return l, r, err
}

func ints(v *column.Vector) []int64   { return v.Ints }
func uints(v *column.Vector) []uint64 { return v.Uints }

type number interface{ int64 | uint64 | float64 }

// addMulSub runs the operations that cannot fail, with a loop for each place
// of a constant. Both operands must not be constant.
func addMulSub[T number](op Op, out, l, r []T, ls, rs int) {
	if ls == 0 && op != Sub {
		l, r, ls, rs = r, l, rs, ls
	}
	switch {
	case ls == 0:
		c := l[0]
		r = r[:len(out)]
		for i := range out {
			out[i] = c - r[i]
		}
	case rs == 0:
		c := r[0]
		l = l[:len(out)]
		switch op {
		case Add:
			for i := range out {
				out[i] = l[i] + c
			}
		case Sub:
			for i := range out {
				out[i] = l[i] - c
			}
		case Mul:
			for i := range out {
				out[i] = l[i] * c
			}
		}
	default:
		l, r = l[:len(out)], r[:len(out)]
		switch op {
		case Add:
			for i := range out {
				out[i] = l[i] + r[i]
			}
		case Sub:
			for i := range out {
				out[i] = l[i] - r[i]
			}
		case Mul:
			for i := range out {
				out[i] = l[i] * r[i]
			}
		}
	}
}

func errDivideByZero() error { return arrowError("Divide by zero error") }

// integerKernel computes + - * with wrapping, and / % truncated toward zero
// with an error on a zero divisor.
func integerKernel[T int64 | uint64](op Op, values func(*column.Vector) []T) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l, r := args[0], args[1]
		if l.step == 0 && r.step == 0 {
			l = ctx.spread(l, n)
		}
		out, some := ctx.result(l.v.Type, n, l, r)
		if !some {
			return out, nil
		}
		if op <= Mul {
			addMulSub(op, values(out), values(l.v), values(r.v), l.step, r.step)
			return out, nil
		}
		return out, divide(op, out, values(out), values(ctx.spread(l, n).v), values(r.v), r.step)
	}
}

func divide[T int64 | uint64](op Op, v *column.Vector, out, l, r []T, rs int) error {
	if rs == 0 {
		c := r[0]
		switch {
		case c == 0:
			if v.Nulls.Count(v.Len) < v.Len {
				return errDivideByZero()
			}
		case op == Div:
			for i := range out {
				out[i] = l[i] / c
			}
		default:
			for i := range out {
				out[i] = l[i] % c
			}
		}
		return nil
	}
	for i := range out {
		d := r[i]
		if d == 0 {
			if !v.Nulls.Get(i) {
				return errDivideByZero()
			}
			continue // a null row may hold anything
		}
		if op == Div {
			out[i] = l[i] / d
		} else {
			out[i] = l[i] % d
		}
	}
	return nil
}

func floatKernel(op Op) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l, r := args[0], args[1]
		if l.step == 0 && r.step == 0 {
			l = ctx.spread(l, n)
		}
		out, some := ctx.result(l.v.Type, n, l, r)
		if !some {
			return out, nil
		}
		a, b, o := l.v.Floats, r.v.Floats, out.Floats
		switch {
		case op <= Mul:
			addMulSub(op, o, a, b, l.step, r.step)
		case op == Mod:
			for i := range o {
				o[i] = math.Mod(a[i*l.step], b[i*r.step])
			}
		case r.step == 0:
			c := b[0]
			for i := range o {
				o[i] = a[i] / c
			}
		default:
			for i := range o {
				o[i] = a[i*l.step] / b[i]
			}
		}
		return out, nil
	}
}

// newBitwise binds & | ^ << >> on integers.
func newBitwise(op Op, l, r Expr) (Expr, error) {
	if !l.Type().IsInteger() || !r.Type().IsInteger() {
		return nil, coerceError(op, l.Type(), r.Type())
	}
	if l.Type().Kind != r.Type().Kind {
		// Bit patterns are kept whichever side is converted.
		kind := l.Type().Kind
		if kind == column.Uint64 {
			r = reinterpret(r, kind)
		} else {
			l, r = reinterpret(l, column.Int64), reinterpret(r, column.Int64)
		}
	}
	if l.Type().Kind == column.Int64 {
		return binary(op, l, r, l.Type(), bitwiseKernel(op, ints)), nil
	}
	return binary(op, l, r, l.Type(), bitwiseKernel(op, uints)), nil
}

// reinterpret gives an integer's bits the other signedness.
func reinterpret(e Expr, to column.Kind) Expr {
	if e.Type().Kind == to {
		return e
	}
	return newNode("reinterpret", []Expr{e}, column.Of(to), func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		out, some := ctx.result(column.Of(to), n, args...)
		if !some {
			return out, nil
		}
		in := ctx.spread(args[0], n).v
		if to == column.Uint64 {
			for i, v := range in.Ints {
				out.Uints[i] = uint64(v)
			}
		} else {
			for i, v := range in.Uints {
				out.Ints[i] = int64(v)
			}
		}
		return out, nil
	})
}

func bitwiseKernel[T int64 | uint64](op Op, values func(*column.Vector) []T) kernel {
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		l, r := args[0], args[1]
		out, some := ctx.result(l.v.Type, n, l, r)
		if !some {
			return out, nil
		}
		a, b, o := values(l.v), values(r.v), values(out)
		ls, rs := l.step, r.step
		switch op {
		case BitAnd:
			for i := range o {
				o[i] = a[i*ls] & b[i*rs]
			}
		case BitOr:
			for i := range o {
				o[i] = a[i*ls] | b[i*rs]
			}
		case BitXor:
			for i := range o {
				o[i] = a[i*ls] ^ b[i*rs]
			}
		case ShiftLeft:
			for i := range o {
				o[i] = a[i*ls] << (uint64(b[i*rs]) & 63)
			}
		case ShiftRight:
			for i := range o {
				o[i] = a[i*ls] >> (uint64(b[i*rs]) & 63)
			}
		}
		return out, nil
	}
}
