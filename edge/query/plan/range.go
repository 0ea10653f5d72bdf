package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	aggregates "tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/edge/query/text"
	"tarn/store/column"
)

const (
	// maxSlide is how many windows a row may lie in: each costs a row.
	maxSlide = 10_000
	// maxFilled is how many windows filling makes of one group.
	maxFilled = 1_000_000
)

func syntaxErrorf(format string, args ...any) error {
	return &Error{Class: Parse, Msg: fmt.Sprintf(format, args...)}
}

// ranged is a RANGE query while it is bound.
type ranged struct {
	binder *Binder
	scope  *scope // of the rows
	align  *sql.Align
	step   int64
	time   int // the time index in the scope
	keys   []expr.Expr
	// keySources are the texts of BY's expressions, by key.
	keySources []string
	calls      []rangeCall
}

// rangeCall is one aggregate over windows.
type rangeCall struct {
	call   AggCall
	length int64
	fill   *sql.RangeFill
	text   string
}

// synthetic is the name of a column that no text of a statement has.
func synthetic(kind string, i int) sql.Ident {
	return sql.Ident{Name: fmt.Sprintf("\x01%s%d\x02", kind, i), Quoted: true}
}

// rangeQuery plans a SELECT with ALIGN (spec/greptimedb-http-api.md section 2.2):
// each row feeds the windows that it lies in, groups are windows of BY's keys,
// then gaps are filled, and the select list is computed of that.
func (b *Binder) rangeQuery(s *sql.Select, q *sql.Query, limit bounds) (Node, error) {
	if len(s.GroupBy) > 0 || s.GroupByAll || s.Having != nil {
		return nil, syntaxErrorf("GROUP BY and HAVING are not allowed in a RANGE query: it groups by ALIGN ... BY")
	}
	input, err := b.from(s.From)
	if err != nil {
		return nil, err
	}
	sc := &scope{columns: input.Columns()}
	if s.Where != nil {
		if input, err = b.where(input, s.Where, sc); err != nil {
			return nil, err
		}
	}
	r := &ranged{binder: b, scope: sc, align: s.Align}
	if r.step, err = durationOf(s.Align.Step); err != nil {
		return nil, err
	}
	if err := r.timeIndex(input); err != nil {
		return nil, err
	}
	if err := r.by(input); err != nil {
		return nil, err
	}
	if err := r.collect(s, q); err != nil {
		return nil, err
	}
	n, err := r.node(input)
	if err != nil {
		return nil, err
	}
	n, err = b.selectOver(s, q, limit, n)
	var e *Error
	if errors.As(err, &e) {
		e.Msg = r.shown(e.Msg)
	}
	return n, err
}

// durationOf is a span of RANGE or ALIGN in nanoseconds.
func durationOf(d sql.Duration) (int64, error) {
	ns, ok := d.Nanos()
	switch {
	case !ok && d.Interval != nil:
		return 0, syntaxErrorf("not a valid duration: %s (an interval of days or less)", d.Interval)
	case !ok:
		return 0, syntaxErrorf("not a valid duration string: %s", d.Text)
	case ns <= 0:
		return 0, planErrorf("duration must be greater than 0")
	}
	return ns, nil
}

// timeIndex finds the column that windows are of.
func (r *ranged) timeIndex(input Node) error {
	s := scanOf(input)
	r.time = slices.IndexFunc(r.scope.columns, func(c Column) bool {
		return c.Type.Kind == column.Timestamp && !c.Hidden && (s == nil || c.Name == s.Table.Columns[0].Name)
	})
	if r.time < 0 {
		return planErrorf("a RANGE query needs a table with a time index")
	}
	return nil
}

// scanOf is the first stored table that a node reads, or nil.
func scanOf(n Node) *Scan {
	if s, ok := n.(*Scan); ok {
		return s
	}
	for _, in := range n.Inputs() {
		if s := scanOf(in); s != nil {
			return s
		}
	}
	return nil
}

// by binds the group's keys: BY's expressions, else the table's tags.
func (r *ranged) by(input Node) error {
	if r.align.HasBy {
		for _, e := range r.align.By {
			if name := firstAggregate(e); name != "" {
				return planErrorf("Aggregate functions are not allowed in BY: %s", name)
			}
			k, err := r.binder.bind(e, r.scope)
			if err != nil {
				return err
			}
			r.keys, r.keySources = append(r.keys, k), append(r.keySources, e.String())
		}
		return nil
	}
	s := scanOf(input)
	if s == nil {
		return nil
	}
	for _, id := range s.Table.Tags {
		name := s.Table.Columns[id].Name
		i := slices.IndexFunc(r.scope.columns, func(c Column) bool { return c.Name == name && !c.Hidden })
		if i >= 0 {
			r.keys, r.keySources = append(r.keys, r.scope.column(i)), append(r.keySources, "")
		}
	}
	return nil
}

