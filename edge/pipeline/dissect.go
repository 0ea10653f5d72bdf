package pipeline

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// dissectOp cuts a text along the literals of a pattern.
type dissectOp struct {
	patterns  []dissectPattern
	separator string // between appended captures
}

// dissectPattern is a literal, then captures that each end at their literal.
type dissectPattern struct {
	prefix string
	parts  []dissectPart
	// appended are the names that several captures make together, with their
	// parts in order.
	appended []appended
}

type dissectPart struct {
	name    string // empty for what is skipped
	append  bool
	order   int
	padded  bool   // stop may come several times
	literal string // what comes after the capture; empty is the end of the text
	stop    string // its first character, the first of which ends the capture
}

type appended struct {
	name  string
	parts []int
}

var errNoPattern = &RecordError{"No matching pattern found"}

func buildDissect(o *options) step {
	op := &dissectOp{separator: o.text("append_separator", " ")}
	for _, n := range o.texts("patterns", "pattern") {
		p, err := parseDissect(n.text)
		if err != nil {
			o.fail(n.line, "pattern %q: %v", n.text, err)
			continue
		}
		op.patterns = append(op.patterns, p)
	}
	if len(op.patterns) == 0 {
		o.fail(o.node.line, "patterns is missing")
	}
	return eachField(o, op)
}

func parseDissect(text string) (p dissectPattern, err error) {
	rest := text
	i := strings.Index(rest, "%{")
	if i < 0 {
		return p, errors.New("it captures nothing")
	}
	p.prefix, rest = rest[:i], rest[i:]
	for rest != "" {
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return p, errors.New("a %{ without a }")
		}
		part, err := parseDissectPart(rest[2:end])
		if err != nil {
			return p, err
		}
		rest = rest[end+1:]
		next := strings.Index(rest, "%{")
		switch {
		case next == 0:
			return p, errors.New("two captures with nothing between them")
		case next < 0:
			part.literal, rest = rest, ""
		default:
			part.literal, rest = rest[:next], rest[next:]
		}
		_, n := utf8.DecodeRuneInString(part.literal)
		part.stop = part.literal[:n]
		p.parts = append(p.parts, part)
	}
	return p, p.join()
}

func parseDissectPart(s string) (dissectPart, error) {
	var p dissectPart
	s, p.padded = strings.CutSuffix(s, "->")
	skip := false
	if s != "" {
		switch s[0] {
		case '+':
			p.append = true
			s = s[1:]
			name, order, ok := strings.Cut(s, "/")
			if ok {
				n, err := strconv.Atoi(order)
				if err != nil || n < 0 {
					return p, errors.New("the order " + strconv.Quote(order) + " is no number")
				}
				p.order = n
			}
			s = name
			if s == "" {
				return p, errors.New("a capture to append has no name")
			}
		case '?', '*', '&':
			// Keys and values of pairs are read and have no effect.
			skip, s = true, s[1:]
		}
	}
	for _, c := range []byte(s) {
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return p, errors.New("the name " + strconv.Quote(s) + " may have letters, digits and _ only")
		}
	}
	if !skip {
		p.name = s
	}
	return p, nil
}

// join finds the captures that make one text together.
func (p *dissectPattern) join() error {
	for i := range p.parts {
		a := &p.parts[i]
		if !a.append {
			if a.name != "" && slices.ContainsFunc(p.parts[:i], func(b dissectPart) bool { return b.name == a.name && !b.append }) {
				return errors.New("the name " + strconv.Quote(a.name) + " comes twice; %{+" + a.name + "} appends")
			}
			continue
		}
		at := slices.IndexFunc(p.appended, func(b appended) bool { return b.name == a.name })
		if at < 0 {
			p.appended = append(p.appended, appended{name: a.name})
			at = len(p.appended) - 1
		}
		p.appended[at].parts = append(p.appended[at].parts, i)
	}
	for i := range p.appended {
		a := &p.appended[i]
		slices.SortStableFunc(a.parts, func(x, y int) int { return p.parts[x].order - p.parts[y].order })
		// A capture of the name itself comes first.
		if k := slices.IndexFunc(p.parts, func(b dissectPart) bool { return b.name == a.name && !b.append }); k >= 0 {
			a.parts = append([]int{k}, a.parts...)
		}
	}
	return nil
}

func (d *dissectOp) apply(r *Runner, f *field, v Value) error {
	if v.kind != String {
		return expected("string", f, &v)
	}
	for i := range d.patterns {
		p := &d.patterns[i]
		if !p.match(v.text, &r.found) {
			continue
		}
		for k := range p.parts {
			if part := &p.parts[k]; part.name != "" && !part.append {
				r.record.Set(part.name, StringOf(r.found[k]))
			}
		}
		for _, a := range p.appended {
			b := r.record.arena.begin(len(v.text))
			for k, part := range a.parts {
				if k > 0 {
					b = append(b, d.separator...)
				}
				b = append(b, r.found[part]...)
			}
			r.record.Set(a.name, StringOf(r.record.arena.end(b)))
		}
		return nil
	}
	return errNoPattern
}

// match cuts s (section 8.7): a capture ends where the character comes with which
// the literal after it begins, and the literal must be there. Found has a text for each part then.
func (p *dissectPattern) match(s string, found *[]string) bool {
	*found = (*found)[:0]
	s, ok := strings.CutPrefix(s, p.prefix)
	if !ok {
		return false
	}
	for i := range p.parts {
		part := &p.parts[i]
		if part.literal == "" {
			if part.padded {
				s = strings.TrimRight(s, " ")
			}
			*found = append(*found, s)
			return true
		}
		at := strings.Index(s, part.stop)
		if at < 0 {
			return false
		}
		*found = append(*found, s[:at])
		s = s[at:]
		for part.padded && strings.HasPrefix(s[len(part.stop):], part.stop) {
			s = s[len(part.stop):]
		}
		if s, ok = strings.CutPrefix(s, part.literal); !ok {
			return false
		}
	}
	return true // what follows the last literal does not matter
}
