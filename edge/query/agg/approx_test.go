package agg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// feed gives all values to one group of a state, a batch at a time.
func feed(t *testing.T, s State, args ...*column.Vector) {
	t.Helper()
	const batch = 1000
	s.Grow(1)
	groups := make([]uint32, batch)
	for from := 0; from < args[0].Len; from += batch {
		n := min(batch, args[0].Len-from)
		part := make([]*column.Vector, len(args))
		for i, a := range args {
			part[i] = column.NewVector(a.Type, n)
			part[i].AppendFrom(a, from, from+n)
		}
		if err := s.Update(groups, part, nil, n); err != nil {
			t.Fatal(err)
		}
	}
}

// final is the result of the first group.
func final(t *testing.T, s State, of column.Type) expr.Value {
	t.Helper()
	dst := column.NewVector(of, 1)
	if err := s.Final(dst, 0, 1); err != nil {
		t.Fatal(err)
	}
	if dst.Len != 1 {
		t.Fatalf("%d results for one group", dst.Len)
	}
	return expr.ValueAt(dst, 0)
}

func floats(x []float64) *column.Vector {
	v := column.NewVector(column.Of(column.Float64), len(x))
	v.Floats, v.Len = append(v.Floats, x...), len(x)
	return v
}

func newState(t *testing.T, s Spec) State {
	t.Helper()
	for len(s.ArgLiterals) < len(s.Args) {
		s.ArgLiterals = append(s.ArgLiterals, nil)
	}
	st, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestApproxDistinctIsExactForSmallSets(t *testing.T) {
	s := newState(t, Spec{Name: "approx_distinct", Args: []column.Type{column.Of(column.Int64)}})
	v := column.NewVector(column.Of(column.Int64), 0)
	for i := range maxHashes {
		v.Ints = append(v.Ints, int64(i*i), int64(i*i))
	}
	v.Len = len(v.Ints)
	feed(t, s, v)
	if got := final(t, s, column.Of(column.Uint64)).U; got != maxHashes {
		t.Errorf("counted %d values of %d", got, maxHashes)
	}
}

func TestApproxDistinctError(t *testing.T) {
	for _, n := range []int{maxHashes + 1, 5_000, 50_000, 400_000} {
		for _, kind := range []column.Kind{column.Int64, column.Float64, column.String} {
			s := newState(t, Spec{Name: "approx_distinct", Args: []column.Type{column.Of(kind)}})
			v := column.NewVector(column.Of(kind), n)
			for i := range n {
				switch kind {
				case column.Int64:
					v.Ints = append(v.Ints, int64(i))
				case column.Float64:
					v.Floats = append(v.Floats, float64(i)/8)
				default:
					v.Strings = append(v.Strings, fmt.Sprintf("host-%d", i))
				}
			}
			v.Len = n
			feed(t, s, v, v)
			feed(t, s, v) // again: nothing new
			got := float64(final(t, s, column.Of(column.Uint64)).U)
			// Four standard errors of 2^14 registers.
			if e := math.Abs(got/float64(n) - 1); e > 4*1.04/128 {
				t.Errorf("%v: counted %v of %d, off by %.2f %%", kind, got, n, 100*e)
			}
			if b := s.Bytes(); b > 20<<10 {
				t.Errorf("%v: one group of %d takes %d bytes", kind, n, b)
			}
		}
	}
}

func TestApproxDistinctOfDictionaries(t *testing.T) {
	s := newState(t, Spec{Name: "approx_distinct", Args: []column.Type{column.Of(column.Dict)}})
	for _, values := range [][]string{{"a", "b", "c"}, {"c", "d", "a"}} {
		v := column.NewVector(column.Of(column.Dict), 3)
		v.Dict, v.Codes, v.Len = &column.Dictionary{Values: values}, []uint32{0, 1, 2}, 3
		s.Grow(1)
		if err := s.Update([]uint32{0, 0, 0}, []*column.Vector{v}, nil, 3); err != nil {
			t.Fatal(err)
		}
	}
	if got := final(t, s, column.Of(column.Uint64)).U; got != 4 {
		t.Errorf("counted %d values, there are 4", got)
	}
}

// percentileState is approx_percentile_cont of floats.
func percentileState(t *testing.T, p float64, more ...expr.Value) State {
	s := Spec{Name: "approx_percentile_cont", Args: []column.Type{column.Of(column.Float64)}, ArgLiterals: []*expr.Value{nil}}
	for _, v := range append([]expr.Value{expr.Float(p)}, more...) {
		s.Args = append(s.Args, v.Type)
		s.ArgLiterals = append(s.ArgLiterals, &v)
	}
	return newState(t, s)
}

var distributions = map[string]func(i int, r *rand.Rand) float64{
	"normal":     func(_ int, r *rand.Rand) float64 { return r.NormFloat64() },
	"skewed":     func(_ int, r *rand.Rand) float64 { x := r.ExpFloat64(); return x * x * x },
	"ascending":  func(i int, _ *rand.Rand) float64 { return float64(i) },
	"descending": func(i int, _ *rand.Rand) float64 { return -float64(i) },
	"few":        func(_ int, r *rand.Rand) float64 { return float64(r.IntN(7)) },
}

func TestPercentileRankError(t *testing.T) {
	for name, value := range distributions {
		r := rand.New(rand.NewPCG(7, 7))
		x := make([]float64, 50_000)
		for i := range x {
			x[i] = value(i, r)
		}
		sorted := slices.Clone(x)
		slices.Sort(sorted)
		for _, p := range []float64{0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1} {
			s := percentileState(t, p)
			feed(t, s, floats(x))
			got := final(t, s, column.Of(column.Float64)).F
			// The ranks between which the value lies, ties included.
			lo, _ := slices.BinarySearch(sorted, got)
			hi, _ := slices.BinarySearch(sorted, math.Nextafter(got, math.Inf(1)))
			n := float64(len(x))
			if e := max(float64(lo)/n-p, p-float64(hi)/n); e > 0.01 {
				t.Errorf("%s: percentile %v is %v, whose rank is off by %.4f", name, p, got, e)
			}
			if b := s.Bytes(); b > 16<<10 {
				t.Errorf("%s: one group takes %d bytes", name, b)
			}
		}
	}
}

// exactPercentile interpolates between the middles of the ranks.
func exactPercentile(x []float64, p float64) float64 {
	s := slices.Clone(x)
	slices.Sort(s)
	at := p*float64(len(s)) - 0.5
	i := int(math.Floor(at))
	switch {
	case i < 0:
		return s[0]
	case i+1 >= len(s):
		return s[len(s)-1]
	}
	return s[i] + (s[i+1]-s[i])*(at-float64(i))
}

func TestPercentileIsExactForSmallSets(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= maxSamples; n += 7 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		for _, p := range []float64{0, 0.1, 0.25, 0.5, 0.9, 1} {
			s := percentileState(t, p)
			feed(t, s, floats(x))
			got, want := final(t, s, column.Of(column.Float64)).F, exactPercentile(x, p)
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("percentile %v of %d values: %v, want %v", p, n, got, want)
			}
		}
	}
}

