package points

import "bytes"

// keyTable maps byte keys to numbers: an open-addressing hash table whose keys
// lie in one arena, so that filling and emptying it again allocates nothing.
// Go's map would need a string, an allocation, for every key.
type keyTable struct {
	slots []keySlot // a power of two of them
	used  int
	arena []byte
}

type keySlot struct {
	hash  uint64
	value uint64
	off   uint32
	len   uint32
	live  bool
}

func (k *keyTable) reset() {
	if k.used > 0 {
		clear(k.slots)
	}
	k.used, k.arena = 0, k.arena[:0]
}

func (k *keyTable) get(hash uint64, key []byte) (uint64, bool) {
	if k.used == 0 {
		return 0, false
	}
	mask := uint64(len(k.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &k.slots[i]
		if !s.live {
			return 0, false
		}
		if s.hash == hash && bytes.Equal(k.arena[s.off:s.off+s.len], key) {
			return s.value, true
		}
	}
}

// put adds a key that is not there yet.
func (k *keyTable) put(hash uint64, key []byte, value uint64) {
	if k.used*4 >= len(k.slots)*3 {
		k.grow()
	}
	off := len(k.arena)
	k.arena = append(k.arena, key...)
	k.insert(keySlot{hash: hash, value: value, off: uint32(off), len: uint32(len(key)), live: true})
	k.used++
}

func (k *keyTable) insert(s keySlot) {
	mask := uint64(len(k.slots) - 1)
	i := s.hash & mask
	for k.slots[i].live {
		i = (i + 1) & mask
	}
	k.slots[i] = s
}

func (k *keyTable) grow() {
	old := k.slots
	k.slots = make([]keySlot, max(64, 2*len(old)))
	for _, s := range old {
		if s.live {
			k.insert(s)
		}
	}
}
