package edge

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTelegrafOutputs: a real Telegraf writes by its outputs for Loki, OpenTSDB
// and HTTP; SQL reads what came.
func TestTelegrafOutputs(t *testing.T) {
	bin := installed(t, "telegraf", "telegraf.sh")
	s := startServer(t)
	_, token, err := s.app.store.Tokens().Create(t.Context(), "telegraf", time.Time{}, -1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	lines := `cpu,host=edge-7,cpu=cpu0 usage=12.5,n=3i 1767225600000000000
cpu,host=edge-7,cpu=cpu1 usage=50,n=4i 1767225600000000000
door,host=edge-7 state="open" 1767225601000000000
`
	file := filepath.Join(dir, "in.lp")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("ADDR", s.app.Addr().String(), "HOST", strings.Split(s.app.Addr().String(), ":")[0],
		"PORT", strings.Split(s.app.Addr().String(), ":")[1], "TOKEN", token, "FILE", file).Replace(`
[agent]
  omit_hostname = true
[[inputs.file]]
  files = ["FILE"]
  data_format = "influx"
[[outputs.loki]]
  domain = "http://ADDR"
  endpoint = "/v1/loki/api/v1/push"
  username = "any"
  password = "TOKEN"
  gzip_request = true
[[outputs.opentsdb]]
  host = "http://any:TOKEN@HOST"
  port = PORT
  prefix = "tsd."
  http_batch_size = 2
  http_path = "/v1/opentsdb/api/put"
  namepass = ["cpu"]
[[outputs.http]]
  url = "http://ADDR/v1/influxdb/write"
  headers = {Authorization = "Token any:TOKEN"}
  data_format = "influx"
  content_encoding = "gzip"
[[outputs.http]]
  url = "http://ADDR/v1/events/logs?table=lines&pipeline_name=greptime_identity"
  headers = {Authorization = "Bearer TOKEN", Content-Type = "text/plain"}
  data_format = "influx"
`)
	path := filepath.Join(dir, "telegraf.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), bin, "--config", path, "--once").CombinedOutput()
	if err != nil || strings.Contains(string(out), " E! ") {
		t.Fatalf("telegraf: %v\n%s", err, out)
	}
	for _, c := range []struct{ query, want string }{
		{`SELECT __name, host, cpu, line FROM loki_logs ORDER BY time, cpu`,
			"cpu,edge-7,cpu0,\"usage=\"\"12.5\"\" n=\"\"3\"\" \"\ncpu,edge-7,cpu1,\"usage=\"\"50\"\" n=\"\"4\"\" \"\ndoor,edge-7,,\"state=\"\"open\"\" \""},
		{`SELECT time, cpu, host, greptime_value FROM "tsd.cpu_usage" ORDER BY cpu`, "2026-01-01T00:00:00,cpu0,edge-7,12.5\n2026-01-01T00:00:00,cpu1,edge-7,50.0"},
		{`SELECT greptime_value FROM "tsd.cpu_n" ORDER BY cpu`, "3.0\n4.0"},
		{`SELECT cpu, usage, n FROM cpu ORDER BY cpu`, "cpu0,12.5,3\ncpu1,50.0,4"},
		{`SELECT state FROM door`, "open"},
		{`SELECT message FROM lines ORDER BY message`, "\"cpu,cpu=cpu0,host=edge-7 usage=12.5,n=3i 1767225600000000000\"\n\"cpu,cpu=cpu1,host=edge-7 usage=50,n=4i 1767225600000000000\"\n\"door,host=edge-7 state=\"\"open\"\" 1767225601000000000\""},
	} {
		if got := s.sqlAs(t, token, c.query); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.query, got, c.want)
		}
	}
}
