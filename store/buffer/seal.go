package buffer

import (
	"math"
	"slices"
	"sync"

	"tarn/store/buffer/codec"
	"tarn/store/column"
	"tarn/store/merge"
)

// sealer compresses views to blocks. Its memory, about as much as a head's, is
// needed for a millisecond at a time, so tables share a few.
type sealer struct {
	view    view
	words   []uint64
	codes   []uint64
	nulls   column.Bitmap
	data    []byte
	offsets []uint32
	extents []extent
	dict    dictionary
	text    []byte
	packed  []byte
}

// extent is where a column lies in sealer.data and sealer.offsets.
type extent struct{ data, dataEnd, offsets, offsetsEnd int }

var sealers = sync.Pool{New: func() any { return new(sealer) }}

// seal makes a block of a head's rows. The head stays as it is.
func seal(h *head, separate bool) *Block {
	s := sealers.Get().(*sealer)
	defer sealers.Put(s)
	s.view.take(h, h.cols)
	s.view.sort(h.series, h.times, separate)
	b := s.block(&s.view)
	s.view.cols = nil
	return b
}

// take copies what a view needs beside the order of the rows.
func (v *view) take(h *head, cols []headColumn) {
	v.cols = cols
	v.minSeq, v.maxSeq, v.minTime, v.maxTime, v.late = h.minSeq, h.maxSeq, h.minTime, h.maxTime, h.late
}

func (s *sealer) block(v *view) *Block {
	b := &Block{
		runs: slices.Clone(v.runs), rows: v.Rows(), late: v.late,
		minSeq: v.minSeq, maxSeq: v.maxSeq, minTime: v.minTime, maxTime: v.maxTime,
		cols: make([]blockColumn, len(v.cols)),
	}
	s.data, s.offsets, s.extents = s.data[:0], s.offsets[:0], s.extents[:0]
	s.words = s.words[:0]
	for _, t := range v.times {
		s.words = append(s.words, uint64(t))
	}
	b.times.kind = column.Timestamp
	s.column(&b.times, b.rows, nil)
	for id := range v.cols {
		c := &v.cols[id]
		if c.kind == column.Null {
			continue
		}
		s.nulls = s.nulls[:0]
		s.words = v.dense(s.words[:0], &s.nulls, c)
		if len(s.words) == 0 {
			continue // nothing but nulls: the same as absent
		}
		b.cols[id].kind = c.kind
		s.column(&b.cols[id], b.rows, c)
		if len(s.words) < b.rows {
			b.cols[id].nulls = slices.Clone(s.nulls)
			b.cols[id].stats.Nulls = b.rows - len(s.words)
		}
	}
	s.place(b)
	return b
}

// column appends the stretches of s.words, which lack the rows in s.nulls.
func (s *sealer) column(out *blockColumn, rows int, src *headColumn) {
	e := extent{data: len(s.data), offsets: len(s.offsets)}
	words, coded := s.words, false
	lowest, highest := int64(math.MaxInt64), int64(math.MinInt64)
	exponent := codec.Bits
	switch out.kind {
	case column.Float64:
		exponent = codec.Exponent(words)
	case column.String:
		s.codes, coded = s.dict.build(s.codes[:0], words, src, maxDistinct(len(words)))
		if coded {
			words = s.codes
			s.data = append(s.data, s.dict.text...)
			out.dict = slices.Clone(s.dict.ends)
		}
	}
	for start := 0; start < rows; start += codec.Size {
		n := min(codec.Size, rows-start)
		if len(s.words) < rows {
			n -= countBits(s.nulls, start, n)
		}
		part := words[:n]
		words = words[n:]
		s.offsets = append(s.offsets, uint32(len(s.data)-e.data))
		switch {
		case out.kind == column.Float64:
			s.data = codec.AppendFloats(s.data, part, exponent)
		case out.kind == column.String && !coded:
			s.data = s.appendTexts(s.data, part, src)
		default:
			var lo, hi int64
			if s.data, lo, hi = codec.AppendBounded(s.data, part); n > 0 {
				lowest, highest = min(lowest, lo), max(highest, hi)
			}
		}
	}
	if out.kind == column.Int64 || out.kind == column.Timestamp {
		out.stats = merge.Stats{Min: uint64(lowest), Max: uint64(highest)}
	} else {
		out.stats = stats(out.kind, s.words)
	}
	e.dataEnd, e.offsetsEnd = len(s.data), len(s.offsets)
	s.extents = append(s.extents, e)
}

// decodePadding lets the bit-unpacker of the last column load whole words.
const decodePadding = 8

// place gives the columns of b their memory: one exact array for all.
func (s *sealer) place(b *Block) {
	data := make([]byte, len(s.data)+decodePadding)
	copy(data, s.data)
	offsets := slices.Clone(s.offsets)
	next := 0
	put := func(c *blockColumn) {
		e := s.extents[next]
		next++
		c.data = data[e.data : e.dataEnd+decodePadding]
		c.offsets = offsets[e.offsets:e.offsetsEnd]
		b.size += int64(8*cap(c.nulls) + 4*cap(c.dict))
	}
	put(&b.times)
	for i := range b.cols {
		if b.cols[i].kind != column.Null {
			put(&b.cols[i])
		}
	}
	b.size += int64(cap(data) + 4*cap(offsets) + sizeOfRun*cap(b.runs) + sizeOfBlockColumn*(len(b.cols)+1) + sizeOfBlock)
}

// Sizes of structs on a 64-bit machine.
const (
	sizeOfRun         = 12
	sizeOfBlockColumn = 136
	sizeOfBlock       = 128
)

// stats returns the smallest and largest of the words as the kind, which is not
// of signed integers, orders them.
func stats(kind column.Kind, words []uint64) merge.Stats {
	var s merge.Stats
	switch kind {
	case column.Uint64, column.Bool:
		s.Min, s.Max = words[0], words[0]
		for _, w := range words {
			s.Min, s.Max = min(s.Min, w), max(s.Max, w)
		}
	case column.Float64:
		// NaNs fail both comparisons. With nothing but NaNs the bounds are
		// those that every value fits.
		lo, hi, any := math.Inf(1), math.Inf(-1), false
		for _, w := range words {
			f := math.Float64frombits(w)
			if f <= lo {
				lo, any = f, true
			}
			if f >= hi {
				hi, any = f, true
			}
		}
		if !any {
			lo, hi = hi, lo
		}
		s.Min, s.Max = math.Float64bits(lo), math.Float64bits(hi)
	}
	return s
}
