package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"testing"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/points"
)

// seen counts rows by their host and time.
type seen map[string]map[int64]int

func (s seen) add(t *testing.T, r Rows) {
	var b column.Batch
	for {
		err := r.Next(context.Background(), &b)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		for i := range b.Len {
			host := b.Cols[1].Text(i)
			if s[host] == nil {
				s[host] = map[int64]int{}
			}
			s[host][b.Cols[0].Ints[i]]++
			if want := int64(len(host)) + b.Cols[0].Ints[i]; b.Cols[2].Ints[i] != want {
				t.Errorf("host %s at %d has %d, want %d", host, b.Cols[0].Ints[i], b.Cols[2].Ints[i], want)
			}
		}
	}
}

// wide writes 150,000 rows of 40 hosts: two days apart, two portions of a third
// day that overlap, and a few rows that stay in the buffer.
func wide(t *testing.T) (*machine, ScanSpec) {
	t.Helper()
	ctx := context.Background()
	m := newMachine(t, 7)
	m.options = func(o *Options) { o.SegmentBytes, o.walSegmentBytes = 0, 0 }
	m.mustOpen()
	write := func(from int64, rows int) {
		b := points.NewBatch()
		table := b.Table([]byte("t"))
		for i := range rows {
			host := fmt.Sprintf("%0*d", 1+i%40, i%40)
			at := from + int64(i)*1e9
			n := table.AddRow(table.AddSeries(nil, []points.Tag{{Key: []byte("host"), Value: []byte(host)}}), at)
			table.Fields[table.Field([]byte("i"), column.Int64)].Set(n, uint64(int64(len(host))+at))
		}
		m.must(m.store.Write(ctx, "d", b, WriteOptions{}))
	}
	for _, day := range []int64{0, 1} {
		write(day*dayNanos, 60_000)
		m.must(m.store.Checkpoint(ctx))
	}
	for _, from := range []int64{0, 500} {
		write(2*dayNanos+from*1e9, 14_000)
		m.must(m.store.Checkpoint(ctx))
	}
	write(3*dayNanos, 2_000)
	db, _ := m.store.Database("d")
	sch, _ := db.Table("t")
	return m, ScanSpec{Database: "d", Table: sch, Columns: []int{0, 1, 2}, MinTime: MinTime, MaxTime: MaxTime}
}

// TestSplit: the parts of a scan, read at once, have the rows of the whole.
func TestSplit(t *testing.T) {
	m, spec := wide(t)
	for _, bounds := range [][2]int64{{MinTime, MaxTime}, {dayNanos / 3, 2*dayNanos + 1e12}} {
		spec.MinTime, spec.MaxTime = bounds[0], bounds[1]
		whole, err := m.store.Scan(context.Background(), spec)
		m.must(err)
		want := seen{}
		want.add(t, whole)
		m.must(whole.Close())
		for _, n := range []int{2, 3, 16} {
			r, err := m.store.Scan(context.Background(), spec)
			m.must(err)
			parts := r.(Divisible).Split(n)
			if len(parts) < 2 || len(parts) > n {
				t.Fatalf("%d parts of %d", len(parts), n)
			}
			got := make([]seen, len(parts))
			var all sync.WaitGroup
			for i, p := range parts {
				got[i] = seen{}
				all.Go(func() { got[i].add(t, p) })
			}
			all.Wait()
			sum, rows := seen{}, int64(0)
			for _, g := range got {
				for host, times := range g {
					if sum[host] == nil {
						sum[host] = map[int64]int{}
					}
					for at, k := range times {
						sum[host][at] += k
						rows += int64(k)
					}
				}
			}
			if !maps.EqualFunc(want, sum, maps.Equal) {
				t.Errorf("%d parts from %d to %d have other rows than the whole", n, spec.MinTime, spec.MaxTime)
			}
			if st := r.Stats(); st.Rows != rows || st.Series != 40 || st.RowGroups == 0 {
				t.Errorf("%d parts: %+v", n, st)
			}
			m.must(r.Close())
		}
	}
}

// TestEdge: a scan for the newest or oldest row of each series has it, and little
// more.
func TestEdge(t *testing.T) {
	m, spec := wide(t)
	spec.MinTime, spec.MaxTime = 1e12, dayNanos+5e12
	r, err := m.store.Scan(context.Background(), spec)
	m.must(err)
	all := seen{}
	all.add(t, r)
	m.must(r.Close())
	for _, edge := range []merge.Edge{merge.Newest, merge.Oldest} {
		spec.Edge = edge
		r, err := m.store.Scan(context.Background(), spec)
		m.must(err)
		got := seen{}
		got.add(t, r)
		if n := r.Stats().Rows; n != 2*40 { // one of each file
			t.Errorf("edge %d: %d rows", edge, n)
		}
		m.must(r.Close())
		for host, times := range all {
			want, first := int64(0), true
			for at := range times {
				if first || edge == merge.Newest && at > want || edge == merge.Oldest && at < want {
					want, first = at, false
				}
			}
			if got[host][want] != 1 {
				t.Errorf("edge %d: host %s lacks its row of %d", edge, host, want)
			}
		}
	}
}
