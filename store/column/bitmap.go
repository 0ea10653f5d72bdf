package column

import "math/bits"

// Bitmap is a set of row numbers, 64 rows a word. Rows beyond its end are not
// in the set, so the nil Bitmap is empty.
type Bitmap []uint64

// Get says whether row i is in the set.
func (b Bitmap) Get(i int) bool {
	w := i >> 6
	return w < len(b) && b[w]>>(uint(i)&63)&1 != 0
}

// Set puts row i into the set, growing it as needed.
func (b *Bitmap) Set(i int) {
	w := i >> 6
	for len(*b) <= w {
		*b = append(*b, 0)
	}
	(*b)[w] |= 1 << (uint(i) & 63)
}

// Clear takes row i out of the set.
func (b Bitmap) Clear(i int) {
	if w := i >> 6; w < len(b) {
		b[w] &^= 1 << (uint(i) & 63)
	}
}

// SetRange puts rows [from, to) into the set, growing it as needed.
func (b *Bitmap) SetRange(from, to int) {
	if from >= to {
		return
	}
	for len(*b) <= (to-1)>>6 {
		*b = append(*b, 0)
	}
	first, last := from>>6, (to-1)>>6
	lo := ^uint64(0) << (uint(from) & 63)
	hi := ^uint64(0) >> (63 - uint(to-1)&63)
	if first == last {
		(*b)[first] |= lo & hi
		return
	}
	(*b)[first] |= lo
	for w := first + 1; w < last; w++ {
		(*b)[w] = ^uint64(0)
	}
	(*b)[last] |= hi
}

// Count is the number of rows below n in the set.
func (b Bitmap) Count(n int) int {
	c := 0
	for w := 0; w < len(b) && w<<6 < n; w++ {
		v := b[w]
		if rest := n - w<<6; rest < 64 {
			v &= 1<<uint(rest) - 1
		}
		c += bits.OnesCount64(v)
	}
	return c
}

// Any says whether a row below n is in the set.
func (b Bitmap) Any(n int) bool {
	for w := 0; w < len(b) && w<<6 < n; w++ {
		v := b[w]
		if rest := n - w<<6; rest < 64 {
			v &= 1<<uint(rest) - 1
		}
		if v != 0 {
			return true
		}
	}
	return false
}

// Or adds every row of o.
func (b *Bitmap) Or(o Bitmap) {
	for len(*b) < len(o) {
		*b = append(*b, 0)
	}
	for i, w := range o {
		(*b)[i] |= w
	}
}

// Reset empties the set and keeps its memory.
func (b *Bitmap) Reset() { *b = (*b)[:0] }
