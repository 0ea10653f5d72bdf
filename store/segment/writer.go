package segment

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"

	"tarn/store/column"
	"tarn/store/schema"
)

// WriterOptions tune a Writer. The zero value of a field means its default.
type WriterOptions struct {
	// RowGroupRows bounds the rows of a row group; default 131072.
	RowGroupRows int
	// PageRows bounds the rows of a page; default 12288, which a day of one
	// series at 10 s fits into.
	PageRows int
	// PageBytes bounds the bytes of a page of floats or strings before
	// encoding, but for a longer single value; default 60 KiB, which caches
	// take well.
	PageBytes int
	// GroupBytes is about what the writer may hold of encoded pages, and again of
	// others, and of dictionaries: a row group ends with it, and pages of wide
	// tables are smaller. Default 16 MiB.
	GroupBytes int
	// Append allows rows of the same series and time.
	Append bool

	// export makes a file for other readers: timestamps in microseconds, none
	// of what only Tarn reads. The last remainders fields are INT32.
	export     bool
	remainders int

	floatDict, textDict int // values, bytes
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.RowGroupRows <= 0 {
		o.RowGroupRows = 131072
	}
	if o.PageRows <= 0 {
		o.PageRows = 12288
	}
	if o.PageBytes <= 0 {
		o.PageBytes = 60 << 10
	}
	if o.GroupBytes <= 0 {
		o.GroupBytes = 16 << 20
	}
	return o
}

// fit makes the pages and dictionaries of a wide table smaller.
func (o *WriterOptions) fit(fields []schema.Column) {
	share := max(o.GroupBytes/max(len(fields), 1), leastPage)
	if share < o.PageBytes {
		o.PageRows = max(min(o.PageRows, o.PageRows*share/o.PageBytes), 1)
		o.PageBytes = share
	}
	// A number of a dictionary is 8 bytes, and as many again and more in its index.
	o.floatDict = min(max(o.GroupBytes/max(len(fields), 1)/24, 256), maxFloatDict)
	texts := 0
	for _, f := range fields {
		if f.Kind == column.String {
			texts++
		}
	}
	o.textDict = min(max(o.GroupBytes/2/max(texts, 1), 16<<10), maxDictBytes)
}

// leastPage is the smallest PageBytes that a table is too wide for.
const leastPage = 4 << 10

// Writer writes one segment. It holds the encoded pages of one row group, one
// raw page per column, the row group's dictionaries (1 MiB each at most), its
// Bloom filters (160 KiB each, maxFilters at most) and the series index. It is
// not safe for concurrent use.
type Writer struct {
	w      io.Writer
	opts   WriterOptions
	sch    *schema.Table
	fields []schema.Column
	meta   Meta
	work   *work

	tags    []*tagColumn
	time    *intColumn[int64]
	values  []columnWriter // by field
	filters int            // columns that may get Bloom filters
	written int64
	err     error // of a write that failed: the file is lost

	groups    []groupEntry
	groupRows int
	series    seriesBuilder
	lastTags  []string
	lastTime  int64
	micros    []int64 // scratch
	scratch   []byte
	info      Info
}

var (
	errTimes  = errors.New("times of a series must ascend")
	errOrder  = errors.New("series must come in the order of their tags, each once")
	errClosed = errors.New("the segment writer is closed")
)

