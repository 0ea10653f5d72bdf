package segment

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
)

// stringColumn writes text: dictionary-coded or DELTA_LENGTH_BYTE_ARRAY,
// whichever a sample of the row group says is smaller. A dictionary that grows
// too large is left for the other.
type stringColumn struct {
	pending
	c         chunk
	pageRows  int
	pageBytes int
	most      int    // bytes of the dictionary
	text      []byte // of the values, one after the other
	lengths   []int64

	dict    textDict
	chosen  bool // useDict is chosen for this row group
	useDict bool

	filter    *filterBuilder // nil when the file has enough of them
	groupRows int            // of a full row group
	filtered  bool           // filter has the values of this row group

	hybrid  hybridEncoder
	delta   deltaEncoder
	indexes []uint32
	seen    []bool // by index
	buf     []byte
}

func (w *stringColumn) chunk() *chunk     { return &w.c }
func (w *stringColumn) pendingBytes() int { return len(w.text) + 2*len(w.lengths) }

func (w *stringColumn) begin() {
	w.c.reset()
	w.dict.reset()
	w.chosen, w.useDict, w.filtered = false, false, false
}

func (w *stringColumn) append(v *column.Vector, from, n int) error {
	nulls := v.Type.Kind == column.Null || anyNull(v.Nulls, from, from+n)
	for at := from; at < from+n; at++ {
		if nulls && v.IsNull(at) {
			w.missing(1)
		} else {
			s := v.Strings[at]
			w.text = append(w.text, s...)
			w.lengths = append(w.lengths, int64(len(s)))
			w.present(1)
		}
		if w.rows == w.pageRows || len(w.text) >= w.pageBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *stringColumn) boundary() error {
	if w.rows == 0 || w.rows < w.pageRows/3 && len(w.text) < w.pageBytes/2 {
		return nil
	}
	return w.flush()
}

func (w *stringColumn) finish() error {
	if w.rows > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.dict.n() == 0 {
		return nil
	}
	return w.c.setDictionary(w.dict.plain, w.dict.n())
}

func (w *stringColumn) flush() error {
	if !w.chosen && len(w.lengths) > 0 {
		w.choose()
		w.chosen = true
	}
	p := w.page()
	if w.useDict {
		if w.index() {
			p.min, p.max, p.noBounds = w.indexedBounds()
			p.encoding = format.RLEDictionary
			w.buf = appendIndexes(&w.hybrid, w.buf[:0], w.indexes, w.dict.n(), false)
		} else {
			w.useDict = false
			w.startFilter()
		}
	}
	if !w.useDict {
		p.min, p.max, p.noBounds = w.bounds()
		p.encoding = format.DeltaLengthByteArray
		w.encodePlainly()
		w.filterPage()
	}
	p.values = w.buf
	err := w.c.addPage(p)
	w.reset()
	w.text, w.lengths = w.text[:0], w.lengths[:0]
	return err
}

func (w *stringColumn) encodePlainly() {
	w.buf = w.delta.append(w.buf[:0], w.lengths, deltaShapes[0])
	w.buf = append(w.buf, w.text...)
}

// choose compares the encodings on the first page.
func (w *stringColumn) choose() {
	w.encodePlainly()
	plain := w.c.packedSize(w.buf)
	if w.index() {
		w.buf = appendIndexes(&w.hybrid, w.buf[:0], w.indexes, w.dict.n(), false)
		// The row group's pages share the dictionary, so one page need not pay
		// for all of it; but one that has grown to most of the page will go on
		// growing.
		size := w.c.packedSize(w.buf)
		if 2*w.dict.n() <= len(w.lengths) {
			size += w.c.packedSize(w.dict.plain) / 4
		} else {
			size += w.c.packedSize(w.dict.plain)
		}
		w.useDict = size < plain
	}
	w.dict.reset()
	if !w.useDict {
		w.startFilter()
	}
}

// index looks the page's values up in the dictionary, adding new ones. When
// they are too many it leaves the dictionary as it was, and returns false.
func (w *stringColumn) index() bool {
	before, size := w.dict.n(), len(w.dict.plain)
	w.indexes = w.indexes[:0]
	at := 0
	var last []byte
	var lastIndex uint32
	for i, n := range w.lengths {
		s := w.text[at : at+int(n)]
		at += int(n)
		if i == 0 || !bytes.Equal(s, last) {
			last, lastIndex = s, w.dict.index(s)
		}
		w.indexes = append(w.indexes, lastIndex)
		if len(w.dict.plain) > w.most {
			w.dict.truncate(before, size)
			return false
		}
	}
	return true
}

// maxBound is the longest text that statistics repeat.
const maxBound = 64

// textBounds finds the bytewise smallest and largest of texts.
type textBounds struct {
	lo, hi []byte
	any    bool
}

func (b *textBounds) add(s []byte) {
	switch {
	case !b.any:
		b.lo, b.hi, b.any = s, s, true
	case bytes.Compare(s, b.lo) < 0:
		b.lo = s
	case bytes.Compare(s, b.hi) > 0:
		b.hi = s
	}
}

// get returns copies, or that they are too long for statistics.
func (b *textBounds) get() (lo, hi []byte, none bool) {
	if len(b.lo) > maxBound || len(b.hi) > maxBound {
		return nil, nil, true
	}
	if !b.any {
		return nil, nil, false
	}
	return append([]byte{}, b.lo...), append([]byte{}, b.hi...), false
}

// bounds are those of the page.
func (w *stringColumn) bounds() (lo, hi []byte, none bool) {
	var b textBounds
	at := 0
	for _, n := range w.lengths {
		b.add(w.text[at : at+int(n)])
		at += int(n)
	}
	return b.get()
}

// indexedBounds are the same, by the indexes: each text is looked at once.
func (w *stringColumn) indexedBounds() (lo, hi []byte, none bool) {
	var b textBounds
	w.seen = slices.Grow(w.seen[:0], w.dict.n())[:w.dict.n()]
	clear(w.seen)
	at := 0
	for i, k := range w.indexes {
		n := int(w.lengths[i])
		if !w.seen[k] {
			w.seen[k] = true
			b.add(w.text[at : at+n])
		}
		at += n
	}
	return b.get()
}

// maxDictBytes bounds a dictionary page.
const maxDictBytes = 1 << 20

// textDict numbers distinct texts.
type textDict struct {
	plain  []byte // the dictionary page: length, text, length, text ...
	places map[string]uint32
}

func (d *textDict) n() int { return len(d.places) }

func (d *textDict) reset() {
	d.plain = d.plain[:0]
	clear(d.places)
}

func (d *textDict) index(s []byte) uint32 {
	if i, ok := d.places[string(s)]; ok {
		return i
	}
	if d.places == nil {
		d.places = map[string]uint32{}
	}
	i := uint32(len(d.places))
	d.places[string(s)] = i
	d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(len(s)))
	d.plain = append(d.plain, s...)
	return i
}

// truncate forgets all but the first n texts, whose page has that size.
func (d *textDict) truncate(n, size int) {
	for s, i := range d.places {
		if int(i) >= n {
			delete(d.places, s)
		}
	}
	d.plain = d.plain[:size]
}
