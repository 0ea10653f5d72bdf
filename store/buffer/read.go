package buffer

import (
	"fmt"

	"tarn/store/buffer/codec"
	"tarn/store/column"
)

// stretch is the part of a column that one codec stretch holds, as far as a
// reader wants it.
type stretch struct {
	start  int // row of the block
	rows   int // with nulls
	values int // without
	lo, hi int // wanted rows of it
	data   []byte
}

// stretch returns the stretch with row from, of which rows [from, to) are
// wanted. rows is the number of rows of the block.
func (c *blockColumn) stretch(rows, from, to int) stretch {
	i := from / codec.Size
	s := stretch{start: i * codec.Size, data: c.data[c.offsets[i]:]}
	s.rows = min(codec.Size, rows-s.start)
	s.values = s.rows
	if len(c.nulls) > 0 {
		s.values -= countBits(c.nulls, s.start, s.rows)
	}
	s.lo, s.hi = from-s.start, min(to-s.start, s.rows)
	return s
}

func (s *stretch) whole() bool { return s.lo == 0 && s.hi == s.rows }

// readInts fills dst with rows [from, to).
func readInts[T codec.Word](c *blockColumn, dst []T, rows, from, to int) error {
	for from < to {
		s := c.stretch(rows, from, to)
		var scratch [codec.Size]T
		out := scratch[:s.rows]
		if s.whole() {
			out = dst[:s.rows]
		}
		if _, err := codec.DecodeInts(out[:s.values], s.data); err != nil {
			return s.failed(err)
		}
		spread(out, s.values, c.nulls, s.start)
		if !s.whole() {
			copy(dst, out[s.lo:s.hi])
		}
		dst, from = dst[s.hi-s.lo:], s.start+s.hi
	}
	return nil
}

// readFloats fills dst with rows [from, to).
func readFloats(c *blockColumn, dst []float64, rows, from, to int) error {
	for from < to {
		s := c.stretch(rows, from, to)
		var scratch [codec.Size]float64
		out := scratch[:s.rows]
		if s.whole() {
			out = dst[:s.rows]
		}
		lo, hi := 0, s.values
		if s.values == s.rows {
			lo, hi = s.lo, s.hi
		}
		if _, err := codec.DecodeFloatsWithin(out[:s.values], s.data, lo, hi); err != nil {
			return s.failed(err)
		}
		spread(out, s.values, c.nulls, s.start)
		if !s.whole() {
			copy(dst, out[s.lo:s.hi])
		}
		dst, from = dst[s.hi-s.lo:], s.start+s.hi
	}
	return nil
}

// readBools fills dst with rows [from, to).
func readBools(c *blockColumn, dst []bool, rows, from, to int) error {
	for from < to {
		s := c.stretch(rows, from, to)
		var words [codec.Size]uint64
		if _, err := codec.DecodeInts(words[:s.values], s.data); err != nil {
			return s.failed(err)
		}
		spread(words[:s.rows], s.values, c.nulls, s.start)
		for i, w := range words[s.lo:s.hi] {
			dst[i] = w != 0
		}
		dst, from = dst[s.hi-s.lo:], s.start+s.hi
	}
	return nil
}

// readStrings fills dst with rows [from, to).
func readStrings(c *blockColumn, dst []string, rows, from, to int) error {
	for from < to {
		s := c.stretch(rows, from, to)
		var texts [codec.Size]string
		if err := c.texts(texts[:s.values], s.data); err != nil {
			return s.failed(err)
		}
		spread(texts[:s.rows], s.values, c.nulls, s.start)
		copy(dst, texts[s.lo:s.hi])
		dst, from = dst[s.hi-s.lo:], s.start+s.hi
	}
	return nil
}

func (s *stretch) failed(err error) error {
	return fmt.Errorf("decode buffered rows %d to %d: %w", s.start, s.start+s.rows, err)
}

// spread moves the first n values of v to the rows that are not null; row i of
// v is bit start+i of nulls.
func spread[T any](v []T, n int, nulls column.Bitmap, start int) {
	var zero T
	for i := len(v) - 1; i >= n; i-- { // as soon as n = i+1 all are in place
		if nulls.Get(start + i) {
			v[i] = zero
		} else {
			n--
			v[i] = v[n]
		}
	}
}
