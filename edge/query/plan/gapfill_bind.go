package plan

import (
	"fmt"
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store"
	"tarn/store/column"
)

// gapBins are the functions that make a grouped query one that fills gaps, and
// the functions that give the bins.
var gapBins = map[string]string{"date_bin_gapfill": "date_bin", "date_bin_wallclock_gapfill": "date_bin_wallclock"}

// gapFills are the functions that say how an aggregate is filled.
var gapFills = map[string]FillMode{"locf": FillPrevious, "interpolate": FillLinear}

// gap is what a grouped query needs to fill gaps (spec/sql.md section 10).
type gap struct {
	name string // of the function
	key  int    // the bins' place among the keys
	bins *expr.Bins
	// source is the input column that the bins are made of.
	source int
	fills  []Fill
	names  []string
	// off is set while HAVING is bound: it chooses among groups before gaps
	// are filled.
	off bool
}

// gapCall recognises a call that asks for gap filling.
func gapCall(e sql.Expr) (c *sql.Call, name string) {
	c, ok := e.(*sql.Call)
	if !ok {
		return nil, ""
	}
	name = strings.ToLower(c.Name.Name)
	if gapBins[name] == "" {
		return nil, ""
	}
	return c, name
}

// hasGap says whether such a call is within an expression.
func hasGap(e sql.Expr) string {
	found := ""
	walk(e, func(x sql.Expr) bool {
		if _, name := gapCall(x); name != "" {
			found = name
		}
		return found == ""
	})
	return found
}

// gapKey binds a GROUP BY item that asks for gap filling.
func (a *aggregation) gapKey(c *sql.Call, name string) error {
	upper := strings.ToUpper(name)
	if a.gap != nil {
		return planErrorf("%s specified more than once", upper)
	}
	for _, arg := range c.Args {
		if hasGap(arg) != "" {
			return planErrorf("%s must be a top-level expression in the GROUP BY clause when gap filling. It cannot be part of another expression or cast", upper)
		}
	}
	k, err := a.binder.callArgs(gapBins[name], c.Args, a.input)
	if err != nil {
		return err
	}
	call, ok := k.(*expr.Call)
	if !ok {
		return planErrorf("%s requires a column as the source argument", upper)
	}
	source, ok := baseColumn(call.Args[1])
	if !ok {
		return planErrorf("%s requires a column as the source argument", upper)
	}
	constant := func(i int, what string) (expr.Value, error) {
		e, err := expr.Fold(a.binder.Ctx, call.Args[i])
		if err != nil {
			return expr.Value{}, err
		}
		lit, ok := e.(*expr.Literal)
		if !ok || lit.Value.Null {
			return expr.Value{}, planErrorf("%s argument to %s for gap fill query must evaluate to a scalar", what, upper)
		}
		return lit.Value, nil
	}
	stride, err := constant(0, "stride")
	if err != nil {
		return err
	}
	if stride.Iv.Months != 0 {
		return notImplemented("Cannot use months in interval with gap filling")
	}
	origin := int64(0)
	if len(call.Args) > 2 {
		v, err := constant(2, "origin")
		if err != nil {
			return err
		}
		origin = v.I
	}
	bins, err := expr.NewBins(stride.Iv, origin, call.Type(), strings.Contains(name, "wallclock"))
	if err != nil {
		return err
	}
	a.gap = &gap{name: name, key: len(a.keys), bins: bins, source: source}
	a.input.gap = true
	a.keys = append(a.keys, k)
	return nil
}

// filled binds locf and interpolate.
func (a *aggregation) filled(c *sql.Call) (expr.Expr, error) {
	name := strings.ToLower(c.Name.Name)
	if a.gap == nil || a.gap.off {
		return nil, planErrorf("%s may only be used in the SELECT list of a gap-filling query", name)
	}
	if len(c.Args) != 1 {
		return nil, planErrorf("%s takes 1 argument, got %d", name, len(c.Args))
	}
	a.gap.off = true // the aggregate itself
	x, err := a.binder.bind(c.Args[0], &scope{columns: a.input.columns, agg: a})
	a.gap.off = false
	if err != nil {
		return nil, err
	}
	base := x
	if f, ok := base.(*expr.Field); ok {
		base = f.X
	}
	if col, ok := base.(*expr.Column); !ok || col.Index < len(a.keys) {
		return nil, planErrorf("%s must be called on an aggregate column in a gap-filling query", name)
	}
	if t := x.Type(); gapFills[name] == FillLinear && !t.IsNumeric() && !(t.Kind == column.Struct && t.Nested.Types[0].IsNumeric()) {
		return nil, planErrorf("unsupported data type %s for interpolation gap filling", t)
	}
	return a.fill(Fill{Expr: x, Mode: gapFills[name]}, fmt.Sprintf("%s(%s)", name, x)), nil
}

// fill registers a column of the filled output.
func (a *aggregation) fill(f Fill, name string) expr.Expr {
	for i, o := range a.gap.fills {
		if o.Mode == f.Mode && expr.Equal(o.Expr, f.Expr) {
			return expr.NewColumn(len(a.keys)+i, a.gap.names[i], f.Expr.Type())
		}
	}
	a.gap.fills, a.gap.names = append(a.gap.fills, f), append(a.gap.names, name)
	return expr.NewColumn(len(a.keys)+len(a.gap.fills)-1, name, f.Expr.Type())
}

// fillGaps puts the filling on the grouped rows. input is what was grouped.
func (a *aggregation) fillGaps(groups, input Node) (Node, error) {
	lo, hi, err := timeRange(a.binder.Ctx, input, a.gap.source)
	if err != nil {
		return nil, err
	}
	missing := ""
	switch {
	case lo == store.MinTime && hi == store.MaxTime:
		missing = "both upper and lower time bounds"
	case lo == store.MinTime:
		missing = "lower time bound"
	case hi == store.MaxTime:
		missing = "upper time bound"
	}
	if missing != "" {
		return nil, planErrorf("gap-filling query is missing %s", missing)
	}
	g := &GapFill{Input: groups, Keys: len(a.keys), Time: a.gap.key, Bins: a.gap.bins, Lo: lo, Hi: hi, Fills: a.gap.fills}
	g.Output = append(g.Output, groups.Columns()[:len(a.keys)]...)
	for i, f := range a.gap.fills {
		g.Output = append(g.Output, Column{Name: a.gap.names[i], Type: f.Expr.Type()})
	}
	return g, nil
}

// misplacedGap is the error of a gap filling function where none may be.
func misplacedGap(name string) error {
	if gapBins[name] == "" {
		return planErrorf("%s may only be used in the SELECT list of a gap-filling query", name)
	}
	return planErrorf("%s may only be used as a GROUP BY expression", strings.ToUpper(name))
}
