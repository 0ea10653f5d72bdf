package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tarn/sync/fakes3"
)

// newS3 serves a fake bucket, and returns the URL of a target in it.
func newS3(t *testing.T) (*fakes3.Server, string) {
	t.Helper()
	s := fakes3.New("lake")
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, "s3://AKID:hidden-secret@lake/some/prefix?endpoint=" + h.URL + "&style=path"
}

// checkBucket checks that the bucket has each of the first n rows once.
func checkBucket(t *testing.T, s *fakes3.Server, n int) {
	t.Helper()
	c := &rowCounter{t, map[int64]int{}}
	for key, o := range s.Objects() {
		if strings.HasSuffix(key, ".parquet") {
			c.add(key, o.Body)
		}
	}
	c.check(n)
}

// TestS3 sends segments to stores that honour, ignore and refuse conditions.
func TestS3(t *testing.T) {
	for name, c := range map[string]struct {
		conditions fakes3.Conditions
		note       string
	}{"conditional": {fakes3.Honoured, ""}, "ignored": {fakes3.Ignored, "no conditional PUT"}, "refused": {fakes3.Refused, "no conditional PUT"}} {
		t.Run(name, func(t *testing.T) {
			s, target := newS3(t)
			s.Conditions = c.conditions
			g := newGateway(t, target)
			g.write("db", "m", 100)
			g.write("db", "m", 100)
			st := g.settle().Targets[0]
			checkBucket(t, s, 200)
			if strings.Contains(st.Note, c.note) != (c.note == st.Note || c.note != "") {
				t.Errorf("note %q", st.Note)
			}
			if text := fmt.Sprintf("%+v", g.manager.Status()); strings.Contains(text, "hidden") || strings.Contains(text, "AKID") {
				t.Errorf("credentials in the status: %s", text)
			}
			r, err := g.manager.Verify(context.Background(), "")
			g.must(err)
			if v := r.Targets[0]; v.Objects != 2 || v.Rows != 200 || len(v.Problems) > 0 || v.Error != "" {
				t.Errorf("%+v", v)
			}
			for key := range s.Objects() {
				if !strings.HasPrefix(key, "some/prefix/") {
					t.Errorf("key %q", key)
				}
			}
		})
	}
}

// TestS3Faults sends 50 segments through a link that fails in every way at 30 %
// of all requests, with restarts in between. Each row is there once, and no
// object was written twice.
func TestS3Faults(t *testing.T) {
	const rows, files = 200, 50
	s, target := newS3(t)
	var seed atomic.Uint64
	s.Fail(func(string, string, map[string][]string) fakes3.Fault {
		r := rand.New(rand.NewPCG(seed.Add(1), 5))
		if r.IntN(10) >= 3 {
			return fakes3.None
		}
		return []fakes3.Fault{fakes3.CutBefore, fakes3.CutAfter, fakes3.CutBody, fakes3.Unavailable, fakes3.Broken}[r.IntN(5)]
	})
	g := newGateway(t, target)
	for i := range files {
		g.write("db", fmt.Sprint("t", i%3), rows)
		if i%10 == 9 {
			g.stop()
			g.start()
		}
	}
	g.settleBut(func() { g.must(g.manager.Now(context.Background(), "")) })
	checkBucket(t, s, rows*files)
	s.Fail(nil)
	r, err := g.manager.Verify(context.Background(), "")
	g.must(err)
	if v := r.Targets[0]; v.Objects != files || v.Rows != rows*files || v.Unlisted != 0 || len(v.Problems) > 0 {
		t.Errorf("%+v", v)
	}
	if n := s.Overwritten(); n != 0 {
		t.Errorf("%d objects were written twice", n)
	}
}

// settleBut is settle that has again called while files are parked.
func (g *gateway) settleBut(again func()) {
	g.t.Helper()
	for range 20 {
		if s := g.settle(); s.Targets[0].Files.Parked == 0 {
			return
		}
		again()
	}
	g.t.Fatalf("files stay parked: %+v", g.manager.Status())
}

