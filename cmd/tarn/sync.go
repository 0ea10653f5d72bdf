package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tarn/edge/humantime"
	upstream "tarn/sync"
)

// targets is a list of sync targets on the command line. The environment and the
// file give several in one text: URLs may have commas, so that one ends only
// where another begins.
type targets struct{ list *[]string }

var targetBegins = regexp.MustCompile(`[\s,]+(?:s3|file|https?)://`)

func (t targets) String() string {
	if t.list == nil {
		return ""
	}
	return "" // URLs may have secrets: help does not show them
}

func (t targets) Set(text string) error {
	text = strings.TrimSpace(text)
	for text != "" {
		end := len(text)
		if at := targetBegins.FindStringIndex(text); at != nil {
			end = at[0]
		}
		*t.list = append(*t.list, text[:end])
		text = strings.TrimLeft(text[end:], ", \t\n")
	}
	return nil
}

func (targets) Type() string { return "url" }

const syncPath = "/api/v3/sync"

func newSync() *cobra.Command {
	cmd := verb("sync", "Show and steer what goes upstream",
		syncStatus(), syncVerb("now", "Send everything now: buffered rows, files that wait, files that were set aside", http.MethodPost, "/now"),
		syncVerb("pause", "Stop sending, across restarts", http.MethodPost, "/pause"),
		syncVerb("resume", "End a pause", http.MethodPost, "/resume"),
		syncVerify(), syncPrune(), syncVerb("forget", "Forget a target that is not configured any more", http.MethodDelete, ""))
	cmd.Long = `Sealed Parquet files go to the targets that ` + "`tarn serve --sync-target URL`" + ` names:

  s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=R&style=path|virtual
  file:///DIRECTORY
  http(s)://HOST:PORT?org=O&bucket=DATABASE&edge-tag=TAG   another Tarn, InfluxDB 2 or 3

All take name=NAME, database=A,B, credentials-file=FILE and tls-ca=FILE; files also
format=parquet|delta and time-unit=us|ns. Credentials of s3 come from the URL, from
an AWS credentials file (profile=P), or from AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY; the token of http from the URL (http://:TOKEN@HOST), a file,
or TARN_SYNC_TOKEN.`
	return cmd
}

// syncVerb is a command that changes a target, or all.
func syncVerb(use, short, method, path string) *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{Use: use + " [TARGET]", Short: short, Args: optional}
	if use == "forget" {
		cmd.Use, cmd.Args = use+" TARGET", one
	}
	c.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		answer, err := c.fetch(cmd.Context(), method, syncPath+path, target(args), nil)
		if err != nil {
			return err
		}
		return printStatus(cmd.OutOrStdout(), answer)
	}
	return cmd
}

func target(args []string) url.Values {
	if len(args) == 0 {
		return nil
	}
	return url.Values{"target": {args[0]}}
}

func syncStatus() *cobra.Command {
	c := &client{}
	var asJSON bool
	cmd := &cobra.Command{Use: "status", Short: "Show the state of all targets", Args: noArgs}
	c.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the server's JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		answer, err := c.fetch(cmd.Context(), http.MethodGet, syncPath, nil, nil)
		if err != nil {
			return err
		}
		if asJSON {
			return say(cmd, "%s", answer)
		}
		return printStatus(cmd.OutOrStdout(), answer)
	}
	return cmd
}

func printStatus(w io.Writer, answer []byte) error {
	var s upstream.Status
	if err := json.Unmarshal(answer, &s); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) } // errors stay until Flush
	p("node\t%s", s.Node)
	if len(s.Targets) == 0 {
		p("targets\tnone (serve --sync-target URL)")
	}
	age := func(seconds float64) string {
		return humantime.Format(time.Duration(seconds * float64(time.Second)).Round(time.Second))
	}
	for _, t := range s.Targets {
		p("\ntarget\t%s", t.ID)
		p("url\t%s", t.URL)
		state := t.State
		if t.State == upstream.StateWaiting {
			state += fmt.Sprintf(", %d failures, next attempt in %s", t.Failures, age(t.NextAttempt))
		}
		if c := t.Current; c != nil {
			state += fmt.Sprintf(" %s.%s, %s of %s", c.Database, c.Table, humanize.IBytes(uint64(c.Sent)), humanize.IBytes(uint64(c.Bytes)))
		}
		p("state\t%s", state)
		if t.LastError != "" {
			p("error\t%s", t.LastError)
		}
		if t.Note != "" {
			p("note\t%s", t.Note)
		}
		pending := t.Files.Sealed + t.Files.Uploading + t.Files.Uploaded + t.Files.Parked
		line := fmt.Sprintf("%d files, %d rows, %s", pending, t.PendingRows, humanize.IBytes(uint64(t.PendingBytes)))
		if pending > 0 {
			line += ", the oldest for " + age(t.OldestPending)
		}
		p("pending\t%s", line)
		if t.Kind == upstream.HTTP {
			p("committed\t%d files, %d rows", t.CommittedFiles, t.CommittedRows)
		} else {
			p("committed\t%d files, %d rows, %s, up to manifest %d", t.CommittedFiles, t.CommittedRows, humanize.IBytes(uint64(t.CommittedBytes)), t.Manifest)
		}
		for _, f := range t.Parked {
			p("set aside\tsegment %d of %s.%s: %s", f.Segment, f.Database, f.Table, f.Error)
		}
	}
	for _, id := range s.Former {
		p("\nformer target\t%s (tarn sync forget)", id)
	}
	return out.Flush()
}

