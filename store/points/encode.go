package points

import (
	"encoding/binary"
	"math"
	"math/bits"

	"tarn/store/buffer/codec"
	"tarn/store/column"
)

// Contents of the streams, n: numbers, t: text, r: raw:
//
//	database   n ID, n length, t name
//	           n tables
//	table      n ID, n length, t name
//	           n tags,   for each: n ID, n length, t name
//	           n series, for each: n 2 * tags + 1 if their indexes are 0, 1, 2 ...
//	                                 for each: [n index,] n length, t value
//	           n rows of each series
//	           n for each row: time as zigzag of the change of the difference to
//	             the row before; for a series's first row, to the first row of
//	             the series before
//	           n fields
//	field      n ID, n length, t name, n kind, n 1 if there are nulls
//	           r null bitmap, least significant bit first
//	           for each value that is not null, by kind:
//	             integers  n zigzag of the difference to the value before
//	             booleans  r bitmap of all
//	             strings   n 2 * length, t text; n 1 if same as the value before
//	             floats    n 1 + exponent: n values * 10^exponent like integers;
//	                       n 0: n size, r that many low bytes of the XOR with the
//	                       value before, least significant first
//
// Zigzag maps small numbers of either sign to small unsigned ones.

// Encode appends the batch to dst as the WAL's payload of one write: with all
// that Decode needs to rebuild it on its own. The caller has set the tables',
// tags' and fields' IDs and grouped the rows with SortBySeries.
func (b *Batch) Encode(dst []byte, databaseID uint32, databaseName string) []byte {
	e := &b.enc
	e.reset()
	e.number(uint64(databaseID))
	e.name(databaseName)
	e.number(uint64(len(b.Tables)))
	for _, t := range b.Tables {
		e.table(t)
	}
	return e.appendStreams(dst)
}

func (e *encoder) table(t *Table) {
	e.number(uint64(t.ID))
	e.name(t.Name)
	e.number(uint64(len(t.Tags)))
	for i, name := range t.Tags {
		e.number(uint64(t.TagIDs[i]))
		e.name(name)
	}
	e.number(uint64(t.NumSeries()))
	for s := range t.NumSeries() {
		e.series(t.SeriesKey(uint32(s)))
	}
	row := 0
	for s := range t.NumSeries() {
		from := row
		for row < len(t.Series) && t.Series[row] == uint32(s) {
			row++
		}
		e.number(uint64(row - from))
	}
	if row != len(t.Series) {
		panic("BUG: encoding rows that are not grouped by series")
	}
	e.times(t)
	e.number(uint64(len(t.Fields)))
	for _, f := range t.Fields {
		e.field(f, len(t.Times))
	}
}

func (e *encoder) series(key []byte) {
	if e.shortSeries(key) {
		return
	}
	tags, inOrder := 0, true
	for k := key; len(k) > 0; tags++ {
		tag, n := binary.Uvarint(k)
		inOrder = inOrder && tag == uint64(tags)
		size, m := binary.Uvarint(k[n:])
		k = k[n+m+int(size):]
	}
	head := uint64(tags) << 1
	if inOrder {
		head |= 1
	}
	e.number(head)
	for len(key) > 0 {
		tag, n := binary.Uvarint(key)
		size, m := binary.Uvarint(key[n:])
		key = key[n+m:]
		if !inOrder {
			e.number(tag)
		}
		e.number(size)
		e.text = append(e.text, key[:size]...)
		key = key[size:]
	}
}

// shortSeries is series for nearly every series, in one pass: one that has the
// table's first tags, with values of less than 128 bytes.
func (e *encoder) shortSeries(key []byte) bool {
	numbers, text := append(e.numbers, 0), e.text
	head, tag := len(e.numbers), 0
	for len(key) > 0 {
		if len(key) < 2 || int(key[0]) != tag || tag >= 1<<6-1 || key[1] >= 0x80 {
			return false
		}
		end := 2 + int(key[1])
		numbers = append(numbers, key[1])
		text = append(text, key[2:end]...)
		key = key[end:]
		tag++
	}
	numbers[head] = byte(tag<<1 | 1)
	e.numbers, e.text = numbers, text
	return true
}

