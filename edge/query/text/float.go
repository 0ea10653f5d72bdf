package text

import (
	"math"
	"strconv"
)

// AppendFloat appends the CSV, pretty and CAST form of a float: shortest round
// trip, plain for 1e-5 <= |v| < 1e16 and then always with a point, else with
// an exponent ("1e16"). Not-a-number is NaN, the infinities inf and -inf.
func AppendFloat(dst []byte, v float64) []byte {
	switch {
	case v != v:
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-inf"...)
	}
	if abs := math.Abs(v); abs == 0 || abs >= 1e-5 && abs < 1e16 {
		return appendPlain(dst, v)
	}
	return appendScientific(dst, v, false)
}

// AppendFloatJSON appends the JSON form of a float: plain for
// 1e-5 <= |v| < 1e10, else with an exponent, always recognisable as a float
// ("1.0e10"). JSON has no text for not-a-number and the infinities: null.
func AppendFloatJSON(dst []byte, v float64) []byte {
	if v != v || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	if abs := math.Abs(v); abs == 0 || abs >= 1e-5 && abs < 1e10 {
		return appendPlain(dst, v)
	}
	return appendScientific(dst, v, true)
}

// AppendShort appends v as strconv's shortest 'f' does: without an exponent, and
// without a point in whole numbers.
func AppendShort(dst []byte, v float64) []byte {
	if v > -1e11 && v < 1e11 {
		if i := int64(v); float64(i) == v && (i != 0 || !math.Signbit(v)) {
			return strconv.AppendInt(dst, i, 10)
		}
		if d, ok := appendDecimal(dst, v); ok {
			return d
		}
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// FormatFloat is AppendFloat as a string.
func FormatFloat(v float64) string { return string(AppendFloat(nil, v)) }

// appendPlain appends v without exponent and with a point.
func appendPlain(dst []byte, v float64) []byte {
	// Whole numbers and few decimals are what sensors send, and integer
	// formatting is several times faster than the shortest-digits search.
	if i := int64(v); float64(i) == v && (i != 0 || !math.Signbit(v)) {
		return append(strconv.AppendInt(dst, i, 10), '.', '0')
	}
	if v > -1e11 && v < 1e11 {
		if d, ok := appendDecimal(dst, v); ok {
			return d
		}
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	for _, c := range dst[n:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

// appendDecimal appends v when it is the double nearest to a number of at
// most 15 digits with at most four decimals. A decimal of 15 digits or fewer
// is told apart from every other by its double, so the text is the shortest
// that reads back as v.
func appendDecimal(dst []byte, v float64) ([]byte, bool) {
	// Adding and subtracting 1.5 * 2^52, where floats are 1 apart, rounds to whole
	// numbers what is below 2^51.
	const magic = 3 << 51
	rounded := float64(float64(v*1e4)+magic) - magic
	if rounded/1e4 != v || rounded == 0 {
		return dst, false
	}
	if rounded < 0 {
		dst = append(dst, '-')
		rounded = -rounded
	}
	var f uint32
	if rounded < 1<<32 { // 32-bit ARM divides larger numbers bit by bit
		i := uint32(rounded)
		dst = strconv.AppendUint(dst, uint64(i/1e4), 10)
		f = i % 1e4
	} else {
		i := uint64(rounded)
		dst = strconv.AppendUint(dst, i/1e4, 10)
		f = uint32(i % 1e4)
	}
	dst = append(dst, '.', '0'+byte(f/1000), '0'+byte(f/100%10), '0'+byte(f/10%10), '0'+byte(f%10))
	for dst[len(dst)-1] == '0' && dst[len(dst)-2] != '.' {
		dst = dst[:len(dst)-1]
	}
	return dst, true
}

// appendScientific appends v with an exponent of minimal width and no plus
// sign; point asks for a point in the mantissa even of whole ones.
func appendScientific(dst []byte, v float64, point bool) []byte {
	var buf [32]byte
	s := strconv.AppendFloat(buf[:0], v, 'e', -1, 64)
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	dst = append(dst, s[:e]...)
	if point {
		hasPoint := false
		for _, c := range s[:e] {
			hasPoint = hasPoint || c == '.'
		}
		if !hasPoint {
			dst = append(dst, '.', '0')
		}
	}
	dst = append(dst, 'e')
	if s[e+1] == '-' {
		dst = append(dst, '-')
	}
	exp := s[e+2:]
	if exp[0] == '0' && len(exp) > 1 {
		exp = exp[1:]
	}
	return append(dst, exp...)
}
