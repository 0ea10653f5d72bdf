package expr

import (
	"math"
	"testing"
)

func TestComparison(t *testing.T) {
	nan := math.NaN()
	constants(t, []test{
		{"NaN equals itself", func() Expr { return bin(nan, Eq, nan) }, "true"},
		{"NaN is greatest", func() Expr { return bin(nan, Gt, math.Inf(1)) }, "true"},
		{"nothing exceeds NaN", func() Expr { return bin(1.0, Ge, nan) }, "false"},
		{"zeros are equal", func() Expr { return bin(math.Copysign(0, -1), Eq, 0.0) }, "true"},
		{"null gives null", func() Expr { return bin(1, Eq, nil) }, "∅"},
		{"text order is that of bytes", func() Expr { return bin("10", Lt, "5") }, "true"},
		{"integer and float", func() Expr { return bin(1, Lt, 1.5) }, "true"},
		{"boolean and integer", func() Expr { return bin(true, Eq, 1) },
			"error: Error during planning: Cannot infer common argument type for comparison operation Boolean = Int64"},
		{"false before true", func() Expr { return bin(false, Lt, true) }, "true"},
		{"timestamp and text with offset", func() Expr { return bin(ts("2026-01-01"), Eq, "2026-01-01T02:00:00+02:00") }, "true"},
		{"timestamp and bad text", func() Expr { return bin(ts("2026-01-01"), Eq, "2026-1-1") },
			"error: Arrow error: Parser error: Error parsing timestamp from '2026-1-1': timestamp must contain at least 10 characters"},
		{"timestamp and integer", func() Expr { return bin(ts("2026-01-01"), Eq, int64(t0)) }, "true"},
		{"timestamp and date", func() Expr { return bin(ts("2026-01-01"), Eq, call("make_date", 2026, 1, 1)) }, "true"},
		{"signed and unsigned by value", func() Expr { return bin(-1, Lt, uint64(math.MaxUint64)) }, "true"},
		{"interval parts", func() Expr { return bin(interval("1 day"), Eq, interval("24 hours")) }, "false"},
		{"duration and interval", func() Expr { return bin(bin(ts("2026-01-02"), Sub, "2026-01-01"), Gt, interval("1 hour")) }, "true"},
		{"distinct from null", func() Expr { return bin(1, Distinct, nil) }, "true"},
		{"nulls are not distinct", func() Expr { return bin(nil, NotDistinct, nil) }, "true"},
		{"values are distinct", func() Expr { return bin(1, Distinct, 2) }, "true"},
	})
	overEnv(t, []test{
		{"example 2", func() Expr { return bin(bin(col("site"), Eq, "lab"), And, bin(col("t"), Gt, 20)) }, "true true true ∅ false true false"},
		{"example 18", func() Expr {
			return must(NewBetween(col("time"), lit("2026-01-01T00:05:00"), lit("2026-01-01 00:20:00Z"), false))
		}, "false true true true false false false"},
		{"example 19 empty", func() Expr { return bin(col("site"), Eq, "") }, "false false false false false false ∅"},
		{"example 19 null", func() Expr { return un(IsNull, col("site")) }, "false false false false false false true"},
		{"example 19 unequal", func() Expr { return bin(col("site"), Ne, "lab") }, "false false false false false false ∅"},
		{"example 21 order is text", func() Expr { return bin(col("n"), Gt, "5") }, "false false false true false ∅ false"},
		{"example 21 equality is number", func() Expr { return bin(col("n"), Eq, "5") }, "false false true false false ∅ false"},
		{"tag and integer", func() Expr { return bin(col("node"), Ne, 1) }, "true true true true true true true"},
		{"float over null", func() Expr { return bin(col("t"), Le, 20.5) }, "true false false ∅ true false true"},
		{"constant on the left", func() Expr { return bin(20.5, Lt, col("t")) }, "false true true ∅ false true false"},
		{"columns", func() Expr { return bin(col("n"), Lt, col("t")) }, "true true true ∅ true ∅ false"},
		{"tag and text column", func() Expr { return bin(col("node"), Lt, col("msg")) }, "∅ true ∅ false ∅ ∅ ∅"},
		{"tag and tag", func() Expr { return bin(col("node"), Eq, col("site")) }, "false false false false false false ∅"},
		{"tag and itself", func() Expr { return bin(col("node"), Eq, col("node")) }, "true true true true true true true"},
		{"signed and unsigned columns", func() Expr { return bin(col("n"), Lt, col("big")) }, "true true true true true ∅ true"},
		{"unsigned and negative literal", func() Expr { return bin(col("u"), Gt, -1) }, "true true true true true ∅ true"},
		{"distinct over nulls", func() Expr { return bin(col("site"), Distinct, "lab") }, "false false false false false false true"},
		{"greater with NaN", func() Expr { return bin(nan, Gt, col("t")) }, "true true true ∅ true true true"},
	})
}

