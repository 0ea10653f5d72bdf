package gate

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"tarn/edge/ingest"
	"tarn/edge/ingest/ingesttest"
	"tarn/edge/query"
	"tarn/store"
)

func newGate(limit int64) *Gate { return &Gate{MaxBody: limit, Logger: slog.New(slog.DiscardHandler)} }

// encoders compress as the names of Content-Encoding say.
var encoders = map[string]func(t *testing.T, raw []byte) []byte{
	"gzip":    func(t *testing.T, raw []byte) []byte { return squeeze(t, raw, gzipWriter) },
	"deflate": func(t *testing.T, raw []byte) []byte { return squeeze(t, raw, zlibWriter) },
	"br":      func(t *testing.T, raw []byte) []byte { return squeeze(t, raw, brotliWriter) },
	"zstd":    func(t *testing.T, raw []byte) []byte { return squeeze(t, raw, zstdWriter) },
	"":        func(_ *testing.T, raw []byte) []byte { return raw },
	"snappy":  func(_ *testing.T, raw []byte) []byte { return raw }, // passed through
}

type closer interface {
	Write([]byte) (int, error)
	Close() error
}

func gzipWriter(b *bytes.Buffer) (closer, error)   { return gzip.NewWriter(b), nil }
func zlibWriter(b *bytes.Buffer) (closer, error)   { return zlib.NewWriter(b), nil }
func brotliWriter(b *bytes.Buffer) (closer, error) { return brotli.NewWriter(b), nil }
func zstdWriter(b *bytes.Buffer) (closer, error)   { return zstd.NewWriter(b) }
func rawWriter(b *bytes.Buffer) (closer, error)    { return flate.NewWriter(b, 5) }
func s2Writer(b *bytes.Buffer) (closer, error)     { return s2.NewWriter(b, s2.WriterSnappyCompat()), nil }

func squeeze(t *testing.T, raw []byte, make func(*bytes.Buffer) (closer, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := make(&b)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func post(body []byte, encodings ...string) *http.Request {
	r := httptest.NewRequest("POST", "/v1/x", bytes.NewReader(body))
	for _, e := range encodings {
		r.Header.Add("Content-Encoding", e)
	}
	return r
}

func status(err error) int {
	if err == nil {
		return 0
	}
	return Classify(err).HTTP()
}

// TestBodies: every encoding, within and beyond the limit, whole and broken.
func TestBodies(t *testing.T) {
	raw := []byte(strings.Repeat("line protocol, or whatever it is. ", 100))
	g := newGate(int64(len(raw)))
	for name, encode := range encoders {
		coded := encode(t, raw)
		got, err := g.ReadBody(post(coded, name))
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
		if _, err := newGate(int64(len(raw) - 1)).ReadBody(post(coded, name)); status(err) != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, a byte more than allowed: %v", name, err)
		}
		if name == "" || name == "snappy" {
			continue
		}
		if _, err := g.ReadBody(post(coded[:len(coded)/2], name)); status(err) != http.StatusBadRequest {
			t.Errorf("%s, cut in half: %v", name, err)
		}
		if _, err := g.ReadBody(post([]byte("nonsense"), name)); status(err) != http.StatusBadRequest {
			t.Errorf("%s, nonsense: %v", name, err)
		}
	}
	if got, err := g.ReadBody(post(squeeze(t, raw, rawWriter), "deflate")); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("deflate without zlib's frame: %d bytes, error %v", len(got), err)
	}
	twice := encoders["zstd"](t, encoders["gzip"](t, raw))
	if got, err := g.ReadBody(post(twice, "gzip, zstd")); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("two encodings: %d bytes, error %v", len(got), err)
	}
	if _, err := g.ReadBody(post(raw, "gzip,gzip,gzip,gzip")); status(err) != http.StatusBadRequest {
		t.Errorf("four encodings: %v", err)
	}
}

