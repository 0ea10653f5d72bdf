package edge

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
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
