// Package edge is the appliance: configuration, wiring and life cycle of one
// Tarn server.
package edge

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"tarn/edge/auth"
	upstream "tarn/sync"
)

// Config is what `tarn serve` can be told. Defaults are those of DefaultConfig.
type Config struct {
	DataDir  string
	HTTPBind string
	NodeID   string

	WithoutAuth    bool
	DisableAuthz   []string
	AdminTokenFile string
	// RecoveryBind is the address of the token recovery listener; empty means
	// none.
	RecoveryBind string

	TLSCert, TLSKey string
	TLSMinimum      string

	// MemoryLimit in bytes; 0 means a quarter of the machine's, at most 1 GB.
	MemoryLimit    int64
	MaxRequestSize int64
	MaxDatabases   int
	MaxTables      int
	MaxColumns     int
	WALSyncRate    float64
	FlushAge       time.Duration
	SegmentSize    int64
	CompactRate    int64
	// MaxDiskBytes bounds the data directory; 0 means no limit. EvictOldest
	// deletes the oldest data to keep to it, instead of refusing writes.
	MaxDiskBytes int64
	EvictOldest  bool
	// MaxSpillBytes bounds the temporary files of queries that need more than
	// their memory; 0 means that there are none.
	MaxSpillBytes     int64
	RetentionInterval time.Duration
	HardDeleteDefault time.Duration
	QueryTimeout      time.Duration
	QueryConcurrency  int
	QueryLogSize      int
	DisablePprof      bool
	ShutdownTimeout   time.Duration
	// PluginDir has the plugins; empty means that the processing engine is off.
	// Of the others see engine.Options.
	PluginDir, Python, VirtualEnv, PluginRepo, PluginWheels string
	PluginTimeout                                           time.Duration
	PluginMemory                                            int64
	PluginConcurrency                                       int
	NoPackages, PluginDirOnly, PluginOffline                bool
	PluginKinds, PluginEnv                                  []string
	PackageManager                                          string // discover, pip, uv or disabled
	Version, Revision                                       string
	// LogLevel is that of the logger, for POST /debug/log_level to change; nil
	// when it is fixed.
	LogLevel *slog.LevelVar

	// LastCacheEviction and DistinctCacheEviction are the pauses between passes
	// over the caches.
	LastCacheEviction, DistinctCacheEviction time.Duration

	// SyncTargets are URLs (see package upstream), the others its settings.
	SyncTargets              []string
	SyncMaxDelay             time.Duration
	SyncRetryMin             time.Duration
	SyncRetryMax             time.Duration
	SyncBandwidth            int64
	SyncFormat, SyncTimeUnit string
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		DataDir: "/var/lib/tarn", HTTPBind: "127.0.0.1:8181", NodeID: "tarn", TLSMinimum: "tls-1.2",
		MaxRequestSize: 10 << 20, MaxDatabases: 5, MaxTables: 2000, MaxColumns: 500,
		WALSyncRate: 2, FlushAge: 6 * time.Hour, SegmentSize: 32 << 20, CompactRate: 8 << 20,
		RetentionInterval: 30 * time.Minute, HardDeleteDefault: 72 * time.Hour,
		LastCacheEviction: 10 * time.Second, DistinctCacheEviction: 10 * time.Second,
		MaxSpillBytes: 1 << 30,
		PluginRepo:    "https://raw.githubusercontent.com/influxdata/influxdb3_plugins/main/",
		PluginTimeout: 10 * time.Minute, PluginMemory: 1 << 30, PluginConcurrency: 8, PackageManager: "discover",
		QueryTimeout: 2 * time.Minute, QueryConcurrency: 8, QueryLogSize: 1000, ShutdownTimeout: 10 * time.Second,
		SyncMaxDelay: time.Hour, SyncRetryMin: time.Second, SyncRetryMax: 5 * time.Minute, SyncFormat: upstream.FormatParquet, SyncTimeUnit: upstream.Micros,
	}
}

