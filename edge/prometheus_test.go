package edge

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// remoteWrite sends a write request:
//
//	remote-write [v2] [zstd] [encoding=E] [type=T] [db=D] [header=NAME:VALUE]...
//
// The input is a line a series: a selector, and VALUE@MILLISECONDS for each
// sample; 'series "NAME"="VALUE"... SAMPLES' for labels that a selector cannot
// have; or "help NAME TYPE TEXT" for metadata. With hex it is the message in
// hex, with raw the body. The message is made by Prometheus's own code.
func (c *conversation) remoteWrite(d *datadriven.TestData) string {
	c.t.Helper()
	q := testRequest{method: "POST", target: "/v1/prometheus/write", header: http.Header{"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"}}}
	if d.HasArg("v2") {
		q.header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
	}
	compress := func(b []byte) []byte { return s2.EncodeSnappy(nil, b) }
	if d.HasArg("zstd") {
		q.header.Set("Content-Encoding", "zstd")
		compress = func(b []byte) []byte {
			e, err := zstd.NewWriter(nil)
			if err != nil {
				c.t.Fatal(err)
			}
			return e.EncodeAll(b, nil)
		}
	}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "db":
			q.target += "?db=" + url.QueryEscape(a.Vals[0])
		case "encoding":
			q.header.Set("Content-Encoding", strings.Join(a.Vals, ""))
		case "type":
			q.header.Set("Content-Type", strings.Join(a.Vals, ""))
		case "header":
			name, value, _ := strings.Cut(a.Vals[0], ":")
			q.header.Set(name, value)
		}
	}
	switch {
	case d.HasArg("hex"), d.HasArg("raw"):
		b, err := hex.DecodeString(strings.Join(strings.Fields(d.Input), ""))
		if err != nil {
			c.t.Fatal(err)
		}
		if q.body = b; d.HasArg("hex") {
			q.body = compress(b)
		}
	case d.HasArg("v2"):
		q.body = compress(message2(c.t, d.Input))
	default:
		q.body = compress(message1(c.t, d.Input))
	}
	return mask(c.server.do(q).text())
}

// sampleLine is one series of a test's input.
type sampleLine struct {
	labels  []prompb.Label
	samples []prompb.Sample
	help    []string // name, type, text instead
}

func sampleLines(t testing.TB, input string) []sampleLine {
	t.Helper()
	var out []sampleLine
	for l := range strings.Lines(input) {
		l = strings.TrimSuffix(l, "\n")
		if text, ok := strings.CutPrefix(l, "help "); ok {
			out = append(out, sampleLine{help: strings.SplitN(text, " ", 3)})
			continue
		}
		var s sampleLine
		if text, ok := strings.CutPrefix(l, "series "); ok {
			l = s.quoted(t, text)
			s.values(t, l)
			out = append(out, s)
			continue
		}
		end := strings.LastIndexByte(l, '}') + 1
		if end == 0 {
			end = strings.IndexByte(l, ' ')
		}
		metric, err := parser.ParseMetric(l[:end])
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		metric.Range(func(x labels.Label) { s.labels = append(s.labels, prompb.Label{Name: x.Name, Value: x.Value}) })
		s.values(t, l[end:])
		out = append(out, s)
	}
	return out
}

