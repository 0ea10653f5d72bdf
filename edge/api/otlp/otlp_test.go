package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/ingest/ingesttest"
	"tarn/edge/ingest/piped"
)

// bench is an API that writes to a sink.
func bench() (*API, *ingesttest.Sink) {
	s := &ingesttest.Sink{}
	w := ingest.NewWriter(s, time.Now)
	return &API{Gate: &gate.Gate{}, Writer: w, Logs: &piped.Writer{Rows: w, Now: time.Now}}, s
}

// exports are the endpoints by the name of the JSON message.
var exports = []struct {
	name    string
	request *message
	write   func(a *API, body []byte) (report, error)
}{
	{"metrics", exportMetrics, func(a *API, body []byte) (report, error) {
		return a.metrics(httptest.NewRequest("POST", "/", nil), body)
	}},
	{"traces", exportTraces, func(a *API, body []byte) (report, error) {
		return a.traces(httptest.NewRequest("POST", "/", nil), body)
	}},
	{"logs", exportLogs, func(a *API, body []byte) (report, error) { return a.logs(httptest.NewRequest("POST", "/", nil), body) }},
}

// samples are a request of each kind with n items.
func samples(n int) map[string]string {
	resource := `{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"edge-7"}}]},`
	attributes := `"attributes":[{"key":"http.method","value":{"stringValue":"GET"}},{"key":"http.status_code","value":{"intValue":"200"}},{"key":"route","value":{"stringValue":"/api/v1/orders"}}]`
	var metrics, spans, logs []string
	for i := range n {
		metrics = append(metrics, fmt.Sprintf(`{"timeUnixNano":"%d","asDouble":%d.5,%s}`, 1700000000000000000+int64(i)*1e9, i, attributes))
		spans = append(spans, fmt.Sprintf(`{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1%04x","name":"GET /","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d",%s,"events":[{"name":"e"}],"status":{"code":1}}`,
			i, 1700000000000000000+int64(i), 1700000000000000100+int64(i), attributes))
		logs = append(logs, fmt.Sprintf(`{"timeUnixNano":"%d","severityNumber":9,"severityText":"INFO","body":{"stringValue":"request %d handled in 12 ms"},%s,"traceId":"5b8efff798038103d269b633813fc60c"}`, 1700000000000000000+int64(i), i, attributes))
	}
	return map[string]string{
		"metrics": `{"resourceMetrics":[` + resource + `"scopeMetrics":[{"metrics":[{"name":"http.requests","unit":"1","sum":{"isMonotonic":true,"dataPoints":[` + strings.Join(metrics, ",") + `]}},
			{"name":"h","histogram":{"dataPoints":[{"timeUnixNano":"1","count":"3","sum":1,"bucketCounts":["1","2"],"explicitBounds":[1]}]}},
			{"name":"e","exponentialHistogram":{"dataPoints":[{"timeUnixNano":"1","count":"3","scale":2,"zeroCount":"1","positive":{"offset":-1,"bucketCounts":["1","2"]},"negative":{"offset":3,"bucketCounts":["1"]}}]}},
			{"name":"s","summary":{"dataPoints":[{"timeUnixNano":"1","count":"3","sum":1,"quantileValues":[{"quantile":0.5,"value":1}]}]}}]}]}]}`,
		"traces": `{"resourceSpans":[` + resource + `"scopeSpans":[{"scope":{"name":"lib"},"spans":[` + strings.Join(spans, ",") + `]}]}]}`,
		"logs":   `{"resourceLogs":[` + resource + `"scopeLogs":[{"scope":{"name":"lib"},"logRecords":[` + strings.Join(logs, ",") + `]}]}]}`,
	}
}

