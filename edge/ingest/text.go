package ingest

import (
	"bytes"
	"unicode/utf8"
)

// ValidText is a body as UTF-8: what is not becomes the replacement character.
func ValidText(body []byte) []byte {
	if utf8.Valid(body) {
		return body
	}
	return bytes.ToValidUTF8(body, []byte("\ufffd"))
}
