package expr

import (
	"math"
	"math/bits"
	"math/rand/v2"

	"tarn/store/column"
)

// mathFunctions are those of spec/sql.md section 9.4.
func mathFunctions() map[string]function {
	f := func(fn func(float64) float64) function {
		return fixed(column.Float64, floatMap(fn), column.Float64)
	}
	m := map[string]function{
		"abs":  {1, 1, bindAbs},
		"ceil": f(math.Ceil), "floor": f(math.Floor),
		"round": optional(column.Float64, digitsKernel(math.Round), 1, column.Float64, column.Int64),
		"trunc": optional(column.Float64, digitsKernel(math.Trunc), 1, column.Float64, column.Int64),
		"sqrt":  f(math.Sqrt), "cbrt": f(math.Cbrt), "exp": f(math.Exp),
		"ln": f(math.Log), "log10": f(math.Log10), "log2": f(math.Log2),
		"log":    {1, 2, bindLog},
		"power":  {2, 2, bindPower},
		"signum": f(signum),
		"sin":    f(math.Sin), "cos": f(math.Cos), "tan": f(math.Tan), "cot": f(func(x float64) float64 { return 1 / math.Tan(x) }),
		"asin": f(math.Asin), "acos": f(math.Acos), "atan": f(math.Atan),
		"sinh": f(math.Sinh), "cosh": f(math.Cosh), "tanh": f(math.Tanh),
		"asinh": f(math.Asinh), "acosh": f(math.Acosh), "atanh": f(math.Atanh),
		"degrees": f(func(x float64) float64 { return x * 180 / math.Pi }),
		"radians": f(func(x float64) float64 { return x * math.Pi / 180 }),
		"atan2":   fixed(column.Float64, floatMap2(math.Atan2), column.Float64, column.Float64),
		"nanvl": fixed(column.Float64, floatMap2(func(a, b float64) float64 {
			if a != a {
				return b
			}
			return a
		}), column.Float64, column.Float64),
		"isnan":  fixed(column.Bool, floatTest(func(x float64) bool { return x != x }), column.Float64),
		"iszero": fixed(column.Bool, floatTest(func(x float64) bool { return x == 0 }), column.Float64),
		"pi": {0, 0, func(string, []Expr) (Expr, error) {
			return newNode("pi", nil, column.Of(column.Float64), func(ctx *Context, _ []operand, n int) (*column.Vector, error) {
				return ctx.repeat(Float(math.Pi), n), nil
			}), nil
		}},
		"random": {0, 0, func(string, []Expr) (Expr, error) {
			return newVolatile("random", nil, column.Of(column.Float64), randomKernel), nil
		}},
		"gcd":       fixed(column.Int64, intFunc2(gcd), column.Int64, column.Int64),
		"lcm":       fixed(column.Int64, intFunc2(lcm), column.Int64, column.Int64),
		"factorial": fixed(column.Int64, factorialKernel, column.Int64),
	}
	alias(m, "power", "pow")
	return m
}

func floatMap(f func(float64) float64) kernel {
	return strict(column.Of(column.Float64), func(_ *Context, args []operand, out *column.Vector) error {
		x := floatSlot(args[0])
		for i := range out.Floats {
			out.Floats[i] = f(x.at(i))
		}
		return nil
	})
}

func floatMap2(f func(a, b float64) float64) kernel {
	return strict(column.Of(column.Float64), func(_ *Context, args []operand, out *column.Vector) error {
		x, y := floatSlot(args[0]), floatSlot(args[1])
		for i := range out.Floats {
			out.Floats[i] = f(x.at(i), y.at(i))
		}
		return nil
	})
}

func floatTest(f func(float64) bool) kernel {
	return strict(column.Of(column.Bool), func(_ *Context, args []operand, out *column.Vector) error {
		x := floatSlot(args[0])
		for i := range out.Bools {
			out.Bools[i] = f(x.at(i))
		}
		return nil
	})
}

// intFunc2 runs a function of two integers that can fail.
func intFunc2(f func(a, b int64) (int64, error)) kernel {
	return strictRows(column.Of(column.Int64), func(_ *Context, args []operand) func(*column.Vector, int) error {
		x, y := intSlot(args[0]), intSlot(args[1])
		return func(out *column.Vector, i int) (err error) {
			out.Ints[i], err = f(x.at(i), y.at(i))
			return err
		}
	})
}

func signum(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	case x == 0:
		return 0
	}
	return x
}

// digitsKernel applies a rounding to a given number of decimals, which may be
// negative; half is rounded away from zero.
func digitsKernel(f func(float64) float64) kernel {
	whole := floatMap(f)
	return func(ctx *Context, args []operand, n int) (*column.Vector, error) {
		if len(args) == 1 {
			return whole(ctx, args, n)
		}
		out, some := ctx.result(column.Of(column.Float64), n, args...)
		if !some {
			return out, nil
		}
		x, d := floatSlot(args[0]), intSlot(args[1])
		for i := range out.Floats {
			out.Floats[i] = toDigits(f, x.at(i), d.at(i))
		}
		return out, nil
	}
}

