package sql

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// lex splits the text into tokens, the last of which is tokEOF.
func lex(text string) ([]token, error) {
	l := lexer{text: text}
	return l.all()
}

// all splits what is left.
func (l *lexer) all() ([]token, error) {
	text := l.text
	// Most statements have no more tokens than this; the others grow.
	l.tokens = slices.Grow(l.tokens, min((len(text)-l.pos)/4+1, 256))
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		if l.pos >= len(text) {
			l.tokens = append(l.tokens, token{kind: tokEOF, src: "EOF", pos: len(text)})
			return l.tokens, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

type lexer struct {
	text   string
	pos    int
	tokens []token
	// native is GreptimeDB's dialect: names may stand in backticks.
	native bool
}

func (l *lexer) fail(pos int, msg string) error { return newError(l.text, pos, msg) }

// skip passes over blanks and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			l.pos++
		case strings.HasPrefix(rest, "--"):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.pos += i + 1
			} else {
				l.pos = len(l.text)
			}
		case strings.HasPrefix(rest, "/*"):
			if err := l.blockComment(); err != nil {
				return err
			}
		case strings.HasPrefix(rest, "\u00a0"):
			l.pos += 2
		case strings.HasPrefix(rest, "\ufeff"):
			l.pos += 3
		default:
			return nil
		}
	}
	return nil
}

// blockComment skips a comment, which may hold others.
func (l *lexer) blockComment() error {
	start, depth := l.pos, 0
	for l.pos < len(l.text) {
		switch rest := l.text[l.pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.pos += 2
			if depth == 0 {
				return nil
			}
		default:
			l.pos++
		}
	}
	return l.fail(start, "Unexpected EOF while in a multi-line comment")
}

func isIdentStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdentPart(c byte) bool { return isIdentStart(c) || isDigit(c) || c == '$' }

// operators, longest first.
var operators = []string{"!~*", "<=>", "::", "<=", ">=", "<>", "!=", "||", "<<", ">>", "~*", "!~", "==",
	"(", ")", "[", "]", "{", "}", ",", ".", ";", "+", "-", "*", "/", "%", "=", "<", ">", "~", "&", "|", "^", "#", ":", "!", "?"}

func (l *lexer) add(kind tokenKind, text string, end int) {
	l.tokens = append(l.tokens, token{kind, text, l.text[l.pos:end], l.pos})
	l.pos = end
}

func (l *lexer) next() error {
	c := l.text[l.pos]
	switch {
	case c == '\'':
		return l.quoted(tokString, l.pos, '\'', "Unterminated string literal")
	case c == '"':
		return l.quoted(tokQuoted, l.pos, '"', "Expected close delimiter '\"' before EOF.")
	case c == '`' && l.native:
		return l.quoted(tokQuoted, l.pos, '`', "Expected close delimiter '`' before EOF.")
	case l.native && strings.HasPrefix(l.text[l.pos:], "@@"):
		l.add(tokOp, "@@", l.pos+2)
	case (c == 'e' || c == 'E') && strings.HasPrefix(l.text[l.pos+1:], "'"):
		return l.escaped()
	case l.native && isTQL(l.text[l.pos:]) && len(l.tokens) > 0 && l.tokens[len(l.tokens)-1].isOp("("):
		return l.tql()
	case isIdentStart(c):
		end := l.pos
		for end < len(l.text) && isIdentPart(l.text[end]) {
			end++
		}
		l.add(tokIdent, strings.ToLower(l.text[l.pos:end]), end)
	case isDigit(c) || c == '.' && l.pos+1 < len(l.text) && isDigit(l.text[l.pos+1]):
		return l.number()
	case c == '$' && l.dollarQuoted():
	case c == '$':
		end := l.pos + 1
		for end < len(l.text) && isIdentPart(l.text[end]) && l.text[end] != '$' {
			end++
		}
		if strings.HasPrefix(l.text[end:], "$") {
			return l.fail(l.pos, "Unterminated dollar-quoted string")
		}
		if end == l.pos+1 {
			return l.fail(l.pos, "Expected: a parameter name after $")
		}
		l.add(tokParam, l.text[l.pos+1:end], end)
	default:
		for _, op := range operators {
			if op[0] == c && strings.HasPrefix(l.text[l.pos:], op) {
				l.add(tokOp, op, l.pos+len(op))
				return nil
			}
		}
		r, _ := utf8.DecodeRuneInString(l.text[l.pos:])
		return l.fail(l.pos, "Unexpected character "+string(r))
	}
	return nil
}

