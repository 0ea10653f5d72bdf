package prometheus

import (
	"context"
	"net/http"

	"tarn/edge/api/gate"
	"tarn/edge/query/promql"
)

// The lists of /api/v1/status/tsdb have so many entries, as in Prometheus.
const (
	defaultTop = 10
	maxTop     = 10_000
)

// cardinality serves /api/v1/status/tsdb: how many series there are and what
// makes them many. Prometheus's numbers of chunks and times are of its head
// block, which is not how Tarn stores.
func (a *API) cardinality(w http.ResponseWriter, r *http.Request) {
	p, err := a.params(r)
	top := defaultTop
	if err == nil && p.Get("limit") != "" {
		if top, err = p.limit(); err == nil && (top < 1 || top > maxTop) {
			err = gate.Bad("limit must be a number from 1 to %d: %q", maxTop, p.Get("limit"))
		}
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
	var c promql.Cardinality
	err = a.Query.PromData(ctx, p.database, "status/tsdb", 0, func(ctx context.Context, q promql.Queryable) (err error) {
		c, err = q.Cardinality(ctx, top)
		return err
	})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	type head struct {
		Series     int `json:"numSeries"`
		LabelPairs int `json:"numLabelPairs"`
	}
	answer(w, r, struct {
		Head           head           `json:"headStats"`
		SeriesByMetric []promql.Count `json:"seriesCountByMetricName"`
		ValuesByLabel  []promql.Count `json:"labelValueCountByLabelName"`
		BytesByLabel   []promql.Count `json:"memoryInBytesByLabelName"`
		SeriesByPair   []promql.Count `json:"seriesCountByLabelValuePair"`
	}{head{c.Series, c.LabelPairs}, c.SeriesByMetric, c.ValuesByLabel, c.BytesByLabel, c.SeriesByPair})
}
