package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tarn/edge/api/page"
)

// TestReport is a whole report: every number in its place, long texts cut, and
// nothing that a terminal would obey.
func TestReport(t *testing.T) {
	s := &page.Status{Node: "gateway-7", Version: "3.7.0", Process: "p", Started: 0, Now: 100_000, Healthy: true,
		Rows: 5000, Received: 1 << 20, Requests: 12, Failed: 1,
		Buffer: page.Level{Used: 1 << 20, Limit: 4 << 20}, Memory: page.Level{Used: 60 << 20, Limit: 64 << 20},
		Disk: page.Disk{Level: page.Level{Used: 1 << 20}, Free: 1 << 30, Total: 2 << 30}, Flash: page.Flash{WAL: 4096, Segments: 1024, Today: 5120},
		WAL: page.WAL{Live: 2048, Syncs: 3}, Databases: 1, Tables: 2, Series: 3000, Files: 4, FileRows: 1e6,
		Sync: []page.SyncTarget{{ID: "lake", State: "idle"},
			{ID: "far", State: "waiting", Failures: 2, Error: "connection refused", Files: 3, Rows: 1082, Bytes: 2048, Oldest: 61, Parked: 1}},
		Problems: []page.Problem{{Time: 98_000, Level: "warn", Text: "odd \x1b[2J" + strings.Repeat("x", 200)}},
		History:  []page.Sample{{Time: 90_000}, {Time: 95_000, Rows: 1000}}}
	var r rates
	r.add(s)
	got := report(s, &r, 80)
	want := `tarn      gateway-7, 3.7.0, up 1m40s, healthy
rows             5,000   800 rows/s  ▃█
received       1.0 MiB  205 KiB/s  ▁█
requests            12   1 failed
buffer         1.0 MiB   [#####...............] of 4.0 MiB
memory          60 MiB   [##################..] of 64 MiB
disk           1.0 MiB   no limit set; 1.0 GiB of 2.0 GiB free
flash          5.0 KiB   written today; since the start 4.0 KiB to the log, 1.0…
log           in order   2.0 KiB not in files yet, 3 syncs
content   1 databases, 2 tables, 3,000 series, 4 files with 1,000,000 rows
sync      lake: idle, nothing waits
sync      far: LINK DOWN, 2.0 KiB, 1,082 rows wait, the oldest for 1m1s; 1 file…
          connection refused
warn      2s ago: odd  [2J` + strings.Repeat("x", 53) + "…\n"
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// After a restart of the server the counters begin anew.
	r.add(&page.Status{Process: "q", Now: 200_000, Rows: 1})
	if len(r.rows) != 0 {
		t.Errorf("rates over a restart: %v", r.rows)
	}
	s.Healthy, s.Reason = false, "the log cannot be synced"
	if got := report(s, &r, 80); !strings.Contains(got, "READ-ONLY: the log") {
		t.Error(got)
	}
}

// TestTop: it follows the numbers, survives a server that has no answer for a while,
// and ends with its context.
func TestTop(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var asked atomic.Int64
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		switch {
		case n == 2:
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		case n > 3:
			stop()
		}
		_ = json.NewEncoder(w).Encode(page.Status{Node: "n", Process: "p", Healthy: true, Now: n * 1000, Rows: n * 10})
	}))
	defer far.Close()
	var out bytes.Buffer
	if err := top(ctx, &client{host: far.URL}, &out, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"rows                10", "busy", "10 rows/s"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestStatus asks a real server.
func TestStatus(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--without-auth", "--node-id", "gateway-7")
	if out, err := run(p, "write", "-d", "home", "room temp=1\nroom temp=2"); err != nil {
		t.Fatal(out, err)
	}
	out, err := run(p, "status")
	if err != nil || !strings.Contains(out, "gateway-7, "+version) || !strings.Contains(out, "1 databases, 1 tables") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = run(p, "status", "--format", "json")
	var s page.Status
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || s.Rows != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := run(p, "status", "--format", "xml"); err == nil {
		t.Error("--format xml passed")
	}
	if _, err := run(nil, "status", "--host", "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "cannot reach") {
		t.Errorf("no server: %v", err)
	}
	if _, err := run(p, "top", "--interval", "0s"); err == nil || !strings.Contains(err.Error(), "--interval") {
		t.Errorf("an interval of 0: %v", err)
	}
}
