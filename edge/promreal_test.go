package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program finds a program by an environment variable or on the path; without it
// the test is skipped and says why.
func program(t *testing.T, variable, name string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s on the path and %s is not set: %v", name, variable, err)
	}
	return path
}

// promServer is a running Prometheus.
type promServer struct {
	url string
	log *os.File
}

// startPrometheus runs a Prometheus with a configuration until the test ends.
func startPrometheus(t *testing.T, config string, flags ...string) *promServer {
	t.Helper()
	path := program(t, "TARN_PROMETHEUS", "prometheus")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "SELF", addr)), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + addr, "--log.level=warn"}, flags...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &promServer{url: "http://" + addr, log: log}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if r, err := http.Get(s.url + "/-/ready"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return s
			}
		}
		if time.Now().After(end) {
			t.Fatalf("Prometheus does not start: %s", s.said())
		}
	}
}

func (s *promServer) said() string {
	b, _ := os.ReadFile(s.log.Name())
	return string(b)
}

// promAnswer is an answer of the query API.
type promAnswer struct {
	Status, Error string
	Data          struct {
		ResultType string
		Result     json.RawMessage
	}
}

func ask(base, path string, params url.Values) (promAnswer, error) {
	var a promAnswer
	r, err := http.Get(base + "/api/v1/" + path + "?" + params.Encode())
	if err != nil {
		return a, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: %s", err, b)
	}
	return a, nil
}

// flat is an answer with its samples by labels and time.
func (a promAnswer) flat() (map[string]string, error) {
	out := map[string]string{}
	if a.Status != "success" {
		return nil, errors.New(a.Error)
	}
	type point [2]any
	put := func(metric map[string]string, p point) {
		t, _ := p[0].(float64)
		v, _ := p[1].(string)
		out[fmt.Sprintf("%v %s", metric, strconv.FormatFloat(t, 'f', 3, 64))] = v
	}
	if a.Data.ResultType == "scalar" {
		var p point
		err := json.Unmarshal(a.Data.Result, &p)
		put(nil, p)
		return out, err
	}
	var series []struct {
		Metric map[string]string
		Value  *point
		Values []point
	}
	if err := json.Unmarshal(a.Data.Result, &series); err != nil {
		return nil, err
	}
	for _, s := range series {
		if s.Value != nil {
			put(s.Metric, *s.Value)
		}
		for _, p := range s.Values {
			put(s.Metric, p)
		}
	}
	return out, nil
}

// samplesOf asks for a vector and returns it by the label job.
func samplesOf(base, query string) (map[string]float64, error) {
	a, err := ask(base, "query", url.Values{"query": {query}})
	if err != nil {
		return nil, err
	}
	var series []struct {
		Metric map[string]string
		Value  [2]any
	}
	if err := json.Unmarshal(a.Data.Result, &series); err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, s := range series {
		text, _ := s.Value[1].(string)
		if out[s.Metric["job"]], err = strconv.ParseFloat(text, 64); err != nil {
			return nil, err
		}
	}
	return out, nil
}

const scrapeEvery = 500 * time.Millisecond

// TestRealPrometheus lets a real Prometheus scrape itself and Tarn, and write
// to Tarn; both must then give the same answers to the last digit. How long it
// scrapes is TARN_PROMETHEUS_TIME, 20 seconds unless set.
func TestRealPrometheus(t *testing.T) {
	program(t, "TARN_PROMETHEUS", "prometheus")
	scrape := 20 * time.Second
	if text := os.Getenv("TARN_PROMETHEUS_TIME"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		scrape = d
	}
	// A thousand tables are a thousand files to write at the end, on a machine
	// that may have other work.
	s := startServer(t, func(c *Config) { c.WithoutAuth, c.ShutdownTimeout = true, 3*time.Minute })
	tarn := "http://" + s.app.Addr().String() + "/v1/prometheus"
	p := startPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: %s}
scrape_configs:
- {job_name: prometheus, static_configs: [{targets: [SELF]}]}
- {job_name: tarn, static_configs: [{targets: ["%s"]}]}
remote_write:
- url: %s/write
  queue_config: {batch_send_deadline: 500ms}
