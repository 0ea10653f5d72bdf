package expr

import (
	"fmt"
	"testing"

	"tarn/store/column"
)

func TestNeedOf(t *testing.T) {
	text := func(i int) Expr { return NewColumn(i, fmt.Sprint("c", i), column.Of(column.String)) }
	s, u := text(0), text(1)
	lit := func(v string) Expr { return NewLiteral(String(v)) }
	null := NewLiteral(NullOf(column.Of(column.String)))
	must := func(e Expr, err error) Expr {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	op := func(o Op, l, r Expr) Expr { return must(NewBinary(o, l, r)) }
	like := func(p string, fold, not bool) Expr { return must(NewLike(s, lit(p), "", fold, not)) }
	f := func(name, arg string) Expr { return must(NewCall(name, []Expr{s, lit(arg)})) }
	for _, c := range []struct {
		e    Expr
		want string
	}{
		{op(Eq, s, lit("x")), `0 ["x"] []`},
		{op(Eq, lit("x"), u), `1 ["x"] []`},
		{op(Eq, s, u), ""},
		{op(Ne, s, lit("x")), ""},
		{op(Gt, s, lit("x")), ""},
		{must(NewIn(s, []Expr{lit("x"), null, lit("y")}, false)), `0 ["x" "y"] []`},
		{must(NewIn(s, []Expr{lit("x")}, true)), ""},
		{op(Or, op(Eq, s, lit("x")), op(Eq, s, lit("y"))), `0 ["x" "y"] []`},
		{op(Or, op(Eq, s, lit("x")), op(Eq, u, lit("y"))), ""},
		{op(Or, op(Eq, s, lit("x")), like("abc%", false, false)), ""},
		{op(Or, like("%abc%", false, false), like("%def", false, false)), `0 [] ["abc" "def"]`},
		{op(And, op(Gt, s, lit("a")), op(Eq, u, lit("y"))), `1 ["y"] []`},
		{op(And, like("%abc%", false, false), op(Eq, s, lit("y"))), `0 ["y"] []`},
		{like("abc", false, false), `0 ["abc"] []`},
		{like("ab%long_er%", false, false), `0 [] ["long"] ["ab" "er"]`},
		{like(`%100\%%`, false, false), `0 [] ["100%"]`},
		{like("%ab%", false, false), ""},
		{like("%abc%", true, false), ""},
		{like("%abc%", false, true), ""},
		{op(Match, s, lit("timeout|refused")), `0 [] ["timeout" "refused"]`},
		{op(Match, s, lit("a.b")), ""},
		{op(MatchFold, s, lit("abc")), ""},
		{op(NotMatch, s, lit("abc")), ""},
		{f("matches", "red AND (blue OR green)"), `0 [] ["red"]`},
		{f("matches", "red AND \"light green\""), `0 [] ["light green"] ["red"]`},
		{f("matches", "blue OR green"), `0 [] ["blue" "green"]`},
		{f("matches", "blue -green"), `0 [] ["blue"]`},
		{f("matches", "blue OR (-green red)"), `0 [] ["blue" "red"]`},
		{f("matches", "blue OR (-green)"), ""},
		{f("matches", "-blue"), ""},
		{f("matches_term", "word"), `0 [] ["word"]`},
		{f("starts_with", "word"), `0 [] ["word"]`},
		{f("contains", "word"), `0 [] ["word"]`},
		{f("regexp_like", "wor[dk]s+"), `0 [] ["wor"]`},
		{op(Eq, must(NewCall("lower", []Expr{s})), lit("x")), ""},
	} {
		got := ""
		if n, ok := NeedOf(c.e); ok {
			got = fmt.Sprintf("%d %q %q", n.Column.Index, n.Values, n.Parts)
			if len(n.Also) > 0 {
				got += fmt.Sprintf(" %q", n.Also)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.e, got, c.want)
		}
	}
}
