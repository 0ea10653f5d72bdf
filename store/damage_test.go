package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/segment"
	"tarn/store/vfs"
)

// flip damages one byte of a file.
func flip(t *testing.T, fsys vfs.FS, name string, at int64) {
	t.Helper()
	f, err := fsys.OpenReadWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	if err == nil {
		b[0] ^= 0x20
		_, err = f.WriteAt(b, at)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// twoDays has rows of two tables on two days, in files of their own.
func twoDays(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t, 1)
	m.mustOpen()
	for day := range 2 {
		for table := range 2 {
			w := write{database: "d"}
			for i := range 200 {
				w.rows = append(w.rows, point{table: fmt.Sprint("t", table), time: m.clock.Load() + int64(day)*dayNanos + int64(i),
					tags: map[string]string{"host": fmt.Sprint("v", i%3)}, fields: map[string]string{"f": fmt.Sprint(i), "s": fmt.Sprint("text", i)}})
			}
			m.must(m.write(w, false))
		}
	}
	m.must(m.store.Checkpoint(t.Context()))
	return m
}

// readTable scans a table and returns how many rows it got before it ended.
func readTable(s *Store, table string) (int, error) {
	db, _ := s.Database("d")
	sch, ok := db.Table(table)
	if !ok {
		return 0, fmt.Errorf("no table %s", table)
	}
	spec := ScanSpec{Database: "d", Table: sch, MinTime: MinTime, MaxTime: MaxTime}
	for _, c := range sch.Columns {
		spec.Columns = append(spec.Columns, c.ID)
	}
	return count(s, spec)
}

// TestDamagedSegment damages every region of a file in turn: the query that
// meets the damage fails, the next ones have all other rows, the file is kept
// with a note, and a restart knows of it.
func TestDamagedSegment(t *testing.T) {
	probe := twoDays(t)
	path := "data/" + probe.store.allTables()[0].segments[0].Path
	info, err := probe.mem.Stat(path)
	probe.must(err)
	step := info.Size / 60
	if testing.Short() {
		step = info.Size / 10
	}
	noticed := 0
	for at := int64(0); at < info.Size; at += step {
		m := twoDays(t)
		flip(t, m.mem, path, at)
		n, err := readTable(m.store, "t0")
		if err == nil {
			if n != 400 {
				t.Fatalf("byte %d: %d rows and no error", at, n)
			}
			continue // of the parts that Tarn does not read
		}
		noticed++
		m.checkDamaged(t, at, 200)
		m.must(m.store.Close(t.Context()))
		m.store = nil
		m.mustOpen()
		m.checkDamaged(t, at, 200)
		// Writing and compaction go on.
		m.must(m.write(write{database: "d", rows: []point{{table: "t0", time: m.clock.Load() + dayNanos + 500, fields: map[string]string{"f": "1"}}}}, false))
		m.must(m.store.Checkpoint(t.Context()))
		m.clock.Add(3 * dayNanos)
		if _, err := m.store.Compact(t.Context()); err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		m.stop()
	}
	if noticed < 5 {
		t.Fatalf("only %d damages were noticed", noticed)
	}
}

// checkDamaged looks at a store that lacks one file of t0.
func (m *machine) checkDamaged(t *testing.T, at int64, left int) {
	t.Helper()
	for table, want := range map[string]int{"t0": left, "t1": 400} {
		if n, err := readTable(m.store, table); err != nil || n != want {
			t.Fatalf("byte %d: %d rows of %s, want %d: %v", at, n, table, want, err)
		}
	}
	p := m.store.Problems()
	if len(p) != 1 || p[0].Kind != ProblemSegment || p[0].Kept == "" || !strings.Contains(p[0].Missing, `200 rows of table "t0" of database "d" from 2023-`) {
		t.Fatalf("byte %d: problems: %v", at, p)
	}
	if err := m.store.Health(); err != nil {
		t.Fatalf("byte %d: the store takes no writes: %v", at, err)
	}
	if _, err := m.mem.Stat("data/" + p[0].Kept); err != nil {
		t.Fatalf("byte %d: the file is not kept: %v", at, err)
	}
}

// TestDamagedSegmentInCompaction has a compaction find the damage.
func TestDamagedSegmentInCompaction(t *testing.T) {
	m := twoDays(t)
	more := write{database: "d"}
	for i := range 200 {
		more.rows = append(more.rows, point{table: "t0", time: m.clock.Load() + int64(500+i), fields: map[string]string{"f": "1", "s": fmt.Sprint("text", i)}})
	}
	m.must(m.write(more, false))
	m.must(m.store.Checkpoint(t.Context()))
	f := m.store.allTables()[0].segments[0]
	for at := int64(300); at < f.Bytes/2; at += 50 {
		flip(t, m.mem, "data/"+f.Path, at)
	}
	m.clock.Add(5 * dayNanos)
	m.store.opts.SegmentBytes = 1 << 20
	_, err := m.store.Compact(t.Context())
	var corrupt *segment.CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("a compaction of a damaged file: %v", err)
	}
	m.checkDamaged(t, 300, 400)
	_, err = m.store.Compact(t.Context())
	m.must(err)
}

