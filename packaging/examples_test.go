package packaging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"tarn/edge"
)

const token = "apiv3_of-the-examples"

// newServer starts a server that wants the token.
func newServer(t *testing.T) string {
	t.Helper()
	c := edge.DefaultConfig()
	c.DataDir, c.HTTPBind, c.Version, c.MemoryLimit, c.WALSyncRate = t.TempDir(), "127.0.0.1:0", "3.7.0-tarn", 64<<20, 10000
	c.AdminTokenFile = filepath.Join(t.TempDir(), "token.json")
	if err := os.WriteFile(c.AdminTokenFile, []byte(`{"token":"`+token+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := edge.Start(context.Background(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error("stop:", err)
		}
	})
	return "http://" + a.Addr().String()
}

// post sends a form and returns a JSON answer.
func post(t *testing.T, target string, form url.Values, header http.Header) map[string]any {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", target, form.Encode(), resp.StatusCode, body)
	}
	return answer
}

// source is one of Grafana's data sources.
type source struct {
	UID, Type, URL string
	JSONData       struct {
		DBName                string `yaml:"dbName"`
		CustomQueryParameters string `yaml:"customQueryParameters"`
		HTTPHeaderName1       string `yaml:"httpHeaderName1"`
	} `yaml:"jsonData"`
	SecureJSONData struct {
		HTTPHeaderValue1 string `yaml:"httpHeaderValue1"`
	} `yaml:"secureJsonData"`
}

// query asks as Grafana does, and returns the number of series that came.
func (s *source) query(t *testing.T, base, text string, from, to time.Time) int {
	t.Helper()
	base += strings.TrimPrefix(s.URL, "http://127.0.0.1:8181")
	header := http.Header{s.JSONData.HTTPHeaderName1: {strings.ReplaceAll(s.SecureJSONData.HTTPHeaderValue1, "$TARN_TOKEN", token)}}
	if s.Type == "influxdb" {
		answer := post(t, base+"/query?"+url.Values{"db": {s.JSONData.DBName}, "epoch": {"ms"}}.Encode(), url.Values{"q": {text}}, header)
		result := answer["results"].([]any)[0].(map[string]any)
		if result["error"] != nil {
			t.Fatalf("%s: %v", text, result["error"])
		}
		series, _ := result["series"].([]any)
		return len(series)
	}
	form := url.Values{"query": {text}, "start": {fmt.Sprint(from.Unix())}, "end": {fmt.Sprint(to.Unix())}, "step": {"15"}}
	answer := post(t, base+"/api/v1/query_range?"+s.JSONData.CustomQueryParameters, form, header)
	return len(answer["data"].(map[string]any)["result"].([]any))
}

// TestGrafana: the data sources answer, and every panel of the dashboard has
// something to show of what a real Telegraf wrote.
func TestGrafana(t *testing.T) {
	base := newServer(t)
	lines, err := os.ReadFile("../testdata/telegraf.lp")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, base+"/api/v3/write_lp?db=telegraf", bytes.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatal("write:", err, resp)
	}
	_ = resp.Body.Close()
	// The capture is of some minutes.
	from, to := time.Unix(1795530590, 0), time.Unix(1795530900, 0)

	var provisioned struct{ Datasources []source }
	text, err := os.ReadFile("grafana/datasources/tarn.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &provisioned); err != nil {
		t.Fatal(err)
	}
	sources := map[string]*source{}
	for i := range provisioned.Datasources {
		s := &provisioned.Datasources[i]
		sources[s.UID] = s
	}
	var board struct {
		Templating struct {
			List []struct {
				Query      string
				Datasource struct{ UID string }
			}
		}
		Panels []struct {
			Title   string
			Targets []struct {
				Query, Expr string
				Datasource  struct{ UID string }
			}
		}
	}
	text, err = os.ReadFile("grafana/dashboards/machines.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	// What Grafana puts in for the variables.
	fill := strings.NewReplacer("$timeFilter", fmt.Sprintf("time >= %dms and time <= %dms", from.UnixMilli(), to.UnixMilli()),
		"$__interval", "30s", "$__rate_interval", "1m", "$host", ".*")
	asked := 0
	for _, v := range board.Templating.List {
		if n := sources[v.Datasource.UID].query(t, base, v.Query, from, to); n == 0 {
			t.Errorf("the variable %q has no values", v.Query)
		}
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			s := sources[target.Datasource.UID]
			if s == nil {
				t.Fatalf("panel %q: no data source %q", p.Title, target.Datasource.UID)
			}
			if n := s.query(t, base, fill.Replace(target.Query+target.Expr), from, to); n == 0 {
				t.Errorf("panel %q shows nothing", p.Title)
			}
			asked++
		}
	}
	if asked < 6 || len(sources) != 2 {
		t.Errorf("%d queries to %d data sources", asked, len(sources))
	}
}

// findTelegraf returns where a telegraf is, "" when there is none.
func findTelegraf() string {
	for _, dir := range []string{os.Getenv("TARN_TOOLS"), filepath.Join(os.Getenv("HOME"), ".cache", "tarn-tools")} {
		path := filepath.Join(dir, "bin", "telegraf")
		if info, err := os.Stat(path); dir != "" && err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	path, err := exec.LookPath("telegraf")
	if err != nil {
		return ""
	}
	return path
}

// TestTelegraf starts a real Telegraf with the example.
func TestTelegraf(t *testing.T) {
	path := findTelegraf()
	if path == "" {
		t.Skip("left out: no telegraf in TARN_TOOLS, ~/.cache/tarn-tools or the PATH (.ci/tools/telegraf.sh builds one)")
	}
	base := newServer(t)
	// Once is enough: it collects, writes and ends.
	cmd := exec.Command(path, "--config", "telegraf.conf", "--once")
	cmd.Env = append(os.Environ(), "TARN_TOKEN="+token, "TARN_URL="+base)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if bytes.Contains(out, []byte(" E! ")) {
		t.Errorf("telegraf complains:\n%s", out)
	}
	header := http.Header{"Authorization": {"Bearer " + token}}
	answer := post(t, base+"/query?db=telegraf", url.Values{"q": {"SHOW MEASUREMENTS"}}, header)
	shown := fmt.Sprint(answer)
	for _, m := range []string{"cpu", "mem", "swap", "system", "processes", "diskio", "net"} {
		if !strings.Contains(shown, "["+m+"]") {
			t.Errorf("no measurement %s in %s", m, shown)
		}
	}
}
