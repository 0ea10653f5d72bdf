package expr

import (
	"math"
	"testing"
)

func TestMath(t *testing.T) {
	constants(t, []test{
		{"abs keeps the type", func() Expr { return call("abs", -3) }, "3"},
		{"abs of the least", func() Expr { return call("abs", int64(math.MinInt64)) }, "error: Arrow error: Arithmetic overflow: Int64 overflow on abs(-9223372036854775808)"},
		{"ceil of an integer", func() Expr { return call("ceil", 3) }, "3.0"},
		{"half away from zero", func() Expr { return call("round", 2.5) }, "3.0"},
		{"negative half", func() Expr { return call("round", -2.5) }, "-3.0"},
		{"round to hundreds", func() Expr { return call("round", 1234.567, -2) }, "1200.0"},
		{"round to decimals", func() Expr { return call("round", 1234.567, 2) }, "1234.57"},
		{"round a large number", func() Expr { return call("round", 1e300, 20) }, "1e300"},
		{"trunc truncates", func() Expr { return call("trunc", 1.789, 1) }, "1.7"},
		{"sqrt", func() Expr { return call("sqrt", -1) }, "NaN"},
		{"ln of zero", func() Expr { return call("ln", 0) }, "-inf"},
		{"log is of base 10", func() Expr { return call("log", 1000) }, "3.0"},
		{"log with base", func() Expr { return call("log", 2, 8) }, "3.0"},
		{"power of integers", func() Expr { return call("power", 2, 10) }, "1024"},
		{"power of the least", func() Expr { return call("power", -2, 63) }, "-9223372036854775808"},
		{"power overflows", func() Expr { return call("pow", 2, 63) }, "error: Arrow error: Arithmetic overflow: Overflow happened on: power(2, 63)"},
		{"power of floats", func() Expr { return call("power", 2, 0.5) }, "1.4142135623730951"},
		{"signum", func() Expr { return call("signum", -2.5) }, "-1.0"},
		{"signum of zero", func() Expr { return call("signum", 0) }, "0.0"},
		{"atan2", func() Expr { return call("atan2", 1, 1) }, "0.7853981633974483"},
		{"pi", func() Expr { return call("pi") }, "3.141592653589793"},
		{"degrees", func() Expr { return call("degrees", call("pi")) }, "180.0"},
		{"cbrt", func() Expr { return call("cbrt", 27) }, "3.0"},
		{"isnan", func() Expr { return call("isnan", math.NaN()) }, "true"},
		{"iszero", func() Expr { return call("iszero", 0) }, "true"},
		{"nanvl", func() Expr { return call("nanvl", math.NaN(), 1) }, "1.0"},
		{"gcd", func() Expr { return call("gcd", -12, 18) }, "6"},
		{"lcm", func() Expr { return call("lcm", 4, 6) }, "12"},
		{"factorial", func() Expr { return call("factorial", 20) }, "2432902008176640000"},
		{"factorial overflows", func() Expr { return call("factorial", 21) }, "error: Arrow error: Arithmetic overflow: Overflow happened on FACTORIAL(21)"},
		{"null", func() Expr { return call("sqrt", nil) }, "∅"},
		{"of text", func() Expr { return call("sqrt", "4") },
			"error: Error during planning: No function matches the given name and argument types 'sqrt(Utf8)'. You might need to add explicit type casts.\n\tCandidate functions:\n\tsqrt(Any)"},
	})
	overEnv(t, []test{
		{"round a column", func() Expr { return call("round", col("t")) }, "21.0 30.0 22.0 ∅ 19.0 32.0 -5.0"},
		{"power of columns", func() Expr { return call("power", col("n"), 2) }, "9 100 25 49 4 ∅ 16"},
		{"abs of a column", func() Expr { return call("abs", col("n")) }, "3 10 5 7 2 ∅ 4"},
	})
}
