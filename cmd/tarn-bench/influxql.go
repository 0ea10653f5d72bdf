//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// influxqlConfig is one comparison of InfluxQL over HTTP.
type influxqlConfig struct {
	tarn, influxd, file, scratch string
	runs                         int
}

func runInfluxQL(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("influxql", flag.ContinueOnError)
	var config influxqlConfig
	flags.StringVar(&config.tarn, "tarn", "", "Tarn's `binary`")
	flags.StringVar(&config.influxd, "influxd", "", "InfluxDB 1's `binary`")
	flags.StringVar(&config.file, "file", "", "TSBS cpu-only line-protocol `file`")
	flags.StringVar(&config.scratch, "scratch", "", "parent of the data `directory`")
	flags.IntVar(&config.runs, "runs", warmRuns, "warm runs of each query")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.tarn == "" || config.influxd == "" || config.file == "" {
		return errors.New("influxql: -tarn, -influxd and -file are required")
	}
	return compareInfluxQL(ctx, config, os.Stdout)
}

// influxqlQueries are the texts that TSBS sends to InfluxDB 1, with one of the
// ranges of time that it draws.
func influxqlQueries() []benchQuery {
	hosts := "(hostname = 'host_43' or hostname = 'host_0' or hostname = 'host_19' or hostname = 'host_77' or hostname = 'host_74' or hostname = 'host_75' or hostname = 'host_69' or hostname = 'host_93')"
	list := func(function string, n int) string { return strings.Join(of(function, n), ", ") }
	return []benchQuery{
		{"single-groupby-1-1-1", "SELECT max(usage_user) from cpu where (hostname = 'host_43') and 1H group by time(1m)"},
		{"single-groupby-1-8-1", "SELECT max(usage_user) from cpu where " + hosts + " and 1H group by time(1m)"},
		{"single-groupby-5-8-1", "SELECT " + list("max", 5) + " from cpu where " + hosts + " and 1H group by time(1m)"},
		{"cpu-max-all-8", "SELECT " + list("max", 10) + " from cpu where " + hosts + " and 8H group by time(1h)"},
		{"double-groupby-1", "SELECT mean(usage_user) from cpu where 12H group by time(1h),hostname"},
		{"double-groupby-5", "SELECT " + list("mean", 5) + " from cpu where 12H group by time(1h),hostname"},
		{"double-groupby-all", "SELECT " + list("mean", 10) + " from cpu where 12H group by time(1h),hostname"},
		{"high-cpu-1", "SELECT * from cpu where usage_user > 90.0 and (hostname = 'host_43') and 12H"},
		{"high-cpu-all", "SELECT * from cpu where usage_user > 90.0 and 12H"},
		{"lastpoint", `SELECT * from cpu group by "hostname" order by time desc limit 1`},
		{"groupby-orderby-limit", "SELECT max(usage_user) from cpu WHERE time < '2026-01-01T12:17:55Z' group by time(1m) limit 5"},
		{"groupby-orderby-limit-desc", "SELECT max(usage_user) from cpu WHERE time < '2026-01-01T12:17:55Z' group by time(1m) order by time desc limit 5"},
	}
}

// compareInfluxQL loads the data into both, starts them anew, and asks them in
// turn, so that what else goes on on the machine hits both.
func compareInfluxQL(ctx context.Context, config influxqlConfig, w io.Writer) (err error) {
	scratch, err := os.MkdirTemp(config.scratch, "tarn-bench-influxql-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	var bases []string
	for i, program := range []string{config.tarn, config.influxd} {
		kind := serverKinds[i]
		dir := filepath.Join(scratch, kind.name)
		if err := loadSettled(ctx, kind, program, config.file, dir); err != nil {
			return fmt.Errorf("load %s: %w", kind.name, err)
		}
		s, err := startServer(ctx, kind, program, dir, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		bases = append(bases, s.base)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "InfluxQL over HTTP\trows\tTarn ms\tmin\tinfluxd ms\tmin\tTarn/influxd\t")
	var differ []string
	var body []byte
	for _, q := range influxqlQueries() {
		var answers [2]answer
		for run := range warmUps + config.runs {
			for i, base := range bases {
				start := time.Now()
				if body, err = getInto(ctx, base+"/query?"+url.Values{"db": {database}, "q": {windows.Replace(q.text)}}.Encode(), body); err != nil {
					return fmt.Errorf("%s: %w", q.name, err)
				}
				if run >= warmUps {
					answers[i].took = append(answers[i].took, time.Since(start))
				}
				if run == 0 {
					if err := answers[i].addSeries(body); err != nil {
						return fmt.Errorf("%s: %w", q.name, err)
					}
				}
			}
		}
		a, b := answers[0], answers[1]
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%.2f\t\n", q.name, a.rows, ms(a.median()), ms(slices.Min(a.took)), ms(b.median()), ms(slices.Min(b.took)),
			float64(a.median())/float64(max(b.median(), 1)))
		if !a.agrees(b) {
			differ = append(differ, fmt.Sprintf("%s: Tarn %d rows, %d cells, sum %v; influxd %d rows, %d cells, sum %v", q.name, a.rows, a.cells, a.numbers, b.rows, b.cells, b.numbers))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if differ != nil {
		return errors.New("answers differ: " + strings.Join(differ, "; "))
	}
	return nil
}

// loadSettled fills a server and stops it once its files are merged as far as
// they will be.
func loadSettled(ctx context.Context, kind serverKind, program, file, dir string) (err error) {
	set, err := openDataset(file, 5000)
	if err != nil {
		return err
	}
	s, err := startServer(ctx, kind, program, dir, kind.settleEnv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if kind.prepare != nil {
		if err := kind.prepare(ctx, s.base); err != nil {
			return err
		}
	}
	if _, err := load(ctx, loadConfig{url: s.base + kind.write, workers: 1}, set); err != nil {
		return err
	}
	if kind.settleEnv == nil {
		return nil
	}
	select {
	case <-time.After(20 * time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// addSeries sums up an answer of /query. Times count as cells, not as numbers.
func (a *answer) addSeries(body []byte) error {
	var v struct {
		Results []struct {
			Series []struct{ Values [][]any }
			Error  string
		}
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("%w in %.200s", err, body)
	}
	for _, r := range v.Results {
		if r.Error != "" {
			return errors.New(r.Error)
		}
		for _, s := range r.Series {
			a.rows += len(s.Values)
			for _, row := range s.Values {
				for _, c := range row {
					if c != nil {
						a.cells++
					}
					if f, ok := c.(float64); ok && !math.IsNaN(f) {
						a.numbers += f
					}
				}
			}
		}
	}
	return nil
}
