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
