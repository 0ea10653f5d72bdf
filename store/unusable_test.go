package store

import (
	"slices"
	"strings"
	"testing"

	"tarn/store/wal"
)

// TestUnusableRecord has a record in the log that is intact and means nothing:
// the store starts with all the others, says so, and keeps the file aside.
func TestUnusableRecord(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	first := write{database: "d", rows: []point{{table: "t", time: 1, fields: map[string]string{"f": "1"}}}}
	m.must(m.write(first, false))
	m.stop()
	l, _, err := wal.Open(t.Context(), m.mem, "data/wal", wal.Options{SegmentSize: 64 << 10})
	m.must(err)
	_, ticket, err := l.Append([]byte("\x01 this is no batch"), 1)
	m.must(err)
	m.must(ticket.Wait(t.Context()))
	m.must(l.Close())
	m.mustOpen()
	if r := m.store.Recovery(); r.Unusable != 1 || r.Rows != 1 {
		t.Fatalf("recovery: %+v", r)
	}
	m.check()
	m.must(m.write(write{database: "d", rows: []point{{table: "t", time: 2, fields: map[string]string{"f": "2"}}}}, false))
	m.must(m.store.Checkpoint(t.Context()))
	m.check()
	names, err := m.mem.List("data/quarantine")
	m.must(err)
	if !slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".wal") }) {
		t.Errorf("no segment was kept aside: %v", names)
	}
	if p := m.store.Problems(); len(p) != 1 || p[0].Kind != ProblemLog || p[0].Kept == "" {
		t.Errorf("problems: %v", p)
	}
}
