package codec

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A stretch of n integers:
//
//	+------------------+
//	| width, delta bit |  1 byte: width 0-57 or 64 | 0x80 when delta
//	+------------------+
//	| base             |  varint
//	+------------------+  delta only:
//	| first value      |  varint
//	| exceptions       |  1 byte: e
//	+------------------+
//	| offsets          |  n (delta: n-1) values of width bits, bit-packed
//	+------------------+  delta only:
//	| places           |  e bytes, indexes into offsets
//	| high parts       |  e uvarints: offset >> width
//	+------------------+
//
// Without the delta bit a value is base + offset. With it, it is the previous
// value + base + unzigzag(offset). All arithmetic wraps at 64 bits, so that
// signed and unsigned integers are stored alike.

const deltaBit = 0x80

// maxExceptions bounds how many values of a stretch may lie beside it: more
// would make decoding slow for little gain.
const maxExceptions = 16

// AppendInts appends the encoding of up to Size integers to dst.
func AppendInts(dst []byte, v []uint64) []byte {
	dst, _, _ = AppendBounded(dst, v)
	return dst
}

// AppendBounded is AppendInts and also returns the smallest and the largest of
// the integers as signed ones, if there are any.
func AppendBounded(dst []byte, v []uint64) (out []byte, lo, hi int64) {
	n := len(v)
	if n == 0 {
		return dst, 0, 0
	}
	if n > Size {
		panic(fmt.Sprintf("BUG: %d values in a stretch of at most %d", n, Size))
	}
	lo, hi = int64(v[0]), int64(v[0])
	for _, x := range v[1:] {
		lo, hi = min(lo, int64(x)), max(hi, int64(x))
	}
	direct := storable(bits.Len64(uint64(hi) - uint64(lo)))
	var offsets [Size]uint64
	if direct > 0 && n > 2 {
		base := typicalDelta(v)
		var lengths [65]uint8
		last := v[0]
		for i, x := range v[1:] {
			u := zigzag(x - last - base)
			last = x
			offsets[i] = u
			lengths[bits.Len64(u)]++
		}
		width, exceptions, cost := bestWidth(&lengths, n-1)
		// What delta has and direct has not: the first value and the count.
		if cost+8*(1+varintLen(zigzag(v[0]))) < n*direct {
			return appendDelta(dst, offsets[:n-1], v[0], base, width, exceptions), lo, hi
		}
	}
	dst = append(dst, byte(direct))
	dst = binary.AppendUvarint(dst, zigzag(uint64(lo)))
	if direct == 0 {
		return dst, lo, hi
	}
	for i, x := range v {
		offsets[i] = x - uint64(lo)
	}
	return pack(dst, offsets[:n], direct), lo, hi
}

// typicalDelta is the median of three differences between neighbours. Where
// rows of several series follow each other, one of them may be a jump from one
// series to the next; hardly ever two.
func typicalDelta(v []uint64) uint64 {
	n := len(v)
	a := int64(v[n/4+1] - v[n/4])
	b := int64(v[n/2] - v[n/2-1])
	c := int64(v[n-1] - v[n-2])
	return uint64(max(min(a, b), min(max(a, b), c)))
}

// bestWidth returns the width at which offsets, counted by bit length, take
// the fewest bits, exceptions included, and how many these are.
func bestWidth(lengths *[65]uint8, n int) (width, exceptions, cost int) {
	top := 64
	for top > 0 && lengths[top] == 0 {
		top--
	}
	width, cost = storable(top), n*storable(top)
	above := int(lengths[top])
	for w := top - 1; w >= 0 && above <= maxExceptions; w-- {
		if w > maxPacked || lengths[w] == 0 && w > 0 {
			above += int(lengths[w])
			continue // a width that no offset has wastes bits
		}
		c := n * w
		for l := w + 1; l <= top; l++ {
			if lengths[l] > 0 {
				c += int(lengths[l]) * (8 + 8*((l-w+6)/7))
			}
		}
		if c < cost {
			width, exceptions, cost = w, above, c
		}
		above += int(lengths[w])
	}
	return width, exceptions, cost
}

