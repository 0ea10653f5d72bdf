package influxql

import (
	"regexp"
	"strings"
	"time"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/store"
	"tarn/store/column"
)

// timeRange takes the time out of a condition: what is left, and the bounds,
// both inclusive (spec/influxql.md section 5.1).
func (b *Binder) timeRange(cond ast.Expr, loc *time.Location) (rest ast.Expr, lo, hi int64, err error) {
	lo, hi = store.MinTime, store.MaxTime
	if cond == nil {
		return nil, lo, hi, nil
	}
	cond = ast.RewriteExpr(ast.CloneExpr(cond), zoneless)
	now := time.Unix(0, b.Ctx.Now).UTC()
	valuer := ast.MultiValuer(&ast.NowValuer{Now: now, Location: loc}, mathValuer{})
	rest, tr, err := ast.ConditionExpr(cond, valuer)
	if err != nil {
		return nil, lo, hi, wrap(err)
	}
	if !tr.Min.IsZero() {
		lo = tr.MinTimeNano()
	}
	if !tr.Max.IsZero() {
		hi = tr.MaxTimeNano()
	}
	return rest, lo, hi, nil
}

var withoutZone = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$`)

// zoneless lets a time of the ISO form do without a zone, as the form with a
// blank may.
func zoneless(e ast.Expr) ast.Expr {
	if l, ok := e.(*ast.StringLiteral); ok && withoutZone.MatchString(l.Val) {
		return &ast.StringLiteral{Val: strings.Replace(l.Val, "T", " ", 1)}
	}
	return e
}

// condition is a predicate over the rows of a table. There is no NOT, so that
// null and false mean the same.
func (t *table) condition(e ast.Expr) (expr.Expr, error) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return t.condition(e.Expr)
	case *ast.BooleanLiteral:
		return expr.NewLiteral(expr.Boolean(e.Val)), nil
	case *ast.BinaryExpr:
		switch e.Op {
		case ast.AND, ast.OR:
			l, err := t.condition(e.LHS)
			if err != nil {
				return nil, err
			}
			r, err := t.condition(e.RHS)
			if err != nil {
				return nil, err
			}
			op := expr.And
			if e.Op == ast.OR {
				op = expr.Or
			}
			return expr.NewBinary(op, l, r)
		case ast.EQREGEX, ast.NEQREGEX:
			return t.match(e)
		case ast.EQ, ast.NEQ, ast.LT, ast.LTE, ast.GT, ast.GTE:
			return t.comparison(e)
		}
	}
	return nil, planError("invalid condition expression: %s", e)
}

// operand is one side of a comparison.
type operand struct {
	e    expr.Expr
	kind refKind // of a bare name
	name bool    // is a bare name
}

func (t *table) operand(e ast.Expr) (operand, error) {
	for {
		p, ok := e.(*ast.ParenExpr)
		if !ok {
			break
		}
		e = p.Expr
	}
	if r, ok := e.(*ast.VarRef); ok {
		x, kind := t.ref(r)
		return operand{x, kind, true}, nil
	}
	x, err := (&scope{ref: func(r *ast.VarRef) (expr.Expr, error) {
		x, _ := t.ref(r)
		return x, nil
	}, call: func(c *ast.Call) (expr.Expr, error) {
		return nil, planError("invalid function call in condition: %s", c)
	}}).expr(e)
	return operand{e: x}, err
}

func falsehood() expr.Expr { return expr.NewLiteral(expr.Boolean(false)) }

var comparisons = map[ast.Token]expr.Op{ast.EQ: expr.Eq, ast.NEQ: expr.Ne, ast.LT: expr.Lt, ast.LTE: expr.Le, ast.GT: expr.Gt, ast.GTE: expr.Ge}

// comparison follows the table of spec/influxql.md section 5.2: what does not
// go together is false.
func (t *table) comparison(c *ast.BinaryExpr) (expr.Expr, error) {
	l, err := t.operand(c.LHS)
	if err != nil {
		return nil, err
	}
	r, err := t.operand(c.RHS)
	if err != nil {
		return nil, err
	}
	op := comparisons[c.Op]
	equality := c.Op == ast.EQ || c.Op == ast.NEQ
	// A name that means nothing is a tag that is missing everywhere, when it is
	// compared with a text.
	isTag := func(a, other operand) bool {
		return a.name && (a.kind == tagRef || a.kind == noRef && other.e.Type().IsText())
	}
	switch {
	case l.name && r.name && (l.kind == noRef || r.kind == noRef):
		return falsehood(), nil // as a rule a text in the wrong quotes
	case isTag(l, r) || isTag(r, l):
		if !equality || !l.e.Type().IsText() && !isTag(l, r) || !r.e.Type().IsText() && !isTag(r, l) {
			return falsehood(), nil
		}
		return expr.NewBinary(op, present(l.e), present(r.e))
	case isNull(l.e) || isNull(r.e):
		return falsehood(), nil
	case l.e.Type().IsText() && r.e.Type().IsText(), l.e.Type().Kind == column.Bool && r.e.Type().Kind == column.Bool:
		if !equality {
			return falsehood(), nil
		}
		return expr.NewBinary(op, l.e, r.e)
	case l.e.Type().IsNumeric() && r.e.Type().IsNumeric():
		return expr.NewBinary(op, narrow(l.e, r.e), narrow(r.e, l.e))
	}
	return falsehood(), nil
}

// narrow turns a whole float literal that is compared with integers into one of
// them: the scan can then use the comparison.
func narrow(e, with expr.Expr) expr.Expr {
	l, ok := e.(*expr.Literal)
	if !ok || l.Value.Type.Kind != column.Float64 || with.Type().Kind != column.Int64 {
		return e
	}
	if f := l.Value.F; f == float64(int64(f)) && f > -1<<53 && f < 1<<53 {
		return expr.NewLiteral(expr.Int(int64(f)))
	}
	return e
}

// present is a tag's text, empty where there is none.
func present(e expr.Expr) expr.Expr {
	if l, ok := e.(*expr.Literal); ok {
		if l.Value.Null || l.Value.Type.Kind == column.Null {
			return expr.NewLiteral(expr.String(""))
		}
		return e
	}
	return newFunc("tag", column.Of(column.String), []expr.Expr{e}, func(args []*column.Vector, n int) *column.Vector {
		out := column.NewVector(column.Of(column.String), n)
		out.SetLen(n)
		for i := range n {
			if args[0].IsNull(i) {
				out.Strings[i] = ""
			} else {
				out.Strings[i] = args[0].Text(i)
			}
		}
		return out
	})
}

// match is =~ and !~.
func (t *table) match(c *ast.BinaryExpr) (expr.Expr, error) {
	re, ok := c.RHS.(*ast.RegexLiteral)
	if !ok {
		return nil, planError("invalid condition expression: %s", c)
	}
	l, err := t.operand(c.LHS)
	if err != nil {
		return nil, err
	}
	e := l.e
	switch {
	case l.kind == fieldRef && e.Type().IsText():
	case l.name && l.kind != fieldRef:
		e = present(e)
	default:
		return falsehood(), nil
	}
	want := c.Op == ast.EQREGEX
	b := column.Of(column.Bool)
	name := "matches /" + re.Val.String() + "/"
	if !want {
		name = "does not match /" + re.Val.String() + "/"
	}
	return newFunc(name, b, []expr.Expr{e}, lift(b, func(out *column.Vector, args []*column.Vector, n int) {
		memo := map[string]bool{} // texts repeat
		v := args[0]
		for i := range n {
			if v.IsNull(i) {
				continue
			}
			s := v.Text(i)
			ok, known := memo[s]
			if !known {
				ok = re.Val.MatchString(s)
				memo[s] = ok
			}
			out.Bools[i] = ok == want
		}
	})), nil
}
