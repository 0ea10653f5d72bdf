package influxql

import (
	"slices"
	"strings"
	"time"

	ast "github.com/influxdata/influxql"
)

// shape is what kind of SELECT a statement is, and whether it is one that makes
// sense (spec/influxql.md section 6.4).
type shape struct {
	// calls are the functions that are not mathematical, nested ones too.
	calls []*ast.Call
	// plain says that a field or tag is selected as it is.
	plain bool
	// selectors says that there is no function but selectors.
	selectors bool
	distinct  bool
	// top is the name of a top or bottom.
	top string

	windowed, inherited bool
	limit               int
	target              bool
	wildcards           bool // are allowed here
}

var selectors = map[string]bool{"first": true, "last": true, "min": true, "max": true, "percentile": true}

var aggregates = map[string]bool{"count": true, "sum": true, "mean": true, "median": true, "mode": true, "stddev": true, "spread": true}

// transformations and the number of their arguments.
var transformations = map[string][2]int{
	"derivative": {1, 2}, "non_negative_derivative": {1, 2}, "difference": {1, 1}, "non_negative_difference": {1, 1},
	"cumulative_sum": {1, 1}, "moving_average": {2, 2}, "elapsed": {1, 2},
	"exponential_moving_average": {2, 4}, "double_exponential_moving_average": {2, 4}, "triple_exponential_moving_average": {2, 4},
	"relative_strength_index": {2, 4}, "triple_exponential_derivative": {2, 4}, "chande_momentum_oscillator": {2, 4},
	"kaufmans_efficiency_ratio": {2, 3}, "kaufmans_adaptive_moving_average": {2, 3},
}

// technical are the transformations of technical analysis.
var technical = map[string]bool{
	"exponential_moving_average": true, "double_exponential_moving_average": true, "triple_exponential_moving_average": true,
	"relative_strength_index": true, "triple_exponential_derivative": true, "chande_momentum_oscillator": true,
	"kaufmans_efficiency_ratio": true, "kaufmans_adaptive_moving_average": true,
}

// examine checks the select list of a statement whose wildcards need not be
// expanded yet.
func (s *shape) examine(st *ast.SelectStatement) error {
	s.selectors = true
	fields := 0
	for _, f := range st.Fields {
		if isTime(f.Expr) {
			continue
		}
		fields++
		s.wildcards = true
		if err := s.expr(f.Expr); err != nil {
			return err
		}
	}
	switch {
	case fields == 0:
		return planError("at least 1 non-time field must be queried")
	case len(s.calls) > 1 && s.top != "":
		return planError("selector function %s() cannot be combined with other functions", s.top)
	case len(s.calls) == 0 && st.Fill == ast.NoFill:
		return planError("fill(none) must be used with a function")
	case len(s.calls) == 0 && st.Fill == ast.LinearFill:
		return planError("fill(linear) must be used with a function")
	case len(s.calls) == 0 && s.windowed && !s.inherited:
		return planError("GROUP BY requires at least one aggregate function")
	case s.distinct && (len(s.calls) != 1 || s.plain):
		return planError("aggregate function distinct() cannot be combined with other functions or fields")
	case s.plain && !s.selectors:
		return planError("mixing aggregate and non-aggregate queries is not supported")
	case s.plain && len(s.calls) > 1:
		return planError("mixing multiple selector functions with tags or fields is not supported")
	}
	return nil
}

func isTime(e ast.Expr) bool {
	r, ok := e.(*ast.VarRef)
	return ok && r.Val == "time"
}

func (s *shape) expr(e ast.Expr) error {
	switch e := e.(type) {
	case *ast.VarRef:
		s.plain = true
		return nil
	case *ast.Wildcard:
		s.plain = true
		if !s.wildcards {
			return planError("unable to use wildcard in a binary expression")
		}
		return nil
	case *ast.RegexLiteral:
		s.plain = true
		if !s.wildcards {
			return planError("unable to use regex in a binary expression")
		}
		return nil
	case *ast.Call:
		return s.call(e)
	case *ast.Distinct:
		return s.call(e.NewCall())
	case *ast.ParenExpr:
		return s.expr(e.Expr)
	case *ast.BinaryExpr:
		s.wildcards = false
		_, l := e.LHS.(ast.Literal)
		_, r := e.RHS.(ast.Literal)
		if l && r {
			return planError("cannot perform a binary expression on two literals")
		}
		if !l {
			if err := s.expr(e.LHS); err != nil {
				return err
			}
		}
		if !r {
			return s.expr(e.RHS)
		}
		return nil
	}
	return planError("field must contain at least one variable")
}

