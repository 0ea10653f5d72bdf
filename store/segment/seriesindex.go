package segment

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
)

// The series index is the text of tarn.series: base64 of
//
//	uvarint  length of what follows before compression
//	zstd of  uvarint  number of series
//	         uvarint  number of tags
//	         for each tag:    uvarint number of values; of each, uvarint length and text
//	         for each tag:    a uvarint for each series: 0 is NULL, n the n-th value
//	         for each series: uvarint number of rows
//
// The series lie in the order of their rows.

// seriesBuilder gathers the series index of a file being written.
type seriesBuilder struct {
	tags []tagBuilder
	rows []byte // uvarints of all series but the last
	n    int
	last int // rows of the last series
}

type tagBuilder struct {
	dict  []byte
	codes map[string]uint64
	data  []byte // uvarint codes
	last  string
	code  uint64
}

// add begins a series. It copies the values it keeps.
func (b *seriesBuilder) add(tags []string) {
	b.end()
	b.n++
	for i, v := range tags {
		t := &b.tags[i]
		if v != t.last || t.code == 0 {
			t.last, t.code = t.lookup(v)
		}
		t.data = binary.AppendUvarint(t.data, t.code)
	}
}

func (t *tagBuilder) lookup(v string) (string, uint64) {
	if v == "" {
		return "", 0
	}
	if c, ok := t.codes[v]; ok {
		return v, c
	}
	v = string([]byte(v))
	c := uint64(len(t.codes) + 1)
	t.codes[v] = c
	t.dict = binary.AppendUvarint(t.dict, uint64(len(v)))
	t.dict = append(t.dict, v...)
	return v, c
}

func (b *seriesBuilder) end() {
	if b.n > 0 {
		b.rows = binary.AppendUvarint(b.rows, uint64(b.last))
	}
	b.last = 0
}

func (b *seriesBuilder) encode(z *zstd.Encoder) string {
	b.end()
	raw := binary.AppendUvarint(nil, uint64(b.n))
	raw = binary.AppendUvarint(raw, uint64(len(b.tags)))
	for i := range b.tags {
		raw = binary.AppendUvarint(raw, uint64(len(b.tags[i].codes)))
		raw = append(raw, b.tags[i].dict...)
	}
	for i := range b.tags {
		raw = append(raw, b.tags[i].data...)
	}
	raw = append(raw, b.rows...)
	out := binary.AppendUvarint(nil, uint64(len(raw)))
	return base64.StdEncoding.EncodeToString(z.EncodeAll(raw, out))
}

// seriesIndex is the series of a file.
type seriesIndex struct {
	dicts  [][]string // by tag: values; 0 is NULL
	codes  [][]uint32 // by tag, by series
	starts []uint32   // first row by series, and the number of rows
}

func (x *seriesIndex) n() int { return len(x.starts) - 1 }

var errSeries = errors.New("invalid series index")

// maxRows bounds the rows of a file: row numbers must fit into 32 bits.
const maxRows = math.MaxUint32 - 1

// parseSeries decodes the index of a file with that many tags and rows.
func parseSeries(encoded string, tags int, rows int64) (*seriesIndex, error) {
	packed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	size, k := binary.Uvarint(packed)
	// Nothing compresses better than zstd's 1:32768, or so; this bounds memory.
	if k <= 0 || size > 1<<30 || size > uint64(len(packed))<<16 {
		return nil, errSeries
	}
	raw, err := decompress(nil, packed[k:], int(size))
	if err != nil {
		return nil, err
	}
	bad := false
	next := func() uint64 {
		v, k := binary.Uvarint(raw)
		if k <= 0 {
			bad, raw = true, nil
			return 0
		}
		raw = raw[k:]
		return v
	}
	n, nt := next(), next()
	if bad || n > uint64(len(raw)) || nt != uint64(tags) || n > uint64(max(rows, 0)) || rows > maxRows {
		return nil, errSeries
	}
	x := &seriesIndex{starts: make([]uint32, n+1)}
	text, end := string(raw), len(raw) // the values share one string
	for range tags {
		values := next()
		if bad || values > uint64(len(raw)) {
			return nil, errSeries
		}
		dict := make([]string, 1, values+1)
		for range values {
			l := next()
			if l > uint64(len(raw)) {
				return nil, errSeries
			}
			at := end - len(raw)
			dict = append(dict, text[at:at+int(l)])
			raw = raw[l:]
		}
		x.dicts = append(x.dicts, dict)
	}
	for t := range tags {
		if n > uint64(len(raw)) {
			return nil, errSeries
		}
		codes := make([]uint32, n)
		for s := range codes {
			c := next()
			if c >= uint64(len(x.dicts[t])) {
				return nil, errSeries
			}
			codes[s] = uint32(c)
		}
		x.codes = append(x.codes, codes)
	}
	at := uint64(0)
	for s := range int(n) {
		l := next()
		if l == 0 || l > maxRows {
			return nil, errSeries
		}
		at += l
		x.starts[s+1] = uint32(min(at, maxRows))
	}
	if bad || len(raw) != 0 || at != uint64(rows) {
		return nil, fmt.Errorf("%w: %d rows in the series, %d in the file", errSeries, at, rows)
	}
	return x, nil
}
