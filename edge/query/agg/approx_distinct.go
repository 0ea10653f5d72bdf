package agg

import (
	"encoding/binary"

	"github.com/axiomhq/hyperloglog"
	"github.com/cespare/xxhash/v2"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// maxHashes is how many distinct hashes a group keeps before it goes over to a
// sketch. Their table is then full at 16 KiB, the size of the sketch: so small
// sets are counted exactly and no group ever takes more than 16 KiB.
const maxHashes = 1024

// approxDistinct counts distinct values: exactly while there are few, with a
// HyperLogLog of 2^14 registers (a standard error of 0.8 %) when there are
// many. Values are the same when IS NOT DISTINCT FROM says so; nulls do not
// count.
type approxDistinct struct {
	groups []hashSet
	bytes  int

	dict   *column.Dictionary
	hashes []uint64 // of the codes of dict
	key    []byte
}

// hashSet is the distinct values of a group, known by their hashes.
type hashSet struct {
	table  []uint64 // open addressing; 0 is free
	n      int
	sketch *hyperloglog.Sketch
}

func newApproxDistinct(Spec) State { return &approxDistinct{} }

func (a *approxDistinct) Grow(n int) {
	from := len(a.groups)
	a.groups = resize(a.groups, n)
	a.bytes += 40 * (len(a.groups) - from)
}

func (a *approxDistinct) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	for i, g := range groups[:n] {
		if counts(v, skip, i) {
			a.bytes += a.groups[g].add(a.hash(v, i))
		}
	}
	return nil
}

func (a *approxDistinct) hash(v *column.Vector, i int) uint64 {
	var word uint64
	switch v.Type.Kind {
	case column.Bool:
		word = uint64(boolInt(v.Bools[i]))
	case column.Uint64:
		word = v.Uints[i]
	case column.Float64:
		word = floatWord(v.Floats[i])
	case column.String:
		return xxhash.Sum64String(v.Strings[i])
	case column.Dict:
		if a.dict != v.Dict {
			a.dict, a.hashes = v.Dict, a.hashes[:0]
		}
		for len(a.hashes) < len(v.Dict.Values) {
			a.hashes = append(a.hashes, xxhash.Sum64String(v.Dict.Values[len(a.hashes)]))
		}
		return a.hashes[v.Codes[i]]
	case column.Struct, column.List, column.IntervalKind:
		a.key = expr.AppendKey(a.key[:0], v, i)
		return xxhash.Sum64(a.key)
	default:
		word = uint64(v.Ints[i])
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], word)
	return xxhash.Sum64(b[:])
}

// add notes a value and returns by how many bytes the set grew.
func (s *hashSet) add(h uint64) int {
	if s.sketch != nil {
		s.sketch.InsertHash(h)
		return 0
	}
	grown := 0
	if 2*(s.n+1) > len(s.table) {
		if s.n >= maxHashes {
			if s.table[s.find(h)] != 0 {
				return 0
			}
			return s.toSketch(h)
		}
		grown = s.rehash()
	}
	if s.put(h) {
		s.n++
	}
	return grown
}

// put says whether the hash is new.
func (s *hashSet) put(h uint64) bool {
	i := s.find(h)
	old := s.table[i]
	s.table[i] = max(h, 1)
	return old == 0
}

// find is the place of a hash in the table, or where it belongs.
func (s *hashSet) find(h uint64) uint64 {
	h = max(h, 1)
	mask := uint64(len(s.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if s.table[i] == h || s.table[i] == 0 {
			return i
		}
	}
}

func (s *hashSet) rehash() int {
	old := s.table
	s.table = make([]uint64, max(4, 2*len(old)))
	for _, h := range old {
		if h != 0 {
			s.put(h)
		}
	}
	return 8 * (len(s.table) - len(old))
}

func (s *hashSet) toSketch(h uint64) int {
	before := 8 * len(s.table)
	s.sketch = hyperloglog.NewNoSparse()
	for _, x := range s.table {
		if x != 0 {
			s.sketch.InsertHash(x)
		}
	}
	s.sketch.InsertHash(h)
	s.table = nil
	return 1<<14 - before
}

func (s *hashSet) count() uint64 {
	if s.sketch != nil {
		return s.sketch.Estimate()
	}
	return uint64(s.n)
}

func (a *approxDistinct) Final(dst *column.Vector, from, to int) error {
	for i := range a.groups[from:to] {
		dst.Uints = append(dst.Uints, a.groups[from+i].count())
	}
	dst.Len += to - from
	return nil
}

func (a *approxDistinct) Bytes() int { return a.bytes + 8*len(a.hashes) }
