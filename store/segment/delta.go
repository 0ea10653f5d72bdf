package segment

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// deltaShape parametrises DELTA_BINARY_PACKED. The encoding lets the writer
// choose the size of the blocks, and pack wider than needed.
type deltaShape struct {
	// block is the number of deltas that share a base; mini, a fourth of it,
	// the number that share a width.
	block, mini int
	// floor is the smallest width. Widths of 4 or 8 bits align deltas with
	// bytes, and a base that stays the same from block to block makes equal
	// deltas equal bytes: zstd's entropy coder then gets them well below the
	// bits of a tight packing.
	floor uint
}

// deltaShapes are the candidates for a column of integers.
var deltaShapes = []deltaShape{{128, 32, 0}, {1024, 256, 4}, {1024, 256, 8}}

const minisPerBlock = 4

// deltaEncoder appends DELTA_BINARY_PACKED pages. It holds scratch memory.
type deltaEncoder struct {
	deltas []int64
	bounds [][2]int64 // by block: smallest and largest delta
	mins   []int64
}

// append encodes values.
func (e *deltaEncoder) append(dst []byte, values []int64, s deltaShape) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.block))
	dst = binary.AppendUvarint(dst, minisPerBlock)
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	if len(values) == 0 {
		return binary.AppendVarint(dst, 0)
	}
	dst = binary.AppendVarint(dst, values[0])
	e.difference(values, s.block)
	common := e.commonBase()
	for b, bound := range e.bounds {
		base := bound[0]
		if common <= base && bits.Len64(uint64(bound[1])-uint64(common)) <= int(s.floor) {
			base = common
		}
		dst = appendBlock(dst, e.deltas[b*s.block:min((b+1)*s.block, len(e.deltas))], base, bound[1], s)
	}
	return dst
}

// difference computes the deltas, with wrap-around, and their bounds by block.
func (e *deltaEncoder) difference(values []int64, block int) {
	n := len(values) - 1
	e.deltas = slices.Grow(e.deltas[:0], n)[:n]
	e.bounds = e.bounds[:0]
	for from := 0; from < n; from += block {
		to := min(from+block, n)
		lo, hi := subtract(e.deltas[from:to], values[from:])
		e.bounds = append(e.bounds, [2]int64{lo, hi})
	}
}

// subtract fills out, which is not empty, with the differences of neighbours in
// values, and returns the smallest and the largest. It is a function of its own
// so that all it needs stays in registers.
//
//go:noinline
func subtract(out, values []int64) (lo, hi int64) {
	prev := values[0]
	values = values[1:][:len(out)]
	lo, hi = values[0]-prev, values[0]-prev
	for i, v := range values {
		d := v - prev
		prev = v
		out[i] = d
		lo, hi = min(lo, d), max(hi, d)
	}
	return lo, hi
}

// commonBase is a base that suits most blocks: a low one of the blocks'
// smallest deltas, but not the lowest, which may belong to an outlier.
func (e *deltaEncoder) commonBase() int64 {
	if len(e.bounds) == 0 {
		return 0
	}
	e.mins = e.mins[:0]
	for _, b := range e.bounds {
		e.mins = append(e.mins, b[0])
	}
	slices.Sort(e.mins)
	return e.mins[len(e.mins)/6]
}

// appendBlock appends a block of deltas, none of which is above top.
func appendBlock(dst []byte, deltas []int64, base, top int64, s deltaShape) []byte {
	dst = binary.AppendVarint(dst, base)
	at := len(dst)
	dst = append(dst, make([]byte, minisPerBlock)...)
	narrow := bits.Len64(uint64(top)-uint64(base)) <= int(s.floor)
	for m := 0; m*s.mini < len(deltas); m++ {
		mini := deltas[m*s.mini : min((m+1)*s.mini, len(deltas))]
		w := s.floor
		if !narrow {
			var all uint64
			for _, d := range mini {
				all |= uint64(d) - uint64(base)
			}
			w = max(w, uint(bits.Len64(all)))
		}
		dst[at+m] = byte(w)
		dst = appendPacked(dst, mini, base, w, s.mini)
	}
	return dst
}

