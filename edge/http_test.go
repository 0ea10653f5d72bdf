package edge

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestHTTP runs the conversations of testdata/http, each file against a server
// of its own. The commands are
//
//	server [without-auth] [disable-authz=A,B] [max-body=N] [databases=N]
//	       [tables=N] [columns=N] [recovery]    starts one with an empty directory
//	       [plugins] [no-python]
//	restart                                     stops it and starts it again
//	http [gzip] [recovery] [capture=NAME]       sends a request as written
//	sql db=D [format=F] [accept=A] [post]       sends a query
//	influxql [db=D] [format=F] [accept=A] [post] [params=JSON]
//	                                            the same in InfluxQL
//	v1 [db=D] [post] [accept=A] [NAME=VALUE]... sends a query to /query
//	remote-write, remote-read, prom             see prometheus_test.go
//
//	greptime [post] [zone=Z] [header=NAME:VALUE] [NAME=VALUE]...
//	                                            sends statements to /v1/sql; the
//	                                            body of Arrow is shown in base64
//
// $NAME in a request is the token that an earlier answer held. What differs
// from run to run is shown in <angle brackets>.
func TestHTTP(t *testing.T) {
	datadriven.Walk(t, "testdata/http", func(t *testing.T, path string) {
		c := conversation{t: t, tokens: map[string]string{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			c.t = t
			switch d.Cmd {
			case "server":
				return c.serve(d)
			case "restart":
				c.server.stop()
				c.server.start()
				return ""
			case "http":
				return c.request(d)
			case "sql", "influxql":
				return c.sql(d)
			case "v1":
				return c.v1(d)
			case "greptime":
				return c.greptime(d)
			case "remote-write":
				return c.remoteWrite(d)
			case "remote-read":
				return c.remoteRead(d)
			case "prom":
				return c.prom(d)
			}
			t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
			return ""
		})
	})
}

type conversation struct {
	t      *testing.T
	server *testServer
	tokens map[string]string
}

func (c *conversation) serve(d *datadriven.TestData) string {
	if c.server != nil {
		c.server.stop()
	}
	c.server = startServer(c.t, func(o *Config) {
		o.WithoutAuth = d.HasArg("without-auth")
		if d.HasArg("recovery") {
			o.RecoveryBind = "127.0.0.1:0"
		}
		for _, a := range d.CmdArgs {
			switch a.Key {
			case "disable-authz":
				o.DisableAuthz = a.Vals
			case "max-body":
				a.Scan(c.t, 0, &o.MaxRequestSize)
			case "plugins":
				if !d.HasArg("no-python") {
					needPython(c.t)
				}
				o.PluginDir = copyPlugins(c.t)
			case "no-python":
				c.t.Setenv("PATH", "")
			case "databases":
				a.Scan(c.t, 0, &o.MaxDatabases)
			case "tables":
				a.Scan(c.t, 0, &o.MaxTables)
			case "columns":
				a.Scan(c.t, 0, &o.MaxColumns)
			}
		}
	})
	return ""
}

// request sends what the input says: a line with method and target, headers,
// and after a blank line the body.
func (c *conversation) request(d *datadriven.TestData) string {
	text := d.Input
	for name, token := range c.tokens {
		text = strings.ReplaceAll(text, "$"+name, token)
	}
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	method, target, ok := strings.Cut(lines[0], " ")
	if !ok {
		c.t.Fatalf("%s: the request has no target", d.Pos)
	}
	q := testRequest{method: method, target: target, header: http.Header{}, body: []byte(body), recovery: d.HasArg("recovery")}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ":")
		q.header.Add(name, strings.TrimSpace(value))
	}
	if d.HasArg("gzip") {
		q.header.Set("Content-Encoding", "gzip")
		q.body = gzipped(c.t, q.body)
	}
	r := c.server.do(q)
	if d.HasArg("capture") {
		var name string
		d.ScanArgs(c.t, "capture", &name)
		var answer struct{ Token string }
		if err := json.Unmarshal(r.body, &answer); err != nil || answer.Token == "" {
			c.t.Errorf("%s: no token in %s", d.Pos, r.body)
		}
		c.tokens[name] = answer.Token
	}
	return mask(r.text())
}

