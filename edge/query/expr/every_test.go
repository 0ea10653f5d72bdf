package expr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tarn/store/column"
)

// specFunctions are the scalar functions of spec/sql.md sections 7 and 9. An
// array_x stands for the list_x too.
const specFunctions = `coalesce nullif nvl ifnull nvl2 greatest least
abs ceil floor round trunc sqrt power pow ln log10 log2 log exp signum
sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh cot degrees radians pi cbrt random isnan iszero nanvl gcd lcm factorial
lower upper length char_length character_length concat substr substring trim btrim ltrim rtrim replace split_part strpos instr position
left right starts_with ends_with contains concat_ws lpad rpad repeat reverse initcap octet_length bit_length ascii chr to_hex translate
find_in_set substr_index substring_index uuid levenshtein overlay encode decode md5 sha224 sha256 sha384 sha512 digest
regexp_like regexp_replace regexp_match regexp_count regexp_instr
make_array array_length array_element array_has array_contains array_append array_prepend array_concat array_distinct array_position
array_remove array_replace array_slice array_sort array_reverse array_to_string array_join array_union array_intersect array_except
array_any_value array_max array_min array_dims array_ndims array_pop_back array_pop_front array_repeat array_resize array_empty empty
flatten array_flatten cardinality array_distance string_to_array generate_series range map make_map map_keys map_values map_extract element_at
struct row named_struct get_field arrow_cast arrow_typeof version
date_bin date_bin_wallclock date_trunc datetrunc date_part datepart now current_timestamp current_date today
to_timestamp to_timestamp_seconds to_timestamp_millis to_timestamp_micros to_timestamp_nanos from_unixtime to_unixtime to_char date_format
to_date make_date to_local_time tz`

func TestCatalogueIsThatOfTheSpec(t *testing.T) {
	for _, name := range strings.Fields(specFunctions) {
		names := []string{name}
		if rest, ok := strings.CutPrefix(name, "array_"); ok {
			names = append(names, "list_"+rest)
		}
		for _, n := range names {
			if !IsFunction(n) {
				t.Errorf("there is no function %s", n)
			}
		}
	}
}

// wideEnv is env with columns of the types that cannot be stored, each with a
// null.
func wideEnv() (*column.Batch, []Expr) {
	b := env()
	var columns []Expr
	for i, name := range testLayout {
		columns = append(columns, NewColumn(i, name, b.Cols[i].Type))
	}
	n, node, tcol, at := columns[1], columns[2], columns[5], columns[6]
	ok := columns[3]
	maybe := func(e Expr) Expr { return when(bin(n, Distinct, 7), e) }
	for _, x := range []struct {
		name string
		e    Expr
	}{
		{"ints", call("make_array", n, 2, nil)}, {"texts", call("make_array", node, "x")}, {"nested", call("make_array", call("make_array", n), nil)},
		{"empty", call("make_array")}, {"pair", call("struct", node, n)}, {"dict", call("map", "a", n, "b", tcol)},
		{"span", cast("1 month 2 days 3 hours", column.Of(column.IntervalKind))}, {"day", cast(at, column.Of(column.Date))},
		{"took", bin(at, Sub, ts("2026-01-01"))}, {"zoned", call("tz", at, "Europe/Berlin")}, {"flag", ok},
	} {
		v, err := maybe(x.e).Eval(&Context{Now: t0}, b)
		if err != nil {
			panic(err)
		}
		columns = append(columns, NewColumn(len(b.Cols), x.name, v.Type))
		b.Cols = append(b.Cols, v)
	}
	return b, columns
}

// tryBuild calls a constructor; its panics are the test's failures.
func tryBuild(t *testing.T, name string, args []Expr) Expr {
	t.Helper()
	e, err := NewCall(name, slices.Clone(args))
	var known *Error
	if err != nil && !errors.As(err, &known) {
		t.Errorf("%s(%s): the error is no *Error: %v", name, exprTexts(args), err)
	}
	if err != nil {
		return nil
	}
	return e
}

func exprTexts(es []Expr) string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.String() + " " + e.Type().String()
	}
	return strings.Join(out, ", ")
}

