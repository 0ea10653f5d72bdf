package plan

import (
	"math"
	"strconv"
	"strings"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// windowFunctions are the functions that exist with OVER only, with how many
// arguments they take at least and at most.
var windowFunctions = map[string][2]int{
	"row_number": {0, 0}, "rank": {0, 0}, "dense_rank": {0, 0}, "percent_rank": {0, 0}, "cume_dist": {0, 0},
	"ntile": {1, 1}, "lag": {1, 3}, "lead": {1, 3},
	"difference": {1, 1}, "non_negative_difference": {1, 1}, "derivative": {2, 3}, "non_negative_derivative": {2, 3},
}

// framedFunctions are window functions that pick a row of the frame.
var framedFunctions = map[string]int{"first_value": 1, "last_value": 1, "nth_value": 2}

// ignoresFrame says whether a window function sees its whole partition.
func ignoresFrame(name string) bool {
	_, ok := windowFunctions[name]
	return ok
}

// windows collects the window calls of a SELECT while its expressions are
// bound. How many columns the input has is known only afterwards, so calls are
// columns from windowBase on until then.
type windows struct {
	specs []*Window
	calls []windowPlace
}

// windowPlace is where a call went: the number of its window, and its number
// there.
type windowPlace struct {
	spec, call int
	name       string
}

// windowBase is beyond the columns of any input.
const windowBase = 1 << 24

// bindWindow binds a call with OVER, to a column that settle puts in place.
func (b *Binder) bindWindow(c *sql.Call, sc *scope) (expr.Expr, error) {
	if sc.windows == nil {
		return nil, planErrorf("Window functions are not allowed here: %s", strings.ToLower(c.Name.Name))
	}
	inner := *sc
	inner.windows, inner.unnests = nil, nil
	w := &Window{}
	for _, e := range c.Over.PartitionBy {
		k, err := b.bind(e, &inner)
		if err != nil {
			return nil, err
		}
		w.Partition = append(w.Partition, k)
	}
	for _, it := range c.Over.OrderBy {
		k, err := b.bind(it.Expr, &inner)
		if err != nil {
			return nil, err
		}
		if len(expr.Columns(k)) > 0 { // a constant, an ordinal too, orders nothing
			w.Order = append(w.Order, sortKey(it, k))
		}
	}
	call, err := b.windowCall(c, &inner)
	if err != nil {
		return nil, err
	}
	if call.Frame, err = b.frame(c.Over, w.Order); err != nil {
		return nil, err
	}
	name := b.callName(c, sc)
	return expr.NewColumn(windowBase+sc.windows.add(w, call, name), name, call.Type), nil
}

// add registers a call with the window it belongs to.
func (ws *windows) add(w *Window, call WindowCall, name string) int {
	spec := -1
	for i, o := range ws.specs {
		if sameWindow(o, w) {
			spec = i
		}
	}
	if spec < 0 {
		spec = len(ws.specs)
		ws.specs = append(ws.specs, w)
	}
	o := ws.specs[spec]
	o.Calls = append(o.Calls, call)
	ws.calls = append(ws.calls, windowPlace{spec, len(o.Calls) - 1, name})
	return len(ws.calls) - 1
}

func sameWindow(a, b *Window) bool {
	if len(a.Partition) != len(b.Partition) || len(a.Order) != len(b.Order) {
		return false
	}
	for i := range a.Partition {
		if !expr.Equal(a.Partition[i], b.Partition[i]) {
			return false
		}
	}
	for i, k := range a.Order {
		o := b.Order[i]
		if k.Desc != o.Desc || k.NullsFirst != o.NullsFirst || !expr.Equal(k.Expr, o.Expr) {
			return false
		}
	}
	return true
}

// nodes stacks the windows on their input and returns where the calls are
// then: the position of every column from windowBase on. settle replaces what
// stands for subqueries.
func (ws *windows) nodes(input Node, settle func(expr.Expr) expr.Expr) (Node, func(int) int) {
	place := make([]int, len(ws.calls))
	for s, w := range ws.specs {
		w.Input = input
		for _, e := range w.exprs() {
			*e = settle(*e)
		}
		w.Output = append([]Column(nil), input.Columns()...)
		for i, c := range ws.calls {
			if c.spec == s {
				place[i] = len(w.Output)
				w.Output = append(w.Output, Column{Name: c.name, Type: w.Calls[c.call].Type, Hidden: true})
			}
		}
		input = w
	}
	return input, func(i int) int {
		if i < windowBase || i >= subqueryBase {
			return i
		}
		return place[i-windowBase]
	}
}

// windowCall binds the function of a window.
func (b *Binder) windowCall(c *sql.Call, sc *scope) (WindowCall, error) {
	name := strings.ToLower(c.Name.Name)
	call := WindowCall{Func: agg.Canonical(name), IgnoreNulls: c.IgnoreNulls != nil && *c.IgnoreNulls}
	arity, ranking := windowFunctions[name]
	want, framed := framedFunctions[name]
	switch {
	case ranking || framed:
		if framed {
			arity = [2]int{want, want}
		}
		if c.Distinct || c.Star || c.OrderBy != nil || c.Within != nil || c.Filter != nil {
			return call, planErrorf("%s takes neither DISTINCT, FILTER nor ORDER BY within its parentheses", name)
		}
		args, err := b.list(c.Args, sc)
		if err != nil {
			return call, err
		}
		if len(args) < arity[0] || len(args) > arity[1] {
			return call, planErrorf("No function matches the given name and argument types '%s(%s)': %s takes %s", name, typesText(args), name, arityText(arity))
		}
		call.Func = name
		return call, b.windowArgs(&call, args)
	case agg.Exists(name):
		return call, b.windowAggregate(&call, c, sc)
	}
	if expr.IsFunction(name) {
		return call, planErrorf("%s is neither an aggregate nor a window function", name)
	}
	candidates := agg.Names()
	for n := range windowFunctions {
		candidates = append(candidates, n)
	}
	return call, expr.UnknownFunction(name, candidates)
}

// windowAggregate binds an aggregate over a window.
func (b *Binder) windowAggregate(call *WindowCall, c *sql.Call, sc *scope) error {
	bound, _, err := b.aggregate(c, sc)
	if err != nil {
		return err
	}
	call.Func, call.Spec, call.Args, call.Filter, call.Type = bound.Spec.Name, bound.Spec, bound.Args, bound.Filter, bound.Type
	return nil
}

// windowArgs splits the arguments of a ranking or value function into what
// varies and its constants.
func (b *Binder) windowArgs(call *WindowCall, args []expr.Expr) error {
	constant := func(i int, what string, fallback int64) (int64, error) {
		if i >= len(args) {
			return fallback, nil
		}
		e, err := expr.Fold(b.Ctx, args[i])
		if err != nil {
			return 0, err
		}
		lit, ok := e.(*expr.Literal)
		if !ok || lit.Value.Null || !lit.Value.Type.IsInteger() {
			return 0, planErrorf("%s of %s must be a constant integer", what, call.Func)
		}
		if lit.Value.Type.Kind == column.Uint64 {
			return int64(min(lit.Value.U, math.MaxInt64)), nil
		}
		return lit.Value.I, nil
	}
	var err error
	switch call.Func {
	case "row_number", "rank", "dense_rank":
		call.Type = column.Of(column.Uint64)
	case "percent_rank", "cume_dist":
		call.Type = column.Of(column.Float64)
	case "ntile":
		call.Type = column.Of(column.Uint64)
		if call.Offset, err = constant(0, "the number of buckets", 0); err == nil && call.Offset < 1 {
			err = planErrorf("ntile needs a positive number of buckets, got %d", call.Offset)
		}
	case "first_value", "last_value":
		call.Args, call.Type = args, plainText(args[0].Type())
	case "nth_value":
		call.Args, call.Type = args[:1], plainText(args[0].Type())
		if call.Offset, err = constant(1, "the number of the row", 0); err == nil && call.Offset == 0 {
			err = planErrorf("nth_value counts rows from 1")
		}
	case "lag", "lead":
		call.Args = args[:1]
		if call.Offset, err = constant(1, "the offset", 1); err != nil {
			return err
		}
		return b.shiftDefault(call, args)
	default:
		return b.changeArgs(call, args)
	}
	return err
}

// shiftDefault binds the third argument of lag and lead.
func (b *Binder) shiftDefault(call *WindowCall, args []expr.Expr) (err error) {
	call.Type = plainText(args[0].Type())
	call.Default = expr.NullOf(call.Type)
	if len(args) < 3 {
		return nil
	}
	e := args[2]
	if e.Type().Kind != column.Null {
		if call.Type, err = expr.Coerce(call.Type, e.Type()); err != nil {
			return err
		}
		call.Type = plainText(call.Type)
		if args[0].Type().Kind != column.Dict || call.Type.Kind != column.String {
			if call.Args[0], err = castTo(args[0], call.Type); err != nil {
				return err
			}
		}
	}
	if e, err = castTo(e, call.Type); err != nil {
		return err
	}
	if e, err = expr.Fold(b.Ctx, e); err != nil {
		return err
	}
	lit, ok := e.(*expr.Literal)
	if !ok {
		return planErrorf("the default of %s must be a constant", call.Func)
	}
	call.Default = lit.Value
	return nil
}

// changeArgs binds difference and derivative: the value, and for derivatives
// the time and the span that counts as one.
func (b *Binder) changeArgs(call *WindowCall, args []expr.Expr) error {
	t := args[0].Type()
	if !t.IsNumeric() {
		return planErrorf("%s needs a number, got %s", call.Func, t)
	}
	call.Args = args[:1]
	if !strings.HasSuffix(call.Func, "derivative") {
		// The difference of unsigned numbers has a sign.
		call.Type = t
		if t.Kind == column.Uint64 {
			call.Type = column.Of(column.Int64)
		}
		return nil
	}
	call.Type = column.Of(column.Float64)
	if k := args[1].Type(); k.Kind != column.Timestamp {
		return planErrorf("%s needs a timestamp as its second argument, got %s", call.Func, k)
	}
	call.Args, call.Offset = args[:2], 1e9
	if len(args) < 3 {
		return nil
	}
	e, err := castTo(args[2], column.Of(column.IntervalKind))
	if err != nil {
		return err
	}
	if e, err = expr.Fold(b.Ctx, e); err != nil {
		return err
	}
	lit, ok := e.(*expr.Literal)
	if !ok || lit.Value.Null || lit.Value.Iv.Months != 0 {
		return planErrorf("the unit of %s must be a constant interval without months", call.Func)
	}
	call.Offset = int64(lit.Value.Iv.Days)*86400e9 + lit.Value.Iv.Nanos
	if call.Offset <= 0 {
		return planErrorf("the unit of %s must be positive", call.Func)
	}
	return nil
}

// frame binds a window's frame. Without one it ends with the rows that are
// equal in order to the current one, or there is no order and it is the whole
// partition.
func (b *Binder) frame(w *sql.WindowSpec, order []SortKey) (Frame, error) {
	f := Frame{Unit: FrameRange, Start: FrameBound{Kind: UnboundedPreceding}, End: FrameBound{Kind: CurrentRow}}
	if w.Frame == nil {
		if len(order) == 0 {
			f.Unit, f.End.Kind = FrameRows, UnboundedFollowing
		}
		return f, nil
	}
	f.Unit = map[string]FrameUnit{"ROWS": FrameRows, "RANGE": FrameRange, "GROUPS": FrameGroups}[w.Frame.Unit]
	var err error
	if f.Start, err = b.bound(w.Frame.Start, f.Unit, order); err != nil {
		return f, err
	}
	if w.Frame.End != nil {
		if f.End, err = b.bound(*w.Frame.End, f.Unit, order); err != nil {
			return f, err
		}
	}
	switch {
	case f.Start.Kind == UnboundedFollowing:
		return f, planErrorf("Invalid window frame: start bound cannot be UNBOUNDED FOLLOWING")
	case f.End.Kind == UnboundedPreceding:
		return f, planErrorf("Invalid window frame: end bound cannot be UNBOUNDED PRECEDING")
	case f.Start.Kind > f.End.Kind || f.Start.Kind == f.End.Kind && f.Start.after(f.End):
		return f, planErrorf("Invalid window frame: start bound (%s) cannot be larger than end bound (%s)", f.Start, f.End)
	case f.Unit == FrameGroups && len(order) == 0:
		return f, planErrorf("GROUPS requires an ORDER BY in the window")
	}
	return f, nil
}

// after compares the offsets of two bounds of one kind.
func (b FrameBound) after(o FrameBound) bool {
	if b.Kind != Preceding && b.Kind != Following {
		return false
	}
	var x, y float64
	switch b.Offset.Type.Kind {
	case column.Float64:
		x, y = b.Offset.F, o.Offset.F
	case column.IntervalKind:
		// Months and nanoseconds have no common measure: a clear order is all
		// that is refused.
		x, y = roughly(b.Offset.Iv), roughly(o.Offset.Iv)
	default:
		x, y = float64(b.Offset.I), float64(o.Offset.I)
	}
	if b.Kind == Preceding {
		return x < y
	}
	return x > y
}

func roughly(iv column.Interval) float64 {
	return (float64(iv.Months)*30+float64(iv.Days))*86400e9 + float64(iv.Nanos)
}

func (b *Binder) bound(s sql.Bound, unit FrameUnit, order []SortKey) (FrameBound, error) {
	f := FrameBound{Kind: map[string]BoundKind{
		"UNBOUNDED PRECEDING": UnboundedPreceding, "PRECEDING": Preceding, "CURRENT ROW": CurrentRow,
		"FOLLOWING": Following, "UNBOUNDED FOLLOWING": UnboundedFollowing,
	}[s.Kind]}
	if s.Offset == nil {
		return f, nil
	}
	e, err := b.bind(s.Offset, &scope{})
	if err != nil {
		return f, err
	}
	want := column.Of(column.Int64)
	if unit == FrameRange {
		if len(order) != 1 {
			return f, planErrorf("RANGE with an offset requires exactly one ORDER BY column in the window")
		}
		key := order[0].Expr.Type()
		switch {
		case key.Kind == column.Timestamp || key.Kind == column.Date:
			want = column.Of(column.IntervalKind)
		case key.Kind == column.Float64:
			want = key
		case !key.IsInteger() && key.Kind != column.Duration:
			return f, planErrorf("RANGE with an offset cannot be ordered by %s", key)
		}
	}
	if want.Kind == column.IntervalKind && e.Type().Kind != column.IntervalKind && !e.Type().IsText() {
		return f, planErrorf("the offset of a RANGE over timestamps must be an INTERVAL, got %s", e.Type())
	}
	if e, err = castTo(e, want); err != nil {
		return f, err
	}
	if f.Offset, err = expr.Evaluate(b.Ctx, e); err != nil {
		return f, err
	}
	if v := f.Offset; v.Null || v.I < 0 || v.F < 0 || v.F != v.F || roughly(v.Iv) < 0 {
		return f, planErrorf("Invalid window frame: the offset of a bound must not be negative or null, got %s", s.Offset)
	}
	return f, nil
}

// resolveWindows gives the calls of a SELECT that refer to the WINDOW clause
// the specification they name.
func resolveWindows(s *sql.Select, q *sql.Query) error {
	named := map[string]*sql.WindowSpec{}
	resolve := func(w *sql.WindowSpec) error {
		if w == nil || w.Name == nil {
			return nil
		}
		base, ok := named[w.Name.Name]
		if !ok {
			return planErrorf("The window %s is not defined!", w.Name.Name)
		}
		w.Name = nil
		if w.PartitionBy == nil {
			w.PartitionBy = base.PartitionBy
		}
		if w.OrderBy == nil {
			w.OrderBy = base.OrderBy
		}
		if w.Frame == nil {
			w.Frame = base.Frame
		}
		return nil
	}
	for _, n := range s.Windows {
		if err := resolve(n.Spec); err != nil {
			return err
		}
		if named[n.Name.Name] != nil {
			return planErrorf("The window %s is defined multiple times!", n.Name.Name)
		}
		named[n.Name.Name] = n.Spec
	}
	var err error
	each := func(e sql.Expr) {
		if e == nil {
			return
		}
		walk(e, func(x sql.Expr) bool {
			if c, ok := x.(*sql.Call); ok && err == nil {
				err = resolve(c.Over)
			}
			return err == nil
		})
	}
	for _, it := range s.Items {
		each(it.Expr)
	}
	for _, it := range q.OrderBy {
		each(it.Expr)
	}
	each(s.Qualify)
	return err
}

// hasWindow says whether a window call is anywhere in an expression.
func hasWindow(e sql.Expr) bool {
	found := false
	walk(e, func(x sql.Expr) bool {
		c, ok := x.(*sql.Call)
		found = found || ok && c.Over != nil
		return !found
	})
	return found
}

// plainText is a type as a computed column has it: texts without dictionary.
func plainText(t column.Type) column.Type {
	if t.Kind == column.Dict {
		return column.Of(column.String)
	}
	return t
}

func typesText(args []expr.Expr) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a.Type().String()
	}
	return strings.Join(out, ", ")
}

func arityText(a [2]int) string {
	switch {
	case a[1] == 0:
		return "no arguments"
	case a[0] == a[1]:
		return strconv.Itoa(a[0]) + " arguments"
	}
	return strconv.Itoa(a[0]) + " to " + strconv.Itoa(a[1]) + " arguments"
}
