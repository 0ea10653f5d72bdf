package greptime

import (
	"errors"
	"net/http"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/query/promql"
)

// promQL serves /v1/promql: a range query whose answer has the formats of SQL
// (section 2.4).
func (a *API) promQL(w http.ResponseWriter, r *http.Request) {
	q := request{started: time.Now()}
	if err := a.runPromQL(w, r, &q); err != nil {
		a.FailAfter(w, r, gate.ShapeA, err, q.started)
	}
}

func (a *API) runPromQL(w http.ResponseWriter, r *http.Request, q *request) error {
	// A POST need not have a form.
	params := gate.Query(r)
	if r.Header.Get("Content-Type") != "" {
		form, err := a.Form(r)
		var e *gate.Error
		switch {
		case err == nil:
			params = form
		case errors.As(err, &e) && e.HTTP() == http.StatusUnsupportedMediaType:
			// The body is something else, and nobody's business.
		default:
			return err
		}
	}
	if err := a.readRequest(r, params, q); err != nil {
		return err
	}
	query := statement.RangeQuery{Database: q.session.Database, Query: params.Get("query")}
	for _, name := range []string{"query", "start", "end", "step"} {
		if !params.Has(name) {
			return gate.Plainf(http.StatusBadRequest, "Failed to deserialize query string: missing field `%s`", name)
		}
	}
	var err error
	if query.Start, err = promql.ParseTime(params.Get("start")); err != nil {
		return gate.Bad("start: %w", err)
	}
	if query.End, err = promql.ParseTime(params.Get("end")); err != nil {
		return gate.Bad("end: %w", err)
	}
	if query.Step, err = promql.ParseDuration(params.Get("step")); err != nil {
		return gate.Bad("step: %w", err)
	}
	if text := params.Get("lookback"); text != "" {
		if query.Lookback, err = promql.ParseDuration(text); err != nil || query.Lookback <= 0 {
			return gate.Bad("lookback: %q is no duration", text)
		}
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		return err
	}
	defer cancel()
	columns, rows, err := a.Statements.PromQL.Rows(ctx, query)
	if err != nil {
		return err
	}
	out := &answer{w: w, format: q.format.name, started: q.started, mime: q.format.mime}
	body := q.format.make(out, q.options)
	if err := a.copyRows(r.WithContext(ctx), body, statement.NewOutput(columns, rows), q.options.limit); err != nil {
		return a.broken(r, out, err)
	}
	if err := body.end(); err != nil {
		return a.broken(r, out, err)
	}
	return a.broken(r, out, out.flush())
}
