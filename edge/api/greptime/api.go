// Package greptime serves GreptimeDB's own HTTP API: SQL, its aliases of
// InfluxDB's write endpoints, and administration
// (spec/greptimedb-http-api.md sections 1 to 3).
package greptime

import (
	"net/http"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/auth"
	"tarn/edge/engine"
	"tarn/edge/ingest"
	"tarn/edge/route"
	"tarn/store"
)

// Family names this package's routes.
const Family = "greptimedb"

// API serves the endpoints.
type API struct {
	*gate.Gate
	Store  *store.Store
	Writer *ingest.Writer
	Server Server
	// Engine runs scripts.
	Engine *engine.Engine
	// Statements run SQL.
	Statements *statement.Runner
}

// Routes lists the endpoints.
func (a *API) Routes() []route.Route {
	var rs []route.Route
	add := func(method, path string, need auth.Need, h http.HandlerFunc) {
		rs = append(rs, route.Route{Method: method, Path: path, Family: Family, Auth: need, Handle: h})
	}
	const influx = "/v1/influxdb"
	add("POST", influx+"/write", auth.Token, a.writeLines("db"))
	add("POST", influx+"/api/v2/write", auth.Token, a.writeLines("db", "bucket"))
	add("GET", influx+"/ping", auth.Open, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	add("GET", influx+"/health", auth.Open, a.influxHealth)

	add("POST", "/v1/scripts", auth.Token, a.saveScript)
	add("DELETE", "/v1/scripts", auth.Token, a.deleteScript)
	add("POST", "/v1/run-script", auth.Token, a.runScript)

	add("GET", "/status", auth.Ping, a.status)
	add("GET", "/config", auth.Token, a.config)
	add("POST", "/debug/log_level", auth.Token, a.guarded(a.logLevel))
	for _, method := range []string{"GET", "POST"} {
		add(method, "/debug/prof/cpu", auth.Token, a.guarded(a.cpuProfile))
		add(method, "/debug/prof/mem", auth.Token, a.guarded(a.memoryProfile))
		if a.Server.Page != nil {
			add(method, "/dashboard", auth.Open, a.dashboard)
			add(method, "/dashboard/*path", auth.Open, http.StripPrefix("/dashboard", a.Server.Page).ServeHTTP)
		}
		add(method, "/v1/sql", auth.Token, a.sql)
		add(method, "/v1/promql", auth.Token, a.promQL)
		add(method, "/v1/sql/parse", auth.Token, a.sqlParse)
		add(method, "/v1/sql/format", auth.Token, a.sqlFormat)
		add(method, "/v1/health", auth.Open, a.health)
		add(method, "/ready", auth.Open, a.health)
	}
	return rs
}
