package segment

import (
	"bytes"
	"context"
	"errors"
	"math/bits"
	"sort"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"tarn/store/column"
	"tarn/store/merge"
)

// Rules is merge.Searcher's: what it says holds for a row group. It knows from
// bounds, Bloom filters and dictionaries.
func (r *Reader) Rules(ctx context.Context, tests []merge.TextTest, row int) (to int, out bool, err error) {
	if row < 0 || row >= r.Rows() {
		return r.Rows(), false, r.badRange(row, row+1)
	}
	chunks := r.time.chunks
	g := sort.Search(len(chunks), func(i int) bool { return int(chunks[i].firstRow) > row }) - 1
	to = int(chunks[g].firstRow + chunks[g].rows)
	for i := range tests {
		c, ok := r.fields[tests[i].Column.ID]
		if !ok {
			return r.Rows(), true, nil // all null
		}
		if c.Kind != column.String {
			continue
		}
		if out, err := r.excludes(ctx, c, uint32(g), &tests[i]); out || err != nil {
			return to, out, err
		}
	}
	return to, false, nil
}

// excludes says whether no text of a chunk passes a test.
func (r *Reader) excludes(ctx context.Context, c *fileColumn, chunk uint32, t *merge.TextTest) (bool, error) {
	ref := &c.chunks[chunk]
	if ref.nulls {
		return true, nil
	}
	if t.Values != nil {
		possible := t.Values
		if ref.bounded {
			possible = possible[:0:0]
			for _, v := range t.Values {
				if ref.lo <= v && v <= ref.hi {
					possible = append(possible, v)
				}
			}
		}
		if len(possible) == 0 {
			return true, nil
		}
		if ref.filter.size > 0 {
			some, err := r.maybe(ctx, ref.filter, possible)
			var damage *CorruptError
			if errors.As(err, &damage) {
				return false, nil // the rows are still there; Verify tells of it
			}
			return !some, err
		}
	}
	if ref.dictOffset == 0 || ref.mixed {
		return false, nil
	}
	if err := r.load(ctx); err != nil { // has the check of the dictionary
		return false, err
	}
	d, err := r.dictionaryOf(ctx, c, chunk)
	if err != nil {
		return false, r.wrap(c, &pageRef{offset: ref.dictOffset}, err)
	}
	return !d.passing(t).Any(d.n()), nil
}

// Search is merge.Searcher's. Pages are decompressed, no texts are made.
func (r *Reader) Search(ctx context.Context, dst []merge.Range, tests []merge.TextTest, from, to int) ([]merge.Range, error) {
	base := len(dst)
	dst = append(dst, merge.Range{From: from, To: to})
	for i := range tests {
		c, ok := r.fields[tests[i].Column.ID]
		if !ok {
			return dst[:base], nil
		}
		if c.Kind != column.String {
			continue
		}
		// What the test leaves is appended, then moved down.
		for k, n := base, len(dst); k < n; k++ {
			var err error
			if dst, err = r.searchColumn(ctx, dst, c, &tests[i], dst[k].From, dst[k].To); err != nil {
				return dst[:base], err
			}
			if k == n-1 {
				dst = dst[:base+copy(dst[base:], dst[n:])]
			}
		}
	}
	return dst, nil
}

func (r *Reader) searchColumn(ctx context.Context, dst []merge.Range, c *fileColumn, t *merge.TextTest, from, to int) ([]merge.Range, error) {
	if from < 0 || to > r.Rows() || from > to {
		return dst, r.badRange(from, to)
	}
	if from == to {
		return dst, nil
	}
	if err := r.load(ctx); err != nil {
		return dst, err
	}
	for page := c.pageOf(from); from < to; page++ {
		p := &c.pages[page]
		first := int(p.firstRow)
		cur, err := r.cursorAt(ctx, c, page, from-first)
		if err != nil {
			return dst, err
		}
		n := min(to, first+int(p.rows)) - from
		before := len(dst)
		if dst, err = cur.search(dst, t, first, n); err != nil {
			cur.close()
			return dst, r.wrap(c, p, err)
		}
		from += n
		// What was searched may be read next, unless there is nothing in it.
		if len(cur.bytes) > maxStash || from == first+int(p.rows) && len(dst) == before {
			cur.close()
		} else {
			c.stash.put(cur)
		}
	}
	return dst, nil
}

