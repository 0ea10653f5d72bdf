package lp

import (
	"encoding/binary"
	"math/bits"
)

// Bodies repeat themselves: lines of one measurement name the same tags and
// fields in the same order. A shape is what the last such line looked like.
// The parser compares the next line with it instead of searching for
// delimiters, and what was checked once (repeated keys, escapes, UTF-8) need
// not be checked again. A wrong guess costs time, never correctness.

// numShapes is the measurements of a gateway with room for collisions.
const (
	numShapes = 1 << shapeBits
	shapeBits = 6
)

// keepFields bounds the shapes that survive Reset.
const keepFields = 4 << 10

// key is a tag or field key.
type key struct {
	raw  []byte // as written, including the "=" that ends it
	name []byte // unescaped
	at   int    // offset in the line that it was learned from
	used int    // how much of keys.text is in use up to and with this key

	// The first and the last 8 bytes of raw, for startsAt. If raw is shorter,
	// mask covers what there is.
	head, tail, mask uint64
}

// keys is a list of keys that owns its text.
type keys struct {
	list []key
	text []byte
}

// shape is the tag and field keys of a kind of line. fields and tags are the
// slices that lines show to the caller: entry i belongs to list[i] and keeps
// its Key from line to line, so that only values are written.
type shape struct {
	fieldKeys keys
	fields    []Field
	// distinct tells that fields has no key twice. Only then it serves as a guess.
	distinct bool
	// id stands for the present field keys and kinds, unless they changed.
	id      uint64
	changed bool

	tagKeys keys
	tags    []Tag
}

// shapes finds the shape for a line.
type shapes struct {
	table [numShapes]shape
	ids   uint64 // given out so far
	last  uint64 // id of the last good line
}

// of guesses the shape of a line by the starts of its measurement and of its
// first field.
func (s *shapes) of(raw []byte, measurement, field int) *shape {
	h := wordUntil(raw, measurement, ',', ' ') ^ bits.RotateLeft64(wordUntil(raw, field, '=', '='), 32)
	return &s.table[h*0x9E3779B97F4A7C15>>(64-shapeBits)]
}

// wordUntil is the start of raw[p:] before the first of two delimiters, at most
// 8 bytes.
func wordUntil(raw []byte, p int, delimiter1, delimiter2 byte) uint64 {
	if p+8 > len(raw) {
		return shortWordUntil(raw[p:], delimiter1, delimiter2)
	}
	x := binary.LittleEndian.Uint64(raw[p:])
	// The lowest of the marks is right; a borrow spoils only what is above it.
	marks := zeroBytes(x^low*uint64(delimiter1)) | zeroBytes(x^low*uint64(delimiter2))
	return x & (marks&-marks>>7 - 1)
}

// shortWordUntil is wordUntil for less than 8 bytes.
func shortWordUntil(b []byte, delimiter1, delimiter2 byte) (x uint64) {
	for i := 0; i < min(len(b), 8) && b[i] != delimiter1 && b[i] != delimiter2; i++ {
		x |= uint64(b[i]) << (8 * i)
	}
	return x
}

// zeroBytes marks the zero bytes of x by their high bits. Bytes above the first
// zero byte may be marked by mistake.
func zeroBytes(x uint64) uint64 { return (x - low) &^ x & high }

// identify returns the id of the shape cur, which is that of a good line, and
// whether the last good line had the same.
func (s *shapes) identify(cur *shape) (id uint64, same bool) {
	if cur.changed {
		s.ids++
		cur.id, cur.changed = s.ids, false
	}
	same = s.last == cur.id
	s.last = cur.id
	return cur.id, same
}

// forgetLast makes the next line differ from the last one.
func (s *shapes) forgetLast() { s.last = 0 }

// trim drops what an unusual body left behind.
func (s *shapes) trim() {
	for i := range s.table {
		sh := &s.table[i]
		if cap(sh.fields) > keepFields || cap(sh.tags) > keepFields ||
			cap(sh.fieldKeys.text) > keep || cap(sh.tagKeys.text) > keep {
			*sh = shape{}
		}
	}
}

// cut drops all keys from index n on.
func (k *keys) cut(n int) {
	k.list = k.list[:n]
	if n == 0 {
		k.text = k.text[:0]
	} else {
		k.text = k.text[:k.list[n-1].used]
	}
}

// add appends a key that was written as raw, "=" included, at the offset at.
func (k *keys) add(raw []byte, escapes bool, at int) *key {
	start := len(k.text)
	k.text = append(k.text, raw...)
	end := len(k.text)
	if escapes {
		k.text = unescape(k.text, raw[:len(raw)-1], true)
	}
	used := len(k.text)
	e := key{raw: k.text[start:end:end], name: k.text[start : end-1 : end-1], at: at, used: used}
	if escapes {
		e.name = k.text[end:used:used]
	}
	if n := len(raw); n >= 8 {
		e.head, e.tail = binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[n-8:])
		e.mask = ^uint64(0)
	} else {
		var word [8]byte
		copy(word[:], raw)
		e.head = binary.LittleEndian.Uint64(word[:])
		e.mask = 1<<(8*n) - 1
	}
	k.list = append(k.list, e)
	return &k.list[len(k.list)-1]
}

// startsAt tells whether b[p:] starts with the key as it was written. The usual
// short key costs two comparisons of words instead of a call.
func (k *key) startsAt(b []byte, p int) bool {
	n := len(k.raw)
	if p+n > len(b) {
		return false
	}
	b = b[:cap(b)] // reading a word may go beyond the line
	if p+8 > len(b) {
		return string(b[p:p+n]) == string(k.raw)
	}
	diff := (binary.LittleEndian.Uint64(b[p:]) ^ k.head) & k.mask
	if n > 8 {
		diff |= binary.LittleEndian.Uint64(b[p+n-8:]) ^ k.tail
	}
	return diff == 0 && (n <= 16 || string(b[p+8:p+n-8]) == string(k.raw[8:n-8]))
}
