package segment

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
)

// floatColumn writes floats: PLAIN, BYTE_STREAM_SPLIT or dictionary-coded,
// whichever a sample of the row group says is smallest. A dictionary that grows
// too large is left for the better one of the others.
type floatColumn struct {
	pending
	c        chunk
	pageRows int
	values   []float64

	dict     floatDict
	chosen   bool // what follows is chosen for this row group
	useDict  bool
	byteDict bool            // indexes of whole bytes
	other    format.Encoding // without dictionary

	hybrid hybridEncoder
	most   int // values of the dictionary
}

// maxFloatDict bounds a dictionary, in a table that is not wide: 64 KiB, whose indexes take 13 bits of the
// 64 they stand for.
const maxFloatDict = 8192

func (w *floatColumn) chunk() *chunk     { return &w.c }
func (w *floatColumn) pendingBytes() int { return 4 * len(w.values) }

func (w *floatColumn) begin() {
	w.c.reset()
	w.dict.reset()
	w.chosen = false
}

func (w *floatColumn) append(v *column.Vector, from, n int) error {
	for n > 0 {
		k := min(n, w.pageRows-w.rows)
		stretches(v, from, k, func(from, n int) {
			w.values = append(w.values, v.Floats[from:from+n]...)
			w.present(n)
		}, func(_, n int) { w.missing(n) })
		from, n = from+k, n-k
		if w.rows == w.pageRows {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *floatColumn) boundary() error {
	if w.rows == 0 || w.rows < w.pageRows/2 {
		return nil
	}
	return w.flush()
}

func (w *floatColumn) finish() error {
	if w.rows > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.dict.values) == 0 {
		return nil
	}
	return w.c.setDictionary(appendPlain(w.c.work.buf[:0], w.dict.values), len(w.dict.values))
}

func (w *floatColumn) flush() error {
	if !w.chosen {
		w.choose(w.values[:min(len(w.values), sampleValues)])
		w.chosen = len(w.values) > 0
	}
	p := w.page()
	if w.useDict {
		if w.index(&w.dict, w.values) {
			p.encoding = format.RLEDictionary
			w.encodeIndexes(&w.dict, w.byteDict)
		} else {
			// What made a dictionary look good says little about these values.
			w.useDict = false
			w.chooseOther(w.values[:min(len(w.values), sampleValues)])
		}
	}
	if !w.useDict {
		p.encoding = w.other
		w.encodeOther(w.values, w.other)
	}
	p.values = w.c.work.buf
	p.min, p.max, p.noBounds = floatBounds(w.values)
	err := w.c.addPage(p)
	w.reset()
	w.values = w.values[:0]
	return err
}

// choose compares the encodings on a sample.
func (w *floatColumn) choose(sample []float64) {
	best := w.chooseOther(sample)
	w.useDict = false
	trial := &w.c.work.trial
	trial.reset()
	if len(sample) > 0 && w.index(trial, sample) && len(trial.values) <= len(sample)/2 {
		// The sample pays for the dictionary alone, which the row group shares:
		// a quarter of it is a fair part.
		w.c.work.buf = appendPlain(w.c.work.buf[:0], trial.values)
		dict := w.c.packedSize(w.c.work.buf) / 4
		for _, bytes := range []bool{false, true} {
			w.encodeIndexes(trial, bytes)
			if n := w.c.packedSize(w.c.work.buf) + dict; n < best {
				best, w.useDict, w.byteDict = n, true, bytes
			}
		}
	}
}

// chooseOther compares the encodings without dictionary, and returns the size
// of the better one.
func (w *floatColumn) chooseOther(sample []float64) int {
	w.encodeOther(sample, format.Plain)
	plain := w.c.packedSize(w.c.work.buf)
	w.encodeOther(sample, format.ByteStreamSplit)
	split := w.c.packedSize(w.c.work.buf)
	w.other = format.Plain
	if split < plain {
		w.other = format.ByteStreamSplit
	}
	return min(plain, split)
}

// index looks the values up in the dictionary, adding new ones. When there are
// too many it leaves the dictionary as it was, and returns false.
func (w *floatColumn) index(d *floatDict, values []float64) bool {
	before := len(d.values)
	w.c.work.indexes = w.c.work.indexes[:0]
	for _, v := range values {
		w.c.work.indexes = append(w.c.work.indexes, d.index(v))
		if len(d.values) > w.most {
			d.truncate(before)
			return false
		}
	}
	return true
}

func (w *floatColumn) encodeIndexes(d *floatDict, wholeBytes bool) {
	w.c.work.buf = appendIndexes(&w.hybrid, w.c.work.buf[:0], w.c.work.indexes, len(d.values), wholeBytes)
}

// appendIndexes appends dictionary indexes with their width before them.
func appendIndexes(h *hybridEncoder, dst []byte, indexes []uint32, size int, wholeBytes bool) []byte {
	width := indexWidth(size)
	if wholeBytes {
		width = (width + 7) &^ 7
	}
	h.reset(append(dst, byte(width)), width)
	h.values(indexes)
	return h.finish()
}

// indexWidth is the number of bits of an index into size values; 1 at least,
// since not every reader expects indexes of no bits.
func indexWidth(size int) uint { return uint(max(1, bits.Len(uint(max(size, 1)-1)))) }

func (w *floatColumn) encodeOther(values []float64, e format.Encoding) {
	if e == format.ByteStreamSplit {
		w.c.work.buf = appendSplit(w.c.work.buf[:0], values)
	} else {
		w.c.work.buf = appendPlain(w.c.work.buf[:0], values)
	}
}

// appendPlain appends the bytes of values as they lie in memory: all machines
// that Tarn is built for are little-endian.
func appendPlain(dst []byte, values []float64) []byte {
	return append(dst, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 8*len(values))...)
}

