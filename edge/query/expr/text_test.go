package expr

import (
	"math"
	"regexp"
	"strings"
	"testing"
)

func TestTextFunctions(t *testing.T) {
	constants(t, []test{
		{"example 50 substr", func() Expr { return call("substr", "hello", 2, 3) }, "ell"},
		{"example 50 right", func() Expr { return call("right", "hello", -2) }, "llo"},
		{"example 50 lpad", func() Expr { return call("lpad", "7", 3, "0") }, "007"},
		{"example 50 split_part", func() Expr { return call("split_part", "a.b.c", ".", 2) }, "b"},
		{"example 50 strpos", func() Expr { return call("strpos", "hello", "l") }, "3"},
		{"example 50 concat", func() Expr { return call("concat", "a", nil, 1) }, "a1"},
		{"example 50 ||", func() Expr { return bin("a", Concat, nil) }, "∅"},
		{"substr from before the text", func() Expr { return call("substr", "hello", 0, 3) }, "he"},
		{"further before", func() Expr { return call("substr", "hello", -1, 3) }, "h"},
		{"to the end", func() Expr { return call("substr", "hällo", 3) }, "llo"},
		{"beyond the end", func() Expr { return call("substr", "abc", 9, 2) }, ""},
		{"largest positions", func() Expr { return call("substr", "abc", int64(math.MaxInt64), int64(math.MaxInt64)) }, ""},
		{"negative length", func() Expr { return call("substr", "hello", 1, -1) },
			"error: Execution error: negative substring length not allowed: substr(<str>, 1, -1)"},
		{"left", func() Expr { return call("left", "häl", 2) }, "hä"},
		{"left drops", func() Expr { return call("left", "hello", -2) }, "hel"},
		{"left drops all", func() Expr { return call("left", "he", -5) }, ""},
		{"right", func() Expr { return call("right", "hällo", 4) }, "ällo"},
		{"right of more", func() Expr { return call("right", "abc", 10) }, "abc"},
		{"lpad cuts", func() Expr { return call("lpad", "hello", 2) }, "he"},
		{"rpad", func() Expr { return call("rpad", "a", 4, "xy") }, "axyx"},
		{"length counts characters", func() Expr { return call("length", "häß") }, "3"},
		{"octet_length", func() Expr { return call("octet_length", "hä") }, "3"},
		{"upper", func() Expr { return call("upper", "hä") }, "HÄ"},
		{"trim", func() Expr { return call("trim", "  a ") }, "a"},
		{"ltrim of characters", func() Expr { return call("ltrim", "xyxa", "yx") }, "a"},
		{"replace", func() Expr { return call("replace", "aXbX", "X", "--") }, "a--b--"},
		{"split from the end", func() Expr { return call("split_part", "a.b.c", ".", -1) }, "c"},
		{"split second from the end", func() Expr { return call("split_part", "a.b.c", ".", -2) }, "b"},
		{"split out of range", func() Expr { return call("split_part", "a.b", ".", 5) }, ""},
		{"split out of range from the end", func() Expr { return call("split_part", "a.b", ".", -5) }, ""},
		{"split zero", func() Expr { return call("split_part", "a.b", ".", 0) }, "error: Execution error: field position must not be zero"},
		{"starts_with", func() Expr { return call("starts_with", "abc", "ab") }, "true"},
		{"contains", func() Expr { return call("contains", "abc", "x") }, "false"},
		{"concat_ws", func() Expr { return call("concat_ws", ",", "a", nil, 2) }, "a,2"},
		{"concat_ws without separator", func() Expr { return call("concat_ws", nil, "a") }, "∅"},
		{"repeat", func() Expr { return call("repeat", "ab", 3) }, "ababab"},
		{"repeat is bounded", func() Expr { return call("repeat", "ab", int64(1<<40)) }, "error: Execution error: repeat: the result would be larger than 16777216 bytes"},
		{"reverse", func() Expr { return call("reverse", "häl") }, "läh"},
		{"initcap", func() Expr { return call("initcap", "hELLO wORLD x1y") }, "Hello World X1y"},
		{"ascii", func() Expr { return call("ascii", "ä") }, "228"},
		{"chr", func() Expr { return call("chr", 228) }, "ä"},
		{"chr of none", func() Expr { return call("chr", 0xD800) }, "error: Execution error: invalid Unicode scalar value: 55296"},
		{"to_hex", func() Expr { return call("to_hex", 255) }, "ff"},
		{"to_hex of zero", func() Expr { return call("to_hex", 0) }, "0"},
		{"to_hex of minus one", func() Expr { return call("to_hex", -1) }, "ffffffffffffffff"},
		{"translate", func() Expr { return call("translate", "hello", "el", "ip") }, "hippo"},
		{"translate drops", func() Expr { return call("translate", "hello", "lo", "L") }, "heLL"},
		{"find_in_set", func() Expr { return call("find_in_set", "b", "a,b,c") }, "2"},
		{"substr_index", func() Expr { return call("substr_index", "www.a.org", ".", 2) }, "www.a"},
		{"substr_index from the end", func() Expr { return call("substr_index", "www.a.org", ".", -1) }, "org"},
		{"overlay", func() Expr { return call("overlay", "Txxxxas", "hom", 2, 4) }, "Thomas"},
		{"levenshtein", func() Expr { return call("levenshtein", "kitten", "sitting") }, "3"},
		{"argument of another type", func() Expr { return call("upper", true) },
			"error: Error during planning: No function matches the given name and argument types 'upper(Boolean)'. You might need to add explicit type casts.\n\tCandidate functions:\n\tupper(Any)"},
		{"too few arguments", func() Expr { return call("round") },
			"error: Error during planning: No function matches the given name and argument types 'round()'. You might need to add explicit type casts.\n\tCandidate functions:\n\tround(Any)\n\tround(Any, Any)"},
		{"unknown function", func() Expr { return call("uper", "x") }, "error: Error during planning: Invalid function 'uper'.\nDid you mean 'upper'?"},
	})
	overEnv(t, []test{
		{"tag", func() Expr { return call("upper", col("node")) }, "A B A B A B C"},
		{"tag with null", func() Expr { return call("length", col("site")) }, "3 3 3 3 3 3 ∅"},
		{"nested over a tag", func() Expr { return bin(call("upper", col("site")), Eq, "LAB") }, "true true true true true true ∅"},
		{"concat of a tag", func() Expr { return call("concat", col("site"), "/", col("node")) }, "lab/a lab/b lab/a lab/b lab/a lab/b /c"},
		{"field", func() Expr { return call("replace", col("msg"), ",", ";") }, "∅ hi ∅ a;b ∅ ∅ ∅"},
	})
}

