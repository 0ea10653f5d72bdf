package cache

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"tarn/store/points"
)

func bitsOf(f float64) uint64 { return math.Float64bits(f) }

func hosts(n int, time int64) []testRow {
	rows := make([]testRow, n)
	for i := range rows {
		rows[i] = testRow{time, map[int]string{1: fmt.Sprint("host", i), 2: "az", 4: "some text", 5: fmt.Sprint(i), 8: "3"}}
	}
	return rows
}

// TestSteadyStateAllocatesNothing adds batches that bring no new key.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, c := range map[string]interface {
		Add(*points.Table, []uint32, int64)
	}{
		"last":            NewLast(NewBudget(1<<30), LastOptions{Keys: cols(1, 2), All: true, Count: 1, TTL: 1 << 40}),
		"last of ten":     NewLast(NewBudget(1<<30), LastOptions{Keys: cols(1, 2), All: true, Count: 10, TTL: 1 << 40}),
		"last by one tag": NewLast(NewBudget(1<<30), LastOptions{Keys: cols(2), Values: cols(1, 4), Count: 10, TTL: 1 << 40}),
		"last by fields":  NewLast(NewBudget(1<<30), LastOptions{Keys: cols(5, 4), All: true, Count: 3, TTL: 1 << 40}),
		"distinct":        NewDistinct(NewBudget(1<<30), DistinctOptions{Columns: cols(2, 1), MaxCardinality: 1000, MaxAge: 1 << 40}),
		"distinct fields": NewDistinct(NewBudget(1<<30), DistinctOptions{Columns: cols(1, 4), MaxCardinality: 1000, MaxAge: 1 << 40}),
	} {
		t.Run(name, func(t *testing.T) {
			tb := &table{map[string]uint32{}}
			p, series := tb.batch(hosts(200, 1))
			step := func() {
				c.Add(p, series, 5)
				for i := range p.Times {
					p.Times[i]++
				}
			}
			for range 20 { // rings fill
				step()
			}
			if n := testing.AllocsPerRun(100, step); n != 0 {
				t.Errorf("%v allocations a batch", n)
			}
		})
	}
}

// TestBudget spends all of a small budget: what does not fit is counted, the
// newest of what is shown is new, and eviction makes room again.
func TestBudget(t *testing.T) {
	const limit = 256 << 10
	b := NewBudget(limit)
	l := NewLast(b, LastOptions{Keys: cols(1), All: true, Count: 3, TTL: 100})
	d := NewDistinct(b, DistinctOptions{Columns: cols(1), MaxCardinality: 1 << 20, MaxAge: 1000})
	tb := &table{map[string]uint32{}}
	for round := range 6 {
		rows := hosts(3000, int64(round+1))
		p, series := tb.batch(rows)
		l.Add(p, series, 1)
		d.Add(p, series, 1)
		if b.Used() > limit {
			t.Fatalf("%d bytes of %d", b.Used(), limit)
		}
		newest := map[string]int64{}
		answer := l.Read(cols(1, 0), nil, 1)
		for i := range answer.Len {
			host := answer.Cols[0].Strings[i]
			newest[host] = max(newest[host], answer.Cols[1].Ints[i])
		}
		for host, at := range newest {
			if at != int64(round+1) {
				t.Fatalf("round %d: %s shows time %d as its newest", round, host, at)
			}
		}
		if len(newest) == 0 || len(newest) == 3000 {
			t.Fatalf("%d hosts fit", len(newest))
		}
	}
	if l.Stats().Dropped == 0 || d.Stats().Dropped == 0 || b.Dropped() != l.Stats().Dropped+d.Stats().Dropped {
		t.Errorf("dropped %d and %d", l.Stats().Dropped, d.Stats().Dropped)
	}
	before := b.Used()
	l.Evict(101)
	d.Evict(2000)
	if b.Used() > before/4 || b.Used() != l.Stats().Bytes+d.Stats().Bytes {
		t.Errorf("%d bytes of %d after everything expired", b.Used(), before)
	}
	p, series := tb.batch(hosts(10, 9000))
	l.Add(p, series, 9000)
	d.Add(p, series, 9000)
	if l.Read(cols(1), nil, 9000).Len != 10 || d.Read(cols(1), nil, 9000).Len != 10 {
		t.Error("there was no room after eviction")
	}
	l.Close()
	d.Close()
	if b.Used() != 0 {
		t.Errorf("%d bytes taken after the end", b.Used())
	}
}