func encode(tb testing.TB, text string, m *message) []byte {
	tb.Helper()
	b, err := transcode([]byte(text), m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestAllocations: what a request allocates does not grow with its items, but
// for what the answer and the request itself need.
func TestAllocations(t *testing.T) {
	for _, e := range exports {
		measure := func(n int) float64 {
			a, s := bench()
			body := encode(t, samples(n)[e.name], e.request)
			run := func() {
				if p, err := e.write(a, body); err != nil || p.rejected > 0 {
					t.Fatal(p, err)
				}
			}
			run()
			if s.Rows < n {
				t.Errorf("%s: %d rows of %d items", e.name, s.Rows, n)
			}
			return testing.AllocsPerRun(10, run)
		}
		few, many := measure(10), measure(200)
		t.Logf("%s: %v allocations for 10 items, %v for 200", e.name, few, many)
		if many-few > 20 {
			t.Errorf("%s: %v allocations for 10 items, %v for 200", e.name, few, many)
		}
	}
}

func BenchmarkExport(b *testing.B) {
	const n = 1000
	for _, e := range exports {
		b.Run(e.name, func(b *testing.B) {
			a, _ := bench()
			body := encode(b, samples(n)[e.name], e.request)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.write(a, body); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// FuzzExport: any bytes are a request or an error that says that they are no
// protobuf or what is wrong with them.
func FuzzExport(f *testing.F) {
	for i, e := range exports {
		f.Add(encode(f, samples(2)[e.name], e.request), byte(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, which byte) {
		a, s := bench()
		e := exports[int(which)%len(exports)]
		p, err := e.write(a, body)
		if err != nil && s.Rows > 0 {
			t.Errorf("%s: %d rows, then %v", e.name, s.Rows, err)
		}
		if err == nil && p.rejected > 0 && p.first == nil {
			t.Errorf("%s: rejected without a reason", e.name)
		}
	})
}

// FuzzTranscode: JSON becomes a message that is one, or an error.
func FuzzTranscode(f *testing.F) {
	for i, e := range exports {
		f.Add([]byte(samples(2)[e.name]), byte(i))
	}
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"arrayValue":{"values":[{"bytesValue":"AA=="},{"kvlistValue":{"values":[{"key":"k"}]}}]}}}]}]}]}`), byte(2))
	f.Fuzz(func(t *testing.T, text []byte, which byte) {
		e := exports[int(which)%len(exports)]
		body, err := transcode(ingest.ValidText(text), e.request)
		if err != nil {
			return
		}
		a, _ := bench()
		if _, err := e.write(a, body); errors.Is(err, piped.ErrWire) && !strings.Contains(err.Error(), "more than") && !strings.Contains(err.Error(), "deeper") {
			t.Errorf("%s: %q: %v", e.name, text, err)
		}
	})
}

// TestHostile: messages that are deep or have much in them are refused.
func TestHostile(t *testing.T) {
	deep := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "x")
	for range 1000 {
		list := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), deep)
		deep = protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), list)
	}
	wrap := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	a, _ := bench()
	body := wrap(1, wrap(2, wrap(2, wrap(5, deep))))
	if _, err := exports[2].write(a, body); !errors.Is(err, piped.ErrWire) || !strings.Contains(err.Error(), "deeper") {
		t.Errorf("a deep body: %v", err)
	}
	var many []byte
	for i := range maxAttributes + 1 {
		many = append(many, wrap(6, wrap(1, fmt.Appendf(nil, "k%d", i)))...)
	}
	if _, err := exports[2].write(a, wrap(1, wrap(2, wrap(2, many)))); !errors.Is(err, piped.ErrWire) || !strings.Contains(err.Error(), "more than") {
		t.Errorf("many attributes: %v", err)
	}
}

// TestAmplification: what is short in a body and long in rows is refused whole.
func TestAmplification(t *testing.T) {
	wrap := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	attribute := func(n protowire.Number, size int) []byte {
		return wrap(n, append(wrap(1, []byte("k")), wrap(2, wrap(1, bytes.Repeat([]byte("v"), size)))...))
	}
	repeat := func(b []byte, n int) []byte { return bytes.Repeat(b, n) }
	metrics := func(kind protowire.Number, point []byte) []byte {
		return wrap(1, wrap(2, wrap(2, append(wrap(1, []byte("m")), wrap(kind, wrap(1, point))...))))
	}
	for _, c := range []struct {
		name  string
		which int
		body  []byte
		want  string
	}{
		{"buckets with long tags", 0, metrics(fieldExponential, append(attribute(1, 100_000), wrap(8, wrap(2, repeat([]byte{1}, 900)))...)), "more than 64 MiB"},
		{"many buckets", 0, metrics(fieldExponential, wrap(8, wrap(2, repeat([]byte{1}, 2000)))), "more than 1000 buckets"},
		{"many single buckets", 0, metrics(fieldExponential, wrap(8, repeat([]byte{2 << 3, 1}, 2000))), "more than 1000 buckets"},
		{"many quantiles", 0, metrics(fieldSummary, repeat([]byte{6<<3 | 2, 0}, 2000)), "more than 1000 quantiles"},
		{"many events", 1, wrap(1, wrap(2, wrap(2, repeat([]byte{11<<3 | 2, 0}, 1<<20)))), "more than 65536 values"},
		{"many links", 1, wrap(1, wrap(2, wrap(2, repeat([]byte{13<<3 | 2, 0}, 1<<20)))), "more than 65536 values"},
		{"long resource", 2, wrap(1, append(wrap(1, attribute(1, 100_000)), wrap(2, repeat([]byte{2<<3 | 2, 0}, 1000))...)), "more than 64 MiB"},
	} {
		a, s := bench()
		p, err := exports[c.which].write(a, c.body)
		if err == nil {
			err = p.first
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || s.Rows > 0 {
			t.Errorf("%s: %v, %d rows", c.name, err, s.Rows)
		}
	}
}

// TestMetricNames is the table of section 5.2.
func TestMetricNames(t *testing.T) {
	for _, c := range []struct {
		strategy, name, unit string
		k                    nature
		want                 string
	}{
		{"", "http.server.duration", "ms", plain, "http_server_duration_milliseconds"},
		{"", "app.cost", "USD", monotonic, "app_cost_USD_total"},
		{"", "cpu.usage", "1", gauge, "cpu_usage_ratio"},
		{"", "cpu.usage", "1", plain, "cpu_usage"},
		{"", "net.io", "By", monotonic, "net_io_bytes_total"},
		{"", "queue.len", "{items}", gauge, "queue_len"},
		{"", "total.requests", "", monotonic, "requests_total"},
		{"", "speed", "m/s", gauge, "speed_meters_per_second"},
		{"", "speed.per.second", "By/s", gauge, "speed_per_second_bytes"},
		{"", "9lives", "", plain, "_9lives"},
		{"", "disk.seconds", "s", monotonic, "disk_seconds_total"},
		{"", "ä.b", "%", gauge, "b_percent"},
		{"UnderscoreEscapingWithoutSuffixes", "net.io", "By", monotonic, "net_io"},
		{"NoUTF8EscapingWithSuffixes", "net.io", "By", monotonic, "net.io_bytes_total"},
		{"NoUTF8EscapingWithSuffixes", "net.io_bytes_total", "By", monotonic, "net.io_bytes_total_bytes_total"},
		{"NoTranslation", "net.io", "By", monotonic, "net.io"},
	} {
		s := strategies[c.strategy]
		if c.strategy == "" {
			s = strategy{true, true}
		}
		if got := s.metricName(c.name, c.unit, c.k); got != c.want {
			t.Errorf("%s %q %q: %s, want %s", c.strategy, c.name, c.unit, got, c.want)
		}
	}
	s := strategy{true, true}
	for name, want := range map[string]string{"a.b": "a_b", "0a": "key_0a", "_x.y": "key_x_y", "__x": "__x", "ä": "_", "": ""} {
		if got := string(s.appendLabel(nil, name)); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
