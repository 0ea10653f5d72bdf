package segment

import (
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
)

var (
	compact    = new(thrift.CompactProtocol)
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// page is a data page of a chunk that is being written.
type page struct {
	offset   int // in chunk.data
	size     int // header included
	firstRow int // within the row group
	check    pageCheck
	nulls    int
	rows     int
	min, max []byte // as Parquet's statistics have them
}

// pageCheck guards a page header.
type pageCheck struct {
	headerLen uint8
	headerCRC uint32
}

// encodedPage is what a column hands to its chunk.
type encodedPage struct {
	encoding format.Encoding
	rows     int
	nulls    int
	// nullSet holds the null rows; unused in required columns.
	nullSet  column.Bitmap
	values   []byte
	min, max []byte
	// noBounds says that min and max could not be found although there are
	// values: they have a NaN, or are too long.
	noBounds bool
}

// work is what the columns of a Writer share.
type work struct {
	zstd    *zstd.Encoder // from the pool until the writer is closed
	scratch []byte        // a page before compression, or what a trial came to
	buf     []byte        // encoded values
	indexes []uint32
	trial   floatDict
	held    int // bytes of encoded pages in memory
}

// chunk is the part of a column in one row group: encoded pages, in memory
// until the row group ends.
type chunk struct {
	required bool
	work     *work

	dict      []byte // the dictionary page
	dictCheck pageCheck
	data      []byte
	pages     []page
	rows      int
	nulls     int
	raw       int // uncompressed bytes of all pages
	encodings []format.Encoding
	noBounds  bool
}

func (c *chunk) reset() {
	*c = chunk{required: c.required, work: c.work, dict: c.dict[:0], data: c.data[:0], pages: c.pages[:0], encodings: c.encodings[:0]}
}

// size is the number of bytes that the chunk will take in the file.
func (c *chunk) size() int { return len(c.dict) + len(c.data) }

// maxPageBytes is the limit of the format that Tarn keeps to, well below that
// of the int32 in a page header.
const maxPageBytes = 1 << 30

// addPage compresses and appends a data page.
func (c *chunk) addPage(p encodedPage) error {
	body := c.work.scratch[:0]
	if !c.required {
		body = appendLevels(body, p.nullSet, p.rows)
	}
	body = append(body, p.values...)
	c.work.scratch = body
	head := format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: int32(p.rows), Encoding: p.encoding, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
		Statistics: format.Statistics{NullCount: int64(p.nulls)},
	})}
	at := len(c.data)
	var check pageCheck
	var err error
	if c.data, check, err = c.appendPage(c.data, head, body); err != nil {
		return err
	}
	c.pages = append(c.pages, page{
		offset: at, size: len(c.data) - at, firstRow: c.rows, check: check, rows: p.rows, nulls: p.nulls, min: p.min, max: p.max,
	})
	c.work.held += len(c.data) - at
	c.rows += p.rows
	c.nulls += p.nulls
	c.noBounds = c.noBounds || p.noBounds
	c.uses(p.encoding)
	if !c.required {
		c.uses(format.RLE)
	}
	return nil
}

// setDictionary makes the chunk's dictionary page of PLAIN values.
func (c *chunk) setDictionary(values []byte, n int) error {
	head := format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{
		NumValues: int32(n), Encoding: format.Plain,
	})}
	c.uses(format.Plain)
	var err error
	c.dict, c.dictCheck, err = c.appendPage(c.dict[:0], head, values)
	return err
}

func (c *chunk) uses(e format.Encoding) {
	for _, have := range c.encodings {
		if have == e {
			return
		}
	}
	c.encodings = append(c.encodings, e)
}

func (c *chunk) appendPage(dst []byte, head format.PageHeader, body []byte) ([]byte, pageCheck, error) {
	if len(body) > maxPageBytes {
		return dst, pageCheck{}, fmt.Errorf("a page of %d bytes is too large", len(body))
	}
	// The header, which precedes the body, has the length and sum of the
	// compressed body: compress behind a gap that fits any header, then close it.
	const gap = 128
	at := len(dst)
	dst = append(dst, make([]byte, gap)...)
	dst = c.work.zstd.EncodeAll(body, dst)
	packed := dst[at+gap:]
	head.UncompressedPageSize = int32(len(body))
	head.CompressedPageSize = int32(len(packed))
	head.CRC = int32(crc32.ChecksumIEEE(packed))
	h, err := thrift.Marshal(compact, &head)
	if err != nil {
		return dst, pageCheck{}, fmt.Errorf("encode a page header: %w", err)
	}
	if len(h) > gap {
		return dst, pageCheck{}, fmt.Errorf("BUG: page header of %d bytes", len(h))
	}
	copy(dst[at:], h)
	n := copy(dst[at+len(h):], packed)
	dst = dst[:at+len(h)+n]
	c.raw += len(h) + len(body)
	return dst, pageCheck{uint8(len(h)), crc32.Checksum(h, castagnoli)}, nil
}
