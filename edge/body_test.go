package edge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestBodies sends bodies that a conversation file cannot hold: binary,
// compressed in odd ways, or large.
func TestBodies(t *testing.T) {
	const limit = 1 << 20
	full := linesOf(limit)
	over := append(bytes.Clone(full), ' ')
	// 64 MiB that compress to some 64 KiB.
	bomb := gzipped(t, bytes.Repeat([]byte("m f=1 1\n"), 8<<20))
	zipped := gzipped(t, full)
	cases := []struct {
		name, encoding string
		body           []byte
		chunked        bool
		status         int
		text           string // in the answer
		rows           string // count(*) of table m afterwards
	}{
		{name: "several gzip members", encoding: "gzip", body: gzipped(t, []byte("m f=1 1\nm f="), []byte("2 2\n"), []byte("m f=3 3")), status: 204, rows: "3"},
		{name: "exactly the limit", body: full, status: 204, rows: "1"},
		{name: "exactly the limit, of unknown length", body: full, chunked: true, status: 204, rows: "1"},
		{name: "exactly the limit, decompressed", encoding: "gzip", body: zipped, status: 204, rows: "1"},
		{name: "a byte more", body: over, status: 413, text: "max request size (1048576 bytes) exceeded"},
		{name: "a byte more, of unknown length", body: over, chunked: true, status: 413, text: "max request size (1048576 bytes) exceeded"},
		{name: "a byte more, decompressed", encoding: "gzip", body: gzipped(t, over), status: 413, text: "max request size (1048576 bytes) exceeded"},
		{name: "a gzip bomb", encoding: "gzip", body: bomb, status: 413, text: "max request size (1048576 bytes) exceeded"},
		{name: "a gzip bomb in a second member", encoding: "gzip", body: append(gzipped(t, []byte("m f=1 1\n")), bomb...), status: 413, text: "max request size"},
		{name: "a cut gzip stream", encoding: "gzip", body: zipped[:len(zipped)-9], status: 400, text: "error decoding gzip stream: unexpected EOF"},
		{name: "a gzip stream cut in its header", encoding: "gzip", body: []byte("x"), status: 400, text: "error decoding gzip stream: unexpected EOF"},
		{name: "a gzip stream of nothing", encoding: "gzip", status: 400, text: "error decoding gzip stream: EOF"},
		{name: "a gzip stream with a wrong checksum", encoding: "gzip", body: flip(gzipped(t, []byte("m f=1 1\n")), -8), status: 400, text: "error decoding gzip stream: gzip: invalid checksum"},
		{name: "rubbish behind a gzip stream", encoding: "gzip", body: append(gzipped(t, []byte("m f=1 1\n")), "rubbish"...), status: 400, text: "error decoding gzip stream"},
		{name: "CRLF line ends", body: []byte("m f=1 1\r\nm f=2 2\r\n"), status: 204, rows: "2"},
		{name: "invalid UTF-8", body: []byte("m f=1 1\nm,t=\xff f=2 2\n"), status: 400, text: "must be valid UTF-8", rows: "1"},
		{name: "a NUL byte", body: []byte("m f=1 1\nm,t=a\x00b f=2 2\n"), status: 400, text: "NUL bytes are not allowed", rows: "1"},
		{name: "a newline in a string", body: []byte("m f=1,s=\"a\nb\" 1\nm f=2 2\n"), status: 204, rows: "2"},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, func(o *Config) { o.WithoutAuth, o.MaxRequestSize = true, limit })
			for _, target := range []string{"/api/v3/write_lp?db=d&precision=s", "/write?db=d&precision=s", "/api/v2/write?bucket=d&precision=s"} {
				q := testRequest{method: "POST", target: target, header: http.Header{}, body: c.body, chunked: c.chunked}
				if c.encoding != "" {
					q.header.Set("Content-Encoding", c.encoding)
				}
				r := s.do(q)
				if r.StatusCode != c.status || !strings.Contains(string(r.body), c.text) {
					t.Errorf("%s: status %d, want %d and %q in: %.300s", target, r.StatusCode, c.status, c.text, r.body)
				}
			}
			if _, ok := s.app.store.Database("d"); ok != (c.rows != "") {
				t.Fatalf("case %d: the database exists: %v", i, ok)
			}
			if c.rows == "" {
				return
			}
			if got, want := s.query("d", "SELECT count(*) AS n FROM m", "csv"), "n\n"+c.rows+"\n"; got != want {
				t.Errorf("rows: %q, want %q", got, want)
			}
		})
	}
}

