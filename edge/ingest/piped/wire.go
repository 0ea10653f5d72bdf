package piped

import (
	"errors"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Wire is one field of a protobuf message: Bytes of a length-delimited one, or
// the Number of another.
type Wire struct {
	Type   protowire.Type
	Number uint64
	Bytes  []byte
}

// ErrWire is a message that is no protobuf.
var ErrWire = errors.New("invalid protobuf")

// Fields calls fn for every field of a protobuf message in order. Bytes alias
// the message.
func Fields(b []byte, fn func(n protowire.Number, f Wire) error) error {
	for len(b) > 0 {
		n, t, size := protowire.ConsumeTag(b)
		if size < 0 {
			return ErrWire
		}
		b = b[size:]
		f := Wire{Type: t}
		switch t {
		case protowire.BytesType:
			f.Bytes, size = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			f.Number, size = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.Number, size = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v uint32
			v, size = protowire.ConsumeFixed32(b)
			f.Number = uint64(v)
		default:
			size = protowire.ConsumeFieldValue(n, t, b)
		}
		if size < 0 {
			return ErrWire
		}
		b = b[size:]
		if err := fn(n, f); err != nil {
			return err
		}
	}
	return nil
}

// Text is a string of a message as UTF-8, which protobuf demands and not every
// sender heeds. It may alias the message.
func Text(b []byte) string {
	if utf8.Valid(b) {
		return String(b)
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}
