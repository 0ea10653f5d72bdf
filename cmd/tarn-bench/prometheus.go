//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
)

// promConfig is one comparison over Prometheus's protocols.
type promConfig struct {
	tarn, tools, scratch string
	series, runs         int
	hours                int
}

func runPrometheus(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("prometheus", flag.ContinueOnError)
	var config promConfig
	flags.StringVar(&config.tarn, "tarn", "", "Tarn's `binary`")
	flags.StringVar(&config.tools, "tools", defaultTools(), "`directory` whose bin holds the peers")
	flags.StringVar(&config.scratch, "scratch", "", "parent of the data `directories`")
	flags.IntVar(&config.series, "series", 1000, "number of series, ten a target")
	flags.IntVar(&config.hours, "hours", 12, "`hours` of samples, one every 15 s a series")
	flags.IntVar(&config.runs, "runs", warmRuns, "warm runs of each query")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if config.tarn == "" {
		return errors.New("prometheus: -tarn is required")
	}
	return comparePrometheus(ctx, config, os.Stdout, os.Stderr)
}

// promKind is a server that takes remote write and answers PromQL.
type promKind struct {
	serverKind
	api string // path of the query API
}

func promKinds() []promKind {
	kinds := []promKind{
		{serverKinds[0], "/v1/prometheus/api/v1"},
		{serverKind{name: "prometheus", program: "prometheus", command: func(dir, address string) (args, env []string) {
			return []string{"--config.file=/dev/null", "--storage.tsdb.path=" + dir, "--web.listen-address=" + address,
				"--web.enable-remote-write-receiver", "--log.level=warn"}, nil
		}, ping: "/-/ready", write: "/api/v1/write"}, "/api/v1"},
		{serverKinds[2], "/prometheus/api/v1"},
	}
	kinds[0].write, kinds[2].write = "/v1/prometheus/write", "/api/v1/write"
	return kinds
}

const promInterval = 15 * time.Second

// samplesPerRequest is what Prometheus sends at most by default.
const samplesPerRequest = 2000

// promBodies makes the requests that a Prometheus would send: every scrape
// brings one sample of each series.
func promBodies(config promConfig, start time.Time) (bodies [][]byte, samples int, err error) {
	rng := rand.New(rand.NewPCG(1, 2))
	series := make([]prompb.TimeSeries, config.series)
	values := make([]float64, config.series)
	for i := range series {
		name := fmt.Sprintf("app_requests_%d_total", i%10)
		if i%2 == 1 {
			name = fmt.Sprintf("app_load_%d", i%10)
		}
		series[i].Labels = []prompb.Label{
			{Name: "__name__", Value: name}, {Name: "cluster", Value: "edge"}, {Name: "instance", Value: fmt.Sprintf("host-%d:9100", i/10)},
			{Name: "job", Value: "node"}, {Name: "zone", Value: fmt.Sprintf("z%d", i/10%4)},
		}
		series[i].Samples = make([]prompb.Sample, 1)
		// Far from 0, where versions 2 and 3 extrapolate rates differently.
		values[i] = 1e6
	}
	for step := range config.hours * int(time.Hour/promInterval) {
		at := start.Add(time.Duration(step) * promInterval).UnixMilli()
		for i := range series {
			if i%2 == 0 {
				values[i] += float64(rng.IntN(1000))
			} else {
				values[i] = math.Round(max(0, min(values[i], 100)+rng.NormFloat64()*10)*100) / 100
			}
			series[i].Samples[0] = prompb.Sample{Timestamp: at, Value: values[i]}
		}
		for from := 0; from < len(series); from += samplesPerRequest {
			part := series[from:min(from+samplesPerRequest, len(series))]
			raw, err := (&prompb.WriteRequest{Timeseries: part}).Marshal()
			if err != nil {
				return nil, 0, err
			}
			bodies = append(bodies, s2.EncodeSnappy(nil, raw))
			samples += len(part)
		}
	}
	return bodies, samples, nil
}

// promQueries are range queries over all hours.
var promQueries = []struct{ name, text, step string }{
	{"one series", `app_load_1{instance="host-7:9100"}`, "60"},
	{"one rate", `rate(app_requests_2_total{instance="host-7:9100"}[5m])`, "60"},
	{"all series of a metric", `app_load_3`, "60"},
	{"sum of rates", `sum(rate(app_requests_4_total[5m]))`, "60"},
	{"sum of rates by zone", `sum by (zone) (rate(app_requests_4_total[5m]))`, "60"},
	{"max over an hour", `max by (instance) (max_over_time(app_load_5[1h]))`, "3600"},
	{"average over 10 m", `avg_over_time(app_load_7{zone="z1"}[10m])`, "300"},
	{"five highest", `topk(5, app_load_9)`, "300"},
	{"all metrics", `count({__name__=~"app_.*"})`, "300"},
	{"ratio", `sum(rate(app_requests_0_total[5m])) / sum(rate(app_requests_2_total[5m]))`, "60"},
}

// promRun is what one server cost.
type promRun struct {
	kind    promKind
	load    procSample
	wall    time.Duration
	cpu     time.Duration
	bytes   int64
	queries []answer
	peak    int64 // after the queries
}

func comparePrometheus(ctx context.Context, config promConfig, w, progress io.Writer) error {
	start := time.Now().Add(-time.Duration(config.hours) * time.Hour).Truncate(promInterval)
	bodies, samples, err := promBodies(config, start)
	if err != nil {
		return err
	}
	var runs []promRun
	for _, kind := range promKinds() {
		program, err := findProgram(peersConfig{tools: config.tools, tarn: config.tarn}, kind.serverKind)
		if err != nil {
			fmt.Fprintf(progress, "left out: %s (%v)\n", kind.name, err)
			continue
		}
		fmt.Fprintf(progress, "%d samples of %d series into %s\n", samples, config.series, kind.name)
		run, err := measurePrometheus(ctx, config, kind, program, bodies, start)
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		runs = append(runs, run)
	}
	return reportPrometheus(w, config, runs, samples)
}

