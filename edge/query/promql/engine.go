package promql

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Options configure an Engine.
type Options struct {
	// MaxSamples bounds the samples of one query in memory; see SampleLimit.
	MaxSamples int
	// Lookback is how old an instant selector's sample may be; default 5 minutes.
	Lookback time.Duration
	// Workers is how many goroutines may work on one query; default the number
	// of processors.
	Workers int
}

// DefaultLookback is Prometheus's.
const DefaultLookback = 5 * time.Minute

// SampleLimit is how many samples a query with a memory budget in bytes may
// hold: each takes 16 bytes in the engine, and its answer as many again. 0
// means Prometheus's own limit.
func SampleLimit(memory int64) int {
	if memory <= 0 {
		return 50_000_000
	}
	return int(max(memory/32, 10_000))
}

// Engine evaluates PromQL: what it can by sweeps, the rest with Prometheus's
// engine. It is safe for concurrent use.
type Engine struct {
	engine  *promql.Engine
	options Options
}

// NewEngine returns an Engine.
func NewEngine(o Options) *Engine {
	if o.MaxSamples == 0 {
		o.MaxSamples = SampleLimit(0)
	}
	if o.Lookback == 0 {
		o.Lookback = DefaultLookback
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return &Engine{options: o, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples:               o.MaxSamples,
		Timeout:                  math.MaxInt64, // the context's deadline counts
		LookbackDelta:            o.Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
	})}
}

// Query is one evaluation.
type Query struct {
	Text string
	// Start, End and Step are those of a range query; for an instant query
	// Step is 0 and Start the instant.
	Start, End time.Time
	Step       time.Duration
	// Lookback replaces the engine's; 0 does not.
	Lookback time.Duration
}

// Prepared is a query that was parsed.
type Prepared interface {
	// Exec evaluates it, once.
	Exec(ctx context.Context) *promql.Result
	// Close ends the use of the result.
	Close()
}

// Prepare parses a query. Close what it returns, after the result of Exec is
// done with.
func (e *Engine) Prepare(ctx context.Context, data Queryable, q Query) (Prepared, error) {
	if s := e.sweep(data, q); s != nil {
		return s, nil
	}
	return e.library(ctx, data, q)
}
