package edge

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tarn/edge/api/logs"
	"tarn/edge/api/loki"
	"tarn/edge/api/opentsdb"
	"tarn/edge/api/otlp"
	"tarn/edge/ingest/piped"
	"tarn/edge/route"
)

// telemetry lists the routes of the protocols for logs and metrics other than
// line protocol and Prometheus's.
func (a *Appliance) telemetry(c *shared) []route.Route {
	counts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tarn_log_records_total",
		Help: "Log records by protocol, database and outcome: written, dropped by a filter, refused."}, []string{"protocol", "db", "outcome"})
	items := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tarn_otlp_items_total",
		Help: "OpenTelemetry's data points (metrics) and spans (traces) by database and outcome: written, rejected."}, []string{"signal", "db", "outcome"})
	c.metrics.registry.MustRegister(counts, items)
	records := &piped.Writer{Rows: c.writer, Library: piped.NewLibrary(a.store.Pipelines()), Now: time.Now,
		Count: func(protocol, db string, written, dropped, refused int) {
			counts.WithLabelValues(protocol, db, "written").Add(float64(written))
			counts.WithLabelValues(protocol, db, "dropped").Add(float64(dropped))
			counts.WithLabelValues(protocol, db, "refused").Add(float64(refused))
		}}
	rs := (&opentsdb.API{Gate: c.gate, Writer: c.writer}).Routes()
	rs = append(rs, (&loki.API{Gate: c.gate, Logs: records}).Routes()...)
	rs = append(rs, (&otlp.API{Gate: c.gate, Writer: c.writer, Logs: records,
		Count: func(signal, db string, written, rejected int) {
			items.WithLabelValues(signal, db, "written").Add(float64(written))
			items.WithLabelValues(signal, db, "rejected").Add(float64(rejected))
		}}).Routes()...)
	return append(rs, (&logs.API{Gate: c.gate, Logs: records, Pipelines: a.store.Pipelines()}).Routes()...)
}
