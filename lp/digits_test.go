package lp

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func TestDigits(t *testing.T) {
	all := "98765432109876543210987"
	for n := range len(all) {
		for _, behind := range []string{"", "i", "\n", "/", ":", ".5", "\xff\xff", " 1 2 3 4 5", strings.Repeat("\x00", 9)} {
			b := []byte("x" + all[:n] + behind)
			v, got := digits(b[:len(b):len(b)], 1)
			if got != n {
				t.Errorf("%q: length %d, want %d", b, got, n)
			}
			want, err := strconv.ParseUint("0"+all[:n], 10, 64)
			if n > 0 && n <= maxDigits && (v != want || err != nil) {
				t.Errorf("%q: value %d, want %d", b, v, want)
			}
		}
	}
}

// TestDigitsEveryByte puts every byte at every place behind some digits.
func TestDigitsEveryByte(t *testing.T) {
	for c := range 256 {
		for n := range 9 {
			b := []byte("1234567812345678")
			b[n] = byte(c)
			want := n
			if c >= '0' && c <= '9' {
				want = len(b)
			}
			if _, got := digits(b, 0); got != want {
				t.Errorf("%q: length %d, want %d", b, got, want)
			}
		}
	}
}

// TestFloatsAreExact compares with strconv on texts from all paths.
func TestFloatsAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	check := func(text string) {
		t.Helper()
		want, _ := strconv.ParseFloat(text, 64)
		lines := parseAll(t, "m f="+text+" 5")
		if len(lines) != 1 || lines[0].reason != "" {
			t.Fatalf("%s: %v", text, lines)
		}
		if got := math.Float64frombits(lines[0].fields[0].bits); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{
		"9007199254740992", "9007199254740993", "9007199254740993.0", "1e22", "1e23", "9007199254740992e22", "9007199254740991e-22",
		"0.30000000000000004", "2.2250738585072011e-308", "4.9e-324", "1.7976931348623157e308", "1.7976931348623159e308",
		"0.000000000000000000000000000000000001", "123456789012345678901234567890.123456789", "0e5", "0.0", "1e00000000000000000000005",
		"10000000000000000000", "1844674407370955161.5", "1.0000000000000000000000000000000000000000001",
	} {
		check(text)
		check("-" + text)
	}
	for range 20000 {
		x := math.Float64frombits(r.Uint64())
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		check(strings.Replace(strconv.FormatFloat(x, 'g', -1, 64), "e+", "e", r.IntN(2)))
		check(strconv.FormatFloat(r.Float64()*math.Pow10(r.IntN(12)), 'f', r.IntN(20), 64))
		check(fmt.Sprintf("%d.%de%d", r.Uint64()>>r.IntN(64), r.Uint64()>>r.IntN(64), r.IntN(60)-30))
	}
}

// TestQuotient tries quotients near the middle between two floats, which take
// the slow path, and just beside it.
func TestQuotient(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	check := func(v uint64, exp int) {
		t.Helper()
		if v <= 1<<53 {
			return
		}
		want, _ := strconv.ParseFloat(fmt.Sprintf("%de-%d", v, exp), 64)
		if got := quotient(v, exp); got != want {
			t.Errorf("%d / 1e%d: got %v, want %v", v, exp, got, want)
		}
		if got := quotientSlowly(v, pow10[exp]); got != want {
			t.Errorf("%d / 1e%d, slowly: got %v, want %v", v, exp, got, want)
		}
	}
	for exp := 1; exp <= maxDigits; exp++ {
		for range 3000 {
			v := r.Uint64() >> r.IntN(10)
			check(v, exp)
			// Both sides of the middle above v/10^exp, as integers.
			f := new(big.Float).SetPrec(200).SetFloat64(quotientSlowly(v|1<<60, pow10[exp]))
			ulp := math.Nextafter(quotientSlowly(v|1<<60, pow10[exp]), math.Inf(1))
			f.Add(f, new(big.Float).SetFloat64(ulp))
			f.Mul(f, new(big.Float).SetUint64(pow10[exp]))
			f.Quo(f, big.NewFloat(2))
			if middle, acc := f.Uint64(); acc != big.Above {
				for d := range uint64(9) {
					check(middle+d-4, exp)
				}
			}
		}
		check(math.MaxUint64, exp)
		check(1<<53+1, exp)
	}
}

func BenchmarkFloat(b *testing.B) {
	for _, s := range []string{"71.5", "98.39357429718876", "0.1234567890123456789"} {
		b.Run(s, func(b *testing.B) {
			buf := append([]byte(s), ",       "...)
			for b.Loop() {
				number(buf, 0)
			}
		})
	}
}
