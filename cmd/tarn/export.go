package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tarn/edge/api/dataapi"
	"tarn/edge/export"
	"tarn/store"
)

// exporter gives tables away: a running server, or a data directory.
type exporter interface {
	databases(ctx context.Context) ([]string, error)
	tables(ctx context.Context, database string) ([]string, error)
	table(ctx context.Context, database, table string, w io.Writer) error
	close(ctx context.Context) error
}

func newExport() *cobra.Command {
	c := &client{}
	var table, from, to, format, output, dir string
	cmd := &cobra.Command{
		Use: "export", Short: "Write tables as line protocol, CSV or Parquet", Args: noArgs,
		Long: `Write tables as line protocol, CSV or Parquet: one table, all of a database, or everything. A single table goes to
standard output or to the file of --output; more than one go to files in the directory of --output. Line protocol has times
in nanoseconds, and writing it again gives the same rows. With --data-dir the data comes from the directory of a server
that does not run.

  tarn export -d home --table room --from 2026-01-01T00:00:00Z > room.lp
  tarn export -d home --format parquet --output home/
  tarn export --data-dir /var/lib/tarn --output all/`,
	}
	c.flags(cmd)
	c.databaseFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&table, "table", "t", "", "table (default all)")
	f.StringVar(&from, "from", "", "first time, RFC 3339")
	f.StringVar(&to, "to", "", "time before which to end, RFC 3339")
	f.StringVar(&format, "format", "lp", "lp, csv or parquet")
	f.StringVarP(&output, "output", "o", "", "file, or directory when there is more than one table")
	f.StringVar(&dir, "data-dir", "", "data directory of a server that does not run")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		fmtd, err := export.ParseFormat(format)
		if err != nil {
			return &usageError{fmt.Errorf("--%w", err)}
		}
		lo, hi, err := dataapi.Bounds(from, to)
		switch {
		case err != nil:
			return &usageError{fmt.Errorf("--%w", err)}
		case table != "" && c.database == "":
			return &usageError{errors.New("--table needs --database")}
		case table == "" && output == "":
			return &usageError{errors.New("more than one table: name a directory with --output, or one table with --table")}
		case fmtd == export.Parquet && output == "":
			return &usageError{errors.New("parquet is not for a screen: name a file with --output")}
		}
		ctx := cmd.Context()
		var e exporter = &remoteExport{c, url.Values{"format": {format}, "from": {from}, "to": {to}}}
		if dir != "" {
			if e, err = openExport(ctx, dir, export.Spec{MinTime: lo, MaxTime: hi, Format: fmtd}); err != nil {
				return locked(err)
			}
		}
		defer func() { err = errors.Join(err, e.close(context.WithoutCancel(ctx))) }()
		if table != "" {
			if output == "" {
				return e.table(ctx, c.database, table, cmd.OutOrStdout())
			}
			return exportFile(cmd, e, c.database, table, output)
		}
		databases := []string{c.database}
		if c.database == "" {
			if databases, err = e.databases(ctx); err != nil {
				return err
			}
		}
		for _, db := range databases {
			tables, err := e.tables(ctx, db)
			if err != nil {
				return err
			}
			to := output
			if c.database == "" {
				to = filepath.Join(output, fileName(db))
			}
			if err := os.MkdirAll(to, 0o755); err != nil {
				return fmt.Errorf("--output: %w", err)
			}
			for _, t := range tables {
				if err := exportFile(cmd, e, db, t, filepath.Join(to, fileName(t)+"."+format)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return cmd
}

// fileName makes a name that any file system takes.
func fileName(name string) string {
	if name == "." || name == ".." {
		return "%2E" + name[1:]
	}
	return strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// exportFile writes a table to a file, which is there whole or not at all.
func exportFile(cmd *cobra.Command, e exporter, database, table, path string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(e.table(cmd.Context(), database, table, w)) }()
	progress := newProgress(cmd, 0)
	progress.what = database + " " + table
	err := save(path, io.TeeReader(r, progress))
	_ = r.CloseWithError(err)
	progress.end()
	return err
}

// remoteExport asks a running server.
type remoteExport struct {
	client *client
	query  url.Values
}

func (r *remoteExport) list(ctx context.Context, path string, body any, query url.Values, method string) ([]string, error) {
	answer, err := r.client.fetch(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(answer)) {
		var row map[string]string
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, err
		}
		for _, v := range row {
			if v != "_internal" {
				names = append(names, v)
			}
		}
	}
	return names, nil
}

func (r *remoteExport) databases(ctx context.Context) ([]string, error) {
	return r.list(ctx, configure+"/database", nil, url.Values{"format": {"jsonl"}}, http.MethodGet)
}

func (r *remoteExport) tables(ctx context.Context, database string) ([]string, error) {
	return r.list(ctx, "/api/v3/query_sql", map[string]any{"db": database, "format": "jsonl",
		"q": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'iox' ORDER BY table_name"}, nil, http.MethodPost)
}

func (r *remoteExport) table(ctx context.Context, database, table string, w io.Writer) error {
	q := url.Values{"db": {database}, "table": {table}}
	for name, v := range r.query {
		if v[0] != "" {
			q[name] = v
		}
	}
	resp, err := r.client.do(ctx, http.MethodGet, "/api/v3/export", q, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("the export of table %q broke off: %w", table, err)
	}
	return nil
}

func (r *remoteExport) close(context.Context) error { return nil }

// localExport opens a data directory as a server does.
type localExport struct {
	store *store.Store
	spec  export.Spec
}

func openExport(ctx context.Context, dir string, spec export.Spec) (*localExport, error) {
	if _, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil {
		return nil, fmt.Errorf("--data-dir: %w", err)
	}
	s, err := store.Open(ctx, store.Options{Dir: dir, CompactInterval: -1, KeepExpired: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return &localExport{s, spec}, nil
}

func (l *localExport) databases(context.Context) (names []string, err error) {
	for _, d := range l.store.Databases() {
		names = append(names, d.Name())
	}
	return names, nil
}

func (l *localExport) tables(_ context.Context, database string) ([]string, error) {
	db, ok := l.store.Database(database)
	if !ok {
		return nil, fmt.Errorf("database %q: %w", database, store.ErrNotFound)
	}
	return db.Tables(), nil
}

func (l *localExport) table(ctx context.Context, database, table string, w io.Writer) error {
	spec := l.spec
	spec.Database, spec.Table = database, table
	_, err := export.Table(ctx, l.store, spec, w)
	return err
}

func (l *localExport) close(ctx context.Context) error { return l.store.Close(ctx) }

// progress shows on a terminal how much came, and a summary otherwise.
type progress struct {
	w     io.Writer
	live  bool
	what  string
	n     int64
	total int64
	began time.Time
	shown time.Time
}

func newProgress(cmd *cobra.Command, total int64) *progress {
	return &progress{w: cmd.ErrOrStderr(), live: isTerminal(cmd.ErrOrStderr()), what: "backup", total: total, began: time.Now()}
}

func (p *progress) Write(b []byte) (int, error) {
	p.n += int64(len(b))
	if p.live && time.Since(p.shown) > 200*time.Millisecond {
		p.shown = time.Now()
		of := ""
		if p.total > 0 {
			of = " of " + humanize.IBytes(uint64(p.total))
		}
		fmt.Fprintf(p.w, "\r%s: %s%s ", p.what, humanize.IBytes(uint64(p.n)), of)
	}
	return len(b), nil
}

func (p *progress) end() {
	start := ""
	if p.live {
		start = "\r"
	}
	fmt.Fprintf(p.w, "%s%s: %s in %s\n", start, p.what, humanize.IBytes(uint64(p.n)), time.Since(p.began).Round(time.Millisecond))
}
