package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"tarn/store/catalog"
	"tarn/store/column"
)

// TestChooseRun lists the segments of a table, "day:size@seq" each, and those
// that are worth merging. Files are to become 100 bytes large.
func TestChooseRun(t *testing.T) {
	const today = 20
	eight := "20:1@1 20:1@2 20:1@3 20:1@4 20:1@5 20:1@6 20:1@7"
	for _, c := range []struct{ name, segments, want string }{
		{"nothing", "", ""},
		{"one file", "3:10@1", ""},
		{"two of a day that ended", "3:10@1 3:10@2", "3:10@1 3:10@2"},
		{"two of different days", "3:10@1 4:10@2", ""},
		{"two of today", "20:10@1 20:10@2", ""},
		{"seven of today", eight, ""},
		{"eight of today", eight + " 20:1@8", eight + " 20:1@8"},
		{"half of the size is large enough", "3:50@1 3:49@2 3:49@3", "3:49@2 3:49@3"},
		{"only neighbours in write order", "3:10@1 3:60@2 3:10@3 3:10@4", "3:10@3 3:10@4"},
		{"not many bytes for the sake of few", "3:40@1 3:1@2", ""},
		{"but the few by themselves", "3:40@1 3:1@2 3:1@3", "3:1@2 3:1@3"},
		{"when they weigh enough", "3:40@1 3:10@2 3:10@3", "3:40@1 3:10@2 3:10@3"},
		{"what one write made stays together", "3:10@1 3:10@1 3:10@2", "3:10@1 3:10@1 3:10@2"},
		{"and is large if its files are", "3:60@1 3:60@1 3:10@2", ""},
		{"the day with the most files", "3:10@1 3:10@2 4:10@3 4:10@4 4:10@5", "4:10@3 4:10@4 4:10@5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var segments []*segmentFile
			for i, text := range strings.Fields(c.segments) {
				var day, size int64
				var seq uint64
				if _, err := fmt.Sscanf(text, "%d:%d@%d", &day, &size, &seq); err != nil {
					t.Fatal(err)
				}
				segments = append(segments, &segmentFile{Segment: catalog.Segment{ID: uint64(i), Bytes: size, MinTime: day * dayNanos, MaxTime: (day+1)*dayNanos - 1, MinSeq: seq * 10, MaxSeq: seq*10 + 9}})
			}
			slices.Reverse(segments) // the order in which they are registered means nothing
			var got []string
			for _, f := range chooseRun(segments, 100, today, func(uint64) (string, bool) { return "", true }) {
				got = append(got, fmt.Sprintf("%d:%d@%d", dayOf(f.MinTime), f.Bytes, f.MinSeq/10))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// TestCompaction merges the segments of days that ended, with late and
// duplicate rows and columns that came in between, while a scan of the old
// ones is under way.
func TestCompaction(t *testing.T) {
	testSeeds(t, 10, func(t *testing.T, seed uint64) {
		ctx := context.Background()
		m := newMachine(t, seed)
		m.options = func(o *Options) { o.SegmentBytes = 64 << 10 }
		m.mustOpen()
		w := &writer{rng: m.rng, now: m.clock.Load(), width: 2}
		for range 12 {
			for range 3 {
				m.must(m.write(w.next(), false))
			}
			m.must(m.store.Checkpoint(ctx))
		}
		m.clock.Store(w.now + 2*dayNanos)
		before := m.store.Stats()

		db, ok := m.store.Database(m.store.Databases()[0].Name())
		if !ok {
			t.Fatal("no database")
		}
		sch, _ := db.Table(db.Tables()[0])
		spec := ScanSpec{Database: db.Name(), Table: sch, MinTime: MinTime, MaxTime: MaxTime, BatchRows: 1, Columns: []int{0}}
		want := len(collectTimes(t, m.store, spec))
		scan, err := m.store.Scan(ctx, spec)
		m.must(err)
		var b column.Batch
		m.must(scan.Next(ctx, &b))

		replaced, err := m.store.Compact(ctx)
		m.must(err)
		after := m.store.Stats()
		if replaced == 0 || after.Segments >= before.Segments || after.Compactions == 0 {
			t.Fatalf("%d files replaced, %d segments before and %d after", replaced, before.Segments, after.Segments)
		}
		m.check()
		// The scan has its files, which nobody else sees any more.
		rows := b.Len
		for {
			err := scan.Next(ctx, &b)
			if errors.Is(err, io.EOF) {
				break
			}
			m.must(err)
			rows += b.Len
		}
		if rows != want {
			t.Errorf("the scan that had begun yields %d rows, want %d", rows, want)
		}
		m.must(scan.Close())
		files := 0
		for _, d := range list(t, m.mem, "data/segments") {
			for _, table := range list(t, m.mem, "data/segments/"+d) {
				files += len(list(t, m.mem, "data/segments/"+d+"/"+table))
			}
		}
		if files != after.Segments {
			t.Errorf("%d files for %d segments", files, after.Segments)
		}
		if again, err := m.store.Compact(ctx); again != 0 || err != nil {
			t.Errorf("compacted, there are %d files more to replace, %v", again, err)
		}
		m.recover(m.crashNow())
		m.must(m.write(w.next(), false))
		m.check()
	})
}

func collectTimes(t *testing.T, s *Store, spec ScanSpec) (times []int64) {
	t.Helper()
	r, err := s.Scan(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	var b column.Batch
	for {
		err := r.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, b.Cols[0].Ints...)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return times
}

// TestWriteAmplification writes days of small checkpoints and says how often a
// byte of the files that remain was written.
func TestWriteAmplification(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.SegmentBytes = 256 << 10 }
	m.mustOpen()
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 1}
	for range 4 {
		for range 24 { // an hour each
			for range 4 {
				m.must(m.write(w.next(), true))
			}
			m.must(m.store.Checkpoint(ctx))
			_, err := m.store.Compact(ctx)
			m.must(err)
		}
		w.now += dayNanos
		m.clock.Store(w.now)
	}
	m.clock.Add(dayNanos)
	_, err := m.store.Compact(ctx)
	m.must(err)
	st := m.store.Stats()
	factor := float64(st.SegmentBytesWritten) / float64(st.SegmentBytes)
	if stayed := st.SegmentBytesWritten - st.ReplacedBytes; stayed != st.SegmentBytes || st.ReplacedBytes == 0 {
		t.Errorf("%d bytes came to stay, %d are there", stayed, st.SegmentBytes)
	}
	if got, want := st.WriteAmplification(), float64(st.SegmentBytesWritten+st.WAL.WrittenBytes)/float64(st.SegmentBytes); got != want {
		t.Errorf("write amplification %v, want %v", got, want)
	}
	t.Logf("%d segments of %d bytes, %d written: %.2f times", st.Segments, st.SegmentBytes, st.SegmentBytesWritten, factor)
	// Small files cost more than large ones: their bytes shrink when they are
	// merged. What must not be is a byte that is written at every checkpoint.
	if factor > 8 {
		t.Errorf("a byte was written %.2f times", factor)
	}
	m.acked()
	m.check()
}
