// Package sweep evaluates the common shapes of PromQL one series after the
// other: a selector, maybe under a function of its range, then arithmetic with
// constants and aggregations. Prometheus's engine asks an iterator for the
// samples of every step anew and keeps the answers of all series before it
// aggregates them; a sweep has the samples of a series as two arrays, walks
// them once, and adds the answer to the groups' sums at once.
//
// The answers are those of Prometheus's engine to the last bit: sums are
// compensated the same way and run in the same order, that of the series.
// Everything else in an expression stays with that engine: it gets the answers
// of a sweep as a selector (see Rewrite). What a sweep cannot know beforehand,
// such as labels that clash once the metric's name is dropped, ends it with
// ErrLeave, and the engine evaluates the whole.
package sweep

import (
	"context"
	"errors"
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
)

// ErrLeave means that Prometheus's engine must evaluate the expression.
var ErrLeave = errors.New("not an expression for a sweep")

// Source has series.
type Source interface {
	// Select lists the series that match and may have samples in a time range
	// in ms, both ends included.
	Select(ctx context.Context, matchers []*labels.Matcher, mint, maxt int64) (Selection, error)
}

// Selection is a list of series. It is used by one goroutine, but for Read.
type Selection interface {
	// Bounds are the places in the list where another set of files begins:
	// the first is 0, the last the number of series.
	Bounds() []int
	// Samples is about how many samples a series after the i-th bound has.
	Samples(i int) int
	// Labels are those of a series.
	Labels(i int) labels.Labels
	// Metric is the name of a series's metric.
	Metric(i int) string
	// Distinct says that all series differ in more than their metrics' names.
	Distinct() bool
	// Read reads the series [from, to), which lie between two bounds. The
	// reader may have all of them in memory.
	Read(ctx context.Context, from, to int) Reader
}

// Reader reads series in the order of their list.
type Reader interface {
	// Next returns the samples of the next series, which may be none, with
	// ascending times in ms. They may be changed, and are valid until the next call.
	Next() (times []int64, values []float64, err error)
	Close() error
}

// Memory is the account of what a query holds, in bytes; a negative n gives
// back.
type Memory interface {
	Reserve(n int64) error
}

// Steps are the times at which an expression is evaluated: Start, Start+Step
// and so on, in ms.
type Steps struct {
	Start, Step int64
	N           int
}

// At is the time of a step, in ms.
func (s Steps) At(i int) int64 { return s.Start + int64(i)*s.Step }

// from is the first step at t or later.
func (s Steps) from(t int64) int {
	if t <= s.Start {
		return 0
	}
	return int(min((t-s.Start+s.Step-1)/s.Step, int64(s.N)))
}

// Vector is the values of one series at consecutive steps, the first of them
// From. A step without a value has Absent.
type Vector struct {
	From   int
	Values []float64
}

// Absent stands for no value. It is Prometheus's mark of a series that has
// ended; no value is like it: a selector takes it as the end, and what is
// computed is another NaN.
var Absent = math.Float64frombits(value.StaleNaN)

// IsAbsent says whether v is Absent, which like any NaN does not equal itself.
func IsAbsent(v float64) bool { return math.Float64bits(v) == value.StaleNaN }

// Points is how many values v has.
func (v Vector) Points() int {
	n := 0
	for _, x := range v.Values {
		if !IsAbsent(x) {
			n++
		}
	}
	return n
}

// trim takes absent ends off.
func (v Vector) trim() Vector {
	for len(v.Values) > 0 && IsAbsent(v.Values[len(v.Values)-1]) {
		v.Values = v.Values[:len(v.Values)-1]
	}
	for len(v.Values) > 0 && IsAbsent(v.Values[0]) {
		v.From, v.Values = v.From+1, v.Values[1:]
	}
	return v
}
