package lp

import (
	"bytes"
	"fmt"
	"io"
)

// DefaultMaxLine is the maximum length of a line unless MaxLine says
// otherwise. A buffer grows to it only when a line is that long.
const DefaultMaxLine = 10 << 20

// Option changes how a Decoder works.
type Option func(*Decoder)

// MaxLine sets the maximum length of one line in bytes, multi-line strings
// included. A longer one ends decoding with ErrLineTooLong. n must be positive.
func MaxLine(n int) Option { return func(d *Decoder) { d.maxLine = n } }

// EagerKeys makes Next decode the key of every line, so that its mistakes are
// reported by LineErr and ParseKey never fails.
func EagerKeys() Option { return func(d *Decoder) { d.eager = true } }

// Decoder parses line protocol. It may be reused by Reset and keeps its memory,
// so it is best pooled. It is not safe for concurrent use.
type Decoder struct {
	in      input
	maxLine int
	eager   bool

	line    Line
	lineErr *Error
	err     error

	used  int // bytes of the window that the current line takes, line end included
	lines int // physical lines in them

	whole bool // the end of the current line is certain, newlines in strings considered

	shapes  shapes
	repeats repeats
	text    []byte // unescaped strings of the current line
	keyText []byte // unescaped parts of the current line's key
}

// NewDecoder returns a decoder of the body r, or of nothing if r is nil.
func NewDecoder(r io.Reader, opts ...Option) *Decoder {
	d := &Decoder{maxLine: DefaultMaxLine}
	for _, opt := range opts {
		opt(d)
	}
	d.repeats.init()
	d.Reset(r)
	return d
}

// Reset starts over with the body r, or with nothing if r is nil. It also
// forgets Err.
func (d *Decoder) Reset(r io.Reader) {
	d.in.reset(r)
	d.restart()
}

// ResetBytes starts over with the body b, which is parsed where it lies and
// must not change until decoding is done.
func (d *Decoder) ResetBytes(b []byte) {
	d.in.resetBytes(b)
	d.restart()
}

func (d *Decoder) restart() {
	d.line = Line{dec: d, Number: 1}
	d.lineErr, d.err = nil, nil
	d.used, d.lines = 0, 0
	d.shapes.forgetLast()
	d.shapes.trim()
	if cap(d.text) > keep {
		d.text = nil
	}
	if cap(d.keyText) > keep {
		d.keyText = nil
	}
}

// Line is the current line. If LineErr is not nil, only Number and Raw count.
// The pointer stays the same for the life of the decoder.
func (d *Decoder) Line() *Line { return &d.line }

// LineErr tells why the current line is bad, or nil. The error may be kept,
// but for its Raw.
func (d *Decoder) LineErr() *Error { return d.lineErr }

// Err returns the error that ended decoding: one of the reader, or
// ErrLineTooLong. The end of the input is not an error.
func (d *Decoder) Err() error { return d.err }

// Next parses the next line that is neither blank nor a comment. It returns
// false at the end of the input or when decoding cannot go on; see Err. After
// a bad line it returns true; see LineErr.
func (d *Decoder) Next() bool {
	for d.err == nil {
		d.in.start += d.used
		d.line.Number += d.lines
		d.used, d.lines = 0, 0

		n, ok := d.in.newline(d.maxLine)
		if !ok {
			d.err = fmt.Errorf("read line %d: %w", d.line.Number, d.in.err)
			break
		}
		w := d.in.window()
		if n == 0 && len(w) == 0 {
			break
		}
		d.take(w, n)

		raw := d.line.text
		at := 0
		for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t') {
			at++
		}
		if at == len(raw) || raw[at] == '#' {
			continue
		}
		d.lineErr, d.whole = nil, false
		if f := d.parse(at); f.reason != "" {
			d.settle(at, f)
		}
		if d.err == nil {
			return true
		}
	}
	d.line.Raw, d.line.Key, d.line.Fields = nil, nil, nil
	d.lineErr = nil
	return false
}

// take makes the first n bytes of the window the current line.
func (d *Decoder) take(w []byte, n int) {
	d.used, d.lines = n, 0
	if n < len(w) {
		d.used, d.lines = n+1, 1
		if n > 0 && w[n-1] == '\r' {
			n--
		}
	}
	d.line.text, d.line.Raw = w[:n], w[:n:n]
}

