package sql

import (
	"strings"
)

// duration reads 'text', INTERVAL '1' day, or the latter in parentheses.
func (p *parser) duration() (Duration, error) {
	t := p.peek()
	d := Duration{At: t.pos}
	if t.kind == tokString {
		p.next()
		d.Text = t.text
		return d, nil
	}
	paren := p.acceptOp("(")
	if !p.peek().isWord("interval") {
		return d, p.expected("a duration such as '5s'")
	}
	var err error
	if d.Interval, err = p.parseInterval(); err != nil {
		return d, err
	}
	if paren {
		err = p.expectOp(")")
	}
	return d, err
}

func (p *parser) rangeFill() (*RangeFill, error) {
	f := &RangeFill{}
	for _, w := range []string{"null", "prev", "linear"} {
		if p.accept(w) {
			f.Kind = strings.ToUpper(w)
			return f, nil
		}
	}
	var err error
	f.Value, err = p.parseBinding(powCompare)
	return f, err
}

// rangeAgg reads what follows an aggregate's call in GreptimeDB's dialect.
func (p *parser) rangeAgg(e Expr) (Expr, error) {
	c, ok := e.(*Call)
	if !ok || !p.atRange() {
		return e, nil
	}
	r := &RangeAgg{at: c.at, Call: c}
	return r, p.rangeClause(r)
}

// rangeOf reads what follows an expression in parentheses.
func (p *parser) rangeOf(start at, e Expr) (Expr, error) {
	if !p.atRange() {
		return e, nil
	}
	r := &RangeAgg{at: start, Of: e}
	return r, p.rangeClause(r)
}

func (p *parser) atRange() bool {
	n := p.peekAt(1)
	return p.native && p.peek().isWord("range") && (n.kind == tokString || n.isOp("(") || n.isWord("interval"))
}

func (p *parser) rangeClause(r *RangeAgg) (err error) {
	p.next()
	if r.Range, err = p.duration(); err != nil {
		return err
	}
	if p.accept("fill") {
		r.Fill, err = p.rangeFill()
	}
	return err
}

// systemVariable reads @@[session.|global.]name, which is a call of a function
// without arguments.
func (p *parser) systemVariable() (Expr, error) {
	start := p.next().pos
	if !p.native {
		return nil, p.fail(start, "Expected: an expression, found: @@")
	}
	if t := p.peek(); (t.isWord("session") || t.isWord("global")) && p.peekAt(1).isOp(".") {
		p.i += 2
	}
	id, err := p.ident("a system variable")
	if err != nil {
		return nil, err
	}
	return &Call{at: at(start), Name: Ident{Name: "@@" + strings.ToLower(id.Name), Quoted: true, At: start}}, nil
}

// align reads the ALIGN clause.
func (p *parser) align() (*Align, error) {
	a := &Align{At: p.next().pos}
	var err error
	if a.Step, err = p.duration(); err != nil {
		return nil, err
	}
	for {
		switch {
		case a.To == nil && !a.Now && p.accept("to"):
			if a.Now = p.accept("now") && !p.peek().isOp("("); a.Now {
				continue
			}
			if p.tokens[p.i-1].isWord("now") {
				p.i--
			}
			a.To, err = p.parseBinding(powCompare)
		case !a.HasBy && p.accept("by"):
			a.HasBy = true
			if err = p.expectOp("("); err != nil {
				return nil, err
			}
			if p.acceptOp(")") {
				continue
			}
			if a.By, err = p.exprs(); err == nil {
				err = p.expectOp(")")
			}
		case a.Fill == nil && p.accept("fill"):
			a.Fill, err = p.rangeFill()
		default:
			return a, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
