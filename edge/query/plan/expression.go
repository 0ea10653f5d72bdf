package plan

import (
	"math"
	"slices"
	"strings"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// bind binds an expression in a scope. After grouping it looks for keys and
// aggregates first.
func (b *Binder) bind(e sql.Expr, sc *scope) (expr.Expr, error) {
	if c, ok := e.(*sql.Call); ok && c.Over != nil {
		return b.bindWindow(c, sc)
	}
	if sc.agg != nil {
		if bound, done, err := sc.agg.bind(e); done || err != nil {
			return bound, err
		}
	}
	switch e := e.(type) {
	case *sql.Literal:
		return expr.NewLiteral(literal(e)), nil
	case *sql.Param:
		v, ok := b.Params[e.Name]
		if !ok {
			return nil, &Error{Class: Plan, Msg: "No value found for placeholder with name $" + e.Name}
		}
		return expr.NewLiteral(v), nil
	case *sql.ColumnRef:
		return b.columnRef(e, sc)
	case *sql.Unary:
		return b.unary(e, sc)
	case *sql.Binary:
		return b.binary(e, sc)
	case *sql.Is:
		x, err := b.bind(e.X, sc)
		if err != nil {
			return nil, err
		}
		return expr.NewUnary(isOps[e.What][boolIndex(e.Not)], x)
	case *sql.IsDistinct:
		op := expr.Distinct
		if e.Not {
			op = expr.NotDistinct
		}
		return b.both(op, e.L, e.R, sc)
	case *sql.Between:
		return b.between(e, sc)
	case *sql.In:
		return b.in(e, sc)
	case *sql.Quantified:
		return b.quantified(e, sc)
	case *sql.Like:
		return b.like(e, sc)
	case *sql.Case:
		return b.caseWhen(e, sc)
	case *sql.Cast:
		return b.cast(e, sc)
	case *sql.Call:
		return b.call(e, sc)
	case *sql.Index:
		return b.index(e, sc)
	case *sql.Field:
		x, err := b.bind(e.X, sc)
		if err != nil {
			return nil, err
		}
		return expr.NewGetField(x, e.Name.Name)
	case *sql.AtTimeZone:
		return b.callArgs("at_time_zone", []sql.Expr{e.X, e.Zone}, sc)
	case *sql.Array:
		return b.callArgs("make_array", e.Elems, sc)
	case *sql.Subquery, *sql.Exists:
		return b.bindSubquery(e, sc)
	case *sql.Tuple:
		return nil, notImplemented("row values")
	case *sql.RangeAgg:
		return nil, syntaxErrorf("ALIGN argument cannot be omitted in the range select query")
	case *sql.DefaultValue:
		return nil, planErrorf("DEFAULT is a value of INSERT alone")
	}
	return nil, notImplemented("%T", e)
}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

// isOps are the operators of IS and IS NOT.
var isOps = map[string][2]expr.Op{
	"NULL": {expr.IsNull, expr.IsNotNull}, "TRUE": {expr.IsTrue, expr.IsNotTrue},
	"FALSE": {expr.IsFalse, expr.IsNotFalse}, "UNKNOWN": {expr.IsUnknown, expr.IsNotUnknown},
}

func literal(l *sql.Literal) expr.Value {
	switch l.Kind {
	case sql.BoolLit:
		return expr.Boolean(l.Bool)
	case sql.IntLit:
		return expr.Int(l.Int)
	case sql.UintLit:
		return expr.Uint(l.Uint)
	case sql.FloatLit:
		return expr.Float(l.Float)
	case sql.StringLit:
		return expr.String(l.Str)
	case sql.IntervalLit:
		return expr.Interval(column.Interval(l.Interval))
	}
	return expr.NullOf(column.Of(column.Null))
}

// columnRef binds a column, or a field of a struct column.
func (b *Binder) columnRef(e *sql.ColumnRef, sc *scope) (expr.Expr, error) {
	i, err := sc.find(e)
	if err == nil {
		return sc.column(i), nil
	}
	// a.b may be field b of column a.
	if n := len(e.Qualifier); n > 0 {
		parent := &sql.ColumnRef{Qualifier: e.Qualifier[:n-1], Name: e.Qualifier[n-1]}
		if j, perr := sc.find(parent); perr == nil && sc.columns[j].Type.Kind == column.Struct {
			return expr.NewGetField(sc.column(j), e.Name.Name)
		}
	}
	if b.outer != nil && !slices.ContainsFunc(sc.columns, func(c Column) bool { return match(e, c) }) {
		if x, ok := b.ref(e); ok {
			return x, nil
		}
	}
	return nil, err
}

func (b *Binder) unary(e *sql.Unary, sc *scope) (expr.Expr, error) {
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	op := map[string]expr.Op{"-": expr.Neg, "+": expr.Plus, "NOT": expr.Not}[e.Op]
	if lit, ok := x.(*expr.Literal); ok && op == expr.Neg && !lit.Value.Null {
		// A negative number is a literal in names too.
		v := lit.Value
		switch v.Type.Kind {
		case column.Int64:
			if v.I == math.MinInt64 {
				break // has no counterpart: an error, as in a column
			}
			v.I = -v.I
			return expr.NewLiteral(v), nil
		case column.Float64:
			v.F = -v.F
			return expr.NewLiteral(v), nil
		}
	}
	return expr.NewUnary(op, x)
}

// binaryOps are the operators by their text.
var binaryOps = map[string]expr.Op{
	"+": expr.Add, "-": expr.Sub, "*": expr.Mul, "/": expr.Div, "%": expr.Mod, "||": expr.Concat,
	"&": expr.BitAnd, "|": expr.BitOr, "^": expr.BitXor, "#": expr.BitXor, "<<": expr.ShiftLeft, ">>": expr.ShiftRight,
	"=": expr.Eq, "<>": expr.Ne, "<": expr.Lt, "<=": expr.Le, ">": expr.Gt, ">=": expr.Ge,
	"AND": expr.And, "OR": expr.Or, "XOR": expr.Xor,
	"~": expr.Match, "~*": expr.MatchFold, "!~": expr.NotMatch, "!~*": expr.NotMatchFold,
}

func (b *Binder) binary(e *sql.Binary, sc *scope) (expr.Expr, error) {
	if e.Op == "@@" {
		return b.matchesTerm(e, sc)
	}
	return b.both(binaryOps[e.Op], e.L, e.R, sc)
}

// matchesTerm binds text @@ term, which is matches_term(text, term).
func (b *Binder) matchesTerm(e *sql.Binary, sc *scope) (expr.Expr, error) {
	text, err := b.bind(e.L, sc)
	if err != nil {
		return nil, err
	}
	term, err := b.bind(e.R, sc)
	if err != nil {
		return nil, err
	}
	return expr.NewCall("matches_term", []expr.Expr{text, term})
}

func (b *Binder) both(op expr.Op, l, r sql.Expr, sc *scope) (expr.Expr, error) {
	x, err := b.bind(l, sc)
	if err != nil {
		return nil, err
	}
	y, err := b.bind(r, sc)
	if err != nil {
		return nil, err
	}
	if op.IsComparison() {
		if x, y, err = b.timed(x, y, sc); err != nil {
			return nil, err
		}
	}
	return expr.NewBinary(op, x, y)
}

func (b *Binder) between(e *sql.Between, sc *scope) (expr.Expr, error) {
	lo, err := b.both(expr.Ge, e.X, e.Lo, sc)
	if err != nil {
		return nil, err
	}
	hi, err := b.both(expr.Le, e.X, e.Hi, sc)
	if err != nil {
		return nil, err
	}
	both, err := expr.NewBinary(expr.And, lo, hi)
	if err != nil || !e.Not {
		return both, err
	}
	return expr.NewUnary(expr.Not, both)
}

func (b *Binder) in(e *sql.In, sc *scope) (expr.Expr, error) {
	if e.Query != nil {
		bind := func() (expr.Expr, error) { return b.bindSubquery(e, sc) }
		if e.Row != nil {
			bind = func() (expr.Expr, error) { return b.bind(e.Row.Value, sc) }
		}
		in, err := bind()
		if err != nil || !e.Not {
			return in, err
		}
		return expr.NewUnary(expr.Not, in)
	}
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	list, err := b.list(e.List, sc)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if _, list[i], err = b.timed(x, list[i], sc); err != nil {
			return nil, err
		}
	}
	return expr.NewIn(x, list, e.Not)
}

