package edge

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TestOpenTelemetrySDK: OpenTelemetry's Go SDK exports metrics, traces and logs
// over HTTP, compressed and with a token; SQL reads them back.
func TestOpenTelemetrySDK(t *testing.T) {
	s := startServer(t)
	_, token, err := s.app.store.Tokens().Create(t.Context(), "otel", time.Time{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	base := "http://" + s.app.Addr().String() + "/v1/otlp/v1/"
	header := map[string]string{"Authorization": "Bearer " + token}
	res := resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("host.name", "edge-7"))

	exportMetrics(ctx, t, res, base+"metrics", header)
	exportTraces(ctx, t, res, base+"traces", header)
	exportLogs(ctx, t, res, base+"logs", header)

	for _, c := range []struct{ query, want string }{
		{`SELECT job, route, greptime_value FROM requests_total`, `shop,/a,3.0`},
		{`SELECT room, greptime_value FROM room_temperature_celsius`, `attic,21.5`},
		{`SELECT le, greptime_value FROM latency_milliseconds_bucket ORDER BY greptime_value, le`, "5,1.0\n10,2.0\ninf,2.0"},
		{`SELECT greptime_value FROM latency_milliseconds_sum`, "10.0"},
		{`SELECT greptime_value FROM sizes_bytes_count`, "3.0"},
		{`SELECT count(*) FROM sizes_bytes_bucket WHERE le = 'inf' AND greptime_value = 3`, "1"},
		{`SELECT span_name, service_name, span_kind, span_status_code, "span_attributes.items", "resource_attributes.host.name" FROM opentelemetry_traces ORDER BY span_name`,
			"checkout,shop,SPAN_KIND_SERVER,STATUS_CODE_ERROR,3,edge-7\nchild,shop,SPAN_KIND_INTERNAL,STATUS_CODE_UNSET,,edge-7"},
		{`SELECT count(*) FROM opentelemetry_traces c JOIN opentelemetry_traces p ON c.parent_span_id = p.span_id AND c.trace_id = p.trace_id WHERE c.duration_nano >= 0`, "1"},
		{`SELECT count(*) FROM opentelemetry_traces WHERE span_events LIKE '%"name":"paid"%'`, "1"},
		{`SELECT body, severity_text, severity_number, log_attributes, scope_name FROM opentelemetry_logs ORDER BY body`,
			`disk full,WARN,13,"{""device"":""sda"",""used"":99.5}",app` + "\n" + `same,INFO,9,{},app` + "\n" + `same,INFO,9,{},app`},
	} {
		if got := s.sqlAs(t, token, c.query); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.query, got, c.want)
		}
	}
	counted := string(s.do(testRequest{method: "GET", target: "/metrics", header: map[string][]string{"Authorization": {"Bearer " + token}}}).body)
	for _, want := range []string{
		`tarn_otlp_items_total{db="public",outcome="written",signal="metrics"} 4`, `tarn_otlp_items_total{db="public",outcome="written",signal="traces"} 2`,
		`tarn_otlp_items_total{db="public",outcome="rejected",signal="traces"} 0`, `tarn_log_records_total{db="public",outcome="written",protocol="otlp"} 3`,
	} {
		if !strings.Contains(counted, want+"\n") {
			t.Errorf("/metrics has no %s", want)
		}
	}
}

// sqlAs is the CSV of a query without its first line.
func (s *testServer) sqlAs(t *testing.T, token, sql string) string {
	t.Helper()
	q := testRequest{method: "POST", target: "/api/v3/query_sql", header: map[string][]string{"Authorization": {"Bearer " + token}},
		body: fmt.Appendf(nil, `{"db":"public","format":"csv","q":%q}`, sql)}
	r := s.do(q)
	if r.StatusCode != 200 {
		return r.text()
	}
	_, rows, _ := strings.Cut(strings.TrimSpace(string(r.body)), "\n")
	return rows
}

func exportMetrics(ctx context.Context, t *testing.T, res *resource.Resource, url string, header map[string]string) {
	t.Helper()
	e, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(url), otlpmetrichttp.WithHeaders(header), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	p := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res), sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e)),
		sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "sizes"}, sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 20, MaxScale: 5}})))
	m := p.Meter("app")
	counter, err1 := m.Int64Counter("requests")
	gauge, err2 := m.Float64Gauge("room.temperature", metric.WithUnit("Cel"))
	histogram, err3 := m.Float64Histogram("latency", metric.WithUnit("ms"), metric.WithExplicitBucketBoundaries(5, 10))
	sizes, err4 := m.Int64Histogram("sizes", metric.WithUnit("By"))
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	counter.Add(ctx, 3, metric.WithAttributes(attribute.String("route", "/a")))
	gauge.Record(ctx, 21.5, metric.WithAttributes(attribute.String("room", "attic")))
	histogram.Record(ctx, 2)
	histogram.Record(ctx, 8)
	for _, v := range []int64{1, 100, 5000} {
		sizes.Record(ctx, v)
	}
	if err := p.Shutdown(ctx); err != nil {
		t.Error("metrics:", err)
	}
}

func exportTraces(ctx context.Context, t *testing.T, res *resource.Resource, url string, header map[string]string) {
	t.Helper()
	e, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url), otlptracehttp.WithHeaders(header), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithResource(res), sdktrace.WithSyncer(e))
	tracer := p.Tracer("app")
	parent, span := tracer.Start(ctx, "checkout", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.Int("items", 3)))
	span.AddEvent("paid", trace.WithAttributes(attribute.Bool("card", true)))
	_, child := tracer.Start(parent, "child")
	child.End()
	span.SetStatus(codes.Error, "declined")
	span.End()
	if err := p.Shutdown(ctx); err != nil {
		t.Error("traces:", err)
	}
}

func exportLogs(ctx context.Context, t *testing.T, res *resource.Resource, url string, header map[string]string) {
	t.Helper()
	e, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(url), otlploghttp.WithHeaders(header), otlploghttp.WithCompression(otlploghttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	p := sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(e)))
	logger := p.Logger("app")
	var r log.Record
	r.SetTimestamp(time.Unix(1767225661, 5))
	r.SetSeverity(log.SeverityWarn)
	r.SetSeverityText("WARN")
	r.SetBody(log.StringValue("disk full"))
	r.AddAttributes(log.String("device", "sda"), log.Float64("used", 99.5))
	logger.Emit(ctx, r)
	for range 2 { // the same line twice is two rows
		var same log.Record
		same.SetTimestamp(time.Unix(1767225661, 5))
		same.SetSeverity(log.SeverityInfo)
		same.SetSeverityText("INFO")
		same.SetBody(log.StringValue("same"))
		logger.Emit(ctx, same)
	}
	if err := p.Shutdown(ctx); err != nil {
		t.Error("logs:", err)
	}
}
