package segment

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/schema"
)

// File is what a Reader needs of an open file; vfs.File has it.
type File interface {
	io.ReaderAt
	Size() (int64, error)
}

// PageCache keeps decompressed pages. It may forget them at any time. It is
// called concurrently.
type PageCache interface {
	// Get appends the value of a key to dst.
	Get(key, dst []byte) (value []byte, ok bool)
	// Set may keep a copy of value.
	Set(key, value []byte)
}

// ReaderOptions configure a Reader.
type ReaderOptions struct {
	// Name is the file in error texts.
	Name string
	// Cache is optional; CacheID tells the files in it apart.
	Cache   PageCache
	CacheID uint64
}

// Reader reads a segment. It is safe for concurrent use. It needs no closing;
// the file belongs to the caller.
type Reader struct {
	opts   ReaderOptions
	file   io.ReaderAt
	meta   Meta
	info   Info
	sch    *schema.Table
	series *seriesIndex
	cols   []*fileColumn // all, as they lie
	time   *fileColumn
	fields map[int]*fileColumn // by ID of the table's column

	trail  trailer
	index  sync.Mutex
	loaded atomic.Bool // the columns' pages are there
}

// fileColumn is a column of the file.
type fileColumn struct {
	schema.Column
	chunks []chunkRef
	min    uint64
	max    uint64
	nulls  int64
	stats  bool // min and max are known, or all rows are null

	pages []pageRef // of all row groups, once the page index is loaded

	stash      stash
	dictionary atomic.Pointer[dictionary] // the one used last
}

// chunkRef is the place of a column in a row group.
type chunkRef struct {
	firstRow   uint32
	rows       uint32
	dictOffset int64 // 0 means none
	offset     int64 // of the first data page
	end        int64
	indexAt    int64 // offset index
	indexLen   int32
	dictCheck  pageCheck
	filter     filterRef
	nulls      bool // all rows are null
	mixed      bool // not all pages use the dictionary
	// lo and hi bound the texts of a string column, when bounded.
	lo, hi  string
	bounded bool
}

// pageRef is the place of a data page.
type pageRef struct {
	firstRow uint32 // in the file
	rows     uint32
	offset   int64
	size     uint32 // header included
	check    pageCheck
	chunk    uint32
}

// tailGuess is how much of the file's end Open reads at first: enough for the
// footers of most files.
const tailGuess = 32 << 10

// Open reads and checks the footer of a segment. It returns ErrForeign for
// files that Tarn did not write, and a CorruptError for damaged ones.
func Open(ctx context.Context, f File, opts ReaderOptions) (*Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", opts.Name, err)
	}
	r := &Reader{opts: opts, file: f, fields: map[int]*fileColumn{}}
	r.info.Bytes = size
	footer, err := r.readFooter(size)
	if err != nil {
		return nil, err
	}
	if err := r.parseFooter(footer); err != nil {
		return nil, r.corrupt("footer", err)
	}
	return r, nil
}

// corrupt makes a CorruptError; ErrForeign stays what it is.
func (r *Reader) corrupt(place string, err error) error {
	if errors.Is(err, ErrForeign) {
		return fmt.Errorf("%s: %w", r.opts.Name, err)
	}
	return &CorruptError{Path: r.opts.Name, Place: place, Err: err}
}

func (r *Reader) readFooter(size int64) ([]byte, error) {
	if size < int64(len(parquetMagic)+trailerLen+endLen) {
		return nil, r.corrupt("end", fmt.Errorf("the file has only %d bytes", size))
	}
	tail := make([]byte, min(size, tailGuess))
	if err := r.readAt(tail, size-int64(len(tail))); err != nil {
		return nil, err
	}
	end := tail[len(tail)-endLen:]
	if string(end[4:]) != parquetMagic {
		return nil, r.corrupt("end", errors.New("no Parquet footer"))
	}
	n := int64(binary.LittleEndian.Uint32(end))
	need := n + endLen + trailerLen
	if need > size-int64(len(parquetMagic)) {
		return nil, r.corrupt("end", fmt.Errorf("a footer of %d bytes in a file of %d", n, size))
	}
	if need > int64(len(tail)) {
		tail = make([]byte, need)
		if err := r.readAt(tail, size-need); err != nil {
			return nil, err
		}
	}
	tail = tail[int64(len(tail))-need:]
	var err error
	if r.trail, err = parseTrailer(tail[:trailerLen]); err != nil {
		return nil, r.corrupt("trailer", err)
	}
	footer := tail[trailerLen : trailerLen+n]
	if r.trail.footerLen != uint32(n) || crc32.Checksum(footer, castagnoli) != r.trail.footerCRC {
		return nil, r.corrupt("footer", errChecksum)
	}
	if t := r.trail; t.indexOffset < 0 || t.indexOffset+int64(t.indexLen)+need != size || t.checksLen > t.indexLen {
		return nil, r.corrupt("trailer", errors.New("the page index is not where it should be"))
	}
	return footer, nil
}

