package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"tarn/edge"
)

func newServe() *cobra.Command {
	c := edge.DefaultConfig()
	c.Version, c.Revision = version, revision
	var file, level, format string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: noArgs,
		Long: `Run the server until it is told to stop (SIGTERM, SIGINT).

Every flag can also be set by an environment variable, TARN_ and the flag's name
in capitals (TARN_HTTP_BIND), or in the TOML file that --config names, under the
flag's name (http-bind = "0.0.0.0:8181"). Flags win over the environment, which
wins over the file.`,
	}
	f := cmd.Flags()
	f.StringVar(&c.DataDir, "data-dir", c.DataDir, "directory of all data")
	f.StringVar(&c.HTTPBind, "http-bind", c.HTTPBind, "address to serve on, HOST:PORT")
	f.StringVar(&c.NodeID, "node-id", c.NodeID, "name of this node, written into its files")
	f.StringVar(&file, "config", "", "TOML file of settings")
	f.BoolVar(&c.WithoutAuth, "without-auth", false, "serve everyone, without tokens")
	f.StringSliceVar(&c.DisableAuthz, "disable-authz", nil, "endpoints that need no token: health, ping, metrics")
	f.StringVar(&c.AdminTokenFile, "admin-token-file", "", "JSON file with a token to install at the start")
	f.StringVar(&c.RecoveryBind, "admin-token-recovery-http-bind", "", "address of a listener that replaces a lost admin token")
	f.Lookup("admin-token-recovery-http-bind").NoOptDefVal = "127.0.0.1:8182"
	f.StringVar(&c.TLSCert, "tls-cert", "", "certificate for HTTPS, PEM")
	f.StringVar(&c.TLSKey, "tls-key", "", "private key for HTTPS, PEM")
	f.StringVar(&c.TLSMinimum, "tls-minimum-version", c.TLSMinimum, "tls-1.2 or tls-1.3")
	f.Var(size{&c.MemoryLimit}, "memory-limit", "memory to use in all (default a quarter of the machine's, at most 1GB)")
	f.Var(size{&c.MaxRequestSize}, "max-http-request-size", "largest request body")
	f.IntVar(&c.MaxDatabases, "max-databases", c.MaxDatabases, "most databases")
	f.IntVar(&c.MaxTables, "max-tables", c.MaxTables, "most tables in all databases")
	f.IntVar(&c.MaxColumns, "max-columns", c.MaxColumns, "most columns of a table")
	f.Float64Var(&c.WALSyncRate, "wal-sync-rate", c.WALSyncRate, "sustained rate of syncs to disk, per second")
	f.Var(span{&c.FlushAge}, "flush-age", "how long a row may wait to be written to a Parquet file")
	f.Var(size{&c.SegmentSize}, "segment-size", "size at which a Parquet file is closed and the next one started")
	f.Var(size{&c.MaxDiskBytes}, "max-disk-bytes", "what files and log may take on the disk, 0 for no limit; writes beyond it are refused")
	f.BoolVar(&c.EvictOldest, "evict-oldest", c.EvictOldest, "delete the oldest data when --max-disk-bytes is reached, instead of refusing writes")
	f.Var(size{&c.MaxSpillBytes}, "max-spill-bytes", "what the temporary files of large queries may take on the disk, 0 for none")
	f.Var(size{&c.CompactRate}, "compact-rate", "bytes a second that the merging of small Parquet files may write")
	f.Var(span{&c.RetentionInterval}, "retention-check-interval", "pause between looks for data past its retention")
	f.Var(span{&c.HardDeleteDefault}, "hard-delete-default-duration", "how long soft-deleted data stays")
	f.Var(span{&c.LastCacheEviction}, "last-cache-eviction-interval", "pause between looks for expired rows of last-value caches")
	f.Var(span{&c.DistinctCacheEviction}, "distinct-cache-eviction-interval", "pause between looks for what is too old or too much in distinct-value caches")
	f.Var(span{&c.QueryTimeout}, "query-timeout", "longest time for a query")
	f.IntVar(&c.QueryConcurrency, "query-concurrency", c.QueryConcurrency, "queries that run at the same time")
	f.IntVar(&c.QueryLogSize, "query-log-size", c.QueryLogSize, "queries kept in system.queries")
	f.Var(span{&c.ShutdownTimeout}, "shutdown-timeout", "longest time to stop in good order")
	pluginFlags(f, &c)
	f.Var(targets{&c.SyncTargets}, "sync-target", "where segments go upstream: s3://, file:// or http(s):// URL (repeatable; see tarn sync --help)")
	f.Var(span{&c.SyncMaxDelay}, "sync-max-delay", "how long a segment waits for its day to end before it goes upstream")
	f.Var(size{&c.SyncBandwidth}, "sync-bandwidth", "bytes a second to all sync targets together (default no limit)")
	f.Var(span{&c.SyncRetryMin}, "sync-retry-min", "pause after the first failure of a sync target; it doubles with each further one")
	f.Var(span{&c.SyncRetryMax}, "sync-retry-max", "longest such pause")
	f.StringVar(&c.SyncFormat, "sync-format", c.SyncFormat, "parquet, or delta: with a Delta Lake log for each table")
	f.StringVar(&c.SyncTimeUnit, "sync-time-unit", c.SyncTimeUnit, "us: time in microseconds and a column of what is left of nanoseconds; ns: files as they are")
	f.BoolVar(&c.DisablePprof, "disable-pprof", false, "turn /debug/prof off")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&format, "log-format", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if file == "" {
			file = os.Getenv(environmentName("config"))
		}
		if err := fillFlags(f, file); err != nil {
			return &usageError{err}
		}
		c.LogLevel = new(slog.LevelVar)
		logger, err := newLogger(c.LogLevel, level, format)
		if err != nil {
			return &usageError{err}
		}
		if err := c.Validate(); err != nil {
			return &usageError{err}
		}
		return serve(cmd.Context(), c, logger)
	}
	return cmd
}

// newLogger returns a logger whose level is v, set to the one of that name.
func newLogger(v *slog.LevelVar, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level must be debug, info, warn or error, not %q", level)
	}
	v.Set(l)
	o := &slog.HandlerOptions{Level: v}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, o)), nil
	}
	return nil, fmt.Errorf("--log-format must be text or json, not %q", format)
}

// serve runs until ctx ends or the listener fails.
func serve(ctx context.Context, c edge.Config, logger *slog.Logger) error {
	a, err := edge.Start(ctx, c, logger)
	if err != nil {
		return err
	}
	if err := unmapStart(); err != nil {
		logger.Debug("the pages of the start stay mapped", "error", err)
	}
	supervisor := newSupervisor(logger, a.Alive)
	supervisor.ready()
	var failed error
	select {
	case <-ctx.Done():
		logger.Info("stopping")
	case failed = <-a.Failed():
		logger.Error("the listener failed; stopping", "error", failed)
	}
	supervisor.stopping()
	if err := a.Stop(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("serve: %w", failed)
	}
	logger.Info("stopped")
	return nil
}