// collect takes the aggregates out of the select list and ORDER BY, where names
// of columns to be stay.
func (r *ranged) collect(s *sql.Select, q *sql.Query) error {
	for i := range s.Items {
		it := &s.Items[i]
		if it.Wildcard {
			return planErrorf("* is not allowed in a RANGE query")
		}
		if err := r.take(&it.Expr); err != nil {
			return err
		}
		if _, plain := it.Expr.(*sql.ColumnRef); it.Alias == nil && (!plain || r.renamed(it.Expr)) {
			it.Alias = &sql.Ident{Name: r.nameOf(it.Expr), Quoted: true}
		}
	}
	if len(r.calls) == 0 {
		return syntaxErrorf("Illegal Range select, no RANGE keyword found in any SelectItem")
	}
	for i := range q.OrderBy {
		if err := r.take(&q.OrderBy[i].Expr); err != nil {
			return err
		}
	}
	return nil
}

// renamed says whether an expression is a synthetic column.
func (r *ranged) renamed(e sql.Expr) bool {
	ref, ok := e.(*sql.ColumnRef)
	return ok && strings.HasPrefix(ref.Name.Name, "\x01")
}

// nameOf is the name of an item, in which synthetic columns show what they are.
func (r *ranged) nameOf(e sql.Expr) string {
	return r.shown(r.binder.nameOf(e, r.scope))
}

// shown is a text with what synthetic columns stand for.
func (r *ranged) shown(name string) string {
	for i, c := range r.calls {
		name = strings.ReplaceAll(name, synthetic("range", i).Name, c.text)
	}
	for i, k := range r.keySources {
		name = strings.ReplaceAll(name, synthetic("by", i).Name, k)
	}
	return name
}

// take replaces what the windows yield in an expression by columns.
func (r *ranged) take(p *sql.Expr) error {
	if _, plain := (*p).(*sql.ColumnRef); !plain {
		if i := slices.Index(r.keySources, (*p).String()); i >= 0 {
			*p = &sql.ColumnRef{Name: synthetic("by", i)}
			return nil
		}
	}
	agg, ok := (*p).(*sql.RangeAgg)
	if !ok {
		if c, isCall := (*p).(*sql.Call); isCall && c.Over == nil && firstAggregate(c) == c.Name.Name {
			return planErrorf("the aggregate %s needs a RANGE of its own in a RANGE query", c)
		}
		for _, o := range operands(*p) {
			if err := r.take(o); err != nil {
				return err
			}
		}
		return nil
	}
	if agg.Of != nil {
		if !distribute(&agg.Of, agg) {
			return syntaxErrorf("Can't use the RANGE keyword in Expr %s without function", agg.Of)
		}
		*p = agg.Of
		return r.take(p)
	}
	nested := false
	for _, a := range agg.Call.Args {
		walk(a, func(e sql.Expr) bool {
			_, inner := e.(*sql.RangeAgg)
			nested = nested || inner
			return !nested
		})
	}
	if nested {
		return syntaxErrorf("Nest Range Query is not allowed")
	}
	i, err := r.add(agg)
	if err != nil {
		return err
	}
	*p = &sql.ColumnRef{Name: synthetic("range", i)}
	return nil
}

// distribute gives each aggregate of an expression the clause of from, and says
// whether there is one.
func distribute(p *sql.Expr, from *sql.RangeAgg) bool {
	if c, ok := (*p).(*sql.Call); ok && c.Over == nil && aggregates.Exists(strings.ToLower(c.Name.Name)) {
		*p = &sql.RangeAgg{Call: c, Range: from.Range, Fill: from.Fill}
		return true
	}
	some := false
	for _, o := range operands(*p) {
		some = distribute(o, from) || some
	}
	return some
}

