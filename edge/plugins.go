package edge

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"tarn/edge/engine"
	"tarn/edge/query"
	"tarn/store/column"
)

// pluginTable has the tables of the processing engine
// (spec/processing-engine.md section 5).
func (s system) pluginTable(database, name string) (made, bool) {
	switch name {
	case "processing_engine_triggers":
		cols := columns("trigger_name", column.String, "plugin_filename", column.String, "trigger_specification", column.String,
			"disabled", column.Bool, "error_behavior", column.String)
		return made{cols, func(add func(...any)) {
			for _, t := range s.store.Triggers(database) {
				add(t.Name, t.Plugin, engine.Stored(t), t.Disabled, t.OnError)
			}
		}}, true
	case "processing_engine_trigger_arguments":
		cols := columns("trigger_name", column.String, "argument_key", column.String, "argument_value", column.String)
		return made{cols, func(add func(...any)) {
			for _, t := range s.store.Triggers(database) {
				for _, key := range sortedKeys(t.Arguments) {
					add(t.Name, key, t.Arguments[key])
				}
			}
		}}, true
	case "processing_engine_logs":
		cols := columns("event_time", column.Timestamp, "trigger_name", column.String, "log_level", column.String, "log_text", column.String)
		cols[0].Also = "time" // the column's name from version 3.11 on
		return made{cols, func(add func(...any)) {
			for _, r := range s.logs.Rows(database) {
				add(r.At, r.Trigger, r.Level, r.Text)
			}
		}}, true
	case "plugin_files":
		if database != query.InternalDatabase {
			return made{}, false
		}
		cols := columns("plugin_name", column.String, "file_name", column.String, "file_path", column.String, "size_bytes", column.Int64, "last_modified", column.Int64)
		return made{cols, func(add func(...any)) {
			if e := s.plugins(); e != nil {
				for _, f := range e.Files() {
					add(f.Trigger, f.Name, f.Path, f.Bytes, f.Modified)
				}
			}
		}}, true
	}
	return made{}, false
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// startEngine makes the processing engine.
func (a *Appliance) startEngine(s *shared, logs *engine.Logs) (*engine.Engine, error) {
	c := a.config
	return engine.Start(engine.Options{
		Dir: c.PluginDir, Python: c.Python, VirtualEnv: c.VirtualEnv, Repository: c.PluginRepo, Timeout: c.PluginTimeout, MemoryLimit: c.PluginMemory,
		Concurrency: c.PluginConcurrency, QueueBytes: int(min(s.memory.limit/16, 16<<20)), NoPackages: c.NoPackages, NoInstalls: c.PackageManager == "disabled", DirOnly: c.PluginDirOnly,
		Kinds: c.PluginKinds, Environment: c.PluginEnv, WheelDir: c.PluginWheels, Offline: c.PluginOffline,
		Store: a.store, Query: s.query, Writer: s.writer, Logs: logs, Logger: a.logger,
	})
}

// pluginCollector counts what the processing engine does.
type pluginCollector struct{ engine *engine.Engine }

type pluginMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(engine.Stats) float64
}

var pluginMetrics = []pluginMetric{
	{prometheus.NewDesc("tarn_plugin_calls_total", "Calls of plugins.", nil, nil), prometheus.CounterValue, func(s engine.Stats) float64 { return float64(s.Calls) }},
	{prometheus.NewDesc("tarn_plugin_failures_total", "Calls of plugins that failed.", nil, nil), prometheus.CounterValue, func(s engine.Stats) float64 { return float64(s.Failures) }},
	{prometheus.NewDesc("tarn_plugin_dropped_batches_total", "Written batches that slow plugins missed.", nil, nil), prometheus.CounterValue, func(s engine.Stats) float64 { return float64(s.DroppedBatches) }},
	{prometheus.NewDesc("tarn_plugin_worker_crashes_total", "Ends of the Python worker that nobody asked for.", nil, nil), prometheus.CounterValue, func(s engine.Stats) float64 { return float64(s.Restarts) }},
	{prometheus.NewDesc("tarn_plugin_workers", "Python workers that run.", nil, nil), prometheus.GaugeValue, func(s engine.Stats) float64 { return float64(s.Workers) }},
	{prometheus.NewDesc("tarn_plugin_triggers", "Triggers that are enabled and run.", nil, nil), prometheus.GaugeValue, func(s engine.Stats) float64 { return float64(s.Triggers) }},
}

// Describe is prometheus.Collector's.
func (c pluginCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range pluginMetrics {
		out <- m.desc
	}
}

// Collect is prometheus.Collector's.
func (c pluginCollector) Collect(out chan<- prometheus.Metric) {
	s := c.engine.Stats()
	for _, m := range pluginMetrics {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(s))
	}
}
