package agg

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/caio/go-tdigest/v4"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

const (
	// maxSamples is how many values a group keeps as they are before it goes
	// over to a digest: percentiles of small sets are exact, and a query of
	// many small groups takes little memory (2 KiB a group at most).
	maxSamples = 128
	// defaultCentroids is what the third argument counts when it is left out.
	defaultCentroids = 100
	// weightUnit is the weight 1 in a digest, which counts whole things:
	// fractions of a weight down to a millionth count as well.
	weightUnit = 1 << 20
)

// percentile is approx_percentile_cont, the same with weights, and
// approx_median.
//
// The rank of a value is its place among the sorted ones, taken at the middle
// of its own weight; between two ranks the value grows linearly, and beyond
// the first and the last it stays. NaN takes no part: it has no place that a
// digest could average.
type percentile struct {
	t          column.Type
	p          float64
	resolution float64 // the digests' compression
	weighted   bool
	groups     []sampleSet
	rng        *rand.Rand // shared: a digest's own would take 5 KB
	bytes      int
}

// sample is a value with its weight.
type sample struct{ x, w float64 }

// sampleSet is the values of one group: samples, or a digest of them. The
// infinities are counted apart, since they have no mean.
type sampleSet struct {
	samples   []sample
	digest    *tdigest.TDigest
	weight    float64 // of the finite values
	low, high float64 // weight of the infinities
}

func percentileType(s Spec) (column.Type, error) {
	if err := numeric(s, 0); err != nil {
		return column.Type{}, err
	}
	at := 1
	if s.Name == "approx_percentile_cont_with_weight" {
		if err := numeric(s, 1); err != nil {
			return column.Type{}, err
		}
		at = 2
	}
	upper := strings.ToUpper(s.Name)
	p, ok := constant(s, at)
	switch {
	case !ok:
		return column.Type{}, mismatch(s, fmt.Sprintf("Error during planning: Percentile value for '%s' must be a numeric literal", upper))
	case !(p >= 0 && p <= 1):
		return column.Type{}, &expr.Error{Class: expr.Plan, Msg: fmt.Sprintf("Percentile value must be between 0.0 and 1.0 inclusive, %s is invalid", strconv.FormatFloat(p, 'f', -1, 64))}
	}
	if len(s.Args) > at+1 {
		if c, ok := constant(s, at+1); !ok || !s.Args[at+1].IsInteger() || c < 1 {
			return column.Type{}, &expr.Error{Class: expr.Plan, Msg: fmt.Sprintf("Tdigest max_size value for '%s' must be UInt > 0 literal", upper)}
		}
	}
	return s.Args[0], nil
}

// constant is the value of a numeric literal argument.
func constant(s Spec, i int) (float64, bool) {
	l := s.ArgLiterals[i]
	if l == nil || l.Null || !l.Type.IsNumeric() {
		return 0, false
	}
	switch l.Type.Kind {
	case column.Int64:
		return float64(l.I), true
	case column.Uint64:
		return float64(l.U), true
	}
	return l.F, true
}

func newPercentile(s Spec) State {
	p := &percentile{t: s.Args[0], p: 0.5, rng: rand.New(rand.NewPCG(1, 2))}
	at := 1
	if p.weighted = s.Name == "approx_percentile_cont_with_weight"; p.weighted {
		at = 2
	}
	centroids := float64(defaultCentroids)
	if len(s.Args) > at {
		p.p, _ = constant(s, at)
	}
	if len(s.Args) > at+1 {
		centroids, _ = constant(s, at+1)
	}
	if s.Descending {
		p.p = 1 - p.p
	}
	// The digest keeps up to 20 centroids per unit of its compression. A
	// quarter of the centroids asked for is within a thousandth of the true
	// rank and costs a third of the time of the whole.
	p.resolution = min(max(centroids/4, 5), 1000)
	return p
}

func (p *percentile) Grow(n int) {
	from := len(p.groups)
	p.groups = resize(p.groups, n)
	p.bytes += 56 * (len(p.groups) - from)
}

func (p *percentile) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	for i, g := range groups[:n] {
		if !counts(v, skip, i) {
			continue
		}
		w := 1.0
		if p.weighted {
			if args[1].IsNull(i) {
				continue
			}
			if w = floatAt(args[1], i); w == 0 {
				continue
			}
			if !(w > 0) || math.IsInf(w, 1) {
				return &expr.Error{Class: expr.Execution, Msg: fmt.Sprintf("approx_percentile_cont_with_weight: a weight must be a positive number, got %v", w)}
			}
		}
		if err := p.add(&p.groups[g], floatAt(v, i), w); err != nil {
			return err
		}
	}
	return nil
}

