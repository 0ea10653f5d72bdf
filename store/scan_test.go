package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/schema"
)

// TestScanOutlivesHardDeletion reads on while the table's files are deleted.
func TestScanOutlivesHardDeletion(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.mustOpen()
	for i := range 3 {
		m.must(m.write(one("d", "t", "h", int64(i)*dayNanos, "i=1"), false))
		m.must(m.store.Checkpoint(ctx))
	}
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t")
	r, err := m.store.Scan(ctx, ScanSpec{Database: "d", Table: sch, Columns: []int{0}, MinTime: MinTime, MaxTime: MaxTime})
	m.must(err)
	m.must(m.store.DeleteTable(ctx, "d", "t", HardDelete{At: m.now().Add(time.Second)}))
	m.forget("d", "t")
	m.clock.Add(int64(time.Minute))
	m.store.sweep(ctx)
	var b column.Batch
	n := 0
	for r.Next(ctx, &b) == nil {
		n += b.Len
	}
	if n != 3 || segmentFiles(t, m.mem) != 3 {
		t.Errorf("the scan got %d rows, want 3; %d files are there", n, segmentFiles(t, m.mem))
	}
	m.must(r.Close())
	if n := segmentFiles(t, m.mem); n != 0 {
		t.Errorf("%d files after the scan", n)
	}
}

// TestScanRestrictions compares scans with filters, time ranges, field bounds
// and tests of texts with a filtered scan of everything.
func TestScanRestrictions(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 3)
	m.mustOpen()
	w := &writer{rng: m.rng, now: m.clock.Load(), width: 1}
	for i := range 40 {
		one := w.next()
		one.database = "d"
		m.must(m.write(one, false))
		if i%9 == 8 {
			m.must(m.store.Checkpoint(ctx))
		}
	}
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t0")
	all := dump(t, m.store, m.rng)["d/t0"]
	host, _ := sch.Column("host")
	az, _ := sch.Column("az")
	field, _ := sch.Column("i")
	text, _ := sch.Column("s")
	times := make([]int64, 0, len(all))
	for k := range all {
		times = append(times, k.time)
	}
	slices.Sort(times)
	for i := range 140 {
		spec := ScanSpec{Database: "d", Table: sch, Order: Order(i % 4), BatchRows: 100,
			MinTime: times[m.rng.IntN(len(times))], MaxTime: times[m.rng.IntN(len(times))]}
		for _, c := range sch.Columns {
			spec.Columns = append(spec.Columns, c.ID)
		}
		wantHost := fmt.Sprint("v", m.rng.IntN(4))
		if i%3 > 0 { // host = wantHost and az is null
			spec.FilterTags = []int{az.ID, host.ID}
			var hosts []string // the only ones to ask about; nil means all
			if i%2 == 0 {
				hosts = [][]string{{wantHost}, {"v3", "nobody", wantHost, "v0"}}[i/2%2]
				spec.TagValues = []TagValues{{Column: host.ID, Values: hosts}}
				if i%14 == 0 {
					// Nothing passes both, whatever the filter would say.
					wantHost = "nobody"
					spec.TagValues = append(spec.TagValues, TagValues{Column: az.ID, Values: []string{"nowhere"}})
				}
			}
			spec.Filter = func(_ context.Context, tags *column.Batch, keep []bool) error {
				for r := range tags.Len {
					if hosts != nil && (tags.Cols[1].IsNull(r) || !slices.Contains(hosts, tags.Cols[1].Text(r))) {
						t.Errorf("scan %d: asked about host %q", i, tags.Cols[1].Text(r))
					}
					if !tags.Cols[0].IsNull(r) || tags.Cols[1].IsNull(r) || tags.Cols[1].Text(r) != wantHost {
						keep[r] = false
					}
				}
				return nil
			}
		}
		low := uint64(m.rng.IntN(1100))
		if i%5 == 0 {
			spec.FieldBounds = []FieldBound{{Column: field.ID, Min: low, Max: 1 << 40}}
		}
		wanted := map[string]bool{}
		if i%7 > 3 { // many values, few, none of those that there are
			wanted[fmt.Sprint(2000+i)] = true
			for range []int{0, 3, 200}[i%7-4] {
				wanted[fmt.Sprint(m.rng.IntN(1000))] = true
			}
			spec.FieldTexts = []FieldText{{Column: text.ID, Values: slices.Collect(maps.Keys(wanted))}}
		}
		part := ""
		if i%11 == 0 {
			part = fmt.Sprint(m.rng.IntN(100))
			spec.FieldTexts = append(spec.FieldTexts, FieldText{Column: text.ID, Parts: []string{part}})
		}
		got := collect(t, m.store, spec)
		for k, v := range all {
			in := k.time >= spec.MinTime && k.time <= spec.MaxTime
			if spec.Filter != nil {
				in = in && strings.Contains(k.tags+",", "host="+wantHost+",") && !strings.Contains(k.tags, "az=")
			}
			have, ok := got[k]
			if spec.FieldBounds != nil && !ok {
				// The scan may leave out rows that lie outside of the bounds.
				n := uint64(0)
				_, err := fmt.Sscan(v["i"], &n)
				in = in && err == nil && n >= low
			}
			if spec.FieldTexts != nil && !ok {
				s, present := v["s"]
				in = in && present && (len(wanted) == 0 || wanted[s]) && strings.Contains(s, part)
			}
			if ok != in || ok && !maps.Equal(have, v) {
				t.Fatalf("scan %d, row %v: got %v %v, want %v %v", i, k, ok, have, in, v)
			}
		}
		for k := range got {
			if all[k] == nil {
				t.Fatalf("scan %d: row %v from nowhere", i, k)
			}
		}
	}
}

