package agg

import (
	"math"
	"math/rand/v2"
	"testing"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// twoPass computes the moments the plain way: the means first, then the
// distances from them.
func twoPass(y, x []float64) moments {
	var m moments
	m.n = uint64(len(y))
	n := float64(m.n)
	for i := range y {
		m.meanY += y[i] / n
		m.meanX += x[i] / n
	}
	for i := range y {
		dy, dx := y[i]-m.meanY, x[i]-m.meanX
		m.syy += dy * dy
		m.sxx += dx * dx
		m.sxy += dx * dy
	}
	return m
}

var pairNames = []string{"corr", "covar_samp", "covar_pop", "regr_slope", "regr_intercept", "regr_r2", "regr_avgx", "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy"}

// TestPairsAgainstTwoPasses compares with the plain computation, on values
// around zero and on values that are large beside their spread.
func TestPairsAgainstTwoPasses(t *testing.T) {
	f := column.Of(column.Float64)
	for _, offset := range []float64{0, 1e6, 1.7e9} {
		r := rand.New(rand.NewPCG(11, 12))
		y, x := make([]float64, 5000), make([]float64, 5000)
		for i := range y {
			x[i] = offset + r.NormFloat64()
			y[i] = 3*(x[i]-offset) - 2 + 0.5*r.NormFloat64() + offset
		}
		exact := twoPass(y, x)
		for _, name := range pairNames {
			s := newState(t, Spec{Name: name, Args: []column.Type{f, f}})
			feed(t, s, floats(y), floats(x))
			got := final(t, s, f)
			want, ok := exact.statistic(name)
			// The mean of numbers of size o is off by o/2^53, and the intercept is
			// a small difference of large numbers.
			limit := max(1e-9, offset*1e-16)
			if name == "regr_intercept" {
				limit = 1e-6
			}
			if got.Null == ok || math.Abs(got.F-want) > limit*math.Max(1, math.Abs(want)) {
				t.Errorf("offset %v: %s is %v, two passes give %v", offset, name, got.F, want)
			}
		}
	}
}

// TestPairsWhileGrowing asks for results between updates, as a window does.
func TestPairsWhileGrowing(t *testing.T) {
	f := column.Of(column.Float64)
	s := newState(t, Spec{Name: "covar_samp", Args: []column.Type{f, f}})
	y, x := []float64{1, 4, 2, 8}, []float64{2, 3, 5, 7}
	for i := range y {
		feed(t, s, floats(y[i:i+1]), floats(x[i:i+1]))
		got := final(t, s, f)
		m := twoPass(y[:i+1], x[:i+1])
		want, ok := m.statistic("covar_samp")
		if got.Null == ok || ok && math.Abs(got.F-want) > 1e-12 {
			t.Errorf("after %d pairs: %v, want %v", i+1, got.Text(), want)
		}
	}
}

// TestCollectingWhileGrowing is the same for aggregates that keep their rows.
func TestCollectingWhileGrowing(t *testing.T) {
	f := column.Of(column.Float64)
	two := expr.Int(2)
	order := []Order{{Type: f}}
	for _, c := range []struct {
		spec Spec
		of   column.Type
		want []string
	}{
		{Spec{Name: "array_agg", Args: []column.Type{f}, ArgLiterals: []*expr.Value{nil}, OrderBy: order}, column.ListOf(f), []string{"[3.0]", "[1.0, 3.0]", "[1.0, 2.0, 3.0]"}},
		{Spec{Name: "nth_value", Args: []column.Type{f, two.Type}, ArgLiterals: []*expr.Value{nil, &two}, OrderBy: order}, f, []string{"", "3.0", "2.0"}},
		{Spec{Name: "median", Args: []column.Type{f}, ArgLiterals: []*expr.Value{nil}}, f, []string{"3.0", "2.0", "2.0"}},
		{Spec{Name: "approx_median", Args: []column.Type{f}, ArgLiterals: []*expr.Value{nil}}, f, []string{"3.0", "2.0", "2.0"}},
	} {
		s := newState(t, c.spec)
		for i, x := range []float64{3, 1, 2} {
			args := []*column.Vector{floats([]float64{x})}
			if len(c.spec.Args) == 2 {
				args = append(args, floats([]float64{2}))
			}
			if len(c.spec.OrderBy) > 0 {
				args = append(args, args[0])
			}
			feed(t, s, args...)
			if got := final(t, s, c.of).Text(); got != c.want[i] {
				t.Errorf("%s after %d rows: %q, want %q", c.spec.Name, i+1, got, c.want[i])
			}
		}
	}
}

// TestNthValueAgainstSorting checks that rows are dropped rightly.
func TestNthValueAgainstSorting(t *testing.T) {
	f := column.Of(column.Float64)
	r := rand.New(rand.NewPCG(1, 9))
	x := make([]float64, 20_000)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	for _, k := range []int64{1, 3, -1, -5, 40} {
		lit := expr.Int(k)
		for _, desc := range []bool{false, true} {
			s := newState(t, Spec{Name: "nth_value", Args: []column.Type{f, lit.Type}, ArgLiterals: []*expr.Value{nil, &lit}, OrderBy: []Order{{Desc: desc, Type: f}}})
			v := floats(x)
			feed(t, s, v, v, v)
			at := k
			if (k < 0) != desc {
				at = int64(len(x)) - max(k, -k) + 1
			} else {
				at = max(k, -k)
			}
			// The value of rank n is the exact percentile at its middle.
			want := exactPercentile(x, (float64(at)-0.5)/float64(len(x)))
			if got := final(t, s, f).F; math.Abs(got-want) > 1e-9 {
				t.Errorf("nth_value(%d), descending %v: %v, want %v", k, desc, got, want)
			}
			if b := s.Bytes(); b > 256<<10 {
				t.Errorf("nth_value(%d) takes %d bytes", k, b)
			}
		}
	}
}
