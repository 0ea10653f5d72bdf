package edge

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/pprof/profile"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime"
	"tarn/edge/auth"
	"tarn/edge/route"
)

func TestStatus(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	var got map[string]string
	r := s.do(testRequest{method: "GET", target: "/status"})
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatal(err, string(r.body))
	}
	for _, key := range []string{"commit", "branch", "rustc_version", "hostname", "version"} {
		if got[key] == "" {
			t.Errorf("no %s in %s", key, r.body)
		}
	}
}

// TestConfig: the running configuration is TOML, has GreptimeDB's sections, every
// setting of ours, and no secret.
func TestConfig(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	r := s.do(testRequest{method: "GET", target: "/config"})
	var got struct {
		HTTP struct {
			Addr, Timeout string
			BodyLimit     string `toml:"body_limit"`
		}
		Logging struct{ Level string }
		Tarn    map[string]any
	}
	if err := toml.Unmarshal(r.body, &got); err != nil {
		t.Fatalf("%v\n%s", err, r.body)
	}
	if got.HTTP.Addr != "127.0.0.1:0" || got.HTTP.BodyLimit != "10MiB" || got.Logging.Level != "info" || got.Tarn["without-auth"] != true || got.Tarn["memory-limit"] != "48MiB" {
		t.Errorf("%+v", got)
	}
	c := DefaultConfig()
	c.SyncTargets = []string{"s3://key:secret1@bucket/x?secret-access-key=secret2&region=eu", "::secret3"}
	text, err := c.shownConfig(budget{}, "info")
	if err != nil || bytes.Contains(text, []byte("secret1")) || bytes.Contains(text, []byte("secret2")) || bytes.Contains(text, []byte("secret3")) || !bytes.Contains(text, []byte("bucket/x")) {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestProfiles: what /debug/prof answers is a profile.
func TestProfiles(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	for target, unit := range map[string]string{"/debug/prof/cpu?seconds=1&frequency=99": "nanoseconds", "/debug/prof/mem?output=proto": "bytes"} {
		r := s.do(testRequest{method: "POST", target: target})
		p, err := profile.ParseData(r.body)
		if err != nil || !bytes.HasPrefix(r.body, []byte{0x1f, 0x8b}) || p.SampleType[len(p.SampleType)-1].Unit != unit {
			t.Errorf("%s: %v", target, err)
			continue
		}
		openWithPprof(t, r.body)
	}
	for target, want := range map[string]string{"/debug/prof/cpu?seconds=1&output=text": "samples of", "/debug/prof/mem": "heap profile:"} {
		r := s.do(testRequest{method: "POST", target: target})
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(string(r.body), want) {
			t.Errorf("%s: %d %.100s", target, r.StatusCode, r.body)
		}
	}
	off := startServer(t, func(o *Config) { o.WithoutAuth, o.DisablePprof = true, true })
	for _, target := range []string{"/debug/prof/cpu", "/debug/prof/mem"} {
		if r := off.do(testRequest{method: "GET", target: target, header: http.Header{"Accept": {"plain"}}}); r.StatusCode != http.StatusNotImplemented {
			t.Errorf("%s, turned off: %d %s", target, r.StatusCode, r.body)
		}
	}
}

// openWithPprof asks Go's own tool.
func openWithPprof(t *testing.T, raw []byte) {
	t.Helper()
	if testing.Short() {
		t.Log("go tool pprof is not asked: -short")
		return
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Log("go tool pprof is not asked: there is no go")
		return
	}
	path := t.TempDir() + "/profile.pb.gz"
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "tool", "pprof", "-top", path).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Type: ")) {
		t.Errorf("go tool pprof: %v\n%s", err, out)
	}
}

// TestDebugIsLocal: without tokens the debug endpoints answer this machine alone.
func TestDebugIsLocal(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	a := &greptime.API{Gate: &gate.Gate{Auth: &auth.Authenticator{Disabled: true}, Logger: s.app.logger}, Server: greptime.Server{Local: loopback}}
	asked := 0
	for _, rt := range a.Routes() {
		if !strings.HasPrefix(rt.Path, "/debug/") {
			continue
		}
		asked++
		r := httptest.NewRequest(rt.Method, rt.Path, nil)
		r.RemoteAddr = "192.0.2.1:999"
		w := httptest.NewRecorder()
		rt.Handle(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s %s from afar: %d", rt.Method, rt.Path, w.Code)
		}
	}
	if asked != 5 {
		t.Errorf("%d debug endpoints", asked)
	}
}

// TestDashboard: the page is below /dashboard/, by GET and POST.
func TestDashboard(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.URL.Path)) })
	a := &greptime.API{Gate: &gate.Gate{}, Server: greptime.Server{Page: page}}
	find := func(method, path string) *route.Route {
		for _, r := range a.Routes() {
			if r.Method == method && r.Path == path {
				return &r
			}
		}
		t.Fatalf("no %s %s", method, path)
		return nil
	}
	for _, method := range []string{"GET", "POST"} {
		w := httptest.NewRecorder()
		find(method, "/dashboard").Handle(w, httptest.NewRequest(method, "/dashboard?a=b", nil))
		if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "/dashboard/?a=b" {
			t.Errorf("%s /dashboard: %d %s", method, w.Code, w.Header())
		}
		w = httptest.NewRecorder()
		find(method, "/dashboard/*path").Handle(w, httptest.NewRequest(method, "/dashboard/x.js", nil))
		if w.Body.String() != "/x.js" {
			t.Errorf("%s /dashboard/x.js: %s", method, w.Body)
		}
	}
}