func TestLike(t *testing.T) {
	constants(t, []test{
		{"underscore is one character", func() Expr { return like("hä", "h_") }, "true"},
		{"whole text", func() Expr { return like("hello", "ell") }, "false"},
		{"percent matches newline", func() Expr { return like("a\nb", "a%b") }, "true"},
		{"escaped percent", func() Expr { return like("50%", `50\%`) }, "true"},
		{"escaped percent is no wildcard", func() Expr { return like("500", `50\%`) }, "false"},
		{"other escape", func() Expr { return must(NewLike(lit("a_b"), lit("a#_b"), "#", false, false)) }, "true"},
		{"case matters", func() Expr { return like("Hi", "h%") }, "false"},
		{"ILIKE", func() Expr { return ilike("HÄLLO", "%äL%") }, "true"},
		{"Kelvin sign", func() Expr { return ilike("\u212A", "k") }, "true"},
		{"not", func() Expr { return must(NewLike(lit("a"), lit("a"), "", false, true)) }, "false"},
		{"null pattern", func() Expr { return like("a", nil) }, "∅"},
		{"number", func() Expr { return like(1, "1") }, "error: Error during planning: There isn't a common type to coerce Int64 and Utf8 in LIKE expression"},
	})
	overEnv(t, []test{
		{"example 22", func() Expr { return like(col("msg"), "h_") }, "∅ true ∅ false ∅ ∅ ∅"},
		{"example 22 ILIKE", func() Expr { return ilike(col("msg"), "H%") }, "∅ true ∅ false ∅ ∅ ∅"},
		{"tag", func() Expr { return like(col("node"), "a%") }, "true false true false true false false"},
		{"pattern from a column", func() Expr { return like("b", col("node")) }, "false true false true false true false"},
	})
}

