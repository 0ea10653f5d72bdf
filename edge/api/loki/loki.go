// Package loki serves Grafana Loki's push endpoint as GreptimeDB has it
// (spec/greptimedb-http-api.md section 6).
package loki

import (
	"mime"
	"net/http"
	"sync"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/edge/route"
)

// Family names this package's routes.
const Family = "loki"

// API serves the endpoint.
type API struct {
	*gate.Gate
	Logs *piped.Writer

	pool sync.Pool // of *push
}

// Routes lists the endpoints.
func (a *API) Routes() []route.Route {
	return []route.Route{{Method: "POST", Path: "/v1/loki/api/v1/push", Family: Family, Auth: auth.Token, Handle: a.push}}
}

// Names of this protocol's table and columns.
const (
	defaultTable   = "loki_logs"
	lineColumn     = "line"
	metadataColumn = "structured_metadata"
)

// HeaderTenant is Loki's header for tenants. A tenant whose name is that of a
// database writes there.
const HeaderTenant = "X-Scope-OrgID"

func (a *API) push(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	n, err := a.write(r)
	if err != nil {
		if piped.IsRequestError(err) {
			err = gate.Bad("%w", err)
		}
		a.Fail(w, r, gate.ShapeB, err)
		return
	}
	gate.AffectedRows(w, "greptimedb_v1", int64(n), started)
}

// write writes a body's entries and returns how many.
func (a *API) write(r *http.Request) (int, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("Content-Type") == "":
		return 0, gate.Plainf(http.StatusBadRequest, "Header of type `content-type` was missing")
	case err != nil || media != "application/json" && media != "application/x-protobuf":
		return 0, gate.Bad("Unsupported content type: %s", r.Header.Get("Content-Type"))
	}
	o, err := a.options(r)
	if err != nil {
		return 0, err
	}
	pipe, err := a.pipeline(r)
	if err != nil {
		return 0, err
	}
	params, err := piped.ReadParams(r, piped.Params{})
	if err != nil {
		return 0, err
	}
	held, err := a.TakeBody(r, a.Logs.Rows)
	if err != nil {
		return 0, err
	}
	defer held.Release()
	b, err := a.Logs.Begin(o)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	p, _ := a.pool.Get().(*push)
	if p == nil {
		p = &push{}
	}
	defer func() {
		p.forget()
		a.pool.Put(p)
	}()
	p.batch, p.pipe, p.table = b, pipe, o.Table
	if media == "application/json" {
		err = p.json(ingest.ValidText(held.Bytes))
	} else if p.unpacked, err = a.UnsnappyInto(p.unpacked, held.Bytes, held.Await); err == nil {
		err = p.protobuf(p.unpacked)
	}
	if err != nil {
		return 0, err
	}
	p.forget()
	held.Drop()
	if err := b.Commit(r.Context()); err != nil {
		return 0, err
	}
	return b.Outcome(params.SkipErrors)
}

// options say where the entries go.
func (a *API) options(r *http.Request) (o piped.Options, err error) {
	o = piped.Options{Protocol: Family, Table: r.Header.Get("x-greptime-log-table-name")}
	if o.Table == "" {
		o.Table = defaultTable
	}
	if o.Hints, err = gate.Hints(r); err != nil {
		return o, err
	}
	tenant := r.Header.Get(HeaderTenant)
	if r.Header.Get(gate.HeaderDatabase) == "" && !gate.Query(r).Has("db") && tenant != "" && a.Exists(tenant) {
		o.Database = tenant
		return o, a.Writable(tenant)
	}
	o.Database, err = a.WriteDatabase(r, "db")
	return o, err
}

// pipeline is the one that the headers name, or nil.
func (a *API) pipeline(r *http.Request) (*pipeline.Pipeline, error) {
	name := piped.PipelineName(r)
	if name == "" {
		return nil, nil
	}
	version, err := piped.PipelineVersion(r)
	if err != nil {
		return nil, err
	}
	return a.Logs.Library.Find(name, version)
}
