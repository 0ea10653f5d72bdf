package lp

// fields parses the field set at raw[p:] into the shape s and returns the
// offset behind it.
func (d *Decoder) fields(s *shape, raw []byte, p int) (int, flaw) {
	if !s.distinct {
		s.cutFields(0)
	}
	for i := 0; ; i++ {
		start := p
		if i < len(s.fields) && s.fieldKeys.list[i].startsAt(raw, p) {
			p += len(s.fieldKeys.list[i].raw)
		} else {
			end, f := s.learnField(i, raw, p)
			if f.reason != "" {
				return p, f
			}
			p = end
		}
		field := &s.fields[i]
		n := 0
		if field.Kind == Integer {
			field.Bits, n = shortInteger(raw, p)
		}
		if n == 0 {
			end, f := d.value(s, field, raw, p)
			if f.reason != "" {
				return p, f
			}
			if end == p {
				return p, noField(i, raw, start, p)
			}
			n = end - p
		}
		p += n
		if p < len(raw) && raw[p] == ',' {
			p++
			continue
		}
		s.cutFields(i + 1)
		return p, flaw{}
	}
}

// value parses the value at raw[p:] into f, a field of the shape s, and returns
// the offset behind it, which is p if there is none.
func (d *Decoder) value(s *shape, f *Field, raw []byte, p int) (end int, fl flaw) {
	if p >= len(raw) {
		return p, flaw{}
	}
	var kind Kind
	switch c := raw[p]; {
	case c-'0' <= 9 || c == '-':
		kind, f.Bits, end, fl = number(raw, p)
	case c == '"':
		kind = String
		f.Str, end, fl = d.quotedText(raw, p)
		if end == p && !d.whole && fl.reason == "" {
			fl = flaw{reasonOpen, p}
		}
	default:
		kind = Boolean
		f.Bits, end = boolean(raw, p)
	}
	if end > p && f.Kind != kind {
		f.setKind(kind)
		s.changed = true
	}
	return end, fl
}

// noField is the flaw of a field, the i-th from start, that has no key or no
// value at the offset at.
func noField(i int, raw []byte, start, at int) flaw {
	if i == 0 {
		return flaw{reasonNoFields, at}
	}
	// InfluxDB takes the fields before it and reports the rest, beginning with
	// the comma, but not with the first one.
	rest := start - 1
	if i == 1 && start < len(raw) && raw[start] != ' ' {
		rest = start
	}
	return quoted(reasonTrailing, raw[rest:], rest)
}

// setKind changes the kind, leaving nothing of a value of the old one.
func (f *Field) setKind(kind Kind) {
	f.Kind = kind
	if kind == String {
		f.Bits = 0
	} else {
		f.Str = nil
	}
}

// learnField makes the key at raw[p:] the i-th of the shape and the last one
// for now. It returns the offset behind its "=".
func (s *shape) learnField(i int, raw []byte, p int) (int, flaw) {
	s.cutFields(i)
	s.distinct = false
	if i == maxKeys {
		return p, flaw{reasonTooMany, p}
	}
	end, escapes := identifier(raw, p, '=')
	if end == p {
		return p, noField(i, raw, p, p)
	}
	if end == len(raw) || raw[end] != '=' {
		if f := identifierFlaw(raw[p:end], unescape(nil, raw[p:end], true), p); f.reason != "" {
			return p, f
		}
		return p, noField(i, raw, p, end)
	}
	k := s.fieldKeys.add(raw[p:end+1], escapes, p)
	s.fields = append(s.fields, Field{Key: k.name})
	s.changed = true
	return end + 1, identifierFlaw(raw[p:end], k.name, p)
}

// cutFields drops all fields from index n on.
func (s *shape) cutFields(n int) {
	if n < len(s.fields) {
		s.fields = s.fields[:n]
		s.fieldKeys.cut(n)
		s.changed = true
	}
}

// repeatedField checks that no field key of the shape s occurs twice.
func (d *Decoder) repeatedField(s *shape) flaw {
	list := s.fieldKeys.list
	if i := d.repeats.find(list); i >= 0 {
		return quoted(reasonRepeatedField, list[i].name, list[i].at)
	}
	s.distinct = true
	return flaw{}
}
