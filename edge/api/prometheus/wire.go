package prometheus

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// field is one field of a protobuf message.
type field struct {
	number int
	kind   wireKind
	// n is the value of a varint, or the bits of a fixed one.
	n uint64
	// data is what a length-delimited field holds. It aliases the message.
	data []byte
}

// wireKind is how a field is encoded.
type wireKind uint8

const (
	varint  wireKind = 0
	fixed64 wireKind = 1
	bytes   wireKind = 2
	fixed32 wireKind = 5
)

// Errors of the encoding. None says where: nobody reads protobuf by hand.
var (
	errTruncated = errors.New("the message ends within a field")
	errVarint    = errors.New("a varint is longer than 10 bytes or exceeds 64 bits")
	errField     = errors.New("a field has the number 0 or one beyond protobuf's limit")
	errKind      = errors.New("a field has an unknown wire type")
	errWrongKind = errors.New("a field has another wire type than its message defines")
)

// next takes the first field off a message.
func next(m []byte) (f field, rest []byte, err error) {
	key, m, err := uvarint(m)
	if err != nil {
		return f, nil, err
	}
	if key>>3 == 0 || key>>3 > 1<<29-1 {
		return f, nil, errField
	}
	f.number, f.kind = int(key>>3), wireKind(key&7)
	switch f.kind {
	case varint:
		f.n, m, err = uvarint(m)
		return f, m, err
	case fixed64:
		if len(m) < 8 {
			return f, nil, errTruncated
		}
		f.n = binary.LittleEndian.Uint64(m)
		return f, m[8:], nil
	case fixed32:
		if len(m) < 4 {
			return f, nil, errTruncated
		}
		f.n = uint64(binary.LittleEndian.Uint32(m))
		return f, m[4:], nil
	case bytes:
		n, m, err := uvarint(m)
		if err != nil {
			return f, nil, err
		}
		if n > uint64(len(m)) {
			return f, nil, errTruncated
		}
		f.data = m[:n:n]
		return f, m[n:], nil
	}
	return f, nil, errKind
}

// uvarint takes a varint off a message.
func uvarint(m []byte) (n uint64, rest []byte, err error) {
	if len(m) > 0 && m[0] < 0x80 {
		return uint64(m[0]), m[1:], nil
	}
	n, size := binary.Uvarint(m)
	switch {
	case size > 0:
		return n, m[size:], nil
	case size == 0:
		return 0, nil, errTruncated
	}
	return 0, nil, errVarint
}

// is checks a field's encoding.
func (f field) is(k wireKind) error {
	if f.kind != k {
		return errWrongKind
	}
	return nil
}

// sample reads {value=1 double, timestamp=2 int64}, the sample of both
// protocols.
func sample(m []byte) (ms int64, value float64, err error) {
	// As nearly every sample is encoded: both fields, in order, no more.
	if len(m) > 10 && m[0] == 1<<3|byte(fixed64) && m[9] == 2<<3|byte(varint) {
		if n, rest, err := uvarint(m[10:]); err == nil && len(rest) == 0 {
			return int64(n), math.Float64frombits(binary.LittleEndian.Uint64(m[1:])), nil
		}
	}
	for len(m) > 0 {
		var f field
		if f, m, err = next(m); err != nil {
			return 0, 0, err
		}
		switch f.number {
		case 1:
			if err := f.is(fixed64); err != nil {
				return 0, 0, err
			}
			value = math.Float64frombits(f.n)
		case 2:
			if err := f.is(varint); err != nil {
				return 0, 0, err
			}
			ms = int64(f.n)
		}
	}
	return ms, value, nil
}

// appendVarintField appends a varint field.
func appendVarintField(dst []byte, number int, n uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|uint64(varint))
	return binary.AppendUvarint(dst, n)
}

// appendBytesField appends a length-delimited field.
func appendBytesField[T ~string | ~[]byte](dst []byte, number int, data T) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|uint64(bytes))
	dst = binary.AppendUvarint(dst, uint64(len(data)))
	return append(dst, data...)
}

// appendDoubleField appends a double.
func appendDoubleField(dst []byte, number int, v float64) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|uint64(fixed64))
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// uvarintSize is the length of a varint.
func uvarintSize(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }
