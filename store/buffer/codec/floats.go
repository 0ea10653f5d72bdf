package codec

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"
)

// A stretch of floats:
//
//	+----------+
//	| exponent |  1 byte: k, or 0xff
//	+----------+
//	| integers |  as by AppendInts: value * 10^k, or the value's bits
//	+----------+  unless exponent is 0xff:
//	| count    |  1 byte: e
//	| places   |  e bytes
//	| bits     |  e * 8 bytes, little endian: values that are no such decimals
//	+----------+

// Bits is the exponent of floats that are stored as their bits.
const Bits = -1

// MaxExponent is the largest power of ten by which floats are scaled. With a
// larger one only tiny numbers would fit into the integers.
const MaxExponent = 15

const bitsByte = 0xff

// maxDecimal bounds the scaled integers: within it, adding and subtracting
// roundMagic rounds a float to an integer.
const maxDecimal = 1 << 51

// roundMagic is 1.5 * 2^52, where the spacing of floats is 1. It replaces
// math.RoundToEven, which is slow where there is no such instruction.
const roundMagic = 3 << 51

var powers = [MaxExponent + 1]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// decimal returns v * power as an integer, and whether dividing that integer
// by power gives back v bit for bit. Division, unlike multiplication with the
// inverse, is exact for every decimal number that parsing rounds correctly.
func decimal(v, power float64) (d int64, ok bool) {
	scaled := float64(v * power) // the conversions forbid fused multiply-add
	if !(scaled > -maxDecimal && scaled < maxDecimal) {
		return 0, false
	}
	rounded := float64(scaled+roundMagic) - roundMagic
	return int64(rounded), math.Float64bits(rounded/power) == math.Float64bits(v) && (rounded != 0 || !math.Signbit(v))
}

// Decimal returns v * 10^exponent as an integer, and whether Float gives back v
// bit for bit. exponent is 0 to MaxExponent.
func Decimal(v float64, exponent int) (d int64, ok bool) { return decimal(v, powers[exponent]) }

// Float returns d / 10^exponent.
func Float(d int64, exponent int) float64 { return float64(d) / powers[exponent] }

// sampleSize is how many values decide the exponent of a column.
const sampleSize = 32

// exceptionBits is what a float beside its stretch costs.
const exceptionBits = 72

// Exponent returns the exponent at which floats like these, given as bits,
// take the least space, or Bits.
func Exponent(v []uint64) int {
	if len(v) == 0 {
		return Bits
	}
	step := max(1, len(v)/sampleSize)
	var sample [sampleSize]uint64
	n := 0
	for i := 0; i < len(v) && n < sampleSize; i += step {
		sample[n] = v[i]
		n++
	}
	lo, hi := int64(sample[0]), int64(sample[0])
	for _, x := range sample[1:n] {
		lo, hi = min(lo, int64(x)), max(hi, int64(x))
	}
	best, cost := Bits, n*storable(bits.Len64(uint64(hi)-uint64(lo)))
	for k, power := range powers {
		lo, hi, exceptions := int64(math.MaxInt64), int64(math.MinInt64), 0
		for _, x := range sample[:n] {
			if d, ok := decimal(math.Float64frombits(x), power); ok {
				lo, hi = min(lo, d), max(hi, d)
			} else {
				exceptions++
			}
		}
		if exceptions == n {
			continue
		}
		if c := (n-exceptions)*bits.Len64(uint64(hi-lo)) + exceptions*exceptionBits; c < cost || c == cost && best == Bits {
			best, cost = k, c
		}
		if exceptions == 0 {
			break // a larger exponent only makes larger integers
		}
	}
	return best
}

// AppendFloats appends the encoding of up to Size floats, given as their bits,
// to dst. exponent is what Exponent found for them or for others like them.
func AppendFloats(dst []byte, v []uint64, exponent int) []byte {
	if len(v) == 0 {
		return dst
	}
	if exponent != Bits {
		if out, ok := appendDecimals(dst, v, exponent); ok {
			return out
		}
	}
	return AppendInts(append(dst, bitsByte), v)
}

// appendDecimals gives up when there are too many exceptions.
func appendDecimals(dst []byte, v []uint64, exponent int) ([]byte, bool) {
	var ints [Size]uint64
	var places [maxExceptions]uint8
	exceptions := 0
	power := powers[exponent]
	last := uint64(0)
	for i, x := range v {
		d, ok := decimal(math.Float64frombits(x), power)
		if !ok {
			if exceptions == maxExceptions {
				return dst, false
			}
			places[exceptions] = uint8(i)
			exceptions++
			d = int64(last) // what costs least
		}
		last = uint64(d)
		ints[i] = last
	}
	dst = AppendInts(append(dst, byte(exponent)), ints[:len(v)])
	dst = append(dst, byte(exceptions))
	dst = append(dst, places[:exceptions]...)
	for _, i := range places[:exceptions] {
		dst = binary.LittleEndian.AppendUint64(dst, v[i])
	}
	return dst, true
}

// DecodeFloats fills dst with the floats that AppendFloats encoded and returns
// what follows them in src. len(dst) must be their number.
func DecodeFloats(dst []float64, src []byte) (rest []byte, err error) {
	return DecodeFloatsWithin(dst, src, 0, len(dst))
}

// DecodeFloatsWithin is DecodeFloats for a caller who wants dst[lo:hi] alone:
// the others may become anything.
func DecodeFloatsWithin(dst []float64, src []byte, lo, hi int) (rest []byte, err error) {
	if len(dst) == 0 {
		return src, nil
	}
	if len(src) == 0 || len(dst) > Size {
		return nil, ErrCorrupt
	}
	exponent := src[0]
	if exponent == bitsByte {
		return DecodeInts(unsafe.Slice((*uint64)(unsafe.Pointer(&dst[0])), len(dst)), src[1:])
	}
	if exponent > MaxExponent {
		return nil, ErrCorrupt
	}
	// In place: a float and the integer that it is made of are of one size.
	ints := unsafe.Slice((*int64)(unsafe.Pointer(&dst[0])), len(dst))
	rest, err = DecodeInts(ints, src[1:])
	if err != nil {
		return nil, err
	}
	wanted := dst[lo:hi]
	if power := powers[exponent]; power == 1 {
		for i, d := range ints[lo:hi] {
			wanted[i] = float64(d)
		}
	} else {
		for i, d := range ints[lo:hi] {
			wanted[i] = float64(d) / power
		}
	}
	if len(rest) == 0 || len(rest) < 1+9*int(rest[0]) {
		return nil, ErrCorrupt
	}
	exceptions := int(rest[0])
	places, raw := rest[1:1+exceptions], rest[1+exceptions:]
	for i, p := range places {
		if int(p) >= len(dst) {
			return nil, ErrCorrupt
		}
		dst[p] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return raw[8*exceptions:], nil
}