// TestS3Crash restarts from copies of the data directory that were taken at
// random moments of sending, as a power failure leaves it.
func TestS3Crash(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target)
	g.must(g.manager.Pause(context.Background(), ""))
	for range 6 {
		g.write("db", "m", 50)
	}
	g.stop()
	for round := range 12 {
		g.open()
		copied := t.TempDir()
		var n atomic.Int64
		s.Fail(func(string, string, map[string][]string) fakes3.Fault {
			seen := n.Add(1)
			if seen == int64(round)+1 {
				// No transaction is under way: the worker waits for this answer.
				copyCatalog(t, g.dir, copied)
				return fakes3.CutAfter
			}
			if seen > int64(round)+1 {
				return fakes3.CutBefore
			}
			return fakes3.None
		})
		g.must(g.store.PauseSync(context.Background(), mustTarget(t, g.config).ID, false))
		g.send()
		for g.manager.Status().Targets[0].Failures < 2 && g.manager.Status().Targets[0].PendingRows > 0 {
			time.Sleep(time.Millisecond)
		}
		g.stop()
		if n.Load() > int64(round) {
			copyCatalog(t, copied, g.dir) // everything since the copy is forgotten
		}
	}
	s.Fail(nil)
	g.start()
	g.must(g.manager.Resume(context.Background(), ""))
	g.settle()
	checkBucket(t, s, 300)
	r, err := g.manager.Verify(context.Background(), "")
	g.must(err)
	if v := r.Targets[0]; v.Rows != 300 || len(v.Problems) > 0 || v.Unlisted != 0 {
		t.Errorf("%+v", v)
	}
}

// TestPatience lists a bucket of many pages over a link that cuts several times
// before each of them: the listing goes on where it was. A link that brings
// nothing, and one that cannot be connected to, are given up.
func TestPatience(t *testing.T) {
	s, target := newS3(t)
	const objects = 17
	for i := range objects {
		s.Put(fmt.Sprintf("some/prefix/a/%03d", i), &fakes3.Object{Body: make([]byte, i), ETag: "x"})
	}
	parsed, err := ParseTarget(target, Config{Format: FormatParquet, TimeUnit: Micros})
	if err != nil {
		t.Fatal(err)
	}
	pace := timing{base: 2 * time.Microsecond, most: 2 * time.Microsecond, stall: time.Minute}
	dest, err := open(parsed, newThrottle(0), pace)
	if err != nil {
		t.Fatal(err)
	}
	b := patient{dest.bucket, pace}
	list := func() (n int, err error) {
		return n, b.List(t.Context(), "a/", "", func(key string, size int64) error {
			if key != fmt.Sprintf("a/%03d", n) || size != int64(n) {
				t.Errorf("object %d is %s of %d bytes", n, key, size)
			}
			n++
			return nil
		})
	}
	asked := 0
	s.Fail(func(string, string, map[string][]string) fakes3.Fault {
		asked++
		return []fakes3.Fault{fakes3.CutAfter, fakes3.Unavailable, fakes3.None}[asked%3]
	})
	if n, err := list(); n != objects || err != nil {
		t.Errorf("%d of %d objects: %v", n, objects, err)
	}
	stop := errors.New("enough")
	calls := 0
	if err := b.List(t.Context(), "a/", "", func(string, int64) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls: %v", calls, err)
	}
	asked = 0
	s.Fail(func(string, string, map[string][]string) fakes3.Fault { asked++; return fakes3.Broken })
	if n, err := list(); n != 0 || err == nil || asked != patience {
		t.Errorf("%d objects, %v, asked %d times", n, err, asked)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	parsed.Endpoint = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if dest, err = open(parsed, newThrottle(0), pace); err != nil {
		t.Fatal(err)
	}
	b = patient{dest.bucket, pace}
	if _, err := list(); !errors.Is(err, errUnreachable) {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestClaimAhead claims many small files in one commit. All are let go when
// nothing can be connected to, and after a crash each arrives once.
func TestClaimAhead(t *testing.T) {
	const files, rows = maxClaim + 8, 3
	s, target := newS3(t)
	g := newGateway(t, target)
	g.must(g.manager.Pause(context.Background(), ""))
	for i := range files {
		g.write("db", fmt.Sprint("t", i), rows)
	}
	wait := func(what string, ok func(TargetStatus) bool) {
		t.Helper()
		for deadline := time.Now().Add(3 * time.Minute); !ok(g.manager.Status().Targets[0]); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, g.manager.Status())
			}
		}
	}
	s.Fail(func(method, key string, _ map[string][]string) fakes3.Fault {
		if method == http.MethodPut && strings.HasSuffix(key, ".parquet") {
			return fakes3.CutBody
		}
		return fakes3.None
	})
	g.must(g.manager.Resume(context.Background(), ""))
	wait("claimed", func(s TargetStatus) bool {
		return s.Failures > 0 && s.Files.Uploading == maxClaim && s.Files.Sealed == files-maxClaim
	})
	g.must(g.manager.Pause(context.Background(), ""))
	g.stop()
	g.start()
	s.Fail(nil)
	g.must(g.manager.Resume(context.Background(), ""))
	g.settle()
	checkBucket(t, s, files*rows)
	if n := s.Overwritten(); n != 0 {
		t.Errorf("%d objects were written twice", n)
	}
	// What was never sent is not looked for.
	before := s.Requests("HEAD")
	g.must(g.manager.Pause(context.Background(), ""))
	for i := range files {
		g.write("db", fmt.Sprint("u", i), rows)
	}
	g.must(g.manager.Resume(context.Background(), ""))
	g.settle()
	if n := s.Requests("HEAD") - before; n > files+4 { // one after each PUT, and of manifests
		t.Errorf("%d HEADs for %d files", n, files)
	}
}

