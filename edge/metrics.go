package edge

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tarn/edge/server"
	"tarn/store"
)

// metrics are what GET /metrics shows: the names of InfluxDB 3 where it has
// one (spec/influxdb3-http-api.md section 5), our own for what only we have.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
}

func newMetrics(s *store.Store) *metrics {
	labels := []string{"method", "path", "status"}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Finished HTTP requests."}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}}, []string{"method", "path"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_response_body_bytes_total", Help: "Bytes of response bodies."}, []string{"method", "path"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.bytes, storeCollector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observe counts a finished request. Paths are route patterns: a stranger
// cannot make new labels.
func (m *metrics) observe(o server.Observation) {
	status := "ok"
	switch {
	case o.Aborted:
		status = "aborted"
	case o.Status >= 500:
		status = "server_error"
	case o.Status >= 400:
		status = "client_error"
	}
	path, method := o.Path, o.Method
	if path == "" {
		path = "other"
		method = "other"
	}
	m.requests.WithLabelValues(method, path, status).Inc()
	m.duration.WithLabelValues(method, path).Observe(o.Took.Seconds())
	m.bytes.WithLabelValues(method, path).Add(float64(o.Bytes))
}

// storeCollector reads the store's numbers when they are asked for.
type storeCollector struct{ store *store.Store }

type storeMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*store.Stats) float64
}

func counter(name, help string, value func(*store.Stats) float64) storeMetric {
	return storeMetric{prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, value}
}

func gauge(name, help string, value func(*store.Stats) float64) storeMetric {
	return storeMetric{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value}
}

var storeMetrics = []storeMetric{
	counter("influxdb3_write_lines_total", "Rows accepted since the start.", func(s *store.Stats) float64 { return float64(s.RowsWritten) }),
	gauge("tarn_buffer_bytes", "Memory held by rows that are not in segments yet.", func(s *store.Stats) float64 { return float64(s.BufferedBytes) }),
	gauge("tarn_buffer_limit_bytes", "Buffered bytes at which a checkpoint starts.", func(s *store.Stats) float64 { return float64(s.BufferLimit) }),
	counter("tarn_checkpoints_total", "Checkpoints that succeeded.", func(s *store.Stats) float64 { return float64(s.Checkpoints) }),
	counter("tarn_checkpoint_errors_total", "Checkpoints that failed.", func(s *store.Stats) float64 { return float64(s.CheckpointErrors) }),
	counter("tarn_compactions_total", "Compactions that succeeded.", func(s *store.Stats) float64 { return float64(s.Compactions) }),
	counter("tarn_compaction_errors_total", "Compactions that failed.", func(s *store.Stats) float64 { return float64(s.CompactionErrors) }),
	counter("tarn_compaction_written_bytes_total", "Bytes of Parquet written by compactions.", func(s *store.Stats) float64 { return float64(s.CompactedBytes) }),
	counter("tarn_segment_written_bytes_total", "Bytes of Parquet written by checkpoints and compactions.", func(s *store.Stats) float64 { return float64(s.SegmentBytesWritten) }),
	counter("tarn_segment_replaced_bytes_total", "Bytes of Parquet that compactions and deletions replaced.", func(s *store.Stats) float64 { return float64(s.ReplacedBytes) }),
	gauge("tarn_write_amplification_ratio", "Bytes written to disk since the start, log included, per byte of Parquet that came to stay; 0 while there is none.", func(s *store.Stats) float64 { return s.WriteAmplification() }),
	gauge("tarn_disk_used_bytes", "Files and log that count against --max-disk-bytes.", func(s *store.Stats) float64 { return float64(s.DiskUsed) }),
	gauge("tarn_disk_quota_bytes", "--max-disk-bytes, 0 for no limit.", func(s *store.Stats) float64 { return float64(s.DiskQuota) }),
	counter("tarn_disk_evicted_bytes_total", "Files deleted to keep to --max-disk-bytes.", func(s *store.Stats) float64 { return float64(s.EvictedBytes) }),
	gauge("tarn_segments", "Registered Parquet segments.", func(s *store.Stats) float64 { return float64(s.Segments) }),
	gauge("tarn_segment_bytes", "Size of the registered segments.", func(s *store.Stats) float64 { return float64(s.SegmentBytes) }),
	gauge("tarn_segment_rows", "Rows in the registered segments.", func(s *store.Stats) float64 { return float64(s.SegmentRows) }),
	gauge("tarn_damaged_segments", "Damaged or missing Parquet segments that queries do without; see /health.", func(s *store.Stats) float64 { return float64(s.DamagedSegments) }),
	gauge("tarn_damaged_wal_segments", "Segments of the log with damaged records; see /health.", func(s *store.Stats) float64 { return float64(s.DamagedLogs) }),
	gauge("tarn_damaged_catalogs", "Catalogs that were damaged and rebuilt; see /health.", func(s *store.Stats) float64 { return float64(s.DamagedCatalogs) }),
	gauge("tarn_series", "Series known in memory.", func(s *store.Stats) float64 { return float64(s.Series) }),
	gauge("tarn_databases", "Live databases.", func(s *store.Stats) float64 { return float64(s.Databases) }),
	gauge("tarn_tables", "Live tables.", func(s *store.Stats) float64 { return float64(s.Tables) }),
	counter("tarn_wal_written_bytes_total", "Bytes that the log wrote to disk, padding included.", func(s *store.Stats) float64 { return float64(s.WAL.WrittenBytes) }),
	counter("tarn_wal_syncs_total", "Syncs of the log.", func(s *store.Stats) float64 { return float64(s.WAL.Syncs) }),
	gauge("tarn_wal_live_bytes", "Log bytes that no checkpoint covers yet.", func(s *store.Stats) float64 { return float64(s.WAL.LiveBytes) }),
	gauge("tarn_wal_failed", "1 when the log failed and the server is read-only.", func(s *store.Stats) float64 {
		if s.WAL.Failed {
			return 1
		}
		return 0
	}),
	gauge("tarn_value_cache_bytes", "Memory of last-value and distinct-value caches.", func(s *store.Stats) float64 { return float64(s.ValueCacheBytes) }),
	counter("tarn_value_cache_dropped_rows_total", "Rows that caches left out because their memory was spent.", func(s *store.Stats) float64 { return float64(s.ValueCacheDropped) }),
	gauge("tarn_disk_free_bytes", "Free space of the data directory's file system.", func(s *store.Stats) float64 { return float64(s.DiskFree) }),
}

// Describe is prometheus.Collector's.
func (c storeCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range storeMetrics {
		out <- m.desc
	}
}

// Collect is prometheus.Collector's.
func (c storeCollector) Collect(out chan<- prometheus.Metric) {
	s := c.store.Stats()
	for _, m := range storeMetrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s))
	}
}