func measurePrometheus(ctx context.Context, config promConfig, kind promKind, program string, bodies [][]byte, start time.Time) (run promRun, err error) {
	run.kind = kind
	dir, err := os.MkdirTemp(config.scratch, "tarn-bench-prom-")
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := startServer(ctx, kind.serverKind, program, dir, nil)
	if err != nil {
		return run, err
	}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, s.stop())
		}
	}()
	pid := s.process.Process.Pid
	before, err := readProc(pid)
	if err != nil {
		return run, err
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	began := time.Now()
	for _, b := range bodies {
		if err := sendPrometheus(ctx, client, s.base+kind.write, b); err != nil {
			return run, err
		}
	}
	run.wall = time.Since(began)
	if run.load, err = readProc(pid); err != nil {
		return run, err
	}
	run.cpu = run.load.cpu - before.cpu
	if kind.name == "victoria-metrics" {
		// What it acknowledged is not searchable yet.
		if err := getOK(ctx, s.base+"/internal/force_flush"); err != nil {
			return run, err
		}
	}
	if err := waitIdle(ctx, pid, 30*time.Second); err != nil {
		return run, err
	}
	end := start.Add(time.Duration(config.hours) * time.Hour)
	var body []byte
	for _, q := range promQueries {
		// No sample lies at the edge of a window: Prometheus 2 takes one at the
		// left edge in, 3 does not.
		v := url.Values{"query": {q.text}, "step": {q.step}, "nocache": {"1"},
			"start": {strconv.FormatInt(start.Unix()+7, 10)}, "end": {strconv.FormatInt(end.Unix()-8, 10)}}
		var a answer
		for i := range warmUps + config.runs {
			asked := time.Now()
			if body, err = getInto(ctx, s.base+kind.api+"/query_range?"+v.Encode(), body); err != nil {
				return run, fmt.Errorf("%s: %w", q.name, err)
			}
			if i >= warmUps {
				a.took = append(a.took, time.Since(asked))
			} else if i == 0 {
				if err := a.addMatrix(body); err != nil {
					return run, fmt.Errorf("%s: %w", q.name, err)
				}
			}
		}
		run.queries = append(run.queries, a)
	}
	asked, err := readProc(pid)
	if err != nil {
		return run, err
	}
	run.peak = asked.peakRSS
	stopped = true
	if err := s.stop(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) { // Prometheus counts a signal as a failure
			return run, err
		}
	}
	run.bytes, err = allocatedBytes(filepath.Join(dir, "data"))
	return run, err
}

func sendPrometheus(ctx context.Context, client *http.Client, address string, body []byte) error {
	for range maxRetries {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header = http.Header{"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}, "X-Prometheus-Remote-Write-Version": {"0.1.0"}}
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		resp.Body.Close()
		switch {
		case err != nil:
			return err
		case resp.StatusCode/100 == 2:
			return nil
		case resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusTooManyRequests:
			return fmt.Errorf("%s: %.300s", resp.Status, text)
		}
		if err := sleep(ctx, retryAfter(resp.Header)); err != nil {
			return err
		}
	}
	return errors.New("the server is busy for too long")
}

// addMatrix sums up an answer of query_range.
func (a *answer) addMatrix(body []byte) error {
	var v struct {
		Status string
		Data   struct {
			Result []struct{ Values [][2]any }
		}
	}
	if err := json.Unmarshal(body, &v); err != nil || v.Status != "success" {
		return fmt.Errorf("%w in %.200s", err, body)
	}
	for _, s := range v.Data.Result {
		a.rows++
		for _, p := range s.Values {
			text, _ := p[1].(string)
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return err
			}
			a.cells++
			a.numbers += f
		}
	}
	return nil
}

func reportPrometheus(w io.Writer, config promConfig, runs []promRun, samples int) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "Remote write, %d samples of %d series\tksamples/s\tksamples/CPU s\tpeak RSS MiB\tafter queries\tdisk, B/sample\t\n", samples, config.series)
	for _, r := range runs {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%d\t%d\t%.2f\t\n", r.kind.name, float64(samples)/r.wall.Seconds()/1e3, float64(samples)/max(r.cpu.Seconds(), 0.01)/1e3,
			r.load.peakRSS>>20, r.peak>>20, float64(r.bytes)/float64(samples))
	}
	fmt.Fprint(table, "\t\t\t\t\t\t\nRange query, ms (series, samples)")
	for _, r := range runs {
		fmt.Fprintf(table, "\t%s\tmin", r.kind.name)
	}
	fmt.Fprintln(table, "\t")
	var differ []string
	for i, q := range promQueries {
		fmt.Fprintf(table, "%s (%d, %d)", q.name, runs[0].queries[i].rows, runs[0].queries[i].cells)
		for _, r := range runs {
			fmt.Fprintf(table, "\t%s\t%s", ms(r.queries[i].median()), ms(slices.Min(r.queries[i].took)))
			// VictoriaMetrics has rates of its own.
			if a, b := runs[0].queries[i], r.queries[i]; r.kind.name == "prometheus" && !a.agrees(b) {
				differ = append(differ, fmt.Sprintf("%s: Tarn %d samples, sum %v; Prometheus %d, %v", q.name, a.cells, a.numbers, b.cells, b.numbers))
			}
		}
		fmt.Fprintln(table, "\t")
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if differ != nil {
		return fmt.Errorf("answers differ: %q", differ)
	}
	return nil
}
