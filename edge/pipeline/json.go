package pipeline

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of one record. The body is bounded by who reads it.
const (
	// MaxDepth is how deep arrays and objects may be nested.
	MaxDepth = 128
	// MaxValues is how many values a record may have, nested ones included.
	MaxValues = 1 << 16
)

// JSONError is a text that is no JSON, or beyond the bounds.
type JSONError struct {
	// Offset is where in the body.
	Offset int
	Msg    string
}

func (e *JSONError) Error() string { return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset) }

// errScalar is a payload whose items are no objects.
var errScalar = &RecordError{"json format error, please check the date is valid JSON."}

// decoder reads JSON into values. A library would first build its own tree of
// the whole body: this one makes a record at a time, aliases the body, and
// bounds depth and count, so that 64 MB of "[1,1,1..." cost no memory.
type decoder struct {
	s     string
	pos   int
	depth int
	count int
	arena *arena
	stack []Member // members of the containers that are being read
}

func (d *decoder) fail(msg string) error { return &JSONError{d.pos, msg} }

func (d *decoder) blanks() {
	for d.pos < len(d.s) {
		switch d.s[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// value reads one value; blanks before it are gone.
func (d *decoder) value() (Value, error) {
	if d.pos >= len(d.s) {
		return Value{}, d.fail("unexpected end of JSON")
	}
	if d.count++; d.count > MaxValues {
		return Value{}, d.fail(fmt.Sprintf("more than %d values in a record", MaxValues))
	}
	switch c := d.s[d.pos]; c {
	case '"':
		s, err := d.str()
		return Value{kind: String, text: s}, err
	case '{':
		from := len(d.stack)
		if err := d.object(); err != nil {
			return Value{}, err
		}
		return Value{kind: Map, kids: d.pop(from)}, nil
	case '[':
		from := len(d.stack)
		if err := d.array(); err != nil {
			return Value{}, err
		}
		return Value{kind: List, kids: d.pop(from)}, nil
	case 't':
		return BoolOf(true), d.word("true")
	case 'f':
		return BoolOf(false), d.word("false")
	case 'n':
		return Value{}, d.word("null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return d.number()
		}
		return Value{}, d.fail("invalid JSON")
	}
}

func (d *decoder) pop(from int) []Member {
	m := d.arena.copyOf(d.stack[from:])
	d.stack = d.stack[:from]
	return m
}

func (d *decoder) word(w string) error {
	if len(d.s)-d.pos < len(w) || d.s[d.pos:d.pos+len(w)] != w {
		return d.fail("invalid JSON")
	}
	d.pos += len(w)
	return nil
}

func (d *decoder) enter() error {
	d.pos++
	if d.depth++; d.depth > MaxDepth {
		return d.fail(fmt.Sprintf("JSON nested deeper than %d", MaxDepth))
	}
	d.blanks()
	return nil
}

// array pushes the elements of an array.
func (d *decoder) array() error {
	if err := d.enter(); err != nil {
		return err
	}
	if d.pos < len(d.s) && d.s[d.pos] == ']' {
		d.pos++
		d.depth--
		return nil
	}
	for {
		v, err := d.value()
		if err != nil {
			return err
		}
		d.stack = append(d.stack, Member{Value: v})
		more, err := d.next(']')
		if err != nil || !more {
			return err
		}
	}
}

// next goes past a comma, or the end of a container.
func (d *decoder) next(end byte) (more bool, err error) {
	d.blanks()
	switch {
	case d.pos >= len(d.s):
		return false, d.fail("unexpected end of JSON")
	case d.s[d.pos] == ',':
		d.pos++
		d.blanks()
		return true, nil
	case d.s[d.pos] == end:
		d.pos++
		d.depth--
		return false, nil
	}
	return false, d.fail("invalid JSON")
}

// fewNames is up to how many names are compared one by one to find one that
// comes twice.
const fewNames = 64

// object pushes the members of an object; of a name that comes twice the last
// value counts.
func (d *decoder) object() error {
	if err := d.enter(); err != nil {
		return err
	}
	if d.pos < len(d.s) && d.s[d.pos] == '}' {
		d.pos++
		d.depth--
		return nil
	}
	from := len(d.stack)
	var places map[string]int
	for {
		name, err := d.name()
		if err != nil {
			return err
		}
		v, err := d.value()
		if err != nil {
			return err
		}
		at := -1
		if n := len(d.stack) - from; n < fewNames {
			for i := from; i < len(d.stack); i++ {
				if d.stack[i].Name == name {
					at = i
				}
			}
		} else {
			if places == nil {
				places = make(map[string]int, 2*n)
				for i := from; i < len(d.stack); i++ {
					places[d.stack[i].Name] = i
				}
			}
			if i, ok := places[name]; ok {
				at = i
			} else {
				places[name] = len(d.stack)
			}
		}
		if at >= 0 {
			d.stack[at].Value = v
		} else {
			d.stack = append(d.stack, Member{name, v})
		}
		more, err := d.next('}')
		if err != nil || !more {
			return err
		}
	}
}

// name reads a member's name and its colon.
func (d *decoder) name() (string, error) {
	if d.pos >= len(d.s) || d.s[d.pos] != '"' {
		return "", d.fail("invalid JSON: a name is missing")
	}
	name, err := d.str()
	if err != nil {
		return "", err
	}
	d.blanks()
	if d.pos >= len(d.s) || d.s[d.pos] != ':' {
		return "", d.fail("invalid JSON: a colon is missing")
	}
	d.pos++
	d.blanks()
	return name, nil
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// special marks the bytes of a word that end a run of a string's plain bytes:
// quotes, backslashes and control characters.
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & tops
}

// str reads a string, without allocating when it has no escapes.
func (d *decoder) str() (string, error) {
	from := d.pos + 1
	i := d.plain(from)
	if i < len(d.s) && d.s[i] == '"' {
		d.pos = i + 1
		return d.s[from:i], nil
	}
	b := d.arena.begin(i - from + 64)
	for {
		b = append(b, d.s[from:i]...)
		d.pos = i
		switch {
		case i >= len(d.s):
			return "", d.fail("unexpected end of JSON in a string")
		case d.s[i] == '"':
			d.pos = i + 1
			return d.arena.end(b), nil
		case d.s[i] != '\\':
			return "", d.fail("a control character in a JSON string")
		}
		var err error
		if b, err = d.escape(b); err != nil {
			return "", err
		}
		from = d.pos
		i = d.plain(from)
	}
}

// plain is where a run of plain bytes ends.
func (d *decoder) plain(i int) int {
	s := d.s
	for ; i+8 <= len(s); i += 8 {
		w := word64(s[i:])
		if m := special(w); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return i
}

// escape reads what follows a backslash.
func (d *decoder) escape(b []byte) ([]byte, error) {
	if d.pos+1 >= len(d.s) {
		return b, d.fail("unexpected end of JSON in a string")
	}
	c := d.s[d.pos+1]
	d.pos += 2
	switch c {
	case '"', '\\', '/':
		return append(b, c), nil
	case 'b':
		return append(b, '\b'), nil
	case 'f':
		return append(b, '\f'), nil
	case 'n':
		return append(b, '\n'), nil
	case 'r':
		return append(b, '\r'), nil
	case 't':
		return append(b, '\t'), nil
	case 'u':
		r, ok := d.hex4(d.pos)
		if !ok {
			return b, d.fail("an invalid \\u in a JSON string")
		}
		d.pos += 4
		if utf16.IsSurrogate(r) {
			// A half without its other half is the replacement character.
			low, ok := rune(0), false
			if d.pos+6 <= len(d.s) && d.s[d.pos] == '\\' && d.s[d.pos+1] == 'u' {
				low, ok = d.hex4(d.pos + 2)
			}
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				d.pos += 6
			}
		}
		return utf8.AppendRune(b, r), nil
	}
	return b, d.fail("an invalid escape in a JSON string")
}

func (d *decoder) hex4(at int) (rune, bool) {
	if at+4 > len(d.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.s[at : at+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads a number: an integer if it is written as one and fits.
func (d *decoder) number() (Value, error) {
	s, from := d.s, d.pos
	i := from
	digits := func() (n int) {
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			n++
		}
		return n
	}
	if s[i] == '-' {
		i++
	}
	whole := i
	n := digits()
	if n == 0 || n > 1 && s[whole] == '0' {
		return Value{}, d.fail("an invalid number")
	}
	float := false
	if i < len(s) && s[i] == '.' {
		i++
		if float = true; digits() == 0 {
			return Value{}, d.fail("an invalid number")
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if float = true; digits() == 0 {
			return Value{}, d.fail("an invalid number")
		}
	}
	d.pos = i
	if !float && n <= 18 {
		var u int64
		for _, c := range []byte(s[whole:i]) {
			u = u*10 + int64(c-'0')
		}
		if whole > from {
			u = -u
		}
		return IntOf(u), nil
	}
	text := s[from:i]
	if !float {
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			return IntOf(v), nil
		}
		if v, err := strconv.ParseUint(text, 10, 64); err == nil {
			return UintOf(v), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && math.IsInf(f, 0) {
		d.pos = from
		return Value{}, d.fail("a number out of range")
	}
	return FloatOf(f), nil
}

// word64 loads eight bytes of a string.
func word64(s string) uint64 {
	return binary.LittleEndian.Uint64([]byte(s[:8]))
}