func syncVerify() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use: "verify [TARGET]", Short: "List what a target has and compare", Args: optional,
		Long: "List what a target has and compare: manifests without gaps, every object that they\nlist, of the right size. A server that takes lines cannot be listed. Exits with 1\nwhen something is wrong.",
	}
	c.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		answer, err := c.fetch(cmd.Context(), http.MethodPost, syncPath+"/verify", target(args), nil)
		if err != nil {
			return err
		}
		var r upstream.VerifyReport
		if err := json.Unmarshal(answer, &r); err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		bad := 0
		for _, t := range r.Targets {
			if t.Note != "" {
				if err := say(cmd, "%s: %s", t.ID, t.Note); err != nil {
					return err
				}
				continue
			}
			if err := say(cmd, "%s: %d manifests, %d objects, %d rows, %s, %d not listed", t.ID, t.Manifests, t.Objects, t.Rows, humanize.IBytes(uint64(t.Bytes)), t.Unlisted); err != nil {
				return err
			}
			problems := t.Problems
			if t.Error != "" {
				problems = append(problems, t.Error)
			}
			for _, p := range problems {
				bad++
				if err := say(cmd, "  %s", p); err != nil {
					return err
				}
			}
		}
		if bad > 0 {
			return fmt.Errorf("%d problems", bad)
		}
		return nil
	}
	return cmd
}

func syncPrune() *cobra.Command {
	c := &client{}
	var name, format string
	var dry bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Take out of targets what was deleted here or is past retention", Args: noArgs,
		Long: `Delete, at buckets and directories, the objects that this node put there and whose table or
database was deleted here for good, or whose rows are all older than the retention period is now.
What is not here any more for another reason, such as the quota, stays.

First a manifest and, with format=delta, a Delta log say that the objects are gone. A table that
` + "`tarn lake commit`" + ` made knows after its next run. Repeat it when it fails.`,
		Example: "  tarn sync prune --dry-run\n  tarn sync prune --target nas -d home",
	}
	c.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&name, "target", "", "name of the target (default all)")
	f.StringVarP(&c.database, "database", "d", "", "database (default all)")
	f.BoolVar(&dry, "dry-run", false, "only list what would go")
	f.StringVar(&format, "format", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if format != "text" && format != "json" {
			return &usageError{fmt.Errorf("--format must be text or json, not %q", format)}
		}
		q := url.Values{"target": {name}, "database": {c.database}, "dry_run": {fmt.Sprint(dry)}}
		answer, err := c.fetch(cmd.Context(), http.MethodPost, syncPath+"/prune", q, nil)
		if err != nil {
			return err
		}
		var r upstream.PruneReport
		if err := json.Unmarshal(answer, &r); err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		if format == "json" {
			err = say(cmd, "%s", answer)
		} else {
			err = printPrune(cmd.OutOrStdout(), &r)
		}
		if err != nil {
			return err
		}
		for _, t := range r.Targets {
			if t.Error != "" {
				return fmt.Errorf("%s: %s", t.ID, t.Error)
			}
		}
		return nil
	}
	return cmd
}

func printPrune(w io.Writer, r *upstream.PruneReport) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) } // errors stay until Flush
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	for _, t := range r.Targets {
		p("%s: %s %d objects, %d rows, %s", t.ID, verb, t.Objects, t.Rows, humanize.IBytes(uint64(t.Bytes)))
		if t.Note != "" {
			p("  %s", t.Note)
		}
		for _, o := range t.Removed {
			p("  %s\t%d rows\t%s\t%s", o.Key, o.Rows, humanize.IBytes(uint64(o.Bytes)), o.Reason)
		}
		if more := t.Objects - len(t.Removed); more > 0 {
			p("  and %d more", more)
		}
	}
	return out.Flush()
}

func newLake() *cobra.Command {
	var skip bool
	var every time.Duration
	commit := &cobra.Command{
		Use: "commit URL", Short: "Commit what many nodes sent to one Delta table for each table", Args: one,
		Long: `Read the manifests of all nodes below an s3:// or file:// URL (as for tarn serve
--sync-target), and commit their files to the Delta Lake tables URL/DATABASE/TABLE,
partitioned by edge and date. It needs no server and keeps its progress there.
Running it twice commits nothing twice.`,
	}
	commit.Flags().BoolVar(&skip, "skip-gaps", false, "go on with a node whose manifests have a gap")
	commit.Flags().Var(span{&every}, "every", "go on, with this pause (default once)")
	commit.RunE = func(cmd *cobra.Command, args []string) error {
		for {
			r, err := upstream.CommitLake(cmd.Context(), args[0], upstream.Config{Format: upstream.FormatParquet, TimeUnit: upstream.Micros}, skip)
			if err != nil && (every == 0 || cmd.Context().Err() != nil) {
				return err
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "tarn:", err)
			} else if err := printLake(cmd, r); err != nil && every == 0 {
				return err
			}
			if every == 0 {
				return nil
			}
			if err := pause(cmd.Context(), every); err != nil {
				return nil // told to stop
			}
		}
	}
	return verb("lake", "Look after a lake that many nodes fill", commit)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func printLake(cmd *cobra.Command, r *upstream.LakeReport) error {
	line := fmt.Sprintf("%d nodes, %d manifests, %d objects, %d rows", r.Nodes, r.Manifests, r.Objects, r.Rows)
	if r.Removed > 0 {
		line += fmt.Sprintf(", %d objects removed", r.Removed)
	}
	if err := say(cmd, "%s", line); err != nil {
		return err
	}
	for _, p := range r.Problems {
		if err := say(cmd, "  %s", p); err != nil {
			return err
		}
	}
	if len(r.Problems) > 0 {
		return fmt.Errorf("%d problems", len(r.Problems))
	}
	return nil
}
