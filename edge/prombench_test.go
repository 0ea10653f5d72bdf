package edge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"
)

const benchSeries = 1000

// benchBody is one scrape of a thousand series as Prometheus sends it.
func benchBody(step int) []byte {
	var m prompb.WriteRequest
	for i := range benchSeries {
		m.Timeseries = append(m.Timeseries, prompb.TimeSeries{
			Labels: []prompb.Label{
				{Name: "__name__", Value: fmt.Sprintf("app_requests_%d_total", i%10)}, {Name: "cluster", Value: "edge"},
				{Name: "instance", Value: fmt.Sprintf("host-%d:9100", i/10)}, {Name: "job", Value: "node"}, {Name: "zone", Value: fmt.Sprintf("z%d", i/10%4)},
			},
			Samples: []prompb.Sample{{Timestamp: 1767225600000 + int64(step)*15000, Value: float64(step * (i%97 + 1))}},
		})
	}
	b, _ := m.Marshal()
	return s2.EncodeSnappy(nil, b)
}

func send(b testing.TB, address string, body []byte) {
	r, err := http.NewRequest("POST", address+"/v1/prometheus/write", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		b.Fatalf("%s: %s, %v", resp.Status, text, err)
	}
	resp.Body.Close()
}

// BenchmarkRemoteWrite sends scrapes to a server, the sender's work included.
func BenchmarkRemoteWrite(b *testing.B) {
	s := startServer(b, func(c *Config) { c.WithoutAuth = true; c.MemoryLimit = 256 << 20 })
	address := "http://" + s.app.Addr().String()
	var bodies [][]byte
	for i := range 500 {
		bodies = append(bodies, benchBody(i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		send(b, address, bodies[i%len(bodies)])
		i++
	}
	b.ReportMetric(float64(i*benchSeries)/b.Elapsed().Seconds(), "samples/s")
}

// BenchmarkRangeQuery asks for twelve hours of a hundred series.
func BenchmarkRangeQuery(b *testing.B) {
	s := startServer(b, func(c *Config) { c.WithoutAuth = true; c.MemoryLimit = 256 << 20 })
	address := "http://" + s.app.Addr().String()
	const steps = 2880
	for i := range steps {
		send(b, address, benchBody(i))
	}
	start := int64(1767225600) + 7
	for _, q := range []string{`app_requests_4_total{instance="host-10:9100"}`, `sum(rate(app_requests_4_total[5m]))`, `app_requests_4_total`, `max by (instance) (max_over_time(app_requests_5_total[1h]))`, `count({__name__=~"app_.*"})`} {
		b.Run(q, func(b *testing.B) {
			v := url.Values{"query": {q}, "start": {strconv.FormatInt(start, 10)}, "end": {strconv.FormatInt(start+steps*15, 10)}, "step": {"60"}}
			b.ReportAllocs()
			for b.Loop() {
				if a, err := ask(address+"/v1/prometheus", "query_range", v); err != nil || a.Status != "success" {
					b.Fatal(a.Error, err)
				}
			}
		})
	}
}
