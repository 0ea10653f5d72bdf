package expr

import (
	"context"
	"strings"
	"testing"

	"tarn/store/column"
)

// counting is upper() that counts the rows that it computes.
func counting(x Expr, count *int) Expr {
	return newNode("counting", []Expr{x}, textType, strictRows(textType, func(ctx *Context, args []operand) func(*column.Vector, int) error {
		s := ctx.textSlot(args[0])
		return func(out *column.Vector, i int) error {
			*count++
			out.Strings[i] = strings.ToUpper(s.at(i))
			return nil
		}
	}))
}

func TestDictionaryIsComputedOncePerValue(t *testing.T) {
	count := 0
	e := bin(counting(col("node"), &count), Concat, "!")
	ctx := NewContext(context.Background(), 0)
	eval := func(b *column.Batch) string {
		t.Helper()
		ctx.Reset()
		v, err := e.Eval(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		return show(v)
	}
	first := env()
	for range 3 {
		if got, want := eval(first), "A! B! A! B! A! B! C!"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if count != 3 {
		t.Errorf("%d rows were computed for 3 distinct values in 3 batches", count)
	}

	// The dictionary grows: only the new value is computed.
	node := first.Cols[2]
	node.Dict.Values = append(node.Dict.Values, "d")
	node.Codes[6] = 3
	if got, want := eval(first), "A! B! A! B! A! B! D!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if count != 4 {
		t.Errorf("%d rows were computed for 4 distinct values", count)
	}

	// Another dictionary has other values for the same codes.
	other := env()
	other.Cols[2] = tags("x", nil, "y", "x", nil, "z", "x")
	if got, want := eval(other), "X! ∅ Y! X! ∅ Z! X!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnusedDictionaryValuesCannotFail(t *testing.T) {
	b := env()
	b.Cols[2] = tags("1", "2", "1", "2", "1", "2", "1")
	b.Cols[2].Dict.Values = append(b.Cols[2].Dict.Values, "not a number")
	v, err := cast(col("node"), intType).Eval(&Context{}, b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(v), "1 2 1 2 1 2 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEvalDoesNotChangeItsInput(t *testing.T) {
	for name, e := range map[string]Expr{
		"narrow cast": castTo(col("n"), "smallint"), "float cast": castTo(col("t"), "float"), "difference": bin(col("time"), Sub, "2026-01-01"),
		"nullif": call("nullif", col("n"), 3), "greatest": call("greatest", col("n"), 5), "coalesce": call("coalesce", col("n"), 1),
		"distinct": bin(col("n"), Distinct, nil), "tz": call("tz", col("time"), "UTC"), "guarded": bin(bin(col("u"), Ne, 0), And, bin(bin(1, Div, col("u")), Eq, 1)),
	} {
		b, untouched := env(), env()
		ctx := &Context{}
		for range 3 {
			ctx.Reset()
			if _, err := e.Eval(ctx, b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for i := range b.Cols {
			if show(b.Cols[i]) != show(untouched.Cols[i]) || !b.Cols[i].Type.Equal(untouched.Cols[i].Type) {
				t.Errorf("%s changed column %s to %s", name, testLayout[i], show(b.Cols[i]))
			}
		}
	}
}