func (s *shape) call(c *ast.Call) error {
	if n := mathArity(c.Name); n > 0 {
		if len(c.Args) != n {
			return planError("invalid number of arguments for %s, expected %d, got %d", c.Name, n, len(c.Args))
		}
		for _, a := range c.Args {
			if _, ok := a.(ast.Literal); ok {
				continue
			}
			if err := s.expr(a); err != nil {
				return err
			}
		}
		return nil
	}
	s.calls = append(s.calls, c)
	if bounds, ok := transformations[c.Name]; ok {
		return s.transformation(c, bounds)
	}
	switch c.Name {
	case "distinct":
		s.distinct = true
		return s.distinctCall(c)
	case "top", "bottom":
		return s.topCall(c)
	case "percentile", "sample":
		if len(c.Args) != 2 {
			return planError("invalid number of arguments for %s, expected 2, got %d", c.Name, len(c.Args))
		}
		n, isInt := c.Args[1].(*ast.IntegerLiteral)
		_, isFloat := c.Args[1].(*ast.NumberLiteral)
		switch {
		case c.Name == "percentile" && !isInt && !isFloat:
			return planError("expected float argument in percentile()")
		case c.Name == "sample" && !isInt:
			return planError("expected integer argument in sample()")
		case c.Name == "sample" && n.Val <= 0:
			return planError("sample window must be greater than 1, got %d", n.Val)
		}
		return s.symbol(c.Name, c.Args[0])
	case "integral":
		if len(c.Args) < 1 || len(c.Args) > 2 {
			return planError("invalid number of arguments for integral, expected at least 1 but no more than 2, got %d", len(c.Args))
		}
		if len(c.Args) == 2 {
			if err := positiveDuration(c.Args[1], "second argument must be a duration"); err != nil {
				return err
			}
		}
		s.selectors = false
		return s.symbol(c.Name, c.Args[0])
	case "holt_winters", "holt_winters_with_fit":
		return s.holtWinters(c)
	}
	switch {
	case aggregates[c.Name]:
		s.selectors = false
	case !selectors[c.Name]:
		return planError("undefined function %s()", c.Name)
	}
	if len(c.Args) != 1 {
		return planError("invalid number of arguments for %s, expected 1, got %d", c.Name, len(c.Args))
	}
	if inner := asDistinct(c.Args[0]); inner != nil && c.Name == "count" {
		return s.distinctCall(inner)
	}
	return s.symbol(c.Name, c.Args[0])
}

// asDistinct is the call of distinct in both of its forms.
func asDistinct(e ast.Expr) *ast.Call {
	switch e := e.(type) {
	case *ast.Distinct:
		return e.NewCall()
	case *ast.Call:
		if e.Name == "distinct" {
			return e
		}
	}
	return nil
}

func (s *shape) distinctCall(c *ast.Call) error {
	s.selectors = false
	switch len(c.Args) {
	case 0:
		return planError("distinct function requires at least one argument")
	case 1:
	default:
		return planError("distinct function can only have one argument")
	}
	if _, ok := c.Args[0].(*ast.VarRef); !ok {
		return planError("expected field argument in distinct()")
	}
	return nil
}

// symbol is the argument of a function of fields.
func (s *shape) symbol(name string, e ast.Expr) error {
	switch e.(type) {
	case *ast.VarRef:
		return nil
	case *ast.Wildcard:
		if !s.wildcards {
			return planError("unsupported expression with wildcard: %s()", name)
		}
		s.selectors = false
		return nil
	case *ast.RegexLiteral:
		if !s.wildcards {
			return planError("unsupported expression with regex field: %s()", name)
		}
		s.selectors = false
		return nil
	}
	return planError("expected field argument in %s()", name)
}

func positiveDuration(e ast.Expr, otherwise string) error {
	d, ok := e.(*ast.DurationLiteral)
	if !ok {
		return planError("%s", otherwise)
	}
	if d.Val <= 0 {
		return planError("duration argument must be positive, got %s", ast.FormatDuration(d.Val))
	}
	return nil
}

