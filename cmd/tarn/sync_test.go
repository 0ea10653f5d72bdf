package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	duck "tarn/edge/query/duckdb"
	upstream "tarn/sync"
	"tarn/sync/fakes3"
)

// lake is an S3 store that the tests can look into.
type lake struct {
	url string
	// fetch copies its objects into a directory.
	fetch func(t *testing.T) string
}

func fakeLake(t *testing.T) lake {
	s := fakes3.New("lake")
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return lake{h.URL, func(t *testing.T) string {
		dir := t.TempDir()
		for key, o := range s.Objects() {
			path := filepath.Join(dir, key)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, o.Body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}}
}

// versityLake is versitygw over a directory, where it is installed.
func versityLake(t *testing.T) lake {
	path := ""
	for _, dir := range []string{os.Getenv("TARN_TOOLS"), filepath.Join(os.Getenv("HOME"), ".cache", "tarn-tools")} {
		if p, err := exec.LookPath(filepath.Join(dir, "bin", "versitygw")); err == nil && dir != "" {
			path = p
		}
	}
	if p, err := exec.LookPath("versitygw"); err == nil {
		path = p
	}
	if path == "" {
		t.Skip("versitygw is not installed: run .ci/tools/versitygw.sh")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lake"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--port", addr, "--access", "lakekey", "--secret", "lakesecret", "--health", "/healthz", "posix", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 3000 {
		resp, err := http.Get("http://" + addr + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
			return lake{"http://" + addr, func(*testing.T) string { return filepath.Join(dir, "lake") }}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("versitygw did not start")
	return lake{}
}

// cutting passes requests on, and cuts the connection of some: before the
// request gets there, in the middle of it, or before the answer comes back. It
// never cuts more than longest in a row: whoever asks once more gets through, so
// that what the test says does not hang on chance.
func cutting(t *testing.T, target string, percent int) (string, *atomic.Int64) {
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	const longest = 4
	cuts, row := &atomic.Int64{}, &atomic.Int64{}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }, // the host is signed
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rand.IntN(100) >= percent || row.Add(1) > longest {
			row.Store(0)
			proxy.ServeHTTP(w, r)
			return
		}
		cuts.Add(1)
		switch rand.IntN(3) {
		case 0:
		case 1:
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), broken{}))
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		case 2:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	h.Config.ErrorLog = nil
	t.Cleanup(h.Close)
	return h.URL, cuts
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }

// syncStatus asks the server about upstream sync.
func (p *process) syncStatus() upstream.TargetStatus {
	p.t.Helper()
	resp, err := http.Get(p.url + "/api/v3/sync")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var s upstream.Status
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil || len(s.Targets) != 1 {
		p.t.Fatalf("status %+v: %v", s, err)
	}
	return s.Targets[0]
}

// post sends a request whose answer is a success.
func (p *process) post(path, body string) {
	p.t.Helper()
	resp, err := http.Post(p.url+path, "text/plain", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		p.t.Fatalf("POST %s: %d %s %v", path, resp.StatusCode, text, err)
	}
}

// TestSyncKilled sends a file a day over a link that cuts 30 % of all requests,
// from a server that is killed five times: what is upstream is what is here, each
// row once, for DuckDB too.
func TestSyncKilled(t *testing.T) {
	for name, start := range map[string]func(*testing.T) lake{"fake": fakeLake, "versitygw": versityLake} {
		t.Run(name, func(t *testing.T) { testSyncKilled(t, start(t)) })
	}
}

func testSyncKilled(t *testing.T, l lake) {
	days, perDay := 50, 10_000
	if testing.Short() {
		days, perDay = 10, 500
	}
	const kills = 5
	through, cuts := cutting(t, l.url, 30)
	credentials := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(credentials, []byte("[default]\naws_access_key_id = lakekey\naws_secret_access_key = lakesecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	serve := func() *process {
		return startProcess(t, dir, "--without-auth", "--node-id", "gw-1", "--sync-retry-min", "20ms", "--sync-retry-max", "500ms",
			"--sync-target", "s3://lake/edge?name=lake&format=delta&style=path&endpoint="+through+"&credentials-file="+credentials)
	}
	p := serve()
	const first int64 = 1_767_225_600_000_000_000 // 2026-01-01
	n := 0
	for d := range days {
		var body bytes.Buffer
		for i := range perDay {
			fmt.Fprintf(&body, "m,w=w%d n=%di,v=%d.25 %d\n", i%7, n, n, first+int64(d)*86_400_000_000_000+int64(i)*1_000_003)
			n++
		}
		p.post("/api/v3/write_lp?db=d&precision=nanosecond", body.String())
		p.post("/api/v3/sync/now", "")
		if d%(days/kills) == days/kills-1 {
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			p.kill()
			p = serve()
		}
	}
	big := 0
	if !testing.Short() {
		// A file of several parts, killed while they are sent.
		for range 8 {
			var body bytes.Buffer
			for range 50_000 {
				fmt.Fprintf(&body, "big n=%di,s=\"%016x%016x%016x\" %d\n", n+big, rand.Uint64(), rand.Uint64(), rand.Uint64(), first+int64(big)*1_000_003)
				big++
			}
			p.post("/api/v3/write_lp?db=d&precision=nanosecond", body.String())
		}
		p.post("/api/v3/sync/now", "")
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		p.kill()
		p = serve()
	}
	deadline := time.Now().Add(5 * time.Minute)
	for {
		s := p.syncStatus()
		if s.Files.Sealed+s.Files.Uploading+s.Files.Uploaded+s.Files.Parked == 0 {
			break
		}
		if s.Files.Parked > 0 {
			p.post("/api/v3/sync/now", "")
		}
		if time.Now().After(deadline) {
			t.Fatalf("still pending: %+v", s)
		}
		time.Sleep(20 * time.Millisecond)
	}
	here := p.query("d", "SELECT count(*) AS n, count(DISTINCT n) AS d FROM m")
	if here[0]["n"] != float64(n) || here[0]["d"] != float64(n) {
		t.Fatalf("here: %v of %d", here, n)
	}
	// This goes over the same link, and asks again what was cut.
	out, err := exec.Command(p.cmd.Path, "sync", "verify", "--host", p.url).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf(" %d rows", n+big)) || !strings.Contains(string(out), " 0 not listed") {
		t.Errorf("verify: %v\n%s", err, out)
	}
	p.stop()
	t.Logf("%d requests were cut", cuts.Load())
	objects := l.fetch(t)
	if out, err := exec.Command(p.cmd.Path, "lake", "commit", "file://"+objects+"/edge").CombinedOutput(); err != nil {
		t.Errorf("lake commit: %v\n%s", err, out)
	}
	db, err := duck.Start("../../testdata/duckdb/serve.mjs", 2)
	if errors.Is(err, duck.ErrAbsent) {
		t.Log("DuckDB does not count the rows:", err)
		countParquet(t, objects, n+big)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one := func(sql string) []string {
		t.Helper()
		a, err := db.Query(sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		var cells []string
		for _, c := range a.Rows[0] {
			if c == nil {
				cells = append(cells, "null")
			} else {
				cells = append(cells, (*c)[1:])
			}
		}
		return cells
	}
	from := "read_parquet('" + objects + "/edge/d/m/*/*/*.parquet', hive_partitioning = true)"
	want := []string{fmt.Sprint(n), fmt.Sprint(n), fmt.Sprint(days), "gw-1"}
	if got := one("SELECT count(*), count(DISTINCT n), count(DISTINCT date), any_value(edge) FROM " + from); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("upstream %v, want %v", got, want)
	}
	if big > 0 {
		if got := one("SELECT count(*), count(DISTINCT n), count(DISTINCT filename), count(DISTINCT s) FROM read_parquet('" + objects + "/edge/d/big/*/*/*.parquet', filename = true)"); strings.Join(got, " ") != fmt.Sprint(big, big, 1, big) {
			t.Errorf("upstream %v of %d in one file", got, big)
		}
	}
	// No nanosecond is lost, and partitions are pruned by name.
	if got := one("SELECT count(*) FROM " + from + " WHERE date = DATE '2026-01-03' AND epoch_ns(time) + coalesce(time_ns_rem, 0) = " +
		fmt.Sprint(first+2*86_400_000_000_000) + " + (n % " + fmt.Sprint(perDay) + ") * 1000003"); got[0] != fmt.Sprint(perDay) {
		t.Errorf("of the third day %s rows have their time, of %d", got[0], perDay)
	}
	for _, table := range []string{objects + "/edge/d/m/edge=gw-1", objects + "/edge/d/m"} {
		checkDelta(t, db, table, n)
	}
}

// checkDelta counts a Delta table by DuckDB's extension, where it can be had.
func checkDelta(t *testing.T, db *duck.Process, table string, n int) {
	t.Helper()
	if _, err := db.Query("SET autoinstall_known_extensions = false"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Query("LOAD delta"); err != nil {
		t.Log("no Delta reader here; package upstream checks logs against the protocol:", strings.SplitN(err.Error(), "\n", 2)[0])
		return
	}
	a, err := db.Query("SELECT count(*), count(DISTINCT n) FROM delta_scan('" + table + "')")
	if err != nil {
		t.Fatal(err)
	}
	if got := *a.Rows[0][0] + " " + *a.Rows[0][1]; got != fmt.Sprintf("i%d i%d", n, n) {
		t.Errorf("delta table %s: %s of %d", table, got, n)
	}
}

// TestSyncWithoutLink runs a server whose targets cannot be reached: writes,
// queries, checkpoints and restarts go on, and nothing is claimed.
func TestSyncWithoutLink(t *testing.T) {
	const inside = "TARN_TEST_WITHOUT_LINK"
	if os.Getenv(inside) == "" {
		// The whole test again in a network namespace that has a loopback only.
		probe := exec.Command("unshare", "-rn", "sh", "-c", "ip link set lo up")
		if out, err := probe.CombinedOutput(); err != nil {
			t.Logf("without a network namespace (%v %s): targets are addresses that nobody has", err, bytes.TrimSpace(out))
		} else {
			cmd := exec.Command("unshare", "-rn", "sh", "-c", `ip link set lo up && exec "$@"`, "sh", os.Args[0], "-test.run=^TestSyncWithoutLink$", "-test.v", "-test.timeout=2m")
			path, err := buildTarn() // not in there: it may need modules
			if err != nil {
				t.Fatal(err)
			}
			cmd.Env = append(os.Environ(), inside+"=1", "TARN_TEST_BINARY="+path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return
		}
	}
	dir := t.TempDir()
	serve := func() *process {
		return startProcess(t, dir, "--without-auth", "--sync-retry-min", "10ms", "--sync-retry-max", "50ms", "--sync-target", "s3://key:secret@lake/p?endpoint=http://192.0.2.1:9000")
	}
	rows := 0
	for range 3 {
		p := serve()
		for range 5 {
			var body bytes.Buffer
			for range 1000 {
				fmt.Fprintf(&body, "m n=%di %d\n", rows, 1_767_225_600_000_000_000+int64(rows))
				rows++
			}
			p.post("/api/v3/write_lp?db=d&precision=nanosecond", body.String())
			p.post("/api/v3/sync/now", "")
			if got := p.query("d", "SELECT count(*) AS n FROM m"); got[0]["n"] != float64(rows) {
				t.Fatalf("%v of %d rows", got, rows)
			}
		}
		s := p.syncStatus()
		if s.PendingRows != int64(rows) || s.Files.Committed+s.Files.Parked != 0 {
			t.Errorf("%+v", s)
		}
		p.stop()
	}
}

// countParquet counts the rows of all objects below a directory.
func countParquet(t *testing.T, dir string, n int) {
	t.Helper()
	rows := int64(0)
	err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
		if err == nil {
			rows += f.NumRows()
		}
		return err
	})
	if err != nil || rows != int64(n) {
		t.Errorf("%d rows of %d upstream: %v", rows, n, err)
	}
}
