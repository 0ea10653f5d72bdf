package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tarn/store/column"
)

// matchesFunctions are those of full-text search in GreptimeDB's SQL.
func matchesFunctions() map[string]function {
	return map[string]function{
		"matches_term": fixed(column.Bool, test2(matchesTerm), column.String, column.String),
		"matches": {min: 2, max: 2, bind: func(name string, args []Expr) (Expr, error) {
			args, err := convertArgs(name, args, []column.Kind{column.String, column.String})
			if err != nil {
				return nil, err
			}
			if lit, ok := args[1].(*Literal); ok && !lit.Value.Null {
				if _, err := parseMatches(lit.Value.S); err != nil {
					return nil, err
				}
			}
			return newNode(name, args, column.Of(column.Bool), matchesKernel), nil
		}},
	}
}

// matchesTerm says whether a text has a term between characters that are no
// letters or digits, or at its ends. An end of the term that is itself no letter
// or digit may stand anywhere.
func matchesTerm(text, term string) bool {
	if term == "" {
		return text == ""
	}
	first, _ := utf8.DecodeRuneInString(term)
	last, _ := utf8.DecodeLastRuneInString(term)
	freeStart, freeEnd := !isWord(first), !isWord(last)
	for at := 0; ; {
		i := strings.Index(text[at:], term)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(term)
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (freeStart || at == 0 || !isWord(before)) && (freeEnd || end == len(text) || !isWord(after)) {
			return true
		}
		at++
	}
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// matchesKernel runs matches(text, query).
var matchesKernel = strict(column.Of(column.Bool), func(ctx *Context, args []operand, out *column.Vector) error {
	text, query := ctx.textSlot(args[0]), ctx.textSlot(args[1])
	var compiled *matchesQuery
	last := ""
	for i := range out.Bools {
		if out.Nulls.Get(i) {
			continue
		}
		if q := query.at(i); compiled == nil || q != last {
			var err error
			if compiled, err = parseMatches(q); err != nil {
				return err
			}
			last = q
		}
		out.Bools[i] = compiled.match(text.at(i))
	}
	return nil
})

// matchesQuery is a query of matches: a text to be found, or others that all or
// one must match.
type matchesQuery struct {
	not  bool
	text string
	kids []*matchesQuery // nil: text
	all  bool            // of kids, else one
}

func (q *matchesQuery) match(s string) bool {
	found := false
	switch {
	case q.kids == nil:
		found = strings.Contains(s, q.text)
	case q.all:
		found = true
		for _, k := range q.kids {
			if !k.match(s) {
				found = false
				break
			}
		}
	default:
		for _, k := range q.kids {
			if k.match(s) {
				found = true
				break
			}
		}
	}
	return found != q.not
}

// Bounds of a query of matches.
const (
	maxMatchesDepth = 50
	maxMatchesTerms = 1000
)

// parseMatches reads a query: terms and "phrases", AND before OR, which may be
// left out, parentheses, +required, -excluded. Where something is required what
// is neither is not needed. A backslash makes the next character an ordinary one.
func parseMatches(query string) (*matchesQuery, error) {
	p := matchesParser{rest: query}
	q, err := p.list(0)
	switch {
	case err != nil:
		return nil, err
	case p.rest != "":
		return nil, planError("matches: unexpected ) in the query %q", query)
	}
	return q, nil
}

type matchesParser struct {
	rest  string
	terms int
}

func (p *matchesParser) blanks() { p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace) }

// list reads operands up to a parenthesis or the end.
func (p *matchesParser) list(depth int) (*matchesQuery, error) {
	if depth > maxMatchesDepth {
		return nil, planError("matches: the query is nested deeper than %d", maxMatchesDepth)
	}
	var required, others []*matchesQuery
	optional := 0 // of others, those that are single and carry no sign
	for p.blanks(); p.rest != "" && p.rest[0] != ')'; p.blanks() {
		if len(required)+len(others) > 0 && p.keyword("OR") {
			continue
		}
		var chain []*matchesQuery
		var sign byte
		for {
			q, s, err := p.operand(depth)
			if err != nil {
				return nil, err
			}
			chain, sign = append(chain, q), s
			if p.blanks(); !p.keyword("AND") {
				break
			}
		}
		switch {
		case len(chain) > 1:
			others = append(others, &matchesQuery{kids: chain, all: true})
		case sign != 0:
			required = append(required, chain[0])
		default:
			// Those without a sign come first, so that they can be cut off.
			others = append(others, chain[0])
			others[optional], others[len(others)-1] = others[len(others)-1], others[optional]
			optional++
		}
	}
	for _, q := range required {
		if !q.not {
			others = others[optional:]
			break
		}
	}
	switch {
	case len(required)+len(others) == 0:
		return nil, planError("matches: the query is empty")
	case len(others) > 1:
		others = []*matchesQuery{{kids: others}}
	}
	if all := append(required, others...); len(all) > 1 {
		return &matchesQuery{kids: all, all: true}, nil
	} else {
		return all[0], nil
	}
}

// keyword goes past a word if it comes next.
func (p *matchesParser) keyword(w string) bool {
	rest, ok := strings.CutPrefix(p.rest, w)
	if !ok {
		return false
	}
	if r, size := utf8.DecodeRuneInString(rest); size > 0 && !unicode.IsSpace(r) && r != '(' && r != '"' {
		return false
	}
	p.rest = rest
	return true
}

// operand reads a term, phrase or group, and its sign.
func (p *matchesParser) operand(depth int) (q *matchesQuery, sign byte, err error) {
	p.blanks()
	if p.rest != "" && (p.rest[0] == '+' || p.rest[0] == '-') {
		sign, p.rest = p.rest[0], p.rest[1:]
	}
	switch {
	case p.rest == "" || p.rest[0] == ')' || sign != 0 && strings.ContainsRune("+- \t\r\n", rune(p.rest[0])):
		return nil, 0, planError("matches: a term is missing in the query")
	case p.rest[0] == '(':
		p.rest = p.rest[1:]
		group, err := p.list(depth + 1)
		if err != nil {
			return nil, 0, err
		}
		if p.rest == "" {
			return nil, 0, planError("matches: a ) is missing in the query")
		}
		p.rest = p.rest[1:]
		q = &matchesQuery{kids: []*matchesQuery{group}}
	default:
		if p.terms++; p.terms > maxMatchesTerms {
			return nil, 0, planError("matches: the query has more than %d terms", maxMatchesTerms)
		}
		text, err := p.term()
		if err != nil {
			return nil, 0, err
		}
		q = &matchesQuery{text: text}
	}
	q.not = sign == '-'
	return q, sign, nil
}

// term reads a word, or a phrase in quotes.
func (p *matchesParser) term() (string, error) {
	quoted := p.rest[0] == '"'
	if quoted {
		p.rest = p.rest[1:]
	}
	var b strings.Builder
	for p.rest != "" {
		r, size := utf8.DecodeRuneInString(p.rest)
		switch {
		case r == '\\' && len(p.rest) > 1:
			p.rest = p.rest[1:]
			_, size = utf8.DecodeRuneInString(p.rest)
		case quoted && r == '"':
			p.rest = p.rest[1:]
			return b.String(), nil
		case !quoted && (unicode.IsSpace(r) || r == '(' || r == ')'):
			return b.String(), nil
		}
		b.WriteString(p.rest[:size])
		p.rest = p.rest[size:]
	}
	if quoted {
		return "", planError("matches: a quote is not closed in the query")
	}
	return b.String(), nil
}
