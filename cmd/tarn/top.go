package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tarn/edge/api/page"
	"tarn/edge/humantime"
)

func newTop() *cobra.Command {
	c := &client{}
	interval := 2 * time.Second
	cmd := &cobra.Command{Use: "top", Short: "Show live numbers of a server", Args: noArgs,
		Long: `Show what a server takes in, its memory, disk and log, what waits for the link
upstream, and the newest problems, until Ctrl-C. Where the output is no terminal,
one report follows the other.`}
	c.flags(cmd)
	cmd.Flags().Var(span{&interval}, "interval", "pause between two looks")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		const shortest = 100 * time.Millisecond
		if interval < shortest {
			return &usageError{fmt.Errorf("--interval must be at least %s", shortest)}
		}
		return top(cmd.Context(), c, cmd.OutOrStdout(), interval)
	}
	return cmd
}

func newStatus() *cobra.Command {
	c := &client{}
	var format string
	cmd := &cobra.Command{Use: "status", Short: "Show the numbers of a server once", Args: noArgs,
		Long: `Show what tarn top shows, once. The exit code is 1 when the server cannot be
reached or is read-only.`}
	c.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if format != "text" && format != "json" {
			return &usageError{fmt.Errorf("--format must be text or json, not %q", format)}
		}
		s, answer, err := ask(cmd.Context(), c, true)
		if err != nil {
			return err
		}
		if format == "json" {
			err = say(cmd, "%s", answer)
		} else {
			var r rates
			r.add(s)
			_, err = io.WriteString(cmd.OutOrStdout(), report(s, &r, defaultWidth))
		}
		if err == nil && !s.Healthy {
			err = errors.New("the server is read-only: " + s.Reason)
		}
		return err
	}
	return cmd
}

// ask gets the numbers, and the answer that they were in.
func ask(ctx context.Context, c *client, history bool) (*page.Status, []byte, error) {
	query := url.Values{}
	if history {
		query.Set("history", "true")
	}
	answer, err := c.fetch(ctx, http.MethodGet, page.StatusPath, query, nil)
	if err != nil {
		return nil, nil, err
	}
	s := new(page.Status)
	if err := json.Unmarshal(answer, s); err != nil {
		return nil, nil, fmt.Errorf("the answer of %s is none of a Tarn server: %w", c.host, err)
	}
	return s, answer, nil
}

const defaultWidth = 80

