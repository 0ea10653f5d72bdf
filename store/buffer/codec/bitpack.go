package codec

import (
	"encoding/binary"
	"slices"
)

// maxPacked is the widest width at which a value can be read with one 8-byte
// load from the byte where it starts: 7 bits of shift and 57 of value. Wider
// values are stored whole.
const maxPacked = 57

// storable rounds a width up to one that pack supports.
func storable(width int) int {
	if width > maxPacked {
		return 64
	}
	return width
}

// packedLen is the number of bytes that n values of a width take.
func packedLen(n, width int) int { return (n*width + 7) / 8 }

// pack appends the low width bits of each value, least significant bit first
// and without gaps. width is 0 to maxPacked, or 64.
func pack(dst []byte, v []uint64, width int) []byte {
	switch width {
	case 0:
		return dst
	case 64:
		for _, x := range v {
			dst = binary.LittleEndian.AppendUint64(dst, x)
		}
		return dst
	}
	size := packedLen(len(v), width)
	start := len(dst)
	// Whole words are written, so that the last may stand over.
	dst = slices.Grow(dst, size+8)
	out := dst[start : start+size+8]
	mask := uint64(1)<<uint(width) - 1
	w := uint(width)
	acc, fill := uint64(0), uint(0)
	for _, x := range v {
		x &= mask
		acc |= x << (fill & 63)
		fill += w
		if fill >= 64 {
			binary.LittleEndian.PutUint64(out, acc)
			out = out[8:]
			fill -= 64
			acc = x >> (w - fill)
		}
	}
	if fill > 0 {
		binary.LittleEndian.PutUint64(out, acc)
	}
	return dst[:start+size]
}

// unpack fills dst with values that pack wrote. src must hold at least
// packedLen bytes; bytes beyond those are looked at, not used.
func unpack[T Word](dst []T, src []byte, width int) {
	switch width {
	case 0:
		clear(dst)
		return
	case 64:
		for i := range dst {
			dst[i] = T(binary.LittleEndian.Uint64(src[8*i:]))
		}
		return
	}
	w := uint(width)
	mask := uint64(1)<<w - 1
	// Eight values take exactly width bytes, so that the place of each within
	// its group is the same for all groups.
	b1, b2, b3, b4, b5, b6, b7 := w>>3, 2*w>>3, 3*w>>3, 4*w>>3, 5*w>>3, 6*w>>3, 7*w>>3
	s1, s2, s3, s5, s6, s7 := w&7, 2*w&7, 3*w&7, 5*w&7, 6*w&7, 7*w&7
	s4 := 4 * w & 7
	for len(dst) >= 8 && uint(len(src)) >= b7+8 {
		d := dst[:8:8]
		d[0] = T(binary.LittleEndian.Uint64(src) & mask)
		d[1] = T(binary.LittleEndian.Uint64(src[b1:]) >> (s1 & 63) & mask)
		d[2] = T(binary.LittleEndian.Uint64(src[b2:]) >> (s2 & 63) & mask)
		d[3] = T(binary.LittleEndian.Uint64(src[b3:]) >> (s3 & 63) & mask)
		d[4] = T(binary.LittleEndian.Uint64(src[b4:]) >> (s4 & 63) & mask)
		d[5] = T(binary.LittleEndian.Uint64(src[b5:]) >> (s5 & 63) & mask)
		d[6] = T(binary.LittleEndian.Uint64(src[b6:]) >> (s6 & 63) & mask)
		d[7] = T(binary.LittleEndian.Uint64(src[b7:]) >> (s7 & 63) & mask)
		dst, src = dst[8:], src[w:]
	}
	if len(dst) == 0 {
		return
	}
	// Loads could now reach beyond the end. Either fewer than eight values are
	// left or fewer than b7+8 bytes, so 57 bytes and a load's 7 more suffice.
	var buf [maxPacked + 8]byte
	copy(buf[:], src)
	for i := range dst {
		bit := uint(i) * w
		dst[i] = T(binary.LittleEndian.Uint64(buf[bit>>3:]) >> (bit & 7) & mask)
	}
}
