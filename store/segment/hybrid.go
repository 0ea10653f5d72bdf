package segment

import (
	"encoding/binary"
	"errors"

	"tarn/store/column"
)

// hybridEncoder appends Parquet's RLE/bit-packed hybrid, which codes dictionary
// indexes.
type hybridEncoder struct {
	dst     []byte
	w       uint
	literal []uint32 // not yet written, to be bit-packed
}

// minRun is the shortest run worth leaving bit-packing: the format packs
// literals in groups of 8.
const minRun = 8

// maxLiteral bounds the literals of one bit-packed run.
const maxLiteral = 63 * 32

func (e *hybridEncoder) reset(dst []byte, w uint) {
	e.dst, e.w, e.literal = dst, w, e.literal[:0]
}

// run adds n times v.
func (e *hybridEncoder) run(v uint32, n int) {
	if n >= minRun {
		k := -len(e.literal) & 7 // what completes the last group of literals
		if n-k >= minRun {
			e.push(v, k)
			e.flush()
			e.dst = binary.AppendUvarint(e.dst, uint64(n-k)<<1)
			for s := uint(0); s < e.w; s += 8 {
				e.dst = append(e.dst, byte(v>>s))
			}
			return
		}
	}
	e.push(v, n)
}

func (e *hybridEncoder) push(v uint32, n int) {
	for range n {
		if len(e.literal) == maxLiteral {
			e.flush()
		}
		e.literal = append(e.literal, v)
	}
}

// flush writes the literals; but for the last time, they are whole groups.
func (e *hybridEncoder) flush() {
	if len(e.literal) == 0 {
		return
	}
	groups := (len(e.literal) + 7) / 8
	e.dst = binary.AppendUvarint(e.dst, uint64(groups)<<1|1)
	e.dst = appendPacked(e.dst, e.literal, 0, e.w, 8*groups)
	e.literal = e.literal[:0]
}

// finish returns dst with everything added.
func (e *hybridEncoder) finish() []byte {
	e.flush()
	return e.dst
}

// values adds all values, finding the runs.
func (e *hybridEncoder) values(vs []uint32) {
	for i := 0; i < len(vs); {
		j := i + 1
		for j < len(vs) && vs[j] == vs[i] {
			j++
		}
		e.run(vs[i], j-i)
		i = j
	}
}

var errHybrid = errors.New("invalid run")

// hybridDecoder yields dictionary indexes in order.
type hybridDecoder struct {
	b     []byte // with slack behind end
	off   int
	end   int
	w     uint
	value uint32 // of the RLE run
	rle   int    // its values left
	pack  int    // values left in the bit-packed run

	ready [32]uint64
	at    int
	have  int
}

// reset starts decoding b, which has slack bytes of capacity beyond its length.
func (d *hybridDecoder) reset(b []byte, w uint) error {
	if w > 32 {
		return errHybrid
	}
	*d = hybridDecoder{b: b[: len(b)+slack : len(b)+slack], end: len(b), w: w}
	return nil
}

