package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/schema"
)

// cursor decodes one data page from front to back.
type cursor struct {
	page  int // among the column's pages
	rows  int
	row   int // next row
	buf   *[]byte
	nulls column.Bitmap // null rows of the page; empty when there are none
	some  bool          // nulls is not empty
	value int           // next value, of those that are not null

	encoding format.Encoding
	bytes    []byte // encoded values
	count    int    // of values
	delta    deltaDecoder
	hybrid   hybridDecoder
	dict     *dictionary
	packed   []byte  // the texts of a page of DELTA_LENGTH_BYTE_ARRAY
	ends     []int64 // of each of them; from a pool
	pooled   *[]int64

	indexes []uint32 // scratch
}

var errEncoding = errors.New("encoding does not fit the column")

// openPage starts a cursor on a page.
func (r *Reader) openPage(ctx context.Context, c *fileColumn, page int) (cur *cursor, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &c.pages[page]
	cur = &cursor{page: page, rows: int(p.rows), buf: bodyBuffers.Get().(*[]byte)}
	b, err := r.readPage(cur.buf, format.DataPage, p.offset, int(p.size), p.check)
	r.countPage(ctx, p.chunk, b, int(p.size))
	if err == nil && b.values != cur.rows {
		err = fmt.Errorf("%d values instead of %d", b.values, cur.rows)
	}
	if err == nil {
		err = cur.start(c, b)
	}
	if err == nil && cur.encoding == format.RLEDictionary {
		cur.dict, err = r.dictionaryOf(ctx, c, p.chunk)
	}
	if err != nil {
		cur.close()
		return nil, r.wrap(c, p, err)
	}
	return cur, nil
}

// wrap makes err a CorruptError, if it is not about something else.
func (r *Reader) wrap(c *fileColumn, p *pageRef, err error) error {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) || isEnvironment(err) {
		return fmt.Errorf("column %q: %w", c.Name, err)
	}
	return r.corrupt(fmt.Sprintf("column %q, page at offset %d", c.Name, p.offset), err)
}

func (c *cursor) close() {
	if c.buf != nil {
		recycle(&bodyBuffers, c.buf)
		c.buf = nil
	}
	if c.pooled != nil {
		*c.pooled = c.ends
		endBuffers.Put(c.pooled)
		c.pooled, c.ends = nil, nil
	}
}

// start prepares the decoding of b.
func (c *cursor) start(col *fileColumn, b body) (err error) {
	defer guard(&err)
	c.encoding, c.bytes, c.count = b.encoding, b.bytes, c.rows
	if col.Role != schema.Time { // which is never null, and has no levels
		nulls, rest, err := readLevels(b.bytes, &c.nulls, c.rows)
		if err != nil {
			return fmt.Errorf("levels: %w", err)
		}
		c.bytes, c.count, c.some = rest, c.rows-nulls, nulls > 0
	}
	fits := false
	switch col.Kind {
	case column.Int64, column.Uint64, column.Timestamp:
		fits = c.encoding == format.DeltaBinaryPacked
	case column.Float64:
		fits = c.encoding == format.Plain || c.encoding == format.ByteStreamSplit || c.encoding == format.RLEDictionary
	case column.Bool:
		fits = c.encoding == format.Plain
	case column.String:
		fits = c.encoding == format.DeltaLengthByteArray || c.encoding == format.RLEDictionary
	}
	if !fits {
		return fmt.Errorf("%w: %s for %s", errEncoding, c.encoding, column.Of(col.Kind))
	}
	switch c.encoding {
	case format.DeltaBinaryPacked:
		return c.delta.reset(c.bytes, c.count)
	case format.RLEDictionary:
		if len(c.bytes) == 0 {
			return errShort
		}
		return c.hybrid.reset(c.bytes[1:], uint(c.bytes[0]))
	case format.DeltaLengthByteArray:
		return c.startText()
	}
	size := 8 * c.count
	if col.Kind == column.Bool {
		size = (c.count + 7) / 8
	}
	if len(c.bytes) != size {
		return errShort
	}
	return nil
}

// endBuffers are for cursor.ends.
var endBuffers = sync.Pool{New: func() any { return new([]int64) }}

// startText decodes the lengths.
func (c *cursor) startText() error {
	if err := c.delta.reset(c.bytes, c.count); err != nil {
		return err
	}
	if c.pooled == nil {
		c.pooled = endBuffers.Get().(*[]int64)
	}
	c.ends = slices.Grow((*c.pooled)[:0], c.count)[:c.count]
	if err := c.delta.read(c.ends); err != nil {
		return err
	}
	rest, err := c.delta.rest()
	if err != nil {
		return err
	}
	end := int64(0)
	for i, n := range c.ends {
		if n < 0 || n > int64(len(rest))-end {
			return errShort
		}
		end += n
		c.ends[i] = end
	}
	if end != int64(len(rest)) {
		return errors.New("texts do not fill the page")
	}
	c.packed = rest
	return nil
}

// seek moves forward to a row of the page.
func (c *cursor) seek(row int) (err error) {
	defer guard(&err)
	n := row - c.row
	if n <= 0 {
		return nil
	}
	n -= c.countNulls(c.row, row)
	c.row = row
	c.value += n
	switch c.encoding {
	case format.DeltaBinaryPacked:
		return c.delta.skip(n)
	case format.RLEDictionary:
		return c.hybrid.skip(n)
	}
	return nil
}

