package points

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"tarn/store/buffer/codec"
	"tarn/store/column"
)

func protoBatch() *Batch {
	r := rand.New(rand.NewPCG(1, 2))
	b := NewBatch()
	t := b.Table([]byte("cpu"))
	last := make([]float64, 1000)
	for i := range last {
		last[i] = r.Float64() * 100
	}
	for row := range 5000 {
		h := row % 100
		var tags []Tag
		for k, v := range map[string]string{} {
			_, _ = k, v
		}
		add := func(k, v string) { tags = append(tags, Tag{[]byte(k), []byte(v)}) }
		rr := rand.New(rand.NewPCG(uint64(h), 2))
		reg := []string{"us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "ap-southeast-1", "sa-east-1"}[rr.IntN(6)]
		add("hostname", fmt.Sprintf("host_%d", h))
		add("region", reg)
		add("datacenter", reg+string(rune('a'+rr.IntN(3))))
		add("rack", fmt.Sprint(rr.IntN(100)))
		add("os", []string{"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"}[rr.IntN(3)])
		add("arch", []string{"x64", "x86"}[rr.IntN(2)])
		add("team", []string{"SF", "NYC", "LON", "CHI"}[rr.IntN(4)])
		add("service", fmt.Sprint(rr.IntN(20)))
		add("service_version", fmt.Sprint(rr.IntN(2)))
		add("service_environment", []string{"production", "staging", "test"}[rr.IntN(3)])
		s := t.AddSeries(nil, tags)
		t.AddRow(s, 1451606400e9+int64(row/100)*10e9)
		for i := range 10 {
			f := t.Field([]byte(fmt.Sprintf("usage_%d", i)), column.Int64)
			v := &last[10*h+i]
			*v = min(max(*v+r.NormFloat64(), 0), 100)
			t.Fields[f].Set(row, uint64(int64(*v)))
		}
	}
	t.SortBySeries()
	return b
}

func BenchmarkProto(b *testing.B) {
	batch := protoBatch()
	t := batch.Tables[0]
	zz := func(v int64) uint64 { return uint64(v<<1 ^ v>>63) }
	nums := func(dst []byte) []byte {
		for _, f := range t.Fields {
			last := uint64(0)
			for _, x := range f.Bits {
				dst = binary.AppendUvarint(dst, zz(int64(x-last)))
				last = x
			}
		}
		return dst
	}
	times := func(dst []byte) []byte {
		var last, d int64
		for i, x := range t.Times {
			if i == 0 || t.Series[i] != t.Series[i-1] {
				last, d = t.Times[0], 0
			}
			dst = binary.AppendUvarint(dst, zz(x-last-d))
			d = x - last
			last = x
		}
		return dst
	}
	pk := func(dst []byte) []byte {
		for _, f := range t.Fields {
			for v := f.Bits; len(v) > 0; {
				n := min(128, len(v))
				dst = codec.AppendInts(dst, v[:n])
				v = v[n:]
			}
		}
		return dst
	}
	rep := func(b *testing.B, n int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/50000, "ns/value")
		b.ReportMetric(float64(n)/50000, "B/value")
	}
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10), zstd.WithEncoderCRC(false))
	var buf, out []byte
	out = make([]byte, 1<<20)
	b.Run("varint", func(b *testing.B) {
		for b.Loop() {
			buf = nums(buf[:0])
		}
		rep(b, len(buf))
	})
	b.Run("varint+zstd", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			buf = nums(buf[:0])
			z = enc.EncodeAll(buf, out[:0])
		}
		rep(b, len(z))
	})
	b.Run("varint+s2", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			buf = nums(buf[:0])
			z = s2.Encode(out[:cap(out)], buf)
		}
		rep(b, len(z))
	})
	b.Run("varint+huff0", func(b *testing.B) {
		n := 0
		sc := huff0.Scratch{Out: out[:0]}
		for b.Loop() {
			buf = nums(buf[:0])
			z, _, err := huff0.Compress1X(buf, &sc)
			if err != nil {
				b.Fatal(err)
			}
			n = len(z)
		}
		rep(b, n)
	})
	b.Run("pack", func(b *testing.B) {
		for b.Loop() {
			buf = pk(buf[:0])
		}
		rep(b, len(buf))
	})
	b.Run("pack+zstd", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			buf = pk(buf[:0])
			z = enc.EncodeAll(buf, out[:0])
		}
		rep(b, len(z))
	})
	b.Run("times+zstd", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			buf = times(buf[:0])
			z = enc.EncodeAll(buf, out[:0])
		}
		rep(b, len(z))
	})
	b.Run("keys+zstd", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			z = enc.EncodeAll(t.arena, out[:0])
		}
		rep(b, len(z))
	})
	b.Run("keys+s2", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			z = s2.Encode(out[:cap(out)], t.arena)
		}
		rep(b, len(z))
	})
	b.Run("all+zstd", func(b *testing.B) {
		var z []byte
		for b.Loop() {
			buf = append(buf[:0], t.arena...)
			buf = times(buf)
			buf = nums(buf)
			z = enc.EncodeAll(buf, out[:0])
		}
		rep(b, len(z))
	})
}
