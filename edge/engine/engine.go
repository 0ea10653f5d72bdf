package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/store"
)

// Options configure an Engine.
type Options struct {
	// Dir is the plugin directory; empty means that nothing is ever run.
	Dir string
	// Python is the interpreter, which also makes the virtual environment; empty
	// means python3 on the PATH. That of an environment that is there comes first.
	Python string
	// VirtualEnv is the virtual environment; empty means .venv in Dir.
	VirtualEnv string
	// Repository is what gh: paths are relative to.
	Repository string
	// Timeout ends a call; 0 means never.
	Timeout time.Duration
	// MemoryLimit of the worker's address space in bytes; 0 means none.
	MemoryLimit int64
	// Concurrency bounds the calls of one asynchronous trigger.
	Concurrency int
	// QueueBytes bounds the rows that wait for one trigger.
	QueueBytes int
	// NoInstalls refuses calls that install packages, NoPackages also leaves the
	// virtual environment as it is, DirOnly forbids uploading plugins and
	// fetching them.
	NoInstalls, NoPackages, DirOnly bool
	// Kinds are the allowed kinds of triggers (wal, schedule, request); none
	// means all.
	Kinds []string
	// Environment names the variables of the server that plugins get beside
	// those of every program (PATH, HOME, TZ and so on).
	Environment []string
	// WheelDir has packages to install; Offline asks no index for others.
	WheelDir string
	Offline  bool

	Store  *store.Store
	Query  *query.Engine
	Writer *ingest.Writer
	Logs   *Logs
	Logger *slog.Logger
	Now    func() time.Time
}

// Engine runs plugins. It is safe for concurrent use.
type Engine struct {
	opts Options
	dir  string // Dir, absolute and without links

	run  context.Context // ends with Close
	stop context.CancelCauseFunc
	done sync.WaitGroup

	starting sync.Mutex // held while a worker is started
	renewed  bool       // the virtual environment was looked after; under starting
	mu       sync.Mutex
	closed   bool
	worker   *worker
	healthy  time.Time     // when the worker was started
	delay    time.Duration // before the next start after a crash
	notUntil time.Time
	python   string // found interpreter
	files    map[string]*fileState
	runners  map[runnerKey]*runner
	routes   map[string][]*runner
	crashes  map[runnerKey][]time.Time

	reconciling sync.Mutex
	changed     chan struct{}
	feed        feed
	installing  sync.Mutex

	queued                             atomic.Int64 // bytes of written rows in the queues of triggers
	dropped, restarts, calls, failures atomic.Int64
}

// Errors that the API tells apart.
var (
	// ErrNoDir is a call although there is no plugin directory.
	//lint:ignore ST1005 the reference's text
	ErrNoDir = errors.New("Node not configured with plugin directory")
	// ErrInstallOff is an install although they are forbidden.
	//lint:ignore ST1005 the reference's text
	ErrInstallOff = errors.New("Package installation has been disabled. Contact your administrator for more information.")
	errStopping   = errors.New("influxdb3 is shutting down; aborting plugin execution")
	errDirOnly    = errors.New("plugin installation is disabled; plugins must already exist in the configured plugin directory")
)

// Start makes an Engine and starts the enabled triggers.
func Start(o Options) (*Engine, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 8
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 16 << 20
	}
	e := &Engine{opts: o, files: map[string]*fileState{}, runners: map[runnerKey]*runner{}, routes: map[string][]*runner{},
		crashes: map[runnerKey][]time.Time{}, changed: make(chan struct{}, 1)}
	e.run, e.stop = context.WithCancelCause(context.Background())
	if o.Dir == "" {
		return e, nil
	}
	dir, err := filepath.Abs(o.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("--plugin-dir: %w", err)
	}
	e.dir = dir
	e.feed.init(e)
	o.Store.OnTriggers(func() {
		select {
		case e.changed <- struct{}{}:
		default:
		}
	})
	e.reconcile()
	if len(e.runners) > 0 {
		if _, err := e.interpreter(); err != nil {
			o.Logger.Error("triggers cannot run", "error", err)
		}
	}
	e.done.Go(e.watch)
	e.done.Go(e.feed.deliver)
	return e, nil
}

// watch brings what runs in line with the catalog, and looks after the worker.
func (e *Engine) watch() {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	idleSince := time.Time{}
	for {
		select {
		case <-e.run.Done():
			return
		case <-e.changed:
			e.reconcile()
			continue
		case <-tick.C:
		}
		idleSince = e.care(idleSince)
	}
}

// Times by which the worker's health is judged.
const (
	warnSilence = time.Minute
	endSilence  = 5 * time.Minute
	idleLimit   = 10 * time.Minute
)

// care pings the worker, ends one that is silent for long, and one that nobody
// needs.
func (e *Engine) care(idleSince time.Time) time.Time {
	e.mu.Lock()
	w, triggers := e.worker, len(e.runners)
	e.mu.Unlock()
	if w == nil {
		return time.Time{}
	}
	go func() { _ = w.send([]byte(`{"op":"ping"}`), nil) }()
	now := time.Now()
	switch silent := now.Sub(time.Unix(0, w.pong.Load())); {
	case silent > endSilence:
		e.opts.Logger.Error("the Python worker does not answer; it is ended", "silent", silent.Round(time.Second))
		w.kill()
		return time.Time{}
	case silent > warnSilence:
		e.opts.Logger.Warn("the Python worker does not answer: a plugin may hold the interpreter", "silent", silent.Round(time.Second))
	}
	if triggers > 0 || !w.idle() {
		return time.Time{}
	}
	if idleSince.IsZero() {
		return now
	}
	if now.Sub(idleSince) > idleLimit {
		e.retire(w)
		return time.Time{}
	}
	return idleSince
}

