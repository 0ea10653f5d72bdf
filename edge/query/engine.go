// Package query runs queries: text to plan to rows. It is the face of the
// query engine; its parts are the front-ends (sql), expressions (expr), plans
// (plan) and operators (exec).
package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime"
	"strconv"
	"time"

	"tarn/edge/query/exec"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/promql"
	"tarn/edge/query/result"
	"tarn/edge/query/spill"
	"tarn/edge/query/sql"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// InternalDatabase is the name of the database that has only system tables.
const InternalDatabase = "_internal"

// Language is a query language.
type Language string

// SQL is the dialect of spec/sql.md.
const SQL Language = "sql"

// Provider is what queries need of the storage engine.
type Provider interface {
	Database(name string) (plan.Database, bool)
	Scan(ctx context.Context, spec store.ScanSpec) (store.Rows, error)
}

// Options configure an Engine.
type Options struct {
	// MemoryLimit is what all running queries may hold together, in bytes; 0
	// means no limit. A query that runs alone may have all of it.
	MemoryLimit int64
	// Spill takes what queries have no memory for; nil means that they fail.
	Spill *spill.Space
	// MaxConcurrent queries run at once; others are refused as Busy after
	// waiting a second. Those whose rows are being sent do not count, but there
	// may be eight times as many at most. 0 means no limit.
	MaxConcurrent int
	// Timeout ends a query; 0 means never.
	Timeout time.Duration
	// Workers is how many goroutines may work on one operator of a query;
	// default the number of processors.
	Workers int
	// LogSize is how many queries system.queries remembers; default 1000.
	LogSize int
	// Now is the wall clock.
	Now    func() time.Time
	Logger *slog.Logger
	// System has the tables of schema "system".
	System plan.System
	// Caches has what last_cache and distinct_cache read.
	Caches plan.Caches
}

// Engine runs queries. It is safe for concurrent use.
type Engine struct {
	provider Provider
	opts     Options
	memory   *exec.Pool
	slots    *slots
	log      *Log
	prepared *prepared
	prom     *promql.Engine
}

// New returns an Engine.
func New(p Provider, o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.LogSize == 0 {
		o.LogSize = 1000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		provider: p, opts: o, memory: exec.NewPool(o.MemoryLimit), log: newLog(o.LogSize), slots: newSlots(o.MaxConcurrent), prepared: newPrepared(),
		prom: promql.NewEngine(promql.Options{MaxSamples: promql.SampleLimit(o.MemoryLimit), Workers: o.Workers}),
	}
}

// Log lists running and finished queries.
func (e *Engine) Log() *Log { return e.log }

// Request is one query.
type Request struct {
	Database string
	Text     string
	Language Language
	// Params are the values of placeholders: nil, bool, json.Number, float64,
	// int64, uint64 or string.
	Params map[string]any
	// InfluxQL is for requests in that language.
	InfluxQL InfluxQLRequest
	// Statement is the parsed text of a request in GreptimeDB's dialect of SQL,
	// and Native what makes it that; nil for all others.
	Statement sql.Statement
	Native    *plan.Native
}

// Result is a running query. It is used by one goroutine and must be closed.
type Result struct {
	engine  *Engine
	columns []result.Column
	series  result.Series
	origins []plan.Origin
	op      exec.Operator
	budget  *exec.Budget
	entry   *Entry
	ctx     context.Context
	cancel  context.CancelFunc
	err     error
	held    int64 // by the answer's writer
	running bool  // holds one of the engine's slots
}

// Query plans a query and prepares to run it. Rows are read by Result.Next.
func (e *Engine) Query(ctx context.Context, req Request) (_ *Result, err error) {
	r := &Result{engine: e, entry: e.log.start(req, e.opts.Now())}
	defer func() {
		if err != nil {
			err = classify(err)
			r.entry.finish(e.opts.Now(), err)
		}
	}()
	if err := e.slots.enter(ctx); err != nil {
		return nil, err
	}
	r.running = true
	r.entry.permitted(e.opts.Now())
	r.ctx, r.cancel = ctx, func() {}
	if e.opts.Timeout > 0 {
		r.ctx, r.cancel = context.WithTimeout(ctx, e.opts.Timeout)
	}
	r.budget = e.memory.NewBudget(r.ctx)
	defer func() {
		if err != nil {
			r.cancel()
			r.budget.Close()
			e.slots.leave(true)
		}
	}()
	if err := r.budget.Reserve(answerBytes); err != nil {
		return nil, err
	}
	now := e.opts.Now().UnixNano()
	st, err := e.plan(r.ctx, req, now, r.budget)
	if err != nil {
		return nil, err
	}
	r.entry.planned(e.opts.Now())
	env := &exec.Env{Scan: e.provider.Scan, Budget: r.budget, Now: now, Workers: e.opts.Workers, Spill: e.opts.Spill}
	if st.Explain {
		if st.Plan, err = e.explain(r.ctx, st, env); err != nil {
			return nil, err
		}
		env.Profile = nil
		if req.Language == InfluxQL && req.InfluxQL.Series {
			st.Plan = explainedSeries(st.Plan, st.Analyze)
		}
	}
	r.series, r.origins = st.series, st.origins
	if st.Explain {
		r.origins = nil
	}
	for _, c := range st.Plan.Columns() {
		r.columns = append(r.columns, result.Column{Name: c.Name, Type: c.Type})
	}
	if r.op, err = exec.BuildRoot(st.Plan, env); err != nil {
		return nil, err
	}
	return r, nil
}