// TestConcurrentUse has writers, readers and checkpoints at once. A reader sees
// every row that was acknowledged before it came, once.
func TestConcurrentUse(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 1)
	m.options = func(o *Options) { o.BufferBytes = 1 << 20 }
	m.mustOpen()
	s := m.store
	const writers, writes = 4, 60
	var acked [writers]struct {
		sync.Mutex
		n int
	}
	var writing, others sync.WaitGroup
	stop := make(chan struct{})
	for id := range writers {
		writing.Go(func() {
			for n := range writes {
				db := fmt.Sprint("d", id%2)
				w := one(db, "t", fmt.Sprint("w", id), int64(n), fmt.Sprintf("i=%d", n), fmt.Sprintf("i%d=1", n%7))
				for {
					err := s.Write(ctx, db, w.batch(), WriteOptions{NoSync: n%3 == 0})
					if errors.Is(err, ErrBusy) {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
				acked[id].Lock()
				acked[id].n = n + 1
				acked[id].Unlock()
			}
		})
	}
	for reader := range 2 {
		others.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				id := (round + reader) % writers
				acked[id].Lock()
				want := acked[id].n
				acked[id].Unlock()
				if want == 0 {
					continue
				}
				db, _ := s.Database(fmt.Sprint("d", id%2))
				sch, ok := db.Table("t")
				if !ok {
					t.Error("the table is gone")
					return
				}
				spec := ScanSpec{Database: db.Name(), Table: sch, MinTime: MinTime, MaxTime: MaxTime, Order: Order(round % 4)}
				for _, c := range sch.Columns {
					if c.Role != schema.Field || c.Name == "i" {
						spec.Columns = append(spec.Columns, c.ID)
					}
				}
				got := collect(t, s, spec)
				for n := range want {
					if v := got[rowKey{fmt.Sprint("host=w", id), int64(n)}]; v["i"] != fmt.Sprint(n) {
						t.Errorf("writer %d, row %d of %d: %v", id, n, want, v)
						return
					}
				}
			}
		})
	}
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := s.Checkpoint(ctx); err != nil {
					t.Error(err)
				}
				_ = s.Stats()
				_ = s.ListTables(true)
			}
		}
	})
	writing.Wait()
	close(stop)
	others.Wait()
	for id := range writers {
		for n := range writes {
			m.durable.merge(one(fmt.Sprint("d", id%2), "t", fmt.Sprint("w", id), int64(n), fmt.Sprintf("i=%d", n), fmt.Sprintf("i%d=1", n%7)))
		}
	}
	m.must(s.wal.Sync(ctx))
	m.check()
	m.recover(m.crashNow())
	m.check()
}

// TestScanTexts: of files that are merged none can be left out for what another
// has; all of them can for what none has.
func TestScanTexts(t *testing.T) {
	ctx := context.Background()
	m := newMachine(t, 5)
	m.mustOpen()
	for i, value := range []string{"a", "b"} { // the second overwrites half of the first
		w := write{database: "d"}
		for k := range 10 {
			if i == 0 || k%2 == 0 {
				w.rows = append(w.rows, one("d", "t", "h", int64(1000+k), "s="+value).rows[0])
			}
		}
		m.must(m.write(w, false))
		m.must(m.store.Checkpoint(ctx))
	}
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t")
	text, _ := sch.Column("s")
	for _, order := range []Order{Unordered, SeriesTime, NewestFirst, OldestFirst} {
		for _, c := range []struct {
			value        string
			rows, pruned int
		}{{"a", 5, 0}, {"b", 5, 0}, {"c", 0, 2}} {
			r, err := m.store.Scan(ctx, ScanSpec{Database: "d", Table: sch, Columns: []int{text.ID}, MinTime: MinTime, MaxTime: MaxTime,
				Order: order, FieldTexts: []FieldText{{Column: text.ID, Values: []string{c.value}}}})
			m.must(err)
			var b column.Batch
			n := 0
			for r.Next(ctx, &b) == nil {
				for i := range b.Len {
					if b.Cols[0].Text(i) == c.value {
						n++
					}
				}
			}
			if pruned := r.Stats().FilesPruned; n != c.rows || pruned != c.pruned {
				t.Errorf("order %d, %s: %d rows, %d files pruned", order, c.value, n, pruned)
			}
			m.must(r.Close())
		}
	}
}