// TestTakeBody: bodies of writes come whole, in memory that is used again, and
// large ones in turn.
func TestTakeBody(t *testing.T) {
	w := ingest.NewWriter(&ingesttest.Sink{}, time.Now)
	w.LimitLarge(1)
	raw := bytes.Repeat([]byte("rows "), 100_000)
	g := newGate(int64(len(raw)))
	for name, encode := range encoders {
		if name == "snappy" {
			continue
		}
		for _, n := range []int{len(raw), 10, 0} {
			held, err := g.TakeBody(post(encode(t, raw[:n]), name), w)
			if err != nil || !bytes.Equal(held.Bytes, raw[:n]) {
				t.Fatalf("%s: %d bytes, error %v", name, n, err)
			}
			held.Release()
		}
		if _, err := newGate(int64(len(raw)-1)).TakeBody(post(encode(t, raw), name), w); status(err) != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, a byte more than allowed: %v", name, err)
		}
	}
	large, err := g.TakeBody(post(raw), w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.TakeBody(post(raw).WithContext(ctx), w); !errors.Is(err, context.Canceled) {
		t.Errorf("a second large body: %v", err)
	}
	another, err := g.TakeBody(post([]byte("small")).WithContext(ctx), w)
	if err != nil {
		t.Fatal(err)
	}
	if err := another.Await(len(raw)); !errors.Is(err, context.Canceled) {
		t.Errorf("a small body that becomes large: %v", err)
	}
	another.Release()
	large.Release()
	if n := testing.AllocsPerRun(10, func() {
		held, err := g.TakeBody(post(raw), w)
		if err != nil {
			t.Fatal(err)
		}
		held.Release()
	}); n > 40 {
		t.Errorf("%v allocations for a body", n)
	}
}

// TestWaitingBody: a body that waits for its turn has no memory for what it says
// is to come.
func TestWaitingBody(t *testing.T) {
	w := ingest.NewWriter(&ingesttest.Sink{}, time.Now)
	w.LimitLarge(1)
	raw := bytes.Repeat([]byte("rows "), 1_000_000)
	g := newGate(int64(len(raw)))
	held, err := g.TakeBody(post(raw), w)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	turn := w.Turn(ctx, bytes.NewReader(raw))
	defer turn.Done()
	b, err := g.fill(nil, turn, int64(len(raw)))
	if !errors.Is(err, context.Canceled) || cap(b) > maxKept {
		t.Errorf("%d bytes are held, error %v", cap(b), err)
	}
}

// TestBombs: little that decompresses to much costs its limit and no more.
func TestBombs(t *testing.T) {
	zeros := make([]byte, 64<<20)
	g := newGate(1 << 20)
	for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
		if _, err := g.ReadBody(post(encoders[name](t, zeros), name)); status(err) < 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.Unsnappy(s2.EncodeSnappy(nil, zeros)); status(err) != http.StatusRequestEntityTooLarge {
		t.Errorf("snappy: %v", err)
	}
	// A claim of a length, and nothing to it.
	if _, err := newGate(64 << 20).Unsnappy([]byte{0x80, 0x80, 0x80, 0x10, 0}); status(err) != http.StatusBadRequest {
		t.Errorf("snappy that claims: %v", err)
	}
}

