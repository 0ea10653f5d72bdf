package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// fake has n series of two metrics, each with a sample a second: its number.
type fake struct {
	n    int
	same bool              // the metrics have series of the same labels
	next func(i int) error // before series i is read
	open atomic.Int64
}

func (f *fake) Select(context.Context, []*labels.Matcher, int64, int64) (Selection, error) {
	return f, nil
}
func (f *fake) Bounds() []int   { return []int{0, f.n / 2, f.n} }
func (f *fake) Samples(int) int { return 100 }
func (f *fake) Distinct() bool  { return false }
func (f *fake) Metric(i int) string {
	return fmt.Sprintf("m%d_total", 2*i/f.n)
}

func (f *fake) Labels(i int) labels.Labels {
	host := i
	if f.same {
		host %= f.n / 2
	}
	return labels.FromStrings("__name__", f.Metric(i), "host", fmt.Sprint("h", host))
}

func (f *fake) Read(_ context.Context, from, to int) Reader {
	f.open.Add(1)
	return &fakeReader{f, from}
}

type fakeReader struct {
	*fake
	i int
}

func (r *fakeReader) Next() ([]int64, []float64, error) {
	i := r.i
	r.i++
	if r.next != nil {
		if err := r.next(i); err != nil {
			return nil, nil, err
		}
	}
	var times []int64
	var values []float64
	for t := range int64(100) {
		times, values = append(times, t*1000), append(values, float64(i))
	}
	return times, values, nil
}

func (r *fakeReader) Close() error {
	r.open.Add(-1)
	return nil
}

// memory counts what is reserved.
type memory struct{ held, limit atomic.Int64 }

var errMemory = errors.New("no memory")

func (m *memory) Reserve(n int64) error {
	if limit := m.limit.Load(); n > 0 && limit > 0 && m.held.Load()+n > limit {
		return errMemory
	}
	m.held.Add(n)
	return nil
}

func runFake(t *testing.T, f *fake, m *memory, workers, maxSamples int, text string) ([]Series, error) {
	t.Helper()
	e, err := parser.ParseExpr(text)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := Compile(e)
	if !ok {
		t.Fatalf("%s is not for a sweep", text)
	}
	out, _, err := p.Run(t.Context(), &Env{Source: f, Memory: m, Steps: Steps{0, 1000, 100}, Lookback: 5000, MaxSamples: maxSamples, Workers: workers})
	if n := f.open.Load(); n != 0 {
		t.Errorf("%s: %d readers are open", text, n)
	}
	return out, err
}

func TestRun(t *testing.T) {
	for _, workers := range []int{1, 3} {
		m := &memory{}
		out, err := runFake(t, &fake{n: 1000}, m, workers, 0, "sum(m)")
		if err != nil || len(out) != 1 || len(out[0].Values) != 100 || out[0].Values[50] != 499_500 {
			t.Errorf("%d workers: got %v, %v", workers, out, err)
		}
		if n := m.held.Load(); n > 2000 {
			t.Errorf("%d workers: %d bytes stay reserved for an answer of 100 values", workers, n)
		}
		failed := errors.New("failed")
		if _, err := runFake(t, &fake{n: 1000, next: func(i int) error {
			if i == 700 {
				return failed
			}
			return nil
		}}, m, workers, 0, "sum(m)"); !errors.Is(err, failed) {
			t.Errorf("%d workers: got %v", workers, err)
		}
	}
	if _, err := runFake(t, &fake{n: 1000, next: func(i int) error {
		if i == 300 {
			panic("a bug")
		}
		return nil
	}}, &memory{}, 2, 0, "sum(m)"); err == nil || err.Error() != "evaluate series: a bug" {
		t.Errorf("a panic: got %v", err)
	}
}