func (c *conversation) sql(d *datadriven.TestData) string {
	args := map[string]string{}
	for _, a := range d.CmdArgs {
		if len(a.Vals) > 0 {
			args[a.Key] = strings.Join(a.Vals, ",")
		}
	}
	q := testRequest{method: "GET", header: http.Header{}}
	if d.HasArg("post") {
		body := map[string]any{"q": d.Input}
		if db, ok := args["db"]; ok {
			body["db"] = db
		}
		if p, ok := args["params"]; ok {
			body["params"] = json.RawMessage(p)
		}
		if f, ok := args["format"]; ok {
			body["format"] = f
		}
		q.method, q.target = "POST", "/api/v3/query_"+d.Cmd
		q.body, _ = json.Marshal(body)
	} else {
		v := url.Values{"q": {d.Input}}
		for _, name := range []string{"db", "format", "params"} {
			if f, ok := args[name]; ok {
				v.Set(name, f)
			}
		}
		q.target = "/api/v3/query_" + d.Cmd + "?" + v.Encode()
	}
	if a, ok := args["accept"]; ok {
		q.header.Set("Accept", a)
	}
	return mask(c.server.do(q).text())
}

// v1 sends a query to /query as v1's clients do.
func (c *conversation) v1(d *datadriven.TestData) string {
	v := url.Values{"q": {d.Input}}
	q := testRequest{method: "GET", header: http.Header{}}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "post":
			q.method = "POST"
		case "accept":
			q.header.Set("Accept", strings.Join(a.Vals, ","))
		default:
			v.Set(a.Key, strings.Join(a.Vals, ","))
		}
	}
	q.target = "/query?" + v.Encode()
	if q.method == "POST" {
		q.target, q.body = "/query", []byte(v.Encode())
		q.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return mask(c.server.do(q).text())
}

// greptime sends statements to /v1/sql.
func (c *conversation) greptime(d *datadriven.TestData) string {
	v := url.Values{"sql": {d.Input}}
	q := testRequest{method: "GET", header: http.Header{}}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "post":
			q.method = "POST"
		case "zone":
			q.header.Set("x-greptime-timezone", a.Vals[0])
		case "header":
			name, value, _ := strings.Cut(a.Vals[0], ":")
			q.header.Set(name, value)
		default:
			v.Set(a.Key, strings.Join(a.Vals, ","))
		}
	}
	q.target = "/v1/sql?" + v.Encode()
	if q.method == "POST" {
		q.target, q.body = "/v1/sql", []byte(v.Encode())
		q.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r := c.server.do(q)
	if r.Header.Get("Content-Type") == "application/arrow" {
		r.body = []byte(base64.StdEncoding.EncodeToString(r.body))
	}
	return mask(r.text())
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`apiv3_[A-Za-z0-9_-]{86}`), "<token of 92>"},
	{regexp.MustCompile(`\b[0-9a-f]{128}\b`), "<hash of 128>"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`"(created_at|expiry)":"20[0-9-]{8}T[0-9:]{8}(\.[0-9]{3})?Z"`), `"$1":"<instant>"`},
	{regexp.MustCompile(`"time_ns":[0-9]{19}\b`), `"time_ns":<instant>`},
	{regexp.MustCompile(`"trigger_time":"20[0-9-]{8}T[0-9:]{8}Z"`), `"trigger_time":"<instant>"`},
	{regexp.MustCompile(`scheduled time 20[0-9-]{8} [0-9:]{8} UTC`), "scheduled time <instant>"},
	{regexp.MustCompile(`finished execution in [0-9a-z ]+`), "finished execution in <time>"},
	{regexp.MustCompile(`/[^ '"]*/plugin-copy/`), "<plugins>/"},
	{regexp.MustCompile(`-20[0-9]{6}T[0-9]{6}\b`), "-<instant>"},
	{regexp.MustCompile(`(?m)^Etag: "[0-9a-f-]+"$`), `Etag: "<hash>"`},
	{regexp.MustCompile(`"version":"20[0-9-]{8} [0-9:]{8}\.[0-9]{9}"`), `"version":"<instant>"`},
	{regexp.MustCompile(`"key":"greptime_timestamp","value":[0-9]{19}\b`), `"key":"greptime_timestamp","value":<instant>`},
	{regexp.MustCompile(`(execution_time_ms"?: ?)[0-9]+`), "${1}<ms>"},
	{regexp.MustCompile(`(X-Greptime-Execution-Time: )[0-9]+`), "${1}<ms>"},
	{regexp.MustCompile(`\r\n`), `\r` + "\n"}, // which the files' reader would not tell from \n
	{regexp.MustCompile(`"goVersion":"[^"]*"`), `"goVersion":"<go>"`},
	{regexp.MustCompile(`"target":"[a-z0-9-]*"`), `"target":"<platform>"`},
	{regexp.MustCompile(`Elapsed: [0-9.]+ sec`), "Elapsed: <seconds> sec"},
}

func mask(text string) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return text
}