// Back-off of starts after crashes.
const (
	firstDelay = 250 * time.Millisecond
	mostDelay  = time.Minute
	healthyFor = 5 * time.Minute
)

// ready returns the running worker, or starts one. After a crash it waits.
func (e *Engine) ready(ctx context.Context) (*worker, error) {
	e.starting.Lock()
	defer e.starting.Unlock()
	e.mu.Lock()
	w, wait, closed := e.worker, time.Until(e.notUntil), e.closed
	e.mu.Unlock()
	switch {
	case closed:
		return nil, errStopping
	case w != nil:
		select {
		case <-w.ended: // watchWorker has not noticed yet
		default:
			return w, nil
		}
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	e.renewOnce()
	python, err := e.interpreter()
	if err != nil {
		return nil, err
	}
	w, err = startWorker(e.run, workerOptions{python: python, dir: e.dir, env: e.environment(), memory: e.opts.MemoryLimit,
		processes: maxProcesses, logger: e.opts.Logger})
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.backOff()
		return nil, err
	}
	if e.closed {
		w.kill()
		return nil, errStopping
	}
	e.worker, e.healthy = w, time.Now()
	e.done.Go(func() { e.watchWorker(w) })
	return w, nil
}

// maxProcesses is how many processes and threads plugins may have.
const maxProcesses = 256

// backOff sets when the next start may be. The caller holds mu.
func (e *Engine) backOff() {
	if time.Since(e.healthy) > healthyFor {
		e.delay = 0
	}
	e.delay = min(max(2*e.delay, firstDelay), mostDelay)
	e.notUntil = time.Now().Add(e.delay)
}

// watchWorker notices the end of a worker.
func (e *Engine) watchWorker(w *worker) {
	<-w.ended
	defer w.serving.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.worker != w {
		return // it was retired
	}
	e.worker = nil
	if e.closed {
		return
	}
	e.restarts.Add(1)
	e.backOff()
	e.opts.Logger.Error("the Python worker ended; its caches are lost", "reason", w.reason, "next_start_in", e.delay)
}

// retire takes a worker out of service: new calls get another one. It is ended
// once its calls have, or after a while.
func (e *Engine) retire(w *worker) {
	e.mu.Lock()
	if e.worker == w {
		e.worker = nil
	}
	e.mu.Unlock()
	e.done.Go(func() {
		const patience = 30 * time.Second
		end := time.Now().Add(patience)
		for !w.idle() && time.Now().Before(end) && e.run.Err() == nil {
			select {
			case <-w.ended:
			case <-e.run.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
		w.stop(time.Second)
	})
}

// unfit retires a worker with a call that cannot be ended.
func (e *Engine) unfit(w *worker) {
	e.opts.Logger.Error("a plugin's call could not be ended; its worker is replaced and the caches are lost")
	e.retire(w)
}

// perform runs a call in the worker.
func (e *Engine) perform(ctx context.Context, c *call) (outcome, error) {
	if e.dir == "" {
		return outcome{}, ErrNoDir
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.run, func() { cancel(errStopping) })()
	w, err := e.ready(ctx)
	if err != nil {
		return outcome{}, err
	}
	if t := e.opts.Timeout; t > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, t, &timeoutError{t})
		defer end()
	}
	e.calls.Add(1)
	o, err := w.do(ctx, c, e.unfit)
	if err != nil || o.bad {
		e.failures.Add(1)
	}
	if o.traceback != "" {
		e.opts.Logger.Debug("a plugin failed", "key", c.key, "traceback", o.traceback)
	}
	return o, err
}

type timeoutError struct{ limit time.Duration }

func (t *timeoutError) Error() string {
	return "the plugin ran longer than --plugin-timeout (" + t.limit.String() + ") and was stopped"
}

// dropCache forgets what a trigger has cached.
func (e *Engine) dropCache(key string) {
	e.mu.Lock()
	w := e.worker
	e.mu.Unlock()
	if w != nil {
		e.done.Go(func() { _ = w.send(append(appendText([]byte(`{"op":"drop_cache","key":`), key), '}'), nil) })
	}
}

// Stats are counters since the start.
type Stats struct {
	// DroppedBatches are written batches that slow plugins missed.
	DroppedBatches, Calls, Failures, Restarts int64
	// Triggers are those that run, Workers 0 or 1.
	Triggers, Workers int
}

// Stats counts.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Stats{DroppedBatches: e.dropped.Load(), Calls: e.calls.Load(), Failures: e.failures.Load(), Restarts: e.restarts.Load(), Triggers: len(e.runners)}
	if e.worker != nil {
		s.Workers = 1
	}
	return s
}

// Close ends all triggers, cancels running calls and ends the worker, by force
// when ctx ends.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	w := e.worker
	e.closed = true
	e.mu.Unlock()
	if e.dir != "" {
		e.opts.Store.SetFeed(nil)
		e.opts.Store.OnTriggers(func() {})
	}
	e.stop(errStopping)
	if w != nil {
		// Calls get a moment to see that they are cancelled.
		end := time.Now().Add(500 * time.Millisecond)
		for !w.idle() && time.Now().Before(end) && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		w.stop(500 * time.Millisecond)
	}
	e.done.Wait()
	return nil
}
