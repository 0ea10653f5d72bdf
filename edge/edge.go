package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/api/influx"
	"tarn/edge/api/prometheus"
	"tarn/edge/api/syncapi"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/spill"
	"tarn/edge/route"
	"tarn/edge/server"
	"tarn/store"
	"tarn/store/vfs"
	upstream "tarn/sync"
)

// Appliance is a running server.
type Appliance struct {
	config   Config
	logger   *slog.Logger
	store    *store.Store
	server   *server.Server
	recovery *server.Server
	routes   []route.Route
	sync     *upstream.Manager
}

// Start opens the data directory and serves. The server is ready when Start
// returns.
func Start(ctx context.Context, c Config, logger *slog.Logger) (_ *Appliance, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	began := time.Now()
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
			if a.sync != nil {
				err = errors.Join(err, a.sync.Stop(context.WithoutCancel(ctx)))
			}
			err = errors.Join(err, a.store.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := a.installToken(ctx); err != nil {
		return nil, err
	}
	if a.sync, err = upstream.Start(ctx, a.store, c.upstream(), logger); err != nil {
		return nil, err
	}
	if err := a.listen(memory); err != nil {
		return nil, err
	}
	r := a.store.Recovery()
	logger.Info("ready", "address", a.Addr().String(), "data_dir", c.DataDir, "memory_limit", memory.limit,
		"segments", r.Segments, "replayed_rows", r.Rows, "took", time.Since(began).Round(time.Millisecond))
	return a, nil
}

func (a *Appliance) listen(memory budget) error {
	exempt, err := a.config.exemptions()
	if err != nil {
		return err
	}
	minTLS, err := a.config.minTLS()
	if err != nil {
		return err
	}
	authenticator := &auth.Authenticator{Tokens: a.store.Tokens(), Disabled: a.config.WithoutAuth, Exempt: exempt}
	m := newMetrics(a.store)
	temporary, err := a.spill()
	if err != nil {
		return err
	}
	m.registry.MustRegister(syncCollector{a.sync})
	process := uuid.NewString()
	api := &influx.API{
		Store: a.store, Writer: ingest.NewWriter(a.store, time.Now), Auth: authenticator, Logger: a.logger, Now: time.Now,
		Query: query.New(Provider{a.store}, query.Options{
			MemoryLimit: memory.query, Spill: temporary, MaxConcurrent: a.config.QueryConcurrency, Timeout: a.config.QueryTimeout,
			LogSize: a.config.QueryLogSize, Logger: a.logger, System: system{a.store, a.config.WithoutAuth, a.config.NodeID, process, time.Now(), a.sync},
			Caches: caches{a.store},
		}),
		Build:   influx.Build{Version: a.config.Version, Revision: a.config.Revision, ProcessID: process},
		MaxBody: a.config.MaxRequestSize, Metrics: m.handler(), FirstTokenFrom: loopback,
	}
	a.routes = api.Routes()
	door := &gate.Gate{Store: a.store, Auth: authenticator, Logger: a.logger, MaxBody: a.config.MaxRequestSize}
	native := &greptime.API{Gate: door, Store: a.store, Writer: api.Writer,
		Statements: &statement.Runner{Store: a.store, Query: api.Query, Writer: api.Writer, PromQL: promQL{api.Query}, Now: time.Now, Version: a.config.Version, Revision: a.config.Revision}}
	level := a.config.LogLevel
	if level == nil {
		level = new(slog.LevelVar)
	}
	native.Server = greptime.Server{Version: a.config.Version, Revision: a.config.Revision, Level: level, NoProfiles: a.config.DisablePprof, Local: loopback,
		Config: func() ([]byte, error) { return a.config.shownConfig(memory, strings.ToLower(level.Level().String())) }}
	a.routes = append(shareHealth(a.routes, greptime.Family, native.Health), native.Routes()...)
	a.routes = append(a.routes, a.telemetry(door, api.Writer, m)...)
	prom := &prometheus.API{Gate: door, Writer: api.Writer, Query: api.Query, Version: a.config.Version, Revision: a.config.Revision, Now: time.Now}
	a.routes = append(a.routes, prom.Routes()...)
	a.routes = append(a.routes, (&syncapi.API{Sync: a.sync}).Routes()...)
	options := server.Options{Routes: a.routes, Auth: authenticator, ClusterUUID: a.store.UUID(), Logger: a.logger, Observe: m.observe, Deny: influx.Fail,
		Guards: map[string]server.Guard{gate.Prefix: door}}
	listen := server.ListenOptions{Addr: a.config.HTTPBind, CertFile: a.config.TLSCert, KeyFile: a.config.TLSKey, MinTLS: minTLS, Logger: a.logger}
	if a.server, err = server.Start(server.NewHandler(options), listen); err != nil {
		return err
	}
	if a.config.RecoveryBind == "" {
		return nil
	}
	// The recovery listener ends with the first token that it hands out.
	replaced, done := context.WithCancel(context.Background())
	options.Routes = api.RecoveryRoutes(done)
	options.Auth = &auth.Authenticator{Tokens: a.store.Tokens(), Disabled: true}
	listen.Addr = a.config.RecoveryBind
	if a.recovery, err = server.Start(server.NewHandler(options), listen); err != nil {
		return errors.Join(err, a.server.Stop(context.Background()))
	}
	recovery := a.recovery
	context.AfterFunc(replaced, func() {
		a.logger.Info("admin token regenerated; the recovery listener stops")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := recovery.Stop(ctx); err != nil {
			a.logger.Warn("recovery listener", "error", err)
		}
	})
	return nil
}

// spill opens the folder for the temporary files of queries, nil when there are
// to be none. The store holds the data directory's lock.
func (a *Appliance) spill() (*spill.Space, error) {
	dir := a.config.DataDir + "/tmp"
	space, err := spill.Open(vfs.OS(), dir, spill.Options{Limit: a.config.MaxSpillBytes, Reserve: a.store.ReserveDisk})
	if err != nil || a.config.MaxSpillBytes == 0 {
		return nil, err
	}
	return space, nil
}

// loopback says whether a request comes from this machine.
func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// tokenFile is the content of --admin-token-file (spec section 1.6).
type tokenFile struct {
	Token       string  `json:"token"`
	Name        string  `json:"name"`
	Expiry      *int64  `json:"expiry_millis"`
	Description *string `json:"description"`
}

// installToken stores the token of --admin-token-file unless one of its name
// exists.
func (a *Appliance) installToken(ctx context.Context) error {
	path := a.config.AdminTokenFile
	if path == "" || a.config.WithoutAuth {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("--admin-token-file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		a.logger.Warn("the admin token file can be read by others", "path", path, "mode", info.Mode().Perm().String())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--admin-token-file: %w", err)
	}
	var f tokenFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("--admin-token-file %s: %w", path, err)
	}
	if !strings.HasPrefix(f.Token, store.TokenPrefix) {
		return fmt.Errorf("--admin-token-file %s: the token must start with %s", path, store.TokenPrefix)
	}
	if f.Name == "" {
		f.Name = store.AdminToken
	}
	var expires time.Time
	if f.Expiry != nil {
		expires = time.UnixMilli(*f.Expiry)
	}
	description := ""
	if f.Description != nil {
		description = *f.Description
	}
	_, err = a.store.Tokens().Add(ctx, f.Name, f.Token, expires, description, -1)
	var exists *store.TokenExistsError
	if errors.As(err, &exists) {
		return nil
	}
	return err
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
	var errs []error
	if a.recovery != nil {
		errs = append(errs, a.recovery.Stop(grace))
	}
	errs = append(errs, a.server.Stop(grace), a.sync.Stop(ctx), a.store.Close(ctx))
	return errors.Join(errs...)
}
