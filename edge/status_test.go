package edge

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tarn/edge/api/page"
	"tarn/store"
	"tarn/store/wal"
)

func (s *testServer) status(query string) page.Status {
	s.t.Helper()
	r := s.do(testRequest{method: "GET", target: page.StatusPath + query})
	if r.StatusCode != http.StatusOK {
		s.t.Fatal(r.text())
	}
	var st page.Status
	if err := json.Unmarshal(r.body, &st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

func TestPageStatus(t *testing.T) {
	s := startServer(t, func(c *Config) { c.WithoutAuth, c.MaxDiskBytes, c.NodeID = true, 1<<30, "gateway-7" })
	const lines = "m f=1 1\nm f=2 2"
	s.write("d", lines)
	s.do(testRequest{method: "GET", target: "/nosuch"})
	st := s.status("")
	if st.Version != s.config.Version || st.Node != "gateway-7" || st.Auth || !st.Healthy || st.Reason != "" || st.Process == "" || st.Started > st.Now {
		t.Errorf("server: %+v", st)
	}
	if st.Rows != 2 || st.Received != int64(len(lines)) || st.Requests != 2 || st.Failed != 0 {
		t.Errorf("counters: %+v", st)
	}
	if st.Buffer.Used == 0 || st.Buffer.Limit == 0 || st.Memory.Used == 0 || st.Memory.Limit != minMemory || st.Disk.Used == 0 || st.Disk.Limit != 1<<30 || st.Disk.Free == 0 || st.Disk.Total < st.Disk.Free {
		t.Errorf("levels: %+v", st)
	}
	if st.Flash.WAL == 0 || st.Flash.Today != st.Flash.WAL+st.Flash.Segments || st.WAL.Syncs == 0 || st.WAL.Live == 0 || st.WAL.Failed {
		t.Errorf("log: %+v", st)
	}
	if st.Databases != 1 || st.Tables != 1 || st.Series != 1 || st.Problems == nil || len(st.Problems) != 0 || st.History != nil {
		t.Errorf("content: %+v", st)
	}
	if h := s.status("?history=true").History; len(h) == 0 || h[0].Time < st.Started-1 {
		t.Errorf("history: %+v", h)
	}
}

// TestPageSync: the numbers say what waits for which target, and whether the
// link is there.
func TestPageSync(t *testing.T) {
	s := startServer(t, func(c *Config) {
		c.WithoutAuth = true
		c.SyncTargets = []string{"http://127.0.0.1:1?name=far"} // nobody serves there
		c.SyncRetryMin, c.SyncRetryMax = time.Hour, time.Hour
	})
	if got := s.status("").Sync; len(got) != 1 || got[0].ID != "far" || got[0].Failures != 0 {
		t.Fatalf("at first %+v", got)
	}
	s.write("d", "m f=1 1\nm f=2 2")
	if r := s.do(testRequest{method: "POST", target: "/api/v3/sync/now"}); r.StatusCode != http.StatusOK {
		t.Fatal(r.text())
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		got := s.status("").Sync[0]
		if got.Failures > 0 {
			if got.State != "waiting" || got.Error == "" || got.Files != 1 || got.Rows != 2 || got.Bytes == 0 {
				t.Errorf("%+v", got)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no attempt failed: %+v", got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestPagePipelines lists what GreptimeDB's API only shows by name.
func TestPagePipelines(t *testing.T) {
	s := startServer(t, func(c *Config) { c.WithoutAuth = true })
	list := func() string { return s.do(testRequest{method: "GET", target: page.PipelinesPath}).text() }
	if got := list(); !strings.HasSuffix(got, "[]") {
		t.Errorf("at first %s", got)
	}
	for _, name := range []string{"b", "a", "b"} {
		r := s.do(testRequest{method: "POST", target: "/v1/pipelines/" + name, header: http.Header{"Content-Type": {"application/x-yaml"}}, body: []byte("version: 2\nprocessors: [{date: {fields: [t], formats: ['%Y']}}]\ntransform: [{field: t, type: time, index: timestamp}]")})
		if r.StatusCode != http.StatusOK {
			t.Fatal(r.text())
		}
	}
	var got []page.Pipeline
	if err := json.Unmarshal(s.do(testRequest{method: "GET", target: page.PipelinesPath}).body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "a" || got[0].Versions != 1 || got[1].Name != "b" || got[1].Versions != 2 || got[1].Created < time.Now().Add(-time.Hour).UnixMilli() {
		t.Errorf("%+v", got)
	}
}

// TestMonitorDays: what is written today counts from midnight, or from the
// start on the first day; the history keeps its bound.
func TestMonitorDays(t *testing.T) {
	s := startServer(t)
	now := time.Date(2026, 3, 1, 23, 59, 50, 0, time.UTC)
	m := &monitor{config: s.config, store: s.app.store, problems: newProblems(slog.DiscardHandler).ring, now: func() time.Time { return now }}
	stats := func(wal, segments int64) store.Stats {
		return store.Stats{WAL: walStats(wal), SegmentBytesWritten: segments}
	}
	today := func(written int64) int64 { return written - m.midnight }
	m.sample(stats(100, 50))
	if got := today(150); got != 150 {
		t.Errorf("on the first day %d, want all 150", got)
	}
	now = now.Add(20 * time.Second)
	m.sample(stats(200, 50))
	if got := today(260); got != 10 {
		t.Errorf("after midnight %d, want 10", got)
	}
	for range 2 * keptSamples {
		now = now.Add(sampleEvery)
		m.sample(stats(300, 50))
	}
	if len(m.history) != keptSamples || m.history[len(m.history)-1].Time != now.UnixMilli() {
		t.Errorf("%d samples, the last of %d", len(m.history), m.history[len(m.history)-1].Time)
	}
}

func walStats(written int64) wal.Stats { return wal.Stats{WrittenBytes: written} }

func TestProblems(t *testing.T) {
	p := newProblems(slog.DiscardHandler)
	log := slog.New(p)
	if got := p.ring.list(); got == nil || len(got) != 0 {
		t.Errorf("at first %v", got)
	}
	log.Info("fine")
	log.With("table", "cpu").WithGroup("g").Warn("slow", "took", time.Second)
	log.Error("checkpoint failed", "error", errors.New("no space left on device"))
	got := p.ring.list()
	if len(got) != 2 || got[0].Text != "checkpoint failed error=no space left on device" || got[0].Level != "error" || got[1].Text != "slow table=cpu took=1s" || got[1].Level != "warn" {
		t.Errorf("kept %+v", got)
	}
	if got[0].Time < time.Now().Add(-time.Minute).UnixMilli() {
		t.Errorf("time %d", got[0].Time)
	}
	long := make([]byte, 4*maxProblemLength)
	for i := range long {
		long[i] = "ä"[i%2]
	}
	for range 3 * keptProblems {
		log.Warn(string(long))
	}
	got = p.ring.list()
	if len(got) != keptProblems || len(got[0].Text) > maxProblemLength+len("…") {
		t.Errorf("%d problems, the last of %d bytes", len(got), len(got[0].Text))
	}
}