func TestRunLimits(t *testing.T) {
	for _, workers := range []int{1, 2} {
		for _, text := range []string{"m", "topk(3, m)"} {
			if _, err := runFake(t, &fake{n: 100}, &memory{}, workers, 9_999, text); err != tooMany {
				t.Errorf("%s: got %v", text, err)
			}
			if _, err := runFake(t, &fake{n: 100}, &memory{}, workers, 10_000, text); err != nil {
				t.Errorf("%s: got %v", text, err)
			}
			m := &memory{}
			m.limit.Store(50_000)
			if _, err := runFake(t, &fake{n: 100}, m, workers, 0, text); err != errMemory {
				t.Errorf("%s: got %v", text, err)
			}
		}
		m := &memory{}
		m.limit.Store(1 << 20) // all vectors would take three times that
		if _, err := runFake(t, &fake{n: 4000}, m, workers, 10_000, "sum(rate(m[5s]))"); err != nil {
			t.Errorf("a sum: got %v", err)
		}
	}
}

// TestClash: series that would be the same without their names are for the
// engine, which says so or joins them.
func TestClash(t *testing.T) {
	for text, leave := range map[string]bool{
		"m": false, "sum(m)": false, "m > 1": false, "last_over_time(m[1m])": false, "topk(2, m)": false,
		"rate(m[1m])": true, "sum(rate(m[1m]))": true, "m * 2": true, "-m": true, "topk(2, m) * 2": true, "m > bool 1": true, "sum(m) * 2": false,
	} {
		if _, err := runFake(t, &fake{n: 10, same: true}, &memory{}, 1, 0, text); errors.Is(err, ErrLeave) != leave {
			t.Errorf("%s: got %v", text, err)
		}
		if _, err := runFake(t, &fake{n: 10}, &memory{}, 1, 0, text); err != nil {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestCompile(t *testing.T) {
	for text, want := range map[string]bool{
		"m": true, "(m)": true, "+m": true, "m offset 5m": true, "sum by (a) (rate(m[5m] offset -1m)) * 100 > 2": true,
		"topk(2 * 3, m)": true, "topk(0, m)": false, "topk(scalar(m), m)": false, "topk(NaN, m)": false,
		"m @ 5": false, "m @ start()": false, "rate(m[5m] @ end())": false, "max_over_time(m[5m:1m])": false, "m + m": false,
		"abs(m)": false, "absent_over_time(m[5m])": false, "1": false, "m[5m]": false, "quantile(0.5, m)": false, "m + scalar(m)": false,
		"sum by (__name__) (m)": true, "sum by (__name__) (m) * 2": false, "predict_linear(m[5m], time())": false,
	} {
		e, err := parser.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := Compile(e); ok != want {
			t.Errorf("%s: got %v", text, ok)
		}
	}
}

func TestRewrite(t *testing.T) {
	for text, want := range map[string]string{
		"sum(rate(a[5m])) / sum(rate(b[5m]))":             ":0               / :1              ",
		"histogram_quantile(0.9, sum by (le) (x))":        "histogram_quantile(0.9, :0             )",
		"abs(abc) # about m":                              "abs(:0 ) # about m",
		"(abc + 1) and\n def{x=\"\\\"é\"} offset 1m or x": "(:0     ) and\n :1                      or x",
		"scalar(sum(m)) + topk(scalar(count(x)), yy)":     "scalar(:0    ) + topk(scalar(:1      ), :2)",
		"timestamp(mmm) + absent((mmm)) + absent(-mmm)":   "timestamp(mmm) + absent((mmm)) + absent(:0  )",
		"max_over_time(mmm[5m:1m])":                       "",
		"sum(mmm @ 5) + time()":                           "",
		"a + b":                                           "",
		"abs(:00) + abs(mmm)":                             "",
		"abs({__name__=\":0\"}) + abs(mmm)":               "",
	} {
		e, err := parser.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		got, parts := Rewrite(text, e)
		if got != want || (len(parts) > 0) != (want != "") {
			t.Errorf("%q: got\n%q, want\n%q", text, got, want)
		}
	}
}

func TestAfter(t *testing.T) {
	for n := range 40 {
		times := make([]int64, n)
		for i := range times {
			times[i] = int64(2 * i)
		}
		for from := range n + 1 {
			for at := int64(-1); at < int64(2*n+2); at++ {
				want := from
				for want < n && times[want] <= at {
					want++
				}
				if got := after(times, from, at); got != want {
					t.Fatalf("%d times from %d after %d: got %d, want %d", n, from, at, got, want)
				}
			}
		}
	}
}
