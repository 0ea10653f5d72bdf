package lp

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// number reads the float, integer or unsigned integer at raw[p:]. It returns the
// value as in Field.Bits and the offset behind it, which is p if there is none.
func number(raw []byte, p int) (kind Kind, value uint64, end int, f flaw) {
	start, negative := p, raw[p] == '-'
	if negative {
		p++
	}
	v, n := digits(raw, p)
	if n == 0 {
		return 0, 0, start, flaw{}
	}
	p += n
	if p < len(raw) {
		switch c := raw[p]; {
		case c == 'i':
			i, ok := integer(raw[start:p], v, n, negative)
			if !ok {
				return 0, 0, start, quoted(reasonInteger, raw[start:p], start)
			}
			return Integer, uint64(i), p + 1, flaw{}
		case c == 'u' && !negative:
			if n > maxDigits {
				var err error
				if v, err = strconv.ParseUint(string(raw[start:p]), 10, 64); err != nil {
					return 0, 0, start, quoted(reasonUnsigned, raw[start:p], start)
				}
			}
			return Unsigned, v, p + 1, flaw{}
		}
	}
	x, p := float(raw, start, p, v, n, negative)
	return Float, math.Float64bits(x), p, flaw{}
}

// shortInteger reads an integer of 1 to 7 digits, the most frequent value by
// far, at b[p:]. It returns the value and the length with the "i", which is 0 if
// there is something else. For the bytes behind b see digits.
func shortInteger(b []byte, p int) (uint64, int) {
	b = b[:cap(b)]
	if p+8 > len(b) {
		return 0, 0
	}
	x := binary.LittleEndian.Uint64(b[p:])
	v, n := digits8(x)
	if n&7 == 0 || byte(x>>(8*n)) != 'i' {
		return 0, 0
	}
	return v, n + 1
}

// integer makes an int64 of a number that was read by digits. False means that
// it does not fit.
func integer(text []byte, v uint64, n int, negative bool) (int64, bool) {
	if n > maxDigits { // too large unless most are leading zeros
		i, err := strconv.ParseInt(string(text), 10, 64)
		return i, err == nil
	}
	if negative {
		return int64(-v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// exact powers of ten as float64.
var floatPow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float reads on in a float from start whose n digits before p have the value
// v. It returns the correctly rounded value and the offset behind it.
func float(raw []byte, start, p int, v uint64, n int, negative bool) (float64, int) {
	exp := 0
	if p < len(raw) && raw[p] == '.' {
		if v2, n2 := digits(raw, p+1); n2 > 0 {
			p += 1 + n2
			if n += n2; n <= maxDigits {
				v = v*pow10[n2] + v2
				exp = -n2
			}
		}
	}
	if p < len(raw) && raw[p]|0x20 == 'e' {
		q, sign := p+1, 1
		if q < len(raw) && (raw[q] == '-' || raw[q] == '+') {
			if raw[q] == '-' {
				sign = -1
			}
			q++
		}
		if v2, n2 := digits(raw, q); n2 > 0 {
			p = q + n2
			if n2 > 4 {
				n = maxDigits + 1 // not worth a fast path
			} else {
				exp += sign * int(v2)
			}
		}
	}
	if n <= maxDigits {
		x, ok := scaled(v, exp)
		if ok {
			if negative {
				x = -x
			}
			return x, p
		}
	}
	// The grammar is checked, so the only possible error is that of an overflow,
	// which comes with the infinity that the specification asks for.
	x, _ := strconv.ParseFloat(unsafe.String(&raw[start], p-start), 64)
	return x, p
}

// scaled returns v times ten to the power of exp, correctly rounded. False means
// that it takes more than one division to find out.
func scaled(v uint64, exp int) (float64, bool) {
	switch {
	case v <= 1<<53 && -22 <= exp && exp <= 22:
		// Clinger's fast path: both operands are exact, so that the one operation
		// rounds correctly.
		if exp < 0 {
			return float64(v) / floatPow10[-exp], true
		}
		return float64(v) * floatPow10[exp], true
	case v > 1<<53 && -maxDigits <= exp && exp <= 0:
		if exp == 0 {
			return float64(v), true
		}
		// What sensors and agents send with all digits that they have.
		return quotient(v, -exp), true
	}
	return 0, false
}

// reciprocals of powers of ten: 2^127 / d, rounded down, of each d in pow10
// shifted to its full width; none of 1.
var reciprocals = func() (r [len(pow10)]uint64) {
	for i, d := range pow10 {
		if i > 0 {
			r[i], _ = bits.Div64(1<<63, 0, d<<bits.LeadingZeros64(d))
		}
	}
	return r
}()

// quotient returns v divided by 10 to the power of exp, correctly rounded. v is
// more than 2^53, exp 1 to maxDigits.
func quotient(v uint64, exp int) float64 {
	// With v and d shifted to their full width, v*2^63/d has 63 or 64 bits: 53
	// for the result and 10 or 11 to round by. A product with the reciprocal of d
	// finds it but for an error of less than 2 upwards, which decides the rounding
	// nearly always. Division takes twice to hundred times as long, the latter on
	// 32-bit ARM.
	d := pow10[exp]
	vShift, dShift := bits.LeadingZeros64(v), bits.LeadingZeros64(d)
	q, _ := bits.Mul64(v<<vShift, reciprocals[exp])
	shift := uint(11 - bits.LeadingZeros64(q))
	half := uint64(1) << (shift - 1)
	rest := q & (2*half - 1)
	m := q >> shift
	if rest > half {
		m++
	} else if rest >= half-1 {
		return quotientSlowly(v, d)
	}
	// m has 53 bits, of which the first adds 1 to the exponent. If it has become
	// 2^53, it adds 2 and leaves a mantissa of 0.
	return math.Float64frombits(uint64(1074+int(shift)+dShift-vShift-63)<<52 + m)
}

// quotientSlowly returns v/d, correctly rounded. Neither is zero.
func quotientSlowly(v, d uint64) float64 {
	// As in quotient, but the lowest bit stands for all that the division leaves
	// out.
	vShift, dShift := bits.LeadingZeros64(v), bits.LeadingZeros64(d)
	v, d = v<<vShift, d<<dShift
	q, rest := bits.Div64(v>>1, v<<63, d)
	if rest != 0 {
		q |= 1
	}
	// A power of two, and far from the limits of float64: this is exact.
	return float64(q) * math.Float64frombits(uint64(1023-63+dShift-vShift)<<52)
}

// boolean reads the boolean at raw[p:] and returns it as 0 or 1 with the offset
// behind it, which is p if there is none.
func boolean(raw []byte, p int) (uint64, int) {
	switch raw[p] {
	case 't':
		return 1, p + longest(raw[p:], "true", "true")
	case 'T':
		return 1, p + longest(raw[p:], "True", "TRUE")
	case 'f':
		return 0, p + longest(raw[p:], "false", "false")
	case 'F':
		return 0, p + longest(raw[p:], "False", "FALSE")
	}
	return 0, p
}

// longest is the length of the word at the start of b, which is one of two of
// the same length or, failing that, only their first letter.
func longest(b []byte, x, y string) int {
	if n := len(x); len(b) >= n && (string(b[:n]) == x || string(b[:n]) == y) {
		return n
	}
	return 1
}