// Validate says what cannot work, naming the setting.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.DataDir == "" {
		bad("--data-dir must name a directory")
	}
	for flag, addr := range map[string]string{"http-bind": c.HTTPBind, "admin-token-recovery-http-bind": c.RecoveryBind} {
		if flag != "http-bind" && addr == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			bad("--%s must be HOST:PORT: %w", flag, err)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("--tls-cert and --tls-key go together")
	}
	if _, err := c.minTLS(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.exemptions(); err != nil {
		errs = append(errs, err)
	}
	for flag, v := range map[string]int64{"max-http-request-size": c.MaxRequestSize, "max-databases": int64(c.MaxDatabases), "max-tables": int64(c.MaxTables),
		"max-columns": int64(c.MaxColumns), "flush-age": int64(c.FlushAge), "segment-size": c.SegmentSize, "compact-rate": c.CompactRate,
		"retention-check-interval": int64(c.RetentionInterval), "last-cache-eviction-interval": int64(c.LastCacheEviction),
		"distinct-cache-eviction-interval": int64(c.DistinctCacheEviction), "query-concurrency": int64(c.QueryConcurrency), "query-timeout": int64(c.QueryTimeout)} {
		if v <= 0 {
			bad("--%s must be greater than zero", flag)
		}
	}
	for _, k := range c.PluginKinds {
		if k != "wal" && k != "wal_flush" && k != "schedule" && k != "request" {
			bad("--restrict-plugin-triggers-to takes wal, schedule and request, not %q", k)
		}
	}
	if !slices.Contains([]string{"discover", "pip", "uv", "disabled"}, c.PackageManager) {
		bad("--package-manager must be discover, pip, uv or disabled, not %q", c.PackageManager)
	}
	if c.PluginTimeout < 0 || c.PluginMemory < 0 || c.PluginConcurrency < 1 {
		bad("--plugin-timeout and --plugin-memory-limit must not be negative, and --async-trigger-concurrency-limit must be greater than zero")
	}
	if c.PluginMemory != 0 && c.PluginMemory < 64<<20 {
		bad("--plugin-memory-limit must be at least 64 MB: Python itself needs 30")
	}
	if c.WALSyncRate <= 0 {
		bad("--wal-sync-rate must be greater than zero")
	}
	if c.MaxDiskBytes < 0 {
		bad("--max-disk-bytes must not be negative")
	}
	if c.MaxSpillBytes < 0 {
		bad("--max-spill-bytes must not be negative")
	}
	if c.EvictOldest && c.MaxDiskBytes == 0 {
		bad("--evict-oldest needs --max-disk-bytes")
	}
	if c.MemoryLimit != 0 && c.MemoryLimit < minMemory {
		bad("--memory-limit must be at least %d MB", minMemory>>20)
	}
	if c.SyncMaxDelay <= 0 {
		bad("--sync-max-delay must be greater than zero")
	}
	if c.SyncRetryMin <= 0 || c.SyncRetryMax < c.SyncRetryMin {
		bad("--sync-retry-min must be greater than zero, and --sync-retry-max not less")
	}
	if c.SyncBandwidth < 0 {
		bad("--sync-bandwidth must not be negative")
	}
	if _, err := upstream.ParseTargets(c.upstream()); err != nil {
		bad("--sync-target: %w", err)
	}
	return errors.Join(errs...)
}

func (c *Config) minTLS() (uint16, error) {
	switch c.TLSMinimum {
	case "", "tls-1.2":
		return tls.VersionTLS12, nil
	case "tls-1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("--tls-minimum-version must be tls-1.2 or tls-1.3, not %q", c.TLSMinimum)
}

// exemptions reads --disable-authz.
func (c *Config) exemptions() (map[auth.Need]bool, error) {
	names := map[string]auth.Need{"health": auth.Health, "ping": auth.Ping, "metrics": auth.Metrics}
	out := map[auth.Need]bool{}
	for _, n := range c.DisableAuthz {
		need, ok := names[strings.TrimSpace(n)]
		if !ok {
			return nil, fmt.Errorf("--disable-authz takes health, ping and metrics, not %q", n)
		}
		out[need] = true
	}
	return out, nil
}