// NewWriter starts a segment of the table with all its tags and the given
// fields. It writes to w from the first call on; making the bytes durable is
// the caller's part.
func NewWriter(w io.Writer, sch *schema.Table, fields []schema.Column, meta Meta, opts WriterOptions) (*Writer, error) {
	opts = opts.withDefaults()
	opts.fit(fields)
	if _, err := encodeSchema(sch, fields); err != nil {
		return nil, err
	}
	x := &Writer{
		w: w, opts: opts, sch: sch, fields: fields, meta: meta, work: &work{zstd: encoders.Get().(*zstd.Encoder)},
		lastTags: make([]string, len(sch.Tags)), info: Info{MinTime: math.MaxInt64, MaxTime: math.MinInt64},
	}
	for range sch.Tags {
		x.tags = append(x.tags, &tagColumn{c: chunk{work: x.work}})
		x.series.tags = append(x.series.tags, tagBuilder{codes: map[string]uint64{}})
	}
	x.time = &intColumn[int64]{c: chunk{work: x.work, required: true}, pageRows: opts.PageRows}
	for i, f := range fields {
		c, err := newColumn(f, chunk{work: x.work}, opts)
		if err != nil {
			return nil, err
		}
		if ints, ok := c.(*intColumn[int64]); ok {
			ints.narrow = i >= len(fields)-opts.remainders
		}
		if texts, ok := c.(*stringColumn); ok && x.filters < maxFilters && !opts.export {
			x.filters++
			texts.filter, texts.groupRows = &filterBuilder{}, opts.RowGroupRows
		}
		x.values = append(x.values, c)
	}
	if err := x.write([]byte(parquetMagic)); err != nil {
		return nil, err
	}
	return x, nil
}

func newColumn(f schema.Column, c chunk, opts WriterOptions) (columnWriter, error) {
	switch f.Kind {
	case column.Int64, column.Timestamp:
		return &intColumn[int64]{c: c, pageRows: opts.PageRows, data: func(v *column.Vector) []int64 { return v.Ints }}, nil
	case column.Uint64:
		return &intColumn[uint64]{c: c, pageRows: opts.PageRows, data: func(v *column.Vector) []uint64 { return v.Uints }}, nil
	case column.Float64:
		return &floatColumn{c: c, pageRows: max(1, min(opts.PageRows, opts.PageBytes/8)), most: opts.floatDict}, nil
	case column.Bool:
		return &boolColumn{c: c, pageRows: opts.PageRows}, nil
	case column.String:
		return &stringColumn{c: c, pageRows: opts.PageRows, pageBytes: opts.PageBytes, most: opts.textDict}, nil
	}
	return nil, fmt.Errorf("field %q: values of type %s cannot be stored", f.Name, column.Of(f.Kind))
}

// Append adds consecutive rows of one series: its tag values in series-key
// order, "" meaning NULL; ascending times; and of each column, parallel to
// NewWriter's fields, the rows from row on. Series come in the order of their
// tag values, tag by tag, bytewise, NULL last; one series may come in several
// calls. Nothing is kept of the arguments.
func (w *Writer) Append(tags []string, times []int64, cols []*column.Vector, row int) error {
	if w.err != nil {
		return w.err
	}
	if err := w.check(tags, times, cols, row); err != nil {
		return err
	}
	if len(times) == 0 {
		return nil
	}
	if w.series.n == 0 || !slices.Equal(tags, w.lastTags) {
		if err := w.begin(tags); err != nil {
			return w.fail(err)
		}
	}
	w.series.last += len(times)
	w.lastTime = times[len(times)-1]
	w.info.MinTime, w.info.MaxTime = min(w.info.MinTime, times[0]), max(w.info.MaxTime, w.lastTime)
	w.info.Rows += int64(len(times))
	for len(times) > 0 {
		n := min(len(times), w.opts.RowGroupRows-w.groupRows)
		if err := w.appendRows(tags, times[:n], cols, row); err != nil {
			return w.fail(err)
		}
		times, row = times[n:], row+n
		if w.groupRows == w.opts.RowGroupRows || w.work.held >= w.opts.GroupBytes {
			if err := w.endGroup(); err != nil {
				return w.fail(err)
			}
		}
	}
	return nil
}

