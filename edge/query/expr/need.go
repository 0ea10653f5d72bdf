package expr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"tarn/store/column"
)

// TextNeed is what a predicate needs of a text column to be true: that the text
// is one of Values, or contains one of Parts and all of Also. It may need more.
type TextNeed struct {
	Column *Column
	Values []string
	Parts  []string
	Also   []string
}

// maxNeeds bounds the values that a need lists.
const maxNeeds = 1024

// NeedOf finds what a predicate needs of one text column.
func NeedOf(e Expr) (n TextNeed, ok bool) {
	switch e := e.(type) {
	case *Binary:
		return needOfBinary(e)
	case *In:
		if e.Not || len(e.List) > maxNeeds {
			return n, false
		}
		n.Column, n.Values = textColumn(e.X), []string{}
		for _, item := range e.List {
			v, null, ok := textLiteral(item)
			if !ok {
				return n, false
			}
			if !null { // nothing equals NULL
				n.Values = append(n.Values, v)
			}
		}
	case *Like:
		pattern, null, ok := textLiteral(e.Pattern)
		if !ok || null || e.Not || e.Fold || !utf8.ValidString(pattern) {
			return n, false
		}
		n.Column = textColumn(e.X)
		if p := compileLike(pattern, e.Escape, false); p.kind == likeEqual {
			n.Values = []string{p.lit}
		} else {
			n.all(pieces(p.tokens))
		}
	case *Call:
		return needOfCall(e)
	default:
		return n, false
	}
	return n, n.useful()
}

// minPart is the shortest part that is worth a search before the predicate: a
// shorter one is in most texts.
const minPart = 3

func (n *TextNeed) useful() bool {
	return n.Column != nil && (n.Values != nil ||
		len(n.Parts) > 0 && !slices.ContainsFunc(n.Parts, func(p string) bool { return len(p) < minPart }))
}

func needOfBinary(e *Binary) (n TextNeed, ok bool) {
	switch e.Op {
	case Eq:
		x, y := e.L, e.R
		if _, _, ok := textLiteral(x); ok {
			x, y = y, x
		}
		v, null, ok := textLiteral(y)
		if !ok {
			return n, false
		}
		n.Column, n.Values = textColumn(x), []string{}
		if !null {
			n.Values = append(n.Values, v)
		}
	case Match:
		v, null, ok := textLiteral(e.R)
		if !ok || null {
			return n, false
		}
		m, err := compileRegexp(v, "")
		if err != nil {
			return n, false
		}
		n.Column, n.Parts = textColumn(e.L), m.literals
	case And:
		l, okL := NeedOf(e.L)
		r, okR := NeedOf(e.R)
		if !okL || okR && l.Values == nil && r.Values != nil {
			return r, okR
		}
		return l, okL
	case Or:
		l, okL := NeedOf(e.L)
		r, okR := NeedOf(e.R)
		if !okL || !okR || l.Column.Index != r.Column.Index || (l.Values == nil) != (r.Values == nil) || len(l.Values)+len(r.Values)+len(l.Parts)+len(r.Parts) > maxNeeds {
			return n, false
		}
		n = TextNeed{Column: l.Column, Parts: slices.Concat(l.Parts, r.Parts)}
		if l.Values != nil {
			n.Values = append(append([]string{}, l.Values...), r.Values...)
		}
	default:
		return n, false
	}
	return n, n.useful()
}

func needOfCall(e *Call) (n TextNeed, ok bool) {
	if len(e.Args) != 2 {
		return n, false
	}
	v, null, ok := textLiteral(e.Args[1])
	if !ok || null {
		return n, false
	}
	n.Column = textColumn(e.Args[0])
	switch e.Name {
	case "contains", "starts_with", "ends_with", "matches_term":
		n.Parts = []string{v}
	case "regexp_like":
		m, err := compileRegexp(v, "")
		if err != nil {
			return n, false
		}
		n.Parts = m.literals
	case "matches":
		q, err := parseMatches(v)
		if err != nil {
			return n, false
		}
		if q.all && !q.not {
			n.all(q.required())
		} else {
			n.Parts = q.needs()
		}
	default:
		return n, false
	}
	return n, n.useful()
}

// needs are texts of which what matches has one; none when there are no such.
func (q *matchesQuery) needs() (parts []string) {
	switch {
	case q.not:
		return nil
	case q.kids == nil:
		return []string{q.text}
	}
	for _, k := range q.kids {
		p := k.needs()
		switch {
		case q.all && p != nil && (parts == nil || len(p) < len(parts)):
			parts = p
		case q.all:
		case p == nil:
			return nil
		default:
			parts = append(parts, p...)
		}
	}
	return parts
}

// required are single texts that all have to be in what matches.
func (q *matchesQuery) required() (texts []string) {
	for _, k := range q.kids {
		if k.kids == nil && !k.not {
			texts = append(texts, k.text)
		}
	}
	return texts
}

// all makes the need one of all texts: for the longest, which is likely the
// rarest, first.
func (n *TextNeed) all(texts []string) {
	if len(texts) == 0 {
		return
	}
	best := 0
	for i, s := range texts {
		if len(s) > len(texts[best]) {
			best = i
		}
	}
	n.Parts = []string{texts[best]}
	n.Also = slices.DeleteFunc(slices.Delete(slices.Clone(texts), best, best+1), func(s string) bool { return s == "" })
}

// pieces are the texts between wildcards.
func pieces(tokens []rune) (out []string) {
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			out = append(out, b.String())
		}
		b.Reset()
	}
	for _, t := range tokens {
		if t == anyOne || t == anyMany {
			end()
			continue
		}
		b.WriteRune(t)
	}
	end()
	return out
}

// textColumn is e if it is a column of texts.
func textColumn(e Expr) *Column {
	if c, ok := e.(*Column); ok && c.Type().Kind == column.String {
		return c
	}
	return nil
}

// textLiteral is the text of a literal.
func textLiteral(e Expr) (s string, null, ok bool) {
	l, ok := e.(*Literal)
	if !ok || !l.Value.Type.IsText() && !l.Value.Null {
		return "", false, false
	}
	return l.Value.S, l.Value.Null, true
}
