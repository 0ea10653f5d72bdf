package promql

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"tarn/edge/query/promql/sweep"
)

// overlay is a database that has the answers of sweeps as further metrics.
type overlay struct {
	Queryable
	steps   sweep.Steps
	answers map[string][]sweep.Series
}

// Querier is storage.Queryable's.
func (o overlay) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := o.Queryable.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return &overlayQuerier{q, o}, nil
}

type overlayQuerier struct {
	storage.Querier
	overlay overlay
}

// Select is storage.Querier's.
func (q *overlayQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	if len(matchers) == 1 && matchers[0].Name == NameLabel && matchers[0].Type == labels.MatchEqual {
		if answer, ok := q.overlay.answers[matchers[0].Value]; ok {
			set := &answerSet{answer: answer, steps: q.overlay.steps, next: -1}
			for _, s := range answer {
				// The engine makes points of it.
				if set.err = q.overlay.Memory.Reserve(int64(len(s.Values)) * 16); set.err != nil {
					break
				}
			}
			return set
		}
	}
	return q.Querier.Select(ctx, sorted, hints, matchers...)
}

// answerSet is an answer as series.
type answerSet struct {
	answer []sweep.Series
	steps  sweep.Steps
	next   int
	err    error
}

func (s *answerSet) Next() bool {
	s.next++
	return s.err == nil && s.next < len(s.answer)
}

func (s *answerSet) At() storage.Series                { return &answerSeries{s.answer[s.next], s.steps} }
func (s *answerSet) Err() error                        { return s.err }
func (s *answerSet) Warnings() annotations.Annotations { return nil }

type answerSeries struct {
	sweep.Series
	steps sweep.Steps
}

func (s *answerSeries) Labels() labels.Labels { return s.Series.Labels }

// Iterator is storage.Series's. A step without a value has a mark of the end,
// which keeps the engine from looking back; so has the one after the last.
func (s *answerSeries) Iterator(chunkenc.Iterator) chunkenc.Iterator {
	n := len(s.Values)
	x := samples{times: make([]int64, n+1), values: append(s.Values[:n:n], sweep.Absent)}
	for i := range x.times {
		x.times[i] = s.steps.At(s.From + i)
	}
	return &iterator{samples: x}
}
