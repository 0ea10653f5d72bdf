package query

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tarn/edge/query/spill"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// TestLastRows has hosts that fell silent on different days, a file a day, and
// asks for their last and first rows: by stretches, and without the memory for
// the list of series.
func TestLastRows(t *testing.T) {
	const hosts, days, day = 24_000, 5, int64(86400e9)
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: t.TempDir(), WALSyncRate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	for d := range days {
		b := points.NewBatch()
		m := b.Table([]byte("m"))
		field := m.Field([]byte("n"), column.Int64)
		for h := range hosts {
			if h%days < days-d-1 && h%50 != 0 { // silent since
				continue
			}
			tags := []points.Tag{{Key: []byte("host"), Value: fmt.Appendf(nil, "%s-%d", strings.Repeat("h", 30), h/2)}, {Key: []byte("room"), Value: fmt.Appendf(nil, "r%d", h%2)}}
			if h%1000 == 7 {
				tags = tags[1:]
			}
			n := m.AddRow(m.AddSeries(nil, tags), t0-int64(d)*day+int64(h)*1e6)
			m.Fields[field].Set(n, uint64(d*hosts+h))
		}
		if err := s.Write(ctx, "db", b, store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if d != 3 { // one day stays in the buffer
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole := New(stored{s}, Options{Now: clock, Workers: 1})
	small := New(stored{s}, Options{Now: clock, Workers: 1, MemoryLimit: spillLimit, Spill: newSpace(t, spill.Options{})})
	for _, order := range []string{"DESC", "ASC"} {
		for _, on := range []string{"host", "room", "host, room", "room, host"} {
			text := fmt.Sprintf("SELECT DISTINCT ON (%[1]s) host, room, time, n FROM m ORDER BY %[1]s, time %[2]s", on, order)
			want, err := run(whole, Request{Database: "db", Language: SQL, Text: fmt.Sprintf(`SELECT host, room, time, n FROM
				(SELECT *, row_number() OVER (PARTITION BY %[1]s ORDER BY time %[2]s) AS r FROM m) WHERE r = 1 ORDER BY %[1]s`, on, order)}, "csv")
			if err != nil {
				t.Fatal(err)
			}
			for name, e := range map[string]*Engine{"whole": whole, "small": small} {
				got, err := run(e, Request{Database: "db", Text: text, Language: SQL}, "csv")
				if err != nil || got != want {
					t.Errorf("%s, %s: %v; %d bytes, want %d", text, name, err, len(got), len(want))
				}
			}
		}
	}
}