// answerBytes is what every query takes: its text and plan, and its answer on
// the way to the client.
const answerBytes = 128 << 10

// planned is a statement that is ready to run.
type planned struct {
	*plan.Statement
	// logical is the text of the plan as it was bound, for EXPLAIN.
	logical string
	series  result.Series // of InfluxQL
	origins []plan.Origin // in GreptimeDB's dialect
}

// plan parses, binds and optimizes.
func (e *Engine) plan(ctx context.Context, req Request, now int64, budget *exec.Budget) (p planned, err error) {
	ec := expr.NewContext(ctx, now)
	if budget != nil {
		ec.Memory = budget
	}
	if req.Language == InfluxQL {
		p.Statement, p.series, err = e.planInfluxQL(req, ec)
	} else {
		p.Statement, err = e.planSQL(req, ec)
	}
	if err != nil {
		return p, err
	}
	if req.Native != nil {
		p.origins = plan.Origins(p.Plan)
	}
	if p.Explain {
		p.logical = plan.Format(p.Plan, nil)
	}
	p.Plan, err = plan.Optimize(ec, p.Plan)
	return p, err
}

func (e *Engine) planSQL(req Request, ec *expr.Context) (*plan.Statement, error) {
	if req.Native != nil {
		b := &plan.Binder{Native: req.Native, Database: noDatabase{}, Ctx: ec}
		return b.Bind(req.Statement)
	}
	db, ok := e.provider.Database(req.Database)
	if !ok {
		return nil, &Error{Class: DatabaseNotFound, Msg: "database not found: " + req.Database}
	}
	plain := len(req.Params) == 0
	if plain {
		if n := e.prepared.find(db, req.Text); n != nil {
			return &plan.Statement{Plan: n}, nil
		}
	}
	statement, err := sql.Parse(req.Text)
	if err != nil {
		return nil, err
	}
	params, err := bindParams(req.Params)
	if err != nil {
		return nil, err
	}
	b := &plan.Binder{Database: db, System: e.system(), Caches: e.opts.Caches, Params: params, Ctx: ec, Settings: e.settings()}
	st, err := b.Bind(statement)
	if err == nil && plain && !st.Explain && !ec.Clocked() {
		e.prepared.keep(db, req.Text, st.Plan)
	}
	return st, err
}

// noDatabase is the database of requests whose dialect finds the tables.
type noDatabase struct{}

func (noDatabase) Name() string { return "" }

func (noDatabase) Tables() []string { return nil }

func (noDatabase) Table(string) (*schema.Table, bool) { return nil, false }

// Constant computes an expression without columns in GreptimeDB's dialect.
func (e *Engine) Constant(ctx context.Context, n *plan.Native, x sql.Expr) (expr.Value, error) {
	b := &plan.Binder{Native: n, Database: noDatabase{}, Ctx: expr.NewContext(ctx, n.Now)}
	v, err := b.Constant(x)
	return v, classify(err)
}

// Rectangle plans a query that lists rows of one table and says which these are,
// if a range of time and a choice of series say it all; nil otherwise.
func (e *Engine) Rectangle(ctx context.Context, req Request) (*store.RowDelete, error) {
	p, err := e.plan(ctx, req, req.Native.Now, nil)
	if err != nil {
		return nil, classify(err)
	}
	n := p.Plan
	for {
		if in, ok := n.(*plan.Project); ok {
			n = in.Input
			continue
		}
		break
	}
	s, ok := n.(*plan.Scan)
	if !ok {
		return nil, nil
	}
	d := &store.RowDelete{MinTime: s.MinTime, MaxTime: s.MaxTime}
	if s.Tags != nil {
		d.FilterTags = s.TagIDs
		d.Filter = func(ctx context.Context, tags *column.Batch, keep []bool) error {
			v, err := s.Tags.Eval(expr.NewContext(ctx, req.Native.Now), tags)
			if err != nil {
				return err
			}
			for i := range keep {
				keep[i] = !v.IsNull(i) && v.Bools[i]
			}
			return nil
		}
	}
	return d, nil
}