// appendSplit appends the first bytes of all values, then the second, and so
// on.
func appendSplit(dst []byte, values []float64) []byte {
	n := len(values)
	at := len(dst)
	dst = slices.Grow(dst, 8*n)[:at+8*n]
	// Half a value at a time: four streams and a word need no more registers than
	// there are.
	for half := range 2 {
		out := dst[at+4*half*n:]
		s0, s1, s2, s3 := out[:n], out[n:2*n], out[2*n:3*n], out[3*n:4*n]
		for i, v := range values {
			b := uint32(math.Float64bits(v) >> (32 * half))
			s0[i], s1[i], s2[i], s3[i] = byte(b), byte(b>>8), byte(b>>16), byte(b>>24)
		}
	}
	return dst
}

// floatBounds are the smallest and largest value. Parquet leaves the order of
// the zeros open, and has no place for NaN.
func floatBounds(values []float64) (lo, hi []byte, none bool) {
	if len(values) == 0 {
		return nil, nil, false
	}
	a, b, sum := values[0], values[0], 0.0
	for _, v := range values {
		if v < a {
			a = v
		}
		if v > b {
			b = v
		}
		if v != v {
			sum = v
		}
	}
	if sum != 0 {
		return nil, nil, true
	}
	if a == 0 {
		a = math.Copysign(0, -1)
	}
	if b == 0 {
		b = 0
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(a)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(b)), false
}

// floatDict numbers distinct floats, bit by bit.
type floatDict struct {
	values []float64
	table  []uint32 // open addressing: index + 1, 0 is free
}

func (d *floatDict) reset() {
	d.values = d.values[:0]
	clear(d.table)
}

func (d *floatDict) index(v float64) uint32 {
	if 2*(len(d.values)+1) > len(d.table) {
		d.rehash(max(256, 2*len(d.table)))
	}
	b := math.Float64bits(v)
	mask := uint64(len(d.table) - 1)
	i := hashFloat(b) & mask
	for ; d.table[i] != 0; i = (i + 1) & mask {
		if k := d.table[i] - 1; math.Float64bits(d.values[k]) == b {
			return k
		}
	}
	d.values = append(d.values, v)
	d.table[i] = uint32(len(d.values))
	return uint32(len(d.values) - 1)
}

// hashFloat takes care that numbers of few digits, which differ in their upper
// bits only, do not meet in a few places of the table.
func hashFloat(b uint64) uint64 {
	b = (b ^ b>>32) * 0x9e3779b97f4a7c15
	return b ^ b>>32
}

// truncate forgets all but the first n values.
func (d *floatDict) truncate(n int) {
	d.values = d.values[:n]
	d.rehash(len(d.table))
}

func (d *floatDict) rehash(size int) {
	if size > len(d.table) {
		d.table = make([]uint32, size)
	} else {
		clear(d.table)
	}
	mask := uint64(size - 1)
	for k, v := range d.values {
		i := hashFloat(math.Float64bits(v)) & mask
		for d.table[i] != 0 {
			i = (i + 1) & mask
		}
		d.table[i] = uint32(k) + 1
	}
}
