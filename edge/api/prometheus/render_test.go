package prometheus

import (
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	prom "github.com/prometheus/prometheus/promql"
)

func TestAppendPoint(t *testing.T) {
	for _, c := range []struct {
		ms   int64
		v    float64
		want string
	}{
		{0, 0, `[0,"0"]`}, {1767225600000, 99.5, `[1767225600,"99.5"]`}, {1767225600007, -3, `[1767225600.007,"-3"]`},
		{-1500, math.Copysign(0, -1), `[-1.500,"-0"]`}, {1, math.NaN(), `[0.001,"NaN"]`}, {1000, math.Inf(-1), `[1,"-Inf"]`},
		{1000, 1e20, `[1,"100000000000000000000"]`}, {1000, 1e21, `[1,"1e+21"]`}, {1000, 1e-6, `[1,"0.000001"]`}, {1000, 1.5e-7, `[1,"1.5e-07"]`},
	} {
		if got := string(appendPoint(nil, c.ms, c.v)); got != c.want {
			t.Errorf("%d %v: got %s, want %s", c.ms, c.v, got, c.want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		v := math.Float64frombits(rng.Uint64())
		if rng.IntN(2) == 0 {
			v = float64(rng.Int64N(1e12)-5e11) / math.Pow10(rng.IntN(8))
		}
		format := byte('f')
		if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) && !math.IsInf(v, 0) {
			format = 'e'
		}
		if got, want := string(appendValue(nil, v)), strconv.FormatFloat(v, format, -1, 64); got != want {
			t.Fatalf("%v: got %s, want %s", v, got, want)
		}
	}
}

// BenchmarkMatrix writes a hundred series of 720 points with two decimals.
func BenchmarkMatrix(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := make(prom.Matrix, 100)
	for i := range m {
		for k := range int64(720) {
			m[i].Floats = append(m[i].Floats, prom.FPoint{T: 1767225600000 + k*60_000, F: math.Round(rng.Float64()*1e4) / 100})
		}
	}
	w := &writer{to: io.Discard}
	b.ReportAllocs()
	for b.Loop() {
		w.matrix(m)
		w.flush()
	}
}
