package spill

import (
	"encoding/binary"
	"math"

	"tarn/store/column"
)

// decoder takes a block apart. What it reads was checked by a sum: a block that
// does not fit is a broken invariant or a machine that forgets, and no more
// than an error.
type decoder struct {
	left  []byte
	dicts []*column.Dictionary
	bad   bool
}

func (d *decoder) batch(b *column.Batch, types []column.Type) error {
	rows, cols := d.uvarint(), d.uvarint()
	if d.bad || cols != len(types) || rows > maxBlock {
		return errDamaged
	}
	for len(b.Cols) < cols {
		b.Cols = append(b.Cols, &column.Vector{})
	}
	b.Cols, b.Len = b.Cols[:cols], rows
	for i, v := range b.Cols {
		d.column(v, types[i], rows)
	}
	if d.bad || len(d.left) != 0 {
		return errDamaged
	}
	return nil
}

func (d *decoder) uvarint() int {
	n, k := binary.Uvarint(d.left)
	if k <= 0 || n > math.MaxInt32 {
		d.bad = true
		return 0
	}
	d.left = d.left[k:]
	return int(n)
}

// take returns the next n bytes, or zeros when there are not so many.
func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.left) {
		d.bad = true
		return nil
	}
	out := d.left[:n]
	d.left = d.left[n:]
	return out
}

// column fills v with n rows; t is its type unless the rows are of another
// kind.
func (d *decoder) column(v *column.Vector, t column.Type, n int) {
	head := d.take(2)
	if d.bad {
		return
	}
	if k := column.Kind(head[0]); k != t.Kind {
		t = column.Of(k)
	}
	if t.Nested == nil && (t.Kind == column.Struct || t.Kind == column.List) {
		d.bad = true
		return
	}
	v.Reset(t)
	var nulls []byte
	if head[1] != 0 {
		nulls = d.take((n + 7) / 8)
	}
	if d.bad {
		return
	}
	for i := range n {
		if nulls != nil && nulls[i>>3]>>(i&7)&1 != 0 {
			v.Nulls.Set(i)
		}
	}
	d.values(v, n)
}

func (d *decoder) values(v *column.Vector, n int) {
	switch v.Type.Kind {
	case column.Null:
	case column.Bool:
		for _, x := range d.take(n) {
			v.Bools = append(v.Bools, x != 0)
		}
	case column.Uint64:
		for b := d.take(8 * n); len(b) > 0; b = b[8:] {
			v.Uints = append(v.Uints, binary.LittleEndian.Uint64(b))
		}
	case column.Float64:
		for b := d.take(8 * n); len(b) > 0; b = b[8:] {
			v.Floats = append(v.Floats, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	case column.String:
		d.texts(v, n)
	case column.Dict:
		number := d.uvarint()
		if d.bad || number >= len(d.dicts) {
			d.bad = true
			return
		}
		v.Dict = d.dicts[number]
		for b := d.take(4 * n); len(b) > 0; b = b[4:] {
			v.Codes = append(v.Codes, binary.LittleEndian.Uint32(b))
		}
	case column.IntervalKind:
		for b := d.take(16 * n); len(b) > 0; b = b[16:] {
			v.Intervals = append(v.Intervals, column.Interval{Months: int32(binary.LittleEndian.Uint32(b)),
				Days: int32(binary.LittleEndian.Uint32(b[4:])), Nanos: int64(binary.LittleEndian.Uint64(b[8:]))})
		}
	case column.Struct:
		for i, c := range v.Children {
			d.column(c, v.Type.Nested.Types[i], n)
		}
	case column.List:
		for b := d.take(4 * n); len(b) > 0; b = b[4:] {
			v.Offsets = append(v.Offsets, int32(binary.LittleEndian.Uint32(b)))
		}
		if !d.bad {
			d.column(v.Children[0], v.Type.Nested.Types[0], int(v.Offsets[n]))
		}
	default:
		for b := d.take(8 * n); len(b) > 0; b = b[8:] {
			v.Ints = append(v.Ints, int64(binary.LittleEndian.Uint64(b)))
		}
	}
	v.Len = n
}

// texts reads n texts, which share one string.
func (d *decoder) texts(v *column.Vector, n int) {
	total := 0
	lengths := make([]int32, 0, n)
	for range n {
		l := d.uvarint()
		total += l
		lengths = append(lengths, int32(l))
	}
	if d.bad || total > len(d.left) {
		d.bad = true
		return
	}
	all := string(d.take(total))
	for _, l := range lengths {
		v.Strings = append(v.Strings, all[:l])
		all = all[l:]
	}
}
