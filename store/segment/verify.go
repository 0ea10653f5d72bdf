package segment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/schema"
)

// Verify reads the whole segment: it checks the checksum of every page, decodes
// every value and looks whether the rows are sorted as they should be. What
// nobody but other Parquet readers uses, the bounds of the pages, it does not
// look at. Pages come from the file, whatever a page cache has.
func (r *Reader) Verify(ctx context.Context) error {
	fresh, err := Open(ctx, sized{r.file, r.info.Bytes}, ReaderOptions{Name: r.opts.Name})
	if err != nil {
		return err
	}
	return fresh.verify(ctx)
}

// sized gives a file that is only read its size.
type sized struct {
	io.ReaderAt
	size int64
}

func (s sized) Size() (int64, error) { return s.size, nil }

func (r *Reader) verify(ctx context.Context) error {
	head := make([]byte, len(parquetMagic))
	if err := r.readAt(head, 0); err != nil {
		return err
	}
	if !bytes.Equal(head, []byte(parquetMagic)) {
		return r.corrupt("start", errors.New("no Parquet magic"))
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	var buf []byte
	for _, c := range r.cols {
		for i := range c.chunks {
			k := &c.chunks[i]
			if k.text != nil {
				if err := r.verifyFilter(k.text.filter); err != nil {
					return err
				}
			}
			if k.dictOffset == 0 {
				continue
			}
			if _, err := r.readPage(&buf, format.DictionaryPage, k.dictOffset, int(k.offset-k.dictOffset), k.dictCheck); err != nil {
				return err
			}
		}
		for i := range c.pages {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := &c.pages[i]
			if _, err := r.readPage(&buf, format.DataPage, p.offset, int(p.size), p.check); err != nil {
				return err
			}
		}
	}
	return r.verifyRows(ctx)
}

// verifyRows decodes all values but those of tags, which the footer has too.
func (r *Reader) verifyRows(ctx context.Context) error {
	const step = 8192
	var times []int64
	series := 0
	last := int64(0)
	for from := 0; from < r.Rows(); from += step {
		to := min(from+step, r.Rows())
		var err error
		if times, err = r.ReadTime(ctx, times[:0], from, to); err != nil {
			return err
		}
		for i, t := range times {
			for int(r.series.starts[series+1]) <= from+i {
				series++
			}
			if int(r.series.starts[series]) != from+i && t < last { // equal ones are of a table that only appends
				return r.corrupt("rows", fmt.Errorf("row %d is older than the one before it", from+i))
			}
			if last = t; t < r.info.MinTime || t > r.info.MaxTime {
				return r.corrupt("rows", fmt.Errorf("row %d lies outside of the bounds of time", from+i))
			}
		}
		for _, c := range r.cols {
			if c.Role != schema.Field {
				continue
			}
			v := column.NewVector(column.Of(c.Kind), to-from)
			if err := r.ReadColumn(ctx, v, c.Column, from, to); err != nil {
				return err
			}
			if v.Len != to-from {
				return r.corrupt("rows", fmt.Errorf("column %q has %d values of %d", c.Name, v.Len, to-from))
			}
		}
	}
	return nil
}
