package segment

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/store/column"
)

func padded(b []byte) []byte { return append(slices.Clone(b), make([]byte, slack)...)[:len(b)] }

func TestDelta(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	gen := func(n int, f func(i int) int64) []int64 {
		v := make([]int64, n)
		for i := range v {
			v[i] = f(i)
		}
		return v
	}
	cases := map[string][]int64{
		"none":     nil,
		"one":      {-7},
		"two":      {math.MaxInt64, math.MinInt64},
		"constant": gen(1000, func(int) int64 { return 42 }),
		"steps":    gen(8640, func(i int) int64 { return 1767225600000000000 + int64(i)*1e10 }),
		"jumps":    gen(20000, func(i int) int64 { return 1767225600000000000 + int64(i%8640)*1e10 }),
		"extremes": gen(777, func(i int) int64 { return []int64{math.MinInt64, 0, math.MaxInt64}[rng.IntN(3)] }),
	}
	for w := range 64 {
		cases["random"+string(rune('A'+w))] = gen(1+rng.IntN(3000), func(int) int64 { return int64(rng.Uint64() >> w) })
		cases["walk"+string(rune('A'+w))] = gen(1+rng.IntN(3000), func(i int) int64 { return int64(i) + int64(rng.Uint64()>>w) })
	}
	var e deltaEncoder
	for name, want := range cases {
		for _, s := range deltaShapes {
			b := padded(e.append(nil, want, s))
			var d deltaDecoder
			if err := d.reset(b, len(want)); err != nil {
				t.Fatalf("%s %v: %v", name, s, err)
			}
			got := make([]int64, len(want))
			for at := 0; at < len(want); { // in uneven pieces, some skipped
				n := min(1+rng.IntN(100), len(want)-at)
				var err error
				if rng.IntN(4) == 0 {
					copy(got[at:], want[at:at+n])
					err = d.skip(n)
				} else {
					err = d.read(got[at : at+n])
				}
				if err != nil {
					t.Fatalf("%s %v: read at %d: %v", name, s, at, err)
				}
				at += n
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s %v: values differ", name, s)
			}
			if rest, err := d.rest(); err != nil || len(rest) != 0 {
				t.Fatalf("%s %v: rest %d %v", name, s, len(rest), err)
			}
			if err := d.read(make([]int64, 1)); err == nil {
				t.Fatalf("%s %v: read beyond the end", name, s)
			}
		}
	}
}

func TestHybrid(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 500 {
		w := uint(1 + rng.IntN(32))
		var want []uint32
		for range rng.IntN(60) {
			v := uint32(rng.Uint64() & (1<<w - 1))
			for range []int{1, 1, 2, 7, 8, 9, 100}[rng.IntN(7)] {
				want = append(want, v)
			}
		}
		var e hybridEncoder
		e.reset(nil, w)
		e.values(want)
		var d hybridDecoder
		if err := d.reset(padded(e.finish()), w); err != nil {
			t.Fatal(err)
		}
		got := make([]uint32, len(want))
		for at := 0; at < len(want); {
			n := min(1+rng.IntN(50), len(want)-at)
			var err error
			if rng.IntN(3) == 0 {
				copy(got[at:], want[at:at+n])
				err = d.skip(n)
			} else {
				err = d.read(got[at : at+n])
			}
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			at += n
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: got %v, want %v", round, got, want)
		}
	}
}

func TestLevels(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 500 {
		rows := 1 + rng.IntN(1000)
		var nulls column.Bitmap
		for at := 0; at < rows; {
			n := 1 + rng.IntN(300)
			switch rng.IntN(3) {
			case 0:
				nulls.SetRange(at, min(at+n, rows))
			case 1:
				for i := at; i < min(at+n, rows); i++ {
					if rng.IntN(2) == 0 {
						nulls.Set(i)
					}
				}
			}
			at += n
		}
		b := append(appendLevels(nil, nulls, rows), "rest"...)
		var got column.Bitmap
		n, rest, err := readLevels(b, &got, rows)
		if err != nil || string(rest) != "rest" || n != nulls.Count(rows) {
			t.Fatalf("round %d: %d of %d nulls, rest %q, %v", round, n, nulls.Count(rows), rest, err)
		}
		for i := range rows {
			if got.Get(i) != nulls.Get(i) {
				t.Fatalf("round %d: row %d differs", round, i)
			}
		}
	}
}
