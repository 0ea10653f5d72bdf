package edge

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/google/uuid"

	"tarn/edge/engine"
	"tarn/edge/route"
	"tarn/edge/server"
	"tarn/store"
	upstream "tarn/sync"
)

// Appliance is a running server.
type Appliance struct {
	config   Config
	logger   *slog.Logger
	store    *store.Store
	server   *server.Server
	recovery *server.Server
	engine   *engine.Engine
	routes   []route.Route
	monitor  *monitor
	// quiet ends what runs in the background.
	quiet context.CancelFunc
	sync  *upstream.Manager
}

// Start opens the data directory and serves. The server is ready when Start
// returns.
func Start(ctx context.Context, c Config, logger *slog.Logger) (_ *Appliance, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	began := time.Now()
	kept := newProblems(logger.Handler())
	logger = slog.New(kept)
	a := &Appliance{config: c, logger: logger}
	memory := newBudget(c.MemoryLimit)
	memory.apply()
	targets, err := upstream.StoreTargets(c.upstream())
	if err != nil {
		return nil, err
	}
	a.store, err = store.Open(ctx, store.Options{
		Dir: c.DataDir, NodeID: c.NodeID, Earliest: BuiltAt(), Logger: logger, BufferBytes: memory.buffer, CacheBytes: int(memory.cache),
		WALSyncRate: c.WALSyncRate, FlushAge: c.FlushAge, SegmentBytes: c.SegmentSize,
		CompactRate: c.CompactRate, MaxDiskBytes: c.MaxDiskBytes, EvictOldest: c.EvictOldest,
		Limits:            store.Limits{Databases: c.MaxDatabases, Tables: c.MaxTables, Columns: c.MaxColumns},
		RetentionInterval: c.RetentionInterval, HardDeleteDefault: c.HardDeleteDefault,
		ValueCacheBytes: memory.values, LastCacheEviction: c.LastCacheEviction, DistinctCacheEviction: c.DistinctCacheEviction,
		SyncTargets: targets,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			if a.engine != nil {
				err = errors.Join(err, a.engine.Close(context.WithoutCancel(ctx)))
			}
			if a.sync != nil {
				err = errors.Join(err, a.sync.Stop(context.WithoutCancel(ctx)))
			}
			err = errors.Join(err, a.store.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := a.installToken(ctx); err != nil {
		return nil, err
	}
	a.monitor = &monitor{config: c, store: a.store, memory: memory.limit, process: uuid.NewString(), started: began, problems: kept.ring, now: time.Now}
	if a.sync, err = upstream.Start(ctx, a.store, c.upstream(), logger); err != nil {
		return nil, err
	}
	a.monitor.sync = a.sync
	shared, err := a.share(memory)
	if err != nil {
		return nil, err
	}
	a.routes = a.families(shared)
	if err := a.listen(shared); err != nil {
		return nil, err
	}
	background, quiet := context.WithCancel(context.WithoutCancel(ctx))
	a.quiet = quiet
	go a.monitor.run(background)
	r := a.store.Recovery()
	logger.Info("ready", "address", a.Addr().String(), "data_dir", c.DataDir, "memory_limit", memory.limit,
		"segments", r.Segments, "replayed_rows", r.Rows, "took", time.Since(began).Round(time.Millisecond))
	return a, nil
}

// Addr is where the API is served.
func (a *Appliance) Addr() net.Addr { return a.server.Addr() }

// Routes is the route table.
func (a *Appliance) Routes() []route.Route { return a.routes }

// Failed yields the error of a listener that stopped by itself.
func (a *Appliance) Failed() <-chan error { return a.server.Failed() }

// Stop ends serving, writes what is buffered, and closes the data directory,
// within the configured time.
func (a *Appliance) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.config.ShutdownTimeout)
	defer cancel()
	// Half of the time for clients, the rest for the checkpoint.
	grace, end := context.WithTimeout(ctx, a.config.ShutdownTimeout/2)
	defer end()
	a.quiet()
	var errs []error
	if a.recovery != nil {
		errs = append(errs, a.recovery.Stop(grace))
	}
	// First, so that requests that wait for plugins end.
	errs = append(errs, a.engine.Close(grace), a.server.Stop(grace), a.sync.Stop(ctx), a.store.Close(ctx))
	return errors.Join(errs...)
}