// deepCheck says whether the vectors below v agree in length.
func deepCheck(v *column.Vector) error {
	switch v.Type.Kind {
	case column.List:
		if len(v.Offsets) != v.Len+1 || int(v.Offsets[v.Len]) > v.Children[0].Len {
			return fmt.Errorf("%d offsets of %d rows into %d elements", len(v.Offsets), v.Len, v.Children[0].Len)
		}
		if !v.Children[0].Type.Equal(v.Type.Nested.Types[0]) {
			return fmt.Errorf("elements of %s in a %s", v.Children[0].Type, v.Type)
		}
		return deepCheck(v.Children[0])
	case column.Struct:
		for i, c := range v.Children {
			if c.Len != v.Len || !c.Type.Equal(v.Type.Nested.Types[i]) {
				return fmt.Errorf("child %d is %d rows of %s in %d rows of %s", i, c.Len, c.Type, v.Len, v.Type)
			}
			if err := deepCheck(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// evalOver evaluates twice, the second time with used memory.
func evalOver(e Expr, b *column.Batch) (*column.Vector, error) {
	ctx := &Context{Now: t0}
	var v *column.Vector
	for range 2 {
		ctx.Reset()
		var err error
		if v, err = e.Eval(ctx, b); err != nil {
			return nil, err
		}
		if err := errors.Join(wellFormed(v, e.Type(), b.Len), deepCheck(v)); err != nil {
			return nil, fmt.Errorf("BUG: %w", err)
		}
	}
	return v, nil
}

// TestEveryFunctionOfEveryType calls all functions with arguments of all types
// in many combinations. They may refuse them, with an *Error. If they do not,
// the rows of a batch must give what they give alone, and folding what there is
// to fold must not change that.
func TestEveryFunctionOfEveryType(t *testing.T) {
	b, args := wideEnv()
	for _, x := range []any{nil, 0, 1, -2, 3, 2.5, "a", "%Y-%m", "day", "2026-01-01", "hex", "Int32", "UTC", true, uint64(1 << 63)} {
		args = append(args, lit(x))
	}
	args = append(args, interval("1 hour"), call("make_array", 1, nil), call("make_array", "a"), ts("2026-01-01"), call("struct", 1), call("map", "k", 1))
	r := rand.New(rand.NewPCG(1, 1))
	accepted := map[string]int{}
	for _, name := range Functions() {
		f := catalogue()[name]
		most := f.max
		if most < 0 {
			most = f.min + 2
		}
		for arity := f.min; arity <= min(most, 5); arity++ {
			combinations(r, len(args), arity, func(places []int) {
				list := make([]Expr, arity)
				for i, p := range places {
					list[i] = args[p]
				}
				if e := tryBuild(t, name, list); e != nil {
					accepted[name]++
					checkRows(t, e, b)
				}
			})
		}
		if accepted[name] == 0 && f.min < 3 { // of three arguments few samples fit
			t.Errorf("%s accepted no combination of arguments", name)
		}
	}
}

// combinations yields all choices of one place and a sample of longer ones.
func combinations(r *rand.Rand, n, arity int, f func([]int)) {
	switch arity {
	case 0:
		f(nil)
	case 1:
		for i := range n {
			f([]int{i})
		}
	case 2:
		for i := range n {
			for j := range n {
				if r.IntN(2) == 0 {
					f([]int{i, j})
				}
			}
		}
	default:
		for range 400 {
			places := make([]int, arity)
			for i := range places {
				places[i] = r.IntN(n)
			}
			f(places)
		}
	}
}

func checkRows(t *testing.T, e Expr, b *column.Batch) {
	t.Helper()
	if Volatile(e) {
		return
	}
	whole, wholeErr := evalOver(e, b)
	var known *Error
	if wholeErr != nil && !errors.As(wholeErr, &known) {
		t.Errorf("%s: %v", e, wholeErr)
		return
	}
	failed := false
	for i := range b.Len {
		row := &column.Batch{Len: 1}
		for _, c := range b.Cols {
			v := column.NewVector(c.Type, 1)
			v.Reset(c.Type)
			v.AppendFrom(c, i, i+1)
			row.Cols = append(row.Cols, v)
		}
		one, err := evalOver(e, row)
		switch {
		case err != nil:
			failed = true
		case wholeErr == nil && compareRows(one, 0, whole, i) != 0:
			t.Errorf("%s: row %d alone gives %s, among others %s", e, i, show(one), ValueAt(whole, i).Text())
		}
	}
	if failed != (wholeErr != nil) {
		t.Errorf("%s: the batch fails: %v, its rows fail: %v", e, wholeErr, failed)
	}
	if wholeErr != nil {
		return
	}
	folded, err := Fold(&Context{Now: t0}, e)
	if err != nil {
		t.Errorf("%s: folding: %v", e, err)
		return
	}
	v, err := evalOver(folded, b)
	if err != nil {
		t.Errorf("%s: folded to %s: %v", e, folded, err)
		return
	}
	for i := range b.Len {
		if compareRows(v, i, whole, i) != 0 {
			t.Errorf("%s: folded to %s, row %d gives %s in place of %s", e, folded, i, ValueAt(v, i).Text(), ValueAt(whole, i).Text())
			return
		}
	}
}