`, scrapeEvery, s.app.Addr(), tarn))
	time.Sleep(scrape)

	// The end is what Tarn has of both targets.
	var end time.Time
	for limit := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		// In both: nobody has newer samples at that time.
		times, err := samplesOf(tarn, "timestamp(up)")
		if err == nil && len(times) == 2 {
			end = time.UnixMilli(int64(min(times["prometheus"], times["tarn"])*1000) - 5000)
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("Tarn gets nothing: %v %v: %s", times, err, p.said())
		}
	}
	end = offBeat(t, p.url, end)
	start := end.Add(-scrape / 2)

	failed, err := samplesOf(p.url, `sum(prometheus_remote_storage_samples_failed_total) + sum(prometheus_remote_storage_samples_dropped_total)`)
	if err != nil || failed[""] != 0 {
		t.Errorf("Tarn refused %v samples (%v): %s", failed[""], err, p.said())
	}
	queries, answered := promQueries(t, p.url, 200), 0
	for i, q := range queries {
		path, params := "query_range", url.Values{"query": {q}, "start": {unix(start)}, "end": {unix(end)}, "step": {"2.5"}}
		if i%4 == 0 {
			path, params = "query", url.Values{"query": {q}, "time": {unix(end)}}
		}
		got, err := ask(tarn, path, params)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ask(p.url, path, params)
		if err != nil {
			t.Fatal(err)
		}
		have, err := got.flat()
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		wanted, err := want.flat()
		if err != nil {
			t.Errorf("%s: Prometheus: %v", q, err)
			continue
		}
		if len(wanted) > 0 {
			answered++
		}
		if !maps.Equal(have, wanted) {
			t.Errorf("%s: %d samples, want %d; %s", q, len(have), len(wanted), difference(have, wanted))
		}
	}
	if answered < len(queries)*3/4 {
		t.Errorf("only %d of %d queries have samples", answered, len(queries))
	}
	readBack(t, tarn, start, end)
	readThrough(t, tarn, end)
}

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// difference shows the first sample that differs.
func difference(have, want map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if v, ok := have[k]; !ok || v != want[k] {
			return fmt.Sprintf("%s: %q, want %q", k, v, want[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[k]; !ok {
			return fmt.Sprintf("%s: %q, want nothing", k, have[k])
		}
	}
	return ""
}

// offBeat moves a time back so that no sample lies at the edge of a window:
// Prometheus 2 takes a sample at the left edge in, 3 does not.
func offBeat(t *testing.T, base string, at time.Time) time.Time {
	t.Helper()
	beats, err := samplesOf(base, "timestamp(up)")
	if err != nil {
		t.Fatal(err)
	}
	period := scrapeEvery.Milliseconds()
	for ; ; at = at.Add(-time.Millisecond) {
		clear := true
		for _, b := range beats {
			// Late scrapes are off the beat by a few milliseconds.
			off := ((at.UnixMilli()-int64(b*1000))%period + period) % period
			clear = clear && off > 30 && off < period-30
		}
		if clear {
			return at
		}
	}
}

// promQueries makes queries over the metrics that there are.
func promQueries(t *testing.T, base string, n int) []string {
	t.Helper()
	r, err := http.Get(base + "/api/v1/label/__name__/values")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var names struct{ Data []string }
	if err := json.NewDecoder(r.Body).Decode(&names); err != nil {
		t.Fatal(err)
	}
	var counters, gauges, buckets []string
	for _, name := range names.Data {
		switch {
		case strings.HasSuffix(name, "_bucket"):
			buckets = append(buckets, name)
		case strings.HasSuffix(name, "_total"), strings.HasSuffix(name, "_count"):
			counters = append(counters, name)
		default:
			gauges = append(gauges, name)
		}
	}
	rng := rand.New(rand.NewPCG(8, 8))
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	window := func() string { return pick([]string{"2s", "5s", "7500ms"}) }
	kinds := []func() string{
		func() string { return pick(gauges) },
		func() string { return pick(counters) + `{job="prometheus"}` },
		func() string { return pick(gauges) + `{job!="prometheus"}` },
		func() string { return pick(gauges) + `{instance=~".+",job=~"pro.*|tarn"}` },
		func() string { return fmt.Sprintf("rate(%s[%s])", pick(counters), window()) },
		func() string { return fmt.Sprintf("irate(%s[%s])", pick(counters), window()) },
		func() string { return fmt.Sprintf("increase(%s[%s])", pick(counters), window()) },
		func() string { return fmt.Sprintf("delta(%s[%s])", pick(gauges), window()) },
		func() string {
			return fmt.Sprintf("%s_over_time(%s[%s])", pick([]string{"min", "max", "count", "last", "present"}), pick(gauges), window())
		},
		func() string {
			return fmt.Sprintf("%s by (job) (%s)", pick([]string{"count", "min", "max", "group"}), pick(gauges))
		},
		func() string { return fmt.Sprintf("sum by (job, code) (%s)", pick(counters)) },
		func() string { return fmt.Sprintf("sum without (instance) (%s offset 2s)", pick(counters)) },
		func() string { return fmt.Sprintf("%s > bool 5", pick(gauges)) },
		func() string { return fmt.Sprintf("%s * 2 - 1", pick(gauges)) },
		func() string {
			g := pick(gauges)
			return fmt.Sprintf("%s / on (job, instance) group_left up", g)
		},
		func() string { return fmt.Sprintf("changes(%s[%s]) + resets(%s[5s])", "up", window(), "up") },
		func() string { return fmt.Sprintf("absent(%s{job=\"nosuch\"})", pick(gauges)) },
		func() string { return fmt.Sprintf("abs(%s) == %s", pick(gauges), pick(gauges)) },
		func() string { return fmt.Sprintf("timestamp(%s)", pick(gauges)) },
		func() string { return fmt.Sprintf("max_over_time(%s[5s:1s])", pick(gauges)) },
		func() string { return fmt.Sprintf("%s @ end()", pick(gauges)) },
		func() string { return fmt.Sprintf("clamp_max(%s, 10)", pick(gauges)) },
		func() string { return `count({__name__=~"go_.*"})` },
		func() string {
			return fmt.Sprintf(`label_replace(%s, "short", "$1", "instance", "(.*):.*")`, pick(gauges))
		},
	}
	if len(buckets) > 0 {
		kinds = append(kinds, func() string {
			return fmt.Sprintf("histogram_quantile(0.9, sum by (le, job) (%s))", pick(buckets))
		})
	}
	var out []string
	for i := range n {
		out = append(out, kinds[i%len(kinds)]())
	}
	return out
}

// readThrough makes another Prometheus, which scrapes nothing, read Tarn's
// samples by remote read.
func readThrough(t *testing.T, tarn string, end time.Time) {
	t.Helper()
	p := startPrometheus(t, fmt.Sprintf("remote_read:\n- {url: %s/read, read_recent: true}\n", tarn))
	for _, q := range []string{"up", "rate(prometheus_http_requests_total[5s])", `go_goroutines{job="tarn"}`, "count_over_time(up[10s])", `http_requests_total{path=~"/v1.*"}`} {
		params := url.Values{"query": {q}, "time": {unix(end)}}
		want, err := ask(tarn, "query", params)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ask(p.url, "query", params)
		if err != nil {
			t.Fatal(err)
		}
		have, err := got.flat()
		wanted, err2 := want.flat()
		if err != nil || err2 != nil || len(wanted) == 0 || !maps.Equal(have, wanted) {
			t.Errorf("remote read: %s: %v, want %v (%v, %v)", q, have, wanted, err, err2)
		}
	}
}

// readBack asks with promtool.
func readBack(t *testing.T, tarn string, start, end time.Time) {
	t.Helper()
	path := os.Getenv("TARN_PROMTOOL")
	if path == "" {
		var err error
		if path, err = exec.LookPath("promtool"); err != nil {
			t.Logf("promtool is not asked: %v, and TARN_PROMTOOL is not set", err)
			return
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"query", "instant", "--time=" + unix(end), tarn, "up"}, `up{instance="`},
		{[]string{"query", "range", "--start=" + unix(start), "--end=" + unix(end), "--step=1s", tarn, "sum(up)"}, "2 @["},
		{[]string{"query", "series", "--start=" + unix(start), "--end=" + unix(end), "--match=up", tarn}, `{__name__="up", instance="`},
		{[]string{"query", "labels", "--start=" + unix(start), "--end=" + unix(end), tarn, "job"}, "prometheus\ntarn\n"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := exec.CommandContext(ctx, path, c.args...).CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("promtool %s: %v: %s", strings.Join(c.args, " "), err, out)
		}
	}
}
