package prometheus

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"tarn/edge/api/gate"
	"tarn/edge/auth"
	"tarn/edge/ingest"
	"tarn/store"
)

// TestLargeWritesTakeTurns: a request that is large, or becomes it when it is
// decompressed, waits while another large body is held; a small one does not.
func TestLargeWritesTakeTurns(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), WALSyncRate: 10000, Limits: store.Limits{Databases: 5, Tables: 100, Columns: 10, Tags: 5}})
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
	w := ingest.NewWriter(s, time.Now)
	w.LimitLarge(1)
	a := &API{Gate: &gate.Gate{Store: s, Auth: &auth.Authenticator{Disabled: true}, Logger: slog.New(slog.DiscardHandler), MaxBody: 8 << 20}, Writer: w, Now: time.Now}
	other := w.Turn(t.Context(), strings.NewReader(strings.Repeat("x", 1<<20)))
	if _, err := io.Copy(io.Discard, other); err != nil {
		t.Fatal(err)
	}

	large := example1(4000, 2)
	var frames strings.Builder // of no size
	z, err := zstd.NewWriter(&frames)
	if err != nil {
		t.Fatal(err)
	}
	for rest := large; len(rest) > 0; {
		n := min(len(rest), 10_000)
		if _, err := z.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	one, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, encoding string
		body           []byte
		waits          bool
	}{
		{"small", "snappy", s2.EncodeSnappy(nil, example1(3, 2)), false},
		{"snappy that is small", "snappy", s2.EncodeSnappyBest(nil, large), true},
		{"snappy that is large", "snappy", literals(large), true},
		{"zstd", "zstd", one.EncodeAll(large, nil), true},
		{"zstd without a size", "zstd", []byte(frames.String()), true},
		{"zstd called snappy", "snappy", one.EncodeAll(large, nil), true},
	} {
		send := func(ctx context.Context) error {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/prometheus/write", strings.NewReader(string(c.body)))
			r.Header.Set("Content-Encoding", c.encoding)
			n, err := a.take(r, 1)
			if err == nil && n == 0 {
				t.Errorf("%s: no samples", c.name)
			}
			return err
		}
		// An impatient client: its time is over when it should wait.
		impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if !c.waits {
			impatient = t.Context()
		}
		if err := send(impatient); c.waits != errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, while another is held: %v", c.name, err)
		}
		cancel()
		other.Done()
		for range 2 { // the turn is given back
			if err := send(t.Context()); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if err := other.Await(1 << 20); err != nil {
			t.Fatal(err)
		}
	}
}

// literals is a block of snappy that saves nothing.
func literals(raw []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(len(raw)))
	for len(raw) > 0 {
		n := min(len(raw), 1<<16)
		b = append(b, 61<<2, byte(n-1), byte((n-1)>>8))
		b = append(b, raw[:n]...)
		raw = raw[n:]
	}
	return b
}
