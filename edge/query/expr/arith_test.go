package expr

import (
	"math"
	"testing"
)

func TestArithmetic(t *testing.T) {
	constants(t, []test{
		{"integer addition wraps", func() Expr { return bin(int64(math.MaxInt64), Add, 1) }, "-9223372036854775808"},
		{"integer division truncates", func() Expr { return bin(7, Div, 2) }, "3"},
		{"toward zero", func() Expr { return bin(un(Neg, 7), Div, 2) }, "-3"},
		{"remainder has the sign of the dividend", func() Expr { return bin(-7, Mod, 2) }, "-1"},
		{"also with a negative divisor", func() Expr { return bin(7, Mod, -2) }, "1"},
		{"float remainder", func() Expr { return bin(5.5, Mod, 2) }, "1.5"},
		{"float division by zero", func() Expr { return bin(1.0, Div, 0) }, "inf"},
		{"zero by zero", func() Expr { return bin(0.0, Div, 0) }, "NaN"},
		{"integer division by zero", func() Expr { return bin(1, Div, 0) }, "error: Arrow error: Divide by zero error"},
		{"remainder by zero", func() Expr { return bin(1, Mod, 0) }, "error: Arrow error: Divide by zero error"},
		{"nullif saves", func() Expr { return bin(1, Div, call("nullif", 0, 0)) }, "∅"},
		{"least by minus one wraps", func() Expr { return bin(int64(math.MinInt64), Div, -1) }, "-9223372036854775808"},
		{"xor", func() Expr { return bin(5, BitXor, 3) }, "6"},
		{"and", func() Expr { return bin(5, BitAnd, 3) }, "1"},
		{"or", func() Expr { return bin(5, BitOr, 3) }, "7"},
		{"shift left", func() Expr { return bin(1, ShiftLeft, 3) }, "8"},
		{"shift modulo 64", func() Expr { return bin(1, ShiftLeft, 65) }, "2"},
		{"shift right keeps the sign", func() Expr { return bin(-8, ShiftRight, 1) }, "-4"},
		{"null operand", func() Expr { return bin(1, Add, nil) }, "∅"},
		{"two nulls", func() Expr { return bin(nil, Add, nil) }, "∅"},
		{"float and text", func() Expr { return bin(1.0, Add, "x") }, "error: Error during planning: Cannot coerce arithmetic expression Float64 + Utf8 to valid types"},
		{"boolean", func() Expr { return bin(true, Add, 1) }, "error: Error during planning: Cannot coerce arithmetic expression Boolean + Int64 to valid types"},
		{"negating the least", func() Expr { return un(Neg, int64(math.MinInt64)) }, "error: Arrow error: Arithmetic overflow: Overflow happened on: - -9223372036854775808"},
		{"the least as digits", func() Expr { return un(Neg, uint64(1)<<63) }, "-9223372036854775808"},
		{"negating unsigned", func() Expr { return un(Neg, uint64(math.MaxUint64)) }, "error: Error during planning: Negation only supports numeric, interval and timestamp types"},
		{"large unsigned and signed", func() Expr { return bin(uint64(math.MaxUint64), Sub, uint64(1)<<63) }, "9223372036854775807"},
	})
	overEnv(t, []test{
		{"example 15 quotient", func() Expr { return bin(col("n"), Div, 2) }, "1 5 2 3 1 ∅ -2"},
		{"example 15 remainder", func() Expr { return bin(col("n"), Mod, 3) }, "0 1 2 1 2 ∅ -1"},
		{"example 15 float", func() Expr { return bin(bin(col("n"), Mul, 1.0), Div, 2) }, "1.5 5.0 2.5 3.5 1.0 ∅ -2.0"},
		{"example 15 minus", func() Expr { return un(Neg, col("n")) }, "-3 -10 -5 -7 -2 ∅ 4"},
		{"columns", func() Expr { return bin(col("n"), Add, col("t")) }, "23.5 40.0 26.5 ∅ 21.0 ∅ -9.25"},
		{"constant on the left", func() Expr { return bin(1, Sub, col("n")) }, "-2 -9 -4 -6 -1 ∅ 5"},
		{"constant dividend over null", func() Expr { return bin(100, Div, col("n")) }, "33 10 20 14 50 ∅ -25"},
		{"zero in a null row is no error", func() Expr { return bin(1, Div, bin(col("n"), Mul, call("nullif", 1, 1))) }, "∅ ∅ ∅ ∅ ∅ ∅ ∅"},
		{"zero in a row", func() Expr { return bin(1, Div, col("u")) }, "error: Arrow error: Divide by zero error"},
		{"unsigned overflow", func() Expr { return bin(col("big"), Add, 1) },
			"error: Arrow error: Arithmetic overflow: Overflow happened on: 18446744073709551615 + 1"},
		{"unsigned minus literal is exact", func() Expr { return bin(col("u"), Sub, 4) }, "-1 -4 1 3 -2 ∅ 0"},
		{"signed and unsigned columns", func() Expr { return bin(col("n"), Mul, col("u")) }, "9 0 25 49 4 ∅ -16"},
		{"exact overflow", func() Expr { return bin(col("n"), Add, col("big")) },
			"error: Arrow error: Arithmetic overflow: Overflow happened on: 3 + 18446744073709551615"},
		{"bits of both signs", func() Expr { return bin(col("n"), BitAnd, col("u")) }, "3 0 5 7 2 ∅ 4"},
	})
}

