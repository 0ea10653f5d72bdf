package sweep

import (
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Part is a part of an expression that a sweep evaluates for Prometheus's
// engine, which reads its answer as the metric Name.
type Part struct {
	Name string
	Plan *Plan
}

// names are those of the parts: nothing is shorter, and whoever has metrics of
// such names does without sweeps.
const names = "0123456789abcdefghijklmnopqrstuvwxyz"

// Rewrite replaces the largest parts of an expression that a sweep can evaluate
// by selectors, each of the length of what it stands for, so that what the
// engine says of places in the text stays true. Without such parts, or when it
// cannot be done, there are none.
func Rewrite(text string, e parser.Expr) (string, []Part) {
	taken := false
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			for _, m := range s.LabelMatchers {
				taken = taken || m.Name == nameLabel && strings.HasPrefix(m.Value, ":")
			}
		}
		return nil
	})
	if taken {
		return "", nil
	}
	r := &rewriter{text: []byte(text)}
	r.expr(&e)
	if len(r.parts) == 0 {
		return "", nil
	}
	// The engine must see what was meant.
	again, err := parser.ParseExpr(string(r.text))
	if err != nil || again.String() != e.String() {
		return "", nil
	}
	return string(r.text), r.parts
}

type rewriter struct {
	text  []byte
	parts []Part
}

// expr rewrites what e points to, in the tree as well.
func (r *rewriter) expr(e *parser.Expr) {
	if r.replace(e) {
		return
	}
	switch x := (*e).(type) {
	case *parser.ParenExpr:
		r.expr(&x.Expr)
	case *parser.UnaryExpr:
		r.expr(&x.Expr)
	case *parser.BinaryExpr:
		r.expr(&x.LHS)
		r.expr(&x.RHS)
	case *parser.AggregateExpr:
		if x.Param != nil {
			r.expr(&x.Param)
		}
		r.expr(&x.Expr)
	case *parser.Call:
		for i := range x.Args {
			if looksAtSelector(x.Func.Name) && isSelector(x.Args[i]) {
				continue
			}
			r.expr(&x.Args[i])
		}
	}
}

// looksAtSelector says whether a function does other things with a selector
// than with its values.
func looksAtSelector(function string) bool {
	switch function {
	case "timestamp", "absent", "absent_over_time", "info":
		return true
	}
	return false
}

func isSelector(e parser.Expr) bool {
	for {
		p, ok := e.(*parser.ParenExpr)
		if !ok {
			break
		}
		e = p.Expr
	}
	_, ok := e.(*parser.VectorSelector)
	return ok
}

func (r *rewriter) replace(e *parser.Expr) bool {
	if (*e).Type() != parser.ValueTypeVector {
		return false
	}
	if _, ok := (*e).(*parser.ParenExpr); ok {
		return false // what is in it will do
	}
	at := (*e).PositionRange()
	if at.Start < 0 || int(at.End) > len(r.text) || at.End-at.Start < 2 || len(r.parts) == len(names) {
		return false
	}
	plan, ok := Compile(*e)
	if !ok {
		return false
	}
	name := ":" + names[len(r.parts):len(r.parts)+1]
	r.parts = append(r.parts, Part{name, plan})
	copy(r.text[at.Start:], name)
	for i := int(at.Start) + len(name); i < int(at.End); i++ {
		r.text[i] = ' '
	}
	m := labels.MustNewMatcher(labels.MatchEqual, nameLabel, name)
	*e = &parser.VectorSelector{Name: name, LabelMatchers: []*labels.Matcher{m}}
	return true
}
