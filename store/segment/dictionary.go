package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/merge"
)

// dictionary is the decoded dictionary of a chunk; one of the slices is set.
type dictionary struct {
	chunk  uint32
	floats []float64
	texts  []string

	verdicts atomic.Pointer[verdicts]
}

// verdicts are the texts of a dictionary that pass a test.
type verdicts struct {
	test    *merge.TextTest
	passing column.Bitmap
}

// passing are the texts that pass a test. Those of the last test are kept.
func (d *dictionary) passing(t *merge.TextTest) column.Bitmap {
	if v := d.verdicts.Load(); v != nil && v.test == t {
		return v.passing
	}
	v := &verdicts{test: t}
	for i, s := range d.texts {
		if t.Passes(s) {
			v.passing.Set(i)
		}
	}
	d.verdicts.Store(v)
	return v.passing
}

func (d *dictionary) n() int { return max(len(d.floats), len(d.texts)) }

// dictionaryOf returns the dictionary of a chunk. The column keeps the one used
// last, since pages are mostly read in order.
func (r *Reader) dictionaryOf(ctx context.Context, c *fileColumn, chunk uint32) (*dictionary, error) {
	if d := c.dictionary.Load(); d != nil && d.chunk == chunk {
		return d, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ref := &c.chunks[chunk]
	if ref.dictOffset == 0 {
		return nil, errors.New("a page needs a dictionary, and there is none")
	}
	buf := bodyBuffers.Get().(*[]byte)
	defer recycle(&bodyBuffers, buf)
	b, err := r.readPage(buf, format.DictionaryPage, ref.dictOffset, int(ref.offset-ref.dictOffset), ref.dictCheck)
	if err != nil {
		return nil, err
	}
	r.countPage(ctx, chunk, b, int(ref.offset-ref.dictOffset))
	d := &dictionary{chunk: chunk}
	if c.Kind == column.Float64 {
		err = d.parseFloats(b)
	} else {
		err = d.parseTexts(b)
	}
	if err != nil {
		return nil, err
	}
	c.dictionary.Store(d)
	return d, nil
}

func (d *dictionary) parseFloats(b body) error {
	if len(b.bytes) != 8*b.values {
		return errShort
	}
	d.floats = make([]float64, b.values)
	for i := range d.floats {
		d.floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(b.bytes[8*i:]))
	}
	return nil
}

func (d *dictionary) parseTexts(b body) error {
	if b.values > len(b.bytes)/4 {
		return errShort
	}
	all := string(b.bytes)
	d.texts = make([]string, b.values)
	at := 0
	for i := range d.texts {
		if len(all)-at < 4 {
			return errShort
		}
		n := int(binary.LittleEndian.Uint32(b.bytes[at:]))
		at += 4
		if n < 0 || n > len(all)-at {
			return errShort
		}
		d.texts[i] = all[at : at+n]
		at += n
	}
	return nil
}
