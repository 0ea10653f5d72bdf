package lp

import (
	"bytes"
	"testing"
)

// TestNoAllocations runs bodies of many kinds of lines through a decoder in
// steady state.
func TestNoAllocations(t *testing.T) {
	odd := []byte("m\\ x,t\\,a=Living\\ room,ü=é f\\=a=1,s=\"say \\\"hi\\\" \\\\\",n=\"two\nlines\",é=\"ü\" 5\n" +
		"wide a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9,j=10,k=11,l=12,m=13,n=14\n" +
		"wide n=1,m=2,l=3,k=4,j=5,i=6,h=7,g=8,f=9,e=10,d=11,c=12,b=13,a=14\n" +
		"m f=0.1234567890123456789,g=1e-300,h=18446744073709551615u,i=9223372036854775807i -9223372036854775808\r\n# x\n\n")
	odd = bytes.Repeat(odd, 500) // more than a buffer
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"tsbs", tsbsLines(500)},
		{"telegraf", telegrafLines(30)},
		{"odd", odd},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, r := NewDecoder(nil), bytes.NewReader(nil)
			sum := 0
			parse := func() {
				for d.Next() {
					if d.LineErr() != nil {
						t.Fatal(d.LineErr())
					}
					_, tags, err := d.Line().ParseKey()
					if err != nil {
						t.Fatal(err)
					}
					sum += len(tags)
				}
			}
			if n := testing.AllocsPerRun(5, func() { r.Reset(c.body); d.Reset(r); parse() }); n != 0 {
				t.Errorf("streaming: %v allocations", n)
			}
			if n := testing.AllocsPerRun(5, func() { d.ResetBytes(c.body); parse() }); n != 0 {
				t.Errorf("bytes: %v allocations", n)
			}
		})
	}
}
