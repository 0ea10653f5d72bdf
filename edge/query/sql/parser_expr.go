package sql

import "strings"

// Binding powers, loosest first (spec/sql.md section 4).
const (
	powOr = iota + 1
	powAnd
	powNot
	powIs
	powLike
	powCompare
	powPipe
	powCaret
	powAmp
	powXor
	powAdd
	powMul
	powUnary
	powZone
	powCast
	powPostfix
)

// infix operators and their powers.
var infix = map[string]int{
	"=": powCompare, "==": powCompare, "<>": powCompare, "!=": powCompare, "<": powCompare, "<=": powCompare, ">": powCompare, ">=": powCompare,
	"~": powCompare, "~*": powCompare, "!~": powCompare, "!~*": powCompare, "@@": powCompare, // the last in GreptimeDB's dialect alone
	"|": powPipe, "^": powCaret, "#": powCaret, "<<": powCaret, ">>": powCaret, "&": powAmp,
	"+": powAdd, "-": powAdd, "*": powMul, "/": powMul, "%": powMul, "||": powMul,
	"::": powCast, "[": powPostfix, ".": powPostfix,
}

func (p *parser) parseExpr() (Expr, error) { return p.parseBinding(0) }

func (p *parser) exprs() ([]Expr, error) {
	var out []Expr
	for {
		e, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		if !p.acceptOp(",") {
			return out, nil
		}
	}
}

// power is how tightly the next token binds what stands before it, 0 when it
// is no operator.
func (p *parser) power() int {
	t := p.peek()
	if t.kind == tokOp {
		return infix[t.text]
	}
	if t.kind != tokIdent {
		return 0
	}
	switch t.text {
	case "or":
		return powOr
	case "and":
		return powAnd
	case "xor":
		return powXor
	case "is":
		return powIs
	case "like", "ilike":
		return powLike
	case "similar":
		if p.atWords("similar", "to") {
			return powLike
		}
	case "between", "in":
		return powCompare
	case "not":
		switch n := p.peekAt(1); {
		case n.isWord("like"), n.isWord("ilike"), n.isWord("similar"):
			return powLike
		case n.isWord("between"), n.isWord("in"):
			return powCompare
		}
	case "at":
		if p.atWords("at", "time", "zone") {
			return powZone
		}
	}
	return 0
}

// parseBinding reads an expression whose operators bind tighter than min.
func (p *parser) parseBinding(min int) (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.beginTree()
	left, err := p.parsePrefix()
	for err == nil {
		if err = p.grow(&t); err != nil {
			break
		}
		pow := p.power()
		if pow <= min {
			p.endTree(t)
			return left, nil
		}
		left, err = p.parseInfix(left, pow)
	}
	return nil, err
}

func (p *parser) parseInfix(left Expr, pow int) (Expr, error) {
	t := p.next()
	start := at(left.Pos())
	not := t.isWord("not")
	if not {
		t = p.next()
	}
	switch t.text {
	case "or", "and", "xor":
		right, err := p.parseBinding(pow)
		return &Binary{start, strings.ToUpper(t.text), left, right}, err
	case "is":
		return p.parseIs(left)
	case "like", "ilike", "similar":
		return p.parseLike(left, t, not)
	case "between":
		b := &Between{at: start, X: left, Not: not}
		var err error
		if b.Lo, err = p.parseBinding(powCompare); err != nil {
			return nil, err
		}
		if err := p.expect("and"); err != nil {
			return nil, err
		}
		b.Hi, err = p.parseBinding(powCompare)
		return b, err
	case "in":
		return p.parseIn(left, not)
	case "at":
		p.i += 2
		zone, err := p.parseBinding(pow)
		return &AtTimeZone{start, left, zone}, err
	case "::":
		typ, err := p.parseType()
		return &Cast{at: start, X: left, Type: typ}, err
	case "[":
		i, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		return &Index{start, left, i}, p.expectOp("]")
	case ".":
		name, err := p.ident("a field name")
		return &Field{start, left, name}, err
	}
	op := t.text
	switch op {
	case "==":
		op = "="
	case "!=":
		op = "<>"
	}
	if pow == powCompare && p.peekAt(1).isOp("(") && (p.atWords("any") || p.atWords("some") || p.atWords("all")) {
		return p.quantified(left, op)
	}
	right, err := p.parseBinding(pow)
	if err != nil {
		return nil, err
	}
	return p.comparison(start, op, left, right)
}

func (p *parser) parseIs(left Expr) (Expr, error) {
	start, not := at(left.Pos()), p.accept("not")
	for _, what := range []string{"null", "true", "false", "unknown"} {
		if p.accept(what) {
			return &Is{start, left, not, strings.ToUpper(what)}, nil
		}
	}
	if p.accept("distinct", "from") {
		right, err := p.parseBinding(powIs)
		return &IsDistinct{start, left, right, not}, err
	}
	return nil, p.expected("[NOT] NULL | TRUE | FALSE | DISTINCT FROM after IS")
}

func (p *parser) parseLike(left Expr, t *token, not bool) (Expr, error) {
	l := &Like{at: at(left.Pos()), X: left, Op: strings.ToUpper(t.text), Not: not}
	if t.isWord("similar") {
		l.Op = "SIMILAR TO"
		if err := p.expect("to"); err != nil {
			return nil, err
		}
	}
	var err error
	if l.Pattern, err = p.parseBinding(powLike); err != nil {
		return nil, err
	}
	if p.accept("escape") {
		e := p.next()
		if e.kind != tokString || len([]rune(e.text)) != 1 {
			return nil, p.fail(e.pos, "Expected: a string of one character after ESCAPE, found: %s", e.src)
		}
		l.Escape = e.text
	}
	return l, nil
}

func (p *parser) parseIn(left Expr, not bool) (Expr, error) {
	in := &In{at: at(left.Pos()), X: left, Not: not}
	var err error
	if n := p.peekAt(1); p.peek().isOp("(") && (n.isWord("select") || n.isWord("with") || n.isWord("values")) {
		if in.Query, err = p.parenQuery(); err != nil {
			return nil, err
		}
		return p.rowIn(in)
	}
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	if p.acceptOp(")") {
		return in, nil
	}
	if in.List, err = p.exprs(); err != nil {
		return nil, err
	}
	if err := p.expectOp(")"); err != nil {
		return nil, err
	}
	return p.rowIn(in)
}

// parsePrefix reads a prefix operator or a primary.
func (p *parser) parsePrefix() (Expr, error) {
	t := p.peek()
	switch {
	case t.isWord("not"):
		p.next()
		x, err := p.parseBinding(powNot)
		return &Unary{at(t.pos), "NOT", x}, err
	case t.isOp("-"), t.isOp("+"):
		p.next()
		if n := p.peek(); t.text == "-" && n.kind == tokNumber && n.text == "9223372036854775808" && p.peekAt(1).text != "::" {
			// The one integer whose magnitude is no Int64.
			p.next()
			return &Literal{at: at(t.pos), Kind: IntLit, Int: -1 << 63}, nil
		}
		x, err := p.parseBinding(powUnary)
		return &Unary{at(t.pos), t.text, x}, err
	}
	return p.parsePrimary()
}
