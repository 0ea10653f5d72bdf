package influx_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tarn/edge/api/influx"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/plan"
	"tarn/edge/server"
	"tarn/store"
	"tarn/store/vfs"
)

// fixture is the API on a store whose disk a test can break.
type fixture struct {
	*testing.T
	store  *store.Store
	auth   *auth.Authenticator
	broken atomic.Bool
	http   http.Handler
}

// provider gives queries the store's databases.
type provider struct{ *store.Store }

func (p provider) Database(name string) (plan.Database, bool) { return p.Store.Database(name) }

var errDisk = errors.New("input/output error")

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t}
	logger := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	fs := vfs.NewFault(vfs.OS(), func(op vfs.Op) (int, error) {
		if f.broken.Load() && (op.Kind == "write" || op.Kind == "sync") {
			return 0, errDisk
		}
		return 0, nil
	})
	s, err := store.Open(t.Context(), store.Options{FS: fs, Dir: dir, CatalogPath: filepath.Join(dir, "catalog.db"), WALSyncRate: 10000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A store whose log broke says so when it closes.
		if err := s.Close(context.Background()); err != nil && !errors.Is(err, store.ErrClosed) && !f.broken.Load() {
			t.Error("close:", err)
		}
	})
	f.store = s
	f.auth = &auth.Authenticator{Tokens: s.Tokens(), Disabled: true}
	api := &influx.API{Store: s, Writer: ingest.NewWriter(s, time.Now), Query: query.New(provider{s}, query.Options{}), Auth: f.auth,
		Build: influx.Build{Version: "3.7.0"}, Logger: logger, Now: time.Now, MaxBody: 1 << 20, Metrics: http.NotFoundHandler(),
		FirstTokenFrom: func(r *http.Request) bool { return strings.HasPrefix(r.RemoteAddr, "127.") }}
	f.http = server.NewHandler(server.Options{Routes: api.Routes(), Auth: f.auth, ClusterUUID: s.UUID(), Logger: logger,
		Observe: func(server.Observation) {}, Deny: influx.Fail})
	return f
}

func (f *fixture) do(method, target, body string) *httptest.ResponseRecorder {
	f.Helper()
	return f.doFrom("127.0.0.1:1234", method, target, body)
}

func (f *fixture) doFrom(addr, method, target, body string) *httptest.ResponseRecorder {
	f.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = addr
	w := httptest.NewRecorder()
	f.http.ServeHTTP(w, r)
	return w
}

// TestBrokenDisk: the failure of the log is told to writers and to /health, and
// reads go on.
func TestBrokenDisk(t *testing.T) {
	f := newFixture(t)
	if w := f.do("POST", "/api/v3/write_lp?db=d", "m f=1 1"); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, w.Body)
	}
	f.broken.Store(true)
	// The first one learns of the failure itself, the others of the state.
	for i, target := range []string{"/api/v3/write_lp?db=d", "/api/v3/write_lp?db=d", "/write?db=d", "/api/v2/write?bucket=d", "/write?db=other"} {
		w := f.do("POST", target, "m f=2 2")
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "read-only") {
			t.Errorf("write %d to %s: %d, Retry-After %q: %s", i, target, w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
	for _, target := range []string{"/health", "/api/v1/health"} {
		if w := f.do("GET", target, ""); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `{"error":"Service is unavailable: `) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := f.do("GET", "/api/v3/query_sql?db=d&q=SELECT+f+FROM+m+WHERE+f+=+1", ""); w.Body.String() != `[{"f":1.0}]` {
		t.Errorf("query: %d %s", w.Code, w.Body)
	}
}

// TestClosing: a server that shuts down sends clients away, to come back.
func TestClosing(t *testing.T) {
	f := newFixture(t)
	if err := f.store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := f.do("POST", "/api/v3/write_lp?db=d", "m f=1 1")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestFirstTokenOnlyFromTheMachine(t *testing.T) {
	f := newFixture(t)
	f.auth.Disabled = false
	const target = "/api/v3/configure/token/admin"
	if w := f.doFrom("192.0.2.1:1234", "POST", target, ""); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "loopback") {
		t.Errorf("from afar: %d %s", w.Code, w.Body)
	}
	if w := f.do("POST", target, ""); w.Code != http.StatusCreated {
		t.Errorf("from here: %d %s", w.Code, w.Body)
	}
	if w := f.doFrom("192.0.2.1:1234", "POST", target, ""); w.Code != http.StatusConflict {
		t.Errorf("from afar, a second one: %d %s", w.Code, w.Body)
	}
}

// TestDeletedNames: what was deleted goes on under another name, which can
// neither be written to nor deleted again.
func TestDeletedNames(t *testing.T) {
	f := newFixture(t)
	f.do("POST", "/api/v3/write_lp?db=d", "m f=1 1\nn f=1 1")
	if w := f.do("DELETE", "/api/v3/configure/table?db=d&table=m", ""); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	for _, k := range f.store.ListTables(true) {
		if !k.Deleted {
			continue
		}
		if w := f.do("DELETE", "/api/v3/configure/table?db=d&table="+k.Schema.Name, ""); w.Code != http.StatusConflict ||
			!strings.Contains(w.Body.String(), "attempted to delete resource that was already deleted") {
			t.Errorf("table %s: %d %s", k.Schema.Name, w.Code, w.Body)
		}
	}
	f.do("DELETE", "/api/v3/configure/database?db=d", "")
	for _, d := range f.store.ListDatabases(true) {
		if w := f.do("DELETE", "/api/v3/configure/database?db="+d.Name, ""); w.Code != http.StatusConflict {
			t.Errorf("database %s: %d %s", d.Name, w.Code, w.Body)
		}
		want := `{"error":"cannot write to soft-deleted database '` + d.Name + `' - it is marked for deletion"}`
		if w := f.do("POST", "/api/v3/write_lp?db="+d.Name, "m f=1"); w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("write to %s: %d %s, want %s", d.Name, w.Code, w.Body, want)
		}
	}
}

func TestErrorTextsAreReadable(t *testing.T) {
	f := newFixture(t)
	w := f.do("POST", "/write?db=d", "m<&> f=x")
	if want := `"original_line":"m<&> f=x"`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("no %s in %s", want, w.Body)
	}
}

func BenchmarkWriteV3(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir(), WALSyncRate: 10000, BufferBytes: 256 << 20, WALBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	api := &influx.API{Store: s, Writer: ingest.NewWriter(s, time.Now), Auth: &auth.Authenticator{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
		Now: time.Now, MaxBody: 10 << 20, Metrics: http.NotFoundHandler()}
	h := server.NewHandler(server.Options{Routes: api.Routes(), Auth: api.Auth, Observe: func(server.Observation) {}, Deny: influx.Fail})
	var lines strings.Builder
	for i := range 5000 {
		lines.WriteString("cpu,host=host_" + string(rune('a'+i%20)) + ",region=eu usage_user=58.5,usage_system=2i,usage_idle=24.25 1767225600\n")
	}
	body := lines.String()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/api/v3/write_lp?db=d&no_sync=true&precision=s", strings.NewReader(body)))
		if w.Code != http.StatusNoContent {
			b.Fatal(w.Code, w.Body)
		}
	}
}
