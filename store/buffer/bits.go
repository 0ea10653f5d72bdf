package buffer

import (
	"math/bits"

	"tarn/store/column"
)

// copyBits adds bits [from, from+n) of src to dst as bits [at, at+n). Bits of
// dst from at on must be clear.
func copyBits(dst *column.Bitmap, at int, src column.Bitmap, from, n int) {
	for i := 0; i < n; i += 64 {
		w := word(src, from+i)
		if rest := n - i; rest < 64 {
			w &= 1<<uint(rest) - 1
		}
		if w == 0 {
			continue // grow dst no further than it needs
		}
		place, shift := (at+i)>>6, uint(at+i)&63
		need := (at + i + bits.Len64(w) - 1) >> 6
		for len(*dst) <= need {
			*dst = append(*dst, 0)
		}
		(*dst)[place] |= w << shift
		if need > place {
			(*dst)[need] |= w >> (64 - shift)
		}
	}
}

// word returns bits [from, from+64).
func word(b column.Bitmap, from int) uint64 {
	place, shift := from>>6, uint(from)&63
	if place >= len(b) {
		return 0
	}
	w := b[place] >> shift
	if shift > 0 && place+1 < len(b) {
		w |= b[place+1] << (64 - shift)
	}
	return w
}

// countBits is the number of bits [from, from+n) that are set.
func countBits(b column.Bitmap, from, n int) int {
	c := 0
	for i := 0; i < n; i += 64 {
		w := word(b, from+i)
		if rest := n - i; rest < 64 {
			w &= 1<<uint(rest) - 1
		}
		c += bits.OnesCount64(w)
	}
	return c
}