func (p *percentile) add(s *sampleSet, x, w float64) error {
	switch {
	case math.IsNaN(x):
		return nil
	case math.IsInf(x, -1):
		s.low += w
		return nil
	case math.IsInf(x, 1):
		s.high += w
		return nil
	}
	s.weight += w
	if s.digest != nil {
		return p.digest(s, x, w)
	}
	if len(s.samples) < maxSamples {
		before := cap(s.samples)
		s.samples = append(s.samples, sample{x, w})
		p.bytes += 16 * (cap(s.samples) - before)
		return nil
	}
	d, err := tdigest.New(tdigest.Compression(p.resolution), tdigest.RandomNumberGenerator(p))
	if err != nil {
		return fmt.Errorf("percentile digest: %w", err)
	}
	s.digest = d
	// Centroids are 16 bytes; the digest holds at most 20 per unit.
	p.bytes += int(20*16*p.resolution) - 16*cap(s.samples)
	for _, o := range s.samples {
		if err := p.digest(s, o.x, o.w); err != nil {
			return err
		}
	}
	s.samples = nil
	return p.digest(s, x, w)
}

func (p *percentile) digest(s *sampleSet, x, w float64) error {
	count := uint64(1)
	if p.weighted {
		count = uint64(min(max(math.Round(w*weightUnit), 1), 1<<60))
	}
	if err := s.digest.AddWeighted(x, count); err != nil {
		return fmt.Errorf("percentile digest: %w", err)
	}
	return nil
}

// Float32 and Intn are the digests' random numbers, of a fixed seed: the same
// rows give the same answer.
func (p *percentile) Float32() float32 { return p.rng.Float32() }

// Intn is a random number below n.
func (p *percentile) Intn(n int) int { return p.rng.IntN(n) }

// value is the percentile of a group; false when it has no values.
func (s *sampleSet) value(p float64) (float64, bool) {
	total := s.low + s.weight + s.high
	rank := float64(p * total)
	switch {
	case total == 0:
		return 0, false
	case s.weight == 0 && s.high == 0, s.low > 0 && rank < s.low:
		return math.Inf(-1), true
	case s.weight == 0, s.high > 0 && rank > s.low+s.weight:
		return math.Inf(1), true
	}
	rank = min(max(rank-s.low, 0), s.weight)
	if s.digest != nil {
		return tidy(s.digest.Quantile(rank / s.weight)), true
	}
	return s.exact(rank), true
}

// tidy drops the last digits of an estimate, which are noise: of equal values
// a digest makes 4.999999999999999, which as an integer would be 4.
func tidy(x float64) float64 {
	var b [32]byte
	y, err := strconv.ParseFloat(string(strconv.AppendFloat(b[:0], x, 'g', 14, 64)), 64)
	if err != nil {
		return x
	}
	return y
}

// exact interpolates between the samples.
func (s *sampleSet) exact(rank float64) float64 {
	slices.SortFunc(s.samples, func(a, b sample) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.w, b.w)) })
	before := 0.0
	for i, o := range s.samples {
		middle := before + o.w/2
		if rank <= middle {
			if i == 0 {
				return o.x
			}
			last := s.samples[i-1]
			from := before - last.w/2
			return last.x + float64((o.x-last.x)*((rank-from)/(middle-from)))
		}
		before += o.w
	}
	return s.samples[len(s.samples)-1].x
}

func (p *percentile) Final(dst *column.Vector, from, to int) error {
	for i := range p.groups[from:to] {
		x, ok := p.groups[from+i].value(p.p)
		switch {
		case !ok || dst.Type.Kind == column.Null:
			dst.AppendNull(1)
			continue
		case p.t.Kind == column.Uint64:
			dst.Uints = append(dst.Uints, toUint(x))
		case p.t.Kind == column.Int64:
			dst.Ints = append(dst.Ints, toInt(x))
		default:
			dst.Floats = append(dst.Floats, x)
		}
		dst.Len++
	}
	return nil
}

// toInt truncates; the ends of the range, which floats round up, stay inside.
func toInt(x float64) int64 {
	if x >= 1<<63 {
		return math.MaxInt64
	}
	return int64(max(x, -1<<63))
}

func toUint(x float64) uint64 {
	if x >= 1<<64 {
		return math.MaxUint64
	}
	return uint64(max(x, 0))
}

func (p *percentile) Bytes() int { return p.bytes }
