package segment

import (
	"encoding/binary"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
)

// columnWriter gathers a column's values into pages of its chunk.
type columnWriter interface {
	// append adds rows [from, from+n) of a vector of the column's kind.
	append(v *column.Vector, from, n int) error
	// boundary says that the next row begins a series: a good place to end a
	// page, so that reading one series decodes little else.
	boundary() error
	// finish ends the last page and completes the chunk.
	finish() error
	// begin starts the next row group's chunk.
	begin()
	chunk() *chunk
	// pendingBytes is about what is gathered but not encoded.
	pendingBytes() int
}

// sampleValues is how many values of a row group's first page decide about the
// encoding of all its pages.
const sampleValues = 4096

// intColumn writes time, integers and timestamps.
type intColumn[T int64 | uint64] struct {
	pending
	c        chunk
	pageRows int
	values   []T
	data     func(v *column.Vector) []T
	narrow   bool // INT32: delta coding is the same, statistics are shorter

	enc    deltaEncoder
	shape  deltaShape
	chosen bool // shape is that of this row group
}

func (w *intColumn[T]) chunk() *chunk     { return &w.c }
func (w *intColumn[T]) pendingBytes() int { return len(w.values) }

func (w *intColumn[T]) begin() {
	w.c.reset()
	w.chosen = false
}

func (w *intColumn[T]) append(v *column.Vector, from, n int) error {
	for n > 0 {
		k := min(n, w.pageRows-w.rows)
		stretches(v, from, k, func(from, n int) {
			w.values = append(w.values, w.data(v)[from:from+n]...)
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

// appendAll adds values of a column without nulls.
func (w *intColumn[T]) appendAll(values []T) error {
	for len(values) > 0 {
		k := min(len(values), w.pageRows-w.rows)
		w.values = append(w.values, values[:k]...)
		w.present(k)
		values = values[k:]
		if w.rows == w.pageRows {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *intColumn[T]) boundary() error {
	if w.rows == 0 || w.rows < w.pageRows/3 {
		return nil
	}
	return w.flush()
}

func (w *intColumn[T]) finish() error {
	if w.rows == 0 {
		return nil
	}
	return w.flush()
}

func (w *intColumn[T]) flush() error {
	values := asInt64s(w.values)
	if !w.chosen {
		w.choose(values[:min(len(values), sampleValues)])
		w.chosen = len(values) > 0
	}
	w.c.work.buf = w.enc.append(w.c.work.buf[:0], values, w.shape)
	p := w.page()
	p.encoding, p.values = format.DeltaBinaryPacked, w.c.work.buf
	if len(w.values) > 0 {
		lo, hi := extremes(w.values)
		p.min = binary.LittleEndian.AppendUint64(nil, uint64(lo))
		p.max = binary.LittleEndian.AppendUint64(nil, uint64(hi))
		if w.narrow {
			p.min, p.max = p.min[:4], p.max[:4]
		}
	}
	err := w.c.addPage(p)
	w.reset()
	w.values = w.values[:0]
	return err
}

// extremes are the smallest and the largest of values, which are not empty. For
// its form see subtract.
//
//go:noinline
func extremes[T int64 | uint64](values []T) (lo, hi T) {
	lo, hi = values[0], values[0]
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// choose takes the shape that makes a sample smallest.
func (w *intColumn[T]) choose(sample []int64) {
	best := 0
	for i, s := range deltaShapes {
		w.c.work.buf = w.enc.append(w.c.work.buf[:0], sample, s)
		n := w.c.packedSize(w.c.work.buf)
		if i == 0 || n < best {
			best, w.shape = n, s
		}
	}
}

// packedSize is the size of b when compressed.
func (c *chunk) packedSize(b []byte) int {
	c.work.scratch = c.work.zstd.EncodeAll(b, c.work.scratch[:0])
	return len(c.work.scratch)
}

// asInt64s views values as signed, bit by bit.
func asInt64s[T int64 | uint64](v []T) []int64 {
	return unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}