var errChecksum = errors.New("the checksum does not match")

// readAt fills b; a file that ends early is corrupt.
func (r *Reader) readAt(b []byte, off int64) error {
	n, err := r.file.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) || err == nil {
		return r.corrupt(fmt.Sprintf("offset %d", off), errShort)
	}
	return &readError{r.opts.Name, off, err}
}

func (r *Reader) parseFooter(footer []byte) (err error) {
	defer guard(&err)
	var meta format.FileMetaData
	if err := thrift.Unmarshal(compact, footer, &meta); err != nil {
		return err
	}
	kv := map[string]string{}
	for _, e := range meta.KeyValueMetadata {
		kv[e.Key] = e.Value
	}
	var id identityJSON
	if err := json.Unmarshal([]byte(kv[keyIdentity]), &id); err != nil {
		return fmt.Errorf("%s: %w", keyIdentity, err)
	}
	if id.Version != formatVersion {
		return fmt.Errorf("format version %d; this program reads version %d", id.Version, formatVersion)
	}
	r.meta = id.Meta
	sch, fields, err := decodeSchema(kv[keySchema], id.Meta)
	if err != nil {
		return fmt.Errorf("%s: %w", keySchema, err)
	}
	r.sch = sch
	if err := r.parseGroups(&meta, fileColumns(sch, fields)); err != nil {
		return err
	}
	if r.series, err = parseSeries(kv[keySeries], len(sch.Tags), r.info.Rows); err != nil {
		return fmt.Errorf("%s: %w", keySeries, err)
	}
	r.info.Series = r.series.n()
	return nil
}

// parseGroups takes from the footer what reading needs.
func (r *Reader) parseGroups(meta *format.FileMetaData, cols []schema.Column) error {
	if len(meta.Schema) != len(cols)+1 {
		return fmt.Errorf("%d columns instead of %d", len(meta.Schema)-1, len(cols))
	}
	r.cols = make([]*fileColumn, len(cols))
	for i, c := range cols {
		if meta.Schema[i+1].Name != c.Name {
			return fmt.Errorf("column %q instead of %q", meta.Schema[i+1].Name, c.Name)
		}
		r.cols[i] = &fileColumn{Column: c, stats: true}
		switch c.Role {
		case schema.Time:
			r.time = r.cols[i]
		case schema.Field:
			r.fields[c.ID] = r.cols[i]
		}
	}
	if meta.NumRows < 0 || meta.NumRows > maxRows {
		return fmt.Errorf("%d rows", meta.NumRows)
	}
	r.info.Rows, r.info.RowGroups = meta.NumRows, len(meta.RowGroups)
	row := int64(0)
	for _, g := range meta.RowGroups {
		if g.NumRows <= 0 || len(g.Columns) != len(cols) || row+g.NumRows > meta.NumRows {
			return errors.New("invalid row group")
		}
		for i := range g.Columns {
			if err := r.addChunk(r.cols[i], &g.Columns[i], row, g.NumRows); err != nil {
				return fmt.Errorf("column %q: %w", cols[i].Name, err)
			}
		}
		row += g.NumRows
	}
	if row != meta.NumRows {
		return fmt.Errorf("%d rows in row groups, %d in the file", row, meta.NumRows)
	}
	r.info.MinTime, r.info.MaxTime = math.MaxInt64, math.MinInt64
	if row > 0 {
		if !r.time.stats || r.time.nulls != 0 {
			return errors.New("no bounds of time")
		}
		r.info.MinTime, r.info.MaxTime = int64(r.time.min), int64(r.time.max)
	}
	return nil
}

