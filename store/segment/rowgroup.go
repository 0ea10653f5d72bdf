package segment

import (
	"bytes"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// groupEntry is what the footer and the page index need of a written row group.
type groupEntry struct {
	rows   int
	offset int64
	chunks []chunkEntry // tags, time, fields
}

type chunkEntry struct {
	dictOffset int64 // 0 means none
	offset     int64 // of the first data page
	size       int64
	raw        int64
	nulls      int64
	encodings  []format.Encoding
	dictCheck  pageCheck
	pages      []page
	min, max   []byte
	noBounds   bool

	filterOffset int64
	filterLength int // 0 means none
}

// less compares statistics of a column.
type less func(a, b []byte) bool

func lessText(a, b []byte) bool { return bytes.Compare(a, b) < 0 }

// endGroup writes the rows that have gathered as a row group.
func (w *Writer) endGroup() error {
	if w.groupRows == 0 {
		return nil
	}
	g := groupEntry{rows: w.groupRows, offset: w.written}
	for _, t := range w.tags {
		if err := t.finish(); err != nil {
			return err
		}
		if err := w.writeChunk(&g, &t.c, lessText); err != nil {
			return err
		}
		t.begin()
	}
	if err := w.time.finish(); err != nil {
		return err
	}
	if err := w.writeChunk(&g, &w.time.c, lessInt); err != nil {
		return err
	}
	w.time.begin()
	for i, c := range w.values {
		if err := c.finish(); err != nil {
			return err
		}
		if err := w.writeChunk(&g, c.chunk(), w.lessOf(i)); err != nil {
			return err
		}
	}
	if err := w.writeFilters(&g); err != nil {
		return err
	}
	for _, c := range w.values {
		c.begin()
	}
	w.groups = append(w.groups, g)
	w.groupRows, w.work.held = 0, 0
	return nil
}

// writeFilters writes the Bloom filters of the row group, behind its chunks.
func (w *Writer) writeFilters(g *groupEntry) error {
	first := len(g.chunks) - len(w.values)
	for i, c := range w.values {
		texts, ok := c.(*stringColumn)
		if !ok || !texts.filterPays() {
			continue
		}
		var err error
		var length int
		if w.scratch, length, err = texts.filter.appendTo(w.scratch[:0], !w.opts.export); err != nil {
			return err
		}
		e := &g.chunks[first+i]
		e.filterOffset, e.filterLength = w.written, length
		if err := w.write(w.scratch); err != nil {
			return err
		}
	}
	return nil
}

// lessOf compares statistics of a field.
func (w *Writer) lessOf(field int) less {
	if w.narrow(field) {
		return lessInt32
	}
	return lessOf(w.fields[field].Kind)
}

// narrow says whether a field is INT32.
func (w *Writer) narrow(field int) bool { return field >= len(w.fields)-w.opts.remainders }

func (w *Writer) writeChunk(g *groupEntry, c *chunk, before less) error {
	e := chunkEntry{
		size: int64(c.size()), raw: int64(c.raw), nulls: int64(c.nulls), encodings: slices.Clone(c.encodings),
		dictCheck: c.dictCheck, pages: slices.Clone(c.pages), noBounds: c.noBounds,
	}
	if len(c.dict) > 0 {
		e.dictOffset = w.written
		if err := w.write(c.dict); err != nil {
			return err
		}
	}
	e.offset = w.written
	for _, p := range c.pages {
		if p.min == nil {
			continue
		}
		if e.min == nil || before(p.min, e.min) {
			e.min = p.min
		}
		if e.max == nil || before(e.max, p.max) {
			e.max = p.max
		}
	}
	g.chunks = append(g.chunks, e)
	return w.write(c.data)
}
