package sql

// parseFrom reads a table and the joins that follow it.
func (p *parser) parseFrom() (TableExpr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	left, err := p.parseTable()
	for err == nil {
		j := &Join{at: at(p.peek().pos), Left: left}
		if !p.joinKind(j) {
			return left, nil
		}
		if j.Right, err = p.parseTable(); err != nil {
			return nil, err
		}
		switch {
		case j.Kind == "CROSS" || j.Natural:
		case p.accept("on"):
			j.On, err = p.parseExpr()
		case p.accept("using"):
			j.Using, err = p.idents()
		default:
			return nil, p.expected("ON, or USING after JOIN")
		}
		left = j
	}
	return nil, err
}

// joinKind reads the words up to and with JOIN.
func (p *parser) joinKind(j *Join) bool {
	start := p.i
	j.Natural = p.accept("natural")
	switch {
	case p.accept("cross", "join"):
		j.Kind = "CROSS"
		return true
	case p.accept("left", "semi"):
		j.Kind = "LEFT SEMI"
	case p.accept("right", "semi"):
		j.Kind = "RIGHT SEMI"
	case p.accept("left", "anti"):
		j.Kind = "LEFT ANTI"
	case p.accept("right", "anti"):
		j.Kind = "RIGHT ANTI"
	case p.accept("left"):
		j.Kind = "LEFT"
		p.accept("outer")
	case p.accept("right"):
		j.Kind = "RIGHT"
		p.accept("outer")
	case p.accept("full"):
		j.Kind = "FULL"
		p.accept("outer")
	default:
		j.Kind = "INNER"
		p.accept("inner")
	}
	if p.accept("join") {
		return true
	}
	p.i = start
	return false
}

func (p *parser) parseTable() (TableExpr, error) {
	start := at(p.peek().pos)
	lateral := p.accept("lateral")
	if p.peek().isOp("(") {
		// Either a query or a join in parentheses; the first word tells.
		n := 1
		for p.peekAt(n).isOp("(") {
			n++
		}
		if t := p.peekAt(n); t.isWord("select") || t.isWord("with") || t.isWord("values") {
			begin := p.i
			q, err := p.parenQuery()
			if err == nil {
				d := &Derived{at: start, Lateral: lateral, Query: q}
				d.Alias, err = p.tableAlias()
				return d, err
			}
			if n == 1 {
				return nil, err
			}
			p.i = begin // ((SELECT ...) JOIN ...)
		}
		p.next()
		t, err := p.parseFrom()
		if err != nil {
			return nil, err
		}
		return t, p.expectOp(")")
	}
	name, err := p.objectName("identifier")
	if err != nil {
		return nil, err
	}
	if !p.acceptOp("(") {
		t := &TableName{at: start, Name: name}
		t.Alias, err = p.tableAlias()
		return t, err
	}
	f := &TableFunc{at: start, Name: name}
	if !p.peek().isOp(")") {
		if f.Args, err = p.exprs(); err != nil {
			return nil, err
		}
	}
	if err := p.expectOp(")"); err != nil {
		return nil, err
	}
	f.Alias, err = p.tableAlias()
	return f, err
}

func (p *parser) tableAlias() (*TableAlias, error) {
	as := p.accept("as")
	if !p.peek().isIdent() {
		if as {
			return nil, p.expected("an identifier after AS")
		}
		return nil, nil
	}
	name, err := p.ident("an alias")
	if err != nil {
		return nil, err
	}
	a := &TableAlias{Name: name}
	if p.peek().isOp("(") {
		a.Columns, err = p.idents()
	}
	return a, err
}
