package expr

import (
	bytewise "encoding/binary"
	"math"

	"tarn/store/column"
)

// AppendKey appends bytes that say which value row i of a vector is: two rows
// of vectors of one type have the same bytes exactly when they are not
// distinct. Nulls are equal, as both zeros and all NaNs are; the coding of
// text does not matter. Values of fixed size take 1 or 9 bytes.
func AppendKey(dst []byte, v *column.Vector, i int) []byte {
	if v.IsNull(i) {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	word := func(w uint64) []byte { return bytewise.LittleEndian.AppendUint64(dst, w) }
	switch v.Type.Kind {
	case column.Bool:
		return append(dst, byte(boolIndex(v.Bools[i])))
	case column.Uint64:
		return word(v.Uints[i])
	case column.Float64:
		switch f := v.Floats[i]; {
		case f == 0:
			return word(0)
		case f != f:
			return word(math.Float64bits(math.NaN()))
		default:
			return word(math.Float64bits(f))
		}
	case column.String, column.Dict:
		s := v.Text(i)
		return append(bytewise.AppendUvarint(dst, uint64(len(s))), s...)
	case column.IntervalKind:
		iv := v.Intervals[i]
		dst = bytewise.LittleEndian.AppendUint64(dst, uint64(uint32(iv.Months))<<32|uint64(uint32(iv.Days)))
		return word(uint64(iv.Nanos))
	case column.Struct:
		for _, c := range v.Children {
			dst = AppendKey(dst, c, i)
		}
		return dst
	case column.List:
		from, to := v.Offsets[i], v.Offsets[i+1]
		dst = bytewise.AppendUvarint(dst, uint64(to-from))
		for k := from; k < to; k++ {
			dst = AppendKey(dst, v.Children[0], int(k))
		}
		return dst
	}
	return word(uint64(v.Ints[i]))
}