func (e *encoder) times(t *Table) {
	out := e.numbers
	var first, last, step int64
	for i, time := range t.Times {
		if i > 0 && t.Series[i] == t.Series[i-1] {
			// The interval of the series before is a good guess for this one's.
			out = appendZigzag(out, uint64(time-last-step))
			step = time - last
		} else {
			out = appendZigzag(out, uint64(time-first))
			first = time
		}
		last = time
	}
	e.numbers = out
}

func zigzag(v uint64) uint64 { return v<<1 ^ uint64(int64(v)>>63) }

func unzigzag(u uint64) uint64 { return u>>1 ^ -(u & 1) }

func appendZigzag(dst []byte, v uint64) []byte {
	u := zigzag(v)
	if u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.AppendUvarint(dst, u)
}

func (e *encoder) field(f *Field, rows int) {
	e.number(uint64(f.ID))
	e.name(f.Name)
	e.number(uint64(f.Kind))
	nulls := f.Nulls
	if nulls.Any(rows) {
		e.number(1)
		e.bitmap(nulls, rows)
	} else {
		e.number(0)
		nulls = nil
	}
	switch f.Kind {
	case column.Bool:
		e.bools(f.Bits, nulls)
	case column.String:
		e.strings(f, nulls)
	case column.Float64:
		if exponent, ok := exponentOf(f.Bits, nulls); ok {
			e.number(1 + uint64(exponent))
			e.decimals(f.Bits, nulls, exponent)
		} else {
			e.number(0)
			e.floats(f.Bits, nulls)
		}
	default:
		e.ints(f.Bits, nulls)
	}
}

func (e *encoder) bitmap(b column.Bitmap, n int) {
	for i := 0; i < n; i += 8 {
		v := byte(0)
		if w := i >> 6; w < len(b) {
			v = byte(b[w] >> (uint(i) & 63))
		}
		if rest := n - i; rest < 8 {
			v &= 1<<uint(rest) - 1
		}
		e.raw = append(e.raw, v)
	}
}

func (e *encoder) ints(words []uint64, nulls column.Bitmap) {
	out, last := e.numbers, uint64(0)
	for i, w := range words {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		out = appendZigzag(out, w-last)
		last = w
	}
	e.numbers = out
}

func (e *encoder) bools(words []uint64, nulls column.Bitmap) {
	v, n := byte(0), uint(0)
	for i, w := range words {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		v |= byte(w&1) << (n & 7)
		if n++; n&7 == 0 {
			e.raw = append(e.raw, v)
			v = 0
		}
	}
	if n&7 != 0 {
		e.raw = append(e.raw, v)
	}
}

func (e *encoder) strings(f *Field, nulls column.Bitmap) {
	var last []byte
	for i := range f.Bits {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		text := f.Text(i)
		if len(text) > 0 && string(text) == string(last) {
			e.number(1)
			continue
		}
		e.number(uint64(len(text)) << 1)
		e.text = append(e.text, text...)
		last = text
		if len(e.text) >= textHeld {
			e.packText()
		}
	}
}

// exponentOf returns the smallest exponent at which all floats are decimals.
func exponentOf(words []uint64, nulls column.Bitmap) (exponent int, ok bool) {
	for i, w := range words {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		v := math.Float64frombits(w)
		for {
			if _, ok := codec.Decimal(v, exponent); ok {
				break
			}
			if exponent++; exponent > codec.MaxExponent {
				return 0, false
			}
		}
	}
	// Values that were decimals at a smaller exponent may be too large for the
	// final one.
	for i, w := range words {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		if _, ok := codec.Decimal(math.Float64frombits(w), exponent); !ok {
			return 0, false
		}
	}
	return exponent, true
}

func (e *encoder) decimals(words []uint64, nulls column.Bitmap, exponent int) {
	out, last := e.numbers, int64(0)
	for i, w := range words {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		d, _ := codec.Decimal(math.Float64frombits(w), exponent)
		out = appendZigzag(out, uint64(d-last))
		last = d
	}
	e.numbers = out
}

func (e *encoder) floats(words []uint64, nulls column.Bitmap) {
	last := uint64(0)
	for i, w := range words {
		if len(nulls) > 0 && nulls.Get(i) {
			continue
		}
		x := w ^ last
		last = w
		n := (bits.Len64(x) + 7) / 8
		e.numbers = append(e.numbers, byte(n))
		for range n {
			e.raw = append(e.raw, byte(x))
			x >>= 8
		}
	}
}
