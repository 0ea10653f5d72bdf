package lp

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The reference parser: slow, obvious, and independent of the real one. It
// takes a whole body, cuts one line after the other by the rules in the package
// comment and reads each from left to right with strings and regular
// expressions.

type refTag struct{ key, value string }

type refField struct {
	key  string
	kind Kind
	bits uint64
	str  string
}

// refLine is a parsed or bad line.
type refLine struct {
	number      int
	raw         string
	reason      string // empty if the line is good
	column      int
	key         string
	measurement string
	tags        []refTag
	fields      []refField
	hasTime     bool
	time        int64
}

// refParse parses a body. tooLong tells that a line longer than max ended it.
func refParse(body string, max int) (lines []refLine, tooLong bool) {
	number := 1
	for body != "" {
		n, ok := refExtent(body, max)
		if !ok {
			return lines, true
		}
		raw := body[:n]
		rest := body[n:]
		if strings.HasPrefix(rest, "\n") {
			rest = rest[1:]
			raw = strings.TrimSuffix(raw, "\r")
		}
		content := strings.TrimLeft(raw, " \t")
		if content != "" && content[0] != '#' {
			p := &refParser{raw: raw, pos: len(raw) - len(content)}
			p.line.number, p.line.raw = number, raw
			p.parse()
			lines = append(lines, p.line)
		}
		number += strings.Count(body[:len(body)-len(rest)], "\n")
		body = rest
	}
	return lines, false
}

// refExtent returns the length of the first line without its newline.
func refExtent(body string, max int) (int, bool) {
	end, ok := refExtentUnlimited(body, max)
	return end, ok && end <= max
}

func refExtentUnlimited(body string, max int) (int, bool) {
	first := strings.IndexByte(body, '\n')
	if first < 0 {
		first = len(body)
	}
	if first > max {
		return 0, false
	}
	if c := strings.TrimLeft(strings.TrimSuffix(body[:first], "\r"), " \t"); c == "" || c[0] == '#' {
		return first, true
	}
	view := body[:min(len(body), max+1)]
	i := len(view) - len(strings.TrimLeft(view, " \t"))
	inFields := false
	for i < len(view) {
		switch {
		case view[i] == '\\':
			i += 2
		case view[i] == '\n':
			return i, true
		case view[i] == ' ':
			inFields = true
			i++
		case inFields && strings.HasPrefix(view[i:], `="`):
			closing := regexp.MustCompile(`(?s)^="([^"\\]|\\.)*"`).FindString(view[i:])
			if closing == "" { // never closed
				n := strings.IndexByte(view[i:], '\n')
				if n < 0 {
					return len(view), len(view) <= max
				}
				return i + n, true
			}
			i += len(closing)
		default:
			i++
		}
	}
	return len(view), len(view) <= max
}

// refParser reads one line. A mistake is a panic with a refError.
type refParser struct {
	raw  string
	pos  int
	line refLine
}

type refError struct {
	reason string
	at     int
}

func (p *refParser) fail(at int, format string, args ...any) {
	panic(refError{fmt.Sprintf(format, args...), at})
}

func (p *refParser) rest() string { return p.raw[p.pos:] }

func (p *refParser) take(prefix string) bool {
	if strings.HasPrefix(p.rest(), prefix) {
		p.pos += len(prefix)
		return true
	}
	return false
}

func (p *refParser) parse() {
	defer func() {
		if e, ok := recover().(refError); ok {
			p.line = refLine{number: p.line.number, raw: p.line.raw, reason: e.reason, column: e.at + 1}
		}
	}()
	start := p.pos
	p.series()
	p.line.key = p.raw[start:p.pos]
	if !strings.HasPrefix(p.rest(), " ") {
		p.fail(p.pos, "A generic parsing error occurred: TakeWhile1")
	}
	p.spaces()
	repeated, at := p.fieldSet()
	p.timestamp()
	if at >= 0 {
		p.fail(at, "invalid line protocol - multiple instances of '%s' field found", refCut(repeated))
	}
}

func (p *refParser) spaces() {
	for p.take(" ") {
	}
}

