package edge

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"tarn/edge/auth"
	"tarn/edge/route"
)

// TestRoutes compares the route table with the rows of the specification's
// checklist that are served (spec/influxdb3-http-api.md section 10).
func TestRoutes(t *testing.T) {
	s := startServer(t)
	open := []string{"POST /api/v3/configure/token/admin"}
	for _, want := range []string{
		"POST /write", "POST /api/v2/write", "POST /api/v3/write_lp",
		"GET /api/v3/query_sql", "POST /api/v3/query_sql", "GET /api/v3/query_influxql", "POST /api/v3/query_influxql",
		"GET /query", "POST /query",
		"GET /health", "GET /api/v1/health", "GET /ping", "GET /metrics",
		"GET /api/v3/configure/database", "POST /api/v3/configure/database", "DELETE /api/v3/configure/database",
		"DELETE /api/v3/configure/database/retention_period",
		"POST /api/v3/configure/table", "DELETE /api/v3/configure/table",
		"POST /api/v3/configure/distinct_cache", "DELETE /api/v3/configure/distinct_cache",
		"POST /api/v3/configure/last_cache", "DELETE /api/v3/configure/last_cache",
		"POST /api/v3/configure/token/admin", "POST /api/v3/configure/token/admin/regenerate",
		"DELETE /api/v3/configure/token", "POST /api/v3/configure/token/named_admin",
		"GET /api/v3/sync", "DELETE /api/v3/sync", "POST /api/v3/sync/now", "POST /api/v3/sync/pause", "POST /api/v3/sync/resume", "POST /api/v3/sync/verify", "POST /api/v3/sync/prune",
	} {
		method, path, _ := strings.Cut(want, " ")
		i := slices.IndexFunc(s.app.Routes(), func(r route.Route) bool { return r.Method == method && r.Path == path })
		if i < 0 {
			t.Errorf("%s: no route", want)
			continue
		}
		isOpen := s.app.Routes()[i].Auth == auth.Open
		if isOpen != slices.Contains(open, want) {
			t.Errorf("%s: open is %v", want, isOpen)
		}
		if isOpen {
			continue
		}
		if r := s.do(testRequest{method: method, target: path}); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: status %d", want, r.StatusCode)
		}
	}
}

// TestNativeRoutes is the same for GreptimeDB's administration, SQL and aliases
// of InfluxDB's endpoints (spec/greptimedb-http-api.md section 11): which are
// open, and what the others answer who has no token.
func TestNativeRoutes(t *testing.T) {
	s := startServer(t)
	open := []string{"POST /health", "GET /ready", "POST /ready", "GET /v1/health", "POST /v1/health", "GET /v1/influxdb/ping", "GET /v1/influxdb/health"}
	for _, want := range []string{
		"POST /health", "GET /ready", "POST /ready", "GET /v1/health", "POST /v1/health", "GET /status", "GET /config",
		"POST /debug/log_level", "GET /debug/prof/cpu", "POST /debug/prof/cpu", "POST /debug/prof/mem",
		"GET /v1/sql", "POST /v1/sql", "GET /v1/sql/format", "POST /v1/sql/format", "GET /v1/sql/parse", "POST /v1/sql/parse",
		"POST /v1/influxdb/write", "POST /v1/influxdb/api/v2/write", "GET /v1/influxdb/ping", "GET /v1/influxdb/health",
	} {
		method, path, _ := strings.Cut(want, " ")
		i := slices.IndexFunc(s.app.Routes(), func(r route.Route) bool { return r.Method == method && r.Path == path })
		if i < 0 {
			t.Errorf("%s: no route", want)
			continue
		}
		isOpen := slices.Contains(open, want)
		r := s.do(testRequest{method: method, target: path})
		if isOpen != (s.app.Routes()[i].Auth == auth.Open) || isOpen != (r.StatusCode < 400) || !isOpen && r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: status %d, and open is meant to be %v", want, r.StatusCode, isOpen)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	s.write("d", "m f=1 1\nm f=2 2")
	s.do(testRequest{method: "GET", target: "/strange-path"})
	s.do(testRequest{method: "GET", target: "/api/v3/query_sql"})
	r := s.do(testRequest{method: "GET", target: "/metrics"})
	if got := r.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4; charset=utf-8") {
		t.Errorf("Content-Type is %q", got)
	}
	for _, want := range []string{
		"\ninfluxdb3_write_lines_total 2\n",
		`http_requests_total{method="POST",path="/api/v3/write_lp",status="ok"} 1`,
		`http_requests_total{method="GET",path="/api/v3/query_sql",status="client_error"} 1`,
		`http_requests_total{method="other",path="other",status="client_error"} 1`,
		"\ntarn_databases 1\n", "\ntarn_tables 1\n", "\ntarn_wal_failed 0\n", "\ntarn_value_cache_bytes 0\n", "\ntarn_value_cache_dropped_rows_total 0\n", "\ngo_goroutines ", "\nprocess_start_time_seconds ",
	} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(string(r.body), "strange") {
		t.Error("a stranger's path became a label")
	}
}
