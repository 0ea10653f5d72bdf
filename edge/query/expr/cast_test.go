package expr

import (
	"math"
	"testing"

	"tarn/store/column"
)

func TestCast(t *testing.T) {
	date := column.Of(column.Date)
	constants(t, []test{
		{"float to integer truncates", func() Expr { return cast(-2.9, intType) }, "-2"},
		{"NaN to integer", func() Expr { return cast(math.NaN(), intType) }, "error: Arrow error: Cast error: Can't cast value NaN to type Int64"},
		{"float out of range", func() Expr { return cast(1e19, intType) }, "error: Arrow error: Cast error: Can't cast value 1e19 to type Int64"},
		{"TRY_CAST of it", func() Expr { return tryCast(1e19, intType) }, "∅"},
		{"negative to unsigned", func() Expr { return cast(-1, uintType) }, "error: Arrow error: Cast error: Can't cast value -1 to type UInt64"},
		{"unsigned out of range", func() Expr { return cast(uint64(math.MaxUint64), intType) },
			"error: Arrow error: Cast error: Can't cast value 18446744073709551615 to type Int64"},
		{"text to integer", func() Expr { return cast("-42", intType) }, "-42"},
		{"no trimming", func() Expr { return cast(" 5", intType) }, "error: Arrow error: Cast error: Cannot cast string ' 5' to value of Int64 type"},
		{"no decimals", func() Expr { return cast("5.0", intType) }, "error: Arrow error: Cast error: Cannot cast string '5.0' to value of Int64 type"},
		{"TRY_CAST of text", func() Expr { return tryCast("x", intType) }, "∅"},
		{"text to float", func() Expr { return cast("1.5e3", floatType) }, "1500.0"},
		{"text inf", func() Expr { return cast("inf", floatType) }, "inf"},
		{"no hexadecimal floats", func() Expr { return cast("0x1p4", floatType) }, "error: Arrow error: Cast error: Cannot cast string '0x1p4' to value of Float64 type"},
		{"float to text", func() Expr { return cast(20.5, textType) }, "20.5"},
		{"whole float to text", func() Expr { return cast(3.0, textType) }, "3.0"},
		{"integer to text", func() Expr { return cast(3, textType) }, "3"},
		{"text to boolean", func() Expr { return cast("YES", boolType) }, "true"},
		{"off", func() Expr { return cast("off", boolType) }, "false"},
		{"bad boolean", func() Expr { return cast("maybe", boolType) }, "error: Arrow error: Cast error: Cannot cast string 'maybe' to value of Boolean type"},
		{"integer to boolean", func() Expr { return cast(2, boolType) }, "true"},
		{"boolean to integer", func() Expr { return cast(true, intType) }, "1"},
		{"integer to timestamp counts nanoseconds", func() Expr { return cast(1767225600, timeType) }, "1970-01-01T00:00:01.767225600"},
		{"timestamp to integer", func() Expr { return cast(ts("2026-01-01"), intType) }, "1767225600000000000"},
		{"timestamp to date", func() Expr { return cast(ts("1969-12-31T23:00:00"), date) }, "1969-12-31"},
		{"date to timestamp", func() Expr { return cast(cast("2026-01-02", date), timeType) }, "2026-01-02T00:00:00"},
		{"timestamp to text", func() Expr { return cast(ts("2026-01-01T00:00:00.5"), textType) }, "2026-01-01T00:00:00.500"},
		{"text to interval", func() Expr { return interval("1 day 1.5 hours") }, "1 days 1 hours 30 mins"},
		{"bad interval", func() Expr { return interval("5 foo") }, `error: Arrow error: Parser error: Invalid input syntax for type interval: "5 foo"`},
		{"impossible pair", func() Expr { return tryCast(true, timeType) }, "error: Error during planning: Unsupported CAST from Boolean to Timestamp(Nanosecond, None)"},
		{"INT is of 32 bits", func() Expr { return castTo(int64(3000000000), "int") }, "error: Arrow error: Cast error: Can't cast value 3000000000 to type Int32"},
		{"SMALLINT", func() Expr { return castTo("32767", "SMALLINT") }, "32767"},
		{"TINYINT UNSIGNED", func() Expr { return castTo(256, "tinyint  unsigned") }, "error: Arrow error: Cast error: Can't cast value 256 to type UInt8"},
		{"FLOAT is of 32 bits", func() Expr { return castTo(0.1, "FLOAT") }, "0.10000000149011612"},
		{"null", func() Expr { return cast(nil, intType) }, "∅"},
		{"arrow_cast", func() Expr { return call("arrow_cast", 1, "Timestamp(Nanosecond, Some(\"UTC\"))") }, "1970-01-01T00:00:00.000000001Z"},
		{"arrow_cast narrow", func() Expr { return call("arrow_cast", 300, "Int8") }, "error: Arrow error: Cast error: Can't cast value 300 to type Int8"},
		{"arrow_cast to a dictionary", func() Expr { return call("arrow_cast", "x", "Dictionary(Int32, Utf8)") }, "x"},
		{"arrow_typeof", func() Expr { return call("arrow_typeof", col("node")) }, "Dictionary(Int32, Utf8)"},
	})
	overEnv(t, []test{
		{"column to text", func() Expr { return cast(col("t"), textType) }, "20.5 30.0 21.5 ∅ 19.0 32.0 -5.25"},
		{"tag to text", func() Expr { return cast(col("site"), textType) }, "lab lab lab lab lab lab ∅"},
		{"tag to integer", func() Expr { return tryCast(col("node"), intType) }, "∅ ∅ ∅ ∅ ∅ ∅ ∅"},
		{"one bad row of a tag", func() Expr { return cast(col("node"), intType) }, "error: Arrow error: Cast error: Cannot cast string 'a' to value of Int64 type"},
		{"time to text", func() Expr { return cast(col("time"), textType) },
			"2026-01-01T00:00:00 2026-01-01T00:05:00 2026-01-01T00:10:00 2026-01-01T00:20:00 2026-01-01T00:40:00 2026-01-01T00:40:00 2026-01-01T01:00:00"},
		{"concatenation", func() Expr { return bin(bin(col("node"), Concat, "-"), Concat, col("n")) }, "a-3 b-10 a-5 b-7 a-2 ∅ c--4"},
	})
	if _, err := ParseSQLType("varchar", 10); err == nil || err.Error() != "This feature is not implemented: Unsupported SQL type varchar(10)" {
		t.Errorf("VARCHAR(10): %v", err)
	}
}

