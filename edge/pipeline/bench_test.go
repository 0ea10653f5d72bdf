package pipeline

import (
	"fmt"
	"strings"
	"testing"
)

// benchBody is JSON logs as services write them, one a line.
func benchBody(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"time":"2026-01-01T10:%02d:%02d.%03dZ","level":%q,"service":"checkout-%d","host":"edge-gateway-07","message":"10.0.%d.%d - GET /api/v1/orders/%d 200 %dms","trace_id":"4bf92f3577b34da6a3ce929d0e0e%04d","bytes":%d,"ratio":0.%d,"tls":true,"user":{"id":%d,"agent":"curl/8.5.0"}}`+"\n",
			i/60%60, i%60, i%1000, []string{"INFO", "WARN", "ERROR", "DEBUG"}[i%4], i%8, i%250, i%200, i, i%90, i%10000, i*37%100000, i%999, i)
	}
	return b.String()
}

var benched = []struct{ name, text string }{
	{"three", `
version: 2
processors:
  - date: {field: time}
  - dissect: {field: message, patterns: ['%{ip} - %{method} %{path} %{status} %{took}']}
  - letter: {fields: [level]}
transform:
  - {field: time, type: time, index: timestamp}
  - {fields: [level, service, host], type: string, tag: true}
  - {field: status, type: int32}
`},
	{"regex", `
version: 2
processors:
  - date: {field: time}
  - regex: {field: message, pattern: '(?P<ip>[0-9.]+) - (?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d+) (?P<took>\d+)ms'}
  - gsub: {field: trace_id, pattern: '-', replacement: ''}
transform:
  - {field: time, type: time, index: timestamp}
  - {fields: [level, service, host], type: string, tag: true}
`},
	{"identity", ""},
}

func benchRun(tb testing.TB, r *Runner, src *Source, rec *Record, p *Pipeline, body []byte) int {
	src.Reset(body, NDJSON)
	rows := 0
	for {
		ok, err := src.Next(rec)
		if err != nil {
			tb.Fatal(err)
		}
		if !ok {
			return rows
		}
		row, err := r.Run(p, rec)
		if err != nil || row == nil {
			tb.Fatal(row, err)
		}
		rows++
	}
}

func benchPipeline(tb testing.TB, text string) *Pipeline {
	tb.Helper()
	if text == "" {
		return Identity(0, nil)
	}
	p, err := Compile(text)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkPipeline takes JSON logs through pipelines, up to the rows; MB/s is
// of the body.
func BenchmarkPipeline(b *testing.B) {
	body := []byte(benchBody(5000))
	for _, c := range benched {
		b.Run(c.name, func(b *testing.B) {
			p := benchPipeline(b, c.text)
			var r Runner
			var src Source
			var rec Record
			r.SetNow(arrival)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				benchRun(b, &r, &src, &rec, p, body)
			}
			b.ReportMetric(float64(5000*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkJSON is the decoding alone.
func BenchmarkJSON(b *testing.B) {
	body := []byte(benchBody(5000))
	var src Source
	var rec Record
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(body, NDJSON)
		for {
			if ok, err := src.Next(&rec); err != nil {
				b.Fatal(err)
			} else if !ok {
				break
			}
		}
	}
}

// TestNoAllocations: a record costs no allocation in steady state, unless a
// regular expression, of which package regexp allocates for the result.
func TestNoAllocations(t *testing.T) {
	body := []byte(benchBody(100))
	for _, c := range benched {
		if c.name == "regex" {
			continue
		}
		p := benchPipeline(t, c.text)
		var r Runner
		var src Source
		var rec Record
		benchRun(t, &r, &src, &rec, p, body)
		if n := testing.AllocsPerRun(20, func() { benchRun(t, &r, &src, &rec, p, body) }); n > 0 {
			t.Errorf("%s: %v allocations for 100 records", c.name, n)
		}
	}
}
