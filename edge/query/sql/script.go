package sql

import (
	"fmt"
	"strings"
)

// maxStatements bounds a script.
const maxStatements = 1000

// ParseScript reads statements of GreptimeDB's dialect, separated by semicolons.
func ParseScript(text string) ([]Statement, error) {
	if len(text) > MaxLength {
		return nil, newError(text, 0, fmt.Sprintf("the statements are longer than %d bytes", MaxLength))
	}
	var out []Statement
	for start := 0; start < len(text); {
		end := statementEnd(text, start)
		s, err := parseOne(text, start, end)
		if err != nil {
			return nil, err
		}
		if s != nil {
			out = append(out, s)
		}
		if len(out) > maxStatements {
			return nil, newError(text, start, fmt.Sprintf("more than %d statements", maxStatements))
		}
		start = end + 1
	}
	if len(out) == 0 {
		return nil, newError(text, len(text), "Expected: an SQL statement, found: EOF")
	}
	return out, nil
}

// statementEnd is the position of the semicolon that ends the statement at start,
// or the text's end.
func statementEnd(text string, start int) int {
	tql := isTQL(text[start:])
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case c == ';':
			return i
		case c == '\'' || c == '"' || c == '`':
			// A doubled quote is a quote that ends and one that begins.
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' && tql && c != '`' {
					i++
				}
			}
		case tql:
		case strings.HasPrefix(text[i:], "--"):
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return len(text)
			}
			i += n
		case strings.HasPrefix(text[i:], "/*"):
			l := lexer{text: text, pos: i}
			if l.blockComment() != nil {
				return len(text)
			}
			i = l.pos - 1
		}
	}
	return len(text)
}

// isTQL says whether a statement is one of PromQL, which SQL's tokens do not
// fit.
func isTQL(text string) bool {
	l := lexer{text: text}
	if l.skip() != nil {
		return false
	}
	rest := text[l.pos:]
	return len(rest) > 3 && strings.EqualFold(rest[:3], "tql") && !isIdentPart(rest[3])
}

// parseOne reads text[start:end], nil when there is nothing in it.
func parseOne(text string, start, end int) (Statement, error) {
	// What comes before is blanked for positions in errors to be the script's,
	// and what comes after is not there.
	head := text[:end]
	if isTQL(head[start:]) {
		return parseTQL(head, start)
	}
	l := lexer{text: head, pos: start, native: true}
	tokens, err := l.all()
	if err != nil {
		return nil, err
	}
	if len(tokens) == 1 {
		return nil, nil
	}
	p := &parser{text: head, tokens: tokens, native: true}
	s, err := p.parseNative()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokEOF {
		return nil, p.expected("end of statement")
	}
	return s, nil
}

// parseTQL reads TQL EVAL|EXPLAIN|ANALYZE [(start, end, step[, lookback])] promql
// [AS alias].
func parseTQL(text string, start int) (Statement, error) {
	l := lexer{text: text, pos: start}
	word := func() string {
		if l.skip() != nil {
			return ""
		}
		from := l.pos
		for l.pos < len(text) && isIdentPart(text[l.pos]) {
			l.pos++
		}
		return strings.ToUpper(text[from:l.pos])
	}
	word() // TQL
	s := &TQL{at: at(start)}
	switch at, w := l.pos, word(); w {
	case "EVAL", "EVALUATE":
		s.Kind = "EVAL"
	case "EXPLAIN", "ANALYZE", "ANALYSE":
		s.Kind = strings.Replace(w, "YSE", "YZE", 1)
	default:
		return nil, newError(text, at, "Expected: EVAL, EXPLAIN or ANALYZE, found: "+w)
	}
	for s.Kind != "EVAL" {
		before := l.pos
		switch word() {
		case "VERBOSE":
			s.Verbose = true
			continue
		case "FORMAT":
			s.Format = word()
			continue
		}
		l.pos = before
		break
	}
	if err := l.skip(); err != nil {
		return nil, err
	}
	if l.pos < len(text) && text[l.pos] == '(' {
		if err := s.params(text, &l); err != nil {
			return nil, err
		}
	}
	s.Query = strings.TrimSpace(text[l.pos:])
	if s.Query == "" {
		return nil, newError(text, l.pos, "Expected: a PromQL expression, found: EOF")
	}
	return s, s.alias(text)
}

// params reads the list of parameters. Without one the parentheses are
// PromQL's; only what reads as a list of three or four is one.
func (s *TQL) params(text string, l *lexer) error {
	end, depth := -1, 0
	for i := l.pos; i < len(text) && end < 0; i++ {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				end = i
			}
		case '\'', '"':
			n := strings.IndexByte(text[i+1:], text[i])
			if n < 0 {
				return newError(text, i, "Unterminated string literal")
			}
			i += n + 1
		}
	}
	if end < 0 {
		return newError(text, l.pos, "Expected: ) at the end of the parameters of TQL")
	}
	inner := lexer{text: text[:end], pos: l.pos + 1, native: true}
	tokens, err := inner.all()
	if err != nil {
		return err
	}
	p := &parser{text: text, tokens: tokens, native: true}
	params, err := p.exprs()
	if err != nil {
		return err
	}
	if p.peek().kind != tokEOF {
		return p.expected("end of the parameters of TQL")
	}
	if len(params) != 3 && len(params) != 4 {
		return newError(text, l.pos, fmt.Sprintf("Expected: start, end, step and perhaps lookback, found: %d parameters", len(params)))
	}
	for i, e := range params {
		if q, ok := e.(*ColumnRef); ok && q.Name.Quoted && q.Qualifier == nil { // "15s"
			params[i] = &Literal{at: q.at, Kind: StringLit, Str: q.Name.Name}
		}
	}
	s.Params, l.pos = params, end+1
	return nil
}

// alias takes a trailing AS name off the query.
func (s *TQL) alias(text string) error {
	lower := strings.ToLower(s.Query)
	i := strings.LastIndex(lower, " as ")
	if i < 0 {
		return nil
	}
	l := lexer{text: s.Query, pos: i + len(" as "), native: true}
	tokens, err := l.all()
	if err != nil || len(tokens) != 2 || !tokens[0].isIdent() && tokens[0].kind != tokString {
		return nil //nolint:nilerror // then it is the query's
	}
	s.Alias = &Ident{tokens[0].text, tokens[0].kind != tokIdent, tokens[0].pos}
	if s.Query = strings.TrimSpace(s.Query[:i]); s.Query == "" {
		return newError(text, len(text), "Expected: a PromQL expression before AS")
	}
	return nil
}
