package promql_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/promql"

	"tarn/edge/query/promql"
)

// benchQueries are those of tarn-bench prometheus.
var benchQueries = []struct {
	name, text string
	step       time.Duration
}{
	{"one", `app_load_1{instance="host-7:9100"}`, time.Minute},
	{"rate", `rate(app_requests_2_total{instance="host-7:9100"}[5m])`, time.Minute},
	{"metric", `app_load_3`, time.Minute},
	{"sumrate", `sum(rate(app_requests_4_total[5m]))`, time.Minute},
	{"sumrateby", `sum by (zone) (rate(app_requests_4_total[5m]))`, time.Minute},
	{"maxhour", `max by (instance) (max_over_time(app_load_5[1h]))`, time.Hour},
	{"avg10m", `avg_over_time(app_load_7{zone="z1"}[10m])`, 5 * time.Minute},
	{"topk", `topk(5, app_load_9)`, 5 * time.Minute},
	{"countall", `count({__name__=~"app_.*"})`, 5 * time.Minute},
	{"instant", `sum(rate(app_requests_6_total[5m]))`, 0},
	{"ratio", `sum(rate(app_requests_0_total[5m])) / sum(rate(app_requests_2_total[5m]))`, time.Minute},
}

// fillScrapes writes twelve hours of a thousand series: the set of tarn-bench prometheus.
func fillScrapes(b *testing.B) *testStorage {
	s := newStorage(b)
	rng := rand.New(rand.NewPCG(1, 2))
	var series []labels.Labels
	values := make([]float64, 1000)
	for i := range values {
		name := fmt.Sprintf("app_requests_%d_total", i%10)
		if i%2 == 1 {
			name = fmt.Sprintf("app_load_%d", i%10)
		}
		series = append(series, labels.FromStrings("__name__", name, "cluster", "edge", "instance", fmt.Sprintf("host-%d:9100", i/10), "job", "node", "zone", fmt.Sprintf("z%d", i/10%4)))
		values[i] = 1e6
	}
	for step := range 12 * 240 {
		a := s.Appender(b.Context())
		for i, l := range series {
			if i%2 == 0 {
				values[i] += float64(rng.IntN(1000))
			} else {
				values[i] = math.Round(max(0, min(values[i], 100)+rng.NormFloat64()*10)*100) / 100
			}
			if _, err := a.Append(0, l, dataStart+int64(step)*15_000, values[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := a.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// cpuTime is what the process has used: on a busy machine the clock says little.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRange runs range queries over twelve hours, from the buffer and from files.
func BenchmarkRange(b *testing.B) {
	s := fillScrapes(b)
	e := promql.NewEngine(promql.Options{})
	start := time.UnixMilli(dataStart + 7_000)
	end := start.Add(12*time.Hour - 15*time.Second)
	for _, where := range []string{"buffer", "files"} {
		if where == "files" {
			if err := s.store.Checkpoint(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		for _, q := range benchQueries {
			b.Run(where+"/"+q.name, func(b *testing.B) {
				b.ReportAllocs()
				began := cpuTime(b)
				defer func() { b.ReportMetric(float64((cpuTime(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op") }()
				for b.Loop() {
					query, err := e.Prepare(b.Context(), s.Queryable, promql.Query{Text: q.text, Start: start, End: end, Step: q.step})
					if err != nil {
						b.Fatal(err)
					}
					res := query.Exec(b.Context())
					if res.Err != nil {
						b.Fatal(res.Err)
					}
					if m, ok := res.Value.(prom.Matrix); ok && len(m) == 0 {
						b.Fatal("no series")
					}
					query.Close()
				}
			})
		}
	}
}