// quantified binds x = ANY(list) and x <> ALL(list) of a list that is computed:
// an element may be equal; if none is, a null leaves it open.
func (b *Binder) quantified(e *sql.Quantified, sc *scope) (expr.Expr, error) {
	if !(e.Op == "=" && !e.All || e.Op == "<>" && e.All) {
		return nil, notImplemented("%s ANY and ALL over a list that is not written out as ARRAY[...], but for = ANY and <> ALL", e.Op)
	}
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	list, err := b.bind(e.List, sc)
	if err != nil {
		return nil, err
	}
	found, err := expr.NewCall("array_has", []expr.Expr{list, x})
	if err != nil {
		return nil, err
	}
	null := expr.NewLiteral(expr.NullOf(column.Of(column.Bool)))
	size, err := expr.NewCall("array_length", []expr.Expr{list})
	if err != nil {
		return nil, err
	}
	empty, err := expr.NewBinary(expr.Eq, size, expr.NewLiteral(expr.Int(0)))
	if err != nil {
		return nil, err
	}
	unknown, err := expr.NewUnary(expr.IsNull, x)
	if err != nil {
		return nil, err
	}
	nulls, err := expr.NewCall("make_array", []expr.Expr{expr.NewLiteral(expr.NullOf(x.Type()))})
	if err != nil {
		return nil, err
	}
	holes, err := expr.NewCall("array_has_any", []expr.Expr{list, nulls})
	if err != nil {
		return nil, err
	}
	no := expr.NewLiteral(expr.Boolean(false))
	any, err := expr.NewCase(nil, []expr.Expr{empty, unknown, found, holes}, []expr.Expr{no, null, expr.NewLiteral(expr.Boolean(true)), null}, found)
	if err != nil || !e.All {
		return any, err
	}
	return expr.NewUnary(expr.Not, any)
}

