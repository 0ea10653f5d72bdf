// Package logs serves GreptimeDB's endpoints for logs and their pipelines
// (spec/greptimedb-http-api.md section 8).
package logs

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest/piped"
	"tarn/edge/route"
	"tarn/store"
)

// Family names this package's routes.
const Family = "logs"

// API serves the endpoints.
type API struct {
	*gate.Gate
	Logs      *piped.Writer
	Pipelines *store.Pipelines
}

// format is what x-greptime-format says of answers about pipelines.
const format = "greptimedb_manage"

// Routes lists the endpoints: the old paths and the new ones.
func (a *API) Routes() []route.Route {
	var rs []route.Route
	add := func(method, path string, h func(w http.ResponseWriter, r *http.Request) error) {
		rs = append(rs, route.Route{Method: method, Path: path, Family: Family, Auth: auth.Token, Handle: a.handle(h)})
	}
	add("POST", "/v1/events/logs", a.ingest)
	add("POST", "/v1/ingest", a.ingest)
	for base, dryrun := range map[string]string{"/v1/events/pipelines": "dryrun", "/v1/pipelines": "_dryrun"} {
		add("POST", base+"/:name", a.unless(dryrun, a.dryrun, a.create))
		add("GET", base+"/:name", a.unless(dryrun, notAllowed, a.show))
		add("DELETE", base+"/:name", a.unless(dryrun, notAllowed, a.remove))
		add("GET", base+"/:name/ddl", a.ddl)
	}
	return rs
}

type handler = func(w http.ResponseWriter, r *http.Request) error

// unless serves the literal segment of a path that wins over names.
func (a *API) unless(literal string, special, other handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if nameOf(r) == literal {
			return special(w, r)
		}
		return other(w, r)
	}
}

func notAllowed(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusMethodNotAllowed)
	return nil
}

// nameOf is the pipeline that a path names.
func nameOf(r *http.Request) string { return httprouter.ParamsFromContext(r.Context()).ByName("name") }

func (a *API) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if piped.IsRequestError(err) {
			err = gate.Bad("%w", err)
		}
		a.Fail(w, r, gate.ShapeB, err)
	}
}

// missing is a parameter that is not there.
func missing(what string) error { return gate.Bad("Invalid request parameter: %s is required", what) }
