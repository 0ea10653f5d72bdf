package edge

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// exported are lines with all types, NULLs, and all that must be escaped.
var exported = map[string][]string{
	"one": {
		`plain,host=a v=1.5,i=42i,u=18446744073709551615u,b=true,s="text" 1700000000000000000`,
		`plain,host=b i=-9223372036854775808i 1700000000000000001`,
		`plain v=-1e300,b=f,s="" 1700000000000000002`,
		`plain,host=a v=2 -5`,
		`my\ table\,x,tag\ key=tag\ value,t\=2=a\,b\=c,uni=größe\ ☃ field\ key="quoted \"text\" with \\ backslash, = and
a second line",f\,2=1,f\=3=2i 1700000000000000000`,
		`back,t=c:\dir\file s="c:\\dir\\",x="\\\"" 1700000000000000000`,
		`numbers f=0.1,g=123456789012345678,h=5e-324,z=-0 1700000000000000000`,
	},
	"two": {`plain,host=a v=7 1700000000000000000`, `"q",a="x" v=1i 1700000000000000000`},
}

func writeNanos(s *testServer, db, lines string) {
	s.t.Helper()
	r := s.do(testRequest{method: "POST", target: "/api/v3/write_lp?precision=nanosecond&db=" + db, body: []byte(lines)})
	if r.StatusCode != 204 {
		s.t.Fatalf("write to %s: %s", db, r.text())
	}
}

// TestExportRoundTrip writes what one server exported as line protocol to
// another one, and asks both the same questions.
func TestExportRoundTrip(t *testing.T) {
	a := startServer(t, func(c *Config) { c.WithoutAuth = true })
	b := startServer(t, func(c *Config) { c.WithoutAuth = true })
	for db, lines := range exported {
		for _, l := range lines {
			writeNanos(a, db, l)
		}
	}
	for i := range 3000 { // more than one batch
		exported["many"] = append(exported["many"], fmt.Sprintf("m,host=h%d v=%d,s=\"%d\" %d", i%7, i, i, 1700000000000000000+int64(i)))
	}
	writeNanos(a, "many", strings.Join(exported["many"], "\n"))
	get := func(q url.Values) testResponse {
		return a.do(testRequest{method: "GET", target: "/api/v3/export?" + q.Encode()})
	}
	for _, restart := range []bool{false, true} { // from memory, and from files
		if restart {
			a.stop()
			a.start()
		}
		for db := range exported {
			database, _ := a.app.store.Database(db)
			for _, table := range database.Tables() {
				r := get(url.Values{"db": {db}, "table": {table}})
				if r.StatusCode != 200 {
					t.Fatal(r.text())
				}
				writeNanos(b, db, string(r.body))
				q := fmt.Sprintf("SELECT * FROM \"%s\" ORDER BY time, 1, 2", strings.ReplaceAll(table, `"`, `""`))
				if want, got := a.query(db, q, "json"), b.query(db, q, "json"); want != got {
					t.Errorf("%s %s:\nwas %s\nis  %s", db, table, want, got)
				}
				schema := "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '" + table + "' ORDER BY 1"
				if want, got := a.query(db, schema, "json"), b.query(db, schema, "json"); want != got {
					t.Errorf("%s %s: columns were %s, are %s", db, table, want, got)
				}
			}
		}
	}
	r := get(url.Values{"db": {"many"}, "table": {"m"}, "format": {"csv"}, "from": {"2023-11-14T22:13:20.0000001Z"}, "to": {"2023-11-14T22:13:20.000000103Z"}})
	if got, want := strings.TrimSpace(string(r.body)), "host,time,v,s\n"; !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 3 || r.Header.Get("Content-Type") != "text/csv" {
		t.Errorf("CSV: %s", r.text())
	}
	r = get(url.Values{"db": {"many"}, "table": {"m"}, "format": {"parquet"}})
	f, err := parquet.OpenFile(bytes.NewReader(r.body), int64(len(r.body)))
	if err != nil || f.NumRows() != 3000 {
		t.Errorf("Parquet: %v", err)
	}
	for target, want := range map[string]int{
		"/api/v3/export?db=many": 400, "/api/v3/export?db=many&table=nothing": 404, "/api/v3/export?db=nothing&table=m": 404,
		"/api/v3/export?db=many&table=m&format=xml": 400, "/api/v3/export?db=many&table=m&from=soon": 400,
	} {
		if r := a.do(testRequest{method: "GET", target: target}); r.StatusCode != want {
			t.Errorf("%s: %s", target, r.text())
		}
	}
}

// TestDataNeedsToken: exports and backups are for those who have a token.
func TestDataNeedsToken(t *testing.T) {
	s := startServer(t)
	for _, path := range []string{"/api/v3/export?db=d&table=t", "/api/v3/backup"} {
		if r := s.do(testRequest{method: "GET", target: path}); r.StatusCode != 401 {
			t.Errorf("%s: %s", path, r.text())
		}
	}
}
