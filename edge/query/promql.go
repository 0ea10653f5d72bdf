package query

import (
	"context"
	"errors"
	"strings"
	"time"

	prom "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"tarn/edge/query/exec"
	"tarn/edge/query/promql"
	"tarn/store"
	"tarn/store/schema"
)

// PromQL is Prometheus's language.
const PromQL Language = "promql"

// seriesLister is a Provider that can list the series of a table.
type seriesLister interface {
	Provider
	Series(ctx context.Context, database string, t *schema.Table, minTime, maxTime int64) (*store.SeriesView, error)
}

// PromQLRequest is one query in PromQL.
type PromQLRequest struct {
	Database string
	promql.Query
	// Timeout ends the query earlier than Options.Timeout; 0 does not.
	Timeout time.Duration
}

// PromQLResult is the answer of a query in PromQL. It must be closed.
type PromQLResult struct {
	// Value is a parser.Value of Prometheus: a vector, matrix, scalar or
	// string, valid until Close.
	Value parser.Value
	// Warnings and Infos are for the user.
	Warnings, Infos []string

	query promql.Prepared
	lease *lease
}

// Send runs fn, which sends the answer and may take as long as the client
// likes, without counting among the running queries.
func (r *PromQLResult) Send(fn func() error) error { return r.lease.send(fn) }

// Close ends the query.
func (r *PromQLResult) Close() {
	r.query.Close()
	r.lease.end(nil)
}

// PromQL runs a query. A database that does not exist has no series.
func (e *Engine) PromQL(ctx context.Context, req PromQLRequest) (_ *PromQLResult, err error) {
	l, err := e.borrow(ctx, Request{Database: req.Database, Text: req.Text, Language: PromQL}, req.Timeout)
	if err != nil {
		return nil, err
	}
	r := &PromQLResult{lease: l}
	defer func() {
		if err != nil {
			err = classifyPromQL(l.ctx, err)
			if r.query != nil {
				r.query.Close()
			}
			l.end(err)
		}
	}()
	data, err := e.promData(req.Database, l.budget)
	if err != nil {
		return nil, err
	}
	if r.query, err = e.prom.Prepare(l.ctx, data, req.Query); err != nil {
		return nil, err
	}
	l.entry.planned(e.opts.Now())
	res := r.query.Exec(l.ctx)
	if res.Err != nil {
		return nil, res.Err
	}
	r.Value = res.Value
	r.Warnings, r.Infos = res.Warnings.AsStrings(req.Text, 10, 10)
	l.entry.rows(promRows(res.Value))
	return r, nil
}

func promRows(v parser.Value) int64 {
	switch v := v.(type) {
	case prom.Matrix:
		return int64(v.TotalSamples())
	case prom.Vector:
		return int64(len(v))
	}
	return 1
}

// PromData gives fn a database as Prometheus's storage interface, under the
// limits of a query: what reads series without an expression. what describes
// it in the log.
func (e *Engine) PromData(ctx context.Context, database, what string, timeout time.Duration, fn func(context.Context, promql.Queryable) error) (err error) {
	l, err := e.borrow(ctx, Request{Database: database, Text: what, Language: PromQL}, timeout)
	if err != nil {
		return err
	}
	defer func() { l.end(err) }()
	data, err := e.promData(database, l.budget)
	if err != nil {
		return err
	}
	l.entry.planned(e.opts.Now())
	if err := fn(l.ctx, data); err != nil {
		return classifyPromQL(l.ctx, err)
	}
	return nil
}

func (e *Engine) promData(database string, b *exec.Budget) (promql.Queryable, error) {
	p, ok := e.provider.(seriesLister)
	if !ok {
		return promql.Queryable{}, &Error{Class: NotImplemented, Msg: "there are no series to query here"}
	}
	return promql.Queryable{Store: p, Database: database, Memory: b}, nil
}

// lease is a place among the running queries, an entry of the log, a deadline
// and a memory budget.
type lease struct {
	engine  *Engine
	entry   *Entry
	ctx     context.Context
	cancel  context.CancelFunc
	budget  *exec.Budget
	running bool
}

// borrow lets a query in.
func (e *Engine) borrow(ctx context.Context, req Request, timeout time.Duration) (*lease, error) {
	l := &lease{engine: e, entry: e.log.start(req, e.opts.Now())}
	if err := e.slots.enter(ctx); err != nil {
		err = classify(err)
		l.entry.finish(e.opts.Now(), err)
		return nil, err
	}
	l.running = true
	l.entry.permitted(e.opts.Now())
	if e.opts.Timeout > 0 && (timeout <= 0 || timeout > e.opts.Timeout) {
		timeout = e.opts.Timeout
	}
	l.ctx, l.cancel = ctx, func() {}
	if timeout > 0 {
		l.ctx, l.cancel = context.WithTimeout(ctx, timeout)
	}
	l.budget = e.memory.NewBudget(l.ctx)
	if err := l.budget.Reserve(answerBytes); err != nil {
		err = classify(err)
		l.end(err)
		return nil, err
	}
	return l, nil
}

func (l *lease) send(fn func() error) error {
	var err error
	l.running, err = l.engine.slots.away(l.ctx, fn)
	return err
}

func (l *lease) end(err error) {
	l.cancel()
	l.engine.slots.leave(l.running)
	l.entry.memory(l.budget.Peak())
	l.budget.Close()
	l.entry.finish(l.engine.opts.Now(), err)
}

// classifyPromQL gives the errors of Prometheus's engine their class.
func classifyPromQL(ctx context.Context, err error) error {
	var (
		parse    parser.ParseErrors
		many     prom.ErrTooManySamples
		late     prom.ErrQueryTimeout
		canceled prom.ErrQueryCanceled
		storage  prom.ErrStorage
		memory   *exec.ErrMemory
		crowded  *exec.ErrCrowded
		own      *Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &memory), errors.As(err, &crowded):
		return classify(err)
	case ctx.Err() != nil, errors.As(err, &late), errors.As(err, &canceled):
		if cause := context.Cause(ctx); cause != nil {
			return classify(cause)
		}
		return classify(context.Canceled)
	case errors.As(err, &parse):
		return &Error{Class: Parse, Msg: err.Error(), Err: err}
	case errors.As(err, &many):
		return &Error{Class: Resources, Msg: many.Error() + ": narrow the time range, select fewer series, or raise --memory-limit", Err: err}
	case errors.As(err, &storage):
		return classify(storage.Err)
	case strings.HasPrefix(err.Error(), "invalid expression type"):
		return &Error{Class: Parse, Msg: err.Error(), Err: err}
	}
	return &Error{Class: Plan, Msg: err.Error(), Err: err}
}
