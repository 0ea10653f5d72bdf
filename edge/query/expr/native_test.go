package expr

import "testing"

func TestJSONPath(t *testing.T) {
	const text = `{"a":{"b":[1,{"c":"x"}],"d.e":2},"":3}`
	for path, want := range map[string]any{"a.b[1].c": "x", "$.a.b[1].c": "x", `a["d.e"]`: "2", "a.b[0]": "1", "a.b[2]": nil, "a.x": nil, "a.b.c": nil, "a.b[": nil} {
		v, ok := jsonPath(text, path)
		got := any(nil)
		if ok {
			switch v := v.(type) {
			case string:
				got = v
			case interface{ String() string }:
				got = v.String()
			}
		}
		if got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if _, ok := jsonPath("no json", ""); ok {
		t.Error("no JSON has a value")
	}
}

// FuzzJSONPath: any text and path is read or not, and nothing worse.
func FuzzJSONPath(f *testing.F) {
	f.Add(`{"a":[1]}`, "a[0]")
	f.Add(`[]`, "$[")
	f.Fuzz(func(_ *testing.T, text, path string) {
		_, _ = jsonPath(text, path)
	})
}

func native(name string, xs ...any) Expr { return call(Native+name, xs...) }

func TestNativeText(t *testing.T) {
	constants(t, []test{
		{"locate", func() Expr { return native("locate", "b", "abcb") }, "2"},
		{"locate from", func() Expr { return native("locate", "b", "abcb", 3) }, "4"},
		{"locate none", func() Expr { return native("locate", "z", "abc") }, "0"},
		{"locate nothing", func() Expr { return native("locate", "", "abc") }, "1"},
		{"locate nothing at the end", func() Expr { return native("locate", "", "abc", 4) }, "4"},
		{"locate before", func() Expr { return native("locate", "a", "abc", 0) }, "0"},
		{"locate beyond", func() Expr { return native("locate", "a", "abc", 9) }, "0"},
		{"locate counts characters", func() Expr { return native("locate", "ö", "hällö", 2) }, "5"},
		{"locate null", func() Expr { return native("locate", nil, "abc") }, "∅"},
		{"elt", func() Expr { return native("elt", 2, "a", "b", "c") }, "b"},
		{"elt beyond", func() Expr { return native("elt", 4, "a", "b", "c") }, "∅"},
		{"elt below", func() Expr { return native("elt", 0, "a") }, "∅"},
		{"elt of another null", func() Expr { return native("elt", 1, "a", nil) }, "a"},
		{"elt of null", func() Expr { return native("elt", 2, "a", nil) }, "∅"},
		{"elt of null place", func() Expr { return native("elt", nil, "a") }, "∅"},
		{"field", func() Expr { return native("field", "c", "a", "b", "c") }, "3"},
		{"field none", func() Expr { return native("field", "x", "a", nil) }, "0"},
		{"field of null", func() Expr { return native("field", nil, "a", nil) }, "0"},
		{"field of numbers", func() Expr { return native("field", 3, 1, 2, 3) }, "3"},
		{"insert", func() Expr { return native("insert", "Quadratic", 3, 4, "What") }, "QuWhattic"},
		{"insert outside", func() Expr { return native("insert", "Quadratic", -1, 4, "What") }, "Quadratic"},
		{"insert to the end", func() Expr { return native("insert", "Quadratic", 3, 100, "What") }, "QuWhat"},
		{"insert before", func() Expr { return native("insert", "äb", 2, 0, "-") }, "ä-b"},
		{"insert negative length", func() Expr { return native("insert", "abc", 2, -1, "-") }, "a-"},
		{"space", func() Expr { return native("space", 3) }, "   "},
		{"space negative", func() Expr { return native("space", -3) }, ""},
		{"format", func() Expr { return native("format", 12332.123456, 4) }, "12,332.1235"},
		{"format whole", func() Expr { return native("format", 12332.2, 0) }, "12,332"},
		{"format integer", func() Expr { return native("format", int64(9007199254740993), 2) }, "9,007,199,254,740,993.00"},
		{"format negative", func() Expr { return native("format", -123, 0) }, "-123"},
		{"format more decimals than there are", func() Expr { return native("format", -1234.5, 99) }, "-1,234." + "5" + zeros(29)},
	})
}

func zeros(n int) string {
	s := ""
	for range n {
		s += "0"
	}
	return s
}

func TestNativeIP(t *testing.T) {
	constants(t, []test{
		{"to_cidr", func() Expr { return native("ipv4_to_cidr", "192.168.1.0") }, "192.168.1.0/24"},
		{"to_cidr of parts", func() Expr { return native("ipv4_to_cidr", "172.16") }, "172.16.0.0/16"},
		{"to_cidr of one", func() Expr { return native("ipv4_to_cidr", "10") }, "10.0.0.0/8"},
		{"to_cidr of a host", func() Expr { return native("ipv4_to_cidr", "10.0.0.1") }, "10.0.0.1/32"},
		{"to_cidr with bits", func() Expr { return native("ipv4_to_cidr", "192.168.1.1", 24) }, "192.168.1.0/24"},
		{"to_cidr with too many", func() Expr { return native("ipv4_to_cidr", "192.168.1.1", 33) }, "∅"},
		{"to_cidr with fewer than none", func() Expr { return native("ipv4_to_cidr", "192.168.1.1", -1) }, "∅"},
		{"to_cidr of none", func() Expr { return native("ipv4_to_cidr", "1.2.3.400") }, "∅"},
		{"ipv6_to_cidr", func() Expr { return native("ipv6_to_cidr", "2001:db8::") }, "2001:db8::/32"},
		{"ipv6_to_cidr with bits", func() Expr { return native("ipv6_to_cidr", "2001:db8::1", 48) }, "2001:db8::/48"},
		{"ipv6_to_cidr of nothing", func() Expr { return native("ipv6_to_cidr", "::") }, "::/0"},
		{"ipv6_to_cidr of IPv4", func() Expr { return native("ipv6_to_cidr", "1.2.3.4") }, "∅"},
		{"num_to_string", func() Expr { return native("ipv4_num_to_string", int64(3232235521)) }, "192.168.0.1"},
		{"num_to_string of more", func() Expr { return native("ipv4_num_to_string", int64(1<<32)) }, "∅"},
		{"string_to_num", func() Expr { return native("ipv4_string_to_num", "10.0.0.1") }, "167772161"},
		{"string_to_num of none", func() Expr { return native("ipv4_string_to_num", "10.0.0") }, "∅"},
		{"in_range", func() Expr { return native("ipv4_in_range", "192.168.1.5", "192.168.1.0/24") }, "true"},
		{"not in_range", func() Expr { return native("ipv4_in_range", "192.168.2.1", "192.168.1.0/24") }, "false"},
		{"in_range of a range that is none", func() Expr { return native("ipv4_in_range", "192.168.2.1", "192.168.1.0") }, "∅"},
		{"ipv6_in_range", func() Expr { return native("ipv6_in_range", "2001:db8:1::", "2001:db8::/32") }, "true"},
		{"ipv6_num_to_string", func() Expr { return native("ipv6_num_to_string", "20010db8000000000000000000000001") }, "2001:db8::1"},
		{"ipv6_num_to_string of none", func() Expr { return native("ipv6_num_to_string", "2001") }, "∅"},
	})
}

func TestJSONPathMatch(t *testing.T) {
	const text = `{"a":1,"b":[1,2,{"x":"y"}],"c":{"d e":true,"n":null},"s":"t"}`
	for path, want := range map[string]string{
		"$.a == 1": "true", "$.a > 1": "false", "$.a>=1.0": "true", "1 == $.a": "true", "$.b[0] > 1": "false", "$.b[1 to last] >= 2": "true", "$.b[*] == 2": "true",
		"$.b[last].x == \"y\"": "true", "$.b[last - 1] == 2": "true", "$.b[7] == 2": "false", "$.none == 1": "false", `$.c."d e" == true`: "true", `$["a"] == 1`: "true",
		"$.c.n == null": "true", "$.a == \"1\"": "false", "$.a == 1 && $.s == \"t\"": "true", "$.a == 2 || ($.a == 1 && $.s != \"t\")": "false", "$.* == \"t\"": "true",
		"null": "∅", "$.a": "∅", "": "∅", "$.a ==": "∅", "$.a == 1 and": "∅", "$.b[ == 1": "∅", "$.b[x] == 1": "∅", "$.a == {}": "∅", "($.a == 1": "∅", "$.a < \"x": "∅",
	} {
		constants(t, []test{{path, func() Expr { return native("json_path_match", text, path) }, want}})
	}
	constants(t, []test{
		{"no JSON", func() Expr { return native("json_path_match", "x", "$.a == 1") }, "∅"},
		{"null", func() Expr { return native("json_path_match", nil, "$.a == 1") }, "∅"},
		{"null of JSON", func() Expr { return native("json_path_match", "null", "$.a == 1") }, "false"},
	})
}

// FuzzJSONPathMatch: any text and condition is evaluated or not, and nothing
// worse.
func FuzzJSONPathMatch(f *testing.F) {
	f.Add(`{"a":[1]}`, "$.a[0 to last] == 1 || ($.b < \"x\")")
	f.Fuzz(func(t *testing.T, text, path string) {
		e := native("json_path_match", text, path)
		if _, err := Evaluate(&Context{}, e); err != nil {
			t.Error(err)
		}
	})
}
