package cache

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
)

// keyTable numbers keys from 0. Keys are only added; rebuild makes another
// table of those that are still wanted. The arrays are never changed below
// their length, so that a keyView needs no lock.
type keyTable struct {
	seed   maphash.Seed
	arena  []byte
	ends   []uint32 // ends[id] is where key id ends in arena
	hashes []uint32
	slots  []uint32 // open addressing: id + 1, 0 is free
	order  []uint32 // the first len(order) ids, sorted by key; replaced as a whole
	built  uint64   // counts rebuilds
}

func (k *keyTable) len() int { return len(k.ends) }

func (k *keyTable) key(id uint32) []byte { return keyAt(k.arena, k.ends, id) }

func keyAt(arena []byte, ends []uint32, id uint32) []byte {
	from := uint32(0)
	if id > 0 {
		from = ends[id-1]
	}
	return arena[from:ends[id]:ends[id]]
}

func (k *keyTable) hash(key []byte) uint32 { return uint32(maphash.Bytes(k.seed, key)) }

func (k *keyTable) find(hash uint32, key []byte) (uint32, bool) {
	if len(k.slots) == 0 {
		return 0, false
	}
	mask := uint32(len(k.slots) - 1)
	for i := hash & mask; k.slots[i] != 0; i = (i + 1) & mask {
		if id := k.slots[i] - 1; k.hashes[id] == hash && bytes.Equal(k.key(id), key) {
			return id, true
		}
	}
	return 0, false
}

// add appends a key that is not there; ok is false when the budget is spent.
func (k *keyTable) add(a *account, hash uint32, key []byte) (id uint32, ok bool) {
	n := len(k.ends)
	if n >= math.MaxInt32 || len(k.arena)+len(key) > math.MaxInt32 {
		return 0, false
	}
	if (n+1)*4 > len(k.slots)*3 && !k.grow(a) {
		return 0, false
	}
	arena, ok := extend(a, k.arena, len(key))
	if !ok {
		return 0, false
	}
	// Room that the next two do not get stays for the next key.
	hashes, ok := extend(a, k.hashes, 1)
	if !ok {
		k.arena, k.hashes = arena[:len(k.arena)], hashes
		return 0, false
	}
	ends, ok := extend(a, k.ends, 1)
	if !ok {
		k.arena, k.hashes = arena[:len(k.arena)], hashes[:n]
		return 0, false
	}
	copy(arena[len(k.arena):], key)
	hashes[n], ends[n] = hash, uint32(len(arena))
	k.arena, k.hashes, k.ends = arena, hashes, ends
	k.place(uint32(n))
	return uint32(n), true
}

func (k *keyTable) place(id uint32) {
	mask := uint32(len(k.slots) - 1)
	i := k.hashes[id] & mask
	for k.slots[i] != 0 {
		i = (i + 1) & mask
	}
	k.slots[i] = id + 1
}

func (k *keyTable) grow(a *account) bool {
	n := max(64, 2*len(k.slots))
	if !a.take(size[uint32](n - len(k.slots))) {
		return false
	}
	k.slots = make([]uint32, n)
	for id := range k.ends {
		k.place(uint32(id))
	}
	return true
}

// bytes is the memory of the table.
func (k *keyTable) bytes() int64 {
	return int64(cap(k.arena)) + size[uint32](cap(k.ends)+cap(k.hashes)+len(k.slots)+cap(k.order))
}

// rebuild leaves only the keys that keep wants and returns the new number of
// each, gone for the others.
func (k *keyTable) rebuild(a *account, keep func(id uint32) bool) []uint32 {
	to := make([]uint32, k.len())
	wanted, text := 0, 0
	for id := range to {
		to[id] = gone
		if keep(uint32(id)) {
			to[id] = uint32(wanted)
			wanted++
			text += len(k.key(uint32(id)))
		}
	}
	slots := 0
	if wanted > 0 {
		for slots = 64; wanted*4 > slots*3; {
			slots *= 2
		}
	}
	n := keyTable{seed: k.seed, built: k.built + 1, arena: make([]byte, 0, text), ends: make([]uint32, 0, wanted),
		hashes: make([]uint32, 0, wanted), slots: make([]uint32, slots)}
	for id, t := range to {
		if t == gone {
			continue
		}
		n.arena = append(n.arena, k.key(uint32(id))...)
		n.ends = append(n.ends, uint32(len(n.arena)))
		n.hashes = append(n.hashes, k.hashes[id])
		n.place(t)
	}
	a.give(k.bytes() - n.bytes())
	*k = n
	return to
}

// gone is the number of a key that rebuild dropped.
const gone = math.MaxUint32

// keyView is a keyTable at one moment, its keys in order.
type keyView struct {
	built uint64
	arena []byte
	ends  []uint32
	order []uint32
}

func (k *keyTable) view() keyView { return keyView{k.built, k.arena, k.ends, k.order} }

func (v *keyView) key(id uint32) []byte { return keyAt(v.arena, v.ends, id) }

// sort brings the keys that came since into order. The order is a new slice:
// other readers may use the old one.
func (v *keyView) sort() {
	old := v.order
	added := make([]uint32, len(v.ends)-len(old))
	for i := range added {
		added[i] = uint32(len(old) + i)
	}
	slices.SortFunc(added, func(a, b uint32) int { return bytes.Compare(v.key(a), v.key(b)) })
	merged := make([]uint32, 0, len(v.ends))
	for _, id := range added {
		n := lowerBound(old, func(o uint32) bool { return bytes.Compare(v.key(o), v.key(id)) >= 0 })
		merged = append(append(merged, old[:n]...), id)
		old = old[n:]
	}
	v.order = append(merged, old...)
}

// from is the place in the order of the first key that is not below a bound.
func (v *keyView) from(bound []byte) int {
	return lowerBound(v.order, func(id uint32) bool { return bytes.Compare(v.key(id), bound) >= 0 })
}

// lowerBound is the first index for which ok holds, by binary search.
func lowerBound(s []uint32, ok func(uint32) bool) int {
	lo, hi := 0, len(s)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); ok(s[m]) {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return lo
}
