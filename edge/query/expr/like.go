package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"tarn/store/column"
)

// Like is X [NOT] LIKE Pattern, or ILIKE with Fold.
type Like struct {
	X, Pattern Expr
	// Escape makes the next character of the pattern an ordinary one.
	Escape rune
	Fold   bool
	Not    bool

	o origin
}

// NewLike returns e [NOT] LIKE pattern ESCAPE escape, or ILIKE. An empty
// escape means the default, a backslash.
func NewLike(e, pattern Expr, escape string, caseInsensitive, not bool) (Expr, error) {
	for _, x := range []Expr{e, pattern} {
		if k := x.Type(); !k.IsText() && k.Kind != column.Null {
			return nil, planError("There isn't a common type to coerce %s and %s in LIKE expression", e.Type(), pattern.Type())
		}
	}
	esc := '\\'
	if escape != "" {
		r, n := utf8.DecodeRuneInString(escape)
		if n != len(escape) {
			return nil, planError("Invalid escape character in LIKE expression")
		}
		esc = r
	}
	e, pattern, err := castBoth(e, pattern, column.Of(column.String))
	if err != nil {
		return nil, err
	}
	return &Like{X: e, Pattern: pattern, Escape: esc, Fold: caseInsensitive, Not: not, o: originOfAll([]Expr{e, pattern})}, nil
}

// Type is Bool.
func (e *Like) Type() column.Type { return column.Of(column.Bool) }

// Children are the text and the pattern.
func (e *Like) Children() []Expr { return []Expr{e.X, e.Pattern} }

// WithChildren is the test of another text or pattern.
func (e *Like) WithChildren(c []Expr) Expr {
	n := *e
	n.X, n.Pattern, n.o = c[0], c[1], originOfAll(c)
	return &n
}

// String is the SQL text.
func (e *Like) String() string {
	op := " LIKE "
	if e.Fold {
		op = " ILIKE "
	}
	if e.Not {
		op = " NOT" + op
	}
	return operandText(e.X) + op + operandText(e.Pattern)
}

func (e *Like) origin() origin { return e.o }

// Eval matches the texts.
func (e *Like) Eval(ctx *Context, b *column.Batch) (*column.Vector, error) {
	return evaluate(ctx, e, b)
}

func (e *Like) compute(ctx *Context, b *column.Batch) (*column.Vector, error) {
	args, err := ctx.operandsOf(e.Children(), b)
	if err != nil {
		return nil, err
	}
	out, some := ctx.result(e.Type(), b.Len, args...)
	if !some {
		return out, nil
	}
	s, p := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	for i := range out.Bools {
		pattern := ctx.like(p.at(i), e.Escape, e.Fold)
		if p.step == 0 {
			for i := range out.Bools {
				out.Bools[i] = pattern.match(s.at(i)) != e.Not
			}
			break
		}
		out.Bools[i] = pattern.match(s.at(i)) != e.Not
	}
	return out, nil
}

// maxPatterns bounds the compiled patterns that a context keeps; they are many
// only when patterns come from a column.
const maxPatterns = 256

// like returns the compiled form of a pattern.
func (c *Context) like(pattern string, escape rune, fold bool) *likePattern {
	key := pattern
	if fold || escape != '\\' {
		key = string(escape) + "\x00" + itoa(boolIndex(fold)) + "\x00" + pattern
	}
	p, ok := c.likes[key]
	if !ok {
		if c.likes == nil || len(c.likes) >= maxPatterns {
			c.likes = map[string]*likePattern{}
		}
		p = compileLike(pattern, escape, fold)
		c.likes[key] = p
	}
	return p
}

// likePattern is a compiled LIKE pattern.
type likePattern struct {
	kind likeKind
	lit  string
	fold bool
	// parts are the texts between the % of likeParts, the first and the last of
	// which are at the ends.
	parts []string
	// tokens are characters, anyOne and anyMany; they serve likeGeneral.
	tokens []rune
	upper  []byte // scratch of a pattern that folds
}

type likeKind uint8

const (
	likeGeneral likeKind = iota
	likeEqual
	likePrefix
	likeSuffix
	likeContains
	likeParts
)

// Tokens outside of the range of characters.
const (
	anyOne  rune = -1
	anyMany rune = -2
)

