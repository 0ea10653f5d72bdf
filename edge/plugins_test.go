package edge

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// copyPlugins copies the example plugins, so that tests may change them.
func copyPlugins(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plugin-copy")
	if err := os.CopyFS(dir, os.DirFS("../testdata/plugins")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// needPython skips a test where there is no Python.
func needPython(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3 on the PATH:", err)
	}
}

// pluginServer is a server with the example plugins and database d.
func pluginServer(t testing.TB, change ...func(*Config)) *testServer {
	t.Helper()
	needPython(t)
	s := startServer(t, append([]func(*Config){func(c *Config) { c.WithoutAuth, c.PluginDir = true, copyPlugins(t) }}, change...)...)
	s.post("/api/v3/configure/database", map[string]any{"db": "d"})
	return s
}

// post sends JSON and insists on success.
func (s *testServer) post(target string, body any) testResponse {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r := s.do(testRequest{method: "POST", target: target, header: http.Header{"Content-Type": {"application/json"}}, body: text})
	if r.StatusCode/100 != 2 {
		s.t.Fatalf("%s: %s", target, r.text())
	}
	return r
}

func (s *testServer) trigger(name, plugin, spec string, settings map[string]any) {
	s.t.Helper()
	s.post("/api/v3/configure/processing_engine_trigger", map[string]any{"db": "d", "plugin_filename": plugin, "trigger_name": name,
		"trigger_specification": spec, "trigger_settings": settings})
}

// until waits for something that happens in the background.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestWriteTrigger(t *testing.T) {
	s := pluginServer(t)
	if s.app.engine.Stats().Workers != 0 {
		t.Error("a worker runs that nobody needs")
	}
	s.trigger("count", "count_rows.py", "table:cpu", nil)
	for i := range 5 {
		s.write("d", fmt.Sprintf("cpu,host=a f=1 %d\ncpu,host=b f=1 %[1]d\nmem f=1 %[1]d", i+1))
	}
	until(t, "all rows counted", func() bool {
		return strings.Contains(s.query("d", "SHOW TABLES", "csv"), "row_count") && s.query("d", "SELECT max(total) AS n, sum(rows) AS r FROM row_count", "csv") == "n,r\n10,10\n"
	})
	if got := s.query("d", `SELECT count(*) AS n FROM row_count WHERE "table" <> 'cpu'`, "csv"); got != "n\n0\n" {
		t.Errorf("other tables reached the plugin: %s", got)
	}
	s.post("/api/v3/configure/processing_engine_trigger/disable?db=d&trigger_name=count", nil)
	s.write("d", "cpu f=1 99")
	s.do(testRequest{method: "DELETE", target: "/api/v3/configure/database?db=d"})
	until(t, "the trigger went with its database", func() bool { return s.app.engine.Stats().Triggers == 0 })
}

func TestScheduleTrigger(t *testing.T) {
	s := pluginServer(t)
	s.trigger("tick", "cache_use.py", "every:20ms", map[string]any{"run_async": false})
	until(t, "three runs", func() bool {
		return strings.Contains(s.query("d", "SELECT log_text FROM system.processing_engine_logs", "csv"), "[0, 1, 2] expired None yes")
	})
}

func TestErrorBehavior(t *testing.T) {
	s := pluginServer(t)
	s.trigger("off", "broken.py", "all_tables", map[string]any{"error_behavior": "disable"})
	s.trigger("again", "indent.py", "all_tables", map[string]any{"error_behavior": "retry"})
	s.write("d", "cpu f=1 1")
	until(t, "the trigger was disabled", func() bool {
		return s.query("d", "SELECT disabled FROM system.processing_engine_triggers WHERE trigger_name = 'off'", "csv") == "disabled\ntrue\n"
	})
	until(t, "retries", func() bool {
		return strings.Count(s.query("d", "SELECT log_text FROM system.processing_engine_logs WHERE trigger_name = 'again'", "csv"), "trying again") > 2
	})
	if got := s.query("d", "SELECT log_text FROM system.processing_engine_logs WHERE trigger_name = 'off' AND log_level = 'ERROR'", "csv"); !strings.Contains(got, "error executing wal plugin: TypeError: process_writes() takes 2 positional arguments but 3 were given") {
		t.Error(got)
	}
}

