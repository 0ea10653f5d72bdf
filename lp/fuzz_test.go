package lp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// pieces is a reader that returns 1 to n bytes at a time.
type pieces struct {
	data string
	n    int
	rand *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.data == "" {
		return 0, io.EOF
	}
	n := min(len(b), len(p.data), 1+p.rand.IntN(p.n))
	copy(b, p.data[:n])
	p.data = p.data[n:]
	if p.data == "" && p.rand.IntN(2) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// check compares everything the decoder says of a body with the reference.
// sameFields collects Line.SameFields, which must not depend on chunks.
func check(t *testing.T, how string, d *Decoder, want []refLine, tooLong bool) (sameFields []bool) {
	t.Helper()
	var last []refField // of the last good line
	byID := map[uint64][]refField{}
	i := 0
	for ; d.Next(); i++ {
		same := d.LineErr() == nil && d.Line().SameFields
		got := decoded(d)
		if i >= len(want) {
			t.Fatalf("%s: extra line %v", how, got)
		}
		if got.String() != want[i].String() {
			t.Fatalf("%s:\n got %v\nwant %v", how, got, want[i])
		}
		if got.reason != "" {
			sameFields = append(sameFields, false)
			continue
		}
		if same && !sameFieldKeys(last, got.fields) {
			t.Fatalf("%s: SameFields is wrong after %v: %v", how, last, got)
		}
		id := d.Line().FieldsID
		if before, ok := byID[id]; id == 0 || ok && !sameFieldKeys(before, got.fields) {
			t.Fatalf("%s: FieldsID %d is wrong after %v: %v", how, id, before, got)
		}
		byID[id] = got.fields
		sameFields = append(sameFields, same)
		last = got.fields
	}
	if i < len(want) {
		t.Fatalf("%s: ended after %d lines with %v, missing %v", how, i, d.Err(), want[i])
	}
	if errors.Is(d.Err(), ErrLineTooLong) != tooLong || (d.Err() != nil) != tooLong {
		t.Fatalf("%s: error %v, too long: %v", how, d.Err(), tooLong)
	}
	return sameFields
}

func sameFieldKeys(a, b []refField) bool {
	return slices.EqualFunc(a, b, func(a, b refField) bool { return a.key == b.key && a.kind == b.kind })
}

// compare runs one body through the decoder in all ways.
func compare(t *testing.T, body string, maxLine int, seed uint64) {
	t.Helper()
	want, tooLong := refParse(body, maxLine)

	lazy := NewDecoder(nil, MaxLine(maxLine))
	lazy.ResetBytes([]byte(body))
	same := check(t, "bytes", lazy, want, tooLong)

	rest := bytes.Repeat([]byte("7"), len(body)+32)
	copy(rest, body)
	lazy.ResetBytes(rest[:len(body)]) // digits behind the body must not matter
	if got := check(t, "bytes again", lazy, want, tooLong); len(got) > 1 && !slices.Equal(got[1:], same[1:]) {
		// What was learned from the first run may only help.
		for i := range got {
			if same[i] && !got[i] {
				t.Fatalf("SameFields got worse: %v, %v", same, got)
			}
		}
	}
	lazy.Reset(strings.NewReader(body))
	check(t, "reader", lazy, want, tooLong)

	for _, n := range []int{1, 7, 1000} {
		d := NewDecoder(&pieces{body, n, rand.New(rand.NewPCG(seed, uint64(n)))}, MaxLine(maxLine))
		// A small buffer, so that lines move in it.
		d.in.own = make([]byte, 16)
		d.in.buf = d.in.own
		if got := check(t, "pieces", d, want, tooLong); !slices.Equal(got, same) {
			t.Fatalf("SameFields depends on chunks: %v, %v", got, same)
		}
	}

	eager := NewDecoder(strings.NewReader(body), MaxLine(maxLine), EagerKeys())
	check(t, "eager", eager, want, tooLong)
}

// seedBodies are bodies that show one thing each.
var seedBodies = []string{
	"cpu,host=a usage=1,n=2i,u=3u,b=t,s=\"x\" 1234567890\ncpu,host=b usage=1.5,n=-2i,u=3u,b=F,s=\"y\" 1\n",
	"home,room=Living\\ room temp=71.5\n  home,room=Kitchen temp=72.0",
	"m,t=a\\,b f=1i\nm f=\"a\\nb\"\nm f=1 1 2\nm f=1,f=2\na\\ b f=T",
	"m f=\"multi\nline\" 1\nm f=\"a \\\" b\nc \\\\\",g=\"\" 2\r\n\r\n# comment \"\nm f=1",
	"m f=\"open\nm f=\"closed\"\nm f=1\n",
	"m f=hi,g=\"a\nb c=1\n\"\nm f=1\n",
	"m, f=1\nm,a f=1\nm,a= f=1\nm,=b f=1\n,a=b f=1\nm\nm \nm f\nm f=\nm =1",
	"m,a=b,a=c f=1\nm,a=b\tc f=1\nm\tf=1\nm,a=x\\ f=1\nm,a=x\\\\ f=1\n:\\",
	"m f=1e400,g=-1e400,h=1e-400,i=123456789012345678901234567890\nm f=9223372036854775808i\nm f=18446744073709551616u\nm f=1 9223372036854775808",
	"m f=0.1,g=1.7976931348623157e308,h=00000000000000000001i,i=9007199254740993,j=-0\nm f=1.,g=2\nm f=.5\nm f=+1\nm f=1e\nm f=tru",
	"m\\\nn f=1\nm f=1\\\nm f=2\n\\\\\nm f\\=\"x=1",
	"m,t=\xff f=1\nm,t=\u00e4 f\u00f6=\"\u00fc\"\nm f=\"\xc3\"\nm\x00 f=1\nm f\x00=1\nm f=\"\x00\"",
	"m a,b=1\nm f=1,,g=2\nm,x,a=1 f=1\nm f=1,\nm f=1, 5\nm f=1,g\nm f=1,g=2,h\nm f=1,g=2,h=x 5",
	"m a=1,b=2\nm a=1\nm a=1i\nm b=1i,a=1\nm a=1,b=2\nn a=1,b=2\nm a=1,b=2,a=3\nm a=1,b=2,a=3\n",
	"m a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9,j=10,k=11,l=12,m=13\nm a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9,j=10,k=11,l=12,a=13\n",
	"m a=\"x\\",
	" \t \n#\n\n \r\n",
}

func FuzzDecoder(f *testing.F) {
	for _, body := range seedBodies {
		f.Add(body, uint16(1000), uint64(1))
	}
	f.Fuzz(func(t *testing.T, body string, maxLine uint16, seed uint64) {
		compare(t, body, 1+int(maxLine), seed)
	})
}

// TestRandomLines builds bodies out of pieces of line protocol, which reaches
// deeper than random bytes, and long lines that the fuzzer rarely makes.
func TestRandomLines(t *testing.T) {
	tokens := []string{
		"m", "cpu", ",", ",", "=", "=", " ", " ", "\n", "\n", "\n", "\"", "\"", "\\", "\t", "\r\n", "#",
		"host", "f", "g", "1", "12", "i", "u", "-", ".", "e", "5", "t", "false", "1234567890123", "99999999999999999999",
		"m f=1\n", ",host=a", " f=1i,g=2", "=\"", "\"\n", "\u00e4", "\xff", "\x00", " 1767225600000000000\n", "f=\"text\"",
	}
	r := rand.New(rand.NewPCG(1, 2))
	rounds := 20000
	if testing.Short() {
		rounds = 2000
	}
	for i := range rounds {
		var b strings.Builder
		for range r.IntN(40) {
			b.WriteString(tokens[r.IntN(len(tokens))])
		}
		compare(t, b.String(), []int{8, 30, 100, 1 << 20}[i&3], uint64(i))
		if t.Failed() {
			t.Fatalf("round %d: %q", i, b.String())
		}
	}
}
