package sql

import "slices"

// parseLongCall reads the calls whose arguments are separated by words. Most of
// them can also be written as usual.
func (p *parser) parseLongCall() (Expr, error) {
	t := p.peek()
	call := func(name string, args ...Expr) (Expr, error) {
		return p.callEnd(&Call{at: at(t.pos), Name: Ident{Name: name, At: t.pos}, Args: args})
	}
	p.i += 2
	switch t.text {
	case "extract":
		part := p.next()
		if part.kind != tokIdent && part.kind != tokString {
			return nil, p.fail(part.pos, "Expected: a date part, found: %s", part.src)
		}
		if err := p.expect("from"); err != nil {
			return nil, err
		}
		x, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		return call("date_part", &Literal{at: at(part.pos), Kind: StringLit, Str: part.text}, x)
	case "position":
		return p.parsePosition(call)
	case "trim":
		return p.parseTrim(call)
	}
	return p.parseSubstring(t, call)
}

// parsePosition reads POSITION(sub IN text), or position(text, sub).
func (p *parser) parsePosition(call func(string, ...Expr) (Expr, error)) (Expr, error) {
	// IN would be taken as an operator of the first argument.
	first, err := p.parseBinding(powCompare)
	if err != nil {
		return nil, err
	}
	if p.accept("in") {
		x, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		return call("strpos", x, first)
	}
	args, err := p.moreArgs(first)
	if err != nil {
		return nil, err
	}
	return call("position", args...)
}

// parseSubstring reads SUBSTRING(x FROM i FOR n) and OVERLAY(x PLACING y FROM i
// FOR n), or the same with commas.
func (p *parser) parseSubstring(t *token, call func(string, ...Expr) (Expr, error)) (Expr, error) {
	name, words := "substr", []string{"from", "for"}
	if t.text == "overlay" {
		name, words = "overlay", []string{"placing", "from", "for"}
	}
	x, err := p.parseExpr()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(words, p.peek().isWord) {
		args, err := p.moreArgs(x)
		if err != nil {
			return nil, err
		}
		return call(name, args...)
	}
	args := []Expr{x}
	for _, word := range words {
		if p.accept(word) {
			a, err := p.parseExpr()
			if err != nil {
				return nil, err
			}
			args = append(args, a)
		} else if word == "from" && name == "substr" {
			args = append(args, &Literal{at: at(t.pos), Kind: IntLit, Int: 1})
		}
	}
	return call(name, args...)
}

// moreArgs reads the arguments after the first one.
func (p *parser) moreArgs(first Expr) ([]Expr, error) {
	args := []Expr{first}
	if !p.acceptOp(",") {
		return args, nil
	}
	rest, err := p.exprs()
	return append(args, rest...), err
}

func (p *parser) parseTrim(call func(string, ...Expr) (Expr, error)) (Expr, error) {
	name := "btrim"
	switch {
	case p.accept("leading"):
		name = "ltrim"
	case p.accept("trailing"):
		name = "rtrim"
	default:
		p.accept("both")
	}
	var what Expr
	var err error
	if !p.peek().isWord("from") {
		if what, err = p.parseExpr(); err != nil {
			return nil, err
		}
	}
	switch {
	case p.accept("from"):
		x, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		if what == nil {
			return call(name, x)
		}
		return call(name, x, what)
	case p.acceptOp(","):
		chars, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		return call(name, what, chars)
	}
	return call(name, what)
}
