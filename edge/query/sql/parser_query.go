package sql

import "strings"

// parseQuery reads [WITH] body [ORDER BY] [LIMIT] [OFFSET].
func (p *parser) parseQuery() (*Query, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.queries++
	q, err := p.query()
	if p.queries--; p.queries == 0 && q != nil {
		q.TQL, p.tql = p.tql, nil
	}
	return q, err
}

func (p *parser) query() (*Query, error) {
	q := &Query{at: at(p.peek().pos)}
	if p.accept("with") {
		q.Recursive = p.accept("recursive")
		for {
			cte, err := p.parseCTE()
			if err != nil {
				return nil, err
			}
			q.With = append(q.With, cte)
			if !p.acceptOp(",") {
				break
			}
		}
	}
	var err error
	if q.Body, err = p.parseBody(0); err != nil {
		return nil, err
	}
	if p.accept("order", "by") {
		if p.accept("all") {
			q.OrderByAll = true
		} else if q.OrderBy, err = p.sortItems(); err != nil {
			return nil, err
		}
	}
	return q, p.parseLimit(q)
}

// parseLimit reads LIMIT, OFFSET and FETCH, in any order.
func (p *parser) parseLimit(q *Query) (err error) {
	for err == nil {
		switch {
		case q.Limit == nil && p.accept("limit"):
			if !p.accept("all") {
				q.Limit, err = p.parseExpr()
			}
			if err == nil && p.native && q.Limit != nil && q.Offset == nil && p.acceptOp(",") { // LIMIT offset, count
				q.Offset = q.Limit
				q.Limit, err = p.parseExpr()
			}
		case q.Offset == nil && p.accept("offset"):
			q.Offset, err = p.parseExpr()
			if !p.accept("rows") {
				p.accept("row")
			}
		case q.Limit == nil && p.accept("fetch"):
			if !p.accept("first") && !p.accept("next") {
				return p.expected("FIRST or NEXT")
			}
			if q.Limit, err = p.parseExpr(); err != nil {
				return err
			}
			if !p.accept("rows") && !p.accept("row") {
				return p.expected("ROWS")
			}
			err = p.expect("only")
		default:
			return nil
		}
	}
	return err
}

func (p *parser) parseCTE() (CTE, error) {
	name, err := p.ident("a name for the WITH query")
	if err != nil {
		return CTE{}, err
	}
	c := CTE{Name: name}
	if p.peek().isOp("(") {
		if c.Columns, err = p.idents(); err != nil {
			return c, err
		}
	}
	if err := p.expect("as"); err != nil {
		return c, err
	}
	if t := p.peekAt(1); p.peek().isOp("(") && t.kind == tokTQL {
		return c, p.tqlCTE(&c)
	}
	c.Query, err = p.parenQuery()
	return c, err
}

// tqlCTE reads ( TQL ... ), which is a table of a name that no statement has.
func (p *parser) tqlCTE(c *CTE) error {
	p.next()
	t := p.next()
	s, err := parseTQL(p.text[:t.pos+len(t.src)], t.pos)
	if err != nil {
		return err
	}
	tql, ok := s.(*TQL)
	if !ok || tql.Kind != "EVAL" {
		return p.refuse(t.pos, "Unsupported statement: WITH ... AS (TQL) of another kind than EVAL")
	}
	c.TQL = tql
	p.tql = append(p.tql, *c)
	table := ObjectName{{Name: c.Table(), Quoted: true}}
	c.Query = &Query{at: at(t.pos), Body: &Select{at: at(t.pos), Items: []SelectItem{{Wildcard: true}}, From: []TableExpr{&TableName{at: at(t.pos), Name: table}}}}
	return p.expectOp(")")
}

func (p *parser) parenQuery() (*Query, error) {
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	q, err := p.parseQuery()
	if err != nil {
		return nil, err
	}
	return q, p.expectOp(")")
}

// parseBody reads set operations; INTERSECT (2) binds tighter than UNION and
// EXCEPT (1).
func (p *parser) parseBody(min int) (Body, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.beginTree()
	left, err := p.parseBodyPrimary()
	for err == nil {
		if err = p.grow(&t); err != nil {
			break
		}
		power := 0
		switch {
		case p.peek().isWord("intersect"):
			power = 2
		case p.peek().isWord("union"), p.peek().isWord("except"):
			power = 1
		}
		if power <= min {
			p.endTree(t)
			return left, nil
		}
		s := &SetOp{at: at(left.Pos()), Op: strings.ToUpper(p.next().text), Left: left}
		if s.All = p.accept("all"); !s.All {
			p.accept("distinct")
		}
		s.Right, err = p.parseBody(power)
		left = s
	}
	return nil, err
}

func (p *parser) parseBodyPrimary() (Body, error) {
	t := p.peek()
	switch {
	case t.isOp("("):
		q, err := p.parenQuery()
		return &Nested{at(t.pos), q}, err
	case t.isWord("values"):
		return p.parseValues()
	case t.isWord("select"):
		return p.parseSelect()
	}
	return nil, p.expected("SELECT, VALUES, or a subquery in the query body")
}

func (p *parser) parseValues() (Body, error) {
	v := &Values{at: at(p.next().pos)}
	for {
		if err := p.expectOp("("); err != nil {
			return nil, err
		}
		row, err := p.exprs()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(")"); err != nil {
			return nil, err
		}
		v.Rows = append(v.Rows, row)
		if !p.acceptOp(",") {
			return v, nil
		}
	}
}