// TestLyingMedium has a read that fails once: nothing is set aside.
func TestLyingMedium(t *testing.T) {
	m := twoDays(t)
	f := m.store.allTables()[0].segments[0]
	f.acquire()
	defer f.release()
	m.must(m.store.setAsideCheck(f, &segment.CorruptError{Path: f.Path, Place: "page", Err: errBoom}))
	if n, err := readTable(m.store, "t0"); err != nil || n != 400 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if p := m.store.Problems(); len(p) != 0 {
		t.Fatalf("problems: %v", p)
	}
}

func (s *Store) setAsideCheck(f *segmentFile, err error) error {
	if got := s.setAside(f.damaged(err)); !errors.Is(got, errBoom) {
		return fmt.Errorf("the error got lost: %w", got)
	}
	return nil
}

// TestMissingAndTruncatedSegments takes a file away, or a part of it, while the
// server runs and while it does not.
func TestMissingAndTruncatedSegments(t *testing.T) {
	for _, running := range []bool{true, false} {
		for _, left := range []int64{-1, 0, 1, 100, 1000} {
			t.Run(fmt.Sprint("running=", running, ",left=", left), func(t *testing.T) {
				m := twoDays(t)
				path := m.store.allTables()[0].segments[0].Path
				damage := func() {
					if left < 0 {
						m.must(m.mem.Rename("data/"+path, "elsewhere"))
						return
					}
					f, err := m.mem.OpenReadWrite("data/" + path)
					m.must(err)
					m.must(errors.Join(f.Truncate(left), f.Sync()))
				}
				reopen := func() {
					m.must(m.store.Close(t.Context()))
					m.store = nil
					m.mustOpen()
				}
				if running {
					damage()
					if _, err := readTable(m.store, "t0"); err == nil {
						t.Fatal("the damage went unseen")
					}
				} else {
					m.must(m.store.Close(t.Context()))
					m.store = nil
					damage()
					m.mustOpen()
				}
				for range 2 {
					if n, err := readTable(m.store, "t0"); err != nil || n != 200 {
						t.Fatalf("%d rows, %v", n, err)
					}
					if p := m.store.Problems(); len(p) != 1 || (left < 0) != (p[0].Kept == "") {
						t.Fatalf("problems: %v", p)
					}
					reopen()
				}
				if left < 0 { // the disk is back
					m.must(m.store.Close(t.Context()))
					m.store = nil
					m.must(m.mem.Rename("elsewhere", "data/"+path))
					m.mustOpen()
					if n, err := readTable(m.store, "t0"); err != nil || n != 400 || len(m.store.Problems()) != 0 {
						t.Fatalf("%d rows, %v, %v", n, err, m.store.Problems())
					}
				}
			})
		}
	}
}