// bindParams gives parameters their types: integers the narrower signed one
// when they fit (spec/sql.md 3.5).
func bindParams(params map[string]any) (map[string]expr.Value, error) {
	out := make(map[string]expr.Value, len(params))
	for name, p := range params {
		switch p := p.(type) {
		case nil:
			out[name] = expr.NullOf(column.Of(column.Null))
		case bool:
			out[name] = expr.Boolean(p)
		case string:
			out[name] = expr.String(p)
		case int64:
			out[name] = expr.Int(p)
		case uint64:
			out[name] = expr.Uint(p)
		case float64:
			out[name] = expr.Float(p)
		case json.Number:
			v, err := numberParam(p)
			if err != nil {
				return nil, &Error{Class: Plan, Msg: "parameter " + name + ": " + err.Error()}
			}
			out[name] = v
		default:
			return nil, &Error{Class: Plan, Msg: "parameter " + name + ": expected null, boolean, number, or string"}
		}
	}
	return out, nil
}

func numberParam(n json.Number) (expr.Value, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return expr.Int(i), nil
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return expr.Uint(u), nil
	}
	f, err := n.Float64()
	return expr.Float(f), err
}

// explain turns a plan into rows that show it; for ANALYZE it runs first.
func (e *Engine) explain(ctx context.Context, st planned, env *exec.Env) (plan.Node, error) {
	if !st.Analyze {
		return explanation([2]string{"logical_plan", st.logical}, [2]string{"physical_plan", plan.Format(st.Plan, nil)}), nil
	}
	env.Profile = exec.Profile{}
	start := time.Now()
	op, err := exec.Build(st.Plan, env)
	if err != nil {
		return nil, err
	}
	var b column.Batch
	for err == nil {
		err = op.Next(ctx, &b)
	}
	if cerr := op.Close(); !errors.Is(err, io.EOF) || cerr != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return nil, errors.Join(err, cerr)
	}
	total := fmt.Sprintf("\nTotal: elapsed=%s memory_peak=%d", time.Since(start).Round(time.Microsecond), env.Budget.Peak())
	return explanation([2]string{"Plan with Metrics", plan.Format(st.Plan, env.Profile.Note) + total}), nil
}

// explanation is the answer of EXPLAIN: a plan's kind and text.
func explanation(rows ...[2]string) plan.Node {
	text := column.Of(column.String)
	v := &plan.Values{Output: []plan.Column{{Name: "plan_type", Type: text}, {Name: "plan", Type: text}}}
	for _, r := range rows {
		v.Rows = append(v.Rows, []expr.Expr{expr.NewLiteral(expr.String(r[0])), expr.NewLiteral(expr.String(r[1]))})
	}
	return v
}

// Columns describe the rows.
func (r *Result) Columns() []result.Column { return r.columns }

// Origins say where the columns have their types from, of a request in
// GreptimeDB's dialect; nil when they are texts of an explanation.
func (r *Result) Origins() []plan.Origin { return r.origins }

// Next fills b with the next rows, or returns io.EOF. What is in b is valid
// until the following call.
func (r *Result) Next(_ context.Context, b *column.Batch) error {
	if r.err != nil {
		return r.err
	}
	err := r.op.Next(r.ctx, b)
	if err == nil {
		r.entry.rows(int64(b.Len))
		return nil
	}
	if !errors.Is(err, io.EOF) {
		err = classify(err)
	}
	r.err = err
	return err
}

// AnswerBytes is what a writer of the answer should hold at most, where it can
// choose.
func (r *Result) AnswerBytes() int64 {
	if r.engine.opts.MemoryLimit == 0 {
		return math.MaxInt64
	}
	return max(r.engine.opts.MemoryLimit/16, leastAnswer)
}

// leastAnswer is how much an answer's writer may always hold.
const leastAnswer = 512 << 10

// Hold says how many bytes the answer's writer holds, or may come to hold. They
// count as the query's memory.
func (r *Result) Hold(bytes int64) error {
	if err := r.budget.Reserve(bytes - r.held); err != nil {
		return classify(err)
	}
	r.held = bytes
	return nil
}

// Send runs fn, which sends rows to a client and may take as long as that likes,
// without counting among the running queries.
func (r *Result) Send(fn func() error) error {
	if !r.running {
		return fn()
	}
	var err error
	r.running, err = r.engine.slots.away(r.ctx, fn)
	return err
}

// Close ends the query.
func (r *Result) Close() error {
	if r.op == nil {
		return nil
	}
	err := r.op.Close()
	r.op = nil
	r.cancel()
	r.budget.Close()
	r.engine.slots.leave(r.running)
	failure := r.err
	switch {
	case errors.Is(failure, io.EOF):
		failure = nil
	case failure == nil:
		failure = context.Canceled // nobody wanted the rest
	}
	r.entry.memory(r.budget.Peak())
	r.entry.finish(r.engine.opts.Now(), failure)
	return err
}
