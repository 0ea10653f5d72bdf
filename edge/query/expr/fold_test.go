package expr

import (
	"slices"
	"testing"

	"tarn/store/column"
)

func TestFold(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		e          Expr
	}{
		{"constants", "Int64(3)", bin(1, Add, 2)},
		{"below a column", "env.n + Int64(3)", bin(col("n"), Add, bin(1, Add, 2))},
		{"the clock", "env.time >= Timestamp(Nanosecond, None)(2025-12-31T23:00:00)", bin(col("time"), Ge, bin(call("now"), Sub, interval("1 hour")))},
		{"volatile", "random()", call("random")},
		{"neutral operand", "env.ok", bin(true, And, col("ok"))},
		{"deciding operand", "Boolean(false)", bin(col("ok"), And, bin(1, Gt, 2))},
		{"a failing branch stays", "CASE WHEN env.ok THEN Int64(1) / Int64(0) ELSE Int64(3) END", when(col("ok"), bin(1, Div, 0), bin(1, Add, 2))},
		{"implicit conversions do not show", "env.n * Float64(1.5)", bin(col("n"), Mul, 1.5)},
		{"functions", `round(env.t,Int64(1)) > Float64(2)`, bin(call("round", col("t"), 1), Gt, 2)},
		{"nested operations have parentheses", "(env.n + Int64(1)) * Int64(2)", bin(bin(col("n"), Add, 1), Mul, 2)},
		{"lists", `env.node IN ([Utf8("a"), Utf8("b")])`, in(col("node"), "a", "b")},
	} {
		got, err := Fold(&Context{Now: t0}, tc.e)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		} else if got.String() != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
	if _, err := Fold(nil, bin(1, Div, 0)); err == nil || err.Error() != "Arrow error: Divide by zero error" {
		t.Errorf("1/0 folds to %v", err)
	}
	if _, err := Evaluate(nil, col("n")); err == nil {
		t.Error("a column evaluates to a constant")
	}
}

func TestRewriting(t *testing.T) {
	e := bin(bin(col("n"), Add, col("u")), Gt, call("coalesce", col("n"), 1))
	if got, want := Columns(e), []int{1, 7}; !slices.Equal(got, want) {
		t.Errorf("Columns = %v, want %v", got, want)
	}
	moved := Remap(e, func(i int) int { return map[int]int{1: 0, 7: 1}[i] })
	if got, want := Columns(moved), []int{0, 1}; !slices.Equal(got, want) {
		t.Errorf("Columns after Remap = %v, want %v", got, want)
	}
	b := env()
	v, err := moved.Eval(&Context{}, &column.Batch{Len: 7, Cols: []*column.Vector{b.Cols[1], b.Cols[7]}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(v), "true false true true true ∅ true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, tc := range []struct {
		name string
		a, b Expr
		want bool
	}{
		{"same", bin(col("n"), Add, 1), bin(col("n"), Add, 1), true},
		{"other literal", bin(col("n"), Add, 1), bin(col("n"), Add, 2), false},
		{"other column of the same name", NewColumn(0, "x", intType), NewColumn(1, "x", intType), false},
		{"other type", cast(col("n"), floatType), col("n"), false},
		{"volatile", call("random"), call("random"), false},
	} {
		if got := Equal(tc.a, tc.b); got != tc.want {
			t.Errorf("%s: Equal = %v", tc.name, got)
		}
	}
}

func TestGetField(t *testing.T) {
	st := column.StructOf([]string{"value", "time"}, []column.Type{floatType, timeType})
	v := column.NewVector(st, 2)
	v.Reset(st)
	Value{Type: st, Elems: []Value{Float(65), Timestamp(t0)}}.AppendTo(v)
	v.AppendNull(1)
	b := &column.Batch{Len: 2, Cols: []*column.Vector{v}}
	c := NewColumn(0, "selector_last(env.t,env.time)", st)
	for name, want := range map[string]string{"value": "65.0 ∅", "time": "2026-01-01T00:00:00 ∅"} {
		f, err := NewGetField(c, name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Eval(&Context{}, b)
		if err != nil {
			t.Fatal(err)
		}
		if show(got) != want {
			t.Errorf("%s = %s, want %s", name, show(got), want)
		}
	}
	if _, err := NewGetField(c, "Value"); err == nil {
		t.Error("a field was found by a name in the wrong case")
	}
	if got, want := ValueAt(v, 0).Text(), "{value: 65.0, time: 2026-01-01T00:00:00}"; got != want {
		t.Errorf("text of a struct: %s, want %s", got, want)
	}
}

func TestVolatileFunctionsDifferByRow(t *testing.T) {
	for _, name := range []string{"random", "uuid"} {
		v, err := call(name).Eval(&Context{}, &column.Batch{Len: 3})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := ValueAt(v, 0).Text(), ValueAt(v, 1).Text(); a == b {
			t.Errorf("%s() gave %s twice", name, a)
		}
	}
}
