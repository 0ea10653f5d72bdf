package segment

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Which columns get Bloom filters. A filter pays where one value is looked for
// that could be anywhere: in ids. So a column's values must be short words,
// without an order that gives most pages bounds of their own, and several pages of
// them; the filter must be small beside them; and when there is a dictionary,
// which is a filter by itself and without error, it must be a large one.
const (
	// maxFilters bounds the columns of a file that get filters, and with them
	// memory: the first ones do.
	maxFilters = 16
	// maxFilterText is the longest average of texts that may be ids: a SHA-256
	// in hexadecimal digits.
	maxFilterText = 64
	// maxFilterShare is the part of its chunk's size that a filter may have: one
	// of random ids of 16 hexadecimal digits takes a seventh, in small row groups
	// up to a quarter.
	maxFilterShare = 4
	// minFilterDict is the smallest number of entries of a dictionary that takes
	// longer to read than a filter: about 50 ns each.
	minFilterDict = 2048
)

// startFilter begins a filter if the page at hand may be one of ids, with the
// values that the dictionary has already.
func (w *stringColumn) startFilter() {
	if w.filter == nil || len(w.lengths) == 0 || len(w.text) > maxFilterText*len(w.lengths) || bytes.IndexByte(w.text, ' ') >= 0 {
		return
	}
	w.filtered = true
	w.filter.reset(w.groupRows)
	w.filterDict()
}

// filterDict adds the values of the dictionary.
func (w *stringColumn) filterDict() {
	for b := w.dict.plain; len(b) > 0; {
		n := 4 + binary.LittleEndian.Uint32(b)
		w.filter.add(b[4:n])
		b = b[n:]
	}
}

// dictMayBeIDs says whether the dictionary looks as startFilter wants it.
func (w *stringColumn) dictMayBeIDs() bool {
	n := w.dict.n()
	if n < minFilterDict || len(w.dict.plain) > (4+maxFilterText)*n {
		return false
	}
	for b := w.dict.plain; len(b) > 0; {
		n := 4 + binary.LittleEndian.Uint32(b)
		if bytes.IndexByte(b[4:n], ' ') >= 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// filterPage adds the values of the page.
func (w *stringColumn) filterPage() {
	if !w.filtered {
		return
	}
	at := 0
	var last []byte
	for _, n := range w.lengths {
		s := w.text[at : at+int(n)]
		at += int(n)
		if !bytes.Equal(s, last) || len(last) == 0 {
			w.filter.add(s)
			last = s
		}
	}
}

// filterPays says whether the chunk, which is finished, gets a filter, and
// folds it.
func (w *stringColumn) filterPays() bool {
	if w.filter == nil || len(w.c.pages) < 2 || w.clustered() {
		return false
	}
	if w.useDict && w.dictMayBeIDs() {
		w.filtered = true
		w.filter.reset(w.dict.n())
		w.filterDict()
	}
	if !w.filtered {
		return false
	}
	w.filter.fold()
	return 4*len(w.filter.words)*maxFilterShare <= w.c.size()
}

// clustered says whether the bounds of pages alone exclude most of them: an
// average page overlaps less than an eighth of the others.
func (w *stringColumn) clustered() bool {
	if w.c.noBounds {
		return false
	}
	var lows, highs [][]byte
	for _, p := range w.c.pages {
		if p.min != nil {
			lows, highs = append(lows, p.min), append(highs, p.max)
		}
	}
	slices.SortFunc(lows, bytes.Compare)
	slices.SortFunc(highs, bytes.Compare)
	overlaps := 0 // ordered pairs of pages, each with itself too
	for _, p := range w.c.pages {
		if p.min == nil {
			continue
		}
		begun, found := slices.BinarySearchFunc(lows, p.max, bytes.Compare) // those that begin before this ends ...
		for found && begun < len(lows) && bytes.Equal(lows[begun], p.max) {
			begun++
		}
		ended, _ := slices.BinarySearchFunc(highs, p.min, bytes.Compare) // ... but for those that end before it begins
		overlaps += begun - ended
	}
	n := len(lows)
	return overlaps-n <= n*(n-1)/8
}
