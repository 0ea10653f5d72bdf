package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	upstream "tarn/sync"
)

// syncState asks for the state of a server's only target.
func (s *testServer) syncState() upstream.TargetStatus {
	s.t.Helper()
	var st upstream.Status
	r := s.do(testRequest{method: "GET", target: "/api/v3/sync"})
	if err := json.Unmarshal(r.body, &st); err != nil || len(st.Targets) != 1 {
		s.t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	return st.Targets[0]
}

func (s *testServer) syncSettled() {
	s.t.Helper()
	if r := s.do(testRequest{method: "POST", target: "/api/v3/sync/now"}); r.StatusCode != http.StatusOK {
		s.t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	deadline := time.Now().Add(3 * time.Minute)
	for {
		st := s.syncState()
		if st.Files.Sealed+st.Files.Uploading+st.Files.Uploaded == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%+v", st)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *testServer) csv(q string) string {
	s.t.Helper()
	r := s.do(testRequest{method: "GET", target: "/api/v3/query_sql?" + url.Values{"db": {"d"}, "format": {"csv"}, "q": {q}}.Encode()})
	if r.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d %s", q, r.StatusCode, r.body)
	}
	return string(r.body)
}

// TestSyncToTarn sends everything to another Tarn, which then answers alike.
func TestSyncToTarn(t *testing.T) {
	open := func(c *Config) { c.WithoutAuth = true }
	far := startServer(t, open)
	near := startServer(t, open, func(c *Config) {
		c.SyncTargets = []string{"http://" + far.app.Addr().String() + "?name=far"}
		c.SyncRetryMin = time.Millisecond
	})
	lines := strings.Join([]string{
		`m,host=a\ b,rack=r1 f=1.5,i=-3i,u=18446744073709551615u,b=true,s="x \"y\" \\ z" 1`,
		`m,host=c f=1e300 2`, `m i=9007199254740993i 3`, `m,host=ü\,\= s="two
lines" -9000000000000000001`, `n\ n,t=v x=f 5`,
	}, "\n")
	near.write("d", lines)
	near.syncSettled()
	near.write("d", `m,host=c f=2.5,i=4i 2`) // the same row, later
	near.syncSettled()
	for _, q := range []string{"SELECT * FROM m ORDER BY time", `SELECT * FROM "n n"`} {
		if here, there := near.csv(q), far.csv(q); here != there || strings.Count(here, "\n") < 2 {
			t.Errorf("%s\nhere:\n%s\nthere:\n%s", q, here, there)
		}
	}
	// It is no problem that lines cannot be listed, unless they were asked for.
	for target, want := range map[string]string{"": `"note":"a server that takes lines cannot be listed`, "?target=far": `"error":"a server that takes lines cannot be listed`} {
		if r := near.do(testRequest{method: "POST", target: "/api/v3/sync/verify" + target}); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), want) {
			t.Errorf("%s", r.body)
		}
	}
	if st := near.syncState(); st.CommittedRows != 6 || st.Kind != upstream.HTTP {
		t.Errorf("%+v", st)
	}
}

// TestSyncEndpoints steers and shows a target.
func TestSyncEndpoints(t *testing.T) {
	lake := t.TempDir()
	s := startServer(t, func(c *Config) {
		c.WithoutAuth, c.NodeID = true, "gw"
		c.SyncTargets = []string{"file://" + lake + "?name=nas"}
	})
	post := func(path string, want int) string {
		t.Helper()
		r := s.do(testRequest{method: "POST", target: "/api/v3/sync" + path})
		if r.StatusCode != want {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
		return string(r.body)
	}
	if got := post("/pause?target=nas", 200); !strings.Contains(got, `"state":"paused"`) {
		t.Errorf("%s", got)
	}
	s.write("d", "m,host=a f=1 1")
	post("/now", 200)
	if got := s.csv("SELECT target, table_name, state, row_count, key, last_error FROM system.sync"); got != "target,table_name,state,row_count,key,last_error\nnas,m,sealed,1,,\n" {
		t.Errorf("%q", got)
	}
	post("/resume", 200)
	s.syncSettled()
	if got := s.csv("SELECT state, manifest, key LIKE 'd/m/edge=gw/date=1970-01-01/%.parquet' AS k FROM system.sync"); got != "state,manifest,k\ncommitted,1,true\n" {
		t.Errorf("%q", got)
	}
	if got := post("/verify", 200); got != `{"targets":[{"id":"nas","manifests":1,"objects":1,"rows":1,"bytes":`+between(got, `"bytes":`, ",")+`,"unlisted":0,"problems":[],"note":"","error":""}]}` {
		t.Errorf("%s", got)
	}
	for path, want := range map[string]int{"/now?target=x": 404, "/pause?target=x": 404, "/verify?target=x": 404, "/prune?target=x": 404} {
		if got := post(path, want); !strings.Contains(got, `{"error":"sync target \"x\"`) {
			t.Errorf("%s", got)
		}
	}
	if got := post("/prune?dry_run=perhaps", 400); got != `{"error":"dry_run is true or false"}` {
		t.Errorf("%s", got)
	}
	if r := s.do(testRequest{method: "PUT", target: "/api/v3/configure/table", header: http.Header{"Content-Type": {"application/json"}}, body: []byte(`{"db":"d","table":"m","retention_period":"1d"}`)}); r.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	for path, want := range map[string]string{
		"/prune?dry_run=true&database=other": `{"dry_run":true,"targets":[{"id":"nas","objects":0,"rows":0,"bytes":0,"removed":[],"note":"","error":""}]}`,
		"/prune?dry_run=true":                `{"dry_run":true,"targets":[{"id":"nas","objects":1,"rows":1,`,
	} {
		if got := post(path, 200); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", path, got)
		}
	}
	if got := post("/prune?target=nas", 200); !strings.Contains(got, `"dry_run":false`) || !strings.Contains(got, `"database":"d","table":"m","rows":1`) || !strings.Contains(got, `"reason":"retention"`) {
		t.Errorf("%s", got)
	}
	if got := post("/verify", 200); !strings.Contains(got, `"manifests":2,"objects":0,"rows":0,"bytes":0,"unlisted":0,"problems":[]`) {
		t.Errorf("%s", got)
	}
	for target, want := range map[string]int{"nas": 409, "x": 404} {
		if r := s.do(testRequest{method: "DELETE", target: "/api/v3/sync?target=" + target}); r.StatusCode != want {
			t.Errorf("forget %s: %d %s", target, r.StatusCode, r.body)
		}
	}
	metrics := string(s.do(testRequest{method: "GET", target: "/metrics"}).body)
	for _, want := range []string{`tarn_sync_committed_rows_total{target="nas"} 1`, `tarn_sync_pending_files{target="nas"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// TestSyncConfig refuses targets that make no sense, without showing secrets.
func TestSyncConfig(t *testing.T) {
	c := DefaultConfig()
	c.SyncTargets = []string{"s3://key:hidden@b?nonsense=1", "file:///x", "file:///x"}
	err := c.Validate()
	if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), "two sync targets") {
		t.Errorf("%v", err)
	}
	if _, err := Start(context.Background(), c, nil); err == nil {
		t.Error("it starts")
	}
}
