package lp

// ParseKey decodes the line's Key. The tags are in the order of the line and
// have no key twice and no empty value; the slices are valid until the next
// call of Next. The error is that of a bad line: the caller must treat the line
// like one with a LineErr. On a line that has a LineErr it means nothing.
//
// Equal Keys decode to equal results, so only unknown ones need decoding.
func (l *Line) ParseKey() (measurement []byte, tags []Tag, err *Error) {
	if !l.parsed {
		l.parsed = true
		if f := l.decodeKey(); f.reason != "" {
			l.measurement, l.tags = nil, nil
			l.keyErr = l.dec.fail(f)
			l.dec.shapes.forgetLast()
		}
	}
	return l.measurement, l.tags, l.keyErr
}

// decodeKey decodes Key into measurement and tags.
func (l *Line) decodeKey() flaw {
	l.dec.keyText = l.dec.keyText[:0]
	p := l.keyAt
	end := simpleEnd(l.text, p)
	if isText(end - p) {
		l.measurement = l.text[p:end:end]
	} else {
		var f flaw
		if l.measurement, end, f = l.oddText(p, false); f.reason != "" {
			return f
		}
		if end == p {
			return flaw{reasonMeasurement, p}
		}
	}

	s := l.shape
	if f := l.decodeTags(s, end); f.reason != "" {
		s.cutTags(0)
		return f
	}
	l.tags = s.tags
	return flaw{}
}

// decodeTags decodes the tag set that begins with the comma at text[p], if there
// is one, into the shape s.
func (l *Line) decodeTags(s *shape, p int) flaw {
	b, last := l.text, l.keyAt+len(l.Key)
	learned := false
	i := 0
	for ; p < last && b[p] == ','; i++ {
		p++
		if i < len(s.tags) && s.tagKeys.list[i].startsAt(b, p) {
			p += len(s.tagKeys.list[i].raw)
		} else {
			end, f := s.learnTag(i, b[:last], p)
			if f.reason != "" {
				return f
			}
			learned = true
			p = end
		}
		end := simpleEnd(b, p)
		if isText(end - p) {
			s.tags[i].Value = b[p:end:end]
		} else {
			var f flaw
			if s.tags[i].Value, end, f = l.oddText(p, true); f.reason != "" {
				return f
			}
			if end == p {
				return flaw{reasonTagSet, p}
			}
		}
		p = end
	}
	if p < last { // a tab: it ends an identifier but separates nothing
		return flaw{reasonNoSpace, p}
	}
	s.cutTags(i)
	if learned {
		list := s.tagKeys.list
		if i := l.dec.repeats.find(list); i >= 0 {
			return quoted(reasonRepeatedTag, list[i].name, list[i].at)
		}
	}
	return flaw{}
}

// isText tells whether n is the length of something that is neither empty nor
// too long.
func isText(n int) bool { return uint(n-1) < maxText }

// oddText reads a measurement or tag value at text[p:] that is not as simple as
// most. It returns it without escapes, and the offset behind it, which is p if
// there is none. "\=" is an escape if equals.
func (l *Line) oddText(p int, equals bool) ([]byte, int, flaw) {
	end, escapes := identifier(l.text[:l.keyAt+len(l.Key)], p, ',')
	raw := l.text[p:end:end]
	name := raw
	if escapes {
		d := l.dec
		start := len(d.keyText)
		d.keyText = unescape(d.keyText, raw, equals)
		name = d.keyText[start:len(d.keyText):len(d.keyText)]
	}
	return name, end, identifierFlaw(raw, name, p)
}

// learnTag makes the key at b[p:] the i-th of the shape and the last one for
// now. It returns the offset behind its "=".
func (s *shape) learnTag(i int, b []byte, p int) (int, flaw) {
	s.cutTags(i)
	if i == maxKeys {
		return p, flaw{reasonTooMany, p}
	}
	end, escapes := identifier(b, p, '=')
	if end == p {
		return p, flaw{reasonTagSet, p}
	}
	if end == len(b) || b[end] != '=' {
		if f := identifierFlaw(b[p:end], unescape(nil, b[p:end], true), p); f.reason != "" {
			return p, f
		}
		return p, flaw{reasonTagSet, end}
	}
	k := s.tagKeys.add(b[p:end+1], escapes, p)
	s.tags = append(s.tags, Tag{Key: k.name})
	return end + 1, identifierFlaw(b[p:end], k.name, p)
}

// cutTags drops all tags from index n on.
func (s *shape) cutTags(n int) {
	if n < len(s.tags) {
		s.tags = s.tags[:n]
		s.tagKeys.cut(n)
	}
}