func (s *shape) transformation(c *ast.Call, bounds [2]int) error {
	n := len(c.Args)
	switch {
	case n >= bounds[0] && n <= bounds[1]:
	case bounds[0] == bounds[1]:
		return planError("invalid number of arguments for %s, expected %d, got %d", c.Name, bounds[0], n)
	default:
		return planError("invalid number of arguments for %s, expected at least %d but no more than %d, got %d", c.Name, bounds[0], bounds[1], n)
	}
	if err := transformationArgs(c); err != nil {
		return err
	}
	s.selectors = false
	switch c.Args[0].(type) {
	case *ast.Call, *ast.Distinct:
		if !s.windowed {
			return planError("%s aggregate requires a GROUP BY interval", c.Name)
		}
		if inner := asDistinct(c.Args[0]); inner != nil {
			return s.distinctCall(inner)
		}
		return s.expr(c.Args[0])
	}
	if s.windowed && !s.inherited {
		return planError("aggregate function required inside the call to %s", c.Name)
	}
	return s.symbol(c.Name, c.Args[0])
}

func transformationArgs(c *ast.Call) error {
	if len(c.Args) == 1 {
		return nil
	}
	n, isInt := c.Args[1].(*ast.IntegerLiteral)
	switch {
	case c.Name == "derivative", c.Name == "non_negative_derivative", c.Name == "elapsed":
		return positiveDuration(c.Args[1], "second argument to "+c.Name+" must be a duration, got "+literalType(c.Args[1]))
	case c.Name == "moving_average" && !isInt:
		return planError("second argument for moving_average must be an integer, got %s", literalType(c.Args[1]))
	case c.Name == "moving_average" && n.Val <= 1:
		return planError("moving_average window must be greater than 1, got %d", n.Val)
	case c.Name == "moving_average":
		return bounded(c.Name, n.Val)
	case !isInt:
		return planError("%s period must be an integer", c.Name)
	case n.Val < 1:
		return planError("%s period must be greater than or equal to 1", c.Name)
	}
	if err := bounded(c.Name, n.Val); err != nil {
		return err
	}
	if len(c.Args) >= 3 {
		hold, ok := c.Args[2].(*ast.IntegerLiteral)
		switch {
		case !ok:
			return planError("%s hold period must be an integer", c.Name)
		case c.Name == "triple_exponential_derivative" && hold.Val == 0:
			return planError("%s hold period must be greater than or equal to 1", c.Name)
		case hold.Val < -1:
			return planError("%s hold period must be greater than or equal to 0", c.Name)
		}
	}
	if len(c.Args) >= 4 {
		warmup, ok := c.Args[3].(*ast.StringLiteral)
		if !ok {
			return planError("%s warmup type must be a string", c.Name)
		}
		kinds := []string{"exponential", "simple"}
		if c.Name == "chande_momentum_oscillator" {
			kinds = []string{"none", "exponential", "simple"}
		}
		if !slices.Contains(kinds, warmup.Val) {
			return planError("%s warmup type must be one of: '%s'", c.Name, strings.Join(kinds, "' '"))
		}
	}
	return nil
}

// maxPeriod bounds the rows that a function keeps: its memory is taken before
// the first row comes.
const maxPeriod = 1 << 20

func bounded(name string, n int64) error {
	if n > maxPeriod {
		return planError("%s window must be at most %d, got %d", name, maxPeriod, n)
	}
	return nil
}

func literalType(e ast.Expr) string {
	switch e.(type) {
	case *ast.IntegerLiteral:
		return "*influxql.IntegerLiteral"
	case *ast.NumberLiteral:
		return "*influxql.NumberLiteral"
	case *ast.StringLiteral:
		return "*influxql.StringLiteral"
	case *ast.DurationLiteral:
		return "*influxql.DurationLiteral"
	case *ast.VarRef:
		return "*influxql.VarRef"
	case *ast.Call:
		return "*influxql.Call"
	}
	return "*influxql.Expr"
}

