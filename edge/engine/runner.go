package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tarn/store"
)

// Ways to go on after an error.
const (
	onLog     = "log"
	onRetry   = "retry"
	onDisable = "disable"
)

type runnerKey struct {
	database uint32
	name     string
}

// runner runs one enabled trigger.
type runner struct {
	engine  *Engine
	trigger store.Trigger
	spec    Spec
	key     string
	ctx     context.Context
	stop    context.CancelCauseFunc
	slots   chan struct{} // of running calls
	waiting atomic.Int32  // requests that run or wait for a slot

	fetching sync.Mutex
	fetched  *code // of a plugin of the repository
	queue    queue
}

// reconcile starts and stops triggers so that those run that the catalog has
// enabled.
func (e *Engine) reconcile() {
	e.reconciling.Lock()
	defer e.reconciling.Unlock()
	if e.dir == "" || e.run.Err() != nil {
		return
	}
	wanted := map[runnerKey]store.Trigger{}
	var order []runnerKey
	for _, t := range e.opts.Store.Triggers("") {
		if !t.Disabled {
			k := runnerKey{t.DatabaseID, t.Name}
			wanted[k] = t
			order = append(order, k)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for k, r := range e.runners {
		if t, ok := wanted[k]; !ok || t.CreatedAt != r.trigger.CreatedAt {
			r.stop(errStopping)
			delete(e.runners, k)
			e.unroute(r)
			key := r.key
			e.done.Go(func() { e.dropCache(key) })
		}
	}
	wal := false
	for _, k := range order {
		if e.runners[k] == nil {
			e.startRunner(k, wanted[k])
		}
	}
	for _, r := range e.runners {
		wal = wal || r.spec.kind == kindWAL
	}
	e.feed.wants(e.runners)
	if wal {
		e.opts.Store.SetFeed(&e.feed)
	} else {
		e.opts.Store.SetFeed(nil)
	}
}

// startRunner starts a trigger. The caller holds mu.
func (e *Engine) startRunner(k runnerKey, t store.Trigger) {
	spec, err := ParseSpec(t.Specification)
	if err == nil {
		err = e.allowed(spec)
	}
	if err != nil {
		e.opts.Logger.Error("failed to start trigger; continuing in degraded state", "trigger", t.Name, "database", t.Database, "error", err)
		return
	}
	r := &runner{engine: e, trigger: t, spec: spec, key: fmt.Sprintf("%d\x00%s", t.DatabaseID, t.Name)}
	r.ctx, r.stop = context.WithCancelCause(e.run)
	n := 1
	if t.Async {
		n = e.opts.Concurrency
	}
	r.slots = make(chan struct{}, n)
	e.runners[k] = r
	switch spec.kind {
	case kindWAL:
		r.queue.init(e.opts.QueueBytes, &e.queued)
		e.done.Go(r.runWrites)
	case kindSchedule:
		e.done.Go(r.runSchedule)
	case kindRequest:
		if len(e.routes[spec.path]) > 0 {
			e.opts.Logger.Warn("several triggers have this request path; the newest gets the requests", "path", spec.path, "trigger", t.Name)
		}
		e.routes[spec.path] = append(e.routes[spec.path], r)
	}
}

func (e *Engine) unroute(r *runner) {
	list := slices.DeleteFunc(e.routes[r.spec.path], func(o *runner) bool { return o == r })
	if len(list) == 0 {
		delete(e.routes, r.spec.path)
	} else {
		e.routes[r.spec.path] = list
	}
}

// log adds a row to the log of the trigger.
func (r *runner) log(level, text string) {
	e := r.engine
	e.opts.Logs.add(LogRow{At: e.opts.Now(), Database: r.trigger.Database, Trigger: r.trigger.Name, Level: level, Text: text})
	switch level {
	case levelError:
		e.opts.Logger.Error("plugin", "trigger", r.trigger.Name, "text", text)
	case levelWarn:
		e.opts.Logger.Warn("plugin", "trigger", r.trigger.Name, "text", text)
	default:
		e.opts.Logger.Debug("plugin", "trigger", r.trigger.Name, "text", text)
	}
}

// invoke runs the plugin once, with its log rows and its queued writes.
func (r *runner) invoke(ctx context.Context, c *call) (outcome, error) {
	c.key, c.database, c.args, c.log, c.host = r.key, r.trigger.Database, r.trigger.Arguments, r.log, live{r.engine}
	code, err := r.load(ctx)
	if err != nil {
		return outcome{}, err
	}
	c.code = code
	r.log(levelInfo, starting(c))
	began := time.Now()
	o, err := r.engine.perform(ctx, c)
	if err != nil {
		return o, err
	}
	if o.bad {
		return o, errors.New(o.failed)
	}
	r.writeBack(ctx, c.kind, o.writes)
	r.log(levelInfo, "finished execution in "+humanTime(time.Since(began)))
	return o, nil
}

// load reads the plugin if it has changed. One of the repository is fetched once,
// when the trigger runs first.
func (r *runner) load(ctx context.Context) (*code, error) {
	if !strings.HasPrefix(r.trigger.Plugin, "gh:") {
		return r.engine.load(ctx, r.trigger.Plugin)
	}
	r.fetching.Lock()
	defer r.fetching.Unlock()
	if r.fetched == nil {
		code, err := r.engine.load(ctx, r.trigger.Plugin)
		if err != nil {
			return nil, err
		}
		r.fetched = code
	}
	return r.fetched, nil
}

func starting(c *call) string {
	if c.kind == kindSchedule {
		return "starting execution with scheduled time " + time.Unix(c.time, 0).UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return "starting execution of " + string(c.kind) + " plugin."
}

// writeBack writes what the plugin queued, for each database all or nothing.
func (r *runner) writeBack(ctx context.Context, k kind, writes []write) {
	for _, db := range databasesOf(writes, r.trigger.Database) {
		if err := store.CheckDatabaseName(db.name); err != nil {
			r.log(levelError, "error running "+string(k)+" plugin: invalid database name: "+db.name)
			continue
		}
		if err := r.engine.writeLines(ctx, db.name, strings.Join(db.lines, "\n"), false); err != nil {
			r.log(levelError, fmt.Sprintf("error running %s plugin: error writing back lines to %s: %s", k, db.name, err))
		}
	}
}

type databaseWrites struct {
	name  string
	lines []string
}

func databasesOf(writes []write, own string) []databaseWrites {
	var out []databaseWrites
	for _, w := range writes {
		name := w.database
		if name == "" {
			name = own
		}
		i := slices.IndexFunc(out, func(d databaseWrites) bool { return d.name == name })
		if i < 0 {
			out = append(out, databaseWrites{name: name})
			i = len(out) - 1
		}
		out[i].lines = append(out[i].lines, w.line)
	}
	return out
}

// maxAsyncRetries is how often an overlapping call is tried again.
const maxAsyncRetries = 5

// attempt runs a call with the trigger's way of handling errors. A call that
// ends because the worker does is run again unless it was the only one.
func (r *runner) attempt(c *call) {
	wait, others := time.Duration(0), 0
	for try := 1; ; try++ {
		_, err := r.invoke(r.ctx, c)
		if err == nil || r.ctx.Err() != nil {
			return
		}
		r.log(levelError, "error executing "+string(c.kind)+" plugin: "+err.Error())
		if c.kind == kindSchedule {
			if r.trigger.Async {
				r.log(levelError, "error running async scheduled plugin: "+err.Error())
			} else {
				r.log(levelError, "error running scheduled plugin: "+err.Error())
			}
		}
		if r.crashed(err) {
			return
		}
		var gone *workerGone
		switch {
		case errors.As(err, &gone) && !gone.alone && others < maxAsyncRetries:
			others++ // another plugin may have done it
		case r.trigger.OnError == onDisable:
			r.disable()
			return
		case r.trigger.OnError == onLog:
			return
		}
		if r.trigger.Async && try > maxAsyncRetries {
			return
		}
		r.log(levelWarn, fmt.Sprintf("trying again in %s", wait))
		select {
		case <-r.ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = min(max(2*wait, 100*time.Millisecond), 10*time.Second)
	}
}

// Crashes of the worker after which a trigger is switched off.
const (
	mostCrashes = 5
	crashSpan   = 10 * time.Minute
)

// crashed counts ends of the worker while the trigger's call was the only one,
// and disables a trigger that keeps ending it.
func (r *runner) crashed(err error) bool {
	var gone *workerGone
	if !errors.As(err, &gone) || !gone.alone {
		return false
	}
	e, k, now := r.engine, runnerKey{r.trigger.DatabaseID, r.trigger.Name}, time.Now()
	e.mu.Lock()
	list := slices.DeleteFunc(append(e.crashes[k], now), func(t time.Time) bool { return now.Sub(t) > crashSpan })
	e.crashes[k] = list
	e.mu.Unlock()
	if len(list) < mostCrashes {
		return false
	}
	r.log(levelError, fmt.Sprintf("the worker ended %d times while this trigger ran: it is disabled", len(list)))
	r.disable()
	return true
}

// disable switches the trigger off in the catalog.
func (r *runner) disable() {
	if err := r.engine.opts.Store.SetTriggerDisabled(r.engine.run, r.trigger.Database, r.trigger.Name, true); err != nil && r.ctx.Err() == nil {
		r.log(levelError, "cannot disable the trigger: "+err.Error())
	}
}

// start runs fn in one of the trigger's slots: at once if it is asynchronous and
// a slot is free, else when the call before has ended.
func (r *runner) start(fn func()) {
	select {
	case r.slots <- struct{}{}:
	case <-r.ctx.Done():
		return
	}
	if !r.trigger.Async {
		defer func() { <-r.slots }()
		fn()
		return
	}
	r.engine.done.Go(func() {
		defer func() { <-r.slots }()
		fn()
	})
}

// mostBehind is how many fire times a schedule runs late before it skips.
const mostBehind = 60

// clockCheck is how often a schedule that waits looks at the clock, which may be
// set.
const clockCheck = 30 * time.Second

// runSchedule runs the plugin at its times.
func (r *runner) runSchedule() {
	now := r.engine.opts.Now
	next := r.spec.next(now().UTC())
	for !next.IsZero() {
		if wait := next.Sub(now()); wait > 0 {
			timer := time.NewTimer(min(wait, clockCheck))
			select {
			case <-r.ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			next = r.spec.soonest(next, now().UTC())
			continue
		}
		at := next
		r.start(func() { r.attempt(&call{kind: kindSchedule, time: at.Unix()}) })
		if r.ctx.Err() != nil {
			return
		}
		var skipped bool
		if next, skipped = r.spec.following(at, now().UTC()); skipped {
			r.log(levelWarn, fmt.Sprintf("more than %d scheduled runs were skipped: the plugin is too slow, or the clock was set", mostBehind))
		}
	}
}

// soonest is when a schedule that waits for a time fires: earlier, if the clock
// was set back.
func (s Spec) soonest(next, now time.Time) time.Time {
	if t := s.next(now); next.After(now) && t.Before(next) {
		return t
	}
	return next
}

// following is the fire time after one that has run. Missed ones are made up
// for, each with its own time, unless there are too many: then all are skipped
// but the newest.
func (s Spec) following(at, now time.Time) (next time.Time, skipped bool) {
	next = s.next(at)
	t := next
	for range mostBehind {
		if t = s.next(t); t.IsZero() || !t.Before(now) {
			return next, false
		}
	}
	if s.every > 0 {
		return s.next(now.Add(-s.every)), true
	}
	return s.next(now), true // the newest before now is not known
}

// runWrites runs the plugin on what is written.
func (r *runner) runWrites() {
	defer r.queue.end()
	for {
		b, ok := r.queue.take(r.ctx)
		if !ok {
			return
		}
		r.start(func() { r.attempt(&call{kind: kindWAL, tables: b.tables}) })
	}
}

// humanTime is a duration as the reference logs it.
func humanTime(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1}} {
		if n := d / u.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
			d -= n * u.size
		}
	}
	if len(parts) == 0 {
		return "0s"
	}
	return strings.Join(parts, " ")
}
