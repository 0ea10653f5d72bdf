package lp

// Kind is the type of a field value.
type Kind uint8

// The kinds of field values.
const (
	Float    Kind = iota + 1 // 1, -2.5, 6e23
	Integer                  // 1i
	Unsigned                 // 1u
	Boolean                  // t, true, F, FALSE, ...
	String                   // "text"
)

// String returns InfluxDB's name of the kind: float, integer, uinteger,
// boolean or string.
func (k Kind) String() string {
	switch k {
	case Float:
		return "float"
	case Integer:
		return "integer"
	case Unsigned:
		return "uinteger"
	case Boolean:
		return "boolean"
	case String:
		return "string"
	}
	return "invalid"
}

// Tag is one decoded tag. The slices belong to the decoder and are valid until
// the next call of Next.
type Tag struct{ Key, Value []byte }

// Field is one decoded field.
type Field struct {
	// Key is unescaped.
	Key  []byte
	Kind Kind
	// Bits is the value: float64 bits, int64, uint64, or 0/1. Not used by String.
	Bits uint64
	// Str is the unescaped value of a String.
	Str []byte
}

// Line is one parsed line. All slices belong to the decoder or to the bytes
// given to ResetBytes and are valid until the next call of Next; the caller
// must not write to them.
type Line struct {
	// Number is the 1-based physical number of the line's first line in the body.
	Number int
	// Raw is the line as it came, without line end.
	Raw []byte
	// Key is measurement and tag set as written, escapes and order included:
	// a cache key for a series look-up. Different keys may name one series.
	Key []byte
	// Fields are in the order of the line and have no key twice.
	Fields []Field
	// FieldsID stands for the keys and kinds of Fields in their order: lines with
	// equal FieldsIDs agree in them, so that what a caller looked up for one
	// holds for the others. It says nothing about the measurement. Different
	// numbers promise nothing, and those of different decoders do not compare.
	// It is never 0.
	FieldsID uint64
	// SameFields tells that FieldsID is that of the line returned before this
	// one, not counting lines that were bad (LineErr, or an error from ParseKey).
	// A caller that refuses lines for reasons of its own must not rely on it
	// after such a line, but on FieldsID.
	SameFields bool
	// HasTime tells whether the line has a timestamp.
	HasTime bool
	// Time is the timestamp as written, in the unit of the request's precision.
	Time int64

	dec   *Decoder
	shape *shape
	text  []byte // Raw with a capacity to the end of the window: see digits
	keyAt int    // offset of Key in text

	// Result of ParseKey, if parsed.
	parsed      bool
	measurement []byte
	tags        []Tag
	keyErr      *Error
}
