package loki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/edge/ingest/ingesttest"
	"tarn/edge/ingest/piped"
	"tarn/edge/pipeline"
	"tarn/store"
)

// send decodes a body and writes its entries.
func send(tb testing.TB, w *piped.Writer, p *push, body []byte, proto bool) (piped.Report, error) {
	tb.Helper()
	b, err := w.Begin(piped.Options{Database: "d", Table: "t"})
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Close()
	defer p.forget()
	p.batch, p.table = b, "t"
	if proto {
		err = p.protobuf(body)
	} else {
		err = p.json(body)
	}
	if err == nil {
		err = b.Commit(context.Background())
	}
	return b.Report(), err
}

func newWriter() (*piped.Writer, *ingesttest.Sink) {
	s := &ingesttest.Sink{}
	return &piped.Writer{Rows: ingest.NewWriter(s, time.Now), Now: time.Now}, s
}

func jsonBody(streams, entries int) []byte {
	var list []string
	for i := range streams {
		var values []string
		for k := range entries {
			values = append(values, fmt.Sprintf(`["%d","10.0.0.%d - GET /api/v1/orders/%d 200 12ms level=info",{"trace_id":"5b8efff798038103d269b633813fc60c"}]`, 1700000000000000000+int64(k), i, k))
		}
		list = append(list, fmt.Sprintf(`{"stream":{"app":"shop","pod":"shop-%d","namespace":"prod"},"values":[%s]}`, i, strings.Join(values, ",")))
	}
	return []byte(`{"streams":[` + strings.Join(list, ",") + `]}`)
}

func protoBody(streams, entries int) []byte {
	sub := func(dst []byte, n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), b)
	}
	num := func(dst []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), v)
	}
	var out []byte
	for i := range streams {
		stream := sub(nil, 1, fmt.Appendf(nil, `{app="shop", pod="shop-%d",namespace="pr\"od"}`, i))
		for k := range entries {
			entry := sub(nil, 1, num(num(nil, 1, 1700000000), 2, uint64(k)))
			entry = sub(entry, 2, fmt.Appendf(nil, "10.0.0.%d - GET /api/v1/orders/%d 200 12ms level=info", i, k))
			entry = sub(entry, 3, sub(sub(nil, 1, []byte("trace_id")), 2, []byte("5b8efff798038103d269b633813fc60c")))
			stream = sub(stream, 2, entry)
		}
		out = sub(out, 1, stream)
	}
	return out
}

// TestAllocations: an entry costs no allocation in steady state.
func TestAllocations(t *testing.T) {
	for name, make := range map[string]func(streams, entries int) []byte{"json": jsonBody, "protobuf": protoBody} {
		measure := func(entries int) float64 {
			w, s := newWriter()
			p := &push{}
			body := make(3, entries)
			run := func() {
				if r, err := send(t, w, p, body, name == "protobuf"); err != nil || r.Written != 3*entries {
					t.Fatal(r, err)
				}
			}
			run()
			if s.Rows != 3*entries {
				t.Errorf("%s: %d rows of %d", name, s.Rows, 3*entries)
			}
			return testing.AllocsPerRun(10, run)
		}
		few, many := measure(10), measure(300)
		t.Logf("%s: %v allocations for 30 entries, %v for 900", name, few, many)
		if many > few {
			t.Errorf("%s: %v allocations for 30 entries, %v for 900", name, few, many)
		}
	}
}

func BenchmarkPush(b *testing.B) {
	for name, make := range map[string]func(streams, entries int) []byte{"json": jsonBody, "protobuf": protoBody} {
		b.Run(name, func(b *testing.B) {
			w, _ := newWriter()
			p := &push{}
			body := make(10, 200)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := send(b, w, p, body, name == "protobuf"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(2000*b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func TestLabels(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                             "",
		`{a="b"}`:                        "a=b",
		`{a="b", c="d\"\n", e=` + "`f`}": "a=b c=d\"\n e=f",
		` { a = "b" , } `:                "a=b",
		`{a="1",a="2"}`:                  "a=2",
		`a="b"`:                          "", `{a=b}`: "", `{a="b" c="d"}`: "", `{="b"}`: "", `{a='b'}`: "", `{a="b`: "", "": "",
	} {
		var p push
		p.parseLabels(text)
		var got []string
		for _, l := range p.labels {
			got = append(got, l.name+"="+l.value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// FuzzPush: any body is a push or an error; good ones write what they count.
func FuzzPush(f *testing.F) {
	f.Add(jsonBody(2, 2), false)
	f.Add(protoBody(2, 2), true)
	f.Add([]byte(`{"streams":[{"values":[["1","late"]],"stream":{"a":"b"}},{"values":[["x"]]}]}`), false)
	p, err := pipeline.Compile("version: 2\nprocessors: [{gsub: {field: loki_line, pattern: a, replacement: b}}]\ntransform: [{field: greptime_timestamp, type: time, index: time}]")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, proto bool) {
		w, s := newWriter()
		if !proto {
			body = ingest.ValidText(body)
		}
		for _, pipe := range []*pipeline.Pipeline{nil, p} {
			s.Rows = 0
			q := &push{pipe: pipe}
			r, err := send(t, w, q, slices.Clone(body), proto)
			if err == nil && r.Written != s.Rows || err != nil && s.Rows > 0 {
				t.Errorf("%+v, %v: %d rows", r, err, s.Rows)
			}
		}
	})
}

// TestLargePushWaits: a body that is small, and large without snappy, waits while
// another large body is held.
func TestLargePushWaits(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), WALSyncRate: 10000})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := s.CreateDatabase(t.Context(), "public", 0); err != nil && !errors.Is(err, store.ErrExists) {
		t.Fatal(err)
	}
	rows := ingest.NewWriter(s, time.Now)
	rows.LimitLarge(1)
	a := &API{
		Gate: &gate.Gate{Store: s, Auth: &auth.Authenticator{Disabled: true}, Logger: slog.New(slog.DiscardHandler), MaxBody: 8 << 20},
		Logs: &piped.Writer{Rows: rows, Now: time.Now},
	}
	other := rows.Turn(t.Context(), strings.NewReader(strings.Repeat("x", 1<<20)))
	if _, err := io.Copy(io.Discard, other); err != nil {
		t.Fatal(err)
	}
	push := func(ctx context.Context, body []byte) error {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/loki/api/v1/push", bytes.NewReader(s2.EncodeSnappyBest(nil, body)))
		r.Header.Set("Content-Type", "application/x-protobuf")
		_, err := a.write(r)
		return err
	}
	large := protoBody(1, 5000)
	if n := len(s2.EncodeSnappyBest(nil, large)); n > 120<<10 || len(large) < 256<<10 {
		t.Fatalf("%d bytes become %d", len(large), n)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := push(impatient, large); !errors.Is(err, context.Canceled) {
		t.Errorf("a large push does not wait: %v", err)
	}
	if err := push(t.Context(), protoBody(1, 3)); err != nil {
		t.Errorf("a small push: %v", err)
	}
	other.Done()
	for range 2 { // the turn is given back
		if err := push(t.Context(), large); err != nil {
			t.Errorf("a large push in its turn: %v", err)
		}
	}
}
