package expr

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// matcher is a compiled pattern. The classes \d \w \s of the reference are
// those of Unicode, Go's those of ASCII. Both agree on ASCII texts, which Go's
// match faster; for other texts the pattern is compiled with the classes
// spelled out (spec/sql.md section 9.6). What cannot be spelled stays that of
// ASCII: \b, and \W and \S between brackets.
type matcher struct {
	ascii, wide *regexp.Regexp
	// literals are requiredLiterals of the pattern.
	literals []string
	whole    bool
}

func compileMatcher(pattern string) (*matcher, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	m := &matcher{ascii: re, wide: re}
	m.literals, m.whole = requiredLiterals(pattern)
	if w := widenClasses(pattern); w != pattern {
		if m.wide, err = regexp.Compile(w); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// matches says whether the expression is found in a text.
func (m *matcher) matches(s string) bool {
	if len(m.literals) > 0 {
		found := containsAny(s, m.literals)
		if m.whole || !found {
			return found
		}
	}
	return m.on(s).MatchString(s)
}

// on is the expression to use on a text.
func (m *matcher) on(s string) *regexp.Regexp {
	if m.wide == m.ascii || isASCII(s) {
		return m.ascii
	}
	return m.wide
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// The classes as members of brackets.
const (
	wideWord  = `\p{L}\p{M}\p{Nd}\p{Pc}`
	wideSpace = `\s\p{Z}\x{85}`
)

// wideClass is the class behind a backslash outside of brackets and between
// them, empty where there is none.
func wideClass(c byte) (outside, inside string) {
	switch c {
	case 'd':
		return `\p{Nd}`, `\p{Nd}`
	case 'D':
		return `\P{Nd}`, `\P{Nd}`
	case 'w':
		return "[" + wideWord + "]", wideWord
	case 'W':
		return "[^" + wideWord + "]", ""
	case 's':
		return "[" + wideSpace + "]", wideSpace
	case 'S':
		return "[^" + wideSpace + "]", ""
	}
	return "", ""
}

// widenClasses spells out the classes of a pattern that compiles.
func widenClasses(pattern string) string {
	if !strings.Contains(pattern, `\`) {
		return pattern
	}
	var b strings.Builder
	class := -1 // place behind [ and [^, negative outside of brackets
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && i+1 < len(pattern):
			i++
			outside, inside := wideClass(pattern[i])
			switch {
			case class < 0 && pattern[i] == 'Q':
				end := strings.Index(pattern[i:], `\E`) // what is quoted stays
				if end < 0 {
					end = len(pattern) - i
				}
				b.WriteString(pattern[i-1 : i+end])
				i += end - 1
				continue
			case class < 0 && outside != "":
				b.WriteString(outside)
				continue
			case class >= 0 && inside != "":
				b.WriteString(inside)
				continue
			}
			b.WriteString(pattern[i-1 : i+1])
			continue
		case class < 0 && c == '[':
			class = i + 1
			if strings.HasPrefix(pattern[class:], "^") {
				class++
			}
		case class >= 0 && c == '[' && strings.HasPrefix(pattern[i:], "[:"):
			if end := strings.Index(pattern[i:], ":]"); end > 0 {
				b.WriteString(pattern[i : i+end+2])
				i += end + 1
				continue
			}
		case class >= 0 && c == ']' && i > class: // as the first one it is a member
			class = -1
		}
		b.WriteByte(c)
	}
	return b.String()
}
