package edge

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tarn/edge/api/page"
	"tarn/edge/server"
	"tarn/store"
	upstream "tarn/sync"
)

// The server notes its counters so often, so many times: ten minutes for the
// page to draw when it opens.
const (
	sampleEvery = 5 * time.Second
	keptSamples = 120
)

// monitor collects the numbers for people: the page and `tarn top`.
type monitor struct {
	config   Config
	store    *store.Store
	memory   int64 // --memory-limit
	process  string
	started  time.Time
	problems *problemRing
	sync     *upstream.Manager // nil when there is none
	now      func() time.Time

	requests, failed, received atomic.Int64

	mu      sync.Mutex
	history []page.Sample
	// midnight is what had been written when the day of UTC began.
	day      int64
	midnight int64
}

// observe counts a finished request.
func (m *monitor) observe(o server.Observation) {
	m.requests.Add(1)
	m.received.Add(o.Received)
	if o.Status >= 500 {
		m.failed.Add(1)
	}
}

// run takes samples until ctx ends.
func (m *monitor) run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		m.sample(m.store.Stats())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sample notes the counters, and what today's writes are counted from.
func (m *monitor) sample(st store.Stats) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.history = append(m.history, page.Sample{Time: now.UnixMilli(), Rows: st.RowsWritten, Received: m.received.Load()})
	if len(m.history) > keptSamples {
		m.history = slices.Delete(m.history, 0, len(m.history)-keptSamples)
	}
	m.turn(now, flashWritten(st))
}

// turn begins a new day when it is due. The caller holds the lock.
func (m *monitor) turn(now time.Time, written int64) {
	if day := now.Unix() / 86400; day != m.day {
		if m.day != 0 {
			m.midnight = written
		}
		m.day = day
	}
}

// flashWritten is what log and files wrote since the start.
func flashWritten(st store.Stats) int64 { return st.WAL.WrittenBytes + st.SegmentBytesWritten }

// status is page.API's.
func (m *monitor) status(history bool) page.Status {
	st, now := m.store.Stats(), m.now()
	s := page.Status{
		Version: m.config.Version, Revision: m.config.Revision, Node: m.config.NodeID, Process: m.process, Auth: !m.config.WithoutAuth,
		Now: now.UnixMilli(), Started: m.started.UnixMilli(),
		Rows: st.RowsWritten, Received: m.received.Load(), Requests: m.requests.Load(), Failed: m.failed.Load(),
		Buffer: page.Level{Used: st.BufferedBytes, Limit: st.BufferLimit},
		Memory: page.Level{Used: residentMemory(), Limit: m.memory},
		Disk:   page.Disk{Level: page.Level{Used: st.DiskUsed, Limit: st.DiskQuota}, Free: st.DiskFree, Total: st.DiskTotal},
		Flash:  page.Flash{WAL: st.WAL.WrittenBytes, Segments: st.SegmentBytesWritten, Amplification: st.WriteAmplification()},
		WAL:    page.WAL{Live: st.WAL.LiveBytes, Syncs: st.WAL.Syncs, Failed: st.WAL.Failed},

		Databases: st.Databases, Tables: st.Tables, Series: st.Series, Files: st.Segments, FileRows: st.SegmentRows,
		Healthy: true, Problems: m.problems.list(), Sync: m.targets(),
	}
	if err := m.store.Health(); err != nil {
		s.Healthy, s.Reason = false, err.Error()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(now, flashWritten(st))
	s.Flash.Today = flashWritten(st) - m.midnight
	if history {
		s.History = slices.Clone(m.history)
	}
	return s
}

// targets are the sync targets in short.
func (m *monitor) targets() []page.SyncTarget {
	out := []page.SyncTarget{} // a list for JSON
	if m.sync == nil {
		return out
	}
	for _, t := range m.sync.Status().Targets {
		out = append(out, page.SyncTarget{ID: t.ID, State: t.State, Failures: t.Failures, Error: t.LastError,
			Files: t.Files.Sealed + t.Files.Uploading + t.Files.Uploaded, Rows: t.PendingRows, Bytes: t.PendingBytes, Oldest: t.OldestPending, Parked: t.Files.Parked})
	}
	return out
}

// residentMemory is the process's resident memory in bytes, 0 where it cannot
// be told.
func residentMemory() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
