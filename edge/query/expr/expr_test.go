package expr

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"tarn/store/column"
)

// T0 of spec/sql.md section 15.
const t0 = 1767225600_000000000

var (
	intType    = column.Of(column.Int64)
	uintType   = column.Of(column.Uint64)
	floatType  = column.Of(column.Float64)
	boolType   = column.Of(column.Bool)
	textType   = column.Of(column.String)
	timeType   = column.Of(column.Timestamp)
	nullType   = column.Of(column.Null)
	tagType    = column.Of(column.Dict)
	testLayout = []string{"msg", "n", "node", "ok", "site", "t", "time", "u", "big"}
)

// env is the table of spec/sql.md section 15 in order of time and node, with
// the columns u and big added for unsigned integers.
func env() *column.Batch {
	b := &column.Batch{Len: 7}
	msg := values(textType, nil, "hi", nil, "a,b", nil, nil, nil)
	n := values(intType, 3, 10, 5, 7, 2, nil, -4)
	node := tags("a", "b", "a", "b", "a", "b", "c")
	ok := values(boolType, true, nil, nil, nil, false, nil, nil)
	site := tags("lab", "lab", "lab", "lab", "lab", "lab", nil)
	t := values(floatType, 20.5, 30.0, 21.5, nil, 19.0, 32.0, -5.25)
	ts := column.NewVector(timeType, 7)
	for _, s := range []int64{0, 300, 600, 1200, 2400, 2400, 3600} {
		Timestamp(t0 + s*1e9).AppendTo(ts)
	}
	u := values(uintType, 3, 0, 5, 7, 2, nil, 4)
	big := column.NewVector(uintType, 7)
	for range 7 {
		Uint(math.MaxUint64).AppendTo(big)
	}
	b.Cols = []*column.Vector{msg, n, node, ok, site, t, ts, u, big}
	return b
}

// values makes a vector of Go constants; nil is null.
func values(t column.Type, vs ...any) *column.Vector {
	v := column.NewVector(t, len(vs))
	for _, x := range vs {
		value(t, x).AppendTo(v)
	}
	return v
}

func value(t column.Type, x any) Value {
	out := Value{Type: t}
	switch x := x.(type) {
	case nil:
		out.Null = true
	case int:
		out.I, out.U = int64(x), uint64(x)
	case float64:
		out.F = x
	case bool:
		out.B = x
	case string:
		out.S = x
	default:
		panic(fmt.Sprintf("no test value of type %T", x))
	}
	return out
}

// tags makes a dictionary vector; the code of a null points nowhere.
func tags(vs ...any) *column.Vector {
	v := column.NewVector(tagType, len(vs))
	v.Dict = &column.Dictionary{}
	codes := map[string]uint32{}
	for i, x := range vs {
		s, ok := x.(string)
		code := uint32(1 << 31)
		if ok {
			if code, ok = codes[s]; !ok {
				code = uint32(len(v.Dict.Values))
				codes[s] = code
				v.Dict.Values = append(v.Dict.Values, s)
			}
		} else {
			v.Nulls.Set(i)
		}
		v.Codes = append(v.Codes, code)
		v.Len++
	}
	return v
}

// The test language: functions that return expressions and panic with the
// error of a failing constructor, which run and fails catch.

func col(name string) Expr {
	for i, n := range testLayout {
		if n == name {
			return NewColumn(i, "env."+name, env().Cols[i].Type)
		}
	}
	panic("no column " + name)
}

func lit(x any) Expr {
	switch x := x.(type) {
	case nil:
		return NewLiteral(NullOf(nullType))
	case int:
		return NewLiteral(Int(int64(x)))
	case int64:
		return NewLiteral(Int(x))
	case uint64:
		return NewLiteral(Uint(x))
	case float64:
		return NewLiteral(Float(x))
	case bool:
		return NewLiteral(Boolean(x))
	case string:
		return NewLiteral(String(x))
	case Expr:
		return x
	}
	panic(fmt.Sprintf("no literal of type %T", x))
}

