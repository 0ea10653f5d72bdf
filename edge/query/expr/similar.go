package expr

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"tarn/store/column"
)

// NewSimilar returns e [NOT] SIMILAR TO pattern ESCAPE escape. An empty escape
// means the default, a backslash.
//
// The pattern is that of SQL, not of a regular expression: it must match the
// whole text; % is any text and _ any character, newlines too; | * + ? {m,n}
// ( ) and [ ] mean what they mean in regular expressions; every other
// character, such as . ^ and $, is itself.
func NewSimilar(e, pattern Expr, escape string, not bool) (Expr, error) {
	for _, x := range []Expr{e, pattern} {
		if k := x.Type(); !k.IsText() && k.Kind != column.Null {
			return nil, planError("There isn't a common type to coerce %s and %s in SIMILAR TO expression", e.Type(), pattern.Type())
		}
	}
	if escape == "" {
		escape = `\`
	}
	esc, n := utf8.DecodeRuneInString(escape)
	if n != len(escape) {
		return nil, planError("Invalid escape character in SIMILAR TO expression")
	}
	e, pattern, err := castBoth(e, pattern, column.Of(column.String))
	if err != nil {
		return nil, err
	}
	if lit, ok := pattern.(*Literal); ok && !lit.Value.Null {
		if _, err := compileSimilar(lit.Value.S, esc); err != nil {
			return nil, err
		}
	}
	// The escape is an argument so that expressions that differ in it differ.
	x := newNode("similar_to", []Expr{e, pattern, NewLiteral(String(escape))}, column.Of(column.Bool), similarKernel)
	if not {
		return NewUnary(Not, x)
	}
	return x, nil
}

var similarKernel = strictRows(column.Of(column.Bool), func(ctx *Context, args []operand) func(*column.Vector, int) error {
	s, patterns := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	esc, _ := utf8.DecodeRuneInString(args[2].v.Strings[0])
	var last string
	var re *matcher
	return func(out *column.Vector, i int) error {
		if p := patterns.at(i); re == nil || p != last {
			var err error
			if re, err = ctx.similar(p, esc); err != nil {
				return err
			}
			last = p
		}
		text := s.at(i)
		out.Bools[i] = re.on(text).MatchString(text)
		return nil
	}
})

// similar returns the compiled form of a pattern.
func (c *Context) similar(pattern string, escape rune) (*matcher, error) {
	key := "similar" + string(escape) + "/" + pattern
	if re, ok := c.regexps[key]; ok {
		return re, nil
	}
	re, err := compileSimilar(pattern, escape)
	if err != nil {
		return nil, err
	}
	if c.regexps == nil || len(c.regexps) >= maxPatterns {
		c.regexps = map[string]*matcher{}
	}
	c.regexps[key] = re
	return re, nil
}

func compileSimilar(pattern string, escape rune) (*matcher, error) {
	translated, ok := similarToRegexp(pattern, escape)
	if !ok {
		return nil, executionError("Regular expression did not compile: %s: missing closing ]", pattern)
	}
	re, err := regexp.Compile(translated)
	var cause *syntax.Error
	switch {
	case errors.As(err, &cause): // without the translation, which nobody wrote
		return nil, executionError("Regular expression did not compile: %s: %s", pattern, cause.Code)
	case err != nil:
		return nil, executionError("Regular expression did not compile: %s: %v", pattern, err)
	}
	return &matcher{ascii: re, wide: re}, nil
}

// similarToRegexp translates a pattern to RE2; false when brackets are open at
// its end.
func similarToRegexp(pattern string, escape rune) (string, bool) {
	var b strings.Builder
	b.WriteString(`(?s)\A(?:`)
	p := []rune(pattern)
	for i := 0; i < len(p); i++ {
		switch r := p[i]; {
		case r == escape && i+1 < len(p):
			i++
			b.WriteString(regexp.QuoteMeta(string(p[i])))
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteByte('.')
		case r == '[':
			n := writeClass(&b, p[i:], escape)
			if n == 0 {
				return "", false
			}
			i += n - 1
		case r != escape && strings.ContainsRune("|*+?{}()", r):
			b.WriteRune(r)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`)\z`)
	return b.String(), true
}

// writeClass translates the brackets at the beginning of p and returns how
// many characters they are, 0 when they are not closed.
func writeClass(b *strings.Builder, p []rune, escape rune) int {
	b.WriteByte('[')
	i := 1
	if i < len(p) && p[i] == '^' {
		b.WriteByte('^')
		i++
	}
	for first := i; i < len(p); i++ {
		switch r := p[i]; {
		case r == ']' && i > first: // as the first one it is a member
			b.WriteByte(']')
			return i + 1
		case r == '[' && i+1 < len(p) && p[i+1] == ':':
			end := strings.Index(string(p[i:]), ":]")
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(string(p[i:])[:end+2]) // as in [[:digit:]]
			i += utf8.RuneCountInString(string(p[i:])[:end+2]) - 1
		case r == escape && i+1 < len(p):
			i++
			b.WriteString(`\` + string(p[i]))
		case strings.ContainsRune(`[]\^&`, r):
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return 0
}
