package sql

import (
	"strings"
	"unicode"
)

func (p *parser) parsePrimary() (Expr, error) {
	t := p.peek()
	start := at(t.pos)
	switch t.kind {
	case tokNumber:
		p.next()
		return number(start, t.text), nil
	case tokString:
		p.next()
		return &Literal{at: start, Kind: StringLit, Str: t.text}, nil
	case tokParam:
		p.next()
		return &Param{start, t.text}, nil
	case tokOp:
		switch t.text {
		case "(":
			return p.parseParen()
		case "[":
			return p.parseArray()
		case "@@":
			return p.systemVariable()
		}
	case tokQuoted:
		return p.parseName()
	case tokIdent:
		return p.parseWord()
	}
	return nil, p.expected("an expression")
}

// parseParen reads a query, a tuple or an expression in parentheses.
func (p *parser) parseParen() (Expr, error) {
	start := at(p.peek().pos)
	if n := p.peekAt(1); n.isWord("select") || n.isWord("with") || n.isWord("values") {
		q, err := p.parenQuery()
		return &Subquery{start, q}, err
	}
	p.next()
	if p.acceptOp(")") {
		return &Tuple{at: start}, nil
	}
	list, err := p.exprs()
	if err != nil {
		return nil, err
	}
	if err := p.expectOp(")"); err != nil {
		return nil, err
	}
	if len(list) == 1 {
		return p.rangeOf(start, list[0])
	}
	return &Tuple{start, list}, nil
}

func (p *parser) parseArray() (Expr, error) {
	a := &Array{at: at(p.next().pos)}
	if p.acceptOp("]") {
		return a, nil
	}
	var err error
	if a.Elems, err = p.exprs(); err != nil {
		return nil, err
	}
	return a, p.expectOp("]")
}

// parseWord reads what begins with an unquoted word.
func (p *parser) parseWord() (Expr, error) {
	t := p.peek()
	start := at(t.pos)
	n := p.peekAt(1)
	switch t.text {
	case "null":
		p.next()
		return &Literal{at: start}, nil
	case "true", "false":
		p.next()
		return &Literal{at: start, Kind: BoolLit, Bool: t.text == "true"}, nil
	case "case":
		return p.parseCase()
	case "cast", "try_cast":
		if n.isOp("(") {
			return p.parseCast()
		}
	case "exists":
		p.next()
		q, err := p.parenQuery()
		return &Exists{start, q}, err
	case "interval":
		if n.kind == tokString || n.kind == tokNumber || n.isOp("-") {
			return p.parseInterval()
		}
	case "timestamp", "date", "time":
		if n.kind == tokString {
			p.i += 2
			return &Cast{at: start, X: &Literal{at: at(n.pos), Kind: StringLit, Str: n.text}, Type: TypeName{Name: strings.ToUpper(t.text)}}, nil
		}
	case "array":
		if n.isOp("[") {
			p.next()
			return p.parseArray()
		}
	case "extract", "position", "substring", "trim", "overlay":
		if n.isOp("(") {
			return p.parseLongCall()
		}
	case "current_timestamp", "current_date", "current_time":
		if !n.isOp("(") {
			p.next()
			return &Call{at: start, Name: Ident{Name: t.text, At: t.pos}}, nil
		}
	case "left", "right": // reserved by joins, but functions too
		if n.isOp("(") {
			p.next()
			return p.parseCall(Ident{Name: t.text, At: t.pos})
		}
	}
	if reserved[t.text] {
		return nil, p.expected("an expression")
	}
	return p.parseName()
}

// parseName reads a column or a function call.
func (p *parser) parseName() (Expr, error) {
	start := at(p.peek().pos)
	id, err := p.ident("an expression")
	if err != nil {
		return nil, err
	}
	if p.peek().isOp("(") {
		return p.parseCall(id)
	}
	c := &ColumnRef{at: start, Name: id}
	for p.peek().isOp(".") && p.peekAt(1).isIdent() {
		p.next()
		next, err := p.ident("a column")
		if err != nil {
			return nil, err
		}
		c.Qualifier, c.Name = append(c.Qualifier, c.Name), next
	}
	return c, nil
}

func (p *parser) parseCase() (Expr, error) {
	c := &Case{at: at(p.next().pos)}
	var err error
	if !p.peek().isWord("when") {
		if c.Operand, err = p.parseExpr(); err != nil {
			return nil, err
		}
	}
	for p.accept("when") {
		var w When
		if w.Cond, err = p.parseExpr(); err != nil {
			return nil, err
		}
		if err := p.expect("then"); err != nil {
			return nil, err
		}
		if w.Then, err = p.parseExpr(); err != nil {
			return nil, err
		}
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		return nil, p.expected("WHEN")
	}
	if p.accept("else") {
		if c.Else, err = p.parseExpr(); err != nil {
			return nil, err
		}
	}
	return c, p.expect("end")
}