// lostAfterPut is a link that goes down, so that nothing can be connected to, as
// soon as a segment was put.
type lostAfterPut struct {
	http.RoundTripper
	down atomic.Bool
}

func (l *lostAfterPut) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.down.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route")}
	}
	resp, err := l.RoundTripper.RoundTrip(r)
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".parquet") {
		l.down.Store(true)
	}
	return resp, err
}

// TestLinkLostAfterPut: a segment that may be at the target is not merged with
// others, since its rows would be there twice. Those that were claimed with it
// may be.
func TestLinkLostAfterPut(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target)
	g.must(g.manager.Pause(context.Background(), ""))
	link := &lostAfterPut{RoundTripper: http.DefaultTransport}
	b, err := newS3Bucket(mustTarget(t, g.config), link, newThrottle(0))
	g.must(err)
	g.manager.workers[0].dest.bucket = b
	const files = 5
	for range files {
		g.write("db", "m", 10)
	}
	g.must(g.manager.Resume(context.Background(), ""))
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(time.Millisecond) {
		s := g.manager.Status().Targets[0]
		if s.Failures > 1 && s.Files.Uploading == 1 && s.Files.Sealed == files-1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", s)
		}
	}
	if n, err := g.store.Compact(context.Background()); err != nil || n == 0 {
		t.Errorf("%d files were merged: %v", n, err)
	}
	link.down.Store(false)
	g.must(g.manager.Now(context.Background(), ""))
	for g.manager.Status().Targets[0].PendingRows > 0 {
		link.down.Store(false)
		time.Sleep(time.Millisecond)
	}
	checkBucket(t, s, files*10)
	if n := s.Overwritten(); n != 0 {
		t.Errorf("%d objects were written twice", n)
	}
}

func mustTarget(t *testing.T, c Config) *Target {
	t.Helper()
	targets, err := ParseTargets(c)
	if err != nil {
		t.Fatal(err)
	}
	return targets[0]
}