func lits(xs []any) []Expr {
	out := make([]Expr, len(xs))
	for i, x := range xs {
		out[i] = lit(x)
	}
	return out
}

func must(e Expr, err error) Expr {
	if err != nil {
		panic(err)
	}
	return e
}

func bin(l any, op Op, r any) Expr      { return must(NewBinary(op, lit(l), lit(r))) }
func un(op Op, x any) Expr              { return must(NewUnary(op, lit(x))) }
func call(name string, xs ...any) Expr  { return must(NewCall(name, lits(xs))) }
func cast(x any, t column.Type) Expr    { return must(NewCast(lit(x), t, false)) }
func tryCast(x any, t column.Type) Expr { return must(NewCast(lit(x), t, true)) }
func in(x any, xs ...any) Expr          { return must(NewIn(lit(x), lits(xs), false)) }
func notIn(x any, xs ...any) Expr       { return must(NewIn(lit(x), lits(xs), true)) }
func like(x, p any) Expr                { return must(NewLike(lit(x), lit(p), "", false, false)) }
func ilike(x, p any) Expr               { return must(NewLike(lit(x), lit(p), "", true, false)) }
func interval(s string) Expr            { return cast(s, column.Of(column.IntervalKind)) }
func ts(s string) Expr                  { return cast(s, timeType) }
func atZone(x, z any) Expr              { return must(NewAtTimeZone(lit(x), lit(z))) }

func castTo(x any, sqlType string) Expr {
	t, err := ParseSQLType(sqlType)
	if err != nil {
		panic(err)
	}
	return must(NewCastTarget(lit(x), t, false))
}

// when is CASE WHEN c1 THEN v1 [WHEN ..] [ELSE v] END.
func when(xs ...any) Expr {
	var whens, thens []Expr
	for ; len(xs) >= 2; xs = xs[2:] {
		whens, thens = append(whens, lit(xs[0])), append(thens, lit(xs[1]))
	}
	if len(xs) == 1 {
		return must(NewCase(nil, whens, thens, lit(xs[0])))
	}
	return must(NewCase(nil, whens, thens, nil))
}

// attempt builds an expression and evaluates it over b, as it is and folded.
func attempt(build func() Expr, b *column.Batch) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			if _, known := r.(*Error); !ok || !known {
				panic(r)
			}
			err = e
		}
	}()
	e := build()
	ctx := &Context{Now: t0}
	folded, err := Fold(ctx, e)
	if err != nil {
		return "", err
	}
	first := ""
	for i, x := range []Expr{e, folded, e.WithChildren(e.Children())} {
		for range 2 { // the second time with warm memos and used memory
			ctx.Reset()
			v, err := x.Eval(ctx, b)
			if err != nil {
				return "", err
			}
			if err := wellFormed(v, e.Type(), b.Len); err != nil {
				return "", err
			}
			s := show(v)
			if i == 0 {
				first = s
			} else if s != first {
				return "", fmt.Errorf("form %d of %s gives %s, the first form %s", i, e, s, first)
			}
		}
	}
	return first, nil
}

func wellFormed(v *column.Vector, t column.Type, n int) error {
	if v.Len != n {
		return fmt.Errorf("%d rows, want %d", v.Len, n)
	}
	if !v.Type.Equal(t) {
		return fmt.Errorf("a vector of %s, want %s", v.Type, t)
	}
	return nil
}

func show(v *column.Vector) string {
	cells := make([]string, v.Len)
	for i := range cells {
		cells[i] = ValueAt(v, i).Text()
		if v.IsNull(i) {
			cells[i] = "∅"
		}
	}
	return strings.Join(cells, " ")
}

type test struct {
	name  string
	build func() Expr
	want  string // the values of all rows, or "error: " and the text
}

// constants runs tests over one row, env over the example table.
func constants(t *testing.T, tests []test) { runTests(t, tests, &column.Batch{Len: 1}) }

func overEnv(t *testing.T, tests []test) { runTests(t, tests, env()) }

func runTests(t *testing.T, tests []test, b *column.Batch) {
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := attempt(tc.build, b)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}