// identifier reads up to a delimiter or whitespace and removes the escapes. ok
// is false if it is empty.
func (p *refParser) identifier(delimiter byte, escapable string) (name string, ok bool) {
	start := p.pos
	var b strings.Builder
	for p.pos < len(p.raw) {
		c := p.raw[p.pos]
		if c == delimiter || strings.IndexByte(" \t\n", c) >= 0 {
			break
		}
		p.pos++
		if c == '\\' && p.pos < len(p.raw) {
			next := p.raw[p.pos]
			p.pos++
			if strings.IndexByte(escapable, next) < 0 {
				b.WriteByte('\\')
			}
			c = next
		}
		b.WriteByte(c)
	}
	name = b.String()
	if name == "" {
		return "", false
	}
	if strings.HasSuffix(name, `\`) {
		p.fail(p.pos-1, "Measurements, tag keys and values, and field keys may not end with a backslash")
	}
	p.checkText(start, p.pos, name, start)
	return name, true
}

func (p *refParser) checkText(start, end int, decoded string, at int) {
	if len(decoded) > 65536 {
		p.fail(at, "String is greater than 64KB")
	}
	text := p.raw[start:end]
	if i := strings.IndexByte(text, 0); i >= 0 {
		p.fail(start+i, "NUL bytes are not allowed in line protocol")
	}
	if !utf8.ValidString(text) {
		p.fail(start+refInvalidAt(text), "Line protocol must be valid UTF-8")
	}
}

// refInvalidAt is the offset of the first byte that is not UTF-8.
func refInvalidAt(text string) int {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return i
		}
	}
	return -1
}

func (p *refParser) series() {
	name, ok := p.identifier(',', `, \`)
	if !ok {
		p.fail(p.pos, "Invalid measurement was provided")
	}
	p.line.measurement = name
	repeated, repeatedKey := -1, ""
	seen := map[string]bool{}
	for p.take(",") {
		at := p.pos
		if len(p.line.tags) == 65536 {
			p.fail(at, "Too many tags or fields in one line: at most 65536")
		}
		key, ok := p.identifier('=', `,= \`)
		if !ok || !p.take("=") {
			p.fail(p.pos, "Tag Set Malformed")
		}
		value, ok := p.identifier(',', `,= \`)
		if !ok {
			p.fail(p.pos, "Tag Set Malformed")
		}
		if seen[key] && repeated < 0 {
			repeated, repeatedKey = at, key
		}
		seen[key] = true
		p.line.tags = append(p.line.tags, refTag{key, value})
	}
	if p.pos < len(p.raw) && p.raw[p.pos] != ' ' {
		p.fail(p.pos, "A generic parsing error occurred: TakeWhile1")
	}
	if repeated >= 0 {
		p.fail(repeated, "invalid line protocol - multiple instances of '%s' tag found", refCut(repeatedKey))
	}
}

// fieldSet reads the fields and returns the first repeated key and where it is,
// or -1.
func (p *refParser) fieldSet() (repeated string, at int) {
	at = -1
	seen := map[string]bool{}
	for i := 0; ; i++ {
		start := p.pos
		if i == 65536 {
			p.fail(start, "Too many tags or fields in one line: at most 65536")
		}
		key, ok := p.identifier('=', `,= \`)
		var f refField
		if ok && p.take("=") {
			f, ok = p.value()
		} else {
			ok = false
		}
		if !ok {
			switch {
			case i == 0:
				p.fail(p.pos, "No fields were provided")
			case i == 1 && start < len(p.raw) && p.raw[start] != ' ':
				p.trailing(start)
			default:
				p.trailing(start - 1)
			}
		}
		f.key = key
		p.line.fields = append(p.line.fields, f)
		if seen[key] && at < 0 {
			repeated, at = key, start
		}
		seen[key] = true
		if !p.take(",") {
			return repeated, at
		}
	}
}

func (p *refParser) trailing(from int) {
	p.fail(from, "Could not parse entire line. Found trailing content: '%s'", refCut(p.raw[from:]))
}

// refCut shortens a text to at most 1024 bytes, without half a character.
func refCut(s string) string {
	if len(s) <= 1024 {
		return s
	}
	n := 1024
	for i := 0; i < 3 && n > 0 && s[n-1]&0xC0 == 0x80; i++ {
		n--
	}
	if n > 0 && s[n-1] >= 0xC0 {
		n--
	}
	return s[:n]
}

var (
	refInteger  = regexp.MustCompile(`^(-?[0-9]+)i`)
	refUnsigned = regexp.MustCompile(`^([0-9]+)u`)
	refFloat    = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`)
	refString   = regexp.MustCompile(`(?s)^"((?:[^"\\]|\\.)*)"`)
	refBool     = regexp.MustCompile(`^(true|True|TRUE|t|T|false|False|FALSE|f|F)`)
	refTime     = regexp.MustCompile(`^-?[0-9]+`)
)