// read fills dst with the next indexes.
func (d *hybridDecoder) read(dst []uint32) error {
	for len(dst) > 0 {
		switch {
		case d.at < d.have:
			n := min(len(dst), d.have-d.at)
			for i, v := range d.ready[d.at : d.at+n] {
				dst[i] = uint32(v)
			}
			d.at += n
			dst = dst[n:]
		case d.rle > 0:
			n := min(len(dst), d.rle)
			for i := range dst[:n] {
				dst[i] = d.value
			}
			d.rle -= n
			dst = dst[n:]
		case d.pack >= 32 && len(dst) >= 32 && d.w <= maxNarrow && d.end-d.off >= int(4*d.w):
			unpackNarrow((*[32]uint32)(dst), d.b[d.off:], d.w)
			d.off += int(4 * d.w)
			d.pack -= 32
			dst = dst[32:]
		case d.pack > 0:
			n := min(32, d.pack)
			size := n / 8 * int(d.w)
			if d.end-d.off < size {
				return errShort
			}
			if d.end-d.off >= int(4*d.w) {
				unpack(&d.ready, d.b[d.off:], d.w)
			} else { // the last groups: fewer than 32 values are there
				tail := make([]byte, 4*d.w+slack)
				copy(tail, d.b[d.off:d.end])
				unpack(&d.ready, tail, d.w)
			}
			d.off += size
			d.pack -= n
			d.at, d.have = 0, n
		default:
			if err := d.nextRun(); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip passes over n indexes.
func (d *hybridDecoder) skip(n int) error {
	var sink [256]uint32
	for n > 0 {
		if d.at == d.have && d.rle > 0 {
			k := min(n, d.rle)
			d.rle -= k
			n -= k
			continue
		}
		k := min(n, len(sink))
		if err := d.read(sink[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

func (d *hybridDecoder) nextRun() error {
	head, k := binary.Uvarint(d.b[d.off:d.end])
	if k <= 0 {
		return errShort
	}
	d.off += k
	n := head >> 1
	if n == 0 || n > 1<<28 {
		return errHybrid
	}
	if head&1 != 0 {
		d.pack = int(n) * 8
		return nil
	}
	size := int(d.w+7) / 8
	if d.end-d.off < size {
		return errShort
	}
	d.value = 0
	for i, c := range d.b[d.off : d.off+size] {
		d.value |= uint32(c) << (8 * i)
	}
	d.off += size
	d.rle = int(n)
	return nil
}

// appendLevels appends the definition levels of rows rows: the hybrid of width
// 1 of which rows are not null, with its length before it.
func appendLevels(dst []byte, nulls column.Bitmap, rows int) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	word := func(i int) uint64 {
		if i < len(nulls) {
			return ^nulls[i]
		}
		return ^uint64(0)
	}
	uniform := func(i int) bool { w := word(i); return w == 0 || w == ^uint64(0) }
	words := (rows + 63) / 64
	for i := 0; i < words; {
		j := i + 1
		if uniform(i) {
			for j < words && word(j) == word(i) {
				j++
			}
			n := min(j*64, rows) - i*64
			dst = binary.AppendUvarint(dst, uint64(n)<<1)
			dst = append(dst, byte(word(i)&1))
		} else {
			for j < words && !uniform(j) {
				j++
			}
			n := min(j*64, rows) - i*64
			dst = binary.AppendUvarint(dst, uint64((n+7)/8)<<1|1)
			end := len(dst) + (n+7)/8
			for ; i < j; i++ {
				dst = binary.LittleEndian.AppendUint64(dst, word(i))
			}
			dst = dst[:end]
		}
		i = j
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// readLevels decodes the definition levels at the start of b. It sets the null
// rows in nulls, which is empty, and returns their number and what follows.
func readLevels(b []byte, nulls *column.Bitmap, rows int) (nullRows int, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, errShort
	}
	size := binary.LittleEndian.Uint32(b)
	if uint64(size) > uint64(len(b)-4) {
		return 0, nil, errShort
	}
	levels, rest := b[4:4+size], b[4+size:]
	for row := 0; row < rows; {
		head, k := binary.Uvarint(levels)
		if k <= 0 {
			return 0, nil, errShort
		}
		levels = levels[k:]
		n := head >> 1
		if n == 0 || n > 1<<28 {
			return 0, nil, errHybrid
		}
		if head&1 == 0 {
			if len(levels) == 0 {
				return 0, nil, errShort
			}
			if int(n) > rows-row {
				return 0, nil, errHybrid
			}
			if levels[0]&1 == 0 {
				nulls.SetRange(row, row+int(n))
			}
			levels = levels[1:]
			row += int(n)
			continue
		}
		if n > uint64(len(levels)) {
			return 0, nil, errShort
		}
		for _, c := range levels[:n] {
			if row >= rows {
				return 0, nil, errHybrid
			}
			missing := ^c
			if rows-row < 8 {
				missing &= 1<<(rows-row) - 1
			}
			if missing != 0 {
				setByte(nulls, row, missing)
			}
			row += 8
		}
		levels = levels[n:]
	}
	return nulls.Count(rows), rest, nil
}

// setByte adds the set bits of c, the first of which stands for row.
func setByte(b *column.Bitmap, row int, c byte) {
	for len(*b) <= (row+7)>>6 {
		*b = append(*b, 0)
	}
	s := uint(row) & 63
	(*b)[row>>6] |= uint64(c) << s
	if s > 56 {
		(*b)[row>>6+1] |= uint64(c) >> (64 - s)
	}
}
