package lp

import (
	"bytes"
	"hash/maphash"
	"math/bits"
)

// fewKeys is up to how many keys comparing all pairs is cheaper than hashing.
const fewKeys = 12

// repeats finds repeated keys in linear time, whatever the keys are: the hash
// is seeded.
type repeats struct {
	seed  maphash.Seed
	slots []uint32 // hash table with open addressing: index+1 of a key, or 0
}

func (r *repeats) init() { r.seed = maphash.MakeSeed() }

// find returns the index of the first key that equals an earlier one, or -1.
func (r *repeats) find(list []key) int {
	if len(list) <= fewKeys {
		for i := range list {
			for j := range list[:i] {
				if bytes.Equal(list[i].name, list[j].name) {
					return i
				}
			}
		}
		return -1
	}
	size := 1 << bits.Len(uint(2*len(list)))
	if len(r.slots) < size {
		r.slots = make([]uint32, size)
	}
	slots := r.slots[:size]
	clear(slots)
	for i := range list {
		h := int(maphash.Bytes(r.seed, list[i].name)) & (size - 1)
		for ; slots[h] != 0; h = (h + 1) & (size - 1) {
			if bytes.Equal(list[i].name, list[slots[h]-1].name) {
				return i
			}
		}
		slots[h] = uint32(i + 1)
	}
	return -1
}