// TestCrashInQuarantine cuts the power at every operation of setting a file
// aside: it is never gone.
func TestCrashInQuarantine(t *testing.T) {
	for n := int32(1); n < 25; n++ {
		m := twoDays(t)
		m.must(m.store.Checkpoint(t.Context()))
		path := m.store.allTables()[0].segments[0].Path
		flip(t, m.mem, "data/"+path, 300)
		i := m.crashAtOp(n, func() {
			if _, err := readTable(m.store, "t0"); err == nil {
				t.Fatal("the damage went unseen")
			}
		})
		m.stop()
		m.mem, m.catalog = i.mem, i.catalog
		m.mustOpen()
		_, _ = readTable(m.store, "t0") // fails when the damage is not known yet
		m.checkDamaged(t, int64(n), 200)
	}
}

// TestDamagedLog damages records in the middle of the log.
func TestDamagedLog(t *testing.T) {
	size := int64(13 * 4096)
	for at := int64(0); at < size; at += 997 {
		m := newMachine(t, 1)
		m.mustOpen()
		for i := range 12 { // a page each
			m.must(m.write(write{database: "d", rows: []point{{table: "t0", time: int64(i), fields: map[string]string{"s": strings.Repeat("x", 100*i)}}}}, false))
		}
		m.stop()
		names := list(t, m.mem, "data/wal")
		name := names[len(names)-1]
		flip(t, m.mem, "data/wal/"+name, at)
		m.mustOpen()
		n, err := readTable(m.store, "t0")
		m.must(err)
		switch p := m.store.Problems(); {
		case n == 12 && len(p) == 0: // padding
		case n == 12 && len(p) == 1 && at < 4096: // the header
		case n == 11 && len(p) == 1 && p[0].Kind == ProblemLog && p[0].Missing != "":
		case n == 11 && at >= 12*4096: // the last record is a torn tail
		default:
			t.Fatalf("byte %d: %d rows, problems %v", at, n, p)
		}
		// What is left is written to files, and the segment of the log kept.
		problems := len(m.store.Problems())
		m.must(m.store.Checkpoint(t.Context()))
		m.must(m.store.Close(t.Context()))
		m.store = nil
		m.mustOpen()
		p := m.store.Problems()
		if len(p) != problems || problems > 0 && p[0].Kept == "" {
			t.Fatalf("byte %d: problems were %d, now %v", at, problems, p)
		}
		if again, err := readTable(m.store, "t0"); err != nil || again != n {
			t.Fatalf("byte %d: %d rows after a restart, %v", at, again, err)
		}
	}
}

// TestMissingLog takes a segment of the log away.
func TestMissingLog(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	for i := range 100 {
		m.must(m.write(write{database: "d", rows: []point{{table: "t0", time: int64(i), fields: map[string]string{"f": "1"}}}}, false))
	}
	m.stop()
	names := slices.DeleteFunc(list(t, m.mem, "data/wal"), func(n string) bool { return strings.HasPrefix(n, "free") })
	if len(names) < 3 {
		t.Fatal("too few segments")
	}
	m.must(m.mem.Rename("data/wal/"+names[1], "data/elsewhere"))
	m.mustOpen()
	if p := m.store.Problems(); len(p) != 1 || p[0].Kind != ProblemLog || !strings.Contains(p[0].Missing, "acknowledged writes") {
		t.Fatalf("problems: %v", p)
	}
	m.must(m.store.Close(t.Context()))
	m.store = nil
	m.mustOpen()
	if p := m.store.Problems(); len(p) != 1 {
		t.Fatalf("after a restart: %v", p)
	}
}

