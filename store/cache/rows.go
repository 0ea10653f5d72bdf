package cache

import (
	"math"

	"tarn/store/points"
)

// rowStore holds the cached rows of a Last: records of equal width in pages,
// numbered from 0, and the bytes of their texts.
//
// A record is words: the time, the wall clock of its insertion, the number of
// the next newer row of its entry, a bitmap of the values that are present, and
// a word for each value as points.Field has it. The word of a text is
// offset<<32|length into text, where textRoom(length) bytes are its own.
type rowStore struct {
	values int // of a record
	width  int // words of a record
	pages  [][]uint64
	n      int    // records handed out, free ones included
	free   uint32 // number of the first free record + 1; they are linked as rows are
	freed  int    // number of free records

	text []byte
	// garbage is how much of text belongs to no record.
	garbage int
	// texts says which values are texts.
	texts []bool
}

// The fixed words of a record.
const (
	wordTime = iota
	wordInserted
	wordNext
	wordPresent
)

// pageRows is a compromise: a cache of few entries must not take much, one of
// many must not be many objects.
const pageRows = 32

// textRoom is what a text of n bytes occupies. Rounding lets texts that change
// their length a little stay where they are.
func textRoom(n int) int { return (n + 7) &^ 7 }

func (r *rowStore) row(id uint32) []uint64 {
	return r.pages[id/pageRows][int(id%pageRows)*r.width:][:r.width]
}

func recordWidth(values int) int { return wordPresent + (values+63)/64 + values }

// first is the place of a record's first value.
func (r *rowStore) first() int { return r.width - r.values }

// grow gives all records room for more values, absent at first.
func (r *rowStore) grow(a *account, texts []bool) bool {
	values := r.values + len(texts)
	width := recordWidth(values)
	if !a.take(size[uint64](len(r.pages) * pageRows * (width - r.width))) {
		return false
	}
	from := r.first()
	to := width - values
	for i, old := range r.pages {
		page := make([]uint64, pageRows*width)
		for row := range pageRows {
			src, dst := old[row*r.width:][:r.width], page[row*width:]
			copy(dst, src[:from])
			copy(dst[to:], src[from:])
		}
		r.pages[i] = page
	}
	r.values, r.width, r.texts = values, width, append(r.texts, texts...)
	return true
}

// pageBytes is the memory of a page.
func (r *rowStore) pageBytes() int64 { return size[uint64](pageRows*r.width) + size[[]uint64](1) }

// alloc hands out a record.
func (r *rowStore) alloc(a *account) (id uint32, ok bool) {
	if r.free != 0 {
		id = r.free - 1
		r.free = uint32(r.row(id)[wordNext])
		r.freed--
		return id, true
	}
	if r.n%pageRows == 0 {
		if r.n > math.MaxInt32 || !a.take(r.pageBytes()) {
			return 0, false
		}
		r.pages = append(r.pages, make([]uint64, pageRows*r.width))
	}
	r.n++
	return uint32(r.n - 1), true
}

// release takes a record back.
func (r *rowStore) release(id uint32) {
	rec := r.row(id)
	for v, isText := range r.texts {
		if isText {
			w := &rec[r.first()+v]
			r.garbage += textRoom(int(*w & math.MaxUint32))
			*w = 0
		}
	}
	rec[wordNext] = uint64(r.free)
	r.free = id + 1
	r.freed++
}

// setText gives a record a text; false means that the budget is spent.
func (r *rowStore) setText(a *account, rec []uint64, value int, text []byte) bool {
	w := &rec[r.first()+value]
	off, have, need := int(*w>>32), textRoom(int(*w&math.MaxUint32)), textRoom(len(text))
	if need > have {
		r.garbage += have
		*w = 0
		if len(r.text)+need > cap(r.text) && r.garbage > len(r.text)/2 {
			if !r.compact(a) {
				return false
			}
		}
		if len(r.text)+need > math.MaxInt32 {
			return false
		}
		off = len(r.text)
		var ok bool
		if r.text, ok = extend(a, r.text, need); !ok {
			return false
		}
	} else {
		r.garbage += have - need
	}
	copy(r.text[off:], text)
	*w = uint64(off)<<32 | uint64(len(text))
	return true
}

// compact leaves the garbage out.
func (r *rowStore) compact(a *account) bool {
	live := len(r.text) - r.garbage
	room := live + live/2
	if !a.take(int64(room)) {
		return false
	}
	text := make([]byte, 0, room)
	for id := range r.n {
		rec := r.row(uint32(id))
		for v, isText := range r.texts {
			if w := &rec[r.first()+v]; isText && *w != 0 {
				off, n := int(*w>>32), int(*w&math.MaxUint32)
				to := len(text)
				text = append(text, r.text[off:off+textRoom(n)]...)
				*w = uint64(to)<<32 | uint64(n)
			}
		}
	}
	a.give(int64(cap(r.text)))
	r.text, r.garbage = text, 0
	return true
}

// fill writes row of a batch into a record whose linking is the caller's. tags
// are the texts of the values that are tags.
func (r *rowStore) fill(a *account, rec []uint64, p *points.Table, row int, now int64, from []source, tags [][]byte) bool {
	rec[wordTime], rec[wordInserted] = uint64(p.Times[row]), uint64(now)
	first := r.first()
	present := rec[wordPresent:first]
	clear(present)
	for i, s := range from {
		if s.tag {
			if tags[i] == nil {
				continue
			}
			if !r.setText(a, rec, s.value, tags[i]) {
				return false
			}
		} else {
			f := p.Fields[s.at]
			if f.Nulls.Get(row) {
				continue
			}
			if !r.texts[s.value] {
				rec[first+s.value] = f.Bits[row]
			} else if !r.setText(a, rec, s.value, f.Text(row)) {
				return false
			}
		}
		present[s.value>>6] |= 1 << (uint(s.value) & 63)
	}
	return true
}

// source says where in a batch a value lies.
type source struct {
	value int
	tag   bool
	at    int // index of the tag or field
}