func (p *refParser) value() (f refField, ok bool) {
	at := p.pos
	if m := refInteger.FindStringSubmatch(p.rest()); m != nil {
		v, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			p.fail(at, "Unable to parse integer value '%s'", refCut(m[1]))
		}
		p.pos += len(m[0])
		return refField{kind: Integer, bits: uint64(v)}, true
	}
	if m := refUnsigned.FindStringSubmatch(p.rest()); m != nil {
		v, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			p.fail(at, "Unable to parse unsigned integer value '%s'", refCut(m[1]))
		}
		p.pos += len(m[0])
		return refField{kind: Unsigned, bits: v}, true
	}
	if m := refFloat.FindString(p.rest()); m != "" {
		v, _ := strconv.ParseFloat(m, 64)
		p.pos += len(m)
		return refField{kind: Float, bits: math.Float64bits(v)}, true
	}
	if m := refString.FindStringSubmatch(p.rest()); m != nil {
		text := strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(m[1])
		p.checkText(at+1, at+1+len(m[1]), text, at)
		p.pos += len(m[0])
		return refField{kind: String, str: text}, true
	}
	if m := refBool.FindString(p.rest()); m != "" {
		p.pos += len(m)
		f = refField{kind: Boolean}
		if m[0]|0x20 == 't' {
			f.bits = 1
		}
		return f, true
	}
	return f, false
}

func (p *refParser) timestamp() {
	before := p.pos
	p.spaces()
	if p.rest() == "" {
		return
	}
	m := refTime.FindString(p.rest())
	if p.pos == before || m == "" {
		p.trailing(before)
	}
	v, err := strconv.ParseInt(m, 10, 64)
	if err != nil {
		p.fail(p.pos, "Unable to parse timestamp value '%s'", refCut(m))
	}
	p.line.hasTime, p.line.time = true, v
	p.pos += len(m)
	before = p.pos
	p.spaces()
	if p.rest() != "" {
		p.trailing(before)
	}
}

// String renders a line for comparison and for humans.
func (l refLine) String() string {
	if l.reason != "" {
		return fmt.Sprintf("%d:%d: %s %q", l.number, l.column, l.reason, l.raw)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d: %q key=%q m=%q tags=%q", l.number, l.raw, l.key, l.measurement, l.tags)
	for _, f := range l.fields {
		fmt.Fprintf(&b, " %q:%v:%d:%q", f.key, f.kind, f.bits, f.str)
	}
	fmt.Fprintf(&b, " %v %d", l.hasTime, l.time)
	return b.String()
}

// decoded is what the real parser says of its current line, in the terms of
// the reference.
func decoded(d *Decoder) refLine {
	l := d.Line()
	if e := d.LineErr(); e != nil {
		return refLine{number: e.Number, column: e.Column, reason: e.Reason, raw: string(e.Raw)}
	}
	m, tags, e := l.ParseKey()
	if e != nil {
		return refLine{number: e.Number, column: e.Column, reason: e.Reason, raw: string(e.Raw)}
	}
	r := refLine{
		number: l.Number, raw: string(l.Raw), key: string(l.Key), measurement: string(m),
		hasTime: l.HasTime, time: l.Time,
	}
	for _, t := range tags {
		r.tags = append(r.tags, refTag{string(t.Key), string(t.Value)})
	}
	for _, f := range l.Fields {
		r.fields = append(r.fields, refField{string(f.Key), f.Kind, f.Bits, string(f.Str)})
	}
	return r
}
