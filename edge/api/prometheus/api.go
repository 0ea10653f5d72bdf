// Package prometheus serves Prometheus's HTTP API as GreptimeDB has it: remote
// write, remote read and the query API below /v1/prometheus, and /v1/promql
// (spec/greptimedb-http-api.md sections 2.4 and 4).
package prometheus

import (
	"net/http"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/route"
)

// Family names this package's routes.
const Family = "prometheus"

// API serves the endpoints.
type API struct {
	*gate.Gate
	Writer *ingest.Writer
	Query  *query.Engine
	// Known remembers the series of remote write; nil for none.
	Known *ingest.Known
	// Version and Revision are the server's.
	Version, Revision string
	Now               func() time.Time

	meta metadata
	work decoders
}

// Routes lists the endpoints.
func (a *API) Routes() []route.Route {
	var rs []route.Route
	add := func(method, path string, h http.HandlerFunc) {
		rs = append(rs, route.Route{Method: method, Path: path, Family: Family, Auth: auth.Token, Handle: h})
	}
	add("POST", "/v1/prometheus/write", a.write)
	add("POST", "/v1/prometheus/read", a.read)
	const base = "/v1/prometheus/api/v1"
	add("GET", base+"/rules", a.rules)
	add("GET", base+"/alerts", a.alerts)
	add("GET", base+"/status/tsdb", a.cardinality)
	for _, method := range []string{"GET", "POST"} {
		add(method, base+"/query", a.instant)
		add(method, base+"/query_range", a.ranged)
		add(method, base+"/labels", a.labels)
		add(method, base+"/label/:name/values", a.labelValues)
		add(method, base+"/series", a.series)
		add(method, base+"/metadata", a.metadata)
		add(method, base+"/query_exemplars", a.exemplars)
		add(method, base+"/format_query", a.formatQuery)
		add(method, base+"/parse_query", a.parseQuery)
		add(method, base+"/status/buildinfo", a.buildInfo)
	}
	return rs
}