func copyCatalog(t *testing.T, from, to string) {
	for _, name := range []string{"catalog.db", "catalog.db-wal"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			err = os.Remove(filepath.Join(to, name))
			if errors.Is(err, os.ErrNotExist) {
				err = nil
			}
		} else if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(filepath.Join(to, "catalog.db-shm")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestMultipart cuts an upload of many parts again and again: each part is sent
// once, by whatever process goes on with it.
func TestMultipart(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target)
	g.must(g.manager.Pause(context.Background(), ""))
	g.write("db", "m", 40_000)
	g.stop()
	requests := 0
	s.Fail(func(method, _ string, q map[string][]string) fakes3.Fault {
		if method != http.MethodPut || len(q["partNumber"]) == 0 {
			return fakes3.None
		}
		if requests++; requests%3 == 0 {
			return []fakes3.Fault{fakes3.CutBefore, fakes3.CutAfter}[requests%2]
		}
		return fakes3.None
	})
	small := func() {
		g.manager.workers[0].dest.bucket.(*s3Bucket).partSize = 8 << 10
		g.must(g.manager.Resume(context.Background(), ""))
	}
	g.start()
	small()
	for s.Requests("PART") < 4 {
		time.Sleep(time.Millisecond)
	}
	g.must(g.manager.Pause(context.Background(), ""))
	g.stop()
	g.start()
	small()
	g.settle()
	checkBucket(t, s, 40_000)
	parts := 0
	for key, o := range s.Objects() {
		if strings.HasSuffix(key, ".parquet") {
			parts = (len(o.Body) + 8<<10 - 1) / (8 << 10)
		}
	}
	if n := s.Requests("INITIATE"); n != 1 {
		t.Errorf("%d uploads were begun", n)
	}
	// A part that arrived without an answer is seen in the list of parts, but for
	// one that the pause cut short here and that arrives there meanwhile.
	if n := s.Requests("PART"); n < parts || n > parts+1 || parts < 5 {
		t.Errorf("%d parts were stored for an object of %d", n, parts)
	}
	if n := s.Uploads(); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestPoisoned sets files aside that the store never takes, whatever it says,
// and the next ones proceed.
func TestPoisoned(t *testing.T) {
	for name, fault := range map[string]fakes3.Fault{"refused": fakes3.TooLarge, "broken": fakes3.Broken, "cut": fakes3.CutBody} {
		t.Run(name, func(t *testing.T) {
			s, target := newS3(t)
			var poison atomic.Bool
			poison.Store(true)
			s.Fail(func(method, key string, _ map[string][]string) fakes3.Fault {
				if poison.Load() && method == http.MethodPut && strings.Contains(key, "/bad/") {
					return fault
				}
				return fakes3.None
			})
			g := newGateway(t, target)
			g.write("db", "bad", 5)
			for range 3 {
				g.write("db", "good", 5)
			}
			st := g.settle().Targets[0]
			if st.Files.Parked != 1 || st.Files.Committed != 3 || len(st.Parked) != 1 || st.Parked[0].Table != "bad" || st.Parked[0].Error == "" {
				t.Fatalf("%+v", st)
			}
			// It is still aside after a restart, and goes when asked to.
			g.stop()
			g.start()
			if st := g.settle().Targets[0]; st.Files.Parked != 1 {
				t.Errorf("%+v", st)
			}
			poison.Store(false)
			g.must(g.manager.Now(context.Background(), ""))
			g.settle()
			checkBucket(t, s, 20)
		})
	}
}

// TestTaken does not replace an object of the same name and other content.
func TestTaken(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target)
	g.must(g.manager.Pause(context.Background(), ""))
	g.write("db", "m", 5)
	f := g.store.SyncFiles(mustTarget(t, g.config).ID)[0]
	r, err := g.store.OpenSyncFile(context.Background(), f)
	g.must(err)
	source := newMeter(io.Discard)
	g.must(errors.Join(r.Copy(context.Background(), source), r.Close()))
	key := "some/prefix/" + objectKey("gw-1", &f, source.sum())
	s.Put(key, &fakes3.Object{Body: []byte("a stranger's"), ETag: "x"})
	g.must(g.manager.Resume(context.Background(), ""))
	if st := g.settle().Targets[0]; st.Files.Parked != 1 {
		t.Errorf("%+v", st)
	}
	if got := s.Objects()[key]; string(got.Body) != "a stranger's" {
		t.Error("it was replaced")
	}
}

// TestTwoNodes with one name do not mix; with their own they share a bucket.
func TestTwoNodes(t *testing.T) {
	s, target := newS3(t)
	one, two := newGateway(t, target), newGateway(t, target)
	one.write("db", "m", 5)
	one.settle()
	two.rows = 5
	two.write("db", "m", 5)
	deadline := time.Now().Add(3 * time.Minute)
	for !strings.Contains(two.manager.Status().Targets[0].LastError, "--node-id") {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", two.manager.Status())
		}
		time.Sleep(time.Millisecond)
	}
	two.stop()
	two.config.Node = "gw-2"
	two.start()
	two.settle()
	checkBucket(t, s, 10)
	if NodeName("tarn", one.store.UUID()) == NodeName("tarn", two.store.UUID()) {
		t.Error("two servers without a name have one")
	}
}

