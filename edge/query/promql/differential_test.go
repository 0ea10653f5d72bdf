package promql_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
)

// sampleSet is random series with their samples in ms.
type sampleSet struct {
	labels []labels.Labels
	times  [][]int64
	values [][]float64
}

const (
	dataStart = int64(1767225600000)
	dataStep  = 10_000
	dataSteps = 300
)

func randomSet(rng *rand.Rand) *sampleSet {
	s := &sampleSet{}
	pick := func(v ...string) string { return v[rng.IntN(len(v))] }
	seen := map[string]bool{}
	for range 4 + rng.IntN(20) {
		l := labels.FromStrings("__name__", pick("m_a", "m_b", "m_c_total"), "host", pick("", "a", "b", "c"), "zone", pick("", "x", "y"), "z", pick("", "1"))
		l = l.WithoutEmpty()
		if seen[l.String()] {
			continue
		}
		seen[l.String()] = true
		var times []int64
		var values []float64
		v, phase := 0.0, rng.Int64N(dataStep)
		for i := range dataSteps {
			switch rng.IntN(40) {
			case 0:
				times, values = append(times, dataStart+int64(i)*dataStep+phase), append(values, math.Float64frombits(value.StaleNaN))
				continue
			case 1, 2, 3:
				continue // a gap
			case 4:
				v = 0 // a reset
			}
			v += float64(rng.IntN(64)) / 8 // sums of these are exact in any order
			times, values = append(times, dataStart+int64(i)*dataStep+phase), append(values, v)
		}
		s.labels, s.times, s.values = append(s.labels, l), append(s.times, times), append(s.values, values)
	}
	return s
}

// write appends the samples in pieces; ragged ones overlap, hold wrong values
// that later ones correct, and come late.
func (s *sampleSet) write(t *testing.T, rng *rand.Rand, to storage.Appendable, ragged bool, between func()) {
	t.Helper()
	var order [][2]int // pieces of samples
	for from := 0; from < dataSteps; {
		n := 1 + rng.IntN(100)
		order = append(order, [2]int{from, from + n})
		from += n
	}
	if ragged {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	put := func(a storage.Appender, series, from, to int, wrong float64) {
		for i := from; i < min(to, len(s.times[series])); i++ {
			v := s.values[series][i]
			if wrong != 0 { // adding 0 would make a stale marker another NaN
				v += wrong
			}
			if _, err := a.Append(0, s.labels[series], s.times[series][i], v); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, piece := range order {
		for _, wrong := range []float64{1, 0} {
			if wrong != 0 && (!ragged || rng.IntN(3) > 0) {
				continue
			}
			a := to.Appender(context.Background())
			for series := range s.labels {
				put(a, series, piece[0], piece[1], wrong)
			}
			if err := a.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		between()
	}
}

func randomQuery(rng *rand.Rand) string {
	pick := func(v ...string) string { return v[rng.IntN(len(v))] }
	selector := func() string {
		name := pick("m_a", "m_b", "m_c_total", "m_d")
		return name + pick("", "", `{host="a"}`, `{host!="a"}`, `{host=~"a|b"}`, `{zone=""}`, `{host!~"b.*",zone="x"}`, `{nosuch=""}`, `{nosuch="1"}`)
	}
	window := func() string { return pick("30s", "1m", "5m", "17m") }
	offset := func() string {
		return pick("", "", "", " offset 1m", " offset -2m", " @ end()", fmt.Sprintf(" @ %d", dataStart/1000+rng.Int64N(3000)))
	}
	switch rng.IntN(12) {
	case 0:
		return selector() + offset()
	case 1:
		return fmt.Sprintf("%s(%s[%s]%s)", pick("rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets"), selector(), window(), offset())
	case 2:
		return fmt.Sprintf("%s_over_time(%s[%s]%s)", pick("avg", "min", "max", "sum", "count", "last", "stddev", "present", "absent"), selector(), window(), offset())
	case 3:
		return fmt.Sprintf("%s %s (%s)", pick("sum", "min", "max", "count", "avg", "group"), pick("", "by (host)", "without (z)", "by (nosuch)"), selector())
	case 4:
		return fmt.Sprintf("sum by (host) (%s) %s on (host) sum by (host) (%s)", selector(), pick("+", "-", "*", "/", "> bool", "and", "or", "unless"), selector())
	case 5:
		return fmt.Sprintf("timestamp(%s%s)", selector(), offset())
	case 6:
		return fmt.Sprintf("max_over_time(%s[10m:%s])", selector(), pick("30s", "1m", "7s"))
	case 7:
		return fmt.Sprintf("quantile_over_time(0.%d, %s[%s])", rng.IntN(10), selector(), window())
	case 8:
		return fmt.Sprintf("sort_desc(%s)", selector())
	case 9:
		return fmt.Sprintf(`count({__name__=~"%s"%s})`, pick("m_.*", "m_a|m_b", ".*total"), pick("", `,host="a"`, `,zone!=""`))
	case 10:
		return fmt.Sprintf("predict_linear(%s[%s], 60)", selector(), window())
	}
	return fmt.Sprintf("max by (zone) (rate(%s[5m])) or absent(%s)", selector(), selector())
}

// TestAgainstPrometheus gives random samples to Tarn, ragged and over
// segments, and to Prometheus's own storage, and compares the answers of the
// same engine.
func TestAgainstPrometheus(t *testing.T) {
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 88))
			set := randomSet(rng)
			want := teststorage.New(t)
			defer want.Close()
			set.write(t, rng, want, false, func() {})
			got := newStorage(t)
			set.write(t, rng, got, true, func() {
				if rng.IntN(3) == 0 {
					if err := got.store.Checkpoint(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			})
			for range 150 {
				q := randomQuery(rng)
				start := time.UnixMilli(dataStart + rng.Int64N(dataStep*dataSteps))
				end := start.Add(time.Duration(rng.IntN(60)) * time.Minute)
				step := time.Duration(1+rng.IntN(120)) * time.Second
				run := func(s storage.Queryable) string {
					query, err := engine.NewRangeQuery(t.Context(), s, nil, q, start, end, step)
					if rng := end.Sub(start); rng < step {
						query, err = engine.NewInstantQuery(t.Context(), s, nil, q, start)
					}
					if err != nil {
						t.Fatalf("%s: %v", q, err)
					}
					defer query.Close()
					res := query.Exec(t.Context())
					if res.Err != nil {
						return res.Err.Error()
					}
					return fmt.Sprint(canonical(res.Value))
				}
				if a, b := run(got), run(want); a != b {
					t.Errorf("%s from %d to %d by %v:\n%s\nwant\n%s", q, start.UnixMilli(), end.UnixMilli(), step, a, b)
				}
			}
		})
	}
}

// canonical is a value with its series in the order of their labels: that of a
// vector is nobody's promise.
func canonical(v parser.Value) parser.Value {
	if vector, ok := v.(promql.Vector); ok {
		slices.SortFunc(vector, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
	}
	return v
}