// stream compresses with zstd, in frames that have a window and no size.
func stream(t *testing.T, raw []byte) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(4<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{raw[:len(raw)/2], raw[len(raw)/2:]} {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSnappyAndZstd(t *testing.T) {
	raw := []byte(strings.Repeat("samples ", 1000))
	g := newGate(int64(len(raw)))
	if got, err := g.Unsnappy(s2.EncodeSnappy(nil, raw)); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("block: %v", err)
	}
	if got, err := g.Unsnappy(squeeze(t, raw, s2Writer)); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("stream: %v", err)
	}
	if got, err := g.Unzstd(squeeze(t, raw, zstdWriter)); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("zstd: %v", err)
	}
	if _, err := newGate(int64(len(raw) - 1)).Unzstd(squeeze(t, raw, zstdWriter)); status(err) != http.StatusRequestEntityTooLarge {
		t.Errorf("zstd, a byte more than allowed: %v", err)
	}
	// A stream has the window of its encoder, however little is in it.
	for _, n := range []int{0, 10, len(raw)} {
		if got, err := g.Unzstd(stream(t, raw[:n])); err != nil || !bytes.Equal(got, raw[:n]) {
			t.Errorf("zstd in a stream of %d bytes: %v", n, err)
		}
	}
	if _, err := newGate(int64(len(raw) - 1)).Unzstd(stream(t, raw)); status(err) != http.StatusRequestEntityTooLarge {
		t.Errorf("zstd in a stream, a byte more than allowed: %v", err)
	}
	for name, f := range map[string]func([]byte) ([]byte, error){"snappy": g.Unsnappy, "zstd": g.Unzstd} {
		if _, err := f([]byte("\xffnonsense")); status(err) != http.StatusBadRequest {
			t.Errorf("%s, nonsense: %v", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"sql=select 1;select 2&x=y": "select 1;select 2",
		"sql=a%3Bb+c":               "a;b c",
		"sql=like+'50%'":            "like '50%'",
		"sql=like+'%25%'&sql=b":     "like '%%'",
		"sql=%zz%41":                "%zzA",
		"sql":                       "",
		"&&sql=a=b&":                "a=b",
	} {
		if got := parse(text).Get("sql"); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if n := len(parse(strings.Repeat("a&", 5000) + "b")); n != 1 {
		t.Errorf("%d parameters", n)
	}
}

// FuzzParse: what net/url reads is read alike, and nothing panics.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a=b&c=d", "a=%41+b;c", "%", "%%%", "a=%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := parse(s)
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = s
		if want := r.URL.Query(); !strings.ContainsAny(s, ";%") && strings.Count(s, "&") < maxParameters {
			for name := range want {
				if got.Get(name) != want.Get(name) {
					t.Errorf("%q: %q, want %q", name, got.Get(name), want.Get(name))
				}
			}
		}
	})
}

func TestHints(t *testing.T) {
	r := httptest.NewRequest("POST", "/v1/x", nil)
	r.Header.Set("x-greptime-hint-auto_create_table", "false")
	r.Header.Set("x-greptime-hint-ttl", "7d")
	h, err := Hints(r)
	if err != nil || len(h) != 2 || h["auto_create_table"] != "false" || h["ttl"] != "7d" {
		t.Errorf("by key: %v, %v", h, err)
	}
	r.Header.Set("x-greptime-hints", " append_mode=true , ttl=1d,")
	h, err = Hints(r)
	if err != nil || len(h) != 2 || h["append_mode"] != "true" || h["ttl"] != "1d" {
		t.Errorf("all in one: %v, %v", h, err)
	}
	r.Header.Set("x-greptime-hints", "ttl")
	if _, err = Hints(r); status(err) != http.StatusBadRequest {
		t.Errorf("no value: %v", err)
	}
}

func TestSession(t *testing.T) {
	r := httptest.NewRequest("POST", "/v1/x", nil)
	for header, offset := range map[string]int{"": 0, "+8:00": 28800, "+08:00": 28800, "-03:30": -12600, "Asia/Shanghai": 28800, "UTC": 0} {
		r.Header.Set("x-greptime-timezone", header)
		_, loc, err := Zone(r)
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		if _, got := time.Unix(0, 0).In(loc).Zone(); got != offset {
			t.Errorf("%s: an offset of %d", header, got)
		}
	}
	r.Header.Set("x-greptime-timezone", "Mars/Olympus")
	if _, _, err := Zone(r); status(err) != http.StatusBadRequest {
		t.Errorf("Mars: %v", err)
	}
	for header, want := range map[string]time.Duration{"120s": 2 * time.Minute, "1m 30s": 90 * time.Second, "5": 5 * time.Second, "0s": 0} {
		if got, err := parseTimeout(header); err != nil || got != want {
			t.Errorf("timeout %s: %v, %v", header, got, err)
		}
	}
	for _, header := range []string{"-1s", "soon", "1", "99999999999999999999"} {
		r.Header.Set("x-greptime-timeout", header)
		ctx, cancel, err := Context(r)
		if header == "1" {
			if err != nil || ctx.Err() != nil {
				t.Errorf("a second: %v", err)
			}
			cancel()
		} else if status(err) != http.StatusBadRequest {
			t.Errorf("timeout %s: %v", header, err)
		}
	}
}