// addChunk notes a column chunk.
func (r *Reader) addChunk(c *fileColumn, cc *format.ColumnChunk, row, rows int64) error {
	m := &cc.MetaData
	ref := chunkRef{
		firstRow: uint32(row), rows: uint32(rows), dictOffset: m.DictionaryPageOffset, offset: m.DataPageOffset,
		indexAt: cc.OffsetIndexOffset, indexLen: cc.OffsetIndexLength,
	}
	start := m.DataPageOffset
	if ref.dictOffset != 0 {
		start = ref.dictOffset
	}
	ref.end = start + m.TotalCompressedSize
	if start < int64(len(parquetMagic)) || m.DataPageOffset < start || ref.end < m.DataPageOffset || ref.end > r.trail.indexOffset ||
		m.NumValues != rows || m.Type != physicalType(c.Kind) || m.Codec != format.Zstd {
		return errors.New("invalid chunk")
	}
	var err error
	if ref.filter, err = filterAt(m.BloomFilterOffset, m.BloomFilterLength, r.trail.indexOffset); err != nil {
		return err
	}
	if c.Kind == column.String {
		ref.describeTexts(m, rows)
	}
	c.addStats(&m.Statistics, rows)
	c.chunks = append(c.chunks, ref)
	return nil
}

// describeTexts notes what tells that a text is not in the chunk.
func (ref *chunkRef) describeTexts(m *format.ColumnMetaData, rows int64) {
	ref.nulls = m.Statistics.NullCount == rows
	ref.mixed = slices.Contains(m.Encoding, format.DeltaLengthByteArray)
	// An empty upper bound may be one, or none.
	if s := &m.Statistics; len(s.MaxValue) > 0 {
		ref.lo, ref.hi, ref.bounded = string(s.MinValue), string(s.MaxValue), true
	}
}

// addStats widens the column's statistics by those of a chunk.
func (c *fileColumn) addStats(s *format.Statistics, rows int64) {
	before := int64(0)
	for _, k := range c.chunks {
		before += int64(k.rows)
	}
	empty := c.nulls == before // no values yet
	c.nulls += s.NullCount
	if s.NullCount == rows || !c.stats {
		return
	}
	lo, ok1 := boundBits(c.Kind, s.MinValue)
	hi, ok2 := boundBits(c.Kind, s.MaxValue)
	if !ok1 || !ok2 {
		c.stats = false
		return
	}
	if empty || lessBits(c.Kind, lo, c.min) {
		c.min = lo
	}
	if empty || lessBits(c.Kind, c.max, hi) {
		c.max = hi
	}
}

func lessBits(k column.Kind, a, b uint64) bool {
	switch k {
	case column.Float64:
		return math.Float64frombits(a) < math.Float64frombits(b)
	case column.Int64, column.Timestamp:
		return int64(a) < int64(b)
	}
	return a < b
}

// Meta says whose rows the segment holds.
func (r *Reader) Meta() Meta { return r.meta }

// Info sums the segment up.
func (r *Reader) Info() Info { return r.info }

// Schema is the table's schema when the segment was written. Fields that came
// later, or that the writer was not given, are not in the file.
func (r *Reader) Schema() *schema.Table { return r.sch }

// Rows is the number of rows.
func (r *Reader) Rows() int { return int(r.info.Rows) }

// NumSeries is the number of series.
func (r *Reader) NumSeries() int { return r.series.n() }

// SeriesTags returns the tag values of the i-th series in the order of
// Schema().Tags; the empty one is NULL.
func (r *Reader) SeriesTags(i int) []string {
	tags := make([]string, len(r.series.codes))
	for t, codes := range r.series.codes {
		tags[t] = r.series.dicts[t][codes[i]]
	}
	return tags
}

// DropTags forgets the tag values of the series, for a reader that knows them by
// number. SeriesTags must not be called afterwards.
func (r *Reader) DropTags() { r.series.dicts, r.series.codes = nil, nil }

// SeriesRows returns the rows [from, to) of the i-th series.
func (r *Reader) SeriesRows(i int) (from, to int) {
	return int(r.series.starts[i]), int(r.series.starts[i+1])
}
