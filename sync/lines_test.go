package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"tarn/store/column"
	"tarn/store/schema"
)

// lineSink takes line protocol as InfluxDB 2 does.
type lineSink struct {
	mu    gosync.Mutex
	lines map[string]int
	// refuse answers in its place, when it does not return 0.
	refuse func(lines string) int
	bad    []string
	asked  int
}

func (s *lineSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/base/ping" {
		return
	}
	s.asked++
	q := r.URL.Query()
	if r.URL.Path != "/base/api/v2/write" || r.Method != http.MethodPost || q.Get("bucket") != "far" || q.Get("org") != "o" || q.Get("precision") != "ns" ||
		r.Header.Get("Authorization") != "Token s3cret" || r.Header.Get("Content-Encoding") != "gzip" {
		s.bad = append(s.bad, fmt.Sprint(r.Method, r.URL, r.Header))
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		s.bad = append(s.bad, err.Error())
		return
	}
	body, err := io.ReadAll(z)
	if err != nil {
		s.bad = append(s.bad, err.Error())
		return
	}
	if s.refuse != nil {
		if status := s.refuse(string(body)); status != 0 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"code":"x","message":"not this"}`)
			return
		}
	}
	for line := range strings.Lines(string(body)) {
		s.lines[line]++
	}
	w.WriteHeader(http.StatusNoContent)
}

func newLineSink(t *testing.T) (*lineSink, string) {
	s := &lineSink{lines: map[string]int{}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, h.URL + "/base?org=o&bucket=far&edge-tag=edge&credentials-file=" + token
}

// TestLines sends segments to a server that takes lines, that fails now and then
// and refuses one table.
func TestLines(t *testing.T) {
	s, target := newLineSink(t)
	n := 0
	s.refuse = func(lines string) int {
		n++
		switch {
		case strings.HasPrefix(lines, "bad,"):
			return http.StatusBadRequest
		case n%5 == 0:
			return []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusInternalServerError}[n/5%4]
		}
		return 0
	}
	g := newGateway(t, target)
	g.manager.workers[0].dest.lines.batch = 2000
	g.write("db", "m", 100)
	g.write("db", "bad", 5)
	g.write("db", "m", 100)
	st := g.settle().Targets[0]
	if st.Files.Parked != 1 || st.Parked[0].Table != "bad" || !strings.Contains(st.Parked[0].Error, "not this") || st.CommittedRows != 200 || st.Kind != HTTP || st.Format != FormatLines {
		t.Errorf("%+v", st)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bad) > 0 {
		t.Errorf("requests %q", s.bad[0])
	}
	if len(s.lines) != 200 {
		t.Errorf("%d lines", len(s.lines))
	}
	if line := fmt.Sprintf("m,edge=gw-1,host=h0 n=0i,f=0,s=\"text \\\"0\\\"\" %d\n", day); s.lines[line] == 0 {
		t.Errorf("no line %q", line)
	}
	if s.asked <= 4 {
		t.Errorf("%d requests: no batches", s.asked)
	}
}

// TestLineOrder sends a late segment only after those whose rows it may have.
func TestLineOrder(t *testing.T) {
	s, target := newLineSink(t)
	broken := true
	s.refuse = func(lines string) int {
		if broken && strings.Contains(lines, "n=0i") {
			return http.StatusBadRequest
		}
		return 0
	}
	g := newGateway(t, target)
	g.write("db", "m", 10)
	g.settle()
	g.rows = 0
	g.write("db", "m", 5) // the same rows again
	time.Sleep(10 * quick.poll)
	if st := g.manager.Status().Targets[0]; st.Files.Parked != 1 || st.Files.Sealed != 1 {
		t.Errorf("%+v", st)
	}
	s.mu.Lock()
	broken = false
	s.mu.Unlock()
	g.must(g.manager.Now(context.Background(), ""))
	g.settle()
}

// TestEncodeLines writes what is hard to write, and refuses what cannot be.
func TestEncodeLines(t *testing.T) {
	vector := func(kind column.Kind, fill func(v *column.Vector)) *column.Vector {
		v := column.NewVector(column.Of(kind), 1)
		v.SetLen(1)
		fill(v)
		return v
	}
	encode := func(table, tag, value, field string, v *column.Vector) (string, error) {
		e := &lineEncoder{table: table, tags: []string{tag, "none"}, fields: []schema.Column{{Name: field, Kind: v.Type.Kind}, {Name: "null", Kind: column.Int64}}, most: 1 << 20}
		null := column.NewVector(column.Of(column.Int64), 1)
		null.AppendNull(1)
		if err := e.encode([]string{value, ""}, []int64{-5}, []*column.Vector{v, null}, func([]byte) error { return errors.New("sent") }); err != nil {
			return "", err
		}
		return string(e.buf), nil
	}
	text := vector(column.String, func(v *column.Vector) { v.Strings[0] = "a\"b\\c\nd,= " })
	for _, c := range []struct {
		table, tag, value, field string
		v                        *column.Vector
		want                     string
	}{
		{"m", "t", "v", "f", text, "m,t=v f=\"a\\\"b\\\\c\nd,= \" -5\n"},
		{"m,= x", "t,= x", "v,= x", "f,= x", vector(column.Uint64, func(v *column.Vector) { v.Uints[0] = math.MaxUint64 }), `m\,=\ x,t\,\=\ x=v\,\=\ x f\,\=\ x=18446744073709551615u -5` + "\n"},
		{"m", "t", "", "f", vector(column.Float64, func(v *column.Vector) { v.Floats[0] = 1e-300 }), "m f=1e-300 -5\n"},
		{"m", "t", "v", "f", vector(column.Bool, func(v *column.Vector) { v.Bools[0] = true }), "m,t=v f=true -5\n"},
		{"m", "t", "v", "f", vector(column.Int64, func(v *column.Vector) { v.Ints[0] = math.MinInt64 }), "m,t=v f=-9223372036854775808i -5\n"},
		{"m", "t", "v\n", "f", text, ""},
		{"m", "t", `v\`, "f", text, ""},
		{"#m", "t", "v", "f", text, ""},
		{"m", "t", "v", "f\n", text, ""},
		{"m", "t", "v", "f", vector(column.Float64, func(v *column.Vector) { v.Floats[0] = math.NaN() }), ""},
	} {
		got, err := encode(c.table, c.tag, c.value, c.field, c.v)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q %q %q %q: %q %v, want %q", c.table, c.tag, c.value, c.field, got, err, c.want)
		}
	}
	null := column.NewVector(column.Of(column.Int64), 1)
	null.AppendNull(1)
	if got, err := encode("m", "t", "v", "f", null); got != "" || err != nil {
		t.Errorf("a row of nulls: %q %v", got, err)
	}
}
