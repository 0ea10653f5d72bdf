package cache

import (
	"bytes"
	"encoding/binary"

	"tarn/store/column"
)

// A key is the tuple of an entry's key values, encoded so that comparing bytes
// compares tuples, level by level, NULL first. Each value is
//
//	NULL           00
//	text           01, the bytes with 00 as 00 FF, 00
//	int64          01, 8 bytes big-endian, the sign flipped
//	uint64, bool   01, 8 bytes big-endian
//
// After a value comes the next one's first byte, 00 or 01, or the end: never
// FF, so that the 00 that ends a text is told from one within.

const (
	keyNull   = 0x00
	keyValue  = 0x01
	keyEscape = 0xff
)

func appendNull(key []byte) []byte { return append(key, keyNull) }

func appendText[T string | []byte](key []byte, text T) []byte {
	key = append(key, keyValue)
	for i := range len(text) {
		key = append(key, text[i])
		if text[i] == 0 {
			key = append(key, keyEscape)
		}
	}
	return append(key, 0)
}

func appendWord(key []byte, kind column.Kind, word uint64) []byte {
	key = append(key, keyValue)
	return binary.BigEndian.AppendUint64(key, flip(kind, word))
}

// flip exchanges a word and its sortable form.
func flip(kind column.Kind, word uint64) uint64 {
	if kind == column.Int64 {
		return word ^ 1<<63
	}
	return word
}

func isText(kind column.Kind) bool { return kind == column.Dict || kind == column.String }

// cutKey splits the first value, still encoded, off a key.
func cutKey(key []byte, kind column.Kind) (value, rest []byte) {
	if key[0] == keyNull {
		return key[:1], key[1:]
	}
	n := 1
	if !isText(kind) {
		return key[:9], key[9:]
	}
	for {
		n += bytes.IndexByte(key[n:], 0) + 1
		if n == len(key) || key[n] != keyEscape {
			return key[:n], key[n:]
		}
		n++
	}
}

// cutColumn is the encoded value of one key column.
func cutColumn(columns []Column, key []byte, at int) []byte {
	for i := 0; ; i++ {
		var v []byte
		if v, key = cutKey(key, columns[i].Kind); i == at {
			return v
		}
	}
}

// decodeText is the text of an encoded value that is not NULL.
func decodeText(value []byte) string {
	value = value[1 : len(value)-1]
	if bytes.IndexByte(value, 0) < 0 {
		return string(value)
	}
	return string(bytes.ReplaceAll(value, []byte{0, keyEscape}, []byte{0}))
}

// hasPrefix says whether a key begins with these whole values.
func hasPrefix(key, prefix []byte) bool {
	return bytes.HasPrefix(key, prefix) && (len(key) == len(prefix) || key[len(prefix)] != keyEscape)
}

// decodeInto appends an encoded value to a vector of its kind; text becomes
// String.
func decodeInto(v *column.Vector, kind column.Kind, value []byte) {
	switch {
	case value[0] == keyNull:
		v.AppendNull(1)
	case isText(kind):
		v.Strings = append(v.Strings, decodeText(value))
		v.Len++
	default:
		appendBits(v, flip(kind, binary.BigEndian.Uint64(value[1:])))
	}
}

// appendBits appends a word as points.Field has it.
func appendBits(v *column.Vector, word uint64) {
	n := v.Len
	v.SetLen(n + 1)
	switch v.Type.Kind {
	case column.Bool:
		v.Bools[n] = word != 0
	case column.Uint64:
		v.Uints[n] = word
	case column.Float64:
		v.Floats[n] = floatOf(word)
	default:
		v.Ints[n] = int64(word)
	}
}