func compileLike(pattern string, escape rune, fold bool) *likePattern {
	p := &likePattern{fold: fold}
	var lit strings.Builder
	wild := 0
	escaped := false
	for _, r := range pattern {
		switch {
		case !escaped && r == escape:
			escaped = true
			continue
		case !escaped && r == '%':
			if n := len(p.tokens); n == 0 || p.tokens[n-1] != anyMany {
				p.tokens = append(p.tokens, anyMany)
			}
		case !escaped && r == '_':
			p.tokens = append(p.tokens, anyOne)
			wild++
		default:
			if escaped && r != '%' && r != '_' && r != escape {
				// Before any other character the escape is an ordinary one.
				p.tokens = append(p.tokens, foldIf(escape, fold))
				lit.WriteRune(foldIf(escape, fold))
			}
			p.tokens = append(p.tokens, foldIf(r, fold))
			lit.WriteRune(foldIf(r, fold))
		}
		escaped = false
	}
	if escaped {
		p.tokens = append(p.tokens, foldIf(escape, fold))
		lit.WriteRune(foldIf(escape, fold))
	}
	p.lit = lit.String()
	many := 0
	for _, t := range p.tokens {
		if t == anyMany {
			many++
		}
	}
	n := len(p.tokens)
	switch {
	case wild > 0 || !utf8.ValidString(pattern) || fold && !isASCII(p.lit):
	case many == 0:
		p.kind = likeEqual
	case many == 1 && p.tokens[n-1] == anyMany:
		p.kind = likePrefix
	case many == 1 && p.tokens[0] == anyMany:
		p.kind = likeSuffix
	case many == 2 && n > 2 && p.tokens[0] == anyMany && p.tokens[n-1] == anyMany:
		p.kind = likeContains
	default:
		p.kind, p.parts = likeParts, partsOf(p.tokens)
	}
	return p
}

// partsOf cuts a pattern at each %.
func partsOf(tokens []rune) []string {
	parts := []string{""}
	for _, t := range tokens {
		if t == anyMany {
			parts = append(parts, "")
		} else {
			parts[len(parts)-1] += string(t)
		}
	}
	return parts
}

func foldIf(r rune, fold bool) rune {
	if fold {
		return foldRune(r)
	}
	return r
}

// foldRune maps all case variants of a character to one: the least.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

func (p *likePattern) match(s string) bool {
	if p.kind == likeGeneral {
		return p.matchGeneral(s)
	}
	if p.fold {
		// The variants of a capital letter that are beyond ASCII are only in texts
		// that are, too.
		var ascii bool
		if p.upper, ascii = upperASCII(p.upper[:0], s); !ascii {
			return p.matchGeneral(s)
		}
		s = unsafe.String(unsafe.SliceData(p.upper), len(p.upper))
	}
	switch p.kind {
	case likeEqual:
		return s == p.lit
	case likePrefix:
		return strings.HasPrefix(s, p.lit)
	case likeSuffix:
		return strings.HasSuffix(s, p.lit)
	case likeContains:
		return strings.Contains(s, p.lit)
	}
	return p.matchParts(s)
}

// matchParts finds the parts one after the other, each as early as it can be.
func (p *likePattern) matchParts(s string) bool {
	last := len(p.parts) - 1
	s, ok := strings.CutPrefix(s, p.parts[0])
	if ok {
		s, ok = strings.CutSuffix(s, p.parts[last])
	}
	for i := 1; ok && i < last; i++ {
		_, s, ok = strings.Cut(s, p.parts[i])
	}
	return ok
}

// matchGeneral walks text and pattern together. When they part, the text that
// the last % covers grows by a character; earlier ones need no second try.
func (p *likePattern) matchGeneral(s string) bool {
	t, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if p.fold {
			r = foldRune(r)
		}
		switch {
		case t < len(p.tokens) && p.tokens[t] == anyMany:
			star, mark = t, i
			t++
		case t < len(p.tokens) && (p.tokens[t] == anyOne || p.tokens[t] == r):
			t++
			i += size
		case star >= 0:
			_, size := utf8.DecodeRuneInString(s[mark:])
			mark += size
			i, t = mark, star+1
		default:
			return false
		}
	}
	for t < len(p.tokens) && p.tokens[t] == anyMany {
		t++
	}
	return t == len(p.tokens)
}
