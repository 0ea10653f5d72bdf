package points

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/s2"
)

// An encoded batch is three streams, read in lock-step:
//
//	+---------+---------+-----------------------------------------------+
//	| version | numbers | counts, lengths, IDs, differences: uvarints   |
//	| 1 byte  | text    | names, tag values, strings, one after another |
//	|         | raw     | bitmaps, and bytes of floats                  |
//	+---------+---------+-----------------------------------------------+
//
// Each stream is
//
//	+------+---------------------------------------------------+
//	| size | uvarint: bytes of the stream                      |
//	+------+---------------------------------------------------+
//	| part | method: 1 byte, then                              |
//	| ...  |   stored:  the bytes                              |
//	|      |   huffman: uvarint length, huff0 4-stream block   |
//	|      |   run:     the one byte that all bytes are        |
//	|      |   s2:      uvarint length, S2 block               |
//	+------+---------------------------------------------------+
//
// in parts of partSize bytes, the last one shorter.
//
// Bytes of numbers are mostly small differences that come without pattern,
// which is what an entropy coder is for; names and texts repeat as a whole,
// which is what S2 finds. Measured on the numbers of a TSBS batch, in bytes and
// nanoseconds per value: huff0 0.32 and 3.3, zstd's fastest level 0.38 and 5.9,
// S2 0.62 and 2.7, bit-packing 0.45 and 3.9. Neither huff0 nor S2 keeps a window
// or tables that would weigh on a small machine.
const version = 1

const (
	methodStored = iota
	methodHuffman
	methodRun
	methodS2
)

const (
	// partSize bounds what is decoded at once, and lets the Huffman codes
	// follow the columns.
	partSize = 32 << 10
	// minHuffman and minS2 are the sizes below which a stream is stored: a
	// Huffman table would cost as much as it saves.
	minHuffman = 192
	minS2      = 64
)

// ErrCorrupt means that a payload is not what Encode made.
var ErrCorrupt = errors.New("corrupt batch")

// errVersion means that a payload is of a version that this program lacks.
func errVersion(v byte) error {
	return fmt.Errorf("%w: version %d, want %d", ErrCorrupt, v, version)
}

// encoder holds the streams of a batch being encoded.
type encoder struct {
	numbers, text, raw []byte
	// packedText is the first parts of text, packedBytes of it, that are not held
	// until the end: a body of lines may be little else.
	packedText  []byte
	packedBytes int

	huffman huff0.Scratch
	packed  []byte
}

func (e *encoder) reset() {
	e.numbers, e.text, e.raw = e.numbers[:0], e.text[:0], e.raw[:0]
	e.packedText, e.packedBytes = e.packedText[:0], 0
}

// textHeld is how much text is held.
const textHeld = 8 * partSize

// packText packs the parts of text that are whole.
func (e *encoder) packText() {
	n := len(e.text) / partSize * partSize
	e.packedText = appendPacked(e.packedText, e.text[:n], e.appendS2)
	e.packedBytes += n
	e.text = e.text[:copy(e.text, e.text[n:])]
}

func (e *encoder) number(v uint64) {
	if v < 0x80 {
		e.numbers = append(e.numbers, byte(v))
		return
	}
	e.numbers = binary.AppendUvarint(e.numbers, v)
}

func (e *encoder) name(s string) {
	e.number(uint64(len(s)))
	e.text = append(e.text, s...)
}

// appendStreams appends the version and all streams to dst.
func (e *encoder) appendStreams(dst []byte) []byte {
	dst = append(dst, version)
	dst = appendParts(dst, e.numbers, e.appendHuffman)
	dst = binary.AppendUvarint(dst, uint64(e.packedBytes+len(e.text)))
	dst = append(dst, e.packedText...)
	if cap(e.packedText) > 4*textHeld {
		e.packedText = nil // what a huge body leaves is not for the next
	}
	dst = appendPacked(dst, e.text, e.appendS2)
	return appendParts(dst, e.raw, appendStored)
}

func appendParts(dst, stream []byte, pack func(dst, part []byte) []byte) []byte {
	return appendPacked(binary.AppendUvarint(dst, uint64(len(stream))), stream, pack)
}

func appendPacked(dst, stream []byte, pack func(dst, part []byte) []byte) []byte {
	for len(stream) > 0 {
		n := min(partSize, len(stream))
		dst = pack(dst, stream[:n])
		stream = stream[n:]
	}
	return dst
}

func appendStored(dst, part []byte) []byte {
	return append(append(dst, methodStored), part...)
}

func (e *encoder) appendHuffman(dst, part []byte) []byte {
	if len(part) < minHuffman {
		return appendStored(dst, part)
	}
	// The library likes to reuse the table of what it compressed before, which
	// may be another batch, and then leaves it out.
	e.huffman.Reuse = huff0.ReusePolicyNone
	packed, reused, err := huff0.Compress4X(part, &e.huffman)
	if reused {
		panic("BUG: a Huffman table was left out of a batch")
	}
	switch {
	case errors.Is(err, huff0.ErrUseRLE):
		return append(dst, methodRun, part[0])
	case err != nil: // not compressible
		return appendStored(dst, part)
	}
	dst = binary.AppendUvarint(append(dst, methodHuffman), uint64(len(packed)))
	return append(dst, packed...)
}

