package sql

// parseFrom reads a table and the joins that follow it.
func (p *parser) parseFrom() (TableExpr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.beginTree()
	left, err := p.parseTable()
	for err == nil {
		if err = p.grow(&t); err != nil {
			break
		}
		j := &Join{at: at(p.peek().pos), Left: left}
		if !p.joinKind(j) {
			p.endTree(t)
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
		if p.atParenQuery() {
			q, err := p.parenQuery()
			if err != nil {
				return nil, err
			}
			d := &Derived{at: start, Lateral: lateral, Query: q}
			d.Alias, err = p.tableAlias()
			return d, err
		}
		p.next()
		t, err := p.parseFrom()
		if err != nil {
			return nil, err
		}
		return t, p.expectOp(")")
	}
	name, err := p.sourceName()
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

// atParenQuery says whether the parenthesis that is next holds a query, and not
// a join: of "((SELECT 1) UNION ..." and "((SELECT 1) JOIN ..." only what
// follows the inner one can tell.
func (p *parser) atParenQuery() bool {
	n := 0
	for n < maxDepth && p.peekAt(n).isOp("(") {
		n++
	}
	if t := p.peekAt(n); !t.isWord("select") && !t.isWord("with") && !t.isWord("values") {
		return false
	}
	end := p.i + n // behind the parentheses that are closed already
	for open := n; open > 1; open-- {
		end = p.closing(end) + 1
		switch t := p.tokens[min(end, len(p.tokens)-1)]; {
		case t.isOp(")"), t.isWord("union"), t.isWord("intersect"), t.isWord("except"),
			t.isWord("order"), t.isWord("limit"), t.isWord("offset"), t.isWord("fetch"): // so far a query
		default:
			return false
		}
	}
	return true
}

// closing is the index of the token that closes the parenthesis in which
// token i lies, or of the last one.
func (p *parser) closing(i int) int {
	for depth := 1; i < len(p.tokens)-1; i++ {
		switch t := &p.tokens[i]; {
		case t.isOp("("):
			depth++
		case t.isOp(")"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

func (p *parser) tableAlias() (*TableAlias, error) {
	as := p.accept("as")
	if !p.peek().isIdent() || !as && p.atClause() {
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

// sourceName is a table's name in FROM, where the dialect takes one in single
// quotes too: FROM 'cpu'.
func (p *parser) sourceName() (ObjectName, error) {
	if t := p.peek(); t.kind == tokString {
		p.i++
		return ObjectName{Ident{t.text, true, t.pos}}, nil
	}
	return p.objectName("identifier")
}
