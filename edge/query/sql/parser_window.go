package sql

// windowSpec reads a window's name, or its specification in parentheses.
func (p *parser) windowSpec() (*WindowSpec, error) {
	w := &WindowSpec{At: p.peek().pos}
	if !p.peek().isOp("(") {
		name, err := p.ident("a window name or specification")
		w.Name = &name
		return w, err
	}
	p.next()
	var err error
	if t := p.peek(); t.isIdent() && !p.atWords("partition", "by") && !t.isWord("rows") && !t.isWord("range") && !t.isWord("groups") {
		name, err := p.ident("a window name")
		if err != nil {
			return nil, err
		}
		w.Name = &name
	}
	if p.accept("partition", "by") {
		if w.PartitionBy, err = p.exprs(); err != nil {
			return nil, err
		}
	}
	if p.accept("order", "by") {
		if w.OrderBy, err = p.sortItems(); err != nil {
			return nil, err
		}
	}
	for word, unit := range map[string]string{"rows": "ROWS", "range": "RANGE", "groups": "GROUPS"} {
		if p.accept(word) {
			if w.Frame, err = p.frame(unit); err != nil {
				return nil, err
			}
			break
		}
	}
	return w, p.expectOp(")")
}

func (p *parser) frame(unit string) (*Frame, error) {
	f := &Frame{Unit: unit}
	var err error
	if !p.accept("between") {
		f.Start, err = p.bound()
		return f, err
	}
	if f.Start, err = p.bound(); err != nil {
		return nil, err
	}
	if err := p.expect("and"); err != nil {
		return nil, err
	}
	end, err := p.bound()
	f.End = &end
	return f, err
}

func (p *parser) bound() (Bound, error) {
	switch {
	case p.accept("unbounded", "preceding"):
		return Bound{Kind: "UNBOUNDED PRECEDING"}, nil
	case p.accept("unbounded", "following"):
		return Bound{Kind: "UNBOUNDED FOLLOWING"}, nil
	case p.accept("current", "row"):
		return Bound{Kind: "CURRENT ROW"}, nil
	}
	// AND would be taken for the operator.
	e, err := p.parseBinding(powAnd)
	if err != nil {
		return Bound{}, err
	}
	switch {
	case p.accept("preceding"):
		return Bound{"PRECEDING", e}, nil
	case p.accept("following"):
		return Bound{"FOLLOWING", e}, nil
	}
	return Bound{}, p.expected("PRECEDING or FOLLOWING")
}
