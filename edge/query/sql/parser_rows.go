package sql

// RowMembership is what (a, b) IN (query) means. Match says that a row of the
// query is equal, Maybe that one is or might be, were its NULLs known. Value is
// the answer: true, null or false.
type RowMembership struct {
	Match, Maybe *Exists
	Value        Expr
}

// maxCopied is how long the text of an operand may be that stands in several
// places of what an expression means, all places together: nested ones multiply.
const maxCopied = 1 << 20

// copyable checks that an operand may be written a number of times.
func (p *parser) copyable(x Node, times int) error {
	if len(x.String())*times > maxCopied {
		return p.fail(x.Pos(), "the operand of a comparison of rows, ANY or ALL is too long")
	}
	return nil
}

// comparison makes an operator of two operands; rows are compared by their
// elements.
func (p *parser) comparison(start at, op string, l, r Expr) (Expr, error) {
	x, left := l.(*Tuple)
	y, right := r.(*Tuple)
	if !left || !right || infix[op] != powCompare {
		return &Binary{start, op, l, r}, nil
	}
	if len(x.Elems) != len(y.Elems) || len(x.Elems) == 0 {
		return nil, p.fail(y.Pos(), "Expected: a row of %d values, found: one of %d", len(x.Elems), len(y.Elems))
	}
	switch op {
	case "=":
		return join(start, "AND", pairs(start, "=", x, y)), nil
	case "<>":
		return join(start, "OR", pairs(start, "<>", x, y)), nil
	case "<", "<=", ">", ">=":
		for _, t := range []*Tuple{x, y} {
			if err := p.copyable(t, 2); err != nil {
				return nil, err
			}
		}
		return ordered(start, op, x.Elems, y.Elems), nil
	}
	return &Binary{start, op, l, r}, nil
}

// ordered compares rows by the first element in which they differ.
func ordered(start at, op string, x, y []Expr) Expr {
	if len(x) == 1 {
		return &Binary{start, op, x[0], y[0]}
	}
	rest := &Binary{start, "AND", &Binary{start, "=", x[0], y[0]}, ordered(start, op, x[1:], y[1:])}
	return &Binary{start, "OR", &Binary{start, op[:1], x[0], y[0]}, rest}
}

func pairs(start at, op string, x, y *Tuple) []Expr {
	out := make([]Expr, len(x.Elems))
	for i := range out {
		out[i] = &Binary{start, op, x.Elems[i], y.Elems[i]}
	}
	return out
}

// join puts an operator between terms, as a tree that is no deeper than need be.
func join(start at, op string, terms []Expr) Expr {
	if len(terms) == 1 {
		return terms[0]
	}
	half := len(terms) / 2
	return &Binary{start, op, join(start, op, terms[:half]), join(start, op, terms[half:])}
}

// rowIn gives IN with a row on its left its meaning.
func (p *parser) rowIn(in *In) (Expr, error) {
	x, ok := in.X.(*Tuple)
	if !ok || len(x.Elems) == 0 {
		return in, nil
	}
	if err := p.copyable(x, max(2, len(in.List))); err != nil {
		return nil, err
	}
	if in.Query == nil {
		if len(in.List) == 0 {
			return in, nil
		}
		terms := make([]Expr, len(in.List))
		for i, e := range in.List {
			y, ok := e.(*Tuple)
			if !ok {
				return nil, p.fail(e.Pos(), "Expected: a row of %d values in the list of IN", len(x.Elems))
			}
			var err error
			if terms[i], err = p.comparison(in.at, "=", x, y); err != nil {
				return nil, err
			}
		}
		any := join(in.at, "OR", terms)
		if in.Not {
			return &Unary{in.at, "NOT", any}, nil
		}
		return any, nil
	}
	// The query's columns get names that nobody else has.
	alias := &TableAlias{Name: Ident{Name: "row value", Quoted: true}}
	y := &Tuple{at: in.at}
	for range x.Elems {
		c := Ident{Name: "row value " + string(rune('a'+len(y.Elems)%26)) + string(rune('a'+len(y.Elems)/26)), Quoted: true}
		alias.Columns = append(alias.Columns, c)
		y.Elems = append(y.Elems, &ColumnRef{at: in.at, Qualifier: ObjectName{alias.Name}, Name: c})
	}
	exists := func(where Expr) *Exists {
		s := &Select{at: in.at, Items: []SelectItem{{At: in.Pos(), Expr: &Literal{at: in.at, Kind: IntLit, Int: 1}}},
			From: []TableExpr{&Derived{at: in.at, Query: in.Query, Alias: alias, Exact: true}}, Where: where}
		return &Exists{in.at, &Query{at: in.at, Body: s}}
	}
	equal := join(in.at, "AND", pairs(in.at, "=", y, x))
	r := &RowMembership{Match: exists(equal), Maybe: exists(&Is{in.at, equal, true, "FALSE"})}
	r.Value = &Case{at: in.at, Whens: []When{{r.Match, boolean(in.at, true)}, {r.Maybe, &Literal{at: in.at}}}, Else: boolean(in.at, false)}
	in.Row = r
	return in, nil
}

func boolean(start at, b bool) Expr { return &Literal{at: start, Kind: BoolLit, Bool: b} }
