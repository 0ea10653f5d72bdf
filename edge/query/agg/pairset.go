package agg

// pairSet is a set of (group, word) pairs, by open addressing: half as dear as
// a map, and of a known size.
type pairSet struct {
	groups []uint32 // group + 1; 0 is a free place
	words  []uint64
	n      int
}

// add says whether the pair was not there before.
func (s *pairSet) add(group uint32, word uint64) bool {
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

func (s *pairSet) bytes() int { return 12 * len(s.groups) }