func (p *parser) parseSelect() (Body, error) {
	s := &Select{at: at(p.next().pos)}
	err := p.parseDistinct(s)
	if err != nil {
		return nil, err
	}
	for {
		item, err := p.parseItem()
		if err != nil {
			return nil, err
		}
		s.Items = append(s.Items, item)
		if !p.acceptOp(",") {
			break
		}
	}
	if p.accept("from") {
		for {
			t, err := p.parseFrom()
			if err != nil {
				return nil, err
			}
			s.From = append(s.From, t)
			if !p.acceptOp(",") {
				break
			}
		}
	}
	if p.accept("where") {
		if s.Where, err = p.parseExpr(); err != nil {
			return nil, err
		}
	}
	if p.accept("group", "by") {
		if err := p.parseGroupBy(s); err != nil {
			return nil, err
		}
	}
	if p.accept("having") {
		if s.Having, err = p.parseExpr(); err != nil {
			return nil, err
		}
	}
	if p.native && p.peek().isWord("align") {
		if s.Align, err = p.align(); err != nil {
			return nil, err
		}
	}
	if p.accept("window") {
		if err := p.parseWindows(s); err != nil {
			return nil, err
		}
	}
	if p.accept("qualify") {
		s.Qualify, err = p.parseExpr()
	}
	return s, err
}

func (p *parser) parseDistinct(s *Select) (err error) {
	switch {
	case p.accept("distinct", "on"):
		if err := p.expectOp("("); err != nil {
			return err
		}
		if s.DistinctOn, err = p.exprs(); err != nil {
			return err
		}
		return p.expectOp(")")
	case p.accept("distinct"):
		s.Distinct = true
	default:
		p.accept("all")
	}
	return nil
}

func (p *parser) parseItem() (SelectItem, error) {
	item := SelectItem{At: p.peek().pos}
	if q, ok := p.wildcard(); ok {
		item.Wildcard, item.Qualifier = true, q
		if p.accept("except") || p.accept("exclude") {
			var err error
			if p.peek().isOp("(") {
				item.Except, err = p.idents()
			} else {
				var id Ident
				id, err = p.ident("a column")
				item.Except = []Ident{id}
			}
			return item, err
		}
		return item, nil
	}
	var err error
	if item.Expr, err = p.parseExpr(); err != nil {
		return item, err
	}
	if item.Alias, err = p.columnAlias(); err == nil && item.Alias == nil {
		if c, ok := item.Expr.(*Call); ok && strings.HasPrefix(c.Name.Name, "@@") {
			item.Alias = &Ident{Name: c.Name.Name, Quoted: true, At: c.Pos()}
		}
	}
	return item, err
}

// wildcard reads "*" or "name.*".
func (p *parser) wildcard() (ObjectName, bool) {
	n := 0
	var q ObjectName
	for p.peekAt(n).isIdent() && p.peekAt(n+1).isOp(".") {
		t := p.peekAt(n)
		q = append(q, Ident{t.text, t.kind == tokQuoted, t.pos})
		n += 2
	}
	if !p.peekAt(n).isOp("*") {
		return nil, false
	}
	p.i += n + 1
	return q, true
}

// columnAlias reads [AS] name; a string is taken as a quoted name.
func (p *parser) columnAlias() (*Ident, error) {
	as := p.accept("as")
	t := p.peek()
	switch {
	case !as && p.atClause():
		return nil, nil
	case t.kind == tokQuoted, t.kind == tokIdent && (as || !reserved[t.text]):
	case t.kind == tokString:
	case as:
		return nil, p.expected("an identifier after AS")
	default:
		return nil, nil
	}
	p.i++
	return &Ident{t.text, t.kind != tokIdent, t.pos}, nil
}

func (p *parser) parseGroupBy(s *Select) error {
	if p.accept("all") {
		s.GroupByAll = true
		return nil
	}
	for {
		g := GroupItem{At: p.peek().pos}
		var err error
		switch {
		case p.accept("grouping", "sets"):
			g.Kind = "GROUPING SETS"
			g.Sets, err = p.groupSets()
		case p.peek().isWord("rollup") && p.peekAt(1).isOp("("), p.peek().isWord("cube") && p.peekAt(1).isOp("("):
			g.Kind = strings.ToUpper(p.next().text)
			g.Sets, err = p.groupSets()
		default:
			g.Expr, err = p.parseExpr()
		}
		if err != nil {
			return err
		}
		s.GroupBy = append(s.GroupBy, g)
		if !p.acceptOp(",") {
			return nil
		}
	}
}

// groupSets reads "(" set, ... ")" with sets being expressions or tuples.
func (p *parser) groupSets() ([][]Expr, error) {
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	var sets [][]Expr
	for {
		e, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		if t, ok := e.(*Tuple); ok {
			sets = append(sets, t.Elems)
		} else {
			sets = append(sets, []Expr{e})
		}
		if !p.acceptOp(",") {
			return sets, p.expectOp(")")
		}
	}
}

func (p *parser) parseWindows(s *Select) error {
	for {
		name, err := p.ident("a window name")
		if err != nil {
			return err
		}
		if err := p.expect("as"); err != nil {
			return err
		}
		spec, err := p.windowSpec()
		if err != nil {
			return err
		}
		s.Windows = append(s.Windows, NamedWindow{name, spec})
		if !p.acceptOp(",") {
			return nil
		}
	}
}

func (p *parser) sortItems() ([]SortItem, error) {
	var items []SortItem
	for {
		e, err := p.parseExpr()
		if err != nil {
			return nil, err
		}
		it := SortItem{Expr: e}
		if it.Desc = p.accept("desc"); !it.Desc {
			p.accept("asc")
		}
		if p.accept("nulls") {
			first := p.accept("first")
			if !first && !p.accept("last") {
				return nil, p.expected("FIRST or LAST")
			}
			it.NullsFirst = &first
		}
		items = append(items, it)
		if !p.acceptOp(",") {
			return items, nil
		}
	}
}
