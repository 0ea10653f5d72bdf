package sweep

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

// Env is what a sweep runs in.
type Env struct {
	Source     Source
	Memory     Memory // may be used by several goroutines
	Steps      Steps
	Lookback   int64 // ms
	MaxSamples int   // of the answer and what topk chooses from
	Workers    int   // goroutines that read and evaluate series
}

// MaxSteps bounds the steps of a sweep: every series has an array of them.
const MaxSteps = 100_000

// seriesSize is about what a series takes beside its labels and values.
const seriesSize = 96

// Run evaluates a plan. The answer is in the order in which Prometheus's engine
// has it at an instant.
func (p *Plan) Run(ctx context.Context, env *Env) (answer []Series, notes annotations.Annotations, err error) {
	defer func() {
		if failed := recover(); failed != nil {
			err = fmt.Errorf("evaluate series: %v", failed)
		}
	}()
	r := &run{Env: env, plan: p}
	first := env.Steps.Start - p.leaf.offset
	last := env.Steps.At(env.Steps.N-1) - p.leaf.offset
	span := p.leaf.window
	if span == 0 {
		span = env.Lookback
	}
	r.selection, err = env.Source.Select(ctx, p.leaf.matchers, first-span+1, last)
	if err != nil {
		return nil, nil, fmt.Errorf("expanding series: %w", err) // in the engine's words
	}
	if p.dropsName() && !r.selection.Distinct() && r.clash() {
		return nil, nil, ErrLeave
	}
	stages := p.stages
	for len(stages) > 0 && stages[0].aggregate == nil {
		r.changes = append(r.changes, stages[0])
		stages = stages[1:]
	}
	var s sink
	if len(stages) > 0 {
		s, stages = r.sink(stages[0].aggregate), stages[1:]
	} else {
		s = &collected{memory: env.Memory, limit: env.MaxSamples}
	}
	if err := r.read(ctx, s); err != nil {
		return nil, nil, err
	}
	out, err := s.result()
	for ; err == nil && len(stages) > 0; stages = stages[1:] {
		if out, err = r.next(out, stages[0]); err == nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	points := 0
	for _, s := range out {
		points += s.Points()
	}
	if env.MaxSamples > 0 && points > env.MaxSamples {
		return nil, nil, tooMany
	}
	return out, r.notes, nil
}

var tooMany = promql.ErrTooManySamples("query execution")

// run is one evaluation.
type run struct {
	*Env
	plan      *Plan
	selection Selection
	changes   []stage // of each vector of the leaf
	notes     annotations.Annotations
}

func (r *run) sink(a *aggregate) sink {
	if a.k > 0 {
		h := newHighest(a, r.Steps, r.Memory)
		h.input.limit = r.MaxSamples
		return h
	}
	return newGroups(a, r.Steps, r.Memory)
}

// next applies a stage to the answer of the one before.
func (r *run) next(in []Series, s stage) ([]Series, error) {
	if s.aggregate != nil {
		to := r.sink(s.aggregate)
		for i := range in {
			if err := to.add(func() labels.Labels { return in[i].Labels }, in[i].Vector); err != nil {
				return nil, err
			}
		}
		return to.result()
	}
	out := in[:0]
	for _, x := range in {
		if x.Vector = apply(s.change, x.Vector); len(x.Values) > 0 {
			if s.dropName {
				x.Labels = x.Labels.DropReserved(isMetadata)
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// clash says whether two series have the same labels without their names.
func (r *run) clash() bool {
	b := r.selection.Bounds()
	n := b[len(b)-1]
	seen := make(map[uint64]struct{}, n)
	for i := range n {
		h := r.selection.Labels(i).DropReserved(isMetadata).Hash()
		if _, ok := seen[h]; ok {
			return true
		}
		seen[h] = struct{}{}
	}
	return false
}

// read evaluates the series and gives their vectors to s, in their order.
func (r *run) read(ctx context.Context, s sink) error {
	parts, many := r.parts()
	if workers := min(r.Workers, len(parts)); workers > 1 && many {
		return r.spread(ctx, parts, workers, s)
	}
	e := r.evaluator()
	for _, p := range parts {
		if err := r.part(ctx, e, p, func(i int, v Vector) error { return r.give(s, i, v) }); err != nil {
			return err
		}
	}
	r.notes.Merge(e.notes)
	return nil
}

func (r *run) evaluator() *evaluator {
	return &evaluator{leaf: &r.plan.leaf, steps: r.Steps, lookback: r.Lookback}
}

// give hands the vector of a series to s.
func (r *run) give(s sink, i int, v Vector) error {
	if c := r.plan.leaf.call; c != nil && (c.Func.Name == "rate" || c.Func.Name == "increase") {
		if name := r.selection.Metric(i); name != "" && !isCounter(name) {
			r.notes.Add(annotations.NewPossibleNonCounterInfo(name, c.Args[0].PositionRange()))
		}
	}
	for _, c := range r.changes {
		if v = apply(c.change, v); len(v.Values) == 0 {
			return nil
		}
	}
	return s.add(func() labels.Labels {
		l := r.selection.Labels(i)
		if r.plan.droppedFirst() {
			l = l.DropReserved(isMetadata)
		}
		return l
	}, v)
}

// isCounter says whether a metric's name is that of a counter.
func isCounter(name string) bool {
	for _, end := range []string{"_total", "_sum", "_count", "_bucket"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// part evaluates the series of one part.
func (r *run) part(ctx context.Context, e *evaluator, p part, fn func(i int, v Vector) error) (err error) {
	rows := r.selection.Read(ctx, p.from, p.to)
	defer func() {
		if failed := rows.Close(); err == nil {
			err = failed
		}
	}()
	for i := p.from; i < p.to; i++ {
		times, values, err := rows.Next()
		if err != nil {
			return err
		}
		if v := e.vector(times, values); len(v.Values) > 0 {
			if err := fn(i, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// part is series that one goroutine evaluates.
type part struct{ from, to int }

// A part has as many series as there are in vectors of so many bytes, or in so
// many samples: the vectors wait for their turn, the samples are read at once.
// With fewer samples in all, one goroutine reads them.
const (
	maxPart       = 256 << 10
	maxSamples    = 64 << 10
	spreadSamples = 16 << 10
)

// parts cuts the series into parts, each of one set of files, and says whether
// they are worth several goroutines.
func (r *run) parts() (out []part, many bool) {
	bounds := r.selection.Bounds()
	n, samples := bounds[len(bounds)-1], 0
	for i, from := range bounds[:len(bounds)-1] {
		samples += (bounds[i+1] - from) * r.selection.Samples(i)
	}
	fair := n
	if many = r.Workers > 1 && samples >= spreadSamples; many {
		fair = max((n+2*r.Workers-1)/(2*r.Workers), 4) // two for each, so that they end together
	}
	for i, from := range bounds[:len(bounds)-1] {
		to := bounds[i+1]
		size := max(1, min(fair, maxPart/(8*r.Steps.N), maxSamples/max(r.selection.Samples(i), 1)))
		k := (to - from + size - 1) / size
		for j := range k {
			out = append(out, part{from + (to-from)*j/k, from + (to-from)*(j+1)/k})
		}
	}
	return out, many
}

// filled is the vectors of a part.
type filled struct {
	series  []int
	vectors []Vector
	memory  int64
	notes   annotations.Annotations
	err     error
}

// spread is read by several goroutines. What a part yields waits until those
// before it were given.
func (r *run) spread(ctx context.Context, parts []part, workers int, s sink) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	done := make([]chan filled, len(parts))
	for i := range done {
		done[i] = make(chan filled, 1)
	}
	// Parts are taken in order, so the one that is waited for has a worker.
	ahead := make(chan struct{}, workers+1)
	var next atomic.Int64
	for range workers {
		all.Go(func() {
			e := r.evaluator()
			for {
				select {
				case ahead <- struct{}{}:
				case <-ctx.Done():
					return
				}
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return
				}
				done[i] <- r.fill(ctx, e, parts[i])
			}
		})
	}
	for i := range parts {
		var f filled
		select {
		case f = <-done[i]:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f.err != nil {
			return f.err
		}
		for k, v := range f.vectors {
			if err := r.give(s, f.series[k], v); err != nil {
				return err
			}
		}
		r.notes.Merge(f.notes)
		_ = r.Memory.Reserve(-f.memory) // giving back cannot fail
		<-ahead
	}
	return nil
}

// fill evaluates a part and keeps its vectors.
func (r *run) fill(ctx context.Context, e *evaluator, p part) (f filled) {
	defer func() {
		if failed := recover(); failed != nil {
			f.err = fmt.Errorf("evaluate series: %v", failed)
		}
	}()
	var slab []float64
	f.err = r.part(ctx, e, p, func(i int, v Vector) error {
		if cap(slab)-len(slab) < len(v.Values) {
			size := max(len(v.Values), min(len(v.Values)*(p.to-i), maxPart/8))
			if err := r.Memory.Reserve(int64(size) * 8); err != nil {
				return err
			}
			f.memory += int64(size) * 8
			slab = make([]float64, 0, size)
		}
		at := len(slab)
		slab = append(slab, v.Values...)
		f.series = append(f.series, i)
		f.vectors = append(f.vectors, Vector{v.From, slab[at:len(slab):len(slab)]})
		return nil
	})
	f.notes, e.notes = e.notes, nil
	return f
}

// collected is the sink that keeps all vectors.
type collected struct {
	memory Memory
	limit  int // of values; 0 is none
	points int
	list   []Series
}

func (c *collected) add(series func() labels.Labels, v Vector) error {
	l := series()
	if c.points += v.Points(); c.limit > 0 && c.points > c.limit {
		return tooMany
	}
	if err := c.memory.Reserve(seriesSize + int64(l.ByteSize()) + int64(len(v.Values))*8); err != nil {
		return err
	}
	c.list = append(c.list, Series{l, Vector{v.From, append([]float64(nil), v.Values...)}})
	return nil
}

func (c *collected) result() ([]Series, error) { return c.list, nil }
