package segment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

var errPageIndex = errors.New("invalid page index")

// load reads the page index once: opening a segment does not need it.
func (r *Reader) load(ctx context.Context) error {
	if r.loaded.Load() {
		return nil
	}
	r.index.Lock()
	defer r.index.Unlock()
	if r.loaded.Load() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b := make([]byte, r.trail.indexLen)
	if err := r.readAt(b, r.trail.indexOffset); err != nil {
		return err
	}
	if crc32.Checksum(b, castagnoli) != r.trail.indexCRC {
		return r.corrupt("page index", errChecksum)
	}
	if err := r.parseIndex(b); err != nil {
		return r.corrupt("page index", err)
	}
	r.loaded.Store(true)
	return nil
}

// parseIndex sets the pages of the columns.
func (r *Reader) parseIndex(b []byte) (err error) {
	defer guard(&err)
	checks := b[len(b)-int(r.trail.checksLen):]
	next := func() (c pageCheck, err error) {
		if len(checks) < checkLen {
			return c, errPageIndex
		}
		c = pageCheck{checks[0], binary.LittleEndian.Uint32(checks[1:])}
		checks = checks[checkLen:]
		return c, nil
	}
	for _, c := range r.cols {
		c.pages = nil
	}
	for g := range r.info.RowGroups {
		for _, c := range r.cols {
			ref := &c.chunks[g]
			if ref.dictOffset != 0 {
				if ref.dictCheck, err = next(); err != nil {
					return err
				}
			}
			at := ref.indexAt - r.trail.indexOffset
			if at < 0 || ref.indexLen < 0 || at+int64(ref.indexLen) > int64(len(b)) {
				return errPageIndex
			}
			var oi format.OffsetIndex
			if err := thrift.Unmarshal(compact, b[at:at+int64(ref.indexLen)], &oi); err != nil {
				return err
			}
			if err := c.addPages(g, oi.PageLocations, next); err != nil {
				return fmt.Errorf("column %q, row group %d: %w", c.Name, g, err)
			}
		}
	}
	if len(checks) != 0 {
		return errPageIndex
	}
	return nil
}

// addPages appends the pages of a chunk, which must cover it without gaps.
func (c *fileColumn) addPages(g int, locs []format.PageLocation, check func() (pageCheck, error)) error {
	ref := &c.chunks[g]
	if len(locs) == 0 || locs[0].FirstRowIndex != 0 || locs[0].Offset != ref.offset {
		return errPageIndex
	}
	for i, l := range locs {
		end, endRow := ref.end, int64(ref.rows)
		if i+1 < len(locs) {
			end, endRow = locs[i+1].Offset, locs[i+1].FirstRowIndex
		}
		if l.Offset+int64(l.CompressedPageSize) != end || l.FirstRowIndex >= endRow || endRow > int64(ref.rows) {
			return errPageIndex
		}
		k, err := check()
		if err != nil {
			return err
		}
		if int64(k.headerLen) > int64(l.CompressedPageSize) {
			return errPageIndex
		}
		c.pages = append(c.pages, pageRef{
			firstRow: ref.firstRow + uint32(l.FirstRowIndex), rows: uint32(endRow - l.FirstRowIndex),
			offset: l.Offset, size: uint32(l.CompressedPageSize), check: k, chunk: uint32(g),
		})
	}
	return nil
}