// linesOf makes a body of n bytes: many writes of one point.
func linesOf(n int) []byte {
	b := bytes.Repeat([]byte("m f=1 1\n"), n/8)
	return append(b, bytes.Repeat([]byte{' '}, n-len(b))...)
}

// flip changes one byte, counted from the end.
func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[len(b)+at] ^= 0xff
	return b
}

func TestRejectedLinesAreBounded(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	var b strings.Builder
	b.WriteString("m f=1 1\n")
	for range 150 {
		b.WriteString("m,t=" + strings.Repeat("ä", 600) + " f=x 1\n")
	}
	r := s.do(testRequest{method: "POST", target: "/api/v3/write_lp?db=d", body: []byte(b.String())})
	if n := strings.Count(string(r.body), `"line_number"`); r.StatusCode != 400 || n != 100 {
		t.Errorf("status %d with %d lines, want 400 with 100", r.StatusCode, n)
	}
	// "m,t=" and 510 letters of two bytes make the 1024.
	if want := `"original_line":"m,t=` + strings.Repeat("ä", 510) + `"`; !strings.Contains(string(r.body), want) {
		t.Errorf("the line is not cut on a character: %.1200s", r.body)
	}
}

func TestParquetAnswer(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	s.write("d", "m,host=a f=1.5,i=2i 1\nm f=2.5 2")
	type row struct {
		Host *string  `parquet:"host,optional"`
		F    *float64 `parquet:"f,optional"`
		I    *int64   `parquet:"i,optional"`
		Time int64    `parquet:"time,optional"`
	}
	for sql, want := range map[string]string{
		"SELECT host, f, i, time FROM m ORDER BY time":              "a 1.5 2 1000000000, - 2.5 - 2000000000",
		"SELECT host, f, i, time FROM m WHERE f > 100":              "",
		"SELECT time, i, f, host FROM m ORDER BY time DESC LIMIT 1": "- 2.5 - 2000000000",
	} {
		body := s.query("d", sql, "parquet")
		rows, err := parquet.Read[row](strings.NewReader(body), int64(len(body)))
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%s %s %s %d", show(r.Host), show(r.F), show(r.I), r.Time))
		}
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("%s: %q, want %q", sql, g, want)
		}
	}
	list := s.do(testRequest{method: "GET", target: "/api/v3/configure/database?format=parquet"})
	type database struct {
		Name string `parquet:"iox::database,optional"`
	}
	names, err := parquet.Read[database](bytes.NewReader(list.body), int64(len(list.body)))
	if err != nil || len(names) != 2 || names[0].Name != "_internal" || names[1].Name != "d" {
		t.Errorf("the list of databases: %v, %v", names, err)
	}
	// A file cannot have two columns of one name: the second one gets another.
	q := testRequest{method: "POST", target: "/api/v3/query_sql", body: []byte(`{"db":"d","format":"parquet","q":"SELECT a.f, b.f FROM m a, m b"}`)}
	if r := s.do(q); r.StatusCode != http.StatusOK {
		t.Errorf("two columns of one name: %s", r.text())
	} else if f, err := parquet.OpenFile(bytes.NewReader(r.body), int64(len(r.body))); err != nil || fmt.Sprint(f.Schema().Columns()) != "[[f] [f_1]]" {
		t.Errorf("two columns of one name: %v", err)
	}
}

func show[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

// TestBrokenAnswer: a query that fails after rows were sent must not look
// complete.
func TestBrokenAnswer(t *testing.T) {
	s := startServer(t, func(o *Config) { o.WithoutAuth = true })
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, "m n=%di %d\n", i, i+1)
	}
	s.write("d", b.String())
	resp, err := http.Get("http://" + s.app.Addr().String() + "/api/v3/query_sql?db=d&q=SELECT+n,+100/(n-19000)+AS+x+FROM+m")
	if err != nil {
		return // cut before the first byte
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil && resp.StatusCode == http.StatusOK {
		t.Errorf("a whole answer of %d bytes: ...%s", len(body), body[max(0, len(body)-80):])
	}
}