// top shows reports until ctx ends. A server that goes away may come back.
func top(ctx context.Context, c *client, w io.Writer, interval time.Duration) error {
	file, _ := w.(*os.File)
	screen := file != nil && term.IsTerminal(int(file.Fd()))
	if screen {
		// The alternate screen, without a cursor, as long as we show something.
		if _, err := io.WriteString(w, "\x1b[?1049h\x1b[?25l"); err != nil {
			return err
		}
		defer func() { _, _ = io.WriteString(w, "\x1b[?25h\x1b[?1049l") }()
	}
	var r rates
	seen := false
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		width, height := defaultWidth, 0
		if screen {
			if cols, rows, err := term.GetSize(int(file.Fd())); err == nil {
				width, height = cols, rows
			}
		}
		s, _, err := ask(ctx, c, !seen)
		var refused *statusError
		var text string
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (!seen || errors.As(err, &refused) && refused.status < 500):
			return err
		case err != nil:
			text = err.Error() + "\n"
		default:
			seen = true
			r.add(s)
			text = report(s, &r, width)
		}
		if screen {
			text = framed(text, height)
		} else {
			text += "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// framed is a text as it replaces another on the screen, without flicker.
func framed(text string, height int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if height > 0 && len(lines) > height {
		lines = lines[:height]
	}
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

// rates remembers how fast counters rose: rows and bytes a second between two
// looks, oldest first.
type rates struct {
	process        string
	last           *page.Sample
	rows, received []float64
}

const keptRates = 300

func (r *rates) add(s *page.Status) {
	if s.Process != r.process {
		*r = rates{process: s.Process} // counters start anew
	}
	for _, h := range s.History {
		r.step(h)
	}
	r.step(page.Sample{Time: s.Now, Rows: s.Rows, Received: s.Received})
}

func (r *rates) step(to page.Sample) {
	if r.last != nil {
		seconds := float64(to.Time-r.last.Time) / 1000
		if seconds <= 0 {
			return
		}
		r.rows = append(r.rows, float64(to.Rows-r.last.Rows)/seconds)
		r.received = append(r.received, float64(to.Received-r.last.Received)/seconds)
		if n := len(r.rows) - keptRates; n > 0 {
			r.rows, r.received = r.rows[n:], r.received[n:]
		}
	}
	r.last = &to
}

// report shows the numbers in lines of at most width characters.
func report(s *page.Status, r *rates, width int) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		b.WriteString(cut(fmt.Sprintf("%-9s %s", name, text), width) + "\n")
	}
	health := "healthy"
	if !s.Healthy {
		health = "READ-ONLY: " + s.Reason
	}
	line("tarn", "%s, %s, up %s, %s", s.Node, s.Version, since(s.Now-s.Started), health)
	spark := max(width-42, 0)
	line("rows", "%12s %12s  %s", humanize.Comma(s.Rows), newest(r.rows, func(v float64) string { return perSecond(v) + " rows/s" }), sparks(r.rows, spark))
	line("received", "%12s %12s  %s", size64(s.Received), newest(r.received, func(v float64) string { return size64(int64(v)) + "/s" }), sparks(r.received, spark))
	line("requests", "%12s   %s failed", humanize.Comma(s.Requests), humanize.Comma(s.Failed))
	level(line, "buffer", s.Buffer)
	level(line, "memory", s.Memory)
	if s.Disk.Limit > 0 {
		level(line, "disk", s.Disk.Level)
	} else {
		line("disk", "%12s   no limit set; %s of %s free", size64(s.Disk.Used), size64(s.Disk.Free), size64(s.Disk.Total))
	}
	line("flash", "%12s   written today; since the start %s to the log, %s to files", size64(s.Flash.Today), size64(s.Flash.WAL), size64(s.Flash.Segments))
	state := "in order"
	if s.WAL.Failed {
		state = "FAILED"
	}
	line("log", "%12s   %s not in files yet, %s syncs", state, size64(s.WAL.Live), humanize.Comma(s.WAL.Syncs))
	line("content", "%d databases, %d tables, %s series, %d files with %s rows", s.Databases, s.Tables, humanize.Comma(s.Series), s.Files, humanize.Comma(s.FileRows))
	for _, t := range s.Sync {
		state, waits := t.State, "nothing waits"
		if t.Failures > 0 {
			state = "LINK DOWN"
		}
		if t.Files > 0 {
			waits = fmt.Sprintf("%s, %s rows wait, the oldest for %s", size64(t.Bytes), humanize.Comma(t.Rows), since(int64(t.Oldest*1000)))
		}
		if t.Parked > 0 {
			waits += fmt.Sprintf("; %d files set aside", t.Parked)
		}
		line("sync", "%s: %s, %s", t.ID, state, waits)
		if t.Error != "" && t.Failures > 0 {
			line("", "%s", t.Error)
		}
	}
	const most = 5
	for i, p := range s.Problems {
		if i == most {
			break
		}
		line(p.Level, "%s ago: %s", since(s.Now-p.Time), p.Text)
	}
	return b.String()
}

// level shows a use against its limit as a bar.
func level(line func(name, format string, args ...any), name string, l page.Level) {
	if l.Limit <= 0 {
		line(name, "%12s", size64(l.Used))
		return
	}
	const cells = 20
	full := int(min(max(l.Used*cells/l.Limit, 0), cells))
	line(name, "%12s   [%s%s] of %s", size64(l.Used), strings.Repeat("#", full), strings.Repeat(".", cells-full), size64(l.Limit))
}

// newest shows the last of some rates, a dash when there is none.
func newest(v []float64, show func(float64) string) string {
	if len(v) == 0 {
		return "-"
	}
	return show(v[len(v)-1])
}

func perSecond(v float64) string {
	if v < 100 {
		return humanize.FtoaWithDigits(v, 1)
	}
	return humanize.Comma(int64(math.Round(v)))
}

// sparks draws the newest rates as blocks of eight heights.
func sparks(v []float64, width int) string {
	v = v[max(len(v)-width, 0):]
	highest := 0.0
	for _, x := range v {
		highest = max(highest, x)
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, x := range v {
		i := 0
		if highest > 0 && x > 0 {
			i = min(int(x/highest*float64(len(blocks))), len(blocks)-1)
		}
		b.WriteRune(blocks[i])
	}
	return b.String()
}

func size64(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// since shows milliseconds in whole seconds.
func since(ms int64) string {
	return humantime.Format(time.Duration(max(ms, 0)) * time.Millisecond / time.Second * time.Second)
}

// cut makes one line of a text, no longer than width characters, and without
// what a terminal would take for a command.
func cut(text string, width int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.TrimRight(text, " ")
	if utf8.RuneCountInString(text) <= width || width < 2 {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
