package segment

import (
	"encoding/binary"
	"slices"
)

// slack is how many readable bytes follow every decoded page, so that values
// are unpacked with whole 8-byte loads.
const slack = 8

// appendPacked appends n values of w bits, least significant bit first: the
// differences of values and base, and zeros behind them. n is a multiple of 8.
func appendPacked[T int64 | uint32](dst []byte, values []T, base T, w uint, n int) []byte {
	at, size := len(dst), n/8*int(w)
	if size == 0 {
		return dst
	}
	dst = slices.Grow(dst, size+8) // the last word may stand over
	out := dst[at : at+size+8]
	dst = dst[:at+size]
	switch w {
	case 4:
		for len(values) >= 2 {
			out[0] = byte(values[0]-base) | byte(values[1]-base)<<4
			out, values = out[1:], values[2:]
		}
		if len(values) > 0 {
			out[0] = byte(values[0] - base)
			out = out[1:]
		}
	case 8:
		for i, v := range values {
			out[i] = byte(v - base)
		}
		out = out[len(values):]
	default:
		var acc uint64
		var fill uint
		for _, v := range values {
			x := uint64(v - base)
			acc |= x << (fill & 63)
			if fill += w; fill >= 64 {
				binary.LittleEndian.PutUint64(out, acc)
				out = out[8:]
				fill -= 64
				acc = x >> (w - fill)
			}
		}
		binary.LittleEndian.PutUint64(out, acc)
		out = out[8:]
	}
	clear(out[:max(0, len(out)-8)])
	return dst
}

// unpack extracts 32 values of w bits from the first 4*w bytes of b, which has
// slack more.
func unpack(values *[32]uint64, b []byte, w uint) {
	if w <= maxNarrow {
		unpackNarrow(values, b, w)
		return
	}
	mask := uint64(1)<<w - 1
	if w <= 56 {
		for i, bit := 0, uint(0); i < 32; i, bit = i+1, bit+w {
			values[i] = binary.LittleEndian.Uint64(b[bit>>3:]) >> (bit & 7) & mask
		}
		return
	}
	for i, bit := 0, uint(0); i < 32; i, bit = i+1, bit+w {
		lo := binary.LittleEndian.Uint64(b[bit>>3:]) >> (bit & 7)
		hi := uint64(b[bit>>3+8]) << (64 - bit&7) // the bits beyond the load
		values[i] = (lo | hi) & mask
	}
}

// maxNarrow is the widest width at which a value can be read with one 4-byte
// load from the byte where it starts: 7 bits of shift and 25 of value.
const maxNarrow = 25

// unpackNarrow is unpack for up to maxNarrow bits.
func unpackNarrow[T uint32 | uint64](values *[32]T, b []byte, w uint) {
	mask := uint32(1)<<w - 1
	// Eight values take exactly w bytes, so that the place of each within its
	// group is the same for all groups.
	b1, b2, b3, b4, b5, b6, b7 := w>>3, 2*w>>3, 3*w>>3, 4*w>>3, 5*w>>3, 6*w>>3, 7*w>>3
	s1, s2, s3, s4, s5, s6, s7 := w&7, 2*w&7, 3*w&7, 4*w&7, 5*w&7, 6*w&7, 7*w&7
	for i := 0; i < 32; i += 8 {
		v := values[i : i+8 : i+8]
		g := b[:b7+4]
		v[0] = T(binary.LittleEndian.Uint32(g) & mask)
		v[1] = T(binary.LittleEndian.Uint32(g[b1:]) >> s1 & mask)
		v[2] = T(binary.LittleEndian.Uint32(g[b2:]) >> s2 & mask)
		v[3] = T(binary.LittleEndian.Uint32(g[b3:]) >> s3 & mask)
		v[4] = T(binary.LittleEndian.Uint32(g[b4:]) >> s4 & mask)
		v[5] = T(binary.LittleEndian.Uint32(g[b5:]) >> s5 & mask)
		v[6] = T(binary.LittleEndian.Uint32(g[b6:]) >> s6 & mask)
		v[7] = T(binary.LittleEndian.Uint32(g[b7:]) >> s7 & mask)
		b = b[w:]
	}
}
