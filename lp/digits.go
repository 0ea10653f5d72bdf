package lp

import (
	"encoding/binary"
	"math/bits"
)

// maxDigits is the longest run of digits that cannot overflow a uint64.
const maxDigits = 19

var pow10 = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// digits reads the run of decimal digits at b[p:]: its value and its length.
// If the length is 0 or exceeds maxDigits, the value is meaningless.
//
// It looks at bytes behind b, up to its capacity, so that short runs at the end
// of a line take the fast path too. What ends b there must not be a digit: a
// line ends at "\r", "\n" or the end of the window.
func digits(b []byte, p int) (uint64, int) {
	b = b[:cap(b)]
	if p+8 > len(b) {
		return digitsSlowly(b, p)
	}
	v, n := digits8(binary.LittleEndian.Uint64(b[p:]))
	if n < 8 {
		return v, n
	}
	return moreDigits(b, p, v)
}

// moreDigits continues digits after the first eight.
func moreDigits(b []byte, p int, v uint64) (uint64, int) {
	n := 8
	for n <= 16 && p+n+8 <= len(b) {
		v2, n2 := digits8(binary.LittleEndian.Uint64(b[p+n:]))
		if n2 == 0 {
			return v, n
		}
		if n+n2 > maxDigits {
			break
		}
		v = v*pow10[n2] + v2
		n += n2
		if n2 < 8 {
			return v, n
		}
	}
	for ; p+n < len(b) && b[p+n]-'0' <= 9; n++ {
		v = v*10 + uint64(b[p+n]-'0')
	}
	return v, n
}

func digitsSlowly(b []byte, p int) (v uint64, n int) {
	for ; p+n < len(b) && b[p+n]-'0' <= 9; n++ {
		v = v*10 + uint64(b[p+n]-'0')
	}
	return v, n
}

// digits8 reads the decimal digits at the start of eight bytes, the first one
// being the lowest: their value and number. If there are none the value is
// meaningless.
func digits8(x uint64) (uint64, int) {
	x ^= 0x3030303030303030 // digits become 0..9, all else more
	// Set the high bit of every other byte. A carry out of one spoils only
	// bytes behind it, which do not count any more.
	other := (x + 0x7676767676767676 | x) & high
	n := bits.TrailingZeros64(other) >> 3 // 8 if all are digits
	x <<= uint(64-8*n) & 63               // leading zeros instead of what follows
	// Join neighbours: 8 digits to 4 numbers below 100, then those with one
	// multiplication for the odd and one for the even pairs.
	x = x*10 + x>>8
	const pairs = 0x000000FF000000FF
	v := ((x&pairs)*(100+1000000<<32) + (x>>16&pairs)*(1+10000<<32)) >> 32
	return v, n
}
