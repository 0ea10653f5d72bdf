package segment

import (
	"encoding/binary"
	"math"

	"tarn/store/column"
)

// lessOf compares statistics of a kind's columns.
func lessOf(k column.Kind) less {
	switch k {
	case column.Int64, column.Timestamp:
		return lessInt
	case column.Uint64:
		return func(a, b []byte) bool { return binary.LittleEndian.Uint64(a) < binary.LittleEndian.Uint64(b) }
	case column.Float64:
		return func(a, b []byte) bool { return floatOf(a) < floatOf(b) }
	}
	return lessText
}

func lessInt(a, b []byte) bool {
	return int64(binary.LittleEndian.Uint64(a)) < int64(binary.LittleEndian.Uint64(b))
}

func floatOf(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }

// boundBits are the bits of a statistic as merge.Stats has them; ok is false
// for kinds that have none there.
func boundBits(k column.Kind, b []byte) (bits uint64, ok bool) {
	switch k {
	case column.Int64, column.Timestamp, column.Uint64, column.Float64:
		if len(b) == 8 {
			return binary.LittleEndian.Uint64(b), true
		}
	case column.Bool:
		if len(b) == 1 {
			return uint64(b[0] & 1), true
		}
	}
	return 0, false
}