// deltaDecoder yields the values of a page in order.
type deltaDecoder struct {
	b      []byte // page, with slack behind end
	end    int
	off    int
	left   int // values not yet decoded into ready or handed out
	last   int64
	first  bool // last itself is still to be handed out
	block  int
	mini   int
	base   uint64
	widths []byte // of the minis of this block not yet begun
	w      uint
	chunks int // of 32 values, left in this mini

	ready [32]int64 // decoded, not handed out: ready[at:have]
	at    int
	have  int
}

var errDelta = errors.New("invalid delta header")

// reset starts decoding n values from b, which has slack bytes of capacity
// beyond its length.
func (d *deltaDecoder) reset(b []byte, n int) error {
	*d = deltaDecoder{b: b[: len(b)+slack : len(b)+slack], end: len(b)}
	var head [3]uint64
	for i := range head {
		v, k := binary.Uvarint(b[d.off:])
		if k <= 0 {
			return errDelta
		}
		head[i] = v
		d.off += k
	}
	first, k := binary.Varint(b[d.off:])
	if k <= 0 {
		return errDelta
	}
	d.off += k
	if head[0] == 0 || head[0] > 1<<16 || head[1] == 0 || head[1] > 64 || head[0]%(32*head[1]) != 0 || head[2] != uint64(n) {
		return errDelta
	}
	d.block, d.mini = int(head[0]), int(head[0]/head[1])
	d.left, d.last, d.first = n, first, n > 0
	return nil
}

// read fills dst with the next values.
func (d *deltaDecoder) read(dst []int64) error {
	if d.first && len(dst) > 0 {
		dst[0] = d.last
		dst = dst[1:]
		d.first = false
		d.left--
	}
	for len(dst) > 0 {
		if d.at < d.have {
			n := copy(dst, d.ready[d.at:d.have])
			d.at += n
			dst = dst[n:]
			continue
		}
		if len(dst) >= 32 && d.left >= 32 {
			if err := d.chunk((*[32]int64)(dst)); err != nil {
				return err
			}
			d.left -= 32
			dst = dst[32:]
			continue
		}
		if d.left == 0 {
			return errShort
		}
		if err := d.chunk(&d.ready); err != nil {
			return err
		}
		d.at, d.have = 0, min(32, d.left)
		d.left -= d.have
	}
	return nil
}

// skip passes over n values.
func (d *deltaDecoder) skip(n int) error {
	var sink [256]int64
	for n > 0 {
		k := min(n, len(sink))
		if err := d.read(sink[:k]); err != nil {
			return err
		}
		n -= k
	}
	return nil
}

// chunk decodes the next 32 values, the last of which may be padding.
func (d *deltaDecoder) chunk(out *[32]int64) error {
	for d.chunks == 0 {
		if err := d.nextMini(); err != nil {
			return err
		}
	}
	size := int(4 * d.w)
	if d.end-d.off < size {
		return errShort
	}
	b := d.b[d.off : d.off+size+slack]
	d.off += size
	d.chunks--
	last, base := d.last, int64(d.base)
	switch d.w {
	case 0:
		for i := range out {
			last += base
			out[i] = last
		}
	case 4:
		for i, v := range b[:16] {
			a := last + base + int64(v&15)
			last = a + base + int64(v>>4)
			out[2*i], out[2*i+1] = a, last
		}
	case 8:
		for i, v := range b[:32] {
			last += base + int64(v)
			out[i] = last
		}
	default:
		var packed [32]uint64
		unpack(&packed, b, d.w)
		for i, v := range packed {
			last += base + int64(v)
			out[i] = last
		}
	}
	d.last = last
	return nil
}

func (d *deltaDecoder) nextMini() error {
	if len(d.widths) == 0 {
		base, k := binary.Varint(d.b[d.off:d.end])
		minis := d.block / d.mini
		if k <= 0 || d.end-d.off-k < minis {
			return errShort
		}
		d.off += k
		d.base = uint64(base)
		d.widths = d.b[d.off : d.off+minis]
		d.off += minis
	}
	d.w = uint(d.widths[0])
	if d.w > 64 {
		return errDelta
	}
	d.widths = d.widths[1:]
	d.chunks = d.mini / 32
	return nil
}

// rest returns what follows the encoded values once all were read.
func (d *deltaDecoder) rest() ([]byte, error) {
	off := d.off + d.chunks*int(4*d.w)
	if off > d.end {
		return nil, errShort
	}
	return d.b[off:d.end], nil
}
