package edge

import (
	"github.com/prometheus/client_golang/prometheus"

	"tarn/edge/query"
	"tarn/store/column"
	upstream "tarn/sync"
)

// upstream is the configuration of package upstream.
func (c *Config) upstream() upstream.Config {
	return upstream.Config{
		Targets: c.SyncTargets, MaxDelay: c.SyncMaxDelay, Bandwidth: c.SyncBandwidth, Format: c.SyncFormat, TimeUnit: c.SyncTimeUnit, Node: c.NodeID,
		RetryMin: c.SyncRetryMin, RetryMax: c.SyncRetryMax,
	}
}

// syncFiles is system.sync: every segment and target, of one database or, in
// _internal, of all.
func (s system) syncFiles(database string) made {
	cols := columns("target", column.String, "database_name", column.String, "table_name", column.String, "segment_id", column.Uint64,
		"state", column.String, "size_bytes", column.Uint64, "row_count", column.Uint64, "min_time", column.Int64, "max_time", column.Int64,
		"key", column.String, "manifest", column.Uint64, "attempts", column.Uint64, "next_attempt_seconds", column.Float64, "last_error", column.String)
	return made{cols, func(add func(...any)) {
		for _, f := range s.sync.Files() {
			if database != query.InternalDatabase && f.File.Database != database {
				continue
			}
			add(f.Target, f.File.Database, f.File.Table, f.File.ID, f.State, uint64(f.File.Bytes), uint64(f.File.Rows), f.File.MinTime, f.File.MaxTime,
				text(f.File.Progress.Key), number(f.File.Progress.Batch), uint64(f.Attempts), f.NextAttempt.Seconds(), text(f.LastError))
		}
	}}
}

// text and number are NULL for what is not there.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(n uint64) any {
	if n == 0 {
		return nil
	}
	return n
}

// syncCollector reads the state of upstream targets when it is asked for.
type syncCollector struct{ sync *upstream.Manager }

type syncMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*upstream.TargetStatus) float64
}

func syncGauge(name, help string, value func(*upstream.TargetStatus) float64) syncMetric {
	return syncMetric{prometheus.NewDesc(name, help, []string{"target"}, nil), prometheus.GaugeValue, value}
}

func syncCounter(name, help string, value func(*upstream.TargetStatus) float64) syncMetric {
	return syncMetric{prometheus.NewDesc(name, help, []string{"target"}, nil), prometheus.CounterValue, value}
}

var syncMetrics = []syncMetric{
	syncGauge("tarn_sync_pending_files", "Segments that the target does not have for good yet.", func(s *upstream.TargetStatus) float64 {
		return float64(s.Files.Sealed + s.Files.Uploading + s.Files.Uploaded + s.Files.Parked)
	}),
	syncGauge("tarn_sync_pending_bytes", "Bytes of those segments.", func(s *upstream.TargetStatus) float64 { return float64(s.PendingBytes) }),
	syncGauge("tarn_sync_pending_rows", "Rows of those segments.", func(s *upstream.TargetStatus) float64 { return float64(s.PendingRows) }),
	syncGauge("tarn_sync_oldest_pending_seconds", "Age of the oldest of those segments.", func(s *upstream.TargetStatus) float64 { return s.OldestPending }),
	syncGauge("tarn_sync_parked_files", "Segments that failed for good.", func(s *upstream.TargetStatus) float64 { return float64(s.Files.Parked) }),
	syncGauge("tarn_sync_failures", "Failures in a row.", func(s *upstream.TargetStatus) float64 { return float64(s.Failures) }),
	syncGauge("tarn_sync_paused", "1 while the target is paused.", func(s *upstream.TargetStatus) float64 {
		if s.State == upstream.StatePaused {
			return 1
		}
		return 0
	}),
	syncCounter("tarn_sync_committed_files_total", "Files that the target has, since it was first named.", func(s *upstream.TargetStatus) float64 { return float64(s.CommittedFiles) }),
	syncCounter("tarn_sync_committed_rows_total", "Rows of those files.", func(s *upstream.TargetStatus) float64 { return float64(s.CommittedRows) }),
	syncCounter("tarn_sync_committed_bytes_total", "Bytes of those files.", func(s *upstream.TargetStatus) float64 { return float64(s.CommittedBytes) }),
	syncCounter("tarn_sync_sent_bytes_total", "Bytes sent since the start, what failed included.", func(s *upstream.TargetStatus) float64 { return float64(s.SentBytes) }),
	syncCounter("tarn_sync_failures_total", "Failed attempts since the start.", func(s *upstream.TargetStatus) float64 { return float64(s.Failed) }),
}

// Describe is prometheus.Collector's.
func (c syncCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range syncMetrics {
		out <- m.desc
	}
}

// Collect is prometheus.Collector's.
func (c syncCollector) Collect(out chan<- prometheus.Metric) {
	for _, t := range c.sync.Status().Targets {
		for _, m := range syncMetrics {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&t), t.ID)
		}
	}
}
