package spill

import (
	"encoding/binary"
	"math"

	"tarn/store/column"
)

// dictionaries are those of a file's columns of codes. They are shared with the
// rest of the query and stay in memory: the file has the codes alone.
type dictionaries struct{ all []*column.Dictionary }

// maxDictionaries bounds how many a file refers to: dictionaries that somebody
// makes for each batch are not kept alive, their texts are written instead.
const maxDictionaries = 64

// number finds a dictionary's number; ok is false when there are too many.
func (d *dictionaries) number(dict *column.Dictionary) (n int, ok bool) {
	for i, o := range d.all {
		if o == dict {
			return i, true
		}
	}
	if len(d.all) == maxDictionaries {
		return 0, false
	}
	d.all = append(d.all, dict)
	return len(d.all) - 1, true
}

// A block's rows are encoded as
//
//	uvarint  number of rows
//	uvarint  number of columns
//	         each column
//
// and a column as its kind and, when it has a row that is null, 1 and a bit for
// each row, otherwise 0; then the values, those of null rows too. Texts are all
// lengths and then all characters; lists are their ends and then the elements,
// of which there are as many as the last end says.

func (d *dictionaries) encode(dst []byte, b *column.Batch, from, to int) []byte {
	dst = binary.AppendUvarint(dst, uint64(to-from))
	dst = binary.AppendUvarint(dst, uint64(len(b.Cols)))
	for _, v := range b.Cols {
		dst = d.column(dst, v, from, to)
	}
	return dst
}

func (d *dictionaries) column(dst []byte, v *column.Vector, from, to int) []byte {
	kind, dict := v.Type.Kind, 0
	if kind == column.Dict {
		ok := v.Dict != nil
		if ok {
			dict, ok = d.number(v.Dict)
		}
		if !ok {
			kind = column.String
		}
	}
	dst = append(dst, byte(kind))
	dst = appendNulls(dst, v, from, to)
	switch kind {
	case column.Null:
	case column.Bool:
		for _, x := range v.Bools[from:to] {
			if x {
				dst = append(dst, 1)
			} else {
				dst = append(dst, 0)
			}
		}
	case column.Uint64:
		for _, x := range v.Uints[from:to] {
			dst = binary.LittleEndian.AppendUint64(dst, x)
		}
	case column.Float64:
		for _, x := range v.Floats[from:to] {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(x))
		}
	case column.String:
		for i := from; i < to; i++ {
			dst = binary.AppendUvarint(dst, uint64(len(textOrEmpty(v, i))))
		}
		for i := from; i < to; i++ {
			dst = append(dst, textOrEmpty(v, i)...)
		}
	case column.Dict:
		dst = binary.AppendUvarint(dst, uint64(dict))
		for _, c := range v.Codes[from:to] {
			dst = binary.LittleEndian.AppendUint32(dst, c)
		}
	case column.IntervalKind:
		for _, x := range v.Intervals[from:to] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(x.Months))
			dst = binary.LittleEndian.AppendUint32(dst, uint32(x.Days))
			dst = binary.LittleEndian.AppendUint64(dst, uint64(x.Nanos))
		}
	case column.Struct:
		for _, c := range v.Children {
			dst = d.column(dst, c, from, to)
		}
	case column.List:
		lo, hi := v.Offsets[from], v.Offsets[to]
		for _, o := range v.Offsets[from+1 : to+1] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(o-lo))
		}
		dst = d.column(dst, v.Children[0], int(lo), int(hi))
	default:
		for _, x := range v.Ints[from:to] {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(x))
		}
	}
	return dst
}

func appendNulls(dst []byte, v *column.Vector, from, to int) []byte {
	flag := len(dst)
	dst = append(dst, 0)
	if v.Type.Kind == column.Null || len(v.Nulls) == 0 {
		return dst
	}
	dst = append(dst, make([]byte, (to-from+7)/8)...)
	bits := dst[flag+1:]
	for i := from; i < to; i++ {
		if v.Nulls.Get(i) {
			bits[(i-from)>>3] |= 1 << ((i - from) & 7)
			dst[flag] = 1
		}
	}
	if dst[flag] == 0 {
		dst = dst[:flag+1]
	}
	return dst
}

// textOrEmpty is a row's text; a null's code may point nowhere.
func textOrEmpty(v *column.Vector, i int) string {
	if v.IsNull(i) {
		return ""
	}
	return v.Text(i)
}