// settle deals with a line that has the flaw f up to its first newline: that
// newline may belong to it. If so the line is parsed once more, as a whole.
func (d *Decoder) settle(at int, f flaw) {
	raw := d.line.Raw
	if indexByte(raw, '"') >= 0 || raw[len(raw)-1] == '\\' {
		end, ok := d.extend()
		if !ok {
			return
		}
		// The search may have moved the line in the buffer, so start over even
		// if it does end there.
		w := d.in.window()
		d.take(w, end)
		d.lines += bytes.Count(w[:end], newline)
		d.whole = true
		f = d.parse(at)
	}
	if f.reason != "" {
		d.lineErr = d.fail(f)
		d.line.Key = nil
	}
}

var newline = []byte{'\n'}

// extend finds the end of the current line, reading on as needed.
func (d *Decoder) extend() (int, bool) {
	for {
		w := d.in.window()
		full := len(w) > d.maxLine
		if full {
			w = w[:d.maxLine+1]
		}
		n, state := extent(w, d.in.eof, full)
		switch state {
		case extentFound:
			return n, true
		case extentTooLong:
			d.in.within(d.maxLine+1, d.maxLine)
		case extentNeedMore:
			// Doubling keeps repeated searches linear in all.
			if d.in.more(min(2*len(w), d.maxLine) + 1) {
				continue
			}
		}
		d.err = fmt.Errorf("read line %d: %w", d.line.Number, d.in.err)
		return 0, false
	}
}

// fail makes the error of the current line.
func (d *Decoder) fail(f flaw) *Error {
	return &Error{Number: d.line.Number, Column: f.at + 1, Reason: f.reason, Raw: d.line.Raw}
}

// parse parses the current line, whose key starts at the offset at. If it has
// several mistakes, those of the key come first.
func (d *Decoder) parse(at int) flaw {
	l := &d.line
	l.parsed, l.measurement, l.tags, l.keyErr = false, nil, nil, nil
	l.keyAt = at
	d.text = d.text[:0]

	f := d.parseFields(at)
	if f.reason != "" || d.eager {
		l.parsed = true
		if kf := l.decodeKey(); kf.reason != "" {
			f = kf
		}
	}
	if f.reason != "" {
		l.Fields, l.FieldsID, l.SameFields, l.HasTime = nil, 0, false, false
		return f
	}
	l.Fields = l.shape.fields
	l.FieldsID, l.SameFields = d.shapes.identify(l.shape)
	return flaw{}
}

// parseFields parses all but the key, which it splits off.
func (d *Decoder) parseFields(at int) flaw {
	l := &d.line
	raw := l.text
	n := keyEnd(raw[at:])
	if n < 0 {
		l.Key, l.shape = raw[at:], d.shapes.of(raw, at, at)
		return flaw{reasonNoSpace, len(raw)}
	}
	p := at + n
	l.Key = raw[at:p:p]
	for p < len(raw) && raw[p] == ' ' {
		p++
	}
	s := d.shapes.of(raw, at, p)
	l.shape = s
	p, f := d.fields(s, raw, p)
	if f.reason == "" {
		f = d.timestamp(raw, p)
	}
	if f.reason == "" && !s.distinct {
		f = d.repeatedField(s)
	}
	return f
}

// keyEnd returns the offset of the first space without a backslash, or -1.
func keyEnd(b []byte) int {
	for p := 0; ; {
		i := indexByte(b[p:], ' ')
		if i < 0 {
			return -1
		}
		p += i
		if p == 0 || b[p-1] != '\\' || !escaped(b, p) {
			return p
		}
		p++
	}
}

// escaped tells whether an odd number of backslashes precedes b[p].
func escaped(b []byte, p int) bool {
	i := p
	for i > 0 && b[i-1] == '\\' {
		i--
	}
	return (p-i)&1 == 1
}

// timestamp parses what follows the field set.
func (d *Decoder) timestamp(raw []byte, p int) flaw {
	l := &d.line
	l.HasTime, l.Time = false, 0
	rest := p
	for p < len(raw) && raw[p] == ' ' {
		p++
	}
	if p == len(raw) {
		return flaw{}
	}
	if p > rest {
		start, negative := p, raw[p] == '-'
		if negative {
			p++
		}
		if v, n := digits(raw, p); n > 0 {
			p += n
			t, ok := integer(raw[start:p], v, n, negative)
			if !ok {
				return quoted(reasonTimestamp, raw[start:p], start)
			}
			l.HasTime, l.Time = true, t
			rest = p
			for p < len(raw) && raw[p] == ' ' {
				p++
			}
			if p == len(raw) {
				return flaw{}
			}
		}
	}
	return quoted(reasonTrailing, raw[rest:], rest)
}
