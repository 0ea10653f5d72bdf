package wal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tarn/store/vfs"
)

type entry struct {
	seq     uint64
	payload string
}

// reopen opens the log on fs and returns what it replays.
func reopen(t *testing.T, fsys vfs.FS, opts Options) (*Log, *Recovery, []entry) {
	t.Helper()
	l, found, err := Open(context.Background(), fsys, "wal", opts)
	if err != nil {
		t.Fatal(err)
	}
	var got []entry
	err = l.Replay(context.Background(), func(seq, segment uint64, p []byte) error {
		if segment >= opts.MinSegment {
			got = append(got, entry{seq, string(p)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, found, got
}

func appendWait(t *testing.T, l *Log, payload string) uint64 {
	t.Helper()
	add := l.Append
	if len(payload)%2 == 0 { // either way is the same to who waits
		add = l.AppendAwaited
	}
	seq, ticket, err := add([]byte(payload), 1)
	if err == nil {
		err = ticket.Wait(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// fill writes n records, one group each, and closes the log.
func fill(t *testing.T, fsys vfs.FS, n int, opts Options) []entry {
	t.Helper()
	l, _, _ := reopen(t, fsys, opts)
	var want []entry
	for i := range n {
		p := fmt.Sprintf("payload %d %s", i, bytes.Repeat([]byte{'x'}, i*700))
		want = append(want, entry{appendWait(t, l, p), p})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return want
}

func TestReplayReturnsWhatWasAppended(t *testing.T) {
	fsys := vfs.NewMem()
	opts := Options{SegmentSize: 32 << 10}
	want := fill(t, fsys, 20, opts)
	l, found, got := reopen(t, fsys, opts)
	defer l.Close()
	if !slices.Equal(got, want) {
		t.Errorf("got %d records, want %d", len(got), len(want))
	}
	if found.Torn || found.Missing != 0 || len(found.Corrupt) != 0 || found.Segments < 2 {
		t.Errorf("recovery %+v", found)
	}
	if seq := appendWait(t, l, "next"); seq != want[len(want)-1].seq+1 {
		t.Errorf("the next sequence number is %d", seq)
	}
}

func TestRecordsOfOneGroupMayStartOnAPage(t *testing.T) {
	fsys := vfs.NewMem()
	l, _, _ := reopen(t, fsys, Options{})
	var want []entry
	l.io.Lock() // holds the syncer, so that all land in one group
	for i := range 5 {
		p := string(bytes.Repeat([]byte{byte('a' + i)}, pageSize-recordHeader))
		seq, _, err := l.Append([]byte(p), 1)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, entry{seq, p})
	}
	l.io.Unlock()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, found, got := reopen(t, fsys, Options{})
	defer l.Close()
	if !slices.Equal(got, want) || len(found.Corrupt) > 0 {
		t.Errorf("got %d records, want 5; %+v", len(got), found)
	}
}

func TestMutations(t *testing.T) {
	const records = 6 // one page each but the last two
	cases := []struct {
		name    string
		mutate  func(data []byte) []byte
		keep    func(i int) bool
		torn    bool
		corrupt bool
	}{
		{"untouched", func(d []byte) []byte { return d }, func(int) bool { return true }, false, false},
		{"zero_length_file", func([]byte) []byte { return nil }, func(int) bool { return false }, false, false},
		{"truncated_header", func(d []byte) []byte { return d[:10] }, func(int) bool { return false }, false, false},
		{"torn_last_record", func(d []byte) []byte { clear(d[pageSize*6+1000:]); return d }, func(i int) bool { return i < 5 }, true, false},
		{"bad_checksum_of_the_last", func(d []byte) []byte { d[pageSize*6+recordHeader] ^= 1; return d }, func(i int) bool { return i < 5 }, true, false},
		{"bad_checksum_in_the_middle", func(d []byte) []byte { d[pageSize*3+recordHeader] ^= 1; return d }, func(i int) bool { return i != 2 }, false, true},
		{"bad_length_in_the_middle", func(d []byte) []byte { d[pageSize*2+3] = 0xff; return d }, func(i int) bool { return i != 1 }, false, true},
		{"lost_header", func(d []byte) []byte { clear(d[:pageSize]); return d }, func(int) bool { return true }, false, true},
		{"stale_segment_number", func(d []byte) []byte { d[pageSize*6+8]++; return d }, func(i int) bool { return i < 5 }, false, false},
		{"cut_at_a_page", func(d []byte) []byte { return d[:pageSize*4] }, func(i int) bool { return i < 3 }, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fsys := vfs.NewMem()
			all := fill(t, fsys, records, Options{})
			var want []entry
			for i, e := range all {
				if c.keep(i) {
					want = append(want, e)
				}
			}
			name := "wal/" + segmentName(1)
			f, err := fsys.OpenReadWrite(name)
			if err != nil {
				t.Fatal(err)
			}
			size, _ := f.Size()
			data := make([]byte, size)
			if _, err := f.ReadAt(data, 0); err != nil {
				t.Fatal(err)
			}
			data = c.mutate(data)
			if err := f.Truncate(0); err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt(data, 0); err != nil {
				t.Fatal(err)
			}
			l, found, got := reopen(t, fsys, Options{})
			if !slices.Equal(got, want) {
				t.Errorf("got %d records, want %d", len(got), len(want))
			}
			if found.Torn != c.torn || len(found.Corrupt) > 0 != c.corrupt {
				t.Errorf("recovery %+v", found)
			}
			appendWait(t, l, "after")
			n, err := l.Rotate(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Release(context.Background(), n); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := fsys.Stat(name + corruptName); c.corrupt != (err == nil) {
				t.Errorf("corrupt segment kept aside: %v", err == nil)
			}
		})
	}
}

// TestCrash appends, waits, rotates and releases at random, crashes at random
// moments with a random part of the unsynced writes, and checks that what was
// acknowledged is there, once and in order.
func TestCrash(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			fsys := vfs.NewMem()
			opts := Options{SegmentSize: 64 << 10, SyncBytes: 1}
			acked := map[uint64]string{}
			var floor uint64 // acknowledged records up to here were released
			for range 4 {
				l, _, got := reopen(t, fsys, opts)
				check(t, got, acked, floor)
				for range rng.IntN(30) {
					switch rng.IntN(12) {
					case 0:
						n, err := l.Rotate(context.Background())
						if err != nil {
							t.Fatal(err)
						}
						for s := range acked {
							floor = max(floor, s)
						}
						opts.MinSegment, opts.MinSeq = n, floor+1
						if err := l.Release(context.Background(), n); err != nil {
							t.Fatal(err)
						}
					case 1, 2, 3: // unacknowledged
						if _, _, err := l.Append(make([]byte, rng.IntN(9000)), 1); err != nil {
							t.Fatal(err)
						}
					default:
						p := fmt.Sprintf("%d-%d %s", seed, rng.Uint64(), bytes.Repeat([]byte{'p'}, rng.IntN(6000)))
						acked[appendWait(t, l, p)] = p
					}
				}
				next := fsys.CrashClone(rng)
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				fsys = next
			}
		})
	}
}

func check(t *testing.T, got []entry, acked map[uint64]string, floor uint64) {
	t.Helper()
	last := uint64(0)
	seen := map[uint64]string{}
	for _, e := range got {
		if e.seq <= last {
			t.Fatalf("record %d after %d", e.seq, last)
		}
		last = e.seq
		seen[e.seq] = e.payload
	}
	for seq, p := range acked {
		if seq > floor && seen[seq] != p {
			t.Fatalf("acknowledged record %d is not there", seq)
		}
	}
}

// TestEveryFailure fails each operation in turn; nothing acknowledged is lost.
func TestEveryFailure(t *testing.T) {
	boom := errors.New("boom")
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		fault := vfs.NewFault(mem, vfs.FailNth(n, false, boom))
		acked := map[uint64]string{}
		opts := Options{SegmentSize: 16 << 10, SyncBytes: 1}
		l, _, err := Open(context.Background(), fault, "wal", opts)
		if err == nil {
			for i := range 12 {
				p := fmt.Sprintf("%d %s", i, bytes.Repeat([]byte{'q'}, 3000))
				seq, ticket, err := l.Append([]byte(p), 1)
				if err == nil {
					err = ticket.Wait(context.Background())
				}
				if err == nil {
					acked[seq] = p
				} else if !errors.Is(err, boom) {
					t.Fatalf("operation %d: %v", n, err)
				}
				if err != nil && l.Failed() == nil {
					t.Fatalf("operation %d failed an append but not the log", n)
				}
			}
			_ = l.Close()
		} else if !errors.Is(err, boom) {
			t.Fatalf("operation %d: %v", n, err)
		}
		l, _, got := reopen(t, mem.CrashClone(rand.New(rand.NewPCG(uint64(n), 2))), opts)
		check(t, got, acked, 0)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if fault.Ops() < n {
			break // every operation has had its turn
		}
	}
}

func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, err := Open(context.Background(), vfs.NewMem(), "wal", Options{SyncBurst: 1, SyncRate: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		appendWait(t, l, "takes the only token")
		start := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { appendWait(t, l, "together") })
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second/2 {
			t.Errorf("50 writers waited %v for the next token, want 500ms", took)
		}
		if s := l.Stats(); s.Syncs != 2 {
			t.Errorf("%d syncs, want 2", s.Syncs)
		}
		start = time.Now()
		appendWait(t, l, string(make([]byte, 40<<10)))
		if took := time.Since(start); took != 0 {
			t.Errorf("a record of SyncBytes waited %v", took)
		}
		start = time.Now()
		_, ticket, err := l.Append([]byte("many rows that compress well"), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if err := ticket.Wait(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("a record of SyncRows waited %v, %v", time.Since(start), err)
		}
		start = time.Now()
		appendWait(t, l, "small again")
		if took := time.Since(start); took == 0 {
			t.Error("the rows of a group that was synced still count")
		}
	})
}

// TestWhoWaitsWrites: on a fast disk a large group that somebody waits for is left
// to him; and if he does not come, it is written all the same.
func TestWhoWaitsWrites(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		slow  bool
		then  func(l *Log, t Ticket) error
		alone bool // the syncer writes it without being asked
		want  error
	}{
		"waits":          {then: func(_ *Log, t Ticket) error { return t.Wait(context.Background()) }},
		"does not wait":  {then: func(_ *Log, t Ticket) error { t.Forgo(); return nil }},
		"is gone":        {then: func(_ *Log, t Ticket) error { return t.Wait(ended) }, want: context.Canceled},
		"another comes":  {then: func(l *Log, _ Ticket) error { _, _, err := l.Append([]byte("small"), 1); return err }},
		"another waits":  {then: func(l *Log, _ Ticket) error { appendWait(t, l, "ab"); return nil }},
		"sync":           {then: func(l *Log, _ Ticket) error { return l.Sync(context.Background()) }},
		"on a slow disk": {slow: true, alone: true, then: func(_ *Log, t Ticket) error { return t.Wait(context.Background()) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _, err := Open(context.Background(), vfs.NewMem(), "wal", Options{SyncRate: 1e-9})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				appendWait(t, l, "how fast is the disk")
				synctest.Wait() // the syncer has nothing more to do
				if l.mu.Lock(); c.slow {
					l.quick = false
				}
				l.mu.Unlock()
				_, ticket, err := l.AppendAwaited(make([]byte, 20<<10), 1)
				if err != nil {
					t.Fatal(err)
				}
				if synctest.Wait(); ticket.Ready() != c.alone {
					t.Fatalf("written before somebody waits: %v", ticket.Ready())
				}
				if err := c.then(l, ticket); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if synctest.Wait(); !ticket.Ready() || ticket.Wait(context.Background()) != nil {
					t.Error("it was not written")
				}
			})
		})
	}
}