// tql reads TQL, whose words are PromQL's, to the parenthesis that closes the one
// before it.
func (l *lexer) tql() error {
	depth := 0
	for i := l.pos; i < len(l.text); i++ {
		switch c := l.text[i]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				l.add(tokTQL, l.text[l.pos:i], i)
				return nil
			}
		case '\'', '"', '`':
			for i++; i < len(l.text) && l.text[i] != c; i++ {
				if l.text[i] == '\\' && c != '`' {
					i++
				}
			}
		}
	}
	return l.fail(l.pos, "Expected: ) after TQL, found: EOF")
}

// quoted reads a string or quoted identifier, in which a doubled quote stands
// for one.
func (l *lexer) quoted(kind tokenKind, start int, quote byte, unterminated string) error {
	var b strings.Builder
	if n := strings.IndexByte(l.text[start+1:], quote); n > 0 {
		if end := start + 1 + n; !strings.HasPrefix(l.text[end+1:], l.text[end:end+1]) {
			l.add(kind, l.text[start+1:end], end+1)
			return nil
		}
	}
	for i := start + 1; i < len(l.text); i++ {
		if l.text[i] != quote {
			b.WriteByte(l.text[i])
			continue
		}
		if i+1 < len(l.text) && l.text[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		l.add(kind, b.String(), i+1)
		return nil
	}
	return l.fail(start, unterminated)
}

// dollarQuoted reads $$text$$ or $tag$text$tag$, if that is what is here: what is
// between stands for itself.
func (l *lexer) dollarQuoted() bool {
	rest := l.text[l.pos:]
	tag := 1
	for tag < len(rest) && rest[tag] != '$' && isIdentPart(rest[tag]) && (tag > 1 || isIdentStart(rest[tag])) {
		tag++
	}
	if tag == len(rest) || rest[tag] != '$' {
		return false
	}
	tag++
	length := strings.Index(rest[tag:], rest[:tag])
	if length < 0 {
		return false
	}
	l.add(tokString, rest[tag:tag+length], l.pos+tag+length+tag)
	return true
}

// escaped reads E'...' with backslash escapes.
func (l *lexer) escaped() error {
	var b strings.Builder
	for i := l.pos + 2; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '\\' && i+1 < len(l.text):
			i++
			switch e := l.text[i]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case 'b':
				b.WriteByte('\b')
			case 'f':
				b.WriteByte('\f')
			default:
				b.WriteByte(e)
			}
		case c == '\'' && i+1 < len(l.text) && l.text[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\'':
			l.add(tokString, b.String(), i+1)
			return nil
		default:
			b.WriteByte(c)
		}
	}
	return l.fail(l.pos, "Unterminated string literal")
}

// number reads a number. What follows must be the end of it: "1e" or "12abc"
// is no number with an alias.
func (l *lexer) number() error {
	end := l.pos
	digits := func() {
		for end < len(l.text) && isDigit(l.text[end]) {
			end++
		}
	}
	digits()
	if end < len(l.text) && l.text[end] == '.' {
		end++
		digits()
	}
	if end < len(l.text) && (l.text[end] == 'e' || l.text[end] == 'E') {
		exp := end + 1
		if exp < len(l.text) && (l.text[exp] == '+' || l.text[exp] == '-') {
			exp++
		}
		if exp < len(l.text) && isDigit(l.text[exp]) {
			end = exp
			digits()
		}
	}
	if end < len(l.text) && isIdentPart(l.text[end]) {
		for end < len(l.text) && isIdentPart(l.text[end]) {
			end++
		}
		return l.fail(l.pos, "Expected: a number, found: "+l.text[l.pos:end])
	}
	l.add(tokNumber, l.text[l.pos:end], end)
	return nil
}