func (b *Binder) list(es []sql.Expr, sc *scope) ([]expr.Expr, error) {
	out := make([]expr.Expr, len(es))
	for i, e := range es {
		var err error
		if out[i], err = b.bind(e, sc); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *Binder) like(e *sql.Like, sc *scope) (expr.Expr, error) {
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	pattern, err := b.bind(e.Pattern, sc)
	if err != nil {
		return nil, err
	}
	if e.Op == "SIMILAR TO" {
		return expr.NewSimilar(x, pattern, e.Escape, e.Not)
	}
	return expr.NewLike(x, pattern, e.Escape, e.Op == "ILIKE", e.Not)
}

func (b *Binder) caseWhen(e *sql.Case, sc *scope) (expr.Expr, error) {
	var operand, els expr.Expr
	var err error
	if e.Operand != nil {
		if operand, err = b.bind(e.Operand, sc); err != nil {
			return nil, err
		}
	}
	var whens, thens []expr.Expr
	for _, w := range e.Whens {
		c, err := b.bind(w.Cond, sc)
		if err != nil {
			return nil, err
		}
		t, err := b.bind(w.Then, sc)
		if err != nil {
			return nil, err
		}
		whens, thens = append(whens, c), append(thens, t)
	}
	if e.Else != nil {
		if els, err = b.bind(e.Else, sc); err != nil {
			return nil, err
		}
	}
	return expr.NewCase(operand, whens, thens, els)
}

func (b *Binder) cast(e *sql.Cast, sc *scope) (expr.Expr, error) {
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	t, err := b.castTarget(e.Type)
	if err != nil {
		return nil, err
	}
	if x, err = b.counted(x, t, sc); err != nil {
		return nil, err
	}
	return expr.NewCastTarget(x, t, e.Try)
}

func (b *Binder) index(e *sql.Index, sc *scope) (expr.Expr, error) {
	x, err := b.bind(e.X, sc)
	if err != nil {
		return nil, err
	}
	lit, ok := e.I.(*sql.Literal)
	if ok && lit.Kind == sql.StringLit && !expr.IsMap(x.Type()) {
		return expr.NewGetField(x, lit.Str)
	}
	i, err := b.bind(e.I, sc)
	if err != nil {
		return nil, err
	}
	if expr.IsMap(x.Type()) {
		return expr.NewMapValue(x, i)
	}
	return expr.NewCall("array_element", []expr.Expr{x, i})
}

func (b *Binder) call(e *sql.Call, sc *scope) (expr.Expr, error) {
	name := strings.ToLower(e.Name.Name)
	if b.Native != nil {
		if x, ok, err := b.nativeCall(name, e, sc); ok || err != nil {
			return x, err
		}
	}
	switch {
	case name == "unnest":
		return b.unnest(e, sc)
	case name == "grouping":
		return nil, planErrorf("grouping needs GROUP BY with ROLLUP, CUBE or GROUPING SETS")
	case ignoresFrame(name):
		return nil, planErrorf("%s is a window function: it needs OVER (...)", name)
	case gapBins[name] != "" && sc.gap:
		return b.callArgs(gapBins[name], e.Args, sc)
	case gapBins[name] != "" || gapFills[name] != FillNull:
		return nil, misplacedGap(name)
	case agg.Exists(name):
		return nil, planErrorf("Aggregate functions are not allowed here: %s", name)
	case e.Distinct, e.Star, e.Filter != nil, e.OrderBy != nil, e.Within != nil:
		return nil, planErrorf("%s is not an aggregate function", name)
	}
	return b.callArgs(name, e.Args, sc)
}

func (b *Binder) callArgs(name string, args []sql.Expr, sc *scope) (expr.Expr, error) {
	bound, err := b.list(args, sc)
	if err != nil {
		return nil, err
	}
	return expr.NewCall(name, bound)
}