func TestLogic(t *testing.T) {
	var tests []test
	names := map[any]string{true: "true", false: "false", nil: "∅"}
	and := func(a, b any) any {
		switch {
		case a == false || b == false:
			return false
		case a == nil || b == nil:
			return nil
		}
		return true
	}
	not := func(a any) any {
		if a == nil {
			return nil
		}
		return a != true
	}
	for _, a := range []any{true, false, nil} {
		for _, b := range []any{true, false, nil} {
			tests = append(tests,
				test{names[a] + " and " + names[b], func() Expr { return bin(a, And, b) }, names[and(a, b)]},
				test{names[a] + " or " + names[b], func() Expr { return bin(a, Or, b) }, names[not(and(not(a), not(b)))]})
		}
		tests = append(tests,
			test{"not " + names[a], func() Expr { return un(Not, a) }, names[not(a)]},
			test{names[a] + " is true", func() Expr { return un(IsTrue, a) }, names[a == true]},
			test{names[a] + " is not true", func() Expr { return un(IsNotTrue, a) }, names[a != true]},
			test{names[a] + " is false", func() Expr { return un(IsFalse, a) }, names[a == false]},
			test{names[a] + " is not false", func() Expr { return un(IsNotFalse, a) }, names[a != false]},
			test{names[a] + " is unknown", func() Expr { return un(IsUnknown, a) }, names[a == nil]})
	}
	tests = append(tests, test{"text and boolean", func() Expr { return bin("x", And, true) },
		"error: Error during planning: Cannot infer common argument type for logical boolean operation Utf8 AND Boolean"},
		test{"xor", func() Expr { return bin(true, Xor, false) }, "true"})
	constants(t, tests)
	overEnv(t, []test{
		{"columns", func() Expr { return bin(col("ok"), Or, bin(col("n"), Gt, 4)) }, "true true true true false ∅ ∅"},
		{"the left operand guards the right one", func() Expr {
			return bin(bin(col("u"), Ne, 0), And, bin(bin(10, Div, col("u")), Gt, 2))
		}, "true false false false true ∅ false"},
	})
}

func TestIn(t *testing.T) {
	constants(t, []test{
		{"found beside null", func() Expr { return in(1, 1, nil) }, "true"},
		{"not found beside null", func() Expr { return in(2, 1, nil) }, "∅"},
		{"null in a list", func() Expr { return in(nil, 1) }, "∅"},
		{"numbers widen", func() Expr { return in(1, 1.0, 2.5) }, "true"},
		{"canonical text", func() Expr { return in(5, "5") }, "true"},
		{"NaN", func() Expr { return in(math.NaN(), math.NaN()) }, "true"},
	})
	overEnv(t, []test{
		{"example 20 floats", func() Expr { return notIn(col("t"), 20.5, 21.5) }, "false true false ∅ true true true"},
		{"example 20 with null", func() Expr { return notIn(col("n"), 3, nil) }, "false ∅ ∅ ∅ ∅ ∅ ∅"},
		{"tags", func() Expr { return in(col("node"), "a", "c") }, "true false true false true false true"},
		{"tags of null", func() Expr { return in(col("site"), "lab") }, "true true true true true true ∅"},
		{"many", func() Expr { return in(col("n"), 1, 2, 3, 4, 5, 6, 7, 8, 9, 11) }, "true false true true true ∅ false"},
		{"columns", func() Expr { return in(col("n"), col("u"), 10) }, "true true true true true ∅ false"},
		{"unsigned", func() Expr { return in(col("u"), 3, -1) }, "true false false false false ∅ false"},
		{"times as text", func() Expr { return in(col("time"), "2026-01-01", "2026-01-01T01:00:00Z") }, "true false false false false false true"},
	})
}
