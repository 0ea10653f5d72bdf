package buffer

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"github.com/klauspost/compress/s2"

	"tarn/store/buffer/codec"
)

// String columns of few distinct texts are dictionary-coded: the texts, then
// stretches of codes. Others are stretches of
//
//	+---------+
//	| lengths |  integers as by codec.AppendInts
//	| size    |  uvarint: 2 * size of what follows, + 1 when compressed
//	| texts   |  one after the other, compressed by S2 when that helps
//	+---------+

// A dictionary pays when its texts repeat; texts of a small block go into one
// anyhow, since S2 gains nothing there.
func maxDistinct(rows int) int { return max(16, rows/4) }

// dictionary numbers distinct texts. Its memory is reused.
type dictionary struct {
	seed  maphash.Seed
	slots []uint32 // number+1, 0 is free
	text  []byte
	ends  []uint32 // of each text in text
}

// build numbers the texts of all words, appending a code for each to codes; ok
// is false when there are more than limit distinct ones.
func (d *dictionary) build(codes, words []uint64, c *headColumn, limit int) (_ []uint64, ok bool) {
	size := 64
	for size < 2*limit+2 {
		size *= 2
	}
	if len(d.slots) < size {
		d.slots, d.seed = make([]uint32, size), maphash.MakeSeed()
	}
	clear(d.slots)
	d.text, d.ends = d.text[:0], d.ends[:0]
	mask := uint64(len(d.slots) - 1)
	for i, w := range words {
		if i > 0 && w == words[i-1] {
			codes = append(codes, codes[len(codes)-1])
			continue
		}
		text := c.text(w)
		slot := maphash.Bytes(d.seed, text) & mask
		for d.slots[slot] != 0 && !bytes.Equal(dictText(d.text, d.ends, d.slots[slot]-1), text) {
			slot = (slot + 1) & mask
		}
		if d.slots[slot] == 0 {
			if len(d.ends) == limit {
				return codes, false
			}
			d.text = append(d.text, text...)
			d.ends = append(d.ends, uint32(len(d.text)))
			d.slots[slot] = uint32(len(d.ends))
		}
		codes = append(codes, uint64(d.slots[slot]-1))
	}
	return codes, true
}

// dictText is the text with that code.
func dictText(text []byte, ends []uint32, code uint32) []byte {
	from := uint32(0)
	if code > 0 {
		from = ends[code-1]
	}
	return text[from:ends[code]]
}

// appendTexts appends a stretch of texts that are not dictionary-coded.
func (s *sealer) appendTexts(dst []byte, words []uint64, c *headColumn) []byte {
	var lengths [codec.Size]uint64
	s.text = s.text[:0]
	for i, w := range words {
		text := c.text(w)
		lengths[i] = uint64(len(text))
		s.text = append(s.text, text...)
	}
	dst = codec.AppendInts(dst, lengths[:len(words)])
	if len(words) == 0 {
		return dst
	}
	if need := s2.MaxEncodedLen(len(s.text)); cap(s.packed) < need {
		s.packed = make([]byte, need)
	}
	if packed := s2.Encode(s.packed[:cap(s.packed)], s.text); len(packed) < len(s.text)*7/8 {
		dst = binary.AppendUvarint(dst, uint64(len(packed))<<1|1)
		return append(dst, packed...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.text))<<1)
	return append(dst, s.text...)
}

// texts fills dst with the texts of a stretch.
func (c *blockColumn) texts(dst []string, data []byte) error {
	var numbers [codec.Size]uint64
	data, err := codec.DecodeInts(numbers[:len(dst)], data)
	if err != nil || len(dst) == 0 {
		return err
	}
	if len(c.dict) > 0 {
		for i := range dst {
			if numbers[i] >= uint64(len(c.dict)) {
				return codec.ErrCorrupt
			}
			dst[i] = alias(dictText(c.data, c.dict, uint32(numbers[i])))
		}
		return nil
	}
	size, n := binary.Uvarint(data)
	if n <= 0 || size>>1 > uint64(len(data)-n) {
		return codec.ErrCorrupt
	}
	text := data[n : n+int(size>>1)]
	if size&1 != 0 {
		if text, err = s2.Decode(nil, text); err != nil {
			return err
		}
	}
	for i := range dst {
		if numbers[i] > uint64(len(text)) {
			return codec.ErrCorrupt
		}
		dst[i], text = alias(text[:numbers[i]]), text[numbers[i]:]
	}
	return nil
}