func TestDatabaseNames(t *testing.T) {
	for text, want := range map[string]string{"public": "public", "greptime-public": "public", "greptime-edge-site": "edge-site", "a_b": "a_b"} {
		if got, err := SplitDatabase(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	if _, err := SplitDatabase("edge-site"); Classify(err).Code != DatabaseNotFound {
		t.Errorf("another catalog: %v", err)
	}
}

// TestFail is the table of errors and their answers.
func TestFail(t *testing.T) {
	g := newGate(100)
	for _, c := range []struct {
		name   string
		err    error
		shape  Shape
		status int
		body   string
	}{
		{"an own error", Bad("no %s", "luck"), ShapeA, 400, `{"code":1004,"error":"no luck","execution_time_ms":0}`},
		{"shape B", Bad("<&>"), ShapeB, 400, `{"error":"<&>"}`},
		{"shape C", Errorf(TableNotFound, "x"), ShapeC, 400, `{"status":"error","error":"x","errorType":"TableNotFound"}`},
		{"plain", Plainf(415, "no form"), ShapeA, 415, `no form`},
		{"a secret", errors.New("secret"), ShapeB, 500, `{"error":"Internal error: 1003"}`},
		{"a quota", store.ErrQuota, ShapeB, 503, `{"error":"` + store.ErrQuota.Error() + `"}`},
		{"a limit", store.LimitTables(3), ShapeB, 400, `{"error":"` + store.LimitTables(3).Error() + `"}`},
		{"a syntax error", &query.Error{Class: query.Parse, Msg: "p"}, ShapeA, 400, `{"code":2000,"error":"p","execution_time_ms":0}`},
		{"a busy server", &query.Error{Class: query.Busy, Msg: "p"}, ShapeA, 503, `{"code":4009,"error":"p","execution_time_ms":0}`},
		{"a timeout of the request", errExpired, ShapeA, 408, ``},
	} {
		w := httptest.NewRecorder()
		g.Fail(w, post(nil), c.shape, c.err)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if got := w.Header().Get("x-greptime-err-code"); (got != "") != (c.shape == ShapeA && !Classify(c.err).Plain) {
			t.Errorf("%s: x-greptime-err-code is %q", c.name, got)
		}
	}
	w := httptest.NewRecorder()
	g.Fail(w, post(nil), ShapeA, Bad("zwölf\nlines"))
	if got := w.Header().Get("x-greptime-err-msg"); got != `error: zw\u{f6}lf\nlines, execution_time_ms: 0` {
		t.Errorf("the header: %s", got)
	}
	for c := range codes {
		if c.Status() < 200 || strings.HasPrefix(c.String(), "Code(") {
			t.Errorf("code %d: %d %s", int(c), c.Status(), c)
		}
	}
}

// TestRefusedIsHeard: a client that sends a large body which is refused before it
// is read gets the answer, with the time to come back.
func TestRefusedIsHeard(t *testing.T) {
	g := newGate(16 << 20)
	for _, shape := range []Shape{ShapeA, ShapeB, ShapeC} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Fail(w, r, shape, store.ErrBusy) }))
		for range 5 {
			response, err := http.Post(s.URL, "text/plain", bytes.NewReader(make([]byte, 8<<20)))
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
				t.Errorf("status %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
			}
		}
		s.Close()
	}
}