func (p *parser) parseCast() (Expr, error) {
	t := p.next()
	c := &Cast{at: at(t.pos), Try: t.text == "try_cast"}
	p.next()
	var err error
	if c.X, err = p.parseExpr(); err != nil {
		return nil, err
	}
	if err := p.expect("as"); err != nil {
		return nil, err
	}
	if c.Type, err = p.parseType(); err != nil {
		return nil, err
	}
	return c, p.expectOp(")")
}

// parseType reads a type name such as DOUBLE PRECISION or DECIMAL(10, 2).
func (p *parser) parseType() (TypeName, error) {
	t := p.peek()
	if t.kind != tokIdent || reserved[t.text] {
		return TypeName{}, p.expected("a data type name")
	}
	p.next()
	name := TypeName{Name: strings.ToUpper(t.text)}
	switch t.text {
	case "double":
		if p.accept("precision") {
			name.Name += " PRECISION"
		}
	case "character":
		if p.accept("varying") {
			name.Name += " VARYING"
		}
	}
	if p.acceptOp("(") {
		for {
			n := p.next()
			lit := number(0, n.text)
			if n.kind != tokNumber || lit.Kind != IntLit {
				return name, p.fail(n.pos, "Expected: literal int, found: %s", n.src)
			}
			name.Args = append(name.Args, lit.Int)
			if !p.acceptOp(",") {
				break
			}
		}
		if err := p.expectOp(")"); err != nil {
			return name, err
		}
	}
	switch {
	case p.accept("unsigned"):
		name.Name += " UNSIGNED"
	case p.accept("with", "time", "zone"):
		name.Name += " WITH TIME ZONE"
	case p.accept("without", "time", "zone"):
	}
	return name, nil
}

// parseInterval reads INTERVAL '1 day', INTERVAL '1' DAY and INTERVAL 1 DAY.
func (p *parser) parseInterval() (Expr, error) {
	start := at(p.next().pos)
	sign := ""
	if p.acceptOp("-") {
		sign = "-"
	}
	v := p.next()
	if v.kind != tokString && v.kind != tokNumber {
		return nil, p.fail(v.pos, "Expected: a literal after INTERVAL, found: %s", v.src)
	}
	text := sign + v.text
	if u := p.peek(); u.kind == tokIdent && !strings.ContainsFunc(text, unicode.IsLetter) {
		if _, ok := intervalUnit(u.text); ok {
			p.next()
			text += " " + u.text
		}
	}
	iv, err := ParseInterval(text)
	if err != nil {
		return nil, p.fail(v.pos, "%s", err)
	}
	return &Literal{at: start, Kind: IntervalLit, Str: text, Interval: iv}, nil
}

// parseCall reads a function's arguments and what may follow them.
func (p *parser) parseCall(name Ident) (Expr, error) {
	c := &Call{at: at(name.At), Name: name}
	p.next()
	var err error
	switch {
	case p.acceptOp("*"):
		c.Star = true
	case p.peek().isOp(")"):
	default:
		if c.Distinct = p.accept("distinct"); !c.Distinct {
			p.accept("all")
		}
		if c.Args, err = p.exprs(); err != nil {
			return nil, err
		}
	}
	if p.accept("order", "by") {
		if c.OrderBy, err = p.sortItems(); err != nil {
			return nil, err
		}
	}
	return p.callEnd(c)
}

// callEnd reads a call from behind its arguments.
func (p *parser) callEnd(c *Call) (Expr, error) {
	p.nulls(c)
	err := p.expectOp(")")
	if err != nil {
		return nil, err
	}
	if p.accept("within", "group") {
		if err := p.expectOp("("); err != nil {
			return nil, err
		}
		if err := p.expect("order", "by"); err != nil {
			return nil, err
		}
		if c.Within, err = p.sortItems(); err != nil {
			return nil, err
		}
		if err := p.expectOp(")"); err != nil {
			return nil, err
		}
	}
	if p.atWords("filter") && p.peekAt(1).isOp("(") {
		p.i += 2
		if err := p.expect("where"); err != nil {
			return nil, err
		}
		if c.Filter, err = p.parseExpr(); err != nil {
			return nil, err
		}
		if err := p.expectOp(")"); err != nil {
			return nil, err
		}
	}
	p.nulls(c)
	if p.accept("over") {
		c.Over, err = p.windowSpec()
		return c, err
	}
	return p.rangeAgg(c)
}

func (p *parser) nulls(c *Call) {
	if ignore := p.accept("ignore", "nulls"); ignore || p.accept("respect", "nulls") {
		c.IgnoreNulls = &ignore
	}
}
