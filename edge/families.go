package edge

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"tarn/edge/api/dataapi"
	"tarn/edge/api/gate"
	"tarn/edge/api/greptime"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/api/influx"
	"tarn/edge/api/page"
	"tarn/edge/api/prometheus"
	"tarn/edge/api/syncapi"
	"tarn/edge/auth"
	"tarn/edge/engine"
	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/spill"
	"tarn/edge/route"
	"tarn/store/vfs"
	"tarn/web"
)

// shared is what the protocol families have in common.
type shared struct {
	memory  budget
	metrics *metrics
	auth    *auth.Authenticator
	gate    *gate.Gate
	writer  *ingest.Writer
	query   *query.Engine
	level   *slog.LevelVar
	page    *web.Page
	// influx is also what answers on the recovery listener.
	influx *influx.API
}

// share makes what the families have in common, and starts the processing
// engine, which queries and writes as they do.
func (a *Appliance) share(memory budget) (*shared, error) {
	exempt, err := a.config.exemptions()
	if err != nil {
		return nil, err
	}
	temporary, err := a.spill()
	if err != nil {
		return nil, err
	}
	files, err := web.New()
	if err != nil {
		return nil, err
	}
	c := &shared{memory: memory, page: files, metrics: newMetrics(a.store), level: a.config.LogLevel, writer: ingest.NewWriter(a.store, time.Now),
		auth: &auth.Authenticator{Tokens: a.store.Tokens(), Disabled: a.config.WithoutAuth, Exempt: exempt}}
	if c.level == nil {
		c.level = new(slog.LevelVar)
	}
	c.writer.LimitLarge(memory.large)
	c.writer.LimitHuge(memory.huge)
	c.writer.LimitRows(memory.rows)
	c.gate = &gate.Gate{Store: a.store, Auth: c.auth, Logger: a.logger, MaxBody: a.config.MaxRequestSize}
	logs := &engine.Logs{}
	c.query = query.New(Provider{a.store}, query.Options{
		MemoryLimit: memory.query, Spill: temporary, MaxConcurrent: a.config.QueryConcurrency, Timeout: a.config.QueryTimeout,
		LogSize: a.config.QueryLogSize, Logger: a.logger, Caches: caches{a.store},
		System: system{a.store, a.config.WithoutAuth, a.config.NodeID, a.monitor.process, time.Now(), a.sync, logs, func() *engine.Engine { return a.engine }},
	})
	if a.engine, err = a.startEngine(c, logs); err != nil {
		return nil, err
	}
	c.metrics.registry.MustRegister(syncCollector{a.sync}, pluginCollector{a.engine})
	c.influx = &influx.API{
		Store: a.store, Writer: c.writer, Auth: c.auth, Logger: a.logger, Now: time.Now, Query: c.query, Engine: a.engine,
		Build:   influx.Build{Version: a.config.Version, Revision: a.config.Revision, ProcessID: a.monitor.process},
		MaxBody: a.config.MaxRequestSize, Metrics: c.metrics.handler(), FirstTokenFrom: loopback,
	}
	return c, nil
}

// families lists the routes of every protocol.
func (a *Appliance) families(c *shared) []route.Route {
	native := a.greptime(c)
	return slices.Concat(
		shareHealth(c.influx.Routes(), greptime.Family, native.Health),
		(&page.API{Page: c.page, Status: a.monitor.status, Pipelines: a.store.Pipelines().List}).Routes(),
		native.Routes(),
		a.telemetry(c),
		(&prometheus.API{Gate: c.gate, Writer: c.writer, Query: c.query, Known: ingest.NewKnown(c.memory.known), Version: a.config.Version, Revision: a.config.Revision, Now: time.Now}).Routes(),
		(&syncapi.API{Sync: a.sync}).Routes(),
		(&dataapi.API{Store: a.store, Logger: a.logger}).Routes(),
	)
}

func (a *Appliance) greptime(c *shared) *greptime.API {
	return &greptime.API{
		Gate: c.gate, Store: a.store, Writer: c.writer, Engine: a.engine,
		Statements: &statement.Runner{Store: a.store, Query: c.query, Writer: c.writer, PromQL: promQL{c.query}, Now: time.Now,
			Version: a.config.Version, Revision: a.config.Revision},
		Server: greptime.Server{Version: a.config.Version, Revision: a.config.Revision, Level: c.level, NoProfiles: a.config.DisablePprof, Local: loopback,
			Config: func() ([]byte, error) {
				return a.config.shownConfig(c.memory, strings.ToLower(c.level.Level().String()))
			}},
	}
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
