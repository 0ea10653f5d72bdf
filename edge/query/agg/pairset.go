package agg

import mathbits "math/bits"

// pairSet is a set of (group, word) pairs, by open addressing: half as dear as
// a map, and of a known size. Small words of the first groups - states, levels,
// percentages, codes of texts - are bits instead.
type pairSet struct {
	groups []uint32 // group + 1; 0 is a free place
	words  []uint64
	n      int      // of those
	small  []uint64 // smallWords a group
}

const (
	smallWords  = 4096
	smallGroups = 64
)

// add says whether the pair was not there before.
func (s *pairSet) add(group uint32, word uint64) bool {
	if word < smallWords && group < smallGroups {
		return s.addSmall(group, word)
	}
	if 2*s.n >= len(s.groups) {
		s.grow()
	}
	i := s.find(group, word)
	if s.groups[i] != 0 {
		return false
	}
	s.groups[i], s.words[i] = group+1, word
	s.n++
	return true
}

func (s *pairSet) addSmall(group uint32, word uint64) bool {
	at := uint64(group)*smallWords + word
	if at/64 >= uint64(len(s.small)) {
		s.small = append(s.small, make([]uint64, (int(group)+1)*smallWords/64-len(s.small))...)
	}
	w, bit := &s.small[at/64], uint64(1)<<(at%64)
	added := *w&bit == 0
	*w |= bit
	return added
}

// each calls fn for every pair.
func (s *pairSet) each(fn func(group uint32, word uint64)) {
	for i, w := range s.small {
		for ; w != 0; w &= w - 1 {
			at := uint64(i)*64 + uint64(mathbits.TrailingZeros64(w))
			fn(uint32(at/smallWords), at%smallWords)
		}
	}
	for i, g := range s.groups {
		if g != 0 {
			fn(g-1, s.words[i])
		}
	}
}

// find is the pair's place, or the free one where it belongs.
func (s *pairSet) find(group uint32, word uint64) int {
	mask := len(s.groups) - 1
	h := word ^ uint64(group)*0x9e3779b97f4a7c15
	h ^= h >> 32 // floats differ in their upper bits only
	h *= 0xff51afd7ed558ccd
	h ^= h >> 29
	i := int(h) & mask
	for s.groups[i] != 0 && (s.groups[i] != group+1 || s.words[i] != word) {
		i = (i + 1) & mask
	}
	return i
}

func (s *pairSet) grow() {
	old := *s
	size := max(64, 2*len(old.groups))
	s.groups, s.words = make([]uint32, size), make([]uint64, size)
	for i, g := range old.groups {
		if g != 0 {
			at := s.find(g-1, old.words[i])
			s.groups[at], s.words[at] = g, old.words[i]
		}
	}
}

func (s *pairSet) bytes() int { return 12*len(s.groups) + 8*len(s.small) }
