package influxql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// influxd is a running InfluxDB 1, for comparison.
type influxd struct {
	url string
}

// startInfluxd starts the influxd that .ci/tools/peers.sh installs, or one on
// the path; without one it skips the test.
func startInfluxd(t *testing.T) *influxd {
	t.Helper()
	bin, err := exec.LookPath("influxd")
	if err != nil {
		tools := os.Getenv("TARN_TOOLS")
		if tools == "" {
			cache, err := os.UserCacheDir()
			if err != nil {
				t.Skip("no influxd to compare with:", err)
			}
			tools = filepath.Join(cache, "tarn-tools")
		}
		bin = filepath.Join(tools, "bin", "influxd")
		if _, err := os.Stat(bin); err != nil {
			t.Skip("no influxd to compare with: .ci/tools/peers.sh installs one:", err)
		}
	}
	dir, ports := t.TempDir(), freePorts(t, 2)
	config := fmt.Sprintf(`reporting-disabled = true
bind-address = "127.0.0.1:%d"
[meta]
dir = %q
[data]
dir = %q
wal-dir = %q
[http]
bind-address = "127.0.0.1:%d"
log-enabled = false
[monitor]
store-enabled = false
`, ports[0], dir+"/meta", dir+"/data", dir+"/wal", ports[1])
	if err := os.WriteFile(dir+"/influxdb.conf", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "-config", dir+"/influxdb.conf")
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal("start influxd:", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	d := &influxd{fmt.Sprintf("http://127.0.0.1:%d", ports[1])}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(d.url + "/ping")
		if err == nil {
			_ = r.Body.Close()
			return d
		}
		if time.Now().After(end) {
			t.Fatal("influxd does not answer:", err)
		}
	}
}

func freePorts(t *testing.T, n int) []int {
	var out []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func (d *influxd) write(t *testing.T, db, lines string) {
	t.Helper()
	r, err := http.Post(d.url+"/write?precision=s&db="+url.QueryEscape(db), "text/plain", strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusNoContent {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("write to influxd: %s %s", r.Status, body)
	}
}

// query returns the body of an answer, of whatever status.
func (d *influxd) query(t *testing.T, db, q string) []byte {
	t.Helper()
	r, err := http.PostForm(d.url+"/query", url.Values{"db": {db}, "q": {q}, "epoch": {"ns"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// v1Answer is an answer of /query.
type v1Answer struct {
	Results []struct {
		Series []v1Series
		Error  string
	}
	Error string
}

type v1Series struct {
	Name    string
	Tags    map[string]string
	Columns []string
	Values  [][]any
}

func decodeV1(t *testing.T, body []byte) v1Answer {
	t.Helper()
	var a v1Answer
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	if err := dec.Decode(&a); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return a
}
