package otlp

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"tarn/edge/ingest/piped"
)

// exponentialBuckets are the counts of one side of an exponential histogram:
// of bucket i are values in (base^(offset+i), base^(offset+i+1)].
type exponentialBuckets struct {
	offset int
	counts []uint64
}

func readBuckets(b []byte) (e exponentialBuckets, err error) {
	err = piped.Fields(b, func(n protowire.Number, f piped.Wire) error {
		switch {
		case n == 1 && f.Type == protowire.VarintType:
			e.offset = int(int32(protowire.DecodeZigZag(f.Number)))
		case n == 2 && f.Type == protowire.VarintType:
			return e.add(f.Number)
		case n == 2 && f.Type == protowire.BytesType:
			for b := f.Bytes; len(b) > 0; {
				v, size := protowire.ConsumeVarint(b)
				if size < 0 {
					return piped.ErrWire
				}
				b = b[size:]
				if err := e.add(v); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return e, err
}

func (e *exponentialBuckets) add(count uint64) error {
	if len(e.counts) == maxBuckets {
		return fmt.Errorf("an exponential histogram of more than %d buckets", maxBuckets)
	}
	e.counts = append(e.counts, count)
	return nil
}

// exponential writes an exponential histogram as a classic one, which upstream
// drops without a word: le is the upper bound of each bucket that has a count.
func (m *metricWriter) exponential(b []byte) error {
	var d distribution
	var scale int32
	var zero uint64
	var threshold float64
	var positive, negative exponentialBuckets
	err := piped.Fields(b, func(n protowire.Number, f piped.Wire) (err error) {
		switch {
		case n == 6 && f.Type == protowire.VarintType:
			scale = int32(protowire.DecodeZigZag(f.Number))
		case n == 7 && f.Type == protowire.Fixed64Type:
			zero = f.Number
		case n == 8 && f.Type == protowire.BytesType:
			positive, err = readBuckets(f.Bytes)
		case n == 9 && f.Type == protowire.BytesType:
			negative, err = readBuckets(f.Bytes)
		case n == 14 && f.Type == protowire.Fixed64Type:
			threshold = math.Float64frombits(f.Number)
		default:
			d.read(n, f, 10)
		}
		return err
	})
	switch {
	case err != nil || d.flags&noValue != 0:
		return err
	case scale < -10 || scale > 20:
		return fmt.Errorf("an exponential histogram of scale %d; it must be from -10 to 20", scale)
	}
	if err := m.fits(&d, true, "_bucket", "le"); err != nil {
		return err
	}
	// base^index is 2^(index * 2^-scale).
	power := func(index int) float64 { return math.Exp2(float64(index) * math.Exp2(-float64(scale))) }
	total := uint64(0)
	bucket := func(bound float64, n uint64) error {
		if total += n; n == 0 {
			return nil
		}
		return m.withTag("le", bound, func() error { return m.put("_bucket", d.ns, float64(total)) })
	}
	for i := len(negative.counts) - 1; i >= 0; i-- {
		if err := bucket(-power(negative.offset+i), negative.counts[i]); err != nil {
			return err
		}
	}
	if err := bucket(threshold, zero); err != nil {
		return err
	}
	for i, n := range positive.counts {
		if bound := power(positive.offset + i + 1); !math.IsInf(bound, 1) {
			if err := bucket(bound, n); err != nil {
				return err
			}
		} else {
			total += n
		}
	}
	if err := m.withTag("le", math.Inf(1), func() error { return m.put("_bucket", d.ns, float64(max(total, d.count))) }); err != nil {
		return err
	}
	return m.putTotals(&d)
}