func TestConditionals(t *testing.T) {
	constants(t, []test{
		{"else of unlike numbers", func() Expr { return when(false, 1, 2.5) }, "2.5"},
		{"number and text give text", func() Expr { return when(true, 1, "x") }, "1"},
		{"no branch", func() Expr { return when(false, 1) }, "∅"},
		{"null condition", func() Expr { return when(nil, 1, 2) }, "2"},
		{"a branch that is not taken cannot fail", func() Expr { return when(true, 1, bin(1, Div, 0)) }, "1"},
		{"coalesce is lazy", func() Expr { return call("coalesce", nil, 1, bin(1, Div, 0)) }, "1"},
		{"condition of another type", func() Expr { return when(1, 2) }, "error: Error during planning: WHEN expression of CASE must be boolean, got Int64"},
		{"nullif", func() Expr { return call("nullif", 1, 2) }, "1"},
		{"nvl2", func() Expr { return call("nvl2", nil, "a", "b") }, "b"},
		{"greatest leaves nulls out", func() Expr { return call("greatest", 1, nil, 2.5) }, "2.5"},
		{"least of nulls", func() Expr { return call("least", nil, nil) }, "∅"},
	})
	overEnv(t, []test{
		{"example 16", func() Expr {
			return when(bin(col("t"), Ge, 30), "hot", un(IsNull, col("t")), "none", "ok")
		}, "ok hot ok none ok hot ok"},
		{"lazy per row", func() Expr { return when(bin(col("u"), Eq, 0), 0, bin(10, Div, col("u"))) }, "3 0 2 1 5 ∅ 2"},
		{"branches of columns", func() Expr { return when(col("ok"), col("node"), col("msg")) }, "a hi ∅ a,b ∅ ∅ ∅"},
		{"example 17", func() Expr { return call("coalesce", col("t"), -1) }, "20.5 30.0 21.5 -1.0 19.0 32.0 -5.25"},
		{"coalesce of a tag", func() Expr { return call("coalesce", col("site"), "none") }, "lab lab lab lab lab lab none"},
		{"coalesce of a tag without nulls", func() Expr { return call("coalesce", col("node"), col("msg")) }, "a b a b a b c"},
		{"coalesce of columns", func() Expr { return call("coalesce", col("msg"), col("site"), "z") }, "lab hi lab a,b lab lab z"},
		{"operand", func() Expr {
			return must(NewCase(col("node"), lits([]any{"a", "b"}), lits([]any{1, 2}), nil))
		}, "1 2 1 2 1 2 ∅"},
		{"greatest of columns", func() Expr { return call("greatest", col("n"), 4, col("t")) }, "20.5 30.0 21.5 7.0 19.0 32.0 4.0"},
		{"least of tags", func() Expr { return call("least", col("node"), "b") }, "a b a b a b b"},
		{"nullif of a tag", func() Expr { return call("nullif", col("node"), "b") }, "a ∅ a ∅ a ∅ c"},
	})
}