func (e *encoder) appendS2(dst, part []byte) []byte {
	if len(part) < minS2 {
		return appendStored(dst, part)
	}
	if need := s2.MaxEncodedLen(partSize); cap(e.packed) < need {
		e.packed = make([]byte, need)
	}
	packed := s2.Encode(e.packed[:cap(e.packed)], part)
	if len(packed)+3 >= len(part) {
		return appendStored(dst, part)
	}
	dst = binary.AppendUvarint(append(dst, methodS2), uint64(len(packed)))
	return append(dst, packed...)
}

// decoder holds the streams of a batch being decoded, as far as they were not
// read.
type decoder struct {
	numbers, text, raw []byte
	// bad is set by reads beyond the end of a stream.
	bad bool

	buffers [3][]byte
	huffman huff0.Scratch
}

// open unpacks the streams of a payload.
func (d *decoder) open(payload []byte) error {
	d.bad = false
	if len(payload) == 0 {
		return fmt.Errorf("%w: empty", ErrCorrupt)
	}
	if payload[0] != version {
		return errVersion(payload[0])
	}
	payload = payload[1:]
	for i := range d.buffers {
		var err error
		if d.buffers[i], payload, err = d.parts(d.buffers[i][:0], payload); err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
	}
	if len(payload) > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrCorrupt, len(payload))
	}
	d.numbers, d.text, d.raw = d.buffers[0], d.buffers[1], d.buffers[2]
	return nil
}

// parts appends a stream to dst and returns what follows it in src. Memory is
// taken part by part, so that it grows with what src really holds.
func (d *decoder) parts(dst, src []byte) (stream, rest []byte, err error) {
	size, n := binary.Uvarint(src)
	if n <= 0 || size > math.MaxInt32 {
		return dst, nil, ErrCorrupt
	}
	src = src[n:]
	for size > 0 {
		part := int(min(size, partSize))
		size -= uint64(part)
		if len(src) == 0 {
			return dst, nil, ErrCorrupt
		}
		dst = slices.Grow(dst, part)
		out := dst[len(dst) : len(dst)+part : len(dst)+part]
		if src, err = d.part(out, src); err != nil {
			return dst, nil, err
		}
		dst = dst[:len(dst)+part]
	}
	return dst, src, nil
}

// part fills dst with the part that src begins with, and returns the rest.
func (d *decoder) part(dst, src []byte) (rest []byte, err error) {
	method, src := src[0], src[1:]
	switch method {
	case methodStored:
		if len(src) < len(dst) {
			return nil, ErrCorrupt
		}
		return src[copy(dst, src):], nil
	case methodRun:
		if len(src) == 0 {
			return nil, ErrCorrupt
		}
		for i := range dst {
			dst[i] = src[0]
		}
		return src[1:], nil
	}
	size, n := binary.Uvarint(src)
	if n <= 0 || size > uint64(len(src)-n) {
		return nil, ErrCorrupt
	}
	packed, rest := src[n:n+int(size)], src[n+int(size):]
	var out []byte
	switch method {
	case methodHuffman:
		d.huffman.MaxDecodedSize = len(dst)
		table, block, err := huff0.ReadTable(packed, &d.huffman)
		if err != nil {
			return nil, fmt.Errorf("%w: Huffman table: %w", ErrCorrupt, err)
		}
		if out, err = table.Decoder().Decompress4X(dst, block); err != nil {
			return nil, fmt.Errorf("%w: Huffman block: %w", ErrCorrupt, err)
		}
	case methodS2:
		if n, err := s2.DecodedLen(packed); err != nil || n != len(dst) {
			return nil, fmt.Errorf("%w: S2 block", ErrCorrupt)
		}
		if out, err = s2.Decode(dst, packed); err != nil {
			return nil, fmt.Errorf("%w: S2 block: %w", ErrCorrupt, err)
		}
	default:
		return nil, fmt.Errorf("%w: method %d", ErrCorrupt, method)
	}
	if len(out) != len(dst) || &out[0] != &dst[0] {
		return nil, ErrCorrupt
	}
	return rest, nil
}

// number reads a number; beyond the end it is 0 and d.bad is set.
func (d *decoder) number() uint64 {
	if len(d.numbers) > 0 && d.numbers[0] < 0x80 {
		v := d.numbers[0]
		d.numbers = d.numbers[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.numbers)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.numbers = d.numbers[n:]
	return v
}

// fail makes all further reads fail, too.
func (d *decoder) fail() {
	d.bad, d.numbers, d.text, d.raw = true, nil, nil, nil
}

// count reads a number of things of which each takes at least one more number.
func (d *decoder) count() int {
	v := d.number()
	if v > uint64(len(d.numbers)) {
		d.fail()
		return 0
	}
	return int(v)
}

// id reads a number that fits into 31 bits.
func (d *decoder) id() int {
	v := d.number()
	if v > math.MaxInt32 {
		d.fail()
		return 0
	}
	return int(v)
}

// take reads n bytes of a stream; too few set d.bad.
func (d *decoder) take(stream *[]byte, n uint64) []byte {
	if n > uint64(len(*stream)) {
		d.fail()
		return nil
	}
	b := (*stream)[:n]
	*stream = (*stream)[n:]
	return b
}

func (d *decoder) name() []byte { return d.take(&d.text, d.number()) }