// TestDamagedCatalog damages the catalog all over: all rows are there
// afterwards, and what is not as it was is reported.
func TestDamagedCatalog(t *testing.T) {
	m := twoDays(t)
	ctx := t.Context()
	m.must(m.store.CreateDatabase(ctx, "kept", time.Hour))
	_, text, err := m.store.Tokens().Create(ctx, "one", time.Time{}, -1)
	m.must(err)
	m.must(m.write(write{database: "d", rows: []point{{table: "t0", time: m.clock.Load() + 1000, fields: map[string]string{"f": "1"}}}}, false))
	m.stop()
	good, err := os.ReadFile(filepath.Join(m.catalog, "catalog.db"))
	m.must(err)
	mem := m.mem
	step, reported := 211, 0
	if testing.Short() {
		step = 2039
	}
	damages := []func([]byte) []byte{func([]byte) []byte { return nil }, func(b []byte) []byte { return b[:len(b)/2] }, func(b []byte) []byte { return b[:100] }}
	for at := 0; at < len(good); at += step {
		damages = append(damages, func(b []byte) []byte { b[at] ^= 0x21; return b })
	}
	for at := range 100 { // the header
		damages = append(damages, func(b []byte) []byte { b[at] ^= 0x21; return b })
	}
	for i, damage := range damages {
		m.mem, m.catalog = mem.CrashClone(m.rng), t.TempDir()
		m.must(os.WriteFile(filepath.Join(m.catalog, "catalog.db"), damage(slices.Clone(good)), 0o600))
		m.mustOpen()
		for table, want := range map[string]int{"t0": 401, "t1": 400} {
			if n, err := readTable(m.store, table); err != nil || n != want {
				t.Fatalf("damage %d: %d rows of %s, want %d: %v; %v", i, n, table, want, err, m.store.Problems())
			}
		}
		problems := m.store.Problems()
		if len(problems) > 0 {
			reported++
			if p := problems[0]; p.Kind != ProblemCatalog || p.Kept == "" {
				t.Fatalf("damage %d: %v", i, problems)
			}
		} else {
			db, ok := m.store.Database("kept")
			if _, valid := m.store.Tokens().Check(text); !ok || db.Retention() != time.Hour || !valid {
				t.Fatalf("damage %d went unseen", i)
			}
		}
		m.must(m.write(write{database: "d", rows: []point{{table: "t0", time: m.clock.Load() + 2000, fields: map[string]string{"f": "1"}}}}, false))
		m.must(m.store.Checkpoint(ctx))
		m.must(m.store.Close(ctx))
		m.store = nil
		m.mustOpen() // the new one is fine
		if n, err := readTable(m.store, "t0"); err != nil || n != 402 {
			t.Fatalf("damage %d: %d rows after a restart, %v", i, n, err)
		}
		if again := m.store.Problems(); len(again) != len(problems) {
			t.Fatalf("damage %d: %v, then %v", i, problems, again)
		}
		m.stop()
	}
	if reported < len(damages)/10 {
		t.Fatalf("only %d of %d damages were reported", reported, len(damages))
	}
}

// TestOldCatalog starts with a catalog from before a checkpoint: its files are
// taken in again, not deleted as orphans.
func TestOldCatalog(t *testing.T) {
	m := newMachine(t, 1)
	m.mustOpen()
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 2}
	m.must(m.write(w.next(), false))
	m.must(m.store.Checkpoint(t.Context()))
	old := m.crashNow().catalog
	for range 5 {
		m.must(m.write(w.next(), false))
		m.must(m.store.Checkpoint(t.Context()))
	}
	m.clock.Add(5 * dayNanos)
	_, err := m.store.Compact(t.Context())
	m.must(err)
	m.must(m.write(w.next(), false))
	m.stop()
	m.catalog = old
	m.mustOpen()
	m.check()
	if p := m.store.Problems(); len(p) != 1 || p[0].Kind != ProblemCatalog {
		t.Fatalf("problems: %v", p)
	}
	m.must(m.write(w.next(), false))
	m.must(m.store.Checkpoint(t.Context()))
	m.must(m.store.Close(t.Context()))
	m.store = nil
	m.mustOpen()
	m.check()
}

// TestCrashInRebuild has a catalog that was rebuilt and has not got its name.
func TestCrashInRebuild(t *testing.T) {
	m := twoDays(t)
	m.must(m.store.Close(t.Context()))
	m.store = nil
	path := filepath.Join(m.catalog, "catalog.db")
	m.must(os.Rename(path, path+rebuiltSuffix))
	m.mustOpen()
	m.check()
}

// count runs a scan.
func count(s *Store, spec ScanSpec) (n int, err error) {
	r, err := s.Scan(context.Background(), spec)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	var b column.Batch
	for {
		switch err := r.Next(context.Background(), &b); {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
		n += b.Len
	}
}
