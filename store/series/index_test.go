package series

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"tarn/store/column"
	"tarn/store/points"
)

// TestIndexAgreesWithAMap resolves random series, through batches and as
// texts, while tags are added, and compares with a map from texts to numbers.
func TestIndexAgreesWithAMap(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 5))
		x := NewIndex()
		numbers := map[string]uint32{}
		var texts []string // by number
		note := func(values []string, id uint32) {
			key := strings.TrimRight(strings.Join(values, "\x00"), "\x00")
			want, ok := numbers[key]
			if !ok {
				want = uint32(len(texts))
				numbers[key], texts = want, append(texts, key)
			}
			if id != want {
				t.Fatalf("seed %d: series %q is %d, want %d", seed, values, id, want)
			}
		}
		var snapshot *Snapshot
		for step := range 200 {
			tags := 1 + step/50
			values := make([]string, tags)
			random := func() {
				for i := range values {
					values[i] = ""
					if rng.IntN(3) > 0 {
						values[i] = fmt.Sprint("v", rng.IntN(1+step/4))
					}
				}
			}
			if step%2 == 0 {
				random()
				id, err := x.Resolve(values)
				if err != nil {
					t.Fatal(err)
				}
				note(values, id)
			} else {
				// A batch names its tags in an order of its own.
				order := rng.Perm(tags)
				b := points.NewBatch()
				p := b.Table([]byte("t"))
				var rows [][]string
				ordinals := make([]int, tags)
				for range 20 {
					random()
					var key []points.Tag
					for _, o := range order {
						key = append(key, points.Tag{Key: fmt.Append(nil, o), Value: []byte(values[o])})
					}
					if int(p.AddSeries(nil, key)) == len(rows) {
						rows = append(rows, slices.Clone(values))
					}
				}
				for i, name := range p.Tags {
					if _, err := fmt.Sscan(name, &ordinals[i]); err != nil {
						t.Fatal(err)
					}
				}
				ids, err := x.ResolveBatch(nil, p, ordinals)
				if err != nil || len(ids) != len(rows) {
					t.Fatalf("%d numbers for %d series, %v", len(ids), len(rows), err)
				}
				for i, id := range ids {
					note(rows[i], id)
				}
			}
			if step%20 > 0 {
				continue
			}
			if snapshot == nil {
				snapshot = x.Snapshot(6)
			} else {
				x.Refresh(snapshot, 6)
			}
			checkSnapshot(t, x, snapshot, texts)
		}
		if x.Len() != len(texts) || x.Bytes() == 0 {
			t.Errorf("%d series, want %d", x.Len(), len(texts))
		}
	}
}

// checkSnapshot compares all values and the ranks.
func checkSnapshot(t *testing.T, x *Index, s *Snapshot, texts []string) {
	t.Helper()
	if s.N != len(texts) {
		t.Fatalf("%d series in the snapshot, want %d", s.N, len(texts))
	}
	sortable := make([]string, len(texts)) // NULL sorts last
	for id, text := range texts {
		values := strings.Split(text, "\x00")
		for o := range 6 {
			want := ""
			if o < len(values) {
				want = values[o]
			}
			got, ok := s.Value(o, uint32(id))
			v := column.NewVector(column.Of(column.Dict), 3)
			s.Fill(v, o, uint32(id), 3)
			if got != want || ok != (want != "") || v.Len != 3 || v.IsNull(2) == ok || ok && v.Text(2) != want {
				t.Fatalf("series %d, tag %d: %q %v, want %q", id, o, got, ok, want)
			}
			if want == "" {
				want = "\xff"
			}
			sortable[id] += want + "\x00"
		}
	}
	byRank := make([]string, len(texts))
	for id, r := range x.Ranks() {
		byRank[r] = sortable[id]
	}
	if !slices.IsSorted(byRank) {
		t.Fatalf("series by rank: %q", byRank)
	}
}

// TestSnapshotsDuringWrites reads snapshots and ranks while series come.
func TestSnapshotsDuringWrites(t *testing.T) {
	x := NewIndex()
	var done sync.WaitGroup
	done.Go(func() {
		for i := range 3000 {
			values := []string{fmt.Sprint("a", i), fmt.Sprint("b", i%7)}
			if i > 1500 {
				values = append(values, "c")
			}
			if id, err := x.Resolve(values); err != nil || id != uint32(i) {
				t.Errorf("series %d, want %d, %v", id, i, err)
			}
		}
	})
	for x.Len() < 3000 && !t.Failed() {
		s := x.Snapshot(3)
		for id := range uint32(s.N) {
			if v, ok := s.Value(0, id); !ok || v != fmt.Sprint("a", id) {
				t.Fatalf("series %d has %q", id, v)
			}
		}
		if n := len(x.Ranks()); n < s.N {
			t.Fatalf("%d ranks for %d series", n, s.N)
		}
	}
	done.Wait()
}

func BenchmarkResolveBatch(b *testing.B) {
	batch := points.NewBatch()
	p := batch.Table([]byte("cpu"))
	for i := range 1000 {
		p.AddSeries(nil, []points.Tag{
			{Key: []byte("hostname"), Value: fmt.Append(nil, "host_", i)}, {Key: []byte("region"), Value: []byte("eu-west-1")},
			{Key: []byte("os"), Value: []byte("Ubuntu16.04LTS")}, {Key: []byte("rack"), Value: fmt.Append(nil, i%100)},
		})
	}
	x := NewIndex()
	ordinals := []int{0, 1, 2, 3}
	ids := make([]uint32, 0, 1000)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if ids, err = x.ResolveBatch(ids[:0], p, ordinals); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/series")
}
