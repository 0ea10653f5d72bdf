package sql

import (
	"fmt"
	"strings"
)

// Bounds, so that a hostile text cannot exhaust stack or memory: those of this
// package and of all that walk a tree after it.
const (
	// MaxLength is the longest text of a statement in bytes. A token takes some
	// fifty.
	MaxLength = 1 << 20
	// maxDepth is how deep the text may nest.
	maxDepth = 200
	// maxHeight is how high a tree may grow without nesting: a + b + c + ... is
	// a tree of its own height.
	maxHeight = 4096
)

// Parse reads exactly one statement; a semicolon may follow it.
func Parse(text string) (Statement, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	s, err := p.parseStatement()
	if err != nil {
		return nil, err
	}
	for p.acceptOp(";") {
	}
	if p.peek().kind != tokEOF {
		return nil, p.expected("end of statement")
	}
	return s, nil
}

// ParseExpr reads one expression.
func ParseExpr(text string) (Expr, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	e, err := p.parseExpr()
	if err == nil && p.peek().kind != tokEOF {
		err = p.expected("end of expression")
	}
	return e, err
}

type parser struct {
	text   string
	tokens []token
	i      int
	depth  int
	height int // see tree
	// native is GreptimeDB's dialect; see ParseScript.
	native bool
	// queries are how many are being read, one in the other, and tql what WITH
	// names TQL in them.
	queries int
	tql     []CTE
}

