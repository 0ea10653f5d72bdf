package edge

import (
	"bytes"
	"fmt"
	"net/url"
	"time"

	"github.com/BurntSushi/toml"
)

// shownConfig is the running configuration as GET /config shows it: GreptimeDB's
// sections with what they share with ours, and [tarn] with every setting under
// the name of its flag (spec/greptimedb-http-api.md section 1.4). Secrets are
// masked.
func (c *Config) shownConfig(memory budget, level string) ([]byte, error) {
	type table = map[string]any
	var targets []string
	for _, t := range c.SyncTargets {
		targets = append(targets, masked(t))
	}
	on := table{"enable": true}
	all := table{
		"mode": "standalone", "enable_telemetry": false,
		"http":     table{"addr": c.HTTPBind, "timeout": "0s", "body_limit": shownSize(c.MaxRequestSize), "enable_cors": true, "cors_allowed_origins": []string{}},
		"influxdb": on, "opentsdb": on, "prom_store": table{"enable": true, "with_metric_engine": false},
		"wal":     table{"provider": "local", "sync_rate": c.WALSyncRate},
		"storage": table{"type": "File", "data_home": c.DataDir},
		"logging": table{"level": level},
		"tarn": table{
			"data-dir": c.DataDir, "http-bind": c.HTTPBind, "node-id": c.NodeID, "without-auth": c.WithoutAuth, "disable-authz": append([]string{}, c.DisableAuthz...),
			"admin-token-file": c.AdminTokenFile, "admin-token-recovery-http-bind": c.RecoveryBind,
			"tls-cert": c.TLSCert, "tls-key": c.TLSKey, "tls-minimum-version": c.TLSMinimum,
			"memory-limit": shownSize(memory.limit), "max-http-request-size": shownSize(c.MaxRequestSize),
			"max-databases": c.MaxDatabases, "max-tables": c.MaxTables, "max-columns": c.MaxColumns,
			"wal-sync-rate": c.WALSyncRate, "flush-age": shownSpan(c.FlushAge), "segment-size": shownSize(c.SegmentSize), "compact-rate": shownSize(c.CompactRate),
			"max-disk-bytes": shownSize(c.MaxDiskBytes), "evict-oldest": c.EvictOldest, "max-spill-bytes": shownSize(c.MaxSpillBytes),
			"retention-check-interval": shownSpan(c.RetentionInterval), "hard-delete-default-duration": shownSpan(c.HardDeleteDefault),
			"last-cache-eviction-interval": shownSpan(c.LastCacheEviction), "distinct-cache-eviction-interval": shownSpan(c.DistinctCacheEviction),
			"query-timeout": shownSpan(c.QueryTimeout), "query-concurrency": c.QueryConcurrency, "query-log-size": c.QueryLogSize,
			"shutdown-timeout": shownSpan(c.ShutdownTimeout), "plugin-dir": c.PluginDir, "disable-pprof": c.DisablePprof,
			"sync-target": append([]string{}, targets...), "sync-max-delay": shownSpan(c.SyncMaxDelay), "sync-bandwidth": shownSize(c.SyncBandwidth),
			"sync-format": c.SyncFormat, "sync-time-unit": c.SyncTimeUnit,
		},
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(all); err != nil {
		return nil, fmt.Errorf("show the configuration: %w", err)
	}
	return b.Bytes(), nil
}

// shownSize prints bytes as GreptimeDB's configuration has them: 64MiB.
func shownSize(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n != 0 && n%u.bytes == 0 {
			return fmt.Sprintf("%d%s", n/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}

func shownSpan(d time.Duration) string { return d.String() }

const hidden = "***"

// masked is a URL without what could be secret in it: a password, and the values
// of all parameters.
func masked(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	if u.User != nil {
		u.User = url.User(hidden)
	}
	q := u.Query()
	for name := range q {
		q[name] = []string{hidden}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
