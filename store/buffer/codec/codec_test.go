package codec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// stretches are integer stretches that matter, by name.
func stretches() map[string][]uint64 {
	r := rand.New(rand.NewPCG(1, 2))
	fill := func(n int, f func(i int) int64) []uint64 {
		v := make([]uint64, n)
		for i := range v {
			v[i] = uint64(f(i))
		}
		return v
	}
	walk := int64(50)
	return map[string][]uint64{
		"empty":               nil,
		"one":                 {42},
		"one_negative":        {1 << 63},
		"two":                 {7, 1 << 62},
		"constant":            fill(Size, func(int) int64 { return -5 }),
		"regular_times":       fill(Size, func(i int) int64 { return 1451606400e9 + int64(i)*10e9 }),
		"times_of_two_series": fill(Size, func(i int) int64 { return 1451606400e9 + int64(i%80)*10e9 }),
		"jittered_times":      fill(Size, func(i int) int64 { return 1451606400e9 + int64(i)*10e9 + r.Int64N(1e6) }),
		"random_walk":         fill(Size, func(int) int64 { walk += r.Int64N(3) - 1; return walk }),
		"random":              fill(Size, func(int) int64 { return int64(r.Uint64()) }),
		"bits":                fill(99, func(int) int64 { return r.Int64N(2) }),
		"extremes":            fill(Size, func(i int) int64 { return []int64{math.MinInt64, math.MaxInt64, 0, -1}[i%4] }),
		"outlier":             fill(Size, func(i int) int64 { return map[bool]int64{true: math.MinInt64}[i == 77] }),
		"wraps_unsigned":      fill(Size, func(i int) int64 { return math.MaxInt64 - 60 + int64(i) }), // crosses 1<<63
		"many_exceptions":     fill(Size, func(i int) int64 { return int64(i%7/6) << 40 }),
	}
}

func TestIntsRoundTrip(t *testing.T) {
	for name, v := range stretches() {
		t.Run(name, func(t *testing.T) {
			roundTripInts(t, v)
			if len(v) > 3 {
				roundTripInts(t, v[:3])
			}
		})
	}
}

func roundTripInts(t *testing.T, v []uint64) {
	t.Helper()
	const tail = "tail"
	enc := append(AppendInts([]byte("head"), v), tail...)
	got := make([]uint64, len(v))
	rest, err := DecodeInts(got, enc[4:])
	if err != nil || string(rest) != tail || !slices.Equal(got, v) {
		t.Fatalf("decoded %d values: rest %q, error %v\n got %v\nwant %v", len(v), rest, err, got, v)
	}
	signed := make([]int64, len(v))
	if _, err := DecodeInts(signed, enc[4:]); err != nil {
		t.Fatal(err)
	}
	for i := range v {
		if uint64(signed[i]) != v[i] {
			t.Fatalf("signed value %d is %d, want %d", i, signed[i], int64(v[i]))
		}
	}
}

func TestIntsSize(t *testing.T) {
	s := stretches()
	for name, limit := range map[string]int{
		"constant":            3,
		"regular_times":       20,
		"times_of_two_series": 27,
		"random_walk":         Size*2/8 + 6,
		"outlier":             40,
	} {
		if n := len(AppendInts(nil, s[name])); n > limit {
			t.Errorf("%s takes %d bytes, want at most %d", name, n, limit)
		}
	}
}

func TestPackEveryWidth(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for width := range 65 {
		if width != storable(width) {
			continue
		}
		for _, n := range []int{1, 7, 8, 9, 63, 64, 127, 128} {
			v := make([]uint64, n)
			for i := range v {
				v[i] = r.Uint64()
			}
			b := pack(nil, v, width)
			if len(b) != packedLen(n, width) {
				t.Fatalf("width %d: %d values take %d bytes, want %d", width, n, len(b), packedLen(n, width))
			}
			got := make([]uint64, n)
			unpack(got, b, width)
			for i := range v {
				want := v[i]
				if width < 64 {
					want &= 1<<uint(width) - 1
				}
				if got[i] != want {
					t.Fatalf("width %d, %d values: value %d is %x, want %x", width, n, i, got[i], want)
				}
			}
		}
	}
}

// floatStretches are float stretches that matter, by name.
func floatStretches() map[string][]float64 {
	r := rand.New(rand.NewPCG(5, 6))
	fill := func(f func(i int) float64) []float64 {
		v := make([]float64, Size)
		for i := range v {
			v[i] = f(i)
		}
		return v
	}
	return map[string][]float64{
		"integers":   fill(func(i int) float64 { return float64(i - 60) }),
		"cents":      fill(func(i int) float64 { return float64(i*7-300) / 100 }),
		"six_digits": fill(func(i int) float64 { return float64(i*1234567) / 1e6 }),
		"random":     fill(func(int) float64 { return r.Float64() }),
		"any_bits":   fill(func(int) float64 { return math.Float64frombits(r.Uint64()) }),
		"special": fill(func(i int) float64 {
			return []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0}[i%5]
		}),
		"some_nan":    fill(func(i int) float64 { return map[bool]float64{true: math.NaN()}[i%20 == 3] + 1.5 }),
		"minus_zero":  fill(func(i int) float64 { return math.Copysign(0, float64(i%30-1)) }),
		"huge":        fill(func(i int) float64 { return math.MaxFloat64 / float64(i+1) }),
		"subnormal":   fill(func(i int) float64 { return math.SmallestNonzeroFloat64 * float64(i) }),
		"large_whole": fill(func(i int) float64 { return 1<<53 + float64(2*i) }),
	}
}

