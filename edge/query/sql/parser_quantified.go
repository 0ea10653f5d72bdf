package sql

// quantified reads what follows x op ANY, SOME or ALL: a query or a list.
func (p *parser) quantified(x Expr, op string) (Expr, error) {
	start := at(x.Pos())
	all := p.next().text == "all"
	if n := p.peekAt(1); n.isWord("select") || n.isWord("with") || n.isWord("values") {
		q, err := p.parenQuery()
		if err != nil {
			return nil, err
		}
		if op == "=" && !all || op == "<>" && all {
			return p.rowIn(&In{at: start, X: x, Query: q, Not: all})
		}
		for _, n := range []Node{x, q} {
			if err := p.copyable(n, 6); err != nil {
				return nil, err
			}
		}
		return overQuery(start, x, op, all, q), nil
	}
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	list, err := p.parseExpr()
	if err != nil {
		return nil, err
	}
	if a, ok := list.(*Array); ok {
		if err := p.copyable(x, len(a.Elems)); err != nil {
			return nil, err
		}
	}
	return overList(start, x, op, all, list), p.expectOp(")")
}

// overQuery compares with the extremes of a query: of an empty one ALL is true
// and ANY is false; the extremes may decide; if they do not, a NULL in the query
// leaves it open.
func overQuery(start at, x Expr, op string, all bool, q *Query) Expr {
	column := &ColumnRef{at: start, Name: Ident{Name: "quantified value", Quoted: true}}
	call := func(name string, args ...Expr) *Call { return &Call{at: start, Name: Ident{Name: name}, Args: args} }
	name := func(s string) Expr { return &Literal{at: start, Kind: StringLit, Str: s} }
	rows := call("count")
	rows.Star = true
	facts := call("named_struct", name("rows"), rows, name("known"), call("count", column), name("least"), call("min", column), name("most"), call("max", column))
	s := &Select{at: start, Items: []SelectItem{{At: start.Pos(), Expr: facts}},
		From: []TableExpr{&Derived{at: start, Query: q, Alias: &TableAlias{Name: Ident{Name: "quantified", Quoted: true}, Columns: []Ident{column.Name}}, Exact: true}}}
	one := &Subquery{start, &Query{at: start, Body: s}}
	fact := func(s string) Expr { return &Index{start, one, name(s)} }

	var holds Expr
	least, most := &Binary{start, op, x, fact("least")}, &Binary{start, op, x, fact("most")}
	switch {
	case op == "=" || op == "<>": // the least is the greatest, or it is clear
		if holds = (&Binary{start, "AND", least, most}); !all {
			holds = &Binary{start, "OR", least, most}
		}
	case (op == ">" || op == ">=") == all:
		holds = most
	default:
		holds = least
	}
	decided := holds
	if all {
		decided = &Unary{start, "NOT", holds}
	}
	return &Case{at: start, Whens: []When{
		{&Binary{start, "=", fact("rows"), &Literal{at: start, Kind: IntLit}}, boolean(start, all)},
		{decided, boolean(start, !all)},
		{&Binary{start, "<", fact("known"), fact("rows")}, &Literal{at: start}},
	}, Else: holds}
}

// overList compares with the elements of a list, written out or computed.
func overList(start at, x Expr, op string, all bool, list Expr) Expr {
	a, ok := list.(*Array)
	if !ok {
		return &Quantified{start, x, op, all, list}
	}
	if op == "=" && !all || op == "<>" && all {
		return &In{at: start, X: x, List: a.Elems, Not: all}
	}
	if len(a.Elems) == 0 {
		return boolean(start, all)
	}
	terms := make([]Expr, len(a.Elems))
	for i, e := range a.Elems {
		terms[i] = &Binary{start, op, x, e}
	}
	if all {
		return join(start, "AND", terms)
	}
	return join(start, "OR", terms)
}