// TestStyles asks for the bucket in the path and in the host.
func TestStyles(t *testing.T) {
	s := fakes3.New("lake")
	h := httptest.NewServer(s)
	defer h.Close()
	dial := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, h.Listener.Addr().String())
	}}
	for style, host := range map[string]string{"path": "s3.test:9", "virtual": "lake.s3.test:9"} {
		parsed, err := ParseTarget("s3://a:b@lake/p?endpoint=http://s3.test:9&style="+style, Config{Format: FormatParquet, TimeUnit: Micros})
		if err != nil {
			t.Fatal(err)
		}
		b, err := newS3Bucket(parsed, dial, newThrottle(0))
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(style)
		if err := b.Put(t.Context(), "x "+style, bytesObject(body)); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Get(t.Context(), "x "+style); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %q %v", style, got, err)
		}
		if !strings.Contains(strings.Join(s.Hosts(), " "), host) {
			t.Errorf("%s: hosts %q", style, s.Hosts())
		}
	}
}

// TestSecretsStayHidden looks for credentials in logs, errors and status, also
// when they are wrong.
func TestSecretsStayHidden(t *testing.T) {
	s, target := newS3(t)
	s.Fail(func(string, string, map[string][]string) fakes3.Fault { return fakes3.Denied })
	g := newGateway(t, target)
	g.must(g.manager.Stop(context.Background()))
	var log lockedBuffer
	var err error
	g.manager, err = start(context.Background(), g.store, g.config, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), quick)
	g.must(err)
	g.write("db", "m", 1)
	for g.manager.Status().Targets[0].Failures < 2 {
		time.Sleep(time.Millisecond)
	}
	status, err := json.Marshal(g.manager.Status())
	g.must(err)
	_, bad := ParseTarget("s3://AKID:hidden-secret@lake?nonsense=1", Config{})
	_, worse := ParseTarget("s3://AKID:hidden-secret@la ke:x:y/%zz", Config{})
	for _, text := range []string{log.String(), string(status), fmt.Sprint(bad, worse)} {
		if strings.Contains(text, "hidden-secret") || strings.Contains(text, "AKID") || text == "" {
			t.Errorf("%q", text)
		}
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestNanoseconds ships segments as they lie here.
func TestNanoseconds(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target+"&time-unit=ns")
	g.write("db", "m", 100)
	g.settle()
	local := parquetFiles(t, g.dir)
	if len(local) != 1 {
		t.Fatalf("%d segments", len(local))
	}
	want, err := os.ReadFile(local[0])
	g.must(err)
	for key, o := range s.Objects() {
		if strings.HasSuffix(key, ".parquet") && !bytes.Equal(o.Body, want) {
			t.Errorf("%s has other bytes", key)
		}
	}
	checkBucket(t, s, 100)
}

// TestBandwidth sends as fast as it may, by a clock that does not run.
func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, size = 100_000, 1_000_000
		limit := newThrottle(rate)
		begun := time.Now()
		sent := 0
		if _, err := io.Copy(io.Discard, limit.reader(t.Context(), bytes.NewReader(make([]byte, size/2)), func(n int) { sent += n })); err != nil {
			t.Fatal(err)
		}
		w := limit.writer(t.Context(), io.Discard, func(n int) { sent += n })
		if _, err := w.Write(make([]byte, size/2)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun).Seconds(); took < size/rate-1 || took > size/rate+1 || sent != size {
			t.Errorf("%d bytes in %.1f s at %d a second", sent, took, rate)
		}
	})
}

// TestOneBatch puts what arrives without a pause into one manifest: each costs
// commits of the catalog, and those cost flash.
func TestOneBatch(t *testing.T) {
	s, target := newS3(t)
	g := newGateway(t, target)
	g.must(g.manager.Pause(context.Background(), ""))
	for range 10 {
		g.write("db", "m", 5)
	}
	g.must(g.manager.Resume(context.Background(), ""))
	g.settle()
	totals, _ := g.store.SyncTotals(mustTarget(t, g.config).ID)
	if totals.Files != 10 || totals.NextBatch != 2 {
		t.Errorf("%+v", totals)
	}
	if n := s.Requests("PUT"); n != 10+1+2 {
		t.Errorf("%d PUTs for ten objects, a manifest and the probe", n)
	}
}
