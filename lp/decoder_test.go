package lp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// parseAll decodes a body with decoded keys.
func parseAll(t *testing.T, body string, opts ...Option) []refLine {
	t.Helper()
	d := NewDecoder(strings.NewReader(body), opts...)
	var lines []refLine
	for d.Next() {
		lines = append(lines, decoded(d))
	}
	if err := d.Err(); err != nil {
		t.Fatalf("decode %q: %v", body, err)
	}
	return lines
}

func floatField(key string, v float64) refField {
	return refField{key: key, kind: Float, bits: math.Float64bits(v)}
}

func intField(key string, v int64) refField {
	return refField{key: key, kind: Integer, bits: uint64(v)}
}

func stringField(key, v string) refField {
	return refField{key: key, kind: String, str: v}
}

func boolField(key string, v bool) refField {
	f := refField{key: key, kind: Boolean}
	if v {
		f.bits = 1
	}
	return f
}

func TestGoodLines(t *testing.T) {
	one := []refField{floatField("f", 1)}
	for _, c := range []struct {
		name, line  string
		measurement string
		tags        []refTag
		fields      []refField
		time        string // decimal, or empty for none
	}{
		// Vectors of the specification.
		{"space in tag value", `home,room=Living\ room temp=71.5`, "home",
			[]refTag{{"room", "Living room"}}, []refField{floatField("temp", 71.5)}, ""},
		{"leading blanks", " \thome,room=Kitchen temp=72.0", "home",
			[]refTag{{"room", "Kitchen"}}, []refField{floatField("temp", 72)}, ""},
		{"comma in tag value", `m,t=a\,b f=1i`, "m", []refTag{{"t", "a,b"}}, []refField{intField("f", 1)}, ""},
		{"other backslash in string is literal", `m f="a\nb"`, "m", nil, []refField{stringField("f", `a\nb`)}, ""},
		{"space in measurement", `a\ b f=T`, "a b", nil, []refField{boolField("f", true)}, ""},

		// Identifiers.
		{"measurement escapes", `a\,b\\c\=d\x f=1`, `a,b\c\=d\x`, nil, one, ""},
		{"measurement with equals", `a=b f=1`, "a=b", nil, one, ""},
		{"tag key escapes", `m,a\,b\=c\ d\\e\f=1 f=1`, "m", []refTag{{`a,b=c d\e\f`, "1"}}, one, ""},
		{"tag value escapes", `m,t=a\,b\=c\ d\\e\f f=1`, "m", []refTag{{"t", `a,b=c d\e\f`}}, one, ""},
		{"equals in tag value", `m,t=a=b f=1`, "m", []refTag{{"t", "a=b"}}, one, ""},
		{"comma in tag key is literal", `m,a,b=1 f=1`, "m", []refTag{{"a,b", "1"}}, one, ""},
		{"comma in field key is literal", `m a,b=1`, "m", nil, []refField{floatField("a,b", 1)}, ""},
		{"field key escapes", `m a\,b\=c\ d\\e\f=1`, "m", nil, []refField{floatField(`a,b=c d\e\f`, 1)}, ""},
		{"quotes in identifiers", `"m",t="x f"=1`, `"m"`, []refTag{{"t", `"x`}}, []refField{floatField(`f"`, 1)}, ""},
		{"unicode", `mé,tß=日本 fü="ö"`, "mé", []refTag{{"tß", "日本"}}, []refField{stringField("fü", "ö")}, ""},
		{"backslash newline belongs to identifier", "m,t=a\\\nb f=1", "m", []refTag{{"t", "a\\\nb"}}, one, ""},
		{"many tags", `m,e=5,d=4,c=3,b=2,a=1 f=1`, "m",
			[]refTag{{"e", "5"}, {"d", "4"}, {"c", "3"}, {"b", "2"}, {"a", "1"}}, one, ""},

		// Values.
		{"floats", `m a=0,b=-0,c=1.5,d=-2.25e3,e=1E-2,f=1e+2,g=007.50`, "m", nil, []refField{
			floatField("a", 0), floatField("b", math.Copysign(0, -1)), floatField("c", 1.5), floatField("d", -2250),
			floatField("e", 0.01), floatField("f", 100), floatField("g", 7.5)}, ""},
		{"float overflow is infinite", `m a=1e400,b=-1e400,c=1e99999`, "m", nil,
			[]refField{floatField("a", math.Inf(1)), floatField("b", math.Inf(-1)), floatField("c", math.Inf(1))}, ""},
		{"float underflow is zero", `m a=1e-400`, "m", nil, []refField{floatField("a", 0)}, ""},
		{"integer limits", `m a=9223372036854775807i,b=-9223372036854775808i,c=-0i,d=0000000000000000000012i`, "m", nil, []refField{
			intField("a", math.MaxInt64), intField("b", math.MinInt64), intField("c", 0), intField("d", 12)}, ""},
		{"unsigned limits", `m a=18446744073709551615u,b=0u,c=00000000000000000000012u`, "m", nil, []refField{
			{key: "a", kind: Unsigned, bits: math.MaxUint64}, {key: "b", kind: Unsigned}, {key: "c", kind: Unsigned, bits: 12}}, ""},
		{"booleans", `m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE`, "m", nil, []refField{
			boolField("a", true), boolField("b", true), boolField("c", true), boolField("d", true), boolField("e", true),
			boolField("f", false), boolField("g", false), boolField("h", false), boolField("i", false), boolField("j", false)}, ""},
		{"empty string", `m f="",g="" 1`, "m", nil, []refField{stringField("f", ""), stringField("g", "")}, "1"},
		{"string escapes", `m f="a\"b\\c\,d\\" 1`, "m", nil, []refField{stringField("f", `a"b\c\,d\`)}, "1"},
		{"string with delimiters", `m f="a, b=c 1",g="x=\"y\"" 1`, "m", nil,
			[]refField{stringField("f", "a, b=c 1"), stringField("g", `x="y"`)}, "1"},
		{"newlines in strings", "m f=\"a\nb\r\nc\",g=\"\n\" 1", "m", nil,
			[]refField{stringField("f", "a\nb\r\nc"), stringField("g", "\n")}, "1"},
		{"tab in string", "m f=\"a\tb\"", "m", nil, []refField{stringField("f", "a\tb")}, ""},

		// Spaces and time.
		{"several spaces", `m   f=1   2`, "m", nil, one, "2"},
		{"trailing spaces", `m f=1 2  `, "m", nil, one, "2"},
		{"trailing spaces without time", `m f=1  `, "m", nil, one, ""},
		{"negative time", `m f=1 -5`, "m", nil, one, "-5"},
		{"time limits", `m f=1 9223372036854775807`, "m", nil, one, "9223372036854775807"},
		{"lowest time", `m f=1 -9223372036854775808`, "m", nil, one, "-9223372036854775808"},
		{"time with zeros", `m f=1 00000000000000000000000007`, "m", nil, one, "00000000000000000000000007"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := refLine{number: 1, raw: c.line, measurement: c.measurement, tags: c.tags, fields: c.fields}
			if c.time != "" {
				want.hasTime = true
				fmt.Sscanf(c.time, "%d", &want.time)
			}
			for _, end := range []string{"", "\n", "\r\n", "\n\n# comment"} {
				lines := parseAll(t, c.line+end)
				if len(lines) != 1 {
					t.Fatalf("%q%q: %d lines: %v", c.line, end, len(lines), lines)
				}
				got := lines[0]
				if !strings.Contains(c.line, got.key+" ") {
					t.Errorf("key %q is not a piece of %q", got.key, c.line)
				}
				want.key = got.key
				if got.String() != want.String() {
					t.Errorf("%q:\n got %v\nwant %v", c.line+end, got, want)
				}
			}
		})
	}
}

func TestBadLines(t *testing.T) {
	const (
		backslash = "Measurements, tag keys and values, and field keys may not end with a backslash"
		noSpace   = "A generic parsing error occurred: TakeWhile1"
		noFields  = "No fields were provided"
		tagSet    = "Tag Set Malformed"
		nul       = "NUL bytes are not allowed in line protocol"
		notUTF8   = "Line protocol must be valid UTF-8"
	)
	trailing := func(s string) string { return "Could not parse entire line. Found trailing content: '" + s + "'" }
	long := strings.Repeat("x", 65537)
	for _, c := range []struct {
		name, line string
		column     int
		reason     string
	}{
		{"second time", `m f=1 1 2`, 8, trailing(" 2")},
		{"repeated field", `m usage=1,f=2,usage=2`, 15, "invalid line protocol - multiple instances of 'usage' field found"},
		{"repeated field of many", `m a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,usage=1,usage=2`, 67,
			"invalid line protocol - multiple instances of 'usage' field found"},
		{"repeated field, written differently", `m a\ b=1,a\ b=2`, 10, "invalid line protocol - multiple instances of 'a b' field found"},
		{"repeated tag", `m,a=1,b=2,a=3 f=1`, 11, "invalid line protocol - multiple instances of 'a' tag found"},
		{"repeated tag with escapes", `m,a\ b=1,a\ b=3 f=1`, 10, "invalid line protocol - multiple instances of 'a b' tag found"},

		{"no value", `cpu,host=a val= 123`, 16, noFields},
		{"bare word", `home,room=Kitchen temp=hi`, 24, noFields},
		{"no fields", `m `, 3, noFields},
		{"field without value", `m f`, 4, noFields},
		{"field without value, equals", `m f=`, 5, noFields},
		{"empty field key", `m =1`, 3, noFields},
		{"plus sign", `m f=+1`, 5, noFields},
		{"no leading digit", `m f=.5`, 5, noFields},
		{"lone minus", `m f=-`, 5, noFields},
		{"not a number", `m f=NaN`, 5, noFields},
		{"infinite", `m f=Inf`, 5, noFields},
		{"unterminated string", `m f="abc`, 5, noFields},
		{"unterminated string by escape", `m f="abc\"`, 5, noFields},
		{"no trailing digit", `m f=5.`, 6, trailing(".")},
		{"no exponent", `m f=1e`, 6, trailing("e")},
		{"no exponent digits", `m f=1.5e+ 1`, 8, trailing("e+ 1")},
		{"fraction of an integer", `m f=1.5i`, 8, trailing("i")},
		{"negative unsigned", `m f=-1u`, 7, trailing("u")},
		{"almost a boolean", `m f=tru`, 6, trailing("ru")},
		{"boolean in odd case", `m f=tRUE`, 6, trailing("RUE")},
		{"text after string", `m f="a"b`, 8, trailing("b")},
		{"second field bad", `m f=1,g=hi 5`, 7, trailing("g=hi 5")},
		{"third field bad", `m f=1,g=2,h=hi 5`, 10, trailing(",h=hi 5")},
		{"comma at the end", `m f=1,`, 6, trailing(",")},
		{"comma before time", `m f=1, 5`, 6, trailing(", 5")},
		{"second string open", `m f=1,g="abc`, 7, trailing(`g="abc`)},
		{"time is a word", `m f=1 now`, 6, trailing(" now")},
		{"time is a float", `m f=1 1.5`, 8, trailing(".5")},
		{"lone minus as time", `m f=1 -`, 6, trailing(" -")},
		{"tab after fields", "m f=1\t5", 6, trailing("\t5")},
		{"carriage return within", "m f=1\r 5", 6, trailing("\r 5")},

		{"integer overflow", `m f=9223372036854775808i`, 5, "Unable to parse integer value '9223372036854775808'"},
		{"integer underflow", `m f=-9223372036854775809i`, 5, "Unable to parse integer value '-9223372036854775809'"},
		{"long integer", `m f=1,g=100000000000000000000000i`, 9, "Unable to parse integer value '100000000000000000000000'"},
		{"unsigned overflow", `m f=18446744073709551616u`, 5, "Unable to parse unsigned integer value '18446744073709551616'"},
		{"time overflow", `m f=1 9223372036854775808`, 7, "Unable to parse timestamp value '9223372036854775808'"},
		{"time underflow", `m f=1 -9223372036854775809`, 7, "Unable to parse timestamp value '-9223372036854775809'"},
		{"long time", `m f=1 188888888888888888888888`, 7, "Unable to parse timestamp value '188888888888888888888888'"},

		{"no space", `cpu`, 4, noSpace},
		{"no space after tags", `cpu,host=a`, 11, noSpace},
		{"tab is no separator", "m\tf=1", 2, noSpace},
		{"tab after tags", "m,a=b\tf=1 g=2", 6, noSpace},
		{"no measurement", `,a=b f=1`, 1, "Invalid measurement was provided"},
		{"comma without tag", `m, f=1`, 3, tagSet},
		{"comma after tags", `m,a=b, f=1`, 7, tagSet},
		{"tag without value", `m,a f=1`, 4, tagSet},
		{"empty tag value", `m,a= f=1`, 5, tagSet},
		{"empty tag value in the middle", `m,a=,b=1 f=1`, 5, tagSet},
		{"empty tag key", `m,=b f=1`, 3, tagSet},
		{"empty tag value with escapes before", `m,foo\=\,baz= bar=1i`, 14, tagSet},
		{"key first", `m,a= f=hi`, 5, tagSet},
		{"key first, even if repeated fields", `m,a= f=1,f=1`, 5, tagSet},

		{"measurement ends with backslash", `m\\ f=1`, 3, backslash},
		{"tag key ends with backslash", `m,a\\=b f=1`, 5, backslash},
		{"tag value ends with backslash", `m,a=b\\ f=1`, 7, backslash},
		{"field key ends with backslash", `m f\\=1`, 5, backslash},

		{"long measurement", long + ` f=1`, 1, "String is greater than 64KB"},
		{"long tag key", `m,` + long + `=1 f=1`, 3, "String is greater than 64KB"},
		{"long tag value", `m,a=` + long + ` f=1`, 5, "String is greater than 64KB"},
		{"long field key", `m ` + long + `=1`, 3, "String is greater than 64KB"},
		{"long string", `m f="` + long + `"`, 5, "String is greater than 64KB"},
		{"long string with newlines", `m f="` + strings.Repeat("x\n", 40000) + `"`, 5, "String is greater than 64KB"},

		{"too many fields", "m " + strings.Repeat("a=1,", 65536) + "b=1", 2 + 4*65536 + 1, "Too many tags or fields in one line: at most 65536"},
		{"too many tags", "m" + strings.Repeat(",a=1", 65536) + ",b=1 f=1", 2 + 4*65536 + 1, "Too many tags or fields in one line: at most 65536"},
		{"NUL in measurement", "a\x00b f=1", 2, nul},
		{"NUL in tag key", "m,a\x00b=1 f=1", 4, nul},
		{"NUL in tag value", "m,a=b\x00 f=1", 6, nul},
		{"NUL in field key", "m a\x00b=1", 4, nul},
		{"NUL in string", "m f=\"abcdefgh\x00\"", 14, nul},
		{"invalid UTF-8 in measurement", "a\xff f=1", 2, notUTF8},
		{"invalid UTF-8 in tag", "m,a=\xc3\x28 f=1", 5, notUTF8},
		{"invalid UTF-8 in field key", "m a\xe4=1", 4, notUTF8},
		{"invalid UTF-8 in string", "m f=\"äöü\xed\xa0\x80\"", 12, notUTF8},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, before := range []string{"", "ok f=1\n\n# comment \"\n", "m,a=b f=1,g=2\n"} {
				for _, opts := range [][]Option{nil, {EagerKeys()}} {
					body := before + c.line + "\nok f=2\n"
					var bad *refLine
					lines := parseAll(t, body, opts...)
					for i := range lines {
						if lines[i].reason != "" {
							bad = &lines[i]
						}
					}
					if bad == nil {
						t.Fatalf("no error, got %v", lines)
					}
					want := refLine{number: 1 + strings.Count(before, "\n"), column: c.column, reason: c.reason, raw: c.line}
					if bad.String() != want.String() {
						t.Errorf(" got %.300v\nwant %.300v", bad, want)
					}
					last := lines[len(lines)-1]
					if last.reason != "" || last.measurement != "ok" {
						t.Errorf("the line after is lost: %v", last)
					}
				}
			}
			// The same line as the end of the body.
			lines := parseAll(t, c.line)
			if len(lines) != 1 || lines[0].reason != c.reason || lines[0].column != c.column {
				t.Errorf("at the end of the body: got %.300v", lines)
			}
		})
	}
}

// TestLongText accepts identifiers and strings of exactly the limit, which
// counts bytes after unescaping.
func TestLongText(t *testing.T) {
	x := strings.Repeat("x", 65535)
	body := `m` + x + `,t\ ` + x[1:] + `=v\ ` + x[1:] + ` f\ ` + x[1:] + `="\"` + x + `"`
	lines := parseAll(t, body)
	if len(lines) != 1 || lines[0].reason != "" {
		t.Fatalf("got %d lines, %.100s", len(lines), lines[0].reason)
	}
	if n := len(lines[0].fields[0].str); n != 65536 {
		t.Errorf("string has %d bytes", n)
	}
}

// TestRecovery shows where parsing goes on after a bad line.
func TestRecovery(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string // "number: measurement" or "number! raw"
	}{
		{"after any bad line", "a f=1\nb f=hi\nc f=1\n", []string{"1: a", "2! b f=hi", "3: c"}},
		{"blank lines and comments count", "\n# x\n\na f=1\n\r\nb\nc f=1", []string{"4: a", "6! b", "7: c"}},
		{"strings count their newlines", "a f=\"1\n2\n3\"\nb f=1", []string{"1: a", "4: b"}},
		{"comment ends at newline in any case", "# f=\"\\\na f=1\n", []string{"2: a"}},
		{"text of a string is no line", "a f=hi,g=\"x\nb f=1\n\"\nc f=1", []string{"1! a f=hi,g=\"x\nb f=1\n\"", "4: c"}},
		{"quote closed by a later line", "a f=\"x\nb f=\"y\"\nc f=1", []string{"1! a f=\"x\nb f=\"y\"", "3: c"}},
		{"quote never closed", "a f=\"x\nb f=1\nc f=1", []string{"1! a f=\"x", "2: b", "3: c"}},
		{"second quote never closed", "a f=\"x\ny\",g=\"z\nb f=1", []string{"1! a f=\"x\ny\",g=\"z", "3: b"}},
		{"quote that opens no string", "a f\"=1\nb \"f=1\nc,t=\" f=1\n", []string{"1: a", "2: b", "3: c"}},
		{"escaped newline", "a f=1\\\nb f=1\nc f=1", []string{"1! a f=1\\\nb f=1", "3: c"}},
		{"escaped backslash before newline", "a\\\\\nb f=1", []string{"1! a\\\\", "2: b"}},
		{"CRLF after bad line", "a\r\nb f=1\r\n", []string{"1! a", "2: b"}},
		{"nothing", "", nil},
		{"only blanks", " \t\n\r\n # x", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, l := range parseAll(t, c.body) {
				if l.reason != "" {
					got = append(got, fmt.Sprintf("%d! %s", l.number, l.raw))
				} else {
					got = append(got, fmt.Sprintf("%d: %s", l.number, l.measurement))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf(" got %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestBackslashAtEnd: elsewhere the backslash would escape the newline.
func TestBackslashAtEnd(t *testing.T) {
	lines := parseAll(t, `m f=1`+"\n"+`:\`)
	want := `2:2: Measurements, tag keys and values, and field keys may not end with a backslash ":\\"`
	if len(lines) != 2 || lines[1].String() != want {
		t.Errorf("got %v", lines)
	}
}

// TestNoLeftovers: a field shows nothing of an earlier line's value.
func TestNoLeftovers(t *testing.T) {
	lines := parseAll(t, "m f=1i\nm f=\"\xff\"\nm f=2i\nm f=\"x\"\nm f=t\nm f=\"y\"\n")
	want := []refField{intField("f", 1), {}, intField("f", 2), stringField("f", "x"), boolField("f", true), stringField("f", "y")}
	for i, l := range lines {
		if i != 1 && l.fields[0] != want[i] {
			t.Errorf("line %d: got %v, want %v", i+1, l.fields[0], want[i])
		}
	}
}

// TestRawIsClipped: appending to what a line shows must not reach the buffer.
func TestRawIsClipped(t *testing.T) {
	d := NewDecoder(strings.NewReader("m,t=a f=\"x\"\nm f=2\n"))
	d.Next()
	l := d.Line()
	m, tags, _ := l.ParseKey()
	for _, b := range [][]byte{l.Raw, l.Key, m, tags[0].Key, tags[0].Value, l.Fields[0].Key, l.Fields[0].Str} {
		if cap(b) != len(b) {
			t.Errorf("%q has room for %d bytes", b, cap(b))
		}
	}
}

func TestErrorText(t *testing.T) {
	d := NewDecoder(strings.NewReader("m f=1\nm f=hi\n"))
	d.Next()
	if !d.Next() || d.LineErr() == nil {
		t.Fatal("no error")
	}
	if got, want := d.LineErr().Error(), "line 2, column 5: No fields were provided"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLongTrailingContent cuts what error texts repeat, on a character.
func TestLongTrailingContent(t *testing.T) {
	lines := parseAll(t, "m f=1x"+strings.Repeat("ü", 2000))
	want := "Could not parse entire line. Found trailing content: 'x" + strings.Repeat("ü", 511) + "'"
	if len(lines) != 1 || lines[0].reason != want {
		t.Errorf("got %d bytes, want %d", len(lines[0].reason), len(want))
	}
}

func TestSameFields(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []bool
	}{
		{"same", "m a=1,b=2i\nm a=2,b=3i 5\nm,t=x b=1i,a=1", []bool{false, true, false}},
		{"kind", "m a=1\nm a=1i\nm a=2i\n", []bool{false, false, true}},
		{"fewer and more", "m a=1,b=2\nm a=1\nm a=1\nm a=1,b=2\nm a=1,b=2", []bool{false, false, true, false, true}},
		{"bad line between", "m a=1\nm b=1,c=\nm a=1\nm a=1", []bool{false, false, true, true}},
		{"bad line of that shape between", "m a=1,b=1\nm a=1,c=\nm a=1,b=1\nm a=1,b=1", []bool{false, false, false, true}},
		{"bad line with same start", "m a=1,b=2\nm a=1,b=hi\nm a=1,b=2", []bool{false, false, true}},
		{"bad key between", "m a=1\nm, a=1i\nm a=1i", []bool{false, false, false}},
		{"repeated field is never learned", "m a=1,a=1\nm a=1,a=1\nm a=1", []bool{false, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(strings.NewReader(c.body))
			var got []bool
			for d.Next() {
				same := d.LineErr() == nil && d.Line().SameFields
				if d.LineErr() == nil {
					d.Line().ParseKey()
				}
				got = append(got, same)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestFieldsID: unlike SameFields it survives other measurements in between.
func TestFieldsID(t *testing.T) {
	d := NewDecoder(strings.NewReader("cpu a=1,b=2\nmem c=1\ncpu a=3,b=4\nmem c=5\nmem c=hi\nmem c=7\nmem c=7i\n"))
	var ids []uint64
	for d.Next() {
		if d.LineErr() == nil {
			ids = append(ids, d.Line().FieldsID)
		}
	}
	if want := []uint64{1, 2, 1, 2, 2, 3}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	t.Run("complete lines come before the error", func(t *testing.T) {
		d := NewDecoder(io.MultiReader(strings.NewReader("m f=1\nm f=2\nm f="), iotest.ErrReader(broken)))
		n := 0
		for d.Next() {
			n++
		}
		if n != 2 || !errors.Is(d.Err(), broken) || !strings.Contains(d.Err().Error(), "line 3") {
			t.Errorf("%d lines, error %v", n, d.Err())
		}
		if d.Next() {
			t.Error("Next goes on after an error")
		}
	})
	t.Run("data that comes with the error counts", func(t *testing.T) {
		d := NewDecoder(iotest.DataErrReader(io.MultiReader(strings.NewReader("m f=1\nm f=2"), iotest.ErrReader(broken))))
		if !d.Next() || d.Next() || !errors.Is(d.Err(), broken) {
			t.Errorf("error %v", d.Err())
		}
	})
	t.Run("reset to nothing", func(t *testing.T) {
		d := NewDecoder(strings.NewReader("m f=1"))
		d.Reset(nil)
		if d.Next() || d.Err() != nil {
			t.Errorf("error %v", d.Err())
		}
	})
	t.Run("within a string", func(t *testing.T) {
		d := NewDecoder(io.MultiReader(strings.NewReader("m f=\"a\nb"), iotest.ErrReader(broken)))
		if d.Next() || !errors.Is(d.Err(), broken) {
			t.Errorf("error %v", d.Err())
		}
	})
	t.Run("no progress", func(t *testing.T) {
		d := NewDecoder(iotest.ErrReader(nil))
		if d.Next() || !errors.Is(d.Err(), io.ErrNoProgress) {
			t.Errorf("error %v", d.Err())
		}
	})
	t.Run("reset clears it", func(t *testing.T) {
		d := NewDecoder(iotest.ErrReader(broken))
		d.Next()
		d.Reset(strings.NewReader("m f=1"))
		if !d.Next() || d.Err() != nil || d.Line().Number != 1 {
			t.Errorf("error %v", d.Err())
		}
	})
}

func TestLineTooLong(t *testing.T) {
	for _, c := range []struct {
		name, body string
		lines      int
		tooLong    bool
	}{
		{"at the limit", "m f=1 1234\nm f=1 1234", 2, false},
		{"above", "m f=1\nm f=1 12345\nm f=1", 1, true},
		{"above at the end", "m f=1\nm f=1 12345", 1, true},
		{"comment", "# 34567890\n# 345678901\n", 0, true},
		{"multi-line string", "m f=\"\n12\"\nm f=\"\n1234\"\n", 1, true},
		{"unclosed quote", "m f=\"1\nm f=1 1234\nm f=1 123\n", 3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(nil, MaxLine(10))
			for _, how := range []string{"bytes", "reader", "one byte"} {
				switch how {
				case "bytes":
					d.ResetBytes([]byte(c.body))
				case "reader":
					d.Reset(strings.NewReader(c.body))
				case "one byte":
					d.Reset(iotest.OneByteReader(strings.NewReader(c.body)))
				}
				n := 0
				for d.Next() {
					n++
				}
				if n != c.lines || errors.Is(d.Err(), ErrLineTooLong) != c.tooLong {
					t.Errorf("%s: %d lines, %v", how, n, d.Err())
				}
			}
		})
	}
}

// TestGrowth streams lines that are longer than the buffer.
func TestGrowth(t *testing.T) {
	var b bytes.Buffer
	const fields = 40000
	b.WriteString("before f=1\nbig f0=0i")
	for i := 1; i < fields; i++ {
		fmt.Fprintf(&b, ",f%d=%di", i, i)
	}
	b.WriteString(" 5\nafter f=1\n")
	d := NewDecoder(iotest.HalfReader(bytes.NewReader(b.Bytes())))
	var got []string
	for d.Next() {
		if d.LineErr() != nil {
			t.Fatal(d.LineErr())
		}
		m, _, _ := d.Line().ParseKey()
		got = append(got, string(m))
		if string(m) == "big" {
			f := d.Line().Fields
			if len(f) != fields || f[fields-1].Bits != fields-1 {
				t.Errorf("%d fields", len(f))
			}
		}
	}
	if d.Err() != nil || !slices.Equal(got, []string{"before", "big", "after"}) {
		t.Errorf("got %v, %v", got, d.Err())
	}
	// Reset does not keep the memory of monsters.
	d.Reset(strings.NewReader("m f=1"))
	for i := range d.shapes.table {
		if n := cap(d.shapes.table[i].fields); n > keepFields {
			t.Errorf("a shape keeps room for %d fields", n)
		}
	}
	if len(d.in.own) > keep {
		t.Errorf("the buffer keeps %d bytes", len(d.in.own))
	}
}
