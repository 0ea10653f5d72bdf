package pipeline

import (
	"errors"
	"fmt"
	"strings"
)

// Format is how records stand in a body.
type Format uint8

// The formats (spec section 8.2).
const (
	// JSON is an object, an array of objects, or several of them one after
	// the other.
	JSON Format = iota
	// NDJSON is an object a line.
	NDJSON
	// Text is a message a line.
	Text
)

// MessageField is the field of a line of Text.
const MessageField = "message"

// BadRecord is a piece of a body that is no record; the next one may be.
type BadRecord struct{ Err error }

func (e *BadRecord) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *BadRecord) Unwrap() error { return e.Err }

// Source reads the records of a body one after the other. The zero Source is
// ready for Reset.
type Source struct {
	format Format
	d      decoder
	array  bool // inside of an array of records
	after  bool // an element was read, and a comma or the end must follow
	index  int
}

// Reset begins a body, which must be UTF-8 and stay as it is as long as its
// records are used.
func (s *Source) Reset(body []byte, f Format) {
	stack := s.d.stack
	*s = Source{format: f, d: decoder{s: alias(body), stack: stack[:0]}}
}

// Forget drops what the source refers to.
func (s *Source) Forget() {
	clear(s.d.stack[:cap(s.d.stack)])
	s.Reset(nil, JSON)
	s.d.arena = nil
}

// Index is the number of the record that Next returned last, from 0: for NDJSON
// and Text its line.
func (s *Source) Index() int { return s.index - 1 }

// Next reads the next record. A *BadRecord is one that can be passed over, any
// other error ends the body.
func (s *Source) Next(r *Record) (ok bool, err error) {
	r.Reset()
	s.d.arena, s.d.depth, s.d.count, s.d.stack = &r.arena, 0, 0, s.d.stack[:0]
	if s.format == JSON {
		return s.nextJSON(r)
	}
	for s.d.pos < len(s.d.s) {
		line := s.d.s[s.d.pos:]
		end := strings.IndexByte(line, '\n')
		next := s.d.pos + end + 1
		if end < 0 {
			end, next = len(line), len(s.d.s)
		}
		line = strings.TrimSuffix(line[:end], "\r")
		s.index++
		if s.format == Text && line != "" {
			s.d.pos = next
			r.Add(MessageField, StringOf(line))
			return true, nil
		}
		if strings.TrimSpace(line) == "" {
			s.d.pos = next
			continue
		}
		body := s.d.s
		s.d.s = body[:s.d.pos+len(line)] // offsets stay those of the body
		s.d.blanks()
		v, err := s.d.whole()
		s.d.s, s.d.pos = body, next
		switch {
		case err != nil:
			return true, &BadRecord{fmt.Errorf("invalid JSON at index: %d, %w", s.Index(), err)}
		case v.kind != Map:
			return true, &BadRecord{fmt.Errorf("invalid JSON at index: %d, %w", s.Index(), errScalar)}
		}
		r.fields = append(r.fields, v.kids...)
		return true, nil
	}
	return false, nil
}

func (s *Source) nextJSON(r *Record) (bool, error) {
	d := &s.d
	for {
		d.blanks()
		if d.pos >= len(d.s) {
			if s.array {
				return false, d.fail("unexpected end of JSON")
			}
			return false, nil
		}
		c := d.s[d.pos]
		switch {
		case s.array && s.after && c == ',':
			d.pos++
			s.after = false
			d.blanks()
			if d.pos < len(d.s) && d.s[d.pos] == ']' {
				return false, d.fail("invalid JSON: a comma before the end of an array")
			}
			continue
		case s.array && c == ']':
			d.pos++
			s.array, s.after = false, false
			continue
		case s.array && s.after:
			return false, d.fail("invalid JSON")
		case !s.array && c == '[':
			d.pos++
			s.array = true
			continue
		}
		s.index++
		from := d.pos
		if c == '{' {
			// The members are the record's own: no need for a copy.
			if err := d.object(); err != nil {
				return true, s.resume(from, err)
			}
			r.fields = append(r.fields, d.stack...)
			d.stack = d.stack[:0]
			s.after = s.array
			return true, nil
		}
		if _, err := d.value(); err != nil {
			return true, s.resume(from, err)
		}
		s.after = s.array
		return true, &BadRecord{errScalar}
	}
}

// resume goes on after a record that is no JSON, at the next line that begins
// with an object; in an array there is no way to tell.
func (s *Source) resume(from int, err error) error {
	if s.array {
		return err
	}
	end := strings.Index(s.d.s[from:], "\n{")
	if end < 0 {
		end = len(s.d.s) - from
	}
	s.d.pos = min(from+end+1, len(s.d.s))
	return &BadRecord{err}
}

// IsBadRecord says whether the rest of the body can still be read.
func IsBadRecord(err error) bool {
	var bad *BadRecord
	return errors.As(err, &bad)
}