func TestTemporalArithmetic(t *testing.T) {
	constants(t, []test{
		{"month end is clamped", func() Expr { return bin(ts("2020-01-31"), Add, interval("1 month")) }, "2020-02-29T00:00:00"},
		{"months before days", func() Expr { return bin(ts("2021-01-31"), Add, interval("1 month 1 day")) }, "2021-03-01T00:00:00"},
		{"minus an interval", func() Expr { return bin(ts("2020-03-31"), Sub, interval("1 month")) }, "2020-02-29T00:00:00"},
		{"interval first", func() Expr { return bin(interval("90 minutes"), Add, ts("2026-01-01")) }, "2026-01-01T01:30:00"},
		{"interval minus timestamp", func() Expr { return bin(interval("1 day"), Sub, ts("2026-01-01")) },
			"error: Error during planning: Cannot coerce arithmetic expression Interval(MonthDayNano) - Timestamp(Nanosecond, None) to valid types"},
		{"timestamp plus timestamp", func() Expr { return bin(ts("2026-01-01"), Add, ts("2026-01-01")) },
			"error: Error during planning: Cannot coerce arithmetic expression Timestamp(Nanosecond, None) + Timestamp(Nanosecond, None) to valid types"},
		{"timestamp plus integer", func() Expr { return bin(ts("2026-01-01"), Add, 1) },
			"error: Error during planning: Cannot coerce arithmetic expression Timestamp(Nanosecond, None) + Int64 to valid types"},
		{"difference", func() Expr { return bin(ts("2026-01-01T01:00:00"), Sub, ts("2026-01-01")) }, "PT3600S"},
		{"difference with text", func() Expr { return bin(ts("2026-01-01T01:00:00"), Sub, "2026-01-01") }, "PT3600S"},
		{"out of range", func() Expr { return bin(ts("2262-01-01"), Add, interval("1 year")) },
			"error: Arrow error: Arithmetic overflow: the result is outside of the range of nanosecond timestamps"},
		{"intervals", func() Expr { return bin(interval("1 month 1 day"), Sub, interval("2 days 1 hour")) }, "1 mons -1 days -1 hours"},
		{"interval times integer", func() Expr { return bin(interval("5 minutes"), Mul, 2) }, "10 mins"},
		{"integer times interval", func() Expr { return bin(2, Mul, interval("5 minutes")) }, "10 mins"},
		{"now minus an hour", func() Expr { return bin(call("now"), Sub, interval("1 hour")) }, "2025-12-31T23:00:00"},
		{"days on a zone's clock", func() Expr {
			return bin(call("tz", "2026-03-07T17:00:00Z", "America/New_York"), Add, interval("1 day"))
		}, "2026-03-08T12:00:00-04:00"},
		{"date plus interval", func() Expr { return bin(call("make_date", 2024, 1, 31), Add, interval("1 month")) }, "2024-02-29"},
	})
	overEnv(t, []test{
		{"column plus interval", func() Expr { return bin(col("time"), Sub, interval("1 day")) },
			"2025-12-31T00:00:00 2025-12-31T00:05:00 2025-12-31T00:10:00 2025-12-31T00:20:00 2025-12-31T00:40:00 2025-12-31T00:40:00 2025-12-31T01:00:00"},
		{"column minus text", func() Expr { return bin(col("time"), Sub, "2026-01-01T00:00:00Z") },
			"P0D PT300S PT600S PT1200S PT2400S PT2400S PT3600S"},
		{"duration over integer", func() Expr { return bin(bin(col("time"), Sub, "2026-01-01"), Div, 2) },
			"P0D PT150S PT300S PT600S PT1200S PT1200S PT1800S"},
	})
}
