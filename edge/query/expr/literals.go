package expr

import (
	le "encoding/binary"
	"regexp/syntax"
	"strings"
)

// Bounds of the literals that stand for an expression: shorter ones are in most
// texts, and more cost more than they save.
const (
	minLiteral  = 2
	maxLiterals = 16
)

// requiredLiterals are texts one of which is in all that an expression matches,
// nil where none are known. whole says that a text that has one matches: the
// expression is nothing else. Finding them is many times faster than matching.
func requiredLiterals(pattern string) (literals []string, whole bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	return literalsOf(re)
}

func literalsOf(re *syntax.Regexp) (literals []string, whole bool) {
	switch re.Op {
	case syntax.OpLiteral:
		if text := string(re.Rune); re.Flags&syntax.FoldCase == 0 && len(text) >= minLiteral {
			return []string{text}, true
		}
	case syntax.OpCapture:
		return literalsOf(re.Sub[0])
	case syntax.OpPlus:
		literals, _ = literalsOf(re.Sub[0])
		return literals, false
	case syntax.OpRepeat:
		if re.Min > 0 {
			literals, _ = literalsOf(re.Sub[0])
			return literals, false
		}
	case syntax.OpConcat:
		// The longest is the rarest, as a rule.
		best := 0
		for _, sub := range re.Sub {
			l, _ := literalsOf(sub)
			if n := shortest(l); n > best {
				literals, best = l, n
			}
		}
		return literals, false
	case syntax.OpAlternate:
		whole = true
		for _, sub := range re.Sub {
			l, w := literalsOf(sub)
			if len(l) == 0 || len(literals)+len(l) > maxLiterals {
				return nil, false
			}
			literals, whole = append(literals, l...), whole && w
		}
		return literals, whole
	}
	return nil, false
}

func shortest(literals []string) int {
	n := 0
	for i, l := range literals {
		if i == 0 || len(l) < n {
			n = len(l)
		}
	}
	return n
}

// containsAny says whether one of some texts is in s.
func containsAny(s string, texts []string) bool {
	for _, t := range texts {
		if strings.Contains(s, t) {
			return true
		}
	}
	return false
}

// upperASCII appends a text with its letters made capital; ok is false when there
// are characters beyond ASCII, and then what is appended is worth nothing.
func upperASCII(dst []byte, s string) (out []byte, ok bool) {
	const ones = 0x0101010101010101
	from := len(dst)
	dst = append(dst, s...)
	b := dst[from:]
	for ; len(b) >= 8; b = b[8:] {
		w := le.LittleEndian.Uint64(b)
		if w&(0x80*ones) != 0 {
			return dst, false
		}
		// A byte's high bit is set where it is at least 'a' and not above 'z'.
		small := (w + (0x80-'a')*ones) &^ (w + (0x7f-'z')*ones) & (0x80 * ones)
		le.LittleEndian.PutUint64(b, w-small>>2)
	}
	for i, c := range b {
		if c >= 0x80 {
			return dst, false
		}
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return dst, true
}
