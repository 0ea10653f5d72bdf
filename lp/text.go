package lp

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	low  = 0x0101010101010101 // the lowest bit of each byte
	high = 0x8080808080808080 // the highest bit of each byte
)

// textFlaw checks that b, which is at the offset at, is UTF-8 without NUL.
func textFlaw(b []byte, at int) flaw {
	if plain(b) {
		return flaw{}
	}
	if i := indexByte(b, 0); i >= 0 {
		return flaw{reasonNUL, at + i}
	}
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return flaw{reasonUTF8, at + i}
		}
		i += n
	}
	return flaw{}
}

// plain tells whether all of b is ASCII without NUL.
func plain(b []byte) bool {
	var bad uint64
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		// 0 and what is above 0x80 have the high bit in x-1, 0x80 has it in x.
		// A zero byte also borrows from the next one: it is bad either way.
		bad |= x | (x - low)
	}
	for _, c := range b {
		bad |= uint64(c) | (uint64(c) - 1)
	}
	return bad&high == 0
}

// simpleEnd returns the offset of the first comma or space in b[p:]. It is -1
// if there is none, or if a backslash or anything but printable ASCII comes
// before it. For the bytes behind b see digits.
func simpleEnd(b []byte, p int) int {
	b = b[:cap(b)]
	for ; p+8 <= len(b); p += 8 {
		x := binary.LittleEndian.Uint64(b[p:])
		// Mark bytes that are not ASCII, not above the space, a backslash or a
		// comma. The lowest mark is right; see zeroBytes.
		stop := (x | (x - ('!' * low)) | zeroBytes(x^'\\'*low) | zeroBytes(x^','*low)) & high
		if stop != 0 {
			p += bits.TrailingZeros64(stop) >> 3
			break
		}
	}
	for ; p < len(b); p++ {
		switch c := b[p]; {
		case c == ',' || c == ' ':
			return p
		case c < ' ' || c >= utf8.RuneSelf || c == '\\':
			return -1
		}
	}
	return -1
}

// quotedText reads the string whose opening quote is raw[p]. It returns its
// value without escapes and the offset behind the closing quote, which is p if
// there is none.
func (d *Decoder) quotedText(raw []byte, p int) ([]byte, int, flaw) {
	start := p + 1
	n := indexByte(raw[start:], '"')
	if n < 0 {
		return nil, p, flaw{}
	}
	text, end := raw[start:start+n:start+n], start+n+1
	if i := indexByte(text, '\\'); i >= 0 {
		if text, end = d.escapedText(raw, start, start+i); end < 0 {
			return nil, p, flaw{}
		}
	}
	if len(text) > maxText {
		return nil, p, flaw{reasonTooLong, p}
	}
	if f := textFlaw(raw[start:end-1], start); f.reason != "" {
		return nil, p, f
	}
	return text, end, flaw{}
}

// escapedText is quotedText for a string that starts at start and has its first
// backslash at p. The end is negative if there is no closing quote.
func (d *Decoder) escapedText(raw []byte, start, p int) ([]byte, int) {
	first := len(d.text)
	d.text = append(d.text, raw[start:p]...)
	for p < len(raw) {
		c := raw[p]
		switch {
		case c == '"':
			return d.text[first:len(d.text):len(d.text)], p + 1
		case c == '\\' && p+1 < len(raw) && (raw[p+1] == '"' || raw[p+1] == '\\'):
			p++
			c = raw[p]
		}
		d.text = append(d.text, c)
		p++
	}
	d.text = d.text[:first]
	return nil, -1
}
