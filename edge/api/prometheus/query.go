package prometheus

import (
	"net/http"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/query"
	"tarn/edge/query/promql"
)

// instant serves /api/v1/query.
func (a *API) instant(w http.ResponseWriter, r *http.Request) {
	p, err := a.params(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	q := promql.Query{Text: p.Get("query")}
	if q.Start, err = p.instant("time", p.now); err != nil {
		a.fail(w, r, err)
		return
	}
	a.evaluate(w, r, p, q)
}

// ranged serves /api/v1/query_range.
func (a *API) ranged(w http.ResponseWriter, r *http.Request) {
	p, err := a.params(r)
	var q promql.Query
	if err == nil {
		q, err = p.rangeQuery()
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.evaluate(w, r, p, q)
}

// rangeQuery reads query, start, end and step.
func (p params) rangeQuery() (q promql.Query, err error) {
	for _, name := range []string{"start", "end", "step"} {
		if p.Get(name) == "" {
			return q, gate.Bad("%s is required", name)
		}
	}
	q.Text = p.Get("query")
	if q.Start, err = p.instant("start", time.Time{}); err != nil {
		return q, err
	}
	if q.End, err = p.instant("end", time.Time{}); err != nil {
		return q, err
	}
	if q.Step, err = p.duration("step"); err != nil {
		return q, err
	}
	if err := promql.CheckRange(q.Start, q.End, q.Step); err != nil {
		return q, gate.Bad("%w", err)
	}
	return q, nil
}

// evaluate runs a query and answers it.
func (a *API) evaluate(w http.ResponseWriter, r *http.Request, p params, q promql.Query) {
	limit, err := p.limit()
	if err == nil {
		q.Lookback, err = p.lookback()
	}
	var timeout time.Duration
	if err == nil {
		timeout, err = p.duration("timeout")
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, cancel, err := gate.Context(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer cancel()
	res, err := a.Query.PromQL(ctx, query.PromQLRequest{Database: p.database, Query: q, Timeout: timeout})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer res.Close()
	_ = res.Send(func() error { return writeResult(w, r, res, q.Start, limit) }) // a client that went away is nobody's error
}

// lookback reads how old samples may be; 0 is the default.
func (p params) lookback() (time.Duration, error) {
	for _, name := range []string{"lookback", "lookback_delta"} {
		d, err := p.duration(name)
		if err != nil || d < 0 {
			return 0, gate.Bad("%s: %q is no duration", name, p.Get(name))
		}
		if d > 0 {
			return d, nil
		}
	}
	return 0, nil
}

// fail answers in shape C. A query that cannot be parsed is an invalid
// argument there.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := gate.Classify(err)
	if e.Code == gate.InvalidSyntax {
		err = &gate.Error{Code: gate.InvalidArguments, Msg: e.Msg, Err: err}
	}
	a.Fail(w, r, gate.ShapeC, err)
}
