package cache

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/column"
)

// TestKeys encodes tuples of a text, an int64, a uint64 and another text: keys
// are in the order of the tuples, values come back, and a tuple of the first
// values is a prefix of the right ones only.
func TestKeys(t *testing.T) {
	type tuple struct {
		a, d *string
		b    int64
		c    uint64
	}
	kinds := []column.Kind{column.Dict, column.Int64, column.Uint64, column.String}
	texts := []string{"", "\x00", "\x00\x00", "\x00\xff", "a", "a\x00", "a\x00b", "a\xff", "ab", "\xff", "\xff\x00", "\x01"}
	ints := []int64{math.MinInt64, -256, -1, 0, 1, 255, 256, math.MaxInt64}
	r := rand.New(rand.NewPCG(1, 2))
	text := func() *string {
		if r.IntN(6) == 0 {
			return nil
		}
		return &texts[r.IntN(len(texts))]
	}
	add := func(key []byte, s *string) []byte {
		if s == nil {
			return appendNull(key)
		}
		return appendText(key, *s)
	}
	encode := func(x tuple, values int) []byte {
		key := add(nil, x.a)
		if values > 1 {
			key = appendWord(key, column.Int64, uint64(x.b))
		}
		if values > 2 {
			key = appendWord(key, column.Uint64, x.c)
		}
		if values > 3 {
			key = add(key, x.d)
		}
		return key
	}
	order := func(a, b *string) int {
		switch {
		case a == nil || b == nil:
			return cmp.Compare(map[bool]int{true: 0, false: 1}[a == nil], map[bool]int{true: 0, false: 1}[b == nil])
		}
		return cmp.Compare(*a, *b)
	}
	same := func(a, b *string) bool { return order(a, b) == 0 }
	for range 20000 {
		x := tuple{text(), text(), ints[r.IntN(len(ints))], uint64(ints[r.IntN(len(ints))])}
		y := tuple{text(), text(), ints[r.IntN(len(ints))], uint64(ints[r.IntN(len(ints))])}
		kx, ky := encode(x, 4), encode(y, 4)
		want := cmp.Or(order(x.a, y.a), cmp.Compare(x.b, y.b), cmp.Compare(x.c, y.c), order(x.d, y.d))
		if got := bytes.Compare(kx, ky); got != want {
			t.Fatalf("%q and %q compare as %d, want %d", kx, ky, got, want)
		}
		for values, equal := range map[int]bool{1: same(x.a, y.a), 2: same(x.a, y.a) && x.b == y.b, 4: want == 0} {
			if got := hasPrefix(ky, encode(x, values)); got != equal {
				t.Fatalf("%q as prefix of %q: %v", encode(x, values), ky, got)
			}
		}
		var columns []Column
		for i, k := range kinds {
			columns = append(columns, Column{i, k})
		}
		e := &entries{columns: columns}
		a := e.answer(columns)
		a.cut(columns, kx)
		for i := range a.cells {
			a.addKey(&a.cells[i])
		}
		out := a.batch.Cols
		back := func(v *column.Vector) *string {
			if v.IsNull(0) {
				return nil
			}
			return &v.Strings[0]
		}
		if !same(back(out[0]), x.a) || !same(back(out[3]), x.d) || out[1].Ints[0] != x.b || out[2].Uints[0] != x.c {
			t.Fatalf("%q comes back as %v", kx, out)
		}
	}
}

// TestKeyTable adds keys, drops some, and finds the others under their new
// numbers and in order.
func TestKeyTable(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	a := account{budget: NewBudget(1 << 20)}
	var k keyTable
	k.seed = maphash.MakeSeed()
	have := map[string]bool{}
	for round := range 50 {
		for range r.IntN(200) {
			key := appendWord(nil, column.Uint64, r.Uint64N(2000))
			h := k.hash(key)
			id, ok := k.find(h, key)
			if ok != have[string(key)] {
				t.Fatalf("round %d: key %x is there: %v", round, key, ok)
			}
			if !ok {
				if id, ok = k.add(&a, h, key); !ok {
					t.Fatal("no memory")
				}
				have[string(key)] = true
			}
			if !bytes.Equal(k.key(id), key) {
				t.Fatalf("round %d: key %x has the number of %x", round, key, k.key(id))
			}
		}
		v := k.view()
		v.sort()
		if r.IntN(2) == 0 && a.take(size[uint32](cap(v.order)-cap(k.order))) {
			k.order = v.order
		}
		if len(v.order) != len(have) || !slices.IsSortedFunc(v.order, func(x, y uint32) int { return bytes.Compare(v.key(x), v.key(y)) }) {
			t.Fatalf("round %d: %d of %d keys, or not in order", round, len(v.order), len(have))
		}
		before := make([][]byte, k.len())
		for id := range before {
			before[id] = bytes.Clone(k.key(uint32(id)))
		}
		to := k.rebuild(&a, func(id uint32) bool {
			keep := r.IntN(3) > 0
			if !keep {
				delete(have, string(k.key(id)))
			}
			return keep
		})
		for id, n := range to {
			if n != gone && !bytes.Equal(k.key(n), before[id]) {
				t.Fatalf("round %d: key %x became %x", round, before[id], k.key(n))
			}
		}
		if k.len() != len(have) || a.bytes != k.bytes() {
			t.Fatalf("round %d: %d keys of %d, %d bytes counted of %d", round, k.len(), len(have), a.bytes, k.bytes())
		}
	}
}