func words(v []float64) []uint64 {
	w := make([]uint64, len(v))
	for i, x := range v {
		w[i] = math.Float64bits(x)
	}
	return w
}

func TestFloatsRoundTrip(t *testing.T) {
	for name, v := range floatStretches() {
		t.Run(name, func(t *testing.T) {
			w := words(v)
			roundTripFloats(t, w, Exponent(w))
			for e := Bits; e <= MaxExponent; e++ { // a wrong exponent costs space, not values
				roundTripFloats(t, w, e)
			}
		})
	}
}

func roundTripFloats(t *testing.T, w []uint64, exponent int) {
	t.Helper()
	const tail = "tail"
	enc := append(AppendFloats(nil, w, exponent), tail...)
	got := make([]float64, len(w))
	rest, err := DecodeFloats(got, enc)
	if err != nil || string(rest) != tail || !slices.Equal(words(got), w) {
		t.Fatalf("exponent %d: rest %q, error %v\n got %x\nwant %x", exponent, rest, err, words(got), w)
	}
	lo, hi := len(w)/3, len(w)-len(w)/4
	clear(got)
	rest, err = DecodeFloatsWithin(got, enc, lo, hi)
	if err != nil || string(rest) != tail || !slices.Equal(words(got[lo:hi]), w[lo:hi]) {
		t.Fatalf("exponent %d, from %d to %d: rest %q, error %v\n got %x\nwant %x", exponent, lo, hi, rest, err, words(got[lo:hi]), w[lo:hi])
	}
}

func TestExponent(t *testing.T) {
	s := floatStretches()
	for name, want := range map[string]int{"integers": 0, "cents": 2, "six_digits": 6, "any_bits": Bits, "some_nan": 1} {
		if got := Exponent(words(s[name])); got != want {
			t.Errorf("exponent of %s is %d, want %d", name, got, want)
		}
	}
}

func FuzzInts(f *testing.F) {
	for _, v := range stretches() {
		b := make([]byte, 0, 8*len(v))
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, x)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v []uint64
		for len(b) >= 8 && len(v) < Size {
			v = append(v, binary.LittleEndian.Uint64(b))
			b = b[8:]
		}
		roundTripInts(t, v)
		roundTripFloats(t, v, Exponent(v))
	})
}

func FuzzDecode(f *testing.F) {
	for _, v := range stretches() {
		f.Add(AppendInts(nil, v), len(v))
	}
	for _, v := range floatStretches() {
		f.Add(AppendFloats(nil, words(v), Exponent(words(v))), len(v))
	}
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 0 || n > 2*Size {
			return
		}
		// Neither may panic nor read beyond its input.
		b = slices.Clip(b)
		if rest, err := DecodeInts(make([]int64, n), b); err == nil && len(rest) > len(b) {
			t.Errorf("%d bytes of rest after %d", len(rest), len(b))
		}
		if rest, err := DecodeFloats(make([]float64, n), b); err == nil && len(rest) > len(b) {
			t.Errorf("%d bytes of rest after %d", len(rest), len(b))
		}
	})
}

func BenchmarkAppendInts(b *testing.B) {
	for _, name := range []string{"constant", "regular_times", "times_of_two_series", "random_walk", "random"} {
		v := stretches()[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(8 * Size)
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = AppendInts(buf[:0], v)
			}
			report(b, len(buf))
		})
	}
}

func BenchmarkDecodeInts(b *testing.B) {
	for _, name := range []string{"constant", "regular_times", "times_of_two_series", "random_walk", "jittered_times", "random"} {
		enc := append(AppendInts(nil, stretches()[name]), make([]byte, 8)...)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(8 * Size)
			b.ReportAllocs()
			var v [Size]int64
			for b.Loop() {
				if _, err := DecodeInts(v[:], enc); err != nil {
					b.Fatal(err)
				}
			}
			report(b, len(enc)-8)
		})
	}
}

func BenchmarkAppendFloats(b *testing.B) {
	for _, name := range []string{"integers", "cents", "random"} {
		v := words(floatStretches()[name])
		b.Run(name, func(b *testing.B) {
			b.SetBytes(8 * Size)
			b.ReportAllocs()
			exponent := Exponent(v)
			var buf []byte
			for b.Loop() {
				buf = AppendFloats(buf[:0], v, exponent)
			}
			report(b, len(buf))
		})
	}
}

func BenchmarkDecodeFloats(b *testing.B) {
	for _, name := range []string{"integers", "cents", "random"} {
		w := words(floatStretches()[name])
		enc := append(AppendFloats(nil, w, Exponent(w)), make([]byte, 8)...)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(8 * Size)
			b.ReportAllocs()
			var v [Size]float64
			for b.Loop() {
				if _, err := DecodeFloats(v[:], enc); err != nil {
					b.Fatal(err)
				}
			}
			report(b, len(enc)-8)
		})
	}
}

func report(b *testing.B, size int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/Size, "ns/value")
	b.ReportMetric(float64(size)/Size, "bytes/value")
}
