// Package influx serves the HTTP API of InfluxDB 3 Core 3.7 the v1 and v2
// write endpoints, and v1's /query (spec/influxdb3-http-api.md).
package influx

import (
	"log/slog"
	"net/http"
	"time"

	"tarn/edge/auth"
	"tarn/edge/engine"
	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/route"
	"tarn/store"
)

// Family names this package's routes.
const Family = "influxdb"

// Build is what /ping and its headers say of this server.
type Build struct {
	// Version begins with "3." because clients recognise InfluxDB by it.
	Version, Revision string
	// ProcessID is a UUID made at start.
	ProcessID string
}

// API serves the endpoints.
type API struct {
	Store  *store.Store
	Writer *ingest.Writer
	Query  *query.Engine
	Engine *engine.Engine
	Auth   *auth.Authenticator
	Build  Build
	Logger *slog.Logger
	Now    func() time.Time
	// MaxBody bounds a request's body, as it comes and as it is decompressed.
	MaxBody int64
	// Metrics answers GET /metrics.
	Metrics http.Handler
	// FirstTokenFrom says whether a request may create the first operator
	// token without having one.
	FirstTokenFrom func(*http.Request) bool
}

// Routes lists the endpoints.
func (a *API) Routes() []route.Route {
	var rs []route.Route
	add := func(method, path string, need auth.Need, h http.HandlerFunc) {
		rs = append(rs, route.Route{Method: method, Path: path, Family: Family, Auth: need, Handle: h})
	}
	add("POST", "/write", auth.TokenOrQuery, a.writeV1)
	add("POST", "/write/", auth.TokenOrQuery, a.writeV1)
	add("POST", "/api/v2/write", auth.Token, a.writeV2)
	add("POST", "/api/v3/write_lp", auth.Token, a.writeV3)

	add("GET", "/api/v3/query_sql", auth.Token, a.queryGet(query.SQL))
	add("POST", "/api/v3/query_sql", auth.Token, a.queryPost(query.SQL))
	add("GET", "/api/v3/query_influxql", auth.Token, a.queryGet(query.InfluxQL))
	add("POST", "/api/v3/query_influxql", auth.Token, a.queryPost(query.InfluxQL))
	for _, path := range []string{"/query", "/query/"} {
		add("GET", path, auth.TokenOrQuery, a.queryV1)
		add("POST", path, auth.TokenOrQuery, a.queryV1)
	}

	add("GET", "/health", auth.Health, a.health)
	add("HEAD", "/health", auth.Health, a.health)
	add("GET", "/api/v1/health", auth.Health, a.health)
	add("GET", "/ping", auth.Ping, a.ping)
	add("HEAD", "/ping", auth.Ping, a.ping)
	add("POST", "/ping", auth.Ping, a.ping)
	add("GET", "/metrics", auth.Metrics, a.Metrics.ServeHTTP)

	const configure = "/api/v3/configure"
	add("GET", configure+"/database", auth.Token, a.listDatabases)
	add("POST", configure+"/database", auth.Token, a.createDatabase)
	add("PUT", configure+"/database", auth.Token, a.updateDatabase)
	add("DELETE", configure+"/database", auth.Token, a.deleteDatabase)
	add("POST", configure+"/database/retention_period", auth.Token, a.setRetention)
	add("DELETE", configure+"/database/retention_period", auth.Token, a.clearRetention)
	add("POST", configure+"/table", auth.Token, a.createTable)
	add("PUT", configure+"/table", auth.Token, a.updateTable)
	add("DELETE", configure+"/table", auth.Token, a.deleteTable)
	add("POST", configure+"/distinct_cache", auth.Token, a.createDistinctCache)
	add("DELETE", configure+"/distinct_cache", auth.Token, a.deleteDistinctCache)
	add("POST", configure+"/last_cache", auth.Token, a.createLastCache)
	add("DELETE", configure+"/last_cache", auth.Token, a.deleteLastCache)
	add("POST", configure+"/token/admin", auth.Open, a.createAdminToken)
	add("POST", configure+"/token/admin/regenerate", auth.Token, a.regenerateAdminToken)
	add("POST", configure+"/token/named_admin", auth.Token, a.createNamedToken)
	add("DELETE", configure+"/token", auth.Token, a.deleteToken)

	const trigger = configure + "/processing_engine_trigger"
	add("POST", trigger, auth.Token, a.createTrigger)
	add("DELETE", trigger, auth.Token, a.deleteTrigger)
	add("POST", trigger+"/enable", auth.Token, a.switchTrigger(false))
	add("POST", trigger+"/disable", auth.Token, a.switchTrigger(true))
	add("POST", configure+"/plugin_environment/install_packages", auth.Token, a.installPackages)
	add("POST", configure+"/plugin_environment/install_requirements", auth.Token, a.installRequirements)
	add("POST", "/api/v3/plugin_test/wal", auth.Token, a.testWrites)
	add("POST", "/api/v3/plugin_test/schedule", auth.Token, a.testSchedule)
	add("GET", enginePath+"*path", auth.Token, a.engineRequest)
	add("POST", enginePath+"*path", auth.Token, a.engineRequest)
	add("POST", "/api/v3/plugins/files", auth.Token, a.writePlugin(false))
	add("PUT", "/api/v3/plugins/files", auth.Token, a.writePlugin(true))
	add("PUT", "/api/v3/plugins/directory", auth.Token, a.replaceDirectory)
	return rs
}

// RecoveryRoutes are what the token recovery listener serves, to anyone who
// reaches it (spec section 1.6). done is called after the token was replaced.
func (a *API) RecoveryRoutes(done func()) []route.Route {
	return []route.Route{{Method: "POST", Path: "/api/v3/configure/token/admin/regenerate", Family: Family, Auth: auth.Open,
		Handle: func(w http.ResponseWriter, r *http.Request) {
			if a.regenerate(w, r) {
				done()
			}
		}}}
}