func varintLen(u uint64) int { return (bits.Len64(u|1) + 6) / 7 }

func appendDelta(dst []byte, offsets []uint64, first, base uint64, width, exceptions int) []byte {
	dst = append(dst, byte(width)|deltaBit)
	dst = binary.AppendUvarint(dst, zigzag(base))
	dst = binary.AppendUvarint(dst, zigzag(first))
	dst = append(dst, byte(exceptions))
	dst = pack(dst, offsets, width)
	if exceptions == 0 {
		return dst
	}
	var places [maxExceptions]uint8
	largest := uint64(1)<<uint(width) - 1
	found := 0
	for i := 0; found < exceptions; i++ {
		if offsets[i] > largest {
			places[found] = uint8(i)
			found++
		}
	}
	dst = append(dst, places[:found]...)
	for _, i := range places[:found] {
		dst = binary.AppendUvarint(dst, offsets[i]>>uint(width))
	}
	return dst
}

// DecodeInts fills dst with the integers that AppendInts encoded and returns
// what follows them in src. len(dst) must be their number.
func DecodeInts[T Word](dst []T, src []byte) (rest []byte, err error) {
	n := len(dst)
	if n == 0 {
		return src, nil
	}
	if len(src) == 0 || n > Size {
		return nil, ErrCorrupt
	}
	width := int(src[0] &^ deltaBit)
	delta := src[0]&deltaBit != 0
	if width != storable(width) || width > 64 {
		return nil, ErrCorrupt
	}
	u, k := binary.Uvarint(src[1:])
	if k <= 0 {
		return nil, ErrCorrupt
	}
	base := T(unzigzag(u))
	src = src[1+k:]
	if delta {
		return decodeDelta(dst, src, base, width)
	}
	size := packedLen(n, width)
	if len(src) < size {
		return nil, ErrCorrupt
	}
	if width == 0 {
		for i := range dst {
			dst[i] = base
		}
		return src, nil
	}
	unpack(dst, src, width)
	for i := range dst {
		dst[i] += base
	}
	return src[size:], nil
}

func decodeDelta[T Word](dst []T, src []byte, base T, width int) (rest []byte, err error) {
	u, k := binary.Uvarint(src)
	if k <= 0 || len(src) == k {
		return nil, ErrCorrupt
	}
	exceptions := int(src[k])
	src = src[k+1:]
	first, offsets := T(unzigzag(u)), dst[1:]
	size := packedLen(len(offsets), width)
	if len(src) < size+exceptions || exceptions > 0 && width == 64 {
		return nil, ErrCorrupt
	}
	if width == 0 {
		return decodeEven(dst, src, first, base, exceptions)
	}
	unpack(offsets, src, width)
	src = src[size:]
	if exceptions > 0 {
		places := src[:exceptions]
		src = src[exceptions:]
		for _, i := range places {
			high, k := binary.Uvarint(src)
			if k <= 0 || int(i) >= len(offsets) {
				return nil, ErrCorrupt
			}
			offsets[i] |= T(high << uint(width))
			src = src[k:]
		}
	}
	dst[0] = first
	for i, o := range offsets {
		u := uint64(o)
		first += base + T(u>>1^-(u&1))
		offsets[i] = first
	}
	return src, nil
}

// decodeEven is decodeDelta when all differences are base, as those of times
// mostly are, but for some exceptions: where another series begins.
func decodeEven[T Word](dst []T, src []byte, value, base T, exceptions int) (rest []byte, err error) {
	places := src[:exceptions]
	src = src[exceptions:]
	next := 0 // of dst; value goes there
	for _, p := range places {
		high, k := binary.Uvarint(src)
		if k <= 0 || int(p)+1 >= len(dst) || int(p)+1 < next {
			return nil, ErrCorrupt
		}
		src = src[k:]
		value = fill(dst[next:int(p)+1], value, base) + T(unzigzag(high))
		next = int(p) + 1
	}
	fill(dst[next:], value, base)
	return src, nil
}

// fill makes dst value, value + step and so on, and returns what would follow.
func fill[T Word](dst []T, value, step T) T {
	for i := range dst {
		dst[i] = value
		value += step
	}
	return value
}