func toDigits(f func(float64) float64, x float64, digits int64) float64 {
	switch {
	case digits == 0:
		return f(x)
	case digits < -308:
		return 0
	case digits < 0:
		unit := math.Pow(10, float64(-digits))
		return f(x/unit) * unit
	}
	unit := math.Pow(10, float64(digits))
	scaled := x * unit
	if digits > 308 || math.IsInf(scaled, 0) || math.Abs(scaled) >= 1<<52 {
		return x // has no decimals there
	}
	return f(scaled) / unit
}

// bindAbs keeps the type of its argument.
func bindAbs(name string, args []Expr) (Expr, error) {
	t := args[0].Type()
	switch t.Kind {
	case column.Int64:
		return newNode(name, args, t, strictRows(t, func(_ *Context, args []operand) func(*column.Vector, int) error {
			x := intSlot(args[0])
			return func(out *column.Vector, i int) error {
				v := x.at(i)
				if v == math.MinInt64 {
					return arrowError("Arithmetic overflow: Int64 overflow on abs(%d)", v)
				}
				out.Ints[i] = max(v, -v)
				return nil
			}
		})), nil
	case column.Uint64:
		return args[0], nil
	case column.Float64, column.Null:
		args, err := convertArgs(name, args, []column.Kind{column.Float64})
		if err != nil {
			return nil, err
		}
		return newNode(name, args, column.Of(column.Float64), floatMap(math.Abs)), nil
	}
	return nil, signatureError(name, args)
}

// bindLog is log(x) to base 10 and log(base, x).
func bindLog(name string, args []Expr) (Expr, error) {
	args, err := convertArgs(name, args, []column.Kind{column.Float64, column.Float64})
	if err != nil {
		return nil, err
	}
	run := floatMap(math.Log10)
	if len(args) == 2 {
		run = floatMap2(func(base, x float64) float64 {
			switch base { // exact for the usual bases
			case 2:
				return math.Log2(x)
			case 10:
				return math.Log10(x)
			}
			log := math.Log(x) / math.Log(base)
			if whole := math.Round(log); math.Abs(log-whole) < 1e-9 && math.Pow(base, whole) == x {
				return whole // the quotient of two rounded logarithms is off by a bit
			}
			return log
		})
	}
	return newNode(name, args, column.Of(column.Float64), run), nil
}

// bindPower is Int64 for integers, Float64 otherwise.
func bindPower(name string, args []Expr) (Expr, error) {
	kind, run := column.Float64, floatMap2(math.Pow)
	if args[0].Type().IsInteger() && args[1].Type().IsInteger() {
		kind, run = column.Int64, intFunc2(intPower)
	}
	args, err := convertArgs(name, args, []column.Kind{kind, kind})
	if err != nil {
		return nil, err
	}
	return newNode(name, args, column.Of(kind), run), nil
}

func intPower(base, exp int64) (int64, error) {
	if exp < 0 {
		return 0, arrowError("Arithmetic overflow: power(%d, %d) is no integer; cast an argument to DOUBLE", base, exp)
	}
	result, square := int64(1), base
	for e := exp; ; {
		ok := true
		if e&1 == 1 {
			result, ok = mulInt(result, square)
		}
		if e >>= 1; ok && e == 0 {
			return result, nil
		}
		if ok {
			square, ok = mulInt(square, square)
		}
		if !ok {
			return 0, arrowError("Arithmetic overflow: Overflow happened on: power(%d, %d)", base, exp)
		}
	}
}

// mulInt multiplies; false on overflow.
func mulInt(a, b int64) (int64, bool) {
	x, y := magnitude{uint64(max(a, -a)), a < 0}, magnitude{uint64(max(b, -b)), b < 0}
	if a == math.MinInt64 {
		x.abs = 1 << 63
	}
	if b == math.MinInt64 {
		y.abs = 1 << 63
	}
	hi, lo := bits.Mul64(x.abs, y.abs)
	neg := x.neg != y.neg
	return a * b, hi == 0 && lo <= math.MaxInt64+uint64(boolIndex(neg))
}

func absUint(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func gcd(a, b int64) (int64, error) {
	x, y := absUint(a), absUint(b)
	for y != 0 {
		x, y = y, x%y
	}
	if x > math.MaxInt64 {
		return 0, arrowError("Arithmetic overflow: Overflow happened on: gcd(%d, %d)", a, b)
	}
	return int64(x), nil
}

func lcm(a, b int64) (int64, error) {
	g, err := gcd(a, b)
	if err != nil || g == 0 {
		return 0, err
	}
	hi, lo := bits.Mul64(absUint(a)/uint64(g), absUint(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, arrowError("Arithmetic overflow: Overflow happened on: lcm(%d, %d)", a, b)
	}
	return int64(lo), nil
}

func factorialKernel(ctx *Context, args []operand, n int) (*column.Vector, error) {
	return intFunc2(func(v, _ int64) (int64, error) {
		if v < 0 || v > 20 {
			return 0, arrowError("Arithmetic overflow: Overflow happened on FACTORIAL(%d)", v)
		}
		f := int64(1)
		for k := int64(2); k <= v; k++ {
			f *= k
		}
		return f, nil
	})(ctx, []operand{args[0], args[0]}, n)
}

func randomKernel(ctx *Context, _ []operand, n int) (*column.Vector, error) {
	out := ctx.vector(column.Of(column.Float64), n)
	for i := range out.Floats {
		out.Floats[i] = rand.Float64()
	}
	return out, nil
}