// search appends the ranges of the next n rows that pass a test, by their number
// in the file, of which the page's first is first. It leaves the cursor where it
// is.
func (c *cursor) search(dst []merge.Range, t *merge.TextTest, first, n int) (out []merge.Range, err error) {
	defer guard(&err)
	s := rowFinder{cursor: c, first: first, dst: dst, row: c.row, value: c.value}
	values := n - c.countNulls(c.row, c.row+n)
	switch {
	case c.encoding == format.RLEDictionary:
		err = s.byIndex(t, values)
	case values == 0:
	case t.Values == nil && len(t.Parts) == 1 && t.Parts[0] != "":
		s.byPart(t, values)
	default:
		s.byValue(t, values)
	}
	return s.dst, err
}

// rowFinder turns the places of values, which come in ascending order, into rows.
type rowFinder struct {
	*cursor
	first int
	dst   []merge.Range
	row   int // the first that may have value
	value int // the next
}

// add notes that a value passes.
func (s *rowFinder) add(value int) {
	row := s.row + value - s.value
	if s.some {
		row = nthPresent(s.nulls, s.row, value-s.value)
	}
	s.row, s.value = row+1, value+1
	at := s.first + row
	if n := len(s.dst); n > 0 && s.dst[n-1].To == at {
		s.dst[n-1].To++
		return
	}
	s.dst = append(s.dst, merge.Range{From: at, To: at + 1})
}

// nthPresent is the n-th row, counted from 0, from row on that is not null.
func nthPresent(nulls column.Bitmap, row, n int) int {
	for w := row >> 6; ; w++ {
		present := ^uint64(0)
		if w < len(nulls) {
			present = ^nulls[w]
		}
		if w == row>>6 {
			present &= ^uint64(0) << (uint(row) & 63)
		}
		if k := bits.OnesCount64(present); n >= k {
			n -= k
			continue
		}
		for ; n > 0; n-- {
			present &= present - 1
		}
		return w<<6 + bits.TrailingZeros64(present)
	}
}

// byIndex compares entries of the dictionary.
func (s *rowFinder) byIndex(t *merge.TextTest, n int) error {
	before := s.hybrid // reading changes it
	defer func() { s.hybrid = before }()
	if err := s.lookup(n); err != nil {
		return err
	}
	passing := s.dict.passing(t)
	for i, k := range s.indexes {
		if passing.Get(int(k)) {
			s.add(s.cursor.value + i)
		}
	}
	return nil
}

// byValue compares each text.
func (s *rowFinder) byValue(t *merge.TextTest, n int) {
	at := s.startOf(s.cursor.value)
	for i, end := range s.ends[s.cursor.value : s.cursor.value+n] {
		if b := s.packed[at:end]; t.Passes(unsafe.String(unsafe.SliceData(b), len(b))) {
			s.add(s.cursor.value + i)
		}
		at = end
	}
}

// byPart looks for the part in all texts at once, which is as fast as memory
// can be read.
func (s *rowFinder) byPart(t *merge.TextTest, n int) {
	part := []byte(t.Parts[0])
	ends := s.ends[s.cursor.value : s.cursor.value+n]
	at, end := s.startOf(s.cursor.value), ends[n-1]
	for i := 0; i < n; {
		k := bytes.Index(s.packed[at:end], part)
		if k < 0 {
			return
		}
		// The text in which it starts; it must end there, too.
		found := at + int64(k)
		if ends[i] <= found {
			i += sort.Search(n-i, func(j int) bool { return ends[i+j] > found })
		}
		if found+int64(len(part)) <= ends[i] {
			b := s.packed[s.startOf(s.cursor.value+i):ends[i]]
			if t.HasAlso(unsafe.String(unsafe.SliceData(b), len(b))) {
				s.add(s.cursor.value + i)
			}
			at = ends[i]
			i++
		} else {
			at = found + 1
		}
	}
}
