package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/vfs"
)

// benchHosts, benchRows and benchFields are the shape of one write: hosts of
// ten whole numbers that walk at random, as in TSBS.
const benchHosts, benchRows, benchFields = 20, 200, 10

// benchStore has no rows; nothing of it happens by itself.
func benchStore(b *testing.B) *Store {
	now := func() time.Time { return time.Unix(1_767_600_000, 0) }
	s, err := Open(context.Background(), Options{FS: vfs.NewMem(), Dir: "data", CatalogPath: filepath.Join(b.TempDir(), "catalog.db"), WALSyncRate: 1e6,
		RetentionInterval: time.Hour, CompactInterval: -1, CompactRate: -1, Now: now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

// benchWrite writes the k-th part of the rows.
func benchWrite(b *testing.B, s *Store, k int) {
	r := rand.New(rand.NewPCG(uint64(k), 1))
	batch := points.NewBatch()
	t := batch.Table([]byte("cpu"))
	for h := range benchHosts {
		tags := []points.Tag{{Key: []byte("host"), Value: fmt.Appendf(nil, "host_%d", h)}, {Key: []byte("region"), Value: []byte("eu")}}
		series := t.AddSeries(nil, tags)
		var last [benchFields]float64
		for f := range last {
			last[f] = r.Float64() * 100
		}
		for i := range benchRows {
			row := t.AddRow(series, 1_767_225_600e9+int64(k*benchRows+i)*10e9)
			for f := range last {
				last[f] = min(max(last[f]+r.NormFloat64(), 0), 100)
				t.Fields[t.Field(fmt.Append(nil, "usage_", f), column.Int64)].Set(row, uint64(int64(last[f])))
			}
		}
	}
	if err := s.Write(context.Background(), "d", batch, WriteOptions{NoSync: true}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFlush writes buffers to files, as checkpoints do, but does not make
// them durable.
func BenchmarkFlush(b *testing.B) {
	s, ctx := benchStore(b), context.Background()
	const writes = 8
	for k := range writes {
		benchWrite(b, s, k)
	}
	c, err := s.freeze(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		wet, err := s.flush(ctx, c.tables[0], nil)
		if err != nil || len(wet) == 0 {
			b.Fatal(len(wet), err)
		}
		s.abandon(wet)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(writes*benchHosts*benchRows*benchFields), "ns/value")
}

// BenchmarkFlushFarApart is BenchmarkFlush of a block of which one row is of 1970.
func BenchmarkFlushFarApart(b *testing.B) {
	s, ctx := benchStore(b), context.Background()
	benchWrite(b, s, 0)
	batch := points.NewBatch()
	t := batch.Table([]byte("cpu"))
	t.Fields[t.Field([]byte("usage_0"), column.Int64)].Set(t.AddRow(t.AddSeries(nil, nil), 0), 1)
	if err := s.Write(ctx, "d", batch, WriteOptions{NoSync: true}); err != nil {
		b.Fatal(err)
	}
	c, err := s.freeze(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		wet, err := s.flush(ctx, c.tables[0], nil)
		if err != nil || len(wet) != 2 {
			b.Fatal(len(wet), err)
		}
		s.abandon(wet)
	}
}

// BenchmarkCompact merges eight files whose rows follow each other.
func BenchmarkCompact(b *testing.B) {
	s, ctx := benchStore(b), context.Background()
	const writes = 8
	for k := range writes {
		benchWrite(b, s, k)
		if err := s.Checkpoint(ctx); err != nil {
			b.Fatal(err)
		}
	}
	c, ok := s.chooseCompaction()
	if !ok || len(c.inputs) != writes {
		b.Fatalf("%d files to compact", len(c.inputs))
	}
	b.ReportAllocs()
	for b.Loop() {
		files, rows, err := s.rewrite(ctx, c)
		if err != nil || rows != writes*benchHosts*benchRows {
			b.Fatal(rows, err)
		}
		s.discard(files)
	}
	b.StopTimer()
	for _, f := range c.inputs {
		f.release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(writes*benchHosts*benchRows*benchFields), "ns/value")
}
