package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestPageRing compares the ring with a map: what it returns is what was set
// last, what was set a moment ago is there, and it never takes more than its
// size.
func TestPageRing(t *testing.T) {
	const size = 64 << 10
	rng := rand.New(rand.NewPCG(5, 6))
	c := newPageRing(size)
	set := map[string][]byte{}
	hits := 0
	for step := range 20_000 {
		key := []byte(fmt.Sprint("page", rng.IntN(60)))
		if rng.IntN(3) > 0 {
			got, ok := c.Get(key, []byte("before"))
			if !ok {
				if string(got) != "before" {
					t.Fatalf("step %d: a miss changed the destination to %q", step, got)
				}
				continue
			}
			hits++
			if string(got[:6]) != "before" || !bytes.Equal(got[6:], set[string(key)]) {
				t.Fatalf("step %d: %s has %d bytes, want %d", step, key, len(got)-6, len(set[string(key)]))
			}
			continue
		}
		value := bytes.Repeat([]byte{byte(step)}, 1+rng.IntN(6000))
		set[string(key)] = value
		c.Set(key, value)
		if got, ok := c.Get(key, nil); !ok || !bytes.Equal(got, value) {
			t.Fatalf("step %d: %s is not there", step, key)
		}
		used := 0
		for _, s := range c.spans {
			used += s.to - s.from
		}
		if used > size || len(c.data) != size || len(c.index) > len(c.spans) {
			t.Fatalf("step %d: %d bytes, %d pages, %d of them found", step, used, len(c.spans), len(c.index))
		}
	}
	if hits < 1000 {
		t.Fatalf("%d hits", hits)
	}
	c.Set([]byte("large"), make([]byte, size/2))
	if _, ok := c.Get([]byte("large"), nil); ok {
		t.Fatal("a page of half the ring was kept")
	}
	c.Reset()
	if len(c.index) != 0 || c.data != nil {
		t.Fatal("reset left something")
	}
}
