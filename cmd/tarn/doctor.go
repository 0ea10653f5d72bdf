package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tarn/edge"
	"tarn/store"
	"tarn/store/vfs"
)

// diagnosis is the report of `tarn doctor`.
type diagnosis struct {
	Version     string    `json:"version"`
	Revision    string    `json:"revision"`
	Go          string    `json:"go"`
	Platform    string    `json:"platform"`
	CPUs        int       `json:"cpus"`
	MemoryLimit int64     `json:"memory_limit_bytes"`
	Time        time.Time `json:"time"`
	Machine     machine   `json:"machine"`
	// Settings are those that are not the defaults.
	Settings map[string]string `json:"settings"`
	Done     []string          `json:"done,omitempty"`
	*store.Inspection
	Healthy bool `json:"healthy"`
}

func newDoctor() *cobra.Command {
	var file, format string
	var repair, rebuild bool
	// The settings are those of serve, so that a service's file and environment
	// say where its data is.
	settings := newServe()
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check a data directory, and repair it", Args: noArgs,
		Long: `Check the data directory of a server that does not run: the catalog, every record of the
log, every page of every Parquet file, owners, disk and clock. Nothing is changed.

--repair moves what is damaged to the folder quarantine of the data directory, forgets files that
are not there, and deletes what was never finished. --rebuild makes a lost or damaged catalog anew
from the Parquet files; tokens cannot be brought back that way, retention periods neither.

The exit code is 0 when all is well or was repaired, 1 when something is wrong, 2 for a wrong command line, 3 when a
server has the directory.`,
	}
	f := cmd.Flags()
	f.AddFlag(settings.Flags().Lookup("data-dir"))
	f.AddFlag(settings.Flags().Lookup("memory-limit"))
	f.StringVar(&file, "config", "", "TOML file of the server's settings")
	f.StringVar(&format, "format", "text", "text or json")
	f.BoolVar(&repair, "repair", false, "repair what can be repaired")
	f.BoolVar(&rebuild, "rebuild", false, "make a lost or damaged catalog anew from the Parquet files")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if format != "text" && format != "json" {
			return &usageError{fmt.Errorf("--format must be text or json, not %q", format)}
		}
		if file == "" {
			file = os.Getenv(environmentName("config"))
		}
		if err := fillFlags(settings.Flags(), file); err != nil {
			return &usageError{err}
		}
		d := diagnosis{Version: version, Revision: revision, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			CPUs: runtime.NumCPU(), Time: time.Now().UTC(), Settings: changed(settings)}
		dir, err := settings.Flags().GetString("data-dir")
		if err != nil {
			return err
		}
		d.Machine = thisMachine("/", dir)
		d.MemoryLimit = edge.MemoryLimit(memoryFlag(settings))
		opts := store.Options{Dir: dir, Earliest: edge.BuiltAt()}
		if rebuild {
			if d.Done, err = store.Rebuild(cmd.Context(), opts); err != nil {
				return locked(err)
			}
		}
		if repair {
			done, err := store.Repair(cmd.Context(), opts)
			if d.Done = append(d.Done, done...); err != nil {
				return locked(err)
			}
		}
		if d.Inspection, err = store.Inspect(cmd.Context(), opts); err != nil {
			return locked(err)
		}
		d.Healthy = d.Errors() == 0
		if format == "json" {
			e := json.NewEncoder(cmd.OutOrStdout())
			e.SetIndent("", "  ")
			err = e.Encode(d)
		} else {
			err = d.print(cmd.OutOrStdout())
		}
		if err == nil && !d.Healthy {
			err = fmt.Errorf("%d errors were found", d.Errors())
		}
		return err
	}
	return cmd
}

// lockedError is a directory that a server uses: exit code 3.
type lockedError struct{ err error }

func (e *lockedError) Error() string {
	return e.err.Error() + ": stop the server first, or ask it for /health"
}
func (e *lockedError) Unwrap() error { return e.err }

func locked(err error) error {
	if errors.Is(err, vfs.ErrLocked) {
		return &lockedError{err}
	}
	return err
}

func memoryFlag(serve *cobra.Command) int64 {
	if s, ok := serve.Flags().Lookup("memory-limit").Value.(size); ok {
		return *s.n
	}
	return 0
}

// changed are the settings that somebody made, secrets left out.
func changed(serve *cobra.Command) map[string]string {
	out := map[string]string{}
	serve.Flags().Visit(func(f *pflag.Flag) {
		out[f.Name] = f.Value.String()
		if strings.Contains(f.Name, "secret") || strings.Contains(f.Name, "password") || strings.Contains(out[f.Name], "@") {
			out[f.Name] = "(not shown)"
		}
	})
	return out
}

// print writes the report for people.
func (d *diagnosis) print(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	bytes := func(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
	line("tarn %s, revision %s, %s, %s, %d CPUs, memory limit %s", d.Version, d.Revision, d.Go, d.Platform, d.CPUs, bytes(d.MemoryLimit))
	line("data directory %s, cluster %s, %s", d.Dir, d.UUID, d.Time.Format(time.RFC3339))
	line("machine   %s, %s, Linux %s, %s of memory%s, up %s", cmp.Or(d.Machine.Model, "unknown"), d.Machine.System, d.Machine.Kernel, bytes(d.Machine.Memory), d.Machine.group(), d.Machine.Up)
	line("storage   %s on %s at %s (%s)", d.Machine.FileSystem.Type, d.Machine.FileSystem.Device, d.Machine.FileSystem.Mount, d.Machine.FileSystem.Options)
	for _, name := range slices.Sorted(maps.Keys(d.Settings)) {
		line("  %s = %s", name, d.Settings[name])
	}
	line("catalog   %s, %d tokens, checkpoint at write %d", bytes(d.Catalog.Bytes), d.Catalog.Tokens, d.Catalog.CheckpointSeq)
	line("files     %d, %s, %d rows; %d unregistered, %d unfinished, %d in quarantine", d.Segments, bytes(d.SegmentBytes), d.SegmentRows, d.Unregistered, d.Unfinished, d.Quarantined)
	line("log       %d segments, %s, %d writes of %d rows not in files yet", d.Log.Segments, bytes(d.Log.Bytes), d.Log.Writes, d.Log.Rows)
	line("disk      %s of %s free", bytes(d.DiskFree), bytes(d.DiskTotal))
	for _, db := range d.Databases {
		state := ""
		if db.Deleted {
			state = ", deleted"
		}
		if db.Retention != "" {
			state += ", keeps " + db.Retention
		}
		line("database %q%s", db.Name, state)
		for _, t := range db.Tables {
			state := ""
			if t.Deleted {
				state = ", deleted"
			}
			line("  %-24q %d columns, %d files, %d rows, %s, %s to %s%s", t.Name, t.Columns, t.Files, t.Rows, bytes(t.Bytes), orNone(t.From), orNone(t.To), state)
		}
	}
	for _, done := range d.Done {
		line("repaired  %s", done)
	}
	for _, f := range d.Findings {
		advice := ""
		if f.Advice != "" {
			advice = " (" + f.Advice + ")"
		}
		line("%-9s %s: %s%s", strings.ToUpper(string(f.Severity)), f.Path, f.Text, advice)
	}
	if d.Healthy {
		line("all is well")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
