package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"tarn/edge/api/gate"
)

// testServer is an appliance on loopback with a data directory of its own.
type testServer struct {
	t      testing.TB
	config Config
	app    *Appliance
}

// startServer starts an appliance that change has configured; it stops with
// the test.
func startServer(t testing.TB, change ...func(*Config)) *testServer {
	t.Helper()
	c := DefaultConfig()
	c.DataDir, c.HTTPBind, c.Version, c.Revision = t.TempDir(), "127.0.0.1:0", "3.7.0-tarn", "test"
	c.MemoryLimit, c.WALSyncRate = minMemory, 10000
	c.ShutdownTimeout = 5 * time.Minute // of a machine with much else to do
	for _, f := range change {
		f(&c)
	}
	s := &testServer{t: t, config: c}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *testServer) start() {
	s.t.Helper()
	app, err := Start(context.Background(), s.config, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	s.app = app
}

func (s *testServer) stop() {
	if s.app == nil {
		return
	}
	if err := s.app.Stop(context.Background()); err != nil {
		s.t.Error("stop:", err)
	}
	s.app = nil
}

// testRequest is one request to a testServer.
type testRequest struct {
	method, target string
	header         http.Header
	body           []byte
	chunked        bool // sends no Content-Length
	recovery       bool // goes to the recovery listener
}

type testResponse struct {
	*http.Response
	body []byte
}

// do sends a request and checks what holds for every answer.
func (s *testServer) do(q testRequest) testResponse {
	s.t.Helper()
	addr := s.app.Addr().String()
	if q.recovery {
		addr = s.app.recovery.Addr().String()
	}
	var body io.Reader = bytes.NewReader(q.body)
	if q.chunked {
		body = io.MultiReader(body) // of a type whose length the client cannot know
	}
	r, err := http.NewRequest(q.method, "http://"+addr+q.target, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if q.header != nil {
		r.Header = q.header
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read the answer: %v", q.method, q.target, err)
	}
	out := testResponse{resp, answer}
	if err := out.check(s.app.store.UUID()); err != nil {
		s.t.Errorf("%s %s: %v", q.method, q.target, err)
	}
	return out
}

// check tests the rules of spec section 0.2 and 0.3 that hold everywhere.
func (r testResponse) check(clusterUUID string) error {
	if got := r.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		return fmt.Errorf("Access-Control-Allow-Origin is %q", got)
	}
	if got := r.Header.Get("Cluster-Uuid"); got != clusterUUID {
		return fmt.Errorf("cluster-uuid is %q, want %q", got, clusterUUID)
	}
	if r.StatusCode < 400 || r.Request.Method == http.MethodHead {
		return nil
	}
	if strings.HasPrefix(r.Request.URL.Path, gate.Prefix) || strings.HasPrefix(r.Request.URL.Path, "/debug/") {
		return nil // that family has several shapes
	}
	if r.Request.URL.Path == "/query" && strings.Contains(r.Request.Header.Get("Accept"), "csv") && strings.HasPrefix(string(r.body), "error\n") {
		return nil // version 1 answers in CSV who asks for CSV
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		return fmt.Errorf("an error of type %q", got)
	}
	var e struct {
		Error, Code, Message *string
		Data                 json.RawMessage
	}
	if err := json.Unmarshal(r.body, &e); err != nil {
		return fmt.Errorf("an error that is no JSON: %w: %s", err, r.body)
	}
	v2 := strings.HasPrefix(r.Request.URL.Path, "/api/v2/") && r.StatusCode != http.StatusUnauthorized
	if v2 && (e.Code == nil || e.Message == nil) || !v2 && e.Error == nil {
		return fmt.Errorf("an error of the wrong shape: %s", r.body)
	}
	return nil
}

// text shows an answer without what every answer has.
func (r testResponse) text() string {
	var b strings.Builder
	fmt.Fprintln(&b, r.StatusCode)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range r.Header {
			if !yield(name) {
				return
			}
		}
	}) {
		switch name {
		case "Date", "Content-Length", "Connection", "Cluster-Uuid", "Access-Control-Allow-Origin":
		default:
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
		}
	}
	if len(r.body) > 0 {
		fmt.Fprintf(&b, "\n%s", r.body)
	}
	return b.String()
}

// write sends line protocol to the v3 endpoint and insists on success.
func (s *testServer) write(db, lines string) {
	s.t.Helper()
	r := s.do(testRequest{method: "POST", target: "/api/v3/write_lp?db=" + url.QueryEscape(db), body: []byte(lines)})
	if r.StatusCode != http.StatusNoContent {
		s.t.Fatalf("write to %s: %s", db, r.text())
	}
}

// query returns the body of a query that succeeds.
func (s *testServer) query(db, sql, format string) string {
	s.t.Helper()
	q := url.Values{"db": {db}, "q": {sql}, "format": {format}}
	r := s.do(testRequest{method: "GET", target: "/api/v3/query_sql?" + q.Encode()})
	if r.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s", sql, r.text())
	}
	return string(r.body)
}

func gzipped(t testing.TB, members ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, m := range members {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(m); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}