// check refuses what would make an invalid file.
func (w *Writer) check(tags []string, times []int64, cols []*column.Vector, row int) error {
	if len(tags) != len(w.tags) || len(cols) != len(w.values) {
		return fmt.Errorf("BUG: %d tags and %d fields for a segment with %d and %d", len(tags), len(cols), len(w.tags), len(w.values))
	}
	for i, c := range cols {
		if c.Type.Kind != w.fields[i].Kind && c.Type.Kind != column.Null || row < 0 || c.Len < row+len(times) {
			return fmt.Errorf("BUG: field %q: rows %d to %d of a %s vector of %d rows", w.fields[i].Name, row, row+len(times), c.Type, c.Len)
		}
	}
	if w.info.Rows+int64(len(times)) > maxRows {
		return fmt.Errorf("a segment has at most %d rows", uint32(maxRows))
	}
	if len(times) == 0 {
		return nil
	}
	if w.series.n > 0 {
		order := compareTags(w.lastTags, tags)
		if order > 0 {
			return fmt.Errorf("%w: %q after %q", errOrder, tags, w.lastTags)
		}
		if order == 0 && (times[0] < w.lastTime || times[0] == w.lastTime && !w.opts.Append) {
			return fmt.Errorf("%w: %d after %d", errTimes, times[0], w.lastTime)
		}
	}
	for i := 1; i < len(times); i++ {
		if times[i] < times[i-1] || times[i] == times[i-1] && !w.opts.Append {
			return fmt.Errorf("%w: %d after %d", errTimes, times[i], times[i-1])
		}
	}
	return nil
}

// compareTags orders series as the rows lie: tag by tag, bytewise, NULL last.
func compareTags(a, b []string) int {
	for i, v := range a {
		switch u := b[i]; {
		case v == u:
		case v == "":
			return 1
		case u == "", v < u:
			return -1
		default:
			return 1
		}
	}
	return 0
}

// begin starts a series.
func (w *Writer) begin(tags []string) error {
	w.series.add(tags)
	for i := range tags {
		w.lastTags[i] = w.series.tags[i].last
	}
	// A row group that is nearly full ends here rather than within the series.
	full := w.groupRows >= w.opts.RowGroupRows-w.opts.RowGroupRows/8 || w.work.held >= w.opts.GroupBytes-w.opts.GroupBytes/8
	for _, t := range w.tags {
		full = full || t.full()
	}
	if full {
		return w.endGroup()
	}
	if err := w.time.boundary(); err != nil {
		return err
	}
	for _, c := range w.values {
		if err := c.boundary(); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) appendRows(tags []string, times []int64, cols []*column.Vector, row int) error {
	for i, t := range w.tags {
		t.append(tags[i], len(times))
	}
	if w.opts.export {
		w.micros = w.micros[:0]
		for _, t := range times {
			w.micros = append(w.micros, micros(t))
		}
		times = w.micros
	}
	if err := w.time.appendAll(times); err != nil {
		return err
	}
	for i, c := range w.values {
		if err := c.append(cols[i], row, len(times)); err != nil {
			return fmt.Errorf("field %q: %w", w.fields[i].Name, err)
		}
	}
	w.groupRows += len(times)
	return nil
}

// Size is about what the file will have when it is closed now.
func (w *Writer) Size() int64 {
	n := w.written
	for _, t := range w.tags {
		n += int64(t.c.size() + t.pendingBytes())
	}
	n += int64(w.time.c.size() + w.time.pendingBytes()/16)
	for _, c := range w.values {
		n += int64(c.chunk().size() + c.pendingBytes())
	}
	return n
}

// Close ends the file. The writer cannot be used afterwards.
func (w *Writer) Close() (Info, error) {
	if w.err != nil {
		return Info{}, w.err
	}
	if err := w.endGroup(); err != nil {
		return Info{}, w.fail(err)
	}
	if err := w.writeEnd(); err != nil {
		return Info{}, w.fail(err)
	}
	w.fail(errClosed)
	w.info.Bytes, w.info.Series, w.info.RowGroups = w.written, w.series.n, len(w.groups)
	return w.info, nil
}

// fail makes err the answer to every further call.
func (w *Writer) fail(err error) error {
	w.err = err
	if w.work.zstd != nil {
		encoders.Put(w.work.zstd)
		w.work.zstd = nil
	}
	return err
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.written += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}
