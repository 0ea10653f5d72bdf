package arrow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/klauspost/compress/zstd"

	"tarn/edge/query/text"
	"tarn/store/column"
)

// Headers of messages, and the version of their format.
const (
	headerSchema = 1
	headerBatch  = 3
	version5     = 4
	codecZstd    = 1
)

// Stream makes the parts of a stream. It is not safe for concurrent use.
type Stream struct {
	columns []Column
	fb      *flatbuffers.Builder
	// Of the batch that is being made: its body, and what describes it.
	body    []byte
	buffers [][2]int64 // offset and length
	zstd    *zstd.Encoder
	plain   []byte     // scratch: a buffer before it is compressed
	nodes   [][2]int64 // rows and nulls
}

// NewStream begins a stream.
func NewStream(columns []Column) *Stream {
	return &Stream{columns: columns, fb: flatbuffers.NewBuilder(1024)}
}

// Compress makes the bodies of batches compressed with zstd.
func (s *Stream) Compress() error {
	var err error
	s.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return fmt.Errorf("start zstd: %w", err)
	}
	return nil
}

// AppendSchema appends what comes first.
func (s *Stream) AppendSchema(dst []byte) []byte {
	s.fb.Reset()
	list := fields(s.fb, s.columns)
	return s.message(dst, headerSchema, table(s.fb, 4, func() { s.fb.PrependUOffsetTSlot(1, list, 0) }))
}

// ErrTooLong is a batch with more text in a column than Arrow's offsets reach.
var ErrTooLong = errors.New("more than 2 GB of text in a column of a batch")

// AppendBatch appends the first n rows of a batch.
func (s *Stream) AppendBatch(dst []byte, b *column.Batch, n int) ([]byte, error) {
	s.body, s.buffers, s.nodes = s.body[:0], s.buffers[:0], s.nodes[:0]
	for i, c := range s.columns {
		if err := s.vector(c, b.Cols[i], 0, n); err != nil {
			return dst, err
		}
	}
	s.fb.Reset()
	nodes, buffers := pairs(s.fb, s.nodes), pairs(s.fb, s.buffers)
	compression := flatbuffers.UOffsetT(0)
	if s.zstd != nil {
		compression = table(s.fb, 2, func() { s.fb.PrependByteSlot(0, codecZstd, 0) })
	}
	dst = s.message(dst, headerBatch, table(s.fb, 4,
		func() { s.fb.PrependInt64Slot(0, int64(n), 0) },
		func() { s.fb.PrependUOffsetTSlot(1, nodes, 0) },
		func() { s.fb.PrependUOffsetTSlot(2, buffers, 0) },
		func() { s.fb.PrependUOffsetTSlot(3, compression, 0) }))
	return append(dst, s.body...), nil
}

// AppendEnd appends the mark of the end.
func (s *Stream) AppendEnd(dst []byte) []byte {
	return append(dst, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
}

// pairs builds a vector of structs of two int64: FieldNode or Buffer.
func pairs(b *flatbuffers.Builder, list [][2]int64) flatbuffers.UOffsetT {
	b.StartVector(16, len(list), 8)
	for i := len(list) - 1; i >= 0; i-- {
		b.Prep(8, 16)
		b.PrependInt64(list[i][1])
		b.PrependInt64(list[i][0])
	}
	return b.EndVector(len(list))
}

// message appends the frame of a message whose body is s.body.
func (s *Stream) message(dst []byte, kind byte, header flatbuffers.UOffsetT) []byte {
	length := int64(0)
	if kind == headerBatch {
		length = int64(len(s.body))
	}
	s.fb.Finish(table(s.fb, 5,
		func() { s.fb.PrependInt16Slot(0, version5, 0) },
		func() { s.fb.PrependByteSlot(1, kind, 0) },
		func() { s.fb.PrependUOffsetTSlot(2, header, 0) },
		func() { s.fb.PrependInt64Slot(3, length, 0) }))
	meta := s.fb.FinishedBytes()
	padded := (len(meta) + 7) &^ 7
	dst = append(dst, 0xff, 0xff, 0xff, 0xff)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(padded))
	dst = append(dst, meta...)
	return append(dst, make([]byte, padded-len(meta))...)
}

// buffer adds one to the body.
func (s *Stream) buffer(fill func(dst []byte) []byte) {
	from := len(s.body)
	if s.zstd == nil {
		s.body = fill(s.body)
	} else {
		s.compressed(fill)
	}
	s.buffers = append(s.buffers, [2]int64{int64(from), int64(len(s.body) - from)})
	for len(s.body)%8 != 0 {
		s.body = append(s.body, 0)
	}
}

