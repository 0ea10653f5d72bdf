package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"sync"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// body is a decompressed page: levels, then values. Its bytes have slack
// behind them. In the cache the encoding precedes them.
type body struct {
	encoding format.Encoding
	values   int // of a dictionary
	bytes    []byte
	cached   bool // the page cache had it
}

// Buffers for pages as they lie in the file, and decompressed.
var (
	packedBuffers = sync.Pool{New: func() any { return new([]byte) }}
	bodyBuffers   = sync.Pool{New: func() any { return new([]byte) }}
)

// keepBuffer is the largest buffer worth keeping for reuse.
const keepBuffer = 256 << 10

func recycle(p *sync.Pool, b *[]byte) {
	if cap(*b) <= keepBuffer {
		p.Put(b)
	}
}

// cacheHead is the length of what precedes a page in the cache: encoding,
// number of values.
const cacheHead = 5

// cacheKey names a page by its place in the file.
func (r *Reader) cacheKey(offset int64) (key [16]byte) {
	binary.LittleEndian.PutUint64(key[:], r.opts.CacheID)
	binary.LittleEndian.PutUint64(key[8:], uint64(offset))
	return key
}

// readPage fetches a page from the cache or the file. It uses buf, and returns
// the bytes in it or in a larger one that it leaves there.
func (r *Reader) readPage(buf *[]byte, kind format.PageType, offset int64, size int, check pageCheck) (body, error) {
	key := r.cacheKey(offset)
	if r.opts.Cache != nil {
		if v, ok := r.opts.Cache.Get(key[:], (*buf)[:0]); ok && len(v) >= cacheHead {
			n := len(v)
			v = append(v, make([]byte, slack)...) // grows at most once: the buffer stays
			*buf = v
			return body{encoding: format.Encoding(v[0]), values: int(binary.LittleEndian.Uint32(v[1:])), bytes: v[cacheHead:n], cached: true}, nil
		}
	}
	packed := packedBuffers.Get().(*[]byte)
	defer recycle(&packedBuffers, packed)
	if cap(*packed) < size {
		*packed = make([]byte, size)
	}
	raw := (*packed)[:size]
	if err := r.readAt(raw, offset); err != nil {
		return body{}, err
	}
	b, err := decodePage(buf, kind, raw, check)
	if err != nil {
		return body{}, r.corrupt(fmt.Sprintf("page at offset %d", offset), err)
	}
	if r.opts.Cache != nil {
		v := (*buf)[:cacheHead+len(b.bytes)]
		v[0] = byte(b.encoding)
		binary.LittleEndian.PutUint32(v[1:], uint32(b.values))
		r.opts.Cache.Set(key[:], v)
	}
	return b, nil
}

// decodePage checks and decompresses a page into buf, behind room for
// cacheHead.
func decodePage(buf *[]byte, kind format.PageType, raw []byte, check pageCheck) (b body, err error) {
	defer guard(&err)
	if len(raw) < int(check.headerLen) || crc32.Checksum(raw[:check.headerLen], castagnoli) != check.headerCRC {
		return b, fmt.Errorf("header: %w", errChecksum)
	}
	var h format.PageHeader
	if err := thrift.Unmarshal(compact, raw[:check.headerLen], &h); err != nil {
		return b, fmt.Errorf("header: %w", err)
	}
	packed := raw[check.headerLen:]
	if h.Type != kind || int(h.CompressedPageSize) != len(packed) || h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPageBytes {
		return b, errors.New("the header does not fit the page")
	}
	if crc32.ChecksumIEEE(packed) != uint32(h.CRC) {
		return b, errChecksum
	}
	switch kind {
	case format.DataPage:
		b.encoding, b.values = h.DataPageHeader.V.Encoding, int(h.DataPageHeader.V.NumValues)
	case format.DictionaryPage:
		b.encoding, b.values = h.DictionaryPageHeader.V.Encoding, int(h.DictionaryPageHeader.V.NumValues)
	}
	if b.encoding < 0 || b.encoding > math.MaxUint8 || b.values < 0 {
		return b, errors.New("invalid header")
	}
	n := int(h.UncompressedPageSize)
	if cap(*buf) < cacheHead+n+slack {
		*buf = make([]byte, cacheHead+n+slack)
	}
	full := (*buf)[:cacheHead+n+slack]
	*buf = full
	b.bytes, err = decompress(full[cacheHead:], packed, n)
	return b, err
}