func (c *cursor) countNulls(from, to int) int {
	if !c.some {
		return 0
	}
	return c.nulls.Count(to) - c.nulls.Count(from)
}

// readTimes fills dst with the next rows of a column without nulls.
func (c *cursor) readTimes(dst []int64) (err error) {
	defer guard(&err)
	c.row += len(dst)
	c.value += len(dst)
	return c.delta.read(dst)
}

// read appends the next n rows to dst.
func (c *cursor) read(dst *column.Vector, n int) (err error) {
	defer guard(&err)
	base := dst.Len
	nulls := c.countNulls(c.row, c.row+n)
	if nulls == n {
		dst.AppendNull(n)
		c.row += n
		return nil
	}
	dst.SetLen(base + n)
	if err := c.values(dst, base, n-nulls); err != nil {
		dst.SetLen(base)
		return err
	}
	if nulls > 0 {
		c.spread(dst, base, n, n-nulls)
	}
	c.row += n
	c.value += n - nulls
	return nil
}

// values decodes the next n values into dst from row base on.
func (c *cursor) values(dst *column.Vector, base, n int) error {
	switch dst.Type.Kind {
	case column.Int64, column.Timestamp:
		return c.delta.read(dst.Ints[base : base+n])
	case column.Uint64:
		out := dst.Uints[base : base+n]
		return c.delta.read(unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(out))), n))
	case column.Float64:
		return c.floats(dst.Floats[base : base+n])
	case column.Bool:
		for i := range dst.Bools[base : base+n] {
			k := c.value + i
			dst.Bools[base+i] = c.bytes[k>>3]>>(k&7)&1 != 0
		}
		return nil
	case column.String:
		return c.texts(dst.Strings[base : base+n])
	}
	return errEncoding
}

func (c *cursor) floats(out []float64) error {
	switch c.encoding {
	case format.Plain:
		b := c.bytes[8*c.value:]
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	case format.ByteStreamSplit:
		var s [8][]byte
		for k := range s {
			s[k] = c.bytes[k*c.count+c.value:][:len(out)]
		}
		for i := range out {
			v := uint64(s[0][i]) | uint64(s[1][i])<<8 | uint64(s[2][i])<<16 | uint64(s[3][i])<<24 |
				uint64(s[4][i])<<32 | uint64(s[5][i])<<40 | uint64(s[6][i])<<48 | uint64(s[7][i])<<56
			out[i] = math.Float64frombits(v)
		}
	default:
		if err := c.lookup(len(out)); err != nil {
			return err
		}
		for i, k := range c.indexes {
			out[i] = c.dict.floats[k]
		}
	}
	return nil
}

func (c *cursor) texts(out []string) error {
	if c.encoding == format.RLEDictionary {
		if err := c.lookup(len(out)); err != nil {
			return err
		}
		for i, k := range c.indexes {
			out[i] = c.dict.texts[k]
		}
		return nil
	}
	if len(out) == 0 {
		return nil
	}
	start := c.startOf(c.value)
	text := string(c.packed[start:c.ends[c.value+len(out)-1]]) // which the values share
	at := int64(0)
	for i, end := range c.ends[c.value : c.value+len(out)] {
		end -= start
		out[i] = text[at:end]
		at = end
	}
	return nil
}

// startOf is where the text of a value starts in packed.
func (c *cursor) startOf(value int) int64 {
	if value == 0 {
		return 0
	}
	return c.ends[value-1]
}

// lookup reads n valid indexes.
func (c *cursor) lookup(n int) error {
	c.indexes = slices.Grow(c.indexes[:0], n)[:n]
	if err := c.hybrid.read(c.indexes); err != nil {
		return err
	}
	size := uint32(c.dict.n())
	for _, k := range c.indexes {
		if k >= size {
			return errors.New("index beyond the dictionary")
		}
	}
	return nil
}

// spread moves the k values at base to the rows, of n, that are not null, and
// marks the others.
func (c *cursor) spread(dst *column.Vector, base, n, k int) {
	switch dst.Type.Kind {
	case column.Int64, column.Timestamp:
		spread(dst.Ints[base:], &c.nulls, c.row, n, k)
	case column.Uint64:
		spread(dst.Uints[base:], &c.nulls, c.row, n, k)
	case column.Float64:
		spread(dst.Floats[base:], &c.nulls, c.row, n, k)
	case column.Bool:
		spread(dst.Bools[base:], &c.nulls, c.row, n, k)
	case column.String:
		spread(dst.Strings[base:], &c.nulls, c.row, n, k)
	}
	for i := range n {
		if c.nulls.Get(c.row + i) {
			dst.Nulls.Set(base + i)
		}
	}
}

// spread works from the end, so that no value is overwritten before it moved.
func spread[T any](out []T, nulls *column.Bitmap, row, n, k int) {
	var zero T
	for i := n - 1; i >= 0; i-- {
		if nulls.Get(row + i) {
			out[i] = zero
			continue
		}
		k--
		out[i] = out[k]
	}
}