// compressed adds a buffer as its length and its zstd frame, or as -1 and itself
// where that is no shorter.
func (s *Stream) compressed(fill func(dst []byte) []byte) {
	s.plain = fill(s.plain[:0])
	if len(s.plain) == 0 {
		return
	}
	from := len(s.body)
	s.body = binary.LittleEndian.AppendUint64(s.body, uint64(len(s.plain)))
	s.body = s.zstd.EncodeAll(s.plain, s.body)
	if len(s.body)-from >= 8+len(s.plain) {
		s.body = binary.LittleEndian.AppendUint64(s.body[:from], math.MaxUint64)
		s.body = append(s.body, s.plain...)
	}
}

// bits appends a bitmap.
func bits(dst []byte, from, to int, set func(i int) bool) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, (to-from+7)/8)...)
	for i := from; i < to; i++ {
		if set(i) {
			dst[start+(i-from)/8] |= 1 << ((i - from) % 8)
		}
	}
	return dst
}

// vector adds rows from to to of a column: what is null, then its values.
func (s *Stream) vector(c Column, v *column.Vector, from, to int) error {
	nulls := int64(0)
	for i := from; i < to; i++ {
		if v.IsNull(i) {
			nulls++
		}
	}
	s.nodes = append(s.nodes, [2]int64{int64(to - from), nulls})
	if c.Type.Kind == column.Null {
		return nil
	}
	s.buffer(func(dst []byte) []byte {
		if nulls == 0 {
			return dst
		}
		return bits(dst, from, to, func(i int) bool { return !v.IsNull(i) })
	})
	each := func(add func(dst []byte, i int) []byte) {
		s.buffer(func(dst []byte) []byte {
			for i := from; i < to; i++ {
				dst = add(dst, i)
			}
			return dst
		})
	}
	switch le := binary.LittleEndian; c.Type.Kind {
	case column.Bool:
		s.buffer(func(dst []byte) []byte { return bits(dst, from, to, func(i int) bool { return v.Bools[i] }) })
	case column.Int64, column.Duration, column.TimeOfDay:
		each(func(dst []byte, i int) []byte { return number(dst, uint64(v.Ints[i]), c.bits()) })
	case column.Date:
		each(func(dst []byte, i int) []byte { return le.AppendUint32(dst, uint32(v.Ints[i])) })
	case column.Timestamp:
		width := 64
		if c.Unit == day {
			width = 32
		}
		each(func(dst []byte, i int) []byte {
			return number(dst, uint64(text.FloorDiv(v.Ints[i], max(c.Unit, 1))), width)
		})
	case column.Uint64:
		each(func(dst []byte, i int) []byte { return number(dst, v.Uints[i], c.bits()) })
	case column.Float64:
		each(func(dst []byte, i int) []byte {
			if c.Bits == 32 {
				return le.AppendUint32(dst, math.Float32bits(float32(v.Floats[i])))
			}
			return le.AppendUint64(dst, math.Float64bits(v.Floats[i]))
		})
	case column.IntervalKind:
		each(func(dst []byte, i int) []byte {
			iv := v.Intervals[i]
			dst = le.AppendUint32(dst, uint32(iv.Months))
			dst = le.AppendUint32(dst, uint32(iv.Days))
			return le.AppendUint64(dst, uint64(iv.Nanos))
		})
	case column.Struct:
		for i, child := range c.children() {
			if err := s.vector(child, v.Children[i], from, to); err != nil {
				return err
			}
		}
	case column.List:
		first := v.Offsets[from]
		s.buffer(func(dst []byte) []byte {
			for i := from; i <= to; i++ {
				dst = le.AppendUint32(dst, uint32(v.Offsets[i]-first))
			}
			return dst
		})
		return s.vector(c.children()[0], v.Children[0], int(first), int(v.Offsets[to]))
	default:
		return s.texts(v, from, to)
	}
	return nil
}

func number(dst []byte, v uint64, width int) []byte {
	switch width {
	case 8:
		return append(dst, byte(v))
	case 16:
		return binary.LittleEndian.AppendUint16(dst, uint16(v))
	case 32:
		return binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(dst, v)
}

// texts adds strings: where each ends, and their bytes.
func (s *Stream) texts(v *column.Vector, from, to int) error {
	total := 0
	s.buffer(func(dst []byte) []byte {
		dst = binary.LittleEndian.AppendUint32(dst, 0)
		for i := from; i < to; i++ {
			if !v.IsNull(i) {
				total += len(v.Text(i))
			}
			dst = binary.LittleEndian.AppendUint32(dst, uint32(min(total, math.MaxInt32)))
		}
		return dst
	})
	if total > math.MaxInt32 {
		return ErrTooLong
	}
	s.buffer(func(dst []byte) []byte {
		for i := from; i < to; i++ {
			if !v.IsNull(i) {
				dst = append(dst, v.Text(i)...)
			}
		}
		return dst
	})
	return nil
}