func TestWeightedPercentileIsThatOfRepeatedValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var x, w, repeated []float64
	for range 5_000 {
		v, k := r.NormFloat64(), 1+r.IntN(5)
		x, w = append(x, v), append(w, float64(k)/4)
		for range k {
			repeated = append(repeated, v)
		}
	}
	p := expr.Float(0.9)
	f := column.Of(column.Float64)
	s := newState(t, Spec{Name: "approx_percentile_cont_with_weight", Args: []column.Type{f, f, f}, ArgLiterals: []*expr.Value{nil, nil, &p}})
	feed(t, s, floats(x), floats(w))
	got, want := final(t, s, f).F, exactPercentile(repeated, 0.9)
	if math.Abs(got-want) > 0.02 {
		t.Errorf("weighted percentile %v, that of the repeated values %v", got, want)
	}
}

func TestPercentileOfHugeIntegersStaysInRange(t *testing.T) {
	for _, kind := range []column.Kind{column.Int64, column.Uint64} {
		s := newState(t, Spec{Name: "approx_median", Args: []column.Type{column.Of(kind)}})
		v := column.NewVector(column.Of(kind), 1)
		v.Len = 1
		if kind == column.Int64 {
			v.Ints = append(v.Ints, math.MaxInt64)
		} else {
			v.Uints = append(v.Uints, math.MaxUint64)
		}
		feed(t, s, v)
		if got := final(t, s, column.Of(kind)); got.I != math.MaxInt64 && got.U != math.MaxUint64 {
			t.Errorf("median of one %v is %s", kind, got.Text())
		}
	}
}

func BenchmarkApproxPercentile(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float64, 8192)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	benchmarkState(b, Spec{Name: "approx_median", Args: []column.Type{column.Of(column.Float64)}, ArgLiterals: []*expr.Value{nil}}, floats(x))
}

func BenchmarkApproxDistinct(b *testing.B) {
	v := column.NewVector(column.Of(column.Int64), 8192)
	for i := range 8192 {
		v.Ints = append(v.Ints, int64(i))
	}
	v.Len = 8192
	benchmarkState(b, Spec{Name: "approx_distinct", Args: []column.Type{column.Of(column.Int64)}, ArgLiterals: []*expr.Value{nil}}, v)
}

func benchmarkState(b *testing.B, spec Spec, args ...*column.Vector) {
	s, err := New(spec)
	if err != nil {
		b.Fatal(err)
	}
	s.Grow(1)
	groups := make([]uint32, args[0].Len)
	b.SetBytes(int64(8 * args[0].Len))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Update(groups, args, nil, args[0].Len); err != nil {
			b.Fatal(err)
		}
	}
}