// add binds an aggregate over windows, unless the same one is there.
func (r *ranged) add(a *sql.RangeAgg) (int, error) {
	length, err := durationOf(a.Range)
	if err != nil {
		return 0, err
	}
	call := *a.Call
	name := strings.ToLower(call.Name.Name)
	if !aggregates.Exists(name) {
		return 0, syntaxErrorf("Illegal Range select: %s is no aggregate function", name)
	}
	if (name == "first_value" || name == "last_value") && len(call.OrderBy) == 0 {
		t := r.scope.columns[r.time]
		ref := &sql.ColumnRef{Name: sql.Ident{Name: t.Name, Quoted: true}}
		if t.Qualifier != "" {
			ref.Qualifier = sql.ObjectName{{Name: t.Qualifier, Quoted: true}}
		}
		call.OrderBy = []sql.SortItem{{Expr: ref}}
	}
	if name == "first_value" || name == "last_value" {
		call.IgnoreNulls = new(true)
	}
	c := rangeCall{length: length, fill: a.Fill}
	if c.fill == nil {
		c.fill = r.align.Fill
	}
	if c.call, c.text, err = r.binder.aggregate(&call, r.scope); err != nil {
		return 0, err
	}
	if call.IgnoreNulls != nil {
		c.text = r.binder.nameOf(a.Call, r.scope)
	}
	c.text += " RANGE " + shortDuration(length)
	if a.Fill != nil {
		c.text += " FILL " + fillText(a.Fill)
	}
	r.calls = append(r.calls, c)
	return len(r.calls) - 1, nil
}

func fillText(f *sql.RangeFill) string {
	if f.Value != nil {
		return strings.Trim(f.Value.String(), "()")
	}
	return f.Kind
}

// shortDuration prints a span as durations are written: 1h30m.
func shortDuration(ns int64) string {
	var b strings.Builder
	for _, u := range []struct {
		name string
		ns   int64
	}{{"d", 86400e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}} {
		if n := ns / u.ns; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			ns %= u.ns
		}
	}
	return b.String()
}

// origin is the instant that windows are counted from.
func (r *ranged) origin() (int64, error) {
	b := r.binder
	zone := b.Native.Zone
	switch {
	case r.align.Now:
		return b.Native.Now, nil
	case r.align.To == nil:
		return int64(text.ZoneOffset(zone, b.Native.Now)) * text.Second, nil
	}
	e, err := b.bind(r.align.To, &scope{})
	if err != nil {
		return 0, err
	}
	v, err := expr.Evaluate(b.Ctx, e)
	if err != nil {
		return 0, err
	}
	switch v.Type.Kind {
	case column.Timestamp:
		return v.I, nil
	case column.Date:
		return v.I * text.Day, nil
	case column.Int64:
		return v.I * 1e6, nil
	case column.String:
		if ns, err := text.ParseTimestampIn(v.S, zone); err == nil {
			return ns, nil
		}
	}
	return 0, planErrorf("Illegal `align to` argument `%s` in range select query, can't be parse as NOW/CALENDAR/Timestamp", r.align.To)
}

// node builds the windows over the input.
func (r *ranged) node(input Node) (Node, error) {
	longest := int64(0)
	for _, c := range r.calls {
		longest = max(longest, c.length)
	}
	origin, err := r.origin()
	if err != nil {
		return nil, err
	}
	// Only what windows need is carried into them.
	p := &Project{Input: input}
	carry := func(e expr.Expr) expr.Expr {
		i := slices.IndexFunc(p.Exprs, func(o expr.Expr) bool { return expr.Equal(o, e) })
		if i < 0 {
			i = len(p.Exprs)
			p.Exprs = append(p.Exprs, e)
			p.Output = append(p.Output, Column{Name: e.String(), Type: e.Type(), Unit: r.scope.unitOf(e)})
		}
		return expr.NewColumn(i, p.Output[i].Name, p.Output[i].Type)
	}
	at := carry(r.scope.column(r.time))
	agg := &Aggregate{}
	for _, k := range r.keys {
		agg.Keys = append(agg.Keys, carry(k))
	}
	for i := range r.calls {
		c := &r.calls[i].call
		c.Args = slices.Clone(c.Args)
		for j, a := range c.Args {
			if _, constant := a.(*expr.Literal); !constant {
				c.Args[j] = carry(a)
			}
		}
		if c.Filter != nil {
			c.Filter = carry(c.Filter)
		}
	}
	slide := &Slide{Input: p, Time: 0, Origin: origin, Step: r.step, Length: longest}
	if slide.Windows() > maxSlide {
		return nil, planErrorf("RANGE is more than %d times as long as ALIGN", maxSlide)
	}
	ts := r.scope.columns[r.time]
	slide.Output = append(slices.Clone(p.Output), Column{Qualifier: ts.Qualifier, Name: ts.Name, Type: ts.Type, Unit: ts.Unit})
	start := expr.NewColumn(len(p.Output), ts.Name, ts.Type)
	agg.Keys = append(agg.Keys, start)
	for i := range r.calls {
		c := &r.calls[i]
		if c.length < longest {
			end, err := expr.NewBinary(expr.Add, start, expr.NewLiteral(expr.Interval(column.Interval{Nanos: c.length})))
			if err != nil {
				return nil, err
			}
			within, err := expr.NewBinary(expr.Lt, at, end)
			if err != nil {
				return nil, err
			}
			if c.call.Filter != nil {
				if within, err = expr.NewBinary(expr.And, within, c.call.Filter); err != nil {
					return nil, err
				}
			}
			c.call.Filter = within
		}
		agg.Aggs = append(agg.Aggs, c.call)
	}
	agg.Input = slide
	for i, k := range r.keys {
		out := Column{Name: synthetic("by", i).Name, Type: k.Type(), Unit: r.scope.unitOf(k)}
		if c, ok := k.(*expr.Column); ok && c.Index < len(r.scope.columns) {
			out.Qualifier, out.Name = r.scope.columns[c.Index].Qualifier, r.scope.columns[c.Index].Name
		}
		agg.Output = append(agg.Output, out)
	}
	agg.Output = append(agg.Output, slide.Output[len(slide.Output)-1])
	for i, c := range r.calls {
		agg.Output = append(agg.Output, Column{Name: synthetic("range", i).Name, Type: c.call.Type})
	}
	return r.fill(agg)
}