// TestLargeGroupsTakeTokens: whoever writes them.
func TestLargeGroupsTakeTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, err := Open(context.Background(), vfs.NewMem(), "wal", Options{SyncBurst: 10, SyncRate: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		appendWait(t, l, "one")
		for range 9 {
			appendWait(t, l, string(make([]byte, 20<<10)))
		}
		start := time.Now()
		if appendWait(t, l, "small"); time.Since(start) == 0 {
			t.Error("large groups took no tokens")
		}
	})
}

func TestAppendDoesNotAllocate(t *testing.T) {
	l, _, _ := reopen(t, vfs.NewMem(), Options{})
	defer l.Close()
	l.io.Lock() // keeps the syncer from taking the buffer away
	defer l.io.Unlock()
	payload := make([]byte, 100)
	l.pending = make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, err := l.Append(payload, 1); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per append", n)
	}
}

// TestGolden reads a segment of format version 1 as a release wrote it.
func TestGolden(t *testing.T) {
	const golden = "testdata/v1.wal"
	if os.Getenv("TARN_REWRITE") != "" {
		fsys := vfs.NewMem()
		fill(t, fsys, 3, Options{SegmentSize: 5 * pageSize})
		f, err := fsys.Open("wal/" + segmentName(1))
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 5*pageSize)
		if _, err := f.ReadAt(data, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	res, err := scan(data, 1, func(r record) error {
		got = append(got, fmt.Sprint(r.seq, " ", len(r.payload), " ", string(r.payload[:9])))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 10 payload 0", "2 710 payload 1", "3 1410 payload 2"}
	if !slices.Equal(got, want) || res.torn || res.corrupt {
		t.Errorf("got %q, %+v", got, res)
	}
}

// FuzzScan reads arbitrary bytes as a segment. sums says whether to repair the
// checksums of what looks like records first, to get past them.
func FuzzScan(f *testing.F) {
	data, err := os.ReadFile("testdata/v1.wal")
	if err != nil {
		f.Fatal(err)
	}
	for _, sums := range []bool{false, true} {
		f.Add(data[:pageSize+recordHeader+10], sums)
		f.Add(data[:2*pageSize+40], sums)
	}
	f.Fuzz(func(t *testing.T, data []byte, sums bool) {
		if sums {
			repair(data, 1)
		}
		var records []record
		res, err := scan(data, 1, func(r record) error {
			records = append(records, r)
			return nil
		})
		total := 0
		for i, r := range records {
			if i == 0 && !r.first {
				t.Error("the first record does not begin a group")
			}
			total += r.size
		}
		if err != nil || res.records != len(records) || total > len(data) || res.end > len(data) {
			t.Errorf("%d records of %d bytes in %d bytes, %+v, %v", len(records), total, len(data), res, err)
		}
		stale, err := scan(data, 2, func(record) error { return nil })
		if err != nil || stale.records > 0 && sums {
			t.Errorf("%d records of another segment, %v", stale.records, err)
		}
	})
}

// repair gives every record that fits the segment's number and its checksum.
func repair(data []byte, segment uint32) {
	for page := pageSize; page < len(data); page += pageSize {
		for off := page; off+recordHeader <= len(data); {
			n := binary.LittleEndian.Uint32(data[off:])
			if n == 0 || int64(n) > int64(len(data)-off-recordHeader) {
				break
			}
			r := data[off : off+recordHeader+int(n)]
			binary.LittleEndian.PutUint32(r[8:], segment)
			binary.LittleEndian.PutUint32(r[4:], recordSum(r))
			off += len(r)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	l, _, err := Open(context.Background(), vfs.NewMem(), "wal", Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	payload := make([]byte, 4096)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := l.Append(payload, 1); errors.Is(err, ErrFull) {
			if err := l.Sync(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		if l.Stats().LiveBytes > 64<<20 {
			n, err := l.Rotate(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if err := l.Release(context.Background(), n); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkAppendWait waits for each record on the real file system: what one
// lonely writer gets, the disk's sync included.
func BenchmarkAppendWait(b *testing.B) {
	l, _, err := Open(context.Background(), vfs.OS(), b.TempDir()+"/wal", Options{SyncRate: 1e9})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	payload := make([]byte, 4000)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		_, ticket, err := l.Append(payload, 1)
		if err == nil {
			err = ticket.Wait(context.Background())
		}
		if err != nil {
			b.Fatal(err)
		}
		if l.Stats().LiveBytes > 16<<20 {
			n, err := l.Rotate(context.Background())
			if err == nil {
				err = l.Release(context.Background(), n)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