func (s *shape) holtWinters(c *ast.Call) error {
	if len(c.Args) != 3 {
		return planError("invalid number of arguments for %s, expected 3, got %d", c.Name, len(c.Args))
	}
	n, ok := c.Args[1].(*ast.IntegerLiteral)
	if !ok {
		return planError("expected integer argument as second arg in %s", c.Name)
	} else if n.Val <= 0 {
		return planError("second arg to %s must be greater than 0, got %d", c.Name, n.Val)
	}
	if err := bounded(c.Name, n.Val); err != nil {
		return err
	}
	season, ok := c.Args[2].(*ast.IntegerLiteral)
	if !ok {
		return planError("expected integer argument as third arg in %s", c.Name)
	} else if season.Val < 0 {
		return planError("third arg to %s cannot be negative, got %d", c.Name, season.Val)
	}
	s.selectors = false
	inner, ok := c.Args[0].(*ast.Call)
	if !ok {
		return planError("must use aggregate function with %s", c.Name)
	}
	if !s.windowed {
		return planError("%s aggregate requires a GROUP BY interval", c.Name)
	}
	return s.expr(inner)
}

func (s *shape) topCall(c *ast.Call) error {
	if s.top != "" {
		return planError("selector function %s() cannot be combined with other functions", s.top)
	}
	if len(c.Args) < 2 {
		return planError("invalid number of arguments for %s, expected at least 2, got %d", c.Name, len(c.Args))
	}
	last := len(c.Args) - 1
	n, ok := c.Args[last].(*ast.IntegerLiteral)
	switch {
	case !ok:
		return planError("expected integer as last argument in %s(), found %s", c.Name, c.Args[last])
	case n.Val <= 0:
		return planError("limit (%d) in %s function must be at least 1", n.Val, c.Name)
	case s.limit > 0 && n.Val > int64(s.limit):
		return planError("limit (%d) in %s function can not be larger than the LIMIT (%d) in the select statement", n.Val, c.Name, s.limit)
	}
	if err := bounded(c.Name, n.Val); err != nil {
		return err
	}
	if _, ok := c.Args[0].(*ast.VarRef); !ok {
		return planError("expected first argument to be a field in %s(), found %s", c.Name, c.Args[0])
	}
	for _, a := range c.Args[1:last] {
		if _, ok := a.(*ast.VarRef); !ok {
			return planError("only fields or tags are allowed in %s(), found %s", c.Name, a)
		}
		s.plain = s.plain || !s.target
	}
	s.top = c.Name
	return nil
}

// windowOf finds GROUP BY time() among the dimensions; nil when there is none.
func windowOf(dims ast.Dimensions, loc *time.Location, now time.Time) (*window, error) {
	var w *window
	for _, d := range dims {
		switch e := ast.Reduce(d.Expr, nil).(type) {
		case *ast.VarRef:
			if strings.EqualFold(e.Val, "time") {
				return nil, planError("time() is a function and expects at least one argument")
			}
		case *ast.Wildcard, *ast.RegexLiteral:
		case *ast.Call:
			if e.Name != "time" {
				return nil, planError("only time() calls allowed in dimensions")
			}
			if n := len(e.Args); n < 1 || n > 2 {
				return nil, planError("time dimension expected 1 or 2 arguments")
			}
			every, ok := e.Args[0].(*ast.DurationLiteral)
			if !ok {
				return nil, planError("time dimension must have duration argument")
			}
			if w != nil {
				return nil, planError("multiple time dimensions not allowed")
			}
			if every.Val <= 0 {
				return nil, planError("time dimension must have a positive duration, got %s", ast.FormatDuration(every.Val))
			}
			w = &window{every: int64(every.Val), loc: loc}
			if len(e.Args) == 2 {
				if err := w.offsetBy(e.Args[1], now); err != nil {
					return nil, err
				}
			}
		default:
			return nil, planError("only time and tag dimensions allowed")
		}
	}
	return w, nil
}

func (w *window) offsetBy(e ast.Expr, now time.Time) error {
	switch e := e.(type) {
	case *ast.DurationLiteral:
		w.offset = int64(e.Val) % w.every
		return nil
	case *ast.Call:
		if e.Name != "now" {
			return planError("time dimension offset function must be now()")
		}
		if len(e.Args) != 0 {
			return planError("time dimension offset now() function requires no arguments")
		}
		w.offset = now.UnixNano() % w.every
		return nil
	case *ast.StringLiteral:
		return planError("invalid time dimension offset: %s", e)
	}
	return planError("time dimension offset must be duration or now()")
}