func TestRegexp(t *testing.T) {
	constants(t, []test{
		{"example 51 match", func() Expr { return call("regexp_match", "a12b", "([0-9]+)") }, "[12]"},
		{"example 51 replace", func() Expr { return call("regexp_replace", "a1b2", "[0-9]", "x") }, "axb2"},
		{"example 51 replace all", func() Expr { return call("regexp_replace", "a1b2", "[0-9]", "x", "g") }, "axbx"},
		{"match without groups", func() Expr { return call("regexp_match", "a12b", "[0-9]+") }, "[12]"},
		{"no match", func() Expr { return call("regexp_match", "a", "b") }, "∅"},
		{"element", func() Expr { return must(NewElement(call("regexp_match", "k=v", "(.)=(.)"), lit(2))) }, "v"},
		{"element from the end", func() Expr { return must(NewElement(call("regexp_match", "k=v", "(.)=(.)"), lit(-2))) }, "k"},
		{"no such element", func() Expr { return must(NewElement(call("regexp_match", "k=v", "(.)=(.)"), lit(3))) }, "∅"},
		{"group references", func() Expr { return call("regexp_replace", "ab", "(a)(b)", `\2${1}`) }, "ba"},
		{"flags", func() Expr { return call("regexp_like", "ABC", "b", "i") }, "true"},
		{"unknown flag", func() Expr { return call("regexp_like", "ABC", "b", "q") },
			"error: Execution error: regular expression flag 'q' is not supported: use i, m, s, U, x or g"},
		{"count", func() Expr { return call("regexp_count", "abab", "ab", 2) }, "1"},
		{"instr", func() Expr { return call("regexp_instr", "äbab", "b", 1, 2) }, "4"},
		{"invalid pattern", func() Expr { return bin("a", Match, "(") },
			"error: Execution error: Regular expression did not compile: (: missing closing ): `(`"},
	})
	overEnv(t, []test{
		{"example 22 class", func() Expr { return bin(col("node"), Match, "[ab]") }, "true true true true true true false"},
		{"example 22 fold", func() Expr { return bin(col("node"), MatchFold, "A") }, "true false true false true false false"},
		{"example 22 not", func() Expr { return bin(col("node"), NotMatch, "a") }, "false true false true false true true"},
		{"null", func() Expr { return bin(col("site"), Match, "l.b") }, "true true true true true true ∅"},
		{"matches of a column", func() Expr { return call("regexp_match", col("msg"), "(.),(.)") }, "∅ ∅ ∅ [a, b] ∅ ∅ ∅"},
	})
}

// likeByRegexp is the plain reference for LIKE.
func likeByRegexp(s, pattern string, fold bool) bool {
	var b strings.Builder
	b.WriteString("(?s)^")
	if fold {
		b.WriteString("(?i)")
	}
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			if r != '%' && r != '_' && r != '\\' {
				b.WriteString(`\\`)
			}
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		b.WriteString(`\\`)
	}
	return regexp.MustCompile(b.String() + "$").MatchString(s)
}

func FuzzLike(f *testing.F) {
	for _, s := range [][2]string{{"hello", "h%o"}, {"hello", "%l_o"}, {"a%b", `a\%b`}, {"äöü", "_ö%"}, {"", "%"}, {"aab", "%ab"}, {"x", `\`}, {"ſ", "S"}, {"abcabc", "%b%c"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, s, pattern string) {
		if len(s) > 200 || len(pattern) > 50 {
			return
		}
		s, pattern = strings.ToValidUTF8(s, "?"), strings.ToValidUTF8(pattern, "?")
		for _, fold := range []bool{false, true} {
			got, want := compileLike(pattern, '\\', fold).match(s), likeByRegexp(s, pattern, fold)
			if got != want {
				t.Fatalf("%q LIKE %q (fold %v) = %v, want %v", s, pattern, fold, got, want)
			}
		}
	})
}
