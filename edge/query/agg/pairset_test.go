package agg

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestPairSet compares the set with a map, on words as floats, integers and
// codes have them.
func TestPairSet(t *testing.T) {
	type pair struct {
		group uint32
		word  uint64
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var s pairSet
	want := map[pair]bool{}
	for range 100_000 {
		p := pair{uint32(rng.IntN(2 * smallGroups)), uint64(rng.IntN(2 * smallWords))}
		switch rng.IntN(3) {
		case 0:
			p.word = math.Float64bits(float64(p.word) / 4)
		case 1:
			p.word = -p.word
		}
		if got := s.add(p.group, p.word); got == want[p] {
			t.Fatalf("add %v: new is %t", p, got)
		}
		want[p] = true
	}
	s.each(func(group uint32, word uint64) {
		p := pair{group, word}
		if !want[p] {
			t.Errorf("%v was not added, or comes twice", p)
		}
		delete(want, p)
	})
	if len(want) > 0 {
		t.Errorf("%d pairs are missing", len(want))
	}
}

// BenchmarkPairSet adds values of which few are new: whole numbers as floats are
// those that a weak hash would pile up.
func BenchmarkPairSet(b *testing.B) {
	words := make([]uint64, 4096)
	for i := range words {
		words[i] = math.Float64bits(float64(i % 1000))
	}
	var s pairSet
	b.ReportAllocs()
	for b.Loop() {
		for _, w := range words {
			s.add(0, w)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(words)), "ns/value")
}
