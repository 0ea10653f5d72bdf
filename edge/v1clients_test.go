package edge

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	client "github.com/influxdata/influxdb1-client/v2"
)

// token makes the operator token of a fresh server.
func (s *testServer) token() string {
	s.t.Helper()
	r := s.do(testRequest{method: "POST", target: "/api/v3/configure/token/admin"})
	var answer struct{ Token string }
	if err := json.Unmarshal(r.body, &answer); err != nil || answer.Token == "" {
		s.t.Fatalf("no token: %s", r.text())
	}
	return answer.Token
}

// TestGoClient drives the server with influxdb1-client, as services written for
// InfluxDB 1 do: with a user and a password, which is the token.
func TestGoClient(t *testing.T) {
	s := startServer(t)
	c, err := client.NewHTTPClient(client.HTTPConfig{Addr: "http://" + s.app.Addr().String(), Username: "any", Password: s.token()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Its Ping wants 204, as version 1 answers; version 3 answers 200 with a
	// body (spec/influxdb3-http-api.md section 5), and so do we.
	query := func(q client.Query) []client.Result {
		t.Helper()
		r, err := c.Query(q)
		if err == nil {
			err = r.Error()
		}
		if err != nil {
			t.Fatalf("%s: %v", q.Command, err)
		}
		return r.Results
	}
	query(client.NewQuery("CREATE DATABASE telegraf", "", ""))
	bp, err := client.NewBatchPoints(client.BatchPointsConfig{Database: "telegraf", Precision: "s"})
	if err != nil {
		t.Fatal(err)
	}
	for i, host := range []string{"a", "b", "a", "b", "a"} {
		p, err := client.NewPoint("cpu", map[string]string{"host": host}, map[string]any{"usage": float64(i), "n": i}, time.Unix(int64(60*i), 0))
		if err != nil {
			t.Fatal(err)
		}
		bp.AddPoint(p)
	}
	if err := c.Write(bp); err != nil {
		t.Fatal(err)
	}
	results := query(client.NewQueryWithParameters("SELECT usage, n FROM cpu WHERE host = $host; SHOW MEASUREMENTS", "telegraf", "s", client.Params{"host": "a"}))
	if len(results) != 2 {
		t.Fatalf("%d results", len(results))
	}
	got, err := json.Marshal(results)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"statement_id":0,"Series":[{"name":"cpu","columns":["time","usage","n"],"values":[[0,0,0],[120,2,2],[240,4,4]]}],"Messages":null},` +
		`{"statement_id":1,"Series":[{"name":"measurements","columns":["name"],"values":[["cpu"]]}],"Messages":null}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	chunks, err := c.QueryAsChunk(client.Query{Command: "SELECT n FROM cpu GROUP BY host", Database: "telegraf", Precision: "s", Chunked: true, ChunkSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer chunks.Close()
	var rows []string
	for {
		r, err := chunks.NextResponse()
		if err != nil {
			break // the end is an error, too
		}
		for _, s := range r.Results[0].Series {
			text, err := json.Marshal(s.Values)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, s.Tags["host"]+string(text))
		}
	}
	if got := strings.Join(rows, " "); got != "a[[0,0],[120,2]] a[[240,4]] b[[60,1],[180,3]]" {
		t.Errorf("chunks: %s", got)
	}
	if r, err := c.Query(client.NewQuery("SELECT foo(n) FROM cpu", "telegraf", "")); err != nil || r.Error() == nil {
		t.Errorf("a query that fails: %v %v", r, err)
	}
	bad, err := client.NewHTTPClient(client.HTTPConfig{Addr: "http://" + s.app.Addr().String(), Username: "any", Password: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	if r, err := bad.Query(client.NewQuery("SHOW DATABASES", "", "")); err == nil && r.Error() == nil {
		t.Error("a wrong password is accepted")
	}
}

// TestInfluxShell runs statements in the shell of InfluxDB 1.
func TestInfluxShell(t *testing.T) {
	bin := installed(t, "influx", "peers.sh")
	s := startServer(t)
	host, port, _ := strings.Cut(s.app.Addr().String(), ":")
	token := s.token()
	shell := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(bin, append([]string{"-host", host, "-port", port, "-username", "any", "-password", token}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	shell("-execute", "CREATE DATABASE home")
	shell("-database", "home", "-execute", "INSERT temp,room=kitchen value=21.5 1000000000")
	shell("-database", "home", "-execute", "INSERT temp,room=hall value=18 2000000000")
	if got, want := shell("-execute", "SHOW DATABASES"), "name: databases\nname\n----\n_internal\nhome\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got := shell("-database", "home", "-precision", "rfc3339", "-format", "csv", "-execute", "SELECT mean(value) FROM temp GROUP BY room")
	if want := "name,tags,time,mean\ntemp,room=hall,1970-01-01T00:00:00Z,18\nname,tags,time,mean\ntemp,room=kitchen,1970-01-01T00:00:00Z,21.5\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = shell("-database", "home", "-precision", "s", "-format", "json", "-execute", "SELECT * FROM temp; SHOW TAG VALUES WITH KEY = room")
	if want := `{"results":[{"series":[{"name":"temp","columns":["time","room","value"],"values":[[1,"kitchen",21.5],[2,"hall",18]]}]},{"series":[{"name":"temp","columns":["key","value"],"values":[["room","hall"],["room","kitchen"]]}]}]}` + "\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// installed finds a program that a script of .ci/tools installs, or one on the
// path; without one it skips the test and says so.
func installed(t *testing.T, name, script string) string {
	t.Helper()
	tools := os.Getenv("TARN_TOOLS")
	if tools == "" {
		if cache, err := os.UserCacheDir(); err == nil {
			tools = filepath.Join(cache, "tarn-tools")
		}
	}
	bin := filepath.Join(tools, "bin", name)
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	bin, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s: .ci/tools/%s installs one: %v", name, script, err)
	}
	return bin
}

// TestGrafana sends what Grafana's InfluxQL data source sends: a test of the
// connection, what fills its query editor, and templated queries.
func TestGrafana(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	s.write("tel", "cpu,host=a,dc=x usage=1,c=10i 1767225600000000000\ncpu,host=a,dc=x usage=3,c=70i 1767225660000000000\ncpu,host=b,dc=y usage=5,c=5i 1767225600000000000")
	for _, c := range []struct{ q, want string }{
		{"SHOW DATABASES", `{"name":"databases","columns":["name"],"values":[["_internal"],["tel"]]}`},
		{`SHOW RETENTION POLICIES on "tel"`, `{"name":"retention_policies","columns":["name","duration","default"],"values":[["autogen","0s",true]]}`},
		{"SHOW MEASUREMENTS LIMIT 100", `{"name":"measurements","columns":["name"],"values":[["cpu"]]}`},
		{`SHOW MEASUREMENTS WITH MEASUREMENT =~ /(?i)cp/ LIMIT 100`, `{"name":"measurements","columns":["name"],"values":[["cpu"]]}`},
		{`SHOW TAG KEYS FROM "cpu"`, `{"name":"cpu","columns":["tagKey"],"values":[["dc"],["host"]]}`},
		{`SHOW FIELD KEYS FROM "cpu"`, `{"name":"cpu","columns":["fieldKey","fieldType"],"values":[["c","integer"],["usage","float"]]}`},
		{`SHOW TAG VALUES FROM "cpu" WITH KEY = "host" WHERE "dc" =~ /^x$/`, `{"name":"cpu","columns":["key","value"],"values":[["host","a"]]}`},
		{`SELECT mean("usage") FROM "cpu" WHERE ("host" = 'a') AND time >= 1767225600000ms AND time <= 1767225720000ms GROUP BY time(1m), "host" fill(null)`,
			`{"name":"cpu","tags":{"host":"a"},"columns":["time","mean"],"values":[[1767225600000,1],[1767225660000,3],[1767225720000,null]]}`},
		{`SELECT mean("usage") FROM "autogen"."cpu" WHERE time >= 1767225600000ms and time <= 1767225720000ms GROUP BY time(2m) fill(none)`,
			`{"name":"cpu","columns":["time","mean"],"values":[[1767225600000,3]]}`},
		{`select non_negative_derivative(mean("c"),1s) FROM "cpu" WHERE time >= 1767225600000ms and time <= 1767225660000ms GROUP BY time(1m), "host"`,
			`{"name":"cpu","tags":{"host":"a"},"columns":["time","non_negative_derivative"],"values":[[1767225660000,1]]}`},
	} {
		v := url.Values{"db": {"tel"}, "q": {c.q}, "epoch": {"ms"}}
		if !strings.Contains(c.q, "cpu") {
			v.Del("epoch")
		}
		r := s.do(testRequest{method: "GET", target: "/query?" + v.Encode()})
		if want := `{"results":[{"statement_id":0,"series":[` + c.want + "]}]}\n"; string(r.body) != want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.q, r.body, want)
		}
	}
}
