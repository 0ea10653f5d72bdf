package expr

import (
	"math"
	"math/bits"
	"strconv"

	"tarn/store/column"
)

// newMixedArithmetic computes Int64 with Uint64: exactly, or it fails. The type
// of the result cannot follow the values. It is Int64, but Uint64 where a
// literal that is not negative is added to, multiplied with or divides an
// unsigned operand, and where two literals need it.
func newMixedArithmetic(op Op, l, r Expr) (Expr, error) {
	t := column.Of(column.Int64)
	x, leftIs := integerLiteral(l)
	y, rightIs := integerLiteral(r)
	switch {
	case leftIs && rightIs:
		if z, err := exact(op, x, y); err == nil && !z.fits(column.Int64) {
			t = column.Of(column.Uint64)
		}
	case leftIs && l.Type().Kind == column.Uint64 && x.fits(column.Int64), rightIs && r.Type().Kind == column.Uint64 && y.fits(column.Int64):
		// It could as well have been written as a signed one.
		l, r, err := castBoth(l, r, t)
		if err != nil {
			return nil, err
		}
		return newArithmetic(op, l, r)
	case op != Sub && (leftIs && l.Type().Kind == column.Int64 && !x.neg || rightIs && r.Type().Kind == column.Int64 && !y.neg):
		t = column.Of(column.Uint64)
		if op == Div || op == Mod { // cannot overflow
			l, r, err := castBoth(l, r, t)
			if err != nil {
				return nil, err
			}
			return newArithmetic(op, l, r)
		}
	}
	return binary(op, l, r, t, mixedKernel(op, t)), nil
}

func mixedKernel(op Op, t column.Type) kernel {
	return strictRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
		a, b := args[0], args[1]
		return func(out *column.Vector, i int) error {
			x, y := magnitudeAt(a, i), magnitudeAt(b, i)
			z, err := exact(op, x, y)
			switch {
			case err != nil:
				return err
			case !z.fits(t.Kind):
				return overflow(op, x, y)
			case t.Kind == column.Uint64:
				out.Uints[i] = z.abs
			case z.neg:
				out.Ints[i] = int64(-z.abs)
			default:
				out.Ints[i] = int64(z.abs)
			}
			return nil
		}
	})
}

// magnitude is an integer of either signedness.
type magnitude struct {
	abs uint64
	neg bool
}

func magnitudeAt(o operand, i int) magnitude {
	i *= o.step
	if o.v.Type.Kind == column.Uint64 {
		return magnitude{o.v.Uints[i], false}
	}
	return signedMagnitude(o.v.Ints[i])
}

func signedMagnitude(v int64) magnitude {
	if v < 0 {
		return magnitude{-uint64(v), true}
	}
	return magnitude{uint64(v), false}
}

// integerLiteral is the value of an integer literal.
func integerLiteral(e Expr) (magnitude, bool) {
	lit, ok := e.(*Literal)
	switch {
	case !ok || lit.Value.Null:
		return magnitude{}, false
	case lit.Value.Type.Kind == column.Uint64:
		return magnitude{lit.Value.U, false}, true
	}
	return signedMagnitude(lit.Value.I), true
}

// fits says whether an integer type has the value.
func (m magnitude) fits(k column.Kind) bool {
	if k == column.Uint64 {
		return !m.neg || m.abs == 0
	}
	return m.abs <= math.MaxInt64+uint64(boolIndex(m.neg))
}

// String is the value in digits.
func (m magnitude) String() string {
	s := strconv.FormatUint(m.abs, 10)
	if m.neg {
		return "-" + s
	}
	return s
}

func overflow(op Op, x, y magnitude) error {
	return arrowError("Arithmetic overflow: Overflow happened on: %s %s %s", x, op, y)
}

// exact computes x op y without wrapping.
func exact(op Op, x, y magnitude) (magnitude, error) {
	var hi uint64
	z := magnitude{neg: x.neg != y.neg}
	switch op {
	case Mul:
		hi, z.abs = bits.Mul64(x.abs, y.abs)
	case Div, Mod:
		if y.abs == 0 {
			return z, errDivideByZero()
		}
		z.abs = x.abs / y.abs
		if op == Mod {
			z = magnitude{x.abs % y.abs, x.neg}
		}
	default:
		minus := y
		if op == Sub {
			minus.neg = !y.neg
		}
		switch {
		case x.neg == minus.neg:
			z.neg = x.neg
			z.abs, hi = bits.Add64(x.abs, y.abs, 0)
		case x.abs >= y.abs:
			z = magnitude{x.abs - y.abs, x.neg}
		default:
			z = magnitude{y.abs - x.abs, minus.neg}
		}
	}
	if hi != 0 {
		return z, overflow(op, x, y)
	}
	return z, nil
}
