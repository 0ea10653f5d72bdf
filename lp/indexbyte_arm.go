package lp

import "unsafe"

// indexByte is bytes.IndexByte, which looks at one byte after the other on
// 32-bit ARM. Lines are searched twice; whole words take two fifths of that.
func indexByte(b []byte, c byte) int {
	const low, high = 0x01010101, 0x80808080
	i, n := 0, len(b)
	start := unsafe.Pointer(unsafe.SliceData(b))
	// Words are read where they are aligned.
	for ; i < n && (uintptr(start)+uintptr(i))&3 != 0; i++ {
		if b[i] == c {
			return i
		}
	}
	pattern := low * uint32(c)
	for ; i+8 <= n; i += 8 {
		x := *(*uint32)(unsafe.Add(start, i)) ^ pattern
		y := *(*uint32)(unsafe.Add(start, i+4)) ^ pattern
		if ((x-low)&^x|(y-low)&^y)&high != 0 {
			break
		}
	}
	for ; i < n; i++ {
		if b[i] == c {
			return i
		}
	}
	return -1
}
