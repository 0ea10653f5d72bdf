package promql

import (
	"context"
	"errors"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"tarn/edge/query/promql/sweep"
)

// library is a query as Prometheus's engine evaluates it.
func (e *Engine) library(ctx context.Context, data storage.Queryable, q Query) (promql.Query, error) {
	opts := promql.NewPrometheusQueryOpts(false, q.Lookback)
	if q.Step == 0 {
		return e.engine.NewInstantQuery(ctx, data, opts, q.Text, q.Start)
	}
	return e.engine.NewRangeQuery(ctx, data, opts, q.Text, q.Start, q.End, q.Step)
}

// swept is a query that sweeps evaluate, whole or in parts.
type swept struct {
	engine *Engine
	data   Queryable
	query  Query
	env    sweep.Env
	whole  *sweep.Plan
	text   string // with parts replaced, unless whole
	parts  []sweep.Part

	rest promql.Query // what Prometheus's engine evaluates
}

// sweep plans a query; nil means that no sweep has a part in it.
func (e *Engine) sweep(data Queryable, q Query) *swept {
	expr, err := parser.ParseExpr(q.Text)
	if err != nil {
		return nil // the engine says what is wrong
	}
	s := &swept{engine: e, data: data, query: q, env: sweep.Env{Source: data, Memory: data.Memory, MaxSamples: e.options.MaxSamples, Workers: e.options.Workers}}
	s.env.Lookback = e.options.Lookback.Milliseconds()
	if q.Lookback > 0 {
		s.env.Lookback = q.Lookback.Milliseconds()
	}
	// As the engine computes them.
	s.env.Steps = sweep.Steps{Start: q.Start.UnixNano() / nanosPerMilli, Step: 1, N: 1}
	if q.Step != 0 {
		end := q.End.UnixNano() / nanosPerMilli
		s.env.Steps.Step = q.Step.Milliseconds()
		if s.env.Steps.Step <= 0 || end < s.env.Steps.Start {
			return nil
		}
		last := (end - s.env.Steps.Start) / s.env.Steps.Step
		if last >= sweep.MaxSteps {
			return nil
		}
		s.env.Steps.N = int(last) + 1
	}
	var ok bool
	switch expr.Type() {
	case parser.ValueTypeVector:
		if s.whole, ok = sweep.Compile(expr); ok {
			return s
		}
	case parser.ValueTypeScalar:
	default:
		return nil
	}
	if s.text, s.parts = sweep.Rewrite(q.Text, expr); len(s.parts) == 0 {
		return nil
	}
	return s
}

// Exec is Prepared's.
func (s *swept) Exec(ctx context.Context) *promql.Result {
	r, err := s.run(ctx)
	if errors.Is(err, sweep.ErrLeave) {
		r, err = s.finish(ctx, s.data, s.query.Text)
	}
	if err != nil {
		return &promql.Result{Err: err}
	}
	return r
}

func (s *swept) run(ctx context.Context) (*promql.Result, error) {
	if s.whole != nil {
		answer, notes, err := s.whole.Run(ctx, &s.env)
		if err != nil {
			return nil, err
		}
		value, err := s.value(answer)
		return &promql.Result{Value: value, Warnings: notes}, err
	}
	var notes annotations.Annotations
	data := overlay{s.data, s.env.Steps, map[string][]sweep.Series{}}
	for _, p := range s.parts {
		answer, n, err := p.Plan.Run(ctx, &s.env)
		if err != nil {
			return nil, err
		}
		notes.Merge(n)
		data.answers[p.Name] = answer
	}
	r, err := s.finish(ctx, data, s.text)
	if err == nil {
		r.Warnings = notes.Merge(r.Warnings)
	}
	return r, err
}

// finish has Prometheus's engine evaluate a text.
func (s *swept) finish(ctx context.Context, data storage.Queryable, text string) (*promql.Result, error) {
	q := s.query
	q.Text = text
	var err error
	if s.rest, err = s.engine.library(ctx, data, q); err != nil {
		return nil, err
	}
	return s.rest.Exec(ctx), nil
}

// Close is Prepared's.
func (s *swept) Close() {
	if s.rest != nil {
		s.rest.Close()
	}
}

// value is an answer as Prometheus's engine gives it: a range's is sorted.
func (s *swept) value(answer []sweep.Series) (parser.Value, error) {
	if s.query.Step == 0 {
		out := make(promql.Vector, len(answer))
		for i, a := range answer {
			out[i] = promql.Sample{T: s.env.Steps.Start, F: a.Values[0], Metric: a.Labels}
		}
		return out, nil
	}
	total := 0
	for _, a := range answer {
		total += a.Points()
	}
	if err := s.data.Memory.Reserve(int64(total) * 16); err != nil {
		return nil, err
	}
	points := make([]promql.FPoint, 0, total)
	out := make(promql.Matrix, len(answer))
	for i, a := range answer {
		from := len(points)
		for k, v := range a.Values {
			if !sweep.IsAbsent(v) {
				points = append(points, promql.FPoint{T: s.env.Steps.At(a.From + k), F: v})
			}
		}
		out[i] = promql.Series{Metric: a.Labels, Floats: points[from:len(points):len(points)]}
	}
	slices.SortFunc(out, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return out, nil
}
