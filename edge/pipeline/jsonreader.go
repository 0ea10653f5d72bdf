package pipeline

import "strconv"

// JSONReader walks through a JSON text of any length without making a tree of
// it. Each method reads one value and what it is called for; values that nobody
// wants are skipped. The zero JSONReader is ready for Reset.
type JSONReader struct {
	d decoder
	a arena
}

// Reset begins a text, which must be UTF-8 and stay as it is as long as the
// strings read from it are used.
func (r *JSONReader) Reset(text []byte) {
	stack := r.d.stack
	r.d = decoder{s: alias(text), stack: stack[:0]}
	r.a.reset()
	r.d.arena = &r.a
	r.d.blanks()
}

// Forget drops what the reader refers to.
func (r *JSONReader) Forget() {
	clear(r.d.stack[:cap(r.d.stack)])
	r.Reset(nil)
	r.a.forget()
}

// Offset is how far the text was read.
func (r *JSONReader) Offset() int { return r.d.pos }

// Fail makes an error at the current place.
func (r *JSONReader) Fail(msg string) error { return r.d.fail(msg) }

// Kind is what the next value is, by its first byte: Map, List, String, Bool,
// Null, or Float for any number.
func (r *JSONReader) Kind() (Kind, error) {
	if r.d.pos >= len(r.d.s) {
		return Null, r.d.fail("unexpected end of JSON")
	}
	switch r.d.s[r.d.pos] {
	case '{':
		return Map, nil
	case '[':
		return List, nil
	case '"':
		return String, nil
	case 't', 'f':
		return Bool, nil
	case 'n':
		return Null, nil
	}
	return Float, nil
}

// Object reads an object: member is called with each name and reads the value.
func (r *JSONReader) Object(member func(name string) error) error {
	d := &r.d
	if d.pos >= len(d.s) || d.s[d.pos] != '{' {
		return d.fail("a JSON object is expected")
	}
	if err := d.enter(); err != nil {
		return err
	}
	if d.pos < len(d.s) && d.s[d.pos] == '}' {
		d.pos++
		d.depth--
		return nil
	}
	for {
		name, err := d.name()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
		if more, err := d.next('}'); err != nil || !more {
			return err
		}
	}
}

// Array reads an array: element reads each of its values.
func (r *JSONReader) Array(element func() error) error {
	d := &r.d
	if d.pos >= len(d.s) || d.s[d.pos] != '[' {
		return d.fail("a JSON array is expected")
	}
	if err := d.enter(); err != nil {
		return err
	}
	if d.pos < len(d.s) && d.s[d.pos] == ']' {
		d.pos++
		d.depth--
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if more, err := d.next(']'); err != nil || !more {
			return err
		}
	}
}

// Value reads one value whole. It lives until the next Rewind, which bounds
// what values may take; see MaxValues.
func (r *JSONReader) Value() (Value, error) { return r.d.value() }

// Rewind gives back the memory of all values that were read, escaped strings
// included.
func (r *JSONReader) Rewind() {
	r.a.reset()
	r.d.count = 0
}

// Text reads a string.
func (r *JSONReader) Text() (string, error) {
	if r.d.pos >= len(r.d.s) || r.d.s[r.d.pos] != '"' {
		return "", r.d.fail("a JSON string is expected")
	}
	return r.d.str()
}

// Skip reads one value and forgets it.
func (r *JSONReader) Skip() error {
	k, err := r.Kind()
	if err != nil {
		return err
	}
	switch k {
	case Map:
		return r.Object(func(string) error { return r.Skip() })
	case List:
		return r.Array(r.Skip)
	}
	r.d.count = 0
	_, err = r.d.value()
	return err
}

// End fails if anything but blanks is left.
func (r *JSONReader) End() error {
	if r.d.blanks(); r.d.pos < len(r.d.s) {
		return r.d.fail("invalid JSON: more than one value")
	}
	return nil
}

// Number is a value that is a number, or a text with one, as a float.
func (v *Value) Number() (float64, bool) {
	if v.kind == String {
		f, err := strconv.ParseFloat(v.text, 64)
		return f, err == nil
	}
	if v.kind == Bool {
		return 0, false
	}
	return v.float()
}

// Seek goes to an Offset in the same array or object, to read again what was
// skipped.
func (r *JSONReader) Seek(offset int) { r.d.pos = offset }