// fill adds the windows that a group lacks between its first and its last, when
// anything is to be filled.
func (r *ranged) fill(agg *Aggregate) (Node, error) {
	if !slices.ContainsFunc(r.calls, func(c rangeCall) bool { return c.fill != nil }) {
		return agg, nil
	}
	keys := len(r.keys)
	cols := agg.Output
	// What lies on a line is no integer.
	p := &Project{Input: agg, Output: slices.Clone(cols)}
	for i, c := range cols {
		e := expr.Expr(expr.NewColumn(i, c.Name, c.Type))
		if i > keys {
			if f := r.calls[i-keys-1].fill; f != nil && f.Kind == "LINEAR" {
				if !c.Type.IsNumeric() {
					return nil, planErrorf("%s is not a valid fill option of type %s", "LINEAR", c.Type)
				}
				var err error
				if e, err = castTo(e, column.Of(column.Float64)); err != nil {
					return nil, err
				}
				p.Output[i].Type = e.Type()
			}
		}
		p.Exprs = append(p.Exprs, e)
	}
	sorted := &Sort{Input: p, Top: -1}
	fill := &WindowFill{Input: sorted, Time: keys, Length: r.step, FromFirst: true, ToLast: true, Always: true, Extrapolate: true, MaxWindows: maxFilled,
		Next: func(t int64) int64 { return t + r.step }}
	for i := range keys + 1 {
		sorted.Keys = append(sorted.Keys, SortKey{Expr: expr.NewColumn(i, p.Output[i].Name, p.Output[i].Type)})
		fill.Fills = append(fill.Fills, Fill{})
		if i < keys {
			fill.Series = append(fill.Series, i)
		}
	}
	for i, c := range r.calls {
		f, err := r.fillOf(c, p.Output[keys+1+i].Type)
		if err != nil {
			return nil, err
		}
		fill.Fills = append(fill.Fills, f)
	}
	return fill, nil
}

// fillOf is how a column of windows is filled.
func (r *ranged) fillOf(c rangeCall, t column.Type) (Fill, error) {
	if zeroWhenEmpty(c.call.Spec) {
		// A window without rows counts none: there is nothing to fill.
		v := expr.Int(0)
		if t.Kind == column.Uint64 {
			v = expr.Uint(0)
		}
		if t.Kind == column.Float64 {
			v = expr.Float(0)
		}
		return Fill{Mode: FillValue, Value: v}, nil
	}
	if c.fill == nil {
		return Fill{}, nil
	}
	switch c.fill.Kind {
	case "NULL":
		return Fill{}, nil
	case "PREV":
		return Fill{Mode: FillPrevious}, nil
	case "LINEAR":
		return Fill{Mode: FillLinear}, nil
	}
	e, err := r.binder.bind(c.fill.Value, &scope{})
	if err == nil {
		var v expr.Value
		if v, err = expr.Evaluate(r.binder.Ctx, e); err == nil && !v.Null {
			var to expr.Expr
			if to, err = expr.NewCast(expr.NewLiteral(v), t, false); err == nil {
				if v, err = expr.Evaluate(r.binder.Ctx, to); err == nil && !v.Null && !(t.IsInteger() && strings.ContainsAny(fillText(c.fill), ".eE")) {
					return Fill{Mode: FillValue, Value: v}, nil
				}
			}
		}
	}
	return Fill{}, planErrorf("%s is not a valid fill option, fail to convert to a const value", fillText(c.fill))
}
