package upstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	gosync "sync"
	"time"

	"tarn/store"
)

// Manager sends segments to all targets.
type Manager struct {
	store   *store.Store
	node    string
	workers []*worker
	stop    context.CancelFunc
	done    gosync.WaitGroup
}

// DefaultNode is the node name of a server that was given none. Upstream it gets
// a part of the data directory's UUID, so that two of them do not mix.
const DefaultNode = "tarn"

// StoreTargets are the targets of a configuration as the store wants them.
func StoreTargets(c Config) ([]store.SyncTarget, error) {
	targets, err := ParseTargets(c)
	if err != nil {
		return nil, err
	}
	var out []store.SyncTarget
	for _, t := range targets {
		out = append(out, store.SyncTarget{ID: t.ID, Databases: t.Databases, MaxDelay: c.MaxDelay})
	}
	return out, nil
}

// timing is how fast things go; tests go faster.
type timing struct {
	base, most time.Duration // of back-offs
	poll       time.Duration // between looks for new segments
	stall      time.Duration // without a byte sent, a request is given up
}

var defaultTiming = timing{base: time.Second, most: 5 * time.Minute, poll: 5 * time.Second, stall: 2 * time.Minute}

// Start starts to send. The store was opened with StoreTargets of the same
// configuration.
func Start(ctx context.Context, s *store.Store, c Config, logger *slog.Logger) (*Manager, error) {
	pace := defaultTiming
	if c.RetryMin > 0 && c.RetryMax >= c.RetryMin {
		pace.base, pace.most = c.RetryMin, c.RetryMax
	}
	return start(ctx, s, c, logger, pace)
}

func start(ctx context.Context, s *store.Store, c Config, logger *slog.Logger, pace timing) (*Manager, error) {
	targets, err := ParseTargets(c)
	if err != nil {
		return nil, err
	}
	m := &Manager{store: s, node: NodeName(c.Node, s.UUID())}
	limit := newThrottle(c.Bandwidth)
	for _, t := range targets {
		w := &worker{
			store: s, target: t, node: m.node, timing: pace, logger: logger.With("target", t.ID),
			wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), back: backoff{base: pace.base, most: pace.most},
		}
		if w.dest, err = open(t, limit, pace); err != nil {
			return nil, fmt.Errorf("sync target %s: %w", t.URL, err)
		}
		m.workers = append(m.workers, w)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	for _, w := range m.workers {
		m.done.Go(func() { w.run(run) })
	}
	return m, nil
}

// NodeName is the name of a node upstream.
func NodeName(configured, uuid string) string {
	if configured == "" || configured == DefaultNode {
		return DefaultNode + "-" + uuid[:min(8, len(uuid))]
	}
	return configured
}

// destination is where a target's segments go: a bucket, or a server that takes
// lines.
type destination struct {
	bucket bucket
	lines  *lineServer
}

// open makes a target's destination. It sends nothing yet.
func open(t *Target, limit *throttle, pace timing) (destination, error) {
	tr, err := newTransport(t, pace)
	if err != nil {
		return destination{}, err
	}
	switch t.Kind {
	case File:
		return destination{bucket: &dirBucket{root: t.Dir, limit: limit}}, nil
	case S3:
		b, err := newS3Bucket(t, tr, limit)
		return destination{bucket: b}, err
	case HTTP:
		l, err := newLineServer(t, tr, limit)
		return destination{lines: l}, err
	}
	return destination{}, fmt.Errorf("BUG: target of kind %q", t.Kind)
}

// Stop ends sending. What was under way goes on at the next start.
func (m *Manager) Stop(ctx context.Context) error {
	m.stop()
	ended := make(chan struct{})
	go func() {
		m.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop upstream sync: %w", ctx.Err())
	}
}

// Node is this server's name upstream.
func (m *Manager) Node() string { return m.node }

// Status is the state of all targets.
func (m *Manager) Status() Status {
	s := Status{Node: m.node, Targets: []TargetStatus{}, Former: m.store.FormerSyncTargets()}
	if s.Former == nil {
		s.Former = []string{}
	}
	for _, w := range m.workers {
		s.Targets = append(s.Targets, w.status())
	}
	return s
}

// chosen are the workers of a target, or all for "".
func (m *Manager) chosen(target string) ([]*worker, error) {
	if target == "" {
		return m.workers, nil
	}
	for _, w := range m.workers {
		if w.target.ID == target {
			return []*worker{w}, nil
		}
	}
	return nil, fmt.Errorf("sync target %q: %w", target, store.ErrNotFound)
}

// Now writes what is buffered to segments, and lets all go that wait for their
// day to end or for a back-off, parked ones too.
func (m *Manager) Now(ctx context.Context, target string) error {
	workers, err := m.chosen(target)
	if err != nil || len(workers) == 0 {
		return err
	}
	if err := m.store.Checkpoint(ctx); err != nil {
		return err
	}
	for _, w := range workers {
		err = errors.Join(err, w.hurry(ctx))
	}
	return err
}

// Pause stops sending to a target, or all, until Resume, across restarts.
func (m *Manager) Pause(ctx context.Context, target string) error { return m.pause(ctx, target, true) }

// Resume ends Pause.
func (m *Manager) Resume(ctx context.Context, target string) error {
	return m.pause(ctx, target, false)
}

func (m *Manager) pause(ctx context.Context, target string, paused bool) error {
	workers, err := m.chosen(target)
	for _, w := range workers {
		err = errors.Join(err, m.store.PauseSync(ctx, w.target.ID, paused))
		if paused {
			w.stopCurrent()
		}
		w.nudge()
	}
	return err
}

// Forget forgets a target that is not configured any more.
func (m *Manager) Forget(ctx context.Context, target string) error {
	return m.store.ForgetSync(ctx, target)
}