// quoted reads "NAME"="VALUE"... and returns the rest.
func (s *sampleLine) quoted(t testing.TB, text string) string {
	t.Helper()
	next := func() string {
		q, err := strconv.QuotedPrefix(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		text = strings.TrimLeft(text[len(q):], "= ")
		v, _ := strconv.Unquote(q)
		return v
	}
	for strings.HasPrefix(text, `"`) {
		name := next()
		s.labels = append(s.labels, prompb.Label{Name: name, Value: next()})
	}
	return text
}

// values reads VALUE@MILLISECONDS...
func (s *sampleLine) values(t testing.TB, text string) {
	t.Helper()
	for _, f := range strings.Fields(text) {
		v, ts, _ := strings.Cut(f, "@")
		number, err := strconv.ParseFloat(v, 64)
		if v == "stale" {
			number, err = math.Float64frombits(value.StaleNaN), nil
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		ms, err := strconv.ParseInt(ts, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s.samples = append(s.samples, prompb.Sample{Value: number, Timestamp: ms})
	}
}

func message1(t testing.TB, input string) []byte {
	t.Helper()
	var m prompb.WriteRequest
	for _, s := range sampleLines(t, input) {
		if s.help != nil {
			kind := prompb.MetricMetadata_MetricType_value[strings.ToUpper(s.help[1])]
			m.Metadata = append(m.Metadata, prompb.MetricMetadata{MetricFamilyName: s.help[0], Type: prompb.MetricMetadata_MetricType(kind), Help: s.help[2]})
			continue
		}
		m.Timeseries = append(m.Timeseries, prompb.TimeSeries{Labels: s.labels, Samples: s.samples})
	}
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func message2(t testing.TB, input string) []byte {
	t.Helper()
	symbols := writev2.NewSymbolTable()
	var m writev2.Request
	for _, s := range sampleLines(t, input) {
		if s.help != nil {
			t.Fatal("2.0 has metadata with the series")
		}
		var x writev2.TimeSeries
		for _, l := range s.labels {
			x.LabelsRefs = append(x.LabelsRefs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
		}
		for _, p := range s.samples {
			x.Samples = append(x.Samples, writev2.Sample{Value: p.Value, Timestamp: p.Timestamp})
		}
		x.Metadata = writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: symbols.Symbolize("some help"), UnitRef: symbols.Symbolize("seconds")}
		m.Timeseries = append(m.Timeseries, x)
	}
	m.Symbols = symbols.Symbols()
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// remoteRead sends a read request and shows what comes:
//
//	remote-read [accept=TYPE,...] [db=D]
//
// The input is a line a query: FROM TO SELECTOR.
func (c *conversation) remoteRead(d *datadriven.TestData) string {
	c.t.Helper()
	var m prompb.ReadRequest
	q := testRequest{method: "POST", target: "/v1/prometheus/read", header: http.Header{"Content-Encoding": {"snappy"}, "Content-Type": {"application/x-protobuf"}}}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "accept":
			for _, v := range a.Vals {
				n, ok := prompb.ReadRequest_ResponseType_value[v]
				if !ok {
					n = 7
				}
				m.AcceptedResponseTypes = append(m.AcceptedResponseTypes, prompb.ReadRequest_ResponseType(n))
			}
		case "db":
			q.target += "?db=" + url.QueryEscape(a.Vals[0])
		}
	}
	for l := range strings.Lines(d.Input) {
		parts := strings.SplitN(strings.TrimSpace(l), " ", 3)
		from, _ := strconv.ParseInt(parts[0], 10, 64)
		to, _ := strconv.ParseInt(parts[1], 10, 64)
		x := &prompb.Query{StartTimestampMs: from, EndTimestampMs: to}
		matchers, err := parser.ParseMetricSelector(parts[2])
		if err != nil {
			c.t.Fatal(err)
		}
		for _, ma := range matchers {
			x.Matchers = append(x.Matchers, &prompb.LabelMatcher{Type: prompb.LabelMatcher_Type(ma.Type), Name: ma.Name, Value: ma.Value})
		}
		m.Queries = append(m.Queries, x)
	}
	b, err := m.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	q.body = s2.EncodeSnappy(nil, b)
	r := c.server.do(q)
	if r.StatusCode != http.StatusOK {
		return mask(r.text())
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n", r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"))
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-streamed-protobuf") {
		showChunks(c.t, &out, r.body)
	} else {
		showSamples(c.t, &out, r.body)
	}
	return out.String()
}

func showSamples(t testing.TB, out io.Writer, body []byte) {
	t.Helper()
	plain, err := s2.Decode(nil, body)
	if err != nil {
		t.Fatal(err)
	}
	var m prompb.ReadResponse
	if err := m.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	for i, r := range m.Results {
		for _, s := range r.Timeseries {
			fmt.Fprintf(out, "%d: %s", i, showLabels(s.Labels))
			for _, p := range s.Samples {
				fmt.Fprintf(out, " %v@%d", p.Value, p.Timestamp)
			}
			fmt.Fprintln(out)
		}
	}
}

func showLabels(ls []prompb.Label) string {
	var parts []string
	for _, l := range ls {
		parts = append(parts, fmt.Sprintf("%s=%q", l.Name, l.Value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func showChunks(t testing.TB, out io.Writer, body []byte) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(body))
	for {
		size, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return
		}
		frame := make([]byte, 4+size)
		if _, err := io.ReadFull(r, frame); err != nil {
			t.Fatal(err)
		}
		if crc32.Checksum(frame[4:], crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(frame) {
			t.Fatal("a frame's checksum is wrong")
		}
		var m prompb.ChunkedReadResponse
		if err := m.Unmarshal(frame[4:]); err != nil {
			t.Fatal(err)
		}
		for _, s := range m.ChunkedSeries {
			fmt.Fprintf(out, "%d: %s", m.QueryIndex, showLabels(s.Labels))
			for _, c := range s.Chunks {
				fmt.Fprintf(out, " [%d..%d]", c.MinTimeMs, c.MaxTimeMs)
				chunk, err := chunkenc.FromData(chunkenc.EncXOR, c.Data)
				if err != nil {
					t.Fatal(err)
				}
				it := chunk.Iterator(nil)
				for it.Next() != chunkenc.ValNone {
					ms, v := it.At()
					fmt.Fprintf(out, " %v@%d", v, ms)
				}
				if it.Err() != nil {
					t.Fatal(it.Err())
				}
			}
			fmt.Fprintln(out)
		}
	}
}

// prom sends a request to the query API:
//
//	prom PATH [post] [db=D]
//
// The input is a parameter a line: NAME=VALUE.
func (c *conversation) prom(d *datadriven.TestData) string {
	c.t.Helper()
	v := url.Values{}
	for l := range strings.Lines(d.Input) {
		name, value, _ := strings.Cut(strings.TrimSpace(l), "=")
		v.Add(name, value)
	}
	q := testRequest{method: "GET", target: "/v1/prometheus/api/v1/" + d.CmdArgs[0].Key, header: http.Header{}}
	inURL := url.Values{}
	for _, a := range d.CmdArgs[1:] {
		if a.Key == "db" {
			inURL.Set("db", a.Vals[0])
		}
	}
	if d.HasArg("post") {
		q.method, q.body = "POST", []byte(v.Encode())
		q.header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		for name, values := range v {
			inURL[name] = values
		}
	}
	if len(inURL) > 0 {
		q.target += "?" + inURL.Encode()
	}
	return mask(c.server.do(q).text())
}

// TestPrometheusRoutes compares the route table with the specification's
// checklist (spec/greptimedb-http-api.md section 11): all need a token.
func TestPrometheusRoutes(t *testing.T) {
	s := startServer(t)
	for _, target := range []string{
		"POST /v1/prometheus/write", "POST /v1/prometheus/read",
		"GET /v1/prometheus/api/v1/query", "POST /v1/prometheus/api/v1/query",
		"GET /v1/prometheus/api/v1/query_range", "POST /v1/prometheus/api/v1/query_range",
		"GET /v1/prometheus/api/v1/labels", "POST /v1/prometheus/api/v1/labels",
		"GET /v1/prometheus/api/v1/series", "POST /v1/prometheus/api/v1/series",
		"GET /v1/prometheus/api/v1/label/a/values", "POST /v1/prometheus/api/v1/label/a/values",
		"GET /v1/prometheus/api/v1/format_query", "POST /v1/prometheus/api/v1/format_query",
		"GET /v1/prometheus/api/v1/parse_query", "POST /v1/prometheus/api/v1/parse_query",
		"GET /v1/prometheus/api/v1/status/buildinfo", "POST /v1/prometheus/api/v1/status/buildinfo",
		"GET /v1/prometheus/api/v1/metadata", "GET /v1/prometheus/api/v1/query_exemplars",
		"GET /v1/prometheus/api/v1/rules", "GET /v1/prometheus/api/v1/alerts", "GET /v1/prometheus/api/v1/status/tsdb",
	} {
		method, path, _ := strings.Cut(target, " ")
		if r := s.do(testRequest{method: method, target: path}); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: status %d", target, r.StatusCode)
		}
	}
}

// TestPrometheusGzip: answers are compressed for those who take it.
func TestPrometheusGzip(t *testing.T) {
	s := startServer(t, func(c *Config) { c.WithoutAuth = true })
	for header, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "*": "gzip", "gzip;q=0": "", "identity": "", "": ""} {
		for target, text := range map[string]string{
			"query?query=1&time=2":  `{"status":"success","data":{"resultType":"scalar","result":[2,"1"]}}`,
			"label/__name__/values": `{"status":"success","data":[]}`,
		} {
			r := s.do(testRequest{method: "GET", target: "/v1/prometheus/api/v1/" + target, header: http.Header{"Accept-Encoding": {header}}})
			body := r.body
			if want == "gzip" {
				z, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatalf("%s: %v", header, err)
				}
				if body, err = io.ReadAll(z); err != nil {
					t.Fatalf("%s: %v", header, err)
				}
			}
			if got := r.Header.Get("Content-Encoding"); got != want || strings.TrimSpace(string(body)) != text {
				t.Errorf("%q: encoding %q, %s", header, got, body)
			}
		}
	}
}
