package points

import (
	"encoding/binary"
	"fmt"
	"math"

	"tarn/store/buffer/codec"
	"tarn/store/column"
)

// Decode makes b, which it empties first, the batch that Encode turned into
// payload, and returns the database that it is for. The rows are grouped by
// series and the fields padded. On error, which wraps ErrCorrupt, the contents
// of b are undefined until its next Reset.
func Decode(payload []byte, b *Batch) (databaseID uint32, databaseName string, err error) {
	b.Reset()
	d := &b.dec
	if err := d.open(payload); err != nil {
		return 0, "", fmt.Errorf("decode a batch: %w", err)
	}
	id := d.number()
	if id > math.MaxUint32 {
		d.fail()
	}
	databaseName = string(d.name())
	for i := range d.count() {
		d.table(b, i)
		if d.bad {
			break
		}
	}
	if d.bad {
		return 0, "", fmt.Errorf("decode a batch: %w", ErrCorrupt)
	}
	if n := len(d.numbers) + len(d.text) + len(d.raw); n > 0 {
		return 0, "", fmt.Errorf("decode a batch: %w: %d bytes of streams too many", ErrCorrupt, n)
	}
	return uint32(id), databaseName, nil
}

func (d *decoder) table(b *Batch, index int) {
	id := d.number()
	t := b.Table(d.name())
	if t.index != index || len(b.Tables) != index+1 || id > math.MaxUint32 {
		d.fail() // a name that came before
		return
	}
	t.ID = uint32(id)
	for i := range d.count() {
		t.TagIDs = append(t.TagIDs, d.id())
		if name := d.name(); t.tag(name, i) != i || d.bad {
			d.fail()
			return
		}
	}
	series := d.count()
	for s := range series {
		d.series(t, b)
		if d.bad || t.NumSeries() != s+1 {
			d.fail()
			return
		}
	}
	// Each row takes a number: its time.
	for s := range series {
		rows := d.number()
		if rows > uint64(len(d.numbers)-len(t.Series)) {
			d.fail()
			return
		}
		for range rows {
			t.Series = append(t.Series, uint32(s))
		}
	}
	d.times(t)
	for i := range d.count() {
		d.field(t, i)
		if d.bad {
			return
		}
	}
}

func (d *decoder) series(t *Table, b *Batch) {
	head := d.number()
	tags := head >> 1
	if tags > uint64(len(t.Tags)) {
		d.fail()
		return
	}
	b.canon = b.canon[:0]
	last := -1
	for i := range int(tags) {
		tag := i
		if head&1 == 0 {
			tag = d.id()
		}
		value := d.name()
		if tag <= last || tag >= len(t.Tags) || len(value) == 0 {
			d.fail()
			return
		}
		last = tag
		b.canon = AppendTag(b.canon, tag, value)
	}
	t.AddKey(b.canon, Hash(b.canon))
}

func (d *decoder) times(t *Table) {
	var first, last, step int64
	for i := range t.Series {
		u := int64(unzigzag(d.number()))
		if i > 0 && t.Series[i] == t.Series[i-1] {
			step += u
			last += step
		} else {
			first += u
			last = first
		}
		t.Times = append(t.Times, last)
	}
}

func (d *decoder) field(t *Table, index int) {
	id, name, kind := d.id(), d.name(), d.number()
	switch column.Kind(kind) {
	case column.Bool, column.Int64, column.Uint64, column.Float64, column.String, column.Timestamp:
	default:
		d.fail()
	}
	if d.bad || kind > math.MaxUint8 || t.Field(name, column.Kind(kind)) != index {
		d.fail()
		return
	}
	f := t.Fields[index]
	f.ID = id
	rows := len(t.Times)
	if d.number() != 0 {
		d.bitmap(&f.Nulls, rows)
	}
	// Nulls take no space in the streams, but at least a bit each in raw, so
	// that memory is bounded by them.
	for range rows {
		f.Bits = append(f.Bits, 0)
	}
	switch f.Kind {
	case column.Bool:
		d.bools(f)
	case column.String:
		d.strings(f)
	case column.Float64:
		switch e := d.number(); {
		case e == 0:
			d.floats(f)
		case e-1 > codec.MaxExponent:
			d.fail()
		default:
			d.decimals(f, int(e-1))
		}
	default:
		d.ints(f)
	}
}

func (d *decoder) bitmap(b *column.Bitmap, n int) {
	for i, v := range d.take(&d.raw, uint64(n+7)/8) {
		if i&7 == 0 {
			*b = append(*b, 0)
		}
		if rest := n - 8*i; rest < 8 {
			v &= 1<<uint(rest) - 1
		}
		(*b)[i>>3] |= uint64(v) << (8 * uint(i&7))
	}
}

func (d *decoder) ints(f *Field) {
	last := uint64(0)
	for i := range f.Bits {
		if f.Nulls.Get(i) {
			continue
		}
		last += unzigzag(d.number())
		f.Bits[i] = last
	}
}

func (d *decoder) bools(f *Field) {
	n := uint64(len(f.Bits) - f.Nulls.Count(len(f.Bits)))
	packed := d.take(&d.raw, (n+7)/8)
	if d.bad {
		return
	}
	k := uint(0)
	for i := range f.Bits {
		if !f.Nulls.Get(i) {
			f.Bits[i] = uint64(packed[k>>3] >> (k & 7) & 1)
			k++
		}
	}
}

func (d *decoder) strings(f *Field) {
	last, any := uint64(0), false
	for i := range f.Bits {
		if f.Nulls.Get(i) {
			continue
		}
		n := d.number()
		if n == 1 && any { // shares the text
			f.Bits[i] = last
			continue
		}
		text := d.take(&d.text, n>>1)
		if n&1 != 0 || d.bad {
			d.fail()
			return
		}
		last, any = uint64(len(f.Data))<<32|uint64(len(text)), true
		f.Bits[i] = last
		f.Data = append(f.Data, text...)
	}
}

func (d *decoder) decimals(f *Field, exponent int) {
	last := uint64(0)
	for i := range f.Bits {
		if f.Nulls.Get(i) {
			continue
		}
		last += unzigzag(d.number())
		f.Bits[i] = math.Float64bits(codec.Float(int64(last), exponent))
	}
}

func (d *decoder) floats(f *Field) {
	last := uint64(0)
	for i := range f.Bits {
		if f.Nulls.Get(i) {
			continue
		}
		n := d.number()
		if n > 8 {
			d.fail()
			return
		}
		var word [8]byte
		copy(word[:], d.take(&d.raw, n))
		last ^= binary.LittleEndian.Uint64(word[:])
		f.Bits[i] = last
	}
}
