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

// decodeText is the text of an encoded value that is not NULL. It may alias the
// value.
func decodeText(value []byte) []byte {
	value = value[1 : len(value)-1]
	if bytes.IndexByte(value, 0) < 0 {
		return value
	}
	return bytes.ReplaceAll(value, []byte{0, keyEscape}, []byte{0})
}

// decodeWord is the word of an encoded value that is neither NULL nor text.
func decodeWord(kind column.Kind, value []byte) uint64 {
	return flip(kind, binary.BigEndian.Uint64(value[1:]))
}

// hasPrefix says whether a key begins with these whole values.
func hasPrefix(key, prefix []byte) bool {
	return bytes.HasPrefix(key, prefix) && (len(key) == len(prefix) || key[len(prefix)] != keyEscape)
}
