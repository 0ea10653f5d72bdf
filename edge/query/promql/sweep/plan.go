package sweep

import (
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Plan is an expression that a sweep can evaluate: a selector and what is done
// with its vectors, one after the other.
type Plan struct {
	leaf   leaf
	stages []stage
}

// leaf is a selector, under a function if it is one of a range.
type leaf struct {
	matchers []*labels.Matcher
	offset   int64 // ms
	window   int64 // ms; 0 for a selector of instants
	call     *parser.Call
	kernel   kernel // of the function, when it is evaluated here
	params   []float64
	dropName bool
}

// stage is a change of each value, or an aggregation.
type stage struct {
	change   func(float64) float64 // absent takes the value away
	dropName bool

	aggregate *aggregate
}

// aggregate is an aggregation.
type aggregate struct {
	op       parser.ItemType
	without  bool
	grouping []string // sorted
	k        int      // of topk and bottomk
}

// Compile plans an expression as the parser yields it; false means that it is
// not for a sweep.
func Compile(e parser.Expr) (*Plan, bool) {
	p := &Plan{}
	if !p.add(e) {
		return nil, false
	}
	return p, true
}

func (p *Plan) add(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return p.add(e.Expr)
	case *parser.VectorSelector:
		return p.leaf.selector(e)
	case *parser.Call:
		return p.leaf.function(e)
	case *parser.UnaryExpr:
		if e.Op == parser.ADD {
			return p.add(e.Expr)
		}
		return e.Op == parser.SUB && p.add(e.Expr) && p.change(func(v float64) float64 { return -v }, true)
	case *parser.BinaryExpr:
		return p.binary(e)
	case *parser.AggregateExpr:
		return p.add(e.Expr) && p.aggregate(e)
	}
	return false
}

func (l *leaf) selector(s *parser.VectorSelector) bool {
	if s.Timestamp != nil || s.StartOrEnd != 0 || s.OriginalOffsetExpr != nil || s.Anchored || s.Smoothed {
		return false
	}
	l.matchers, l.offset = s.LabelMatchers, millis(s.OriginalOffset)
	return true
}

func (l *leaf) function(c *parser.Call) bool {
	for _, a := range c.Args {
		if m, ok := a.(*parser.MatrixSelector); ok && l.window == 0 {
			s, ok := m.VectorSelector.(*parser.VectorSelector)
			if !ok || m.RangeExpr != nil || m.Range <= 0 || !l.selector(s) {
				return false
			}
			l.window = millis(m.Range)
			continue
		}
		v, ok := constant(a)
		if !ok {
			return false
		}
		l.params = append(l.params, v)
	}
	if l.window == 0 {
		return false
	}
	l.call = c
	l.dropName = c.Func.Name != "last_over_time" && c.Func.Name != "first_over_time"
	l.kernel = kernels[c.Func.Name]
	return l.kernel != nil || slices.Contains(foreign, c.Func.Name)
}

func (p *Plan) change(fn func(float64) float64, dropName bool) bool {
	if dropName {
		// Groups that keep the name may clash without it.
		for _, s := range p.stages {
			if s.aggregate != nil && !s.aggregate.without && slices.ContainsFunc(s.aggregate.grouping, isMetadata) {
				return false
			}
		}
	}
	p.stages = append(p.stages, stage{change: fn, dropName: dropName})
	return true
}

func (p *Plan) binary(e *parser.BinaryExpr) bool {
	vector, scalar, swap := e.LHS, e.RHS, false
	if e.LHS.Type() == parser.ValueTypeScalar {
		vector, scalar, swap = e.RHS, e.LHS, true
	}
	c, ok := constant(scalar)
	if !ok || vector.Type() != parser.ValueTypeVector || !p.add(vector) {
		return false
	}
	fn, dropName := withConstant(e.Op, c, swap, e.ReturnBool)
	return fn != nil && p.change(fn, dropName)
}

// maxK bounds the k of topk: heaps of that size are made for each group.
const maxK = 10_000

func (p *Plan) aggregate(e *parser.AggregateExpr) bool {
	a := &aggregate{op: e.Op, without: e.Without, grouping: slices.Sorted(slices.Values(e.Grouping))}
	switch e.Op {
	case parser.SUM, parser.AVG, parser.MIN, parser.MAX, parser.COUNT, parser.GROUP:
	case parser.TOPK, parser.BOTTOMK:
		k, ok := constant(e.Param)
		if !ok || !(k >= 1 && k <= maxK) {
			return false
		}
		a.k = int(k)
	default:
		return false
	}
	p.stages = append(p.stages, stage{aggregate: a})
	return true
}

// constant is the value of an expression of numbers.
func constant(e parser.Expr) (float64, bool) {
	switch e := e.(type) {
	case *parser.NumberLiteral:
		return e.Val, true
	case *parser.ParenExpr:
		return constant(e.Expr)
	case *parser.UnaryExpr:
		v, ok := constant(e.Expr)
		if e.Op == parser.SUB {
			v = -v
		}
		return v, ok
	case *parser.BinaryExpr:
		a, ok := constant(e.LHS)
		if !ok || e.Op.IsComparisonOperator() {
			return 0, false
		}
		b, ok := constant(e.RHS)
		if !ok {
			return 0, false
		}
		fn, _ := withConstant(e.Op, b, false, false)
		if fn == nil {
			return 0, false
		}
		return fn(a), true
	}
	return 0, false
}

// droppedFirst says whether the vectors lose their metric's name before the
// first aggregation.
func (p *Plan) droppedFirst() bool {
	drop := p.leaf.dropName
	for _, s := range p.stages {
		if s.aggregate != nil {
			break
		}
		drop = drop || s.dropName
	}
	return drop
}

// dropsName says whether they lose it while they are still those of single
// series: labels may clash then.
func (p *Plan) dropsName() bool {
	drop := p.leaf.dropName
	for _, s := range p.stages {
		if s.aggregate != nil && s.aggregate.k == 0 {
			break
		}
		drop = drop || s.dropName
	}
	return drop
}

func millis(d time.Duration) int64 { return d.Milliseconds() }