// TestCardinalityIsBoundedBetweenPasses adds far more than the limit without an
// eviction pass.
func TestCardinalityIsBoundedBetweenPasses(t *testing.T) {
	d := NewDistinct(NewBudget(1<<30), DistinctOptions{Columns: cols(1), MaxCardinality: 700, MaxAge: 1 << 40})
	tb := &table{map[string]uint32{}}
	for i := range 20 {
		var rows []testRow
		for j := range 300 {
			rows = append(rows, testRow{int64(i), map[int]string{1: fmt.Sprint("host", 300*i+j)}})
		}
		p, series := tb.batch(rows)
		d.Add(p, series, 0)
		if n := d.Stats().Entries; n > 2*700+300 {
			t.Fatalf("%d entries", n)
		}
	}
	if got := d.Read(cols(1), []Match{{Key: 0, Texts: []string{"host5999"}}}, 0); got.Len != 1 {
		t.Error("the newest went")
	}
}

// TestReadersAndWriters reads all, and single keys, while batches come and
// entries go: every answer has whole rows of one key each, sorted.
func TestReadersAndWriters(t *testing.T) {
	l := NewLast(NewBudget(1<<30), LastOptions{Keys: cols(1), All: true, Count: 2, TTL: 10})
	d := NewDistinct(NewBudget(1<<30), DistinctOptions{Columns: cols(1, 2), MaxCardinality: 1500, MaxAge: 10})
	tb := &table{map[string]uint32{}}
	// Each step takes other hosts, so that old ones expire.
	var steps []func()
	for i := range 40 {
		var rows []testRow
		for j := range 400 {
			n := fmt.Sprint(100*i + j)
			rows = append(rows, testRow{int64(i), map[int]string{1: "host" + n, 2: n, 5: n}})
		}
		p, series := tb.batch(rows)
		steps = append(steps, func() {
			l.Add(p, series, int64(i))
			d.Add(p, series, int64(i))
			if i%3 == 0 {
				l.Evict(int64(i))
				d.Evict(int64(i))
			}
		})
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				b := l.Read(cols(1, 2, 5, 0), nil, 0)
				names, times := b.Cols[0].Strings, b.Cols[3].Ints
				for i := range b.Len {
					if n := b.Cols[1].Strings[i]; b.Cols[0].Strings[i] != "host"+n || fmt.Sprint(b.Cols[2].Ints[i]) != n {
						t.Errorf("a row of two keys: %q", show(b)[i])
						return
					}
				}
				for i := range b.Len {
					if i > 0 && (names[i] < names[i-1] || names[i] == names[i-1] && times[i] >= times[i-1]) {
						t.Errorf("%s at %d comes after %s at %d", names[i], times[i], names[i-1], times[i-1])
						return
					}
				}
				names = d.Read(cols(1), nil, 0).Cols[0].Strings
				if !slices.IsSorted(names) || len(slices.Compact(names)) != len(names) {
					t.Error("not sorted, or a combination twice")
					return
				}
				l.Read(cols(1, 5), []Match{{Key: 0, Texts: []string{"host150"}}}, 0)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for _, step := range steps {
		step()
	}
	close(done)
	wg.Wait()
}

// TestEvictionWhileReading renumbers the entries in the middle of a read, which
// goes on behind the last key that it saw.
func TestEvictionWhileReading(t *testing.T) {
	d := NewDistinct(NewBudget(1<<30), DistinctOptions{Columns: cols(1), MaxCardinality: 1000, MaxAge: 10})
	var rows []testRow
	for i := range 100 {
		at := int64(1)
		if i%3 == 0 {
			at = 100
		}
		rows = append(rows, testRow{at, map[int]string{1: fmt.Sprintf("host%02d", i)}})
	}
	tb := &table{map[string]uint32{}}
	p, series := tb.batch(rows)
	d.Add(p, series, 5)
	var got []string
	done := make(chan struct{})
	d.each(d.selection(nil), func(_ uint32, key []byte) int {
		got = append(got, string(decodeText(key)))
		if len(got) != 50 {
			return 1
		}
		go func() {
			defer close(done)
			d.Evict(100)
		}()
		for d.mu.TryRLock() { // until the pass waits for the lock
			d.mu.RUnlock()
		}
		return chunkRows // lets it in
	})
	<-done
	var want []string
	for i := range 100 {
		if i < 50 || i%3 == 0 {
			want = append(want, fmt.Sprintf("host%02d", i))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestForget deletes rows by time and series, under keys that tell series apart
// and keys that do not.
func TestForget(t *testing.T) {
	for name, c := range map[string]struct {
		keys []Column
		want []string // host, time
	}{
		"whole":  {cols(1, 2), []string{"a|4", "a|1", "b|4", "b|3", "b|2", "b|1"}},
		"shared": {cols(2), []string{"b|4", "a|1"}},
		"field":  {cols(4), []string{"a|4", "a|1"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLast(NewBudget(1<<20), LastOptions{Keys: c.keys, All: true, Count: 4, TTL: 100})
			tb := &table{map[string]uint32{}}
			for i := range int64(4) {
				for _, host := range []string{"a", "b"} {
					if name == "shared" && host == "b" && i < 3 {
						continue // two series, one key
					}
					if name == "field" && host == "b" {
						continue
					}
					at := i + 1
					if name == "shared" && host == "a" && i == 3 {
						continue
					}
					p, series := tb.batch([]testRow{{at, map[int]string{1: host, 2: "az", 4: "text"}}})
					l.Add(p, series, at)
				}
			}
			a := tb.series[`1="a" 2="az" `]
			l.Forget(2, 9, 4, func(series uint32) bool { return series == a }, nil) // not what came at 4
			got := show(l.Read(cols(1, 0), nil, 4))
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			before := l.Stats().Rows
			p, series := tb.batch([]testRow{{5, map[int]string{1: "a", 2: "az", 4: "text"}}})
			l.Add(p, series, 5)
			if n := l.Stats().Rows; n != before+1 || l.Stats().Bytes != l.measure() {
				t.Errorf("%d rows after %d and one more", n, before)
			}
			l.Forget(0, 9, 100, func(uint32) bool { return true }, nil)
			if n := l.Stats().Rows; n != 0 {
				t.Errorf("%d rows after all were deleted", n)
			}
		})
	}
}

// TestOrderOfRows checks that rows come key by key, newest first, in the order
// of the key's values.
func TestOrderOfRows(t *testing.T) {
	l := NewLast(NewBudget(1<<30), LastOptions{Keys: cols(5), Values: cols(4), Count: 2, TTL: 10})
	tb := &table{map[string]uint32{}}
	for time := range int64(3) {
		p, series := tb.batch([]testRow{
			{time, map[int]string{5: "3", 4: "c"}}, {time, map[int]string{5: "-2", 4: "a"}}, {time, map[int]string{5: "0", 4: "b"}}})
		l.Add(p, series, time)
	}
	want := []string{"-2|2|a", "-2|1|a", "0|2|b", "0|1|b", "3|2|c", "3|1|c"}
	if got := show(l.Read(cols(5, 0, 4), nil, 3)); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