// TestLogsTime reads the logs by the name that version 3.11 gave to their time.
func TestLogsTime(t *testing.T) {
	s := pluginServer(t)
	s.trigger("h", "broken.py", "all_tables", nil)
	s.write("d", "cpu f=1 1")
	const logs = " FROM system.processing_engine_logs "
	until(t, "a row is logged", func() bool { return s.query("d", "SELECT 1 AS one"+logs+"LIMIT 1", "csv") == "one\n1\n" })
	for _, c := range [][2]string{
		{"SELECT time = event_time AS same" + logs + "ORDER BY time DESC LIMIT 1", "same\ntrue\n"},
		{"SELECT count(*) AS n" + logs + "WHERE time < '2020-01-01T00:00:00Z'", "n\n0\n"},
		{"SELECT DISTINCT true AS yes" + logs + "WHERE time > now() - INTERVAL '1 hour'", "yes\ntrue\n"},
		{"SELECT l.time = l.event_time AS same" + logs + "AS l LIMIT 1", "same\ntrue\n"},
		{"SELECT time" + logs + "LIMIT 1", "time\n*"},
		{"SELECT *" + logs + "ORDER BY time LIMIT 1", "event_time,trigger_name,log_level,log_text\n*"},
		// A column of that name comes first.
		{"SELECT DISTINCT time" + logs + "CROSS JOIN cpu", "time\n1970-01-01T00:00:01\n"},
		{"SELECT a.b" + logs + "AS a (b) LIMIT 1", "b\n*"},
		{"SELECT count(*) AS n FROM information_schema.columns WHERE table_name = 'processing_engine_logs'", "n\n4\n"},
	} {
		got := s.query("d", c[0], "csv")
		if start, ok := strings.CutSuffix(c[1], "*"); got != c[1] && !(ok && strings.HasPrefix(got, start)) {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
	for _, bad := range []string{"SELECT time FROM (SELECT *" + logs + ")", "SELECT a.time" + logs + "AS a (b)", `SELECT ""` + logs} {
		r := s.do(testRequest{method: "GET", target: "/api/v3/query_sql?db=d&q=" + url.QueryEscape(bad)})
		if r.StatusCode != 400 || !strings.Contains(string(r.body), "No field named") {
			t.Errorf("%s: %s", bad, r.text())
		}
	}
}

// TestHostilePlugins ends the worker, loops, prints and takes memory.
func TestHostilePlugins(t *testing.T) {
	t.Setenv("TARN_TOKEN", "secret")
	s := pluginServer(t, func(c *Config) { c.PluginTimeout, c.PluginMemory = 3*time.Second, 1<<30 })
	s.trigger("h", "hello.py", "request:hello", map[string]any{"run_async": true})
	ask := func(mode string) testResponse {
		return s.do(testRequest{method: "GET", target: "/api/v3/engine/hello?mode=" + mode})
	}
	if r := ask("exit"); r.StatusCode != 500 || !strings.Contains(string(r.body), "plugin worker exited: exit status 3") {
		t.Errorf("a plugin that exits: %s", r.text())
	}
	if r := ask("text"); r.StatusCode != 200 {
		t.Errorf("after a crash: %s", r.text())
	}
	if r := ask("loop"); r.StatusCode != 500 || !strings.Contains(string(r.body), "--plugin-timeout") {
		t.Errorf("an endless loop: %s", r.text())
	}
	if r := ask("flood"); string(r.body) != "flooded" {
		t.Errorf("a plugin that prints much: %s", r.text())
	}
	if r := ask("memory"); r.StatusCode != 500 || !strings.Contains(string(r.body), "MemoryError") {
		t.Errorf("a plugin that takes 4 GB: %s", r.text())
	}
	if r := ask("env"); r.StatusCode != 200 || strings.Contains(string(r.body), "TARN") || !strings.Contains(string(r.body), "INFLUXDB3_PLUGIN_DIR") {
		t.Errorf("the environment: %s", r.text())
	}
	if got := s.app.engine.Stats(); got.Restarts != 1 || got.Workers != 1 {
		t.Errorf("%+v", got)
	}
}

func TestStopDuringCalls(t *testing.T) {
	s := pluginServer(t)
	s.trigger("h", "hello.py", "request:hello", nil)
	answered := make(chan int, 1)
	go func() {
		resp, err := http.Get("http://" + s.app.Addr().String() + "/api/v3/engine/hello?mode=nap&s=600")
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	until(t, "the call runs", func() bool { return s.app.engine.Stats().Calls > 0 })
	s.stop()
	if got := <-answered; got != http.StatusServiceUnavailable {
		t.Errorf("the interrupted request got %d", got)
	}
}

func TestHotReload(t *testing.T) {
	s := pluginServer(t)
	s.trigger("h", "hello.py", "request:hello", nil)
	s.trigger("p", "pack", "request:pack", nil)
	get := func(path string) string {
		return string(s.do(testRequest{method: "GET", target: "/api/v3/engine/" + path}).body)
	}
	if got := get("pack"); got != `{"answer": 42}` {
		t.Error(got)
	}
	for name, text := range map[string]string{"hello.py": "def process_request(a, q, h, b, args=None):\n    return 'new'\n", "pack/part.py": "def answer():\n    return 43000\n"} {
		if err := os.WriteFile(filepath.Join(s.config.PluginDir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := get("hello"), get("pack"); a != "new" || b != `{"answer": 43000}` {
		t.Errorf("after a change: %s, %s", a, b)
	}
}

func TestPluginLinksAreConfined(t *testing.T) {
	s := pluginServer(t)
	outside := filepath.Join(t.TempDir(), "outside.py")
	if err := os.WriteFile(outside, []byte("x = 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.py": outside, "dir": filepath.Dir(outside), "dangling.py": "/nonexistent/x.py"} {
		if err := os.Symlink(to, filepath.Join(s.config.PluginDir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"link.py", "dir/outside.py", "dir/new.py", "dangling.py", "../x.py", "/etc/passwd", ".venv/x.py", "a/../../x.py", ""} {
		body, _ := json.Marshal(map[string]string{"plugin_name": name, "content": "y = 2\n"})
		r := s.do(testRequest{method: "POST", target: "/api/v3/plugins/files", header: http.Header{"Content-Type": {"application/json"}}, body: body})
		if r.StatusCode != http.StatusBadRequest || !strings.Contains(string(r.body), "Path traversal detected") {
			t.Errorf("%q: %s", name, r.text())
		}
	}
}

// TestSlowPluginHoldsNobodyUp writes much more than a plugin can take.
func TestSlowPluginHoldsNobodyUp(t *testing.T) {
	s := pluginServer(t)
	s.post("/api/v3/configure/processing_engine_trigger", map[string]any{"db": "d", "plugin_filename": "slow.py", "trigger_name": "slow",
		"trigger_specification": "all_tables", "trigger_arguments": map[string]string{"seconds": "600"}})
	n := 0
	for ; s.app.engine.Stats().DroppedBatches == 0; n++ {
		if n > 500 {
			t.Fatal("500 writes, and no batch was dropped")
		}
		s.write("d", fmt.Sprintf("cpu f=1 %d", n+1))
	}
	if got, want := s.query("d", "SELECT count(*) AS n FROM cpu", "csv"), fmt.Sprintf("n\n%d\n", n); got != want {
		t.Errorf("rows: %q, want %q", got, want)
	}
	until(t, "the warning", func() bool {
		return strings.Contains(s.query("d", "SELECT log_text FROM system.processing_engine_logs WHERE log_level = 'WARN'", "csv"), "write batches (plugin too slow)")
	})
	s.do(testRequest{method: "DELETE", target: "/api/v3/configure/processing_engine_trigger?db=d&trigger_name=slow&force=true"})
	s.trigger("count", "count_rows.py", "table:cpu", nil)
	s.write("d", "cpu f=1 1000000")
	until(t, "the next plugin runs", func() bool { return strings.Contains(s.query("d", "SHOW TABLES", "csv"), "row_count") })
}

// TestKilledWorker ends the Python process from outside, as the kernel does when
// memory is short.
func TestKilledWorker(t *testing.T) {
	s := pluginServer(t)
	s.trigger("h", "hello.py", "request:hello", map[string]any{"run_async": true})
	s.trigger("count", "count_rows.py", "table:cpu", nil)
	get := func(query string) string {
		return string(s.do(testRequest{method: "GET", target: "/api/v3/engine/hello?" + query}).body)
	}
	pid, err := strconv.Atoi(get("mode=pid"))
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan string, 1)
	before := s.app.engine.Stats().Calls
	go func() { waiting <- get("mode=nap&s=600") }()
	until(t, "the call runs", func() bool { return s.app.engine.Stats().Calls > before })
	process, err := os.FindProcess(pid)
	if err == nil {
		err = process.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := <-waiting; got != `{"error":"plugin worker exited: signal: killed"}` {
		t.Error(got)
	}
	s.write("d", "cpu f=1 1")
	until(t, "the write trigger runs again", func() bool { return strings.Contains(s.query("d", "SHOW TABLES", "csv"), "row_count") })
	if got := get("mode=pid"); got == strconv.Itoa(pid) {
		t.Error("the worker is the same")
	}
	if got := get("mode=nested&url=" + "http://" + s.app.Addr().String() + "/api/v3/engine/hello?mode=text"); got != "<p>hello</p>" {
		t.Errorf("a plugin that asks another: %s", got)
	}
}

// TestLockedDown has everything forbidden that can be.
func TestLockedDown(t *testing.T) {
	s := pluginServer(t, func(c *Config) {
		c.NoPackages, c.PluginDirOnly, c.PluginKinds = true, true, []string{"wal_flush", "request"}
	})
	for _, c := range []struct {
		path   string
		body   any
		status int
		want   string
	}{
		{"/api/v3/configure/plugin_environment/install_packages", map[string]any{"packages": []string{"x"}}, 403, "Package installation has been disabled. Contact your administrator for more information."},
		{"/api/v3/configure/plugin_environment/install_requirements", map[string]any{"requirements_location": "r.txt"}, 403, "Package installation has been disabled. Contact your administrator for more information."},
		{"/api/v3/plugins/files", map[string]any{"plugin_name": "x.py", "content": ""}, 400, "Plugin error: plugin installation is disabled; plugins must already exist in the configured plugin directory"},
		{"/api/v3/configure/processing_engine_trigger", map[string]any{"db": "d", "plugin_filename": "hello.py", "trigger_name": "x", "trigger_specification": "every:1s"}, 400, "invalid request: server is configured to reject Schedule plugin triggers"},
		{"/api/v3/configure/processing_engine_trigger", map[string]any{"db": "d", "plugin_filename": "gh:x/y.py", "trigger_name": "x", "trigger_specification": "all_tables"}, 400, "Plugin error: plugin installation is disabled; plugins must already exist in the configured plugin directory"},
		{"/v1/scripts?db=public&name=x", map[string]any{}, 400, "plugin installation is disabled; plugins must already exist in the configured plugin directory"},
	} {
		body, _ := json.Marshal(c.body)
		r := s.do(testRequest{method: "POST", target: c.path, header: http.Header{"Content-Type": {"application/json"}}, body: body})
		if r.StatusCode != c.status || !strings.Contains(string(r.body), c.want) {
			t.Errorf("%s: %s\nwant %d %s", c.path, r.text(), c.status, c.want)
		}
	}
	s.trigger("h", "hello.py", "request:hello", nil)
}

// TestPackageManager has the setting of version 3.10 for the same.
func TestPackageManager(t *testing.T) {
	s := pluginServer(t, func(c *Config) { c.PackageManager = "disabled" })
	r := s.do(testRequest{method: "POST", target: "/api/v3/configure/plugin_environment/install_packages",
		header: http.Header{"Content-Type": {"application/json"}}, body: []byte(`{"packages":["x"]}`)})
	if r.StatusCode != 403 || !strings.Contains(string(r.body), "Package installation has been disabled. Contact your administrator for more information.") {
		t.Error(r.text())
	}
	for name, valid := range map[string]bool{"discover": true, "pip": true, "uv": true, "disabled": true, "": false, "conda": false} {
		c := DefaultConfig()
		c.PackageManager = name
		if err := c.Validate(); (err == nil) != valid || err != nil && !strings.Contains(err.Error(), "--package-manager must be discover, pip, uv or disabled") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestInstallPackages installs from a directory, without any index.
func TestInstallPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("making a virtual environment with pip takes seconds")
	}
	wheels := t.TempDir()
	s := pluginServer(t, func(c *Config) { c.PluginWheels, c.PluginOffline = wheels, true })
	for _, version := range []string{"1.0", "2.0"} {
		makeWheel(t, wheels, version)
	}
	s.trigger("h", "hello.py", "request:hello", nil)
	get := func(query string) string {
		return string(s.do(testRequest{method: "GET", target: "/api/v3/engine/hello?" + query}).body)
	}
	if got := get("mode=import"); got != `{"error":"Python function call failed: ModuleNotFoundError: No module named 'tarn_wheel'"}` {
		t.Fatal(got)
	}
	install := func(what string, body map[string]any) testResponse {
		text, _ := json.Marshal(body)
		return s.do(testRequest{method: "POST", target: "/api/v3/configure/plugin_environment/install_" + what, header: http.Header{"Content-Type": {"application/json"}}, body: text})
	}
	r := install("packages", map[string]any{"packages": []string{"tarn-wheel==1.0"}})
	if strings.Contains(string(r.body), "python3-venv") {
		t.Skip("this Python cannot make virtual environments:", string(r.body))
	}
	if r.StatusCode != 200 || len(r.body) != 0 {
		t.Fatal(r.text())
	}
	if got := get("mode=import"); got != "1.0" {
		t.Error(got)
	}
	if err := os.WriteFile(filepath.Join(s.config.PluginDir, "requirements.txt"), []byte("tarn-wheel>1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := install("requirements", map[string]any{"requirements_location": "requirements.txt"}); r.StatusCode != 200 {
		t.Error(r.text())
	}
	if got := get("mode=import"); got != "2.0" {
		t.Errorf("after an upgrade of what was imported: %s", got)
	}
	if r := install("packages", map[string]any{"packages": []string{"tarn-no-such"}}); r.StatusCode != 500 || !strings.Contains(string(r.body), "pip exited with status 1: no matching distribution; if the host has no package index, put wheels in --plugin-wheel-dir") {
		t.Error(r.text())
	}
	for _, bad := range []string{"--index-url=http://127.0.0.1:1/", "./x", "x @ file:///x"} {
		if r := install("packages", map[string]any{"packages": []string{bad}}); r.StatusCode != 400 || !strings.Contains(string(r.body), "is not the name of a package") {
			t.Errorf("%s: %s", bad, r.text())
		}
	}
}

// TestPythonUpgrade makes the virtual environment one of another Python, first
// while its packages cannot be had.
func TestPythonUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("making a virtual environment with pip takes seconds")
	}
	wheels := t.TempDir()
	s := pluginServer(t, func(c *Config) { c.PluginWheels, c.PluginOffline = wheels, true })
	makeWheel(t, wheels, "1.0")
	s.trigger("h", "hello.py", "request:hello", nil)
	get := func() string {
		return string(s.do(testRequest{method: "GET", target: "/api/v3/engine/hello?mode=import"}).body)
	}
	install := func() testResponse {
		return s.do(testRequest{method: "POST", target: "/api/v3/configure/plugin_environment/install_packages",
			header: http.Header{"Content-Type": {"application/json"}}, body: []byte(`{"packages":["tarn-wheel==1.0"]}`)})
	}
	r := install()
	if strings.Contains(string(r.body), "python3-venv") {
		t.Skip("this Python cannot make virtual environments:", string(r.body))
	}
	if r.StatusCode != 200 {
		t.Fatal(r.text())
	}
	venv := filepath.Join(s.config.PluginDir, ".venv")
	list, err := os.ReadFile(venv + ".packages")
	if err != nil || string(list) != "tarn-wheel==1.0\n" {
		t.Fatalf("list: %q, %v", list, err)
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	restart := func(change func()) {
		t.Helper()
		s.stop()
		change()
		s.start()
	}
	upgrade := func() {
		old := []byte("home = /nowhere\nversion = 3.2.1\n")
		if err := os.WriteFile(filepath.Join(venv, "pyvenv.cfg"), old, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wheel := filepath.Join(wheels, "tarn_wheel-1.0-py3-none-any.whl")
	const missing = `{"error":"Python function call failed: ModuleNotFoundError: No module named 'tarn_wheel'"}`
	restart(func() {
		upgrade()
		s.config.NoPackages = true
	})
	if got := get(); got != missing || !there(venv) || there(venv+".stale") {
		t.Fatalf("with package management off: %s", got)
	}
	restart(func() {
		s.config.NoPackages = false
		if err := os.Rename(wheel, wheel+".away"); err != nil {
			t.Fatal(err)
		}
	})
	if got := get(); got != missing || there(venv) || !there(venv+".stale") {
		t.Fatalf("without the package: %s", got)
	}
	restart(func() {
		if err := os.Rename(wheel+".away", wheel); err != nil {
			t.Fatal(err)
		}
	})
	if got := get(); got != "1.0" || there(venv+".stale") {
		t.Fatalf("with the package: %s", got)
	}
	// The interpreter is gone, and a call to install comes before all else.
	restart(func() {
		if err := os.Remove(filepath.Join(venv, "bin", "python")); err != nil {
			t.Fatal(err)
		}
	})
	if r := install(); r.StatusCode != 200 {
		t.Fatal(r.text())
	}
	if got := get(); got != "1.0" || there(venv+".stale") {
		t.Errorf("after an install: %s", got)
	}
}

// makeWheel writes the smallest package that pip takes.
func makeWheel(t *testing.T, dir, version string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	info := "tarn_wheel-" + version + ".dist-info/"
	for _, f := range [][2]string{
		{"tarn_wheel.py", "VERSION = '" + version + "'\n"},
		{info + "METADATA", "Metadata-Version: 2.1\nName: tarn-wheel\nVersion: " + version + "\n"},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: tarn\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", "tarn_wheel.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"},
	} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tarn_wheel-"+version+"-py3-none-any.whl"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRepository runs a plugin that a server elsewhere has, and that is away
// after a restart.
func TestRepository(t *testing.T) {
	fetched := 0
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetched++
		if r.URL.Path != "/main/a/b.py" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("def process_request(a, q, h, b, args=None):\n    return 'from afar'\n"))
	}))
	defer repository.Close()
	s := pluginServer(t, func(c *Config) { c.PluginRepo = repository.URL + "/main/" })
	s.trigger("g", "gh:a/b.py", "request:g", nil)
	for range 3 {
		if r := s.do(testRequest{method: "GET", target: "/api/v3/engine/g"}); string(r.body) != "from afar" {
			t.Fatal(r.text())
		}
	}
	if fetched != 2 {
		t.Errorf("fetched %d times, want once to create and once to run", fetched)
	}
	body, _ := json.Marshal(map[string]any{"db": "d", "plugin_filename": "gh:a/c.py", "trigger_name": "n", "trigger_specification": "request:n"})
	r := s.do(testRequest{method: "POST", target: "/api/v3/configure/processing_engine_trigger", header: http.Header{"Content-Type": {"application/json"}}, body: body})
	if r.StatusCode != 400 || !strings.Contains(string(r.body), "Plugin error: error fetching plugin from repository: 404 Not Found "+repository.URL+"/main/a/c.py") {
		t.Error(r.text())
	}
	repository.Close()
	s.stop()
	s.start()
	if r := s.do(testRequest{method: "GET", target: "/api/v3/engine/g"}); string(r.body) != "from afar" {
		t.Errorf("without the repository: %s", r.text())
	}
}
