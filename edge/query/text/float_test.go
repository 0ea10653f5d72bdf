package text

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestAppendFloat(t *testing.T) {
	for _, tc := range []struct {
		v           float64
		plain, json string
	}{
		{99, "99.0", "99.0"}, {0, "0.0", "0.0"}, {math.Copysign(0, -1), "-0.0", "-0.0"}, {-5.25, "-5.25", "-5.25"},
		{1e16, "1e16", "1.0e16"}, {1e15, "1000000000000000.0", "1.0e15"}, {9999999999999998, "9999999999999998.0", "9.999999999999998e15"},
		{0.00001, "0.00001", "0.00001"}, {1.5e-7, "1.5e-7", "1.5e-7"}, {1e-6, "1e-6", "1.0e-6"},
		{1e9, "1000000000.0", "1000000000.0"}, {1e10, "10000000000.0", "1.0e10"}, {12345678901.5, "12345678901.5", "1.23456789015e10"},
		{3.8333333333333335, "3.8333333333333335", "3.8333333333333335"}, {0.1, "0.1", "0.1"}, {0.30000000000000004, "0.30000000000000004", "0.30000000000000004"},
		{1e100, "1e100", "1.0e100"}, {5e-324, "5e-324", "5.0e-324"}, {math.MaxFloat64, "1.7976931348623157e308", "1.7976931348623157e308"},
		{math.NaN(), "NaN", "null"}, {math.Inf(1), "inf", "null"}, {math.Inf(-1), "-inf", "null"}, {-0.0001, "-0.0001", "-0.0001"},
	} {
		if got := string(AppendFloat(nil, tc.v)); got != tc.plain {
			t.Errorf("AppendFloat(%g) = %s, want %s", tc.v, got, tc.plain)
		}
		if got := string(AppendFloatJSON(nil, tc.v)); got != tc.json {
			t.Errorf("AppendFloatJSON(%g) = %s, want %s", tc.v, got, tc.json)
		}
	}
}

// checkFloat says that a text is the shortest that reads back as v.
func checkFloat(t *testing.T, v float64) {
	t.Helper()
	if got, want := string(AppendShort(nil, v)), strconv.FormatFloat(v, 'f', -1, 64); got != want {
		t.Fatalf("%v is written %s in short, want %s", v, got, want)
	}
	for _, s := range []string{string(AppendFloat(nil, v)), string(AppendFloatJSON(nil, v))} {
		back, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Float64bits(back) != math.Float64bits(v) {
			t.Fatalf("%v is written %s, which reads back as %v (%v)", v, s, back, err)
		}
		if !strings.ContainsAny(s, ".e") {
			t.Fatalf("%v is written %s, which looks like an integer", v, s)
		}
		if got, want := significant(s), significant(strconv.FormatFloat(v, 'e', -1, 64)); got != want {
			t.Fatalf("%v is written %s with the digits %s, want %s", v, s, got, want)
		}
	}
}

// significant is the digits of a number without leading and trailing zeros.
func significant(s string) string {
	s, _, _ = strings.Cut(s, "e")
	s = strings.ReplaceAll(strings.TrimPrefix(s, "-"), ".", "")
	return strings.Trim(s, "0")
}

func TestFloatsRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		checkFloat(t, float64(r.Int64N(1e7)-5e6)/math.Pow10(r.IntN(7)))
		if v := math.Float64frombits(r.Uint64()); v == v && !math.IsInf(v, 0) {
			checkFloat(t, v)
		}
	}
}

func FuzzAppendFloat(f *testing.F) {
	f.Add(0.1)
	f.Add(1e15)
	f.Fuzz(func(t *testing.T, v float64) {
		if v == v && !math.IsInf(v, 0) {
			checkFloat(t, v)
		}
	})
}

func BenchmarkAppendFloat(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func() float64{
		"one decimal": func() float64 { return float64(r.IntN(10000)) / 10 },
		"whole":       func() float64 { return float64(r.IntN(10000)) },
		"all digits":  r.Float64,
	} {
		values := make([]float64, 1024)
		for i := range values {
			values[i] = next()
		}
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 32)
			b.SetBytes(8)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				buf = AppendFloat(buf[:0], values[i&1023])
				i++
			}
		})
	}
}
