package segment

import "encoding/binary"

// slack is how many readable bytes follow every decoded page, so that values
// are unpacked with whole 8-byte loads.
const slack = 8

// appendPacked appends 32 values of w bits each: 4*w bytes, least significant
// bit first.
func appendPacked(dst []byte, values *[32]uint64, w uint) []byte {
	switch w {
	case 0:
		return dst
	case 4:
		for i := 0; i < 32; i += 2 {
			dst = append(dst, byte(values[i]|values[i+1]<<4))
		}
		return dst
	case 8:
		for _, v := range values {
			dst = append(dst, byte(v))
		}
		return dst
	}
	var acc uint64
	var n uint
	for _, v := range values {
		acc |= v << n
		if n += w; n >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, acc)
			n -= 64
			acc = v >> (w - n)
		}
	}
	if n > 0 { // 32 values of an odd width end in half a word
		dst = binary.LittleEndian.AppendUint32(dst, uint32(acc))
	}
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