func newParser(text string) (*parser, error) {
	if len(text) > MaxLength {
		return nil, newError(text, 0, fmt.Sprintf("the statement is longer than %d bytes", MaxLength))
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	return &parser{text: text, tokens: tokens}, nil
}

func (p *parser) peek() *token { return &p.tokens[p.i] }

// peekAt looks n tokens ahead.
func (p *parser) peekAt(n int) *token { return &p.tokens[min(p.i+n, len(p.tokens)-1)] }

func (p *parser) next() *token {
	t := p.peek()
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) fail(pos int, format string, args ...any) error {
	return newError(p.text, pos, fmt.Sprintf(format, args...))
}

// expected is the error of a token that does not fit.
func (p *parser) expected(what string) error {
	t := p.peek()
	return p.fail(t.pos, "Expected: %s, found: %s", what, t.src)
}

// enter counts a level of nesting; call leave when it returned nil.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.peek().pos, "the statement is nested more than %d levels deep", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// tree measures a tree that grows to the left by a loop, where nesting does not
// show: begin one, call grow for every level, and end it. p.height is the
// height of the highest tree that ended since the innermost open one began or
// grew.
type tree struct{ siblings, height int }

func (p *parser) beginTree() tree {
	t := tree{siblings: p.height}
	p.height = 0
	return t
}

func (p *parser) grow(t *tree) error {
	t.height = max(t.height, p.height) + 1
	p.height = 0
	if t.height > maxHeight {
		return p.fail(p.peek().pos, "more than %d operators are nested in one another", maxHeight)
	}
	return nil
}

func (p *parser) endTree(t tree) { p.height = max(t.siblings, t.height, p.height) }

func (t *token) isWord(word string) bool { return t.kind == tokIdent && t.text == word }

func (t *token) isOp(op string) bool { return t.kind == tokOp && t.text == op }

// atWords says whether the next tokens are these words.
func (p *parser) atWords(words ...string) bool {
	for i, w := range words {
		if !p.peekAt(i).isWord(w) {
			return false
		}
	}
	return true
}

// accept takes the words if they are next.
func (p *parser) accept(words ...string) bool {
	if !p.atWords(words...) {
		return false
	}
	p.i += len(words)
	return true
}

func (p *parser) acceptOp(op string) bool {
	if !p.peek().isOp(op) {
		return false
	}
	p.i++
	return true
}

func (p *parser) expect(words ...string) error {
	for _, w := range words {
		if !p.accept(w) {
			return p.expected(strings.ToUpper(w))
		}
	}
	return nil
}

func (p *parser) expectOp(op string) error {
	if !p.acceptOp(op) {
		return p.expected(op)
	}
	return nil
}

// identToken says whether a token can be a name: quoted, or not reserved.
func (t *token) isIdent() bool {
	return t.kind == tokQuoted || t.kind == tokIdent && !reserved[t.text]
}

func (p *parser) ident(what string) (Ident, error) {
	t := p.peek()
	if !t.isIdent() {
		return Ident{}, p.expected(what)
	}
	p.i++
	return Ident{t.text, t.kind == tokQuoted, t.pos}, nil
}

func (p *parser) objectName(what string) (ObjectName, error) {
	var name ObjectName
	for {
		id, err := p.ident(what)
		if err != nil {
			return nil, err
		}
		name = append(name, id)
		if !p.acceptOp(".") {
			return name, nil
		}
	}
}

// idents reads "(" name, ... ")".
func (p *parser) idents() ([]Ident, error) {
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	var out []Ident
	for {
		id, err := p.ident("identifier")
		if err != nil {
			return nil, err
		}
		out = append(out, id)
		if !p.acceptOp(",") {
			return out, p.expectOp(")")
		}
	}
}

// refusals are statements that the server knows and does not run (spec
// section 14), by their first word.
var refusals = map[string]string{
	"create": "DDL not supported: Create", "drop": "DDL not supported: Drop", "alter": "DDL not supported: Alter", "truncate": "DDL not supported: Truncate",
	"insert": "DML not supported: Insert Into", "update": "DML not supported: Update", "delete": "DML not supported: Delete", "merge": "DML not supported: Merge",
	"copy": "DML not supported: Copy", "set": "Statement not supported: SetVariable", "reset": "Statement not supported: ResetVariable",
	"begin": "Statement not supported: TransactionStart", "start": "Statement not supported: TransactionStart",
	"commit": "Statement not supported: TransactionEnd", "rollback": "Statement not supported: TransactionEnd",
	"prepare": "Statement not supported: Prepare", "execute": "Statement not supported: Execute", "deallocate": "Statement not supported: Deallocate",
	"grant": "Statement not supported: Grant", "revoke": "Statement not supported: Revoke",
}

func (p *parser) parseStatement() (Statement, error) {
	t := p.peek()
	switch {
	case t.isOp("("), t.isWord("select"), t.isWord("with"), t.isWord("values"):
		return p.parseQuery()
	case t.isWord("explain"):
		return p.parseExplain()
	case t.isWord("describe"), t.isWord("desc"):
		p.next()
		p.accept("table")
		name, err := p.objectName("a table name")
		return &Describe{at(t.pos), name}, err
	case t.isWord("show"):
		return p.parseShow()
	case t.kind == tokIdent && refusals[t.text] != "":
		e := newError(p.text, t.pos, refusals[t.text])
		e.refused = true
		return nil, e
	}
	return nil, p.expected("an SQL statement")
}

func (p *parser) parseExplain() (Statement, error) {
	e := &Explain{at: at(p.next().pos)}
	for {
		switch {
		case p.accept("analyze"):
			e.Analyze = true
		case p.accept("verbose"):
			e.Verbose = true
		case p.accept("format"):
			t := p.next()
			if t.kind != tokIdent && t.kind != tokString {
				return nil, p.fail(t.pos, "Expected: a format, found: %s", t.src)
			}
			e.Format = strings.ToLower(t.text)
		default:
			var err error
			e.Query, err = p.parseQuery()
			return e, err
		}
	}
}

func (p *parser) parseShow() (Statement, error) {
	start := at(p.next().pos)
	switch {
	case p.accept("tables"):
		return &ShowTables{start}, nil
	case p.accept("all"):
		return &ShowAll{start}, nil
	case p.accept("columns"):
		if !p.accept("from") && !p.accept("in") {
			return nil, p.expected("FROM or IN")
		}
		name, err := p.objectName("a table name")
		return &ShowColumns{start, name}, err
	}
	return nil, p.expected("TABLES, COLUMNS or ALL")
}
