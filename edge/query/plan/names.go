package plan

import (
	"strings"

	"tarn/edge/query/agg"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// nameOf is the canonical text of an expression, by which the output column is
// known when it has no alias (spec/sql.md section 5.1): columns with their
// table, literals with the type they are written in. It comes from the text
// and not from the bound expression, which has casts and folded constants that
// nobody wrote.
func (b *Binder) nameOf(e sql.Expr, sc *scope) string {
	name := func(e sql.Expr) string { return b.nameOf(e, sc) }
	not := func(not bool) string {
		if not {
			return " NOT"
		}
		return ""
	}
	switch e := e.(type) {
	case *sql.Literal:
		return literal(e).Canonical()
	case *sql.Param:
		return expr.NewLiteral(b.Params[e.Name]).String()
	case *sql.ColumnRef:
		return sc.nameOf(e)
	case *sql.Unary:
		return b.unaryName(e, sc)
	case *sql.Binary:
		return name(e.L) + " " + e.Op + " " + name(e.R)
	case *sql.Is:
		return name(e.X) + " IS" + not(e.Not) + " " + e.What
	case *sql.IsDistinct:
		return name(e.L) + " IS" + not(e.Not) + " DISTINCT FROM " + name(e.R)
	case *sql.Between:
		return name(e.X) + not(e.Not) + " BETWEEN " + name(e.Lo) + " AND " + name(e.Hi)
	case *sql.In:
		return name(e.X) + not(e.Not) + " IN ([" + strings.Join(b.namesOf(e.List, sc), ", ") + "])"
	case *sql.Like:
		return name(e.X) + not(e.Not) + " " + e.Op + " " + name(e.Pattern)
	case *sql.Case:
		return b.caseName(e, sc)
	case *sql.Cast:
		return name(e.X)
	case *sql.Call:
		return b.callName(e, sc)
	case *sql.Index:
		if lit, ok := e.I.(*sql.Literal); ok && lit.Kind == sql.StringLit {
			return name(e.X) + "[" + lit.Str + "]"
		}
		return "array_element(" + name(e.X) + "," + name(e.I) + ")"
	case *sql.Field:
		return name(e.X) + "[" + e.Name.Name + "]"
	case *sql.AtTimeZone:
		return "at_time_zone(" + name(e.X) + "," + name(e.Zone) + ")"
	case *sql.Array:
		return "make_array(" + strings.Join(b.namesOf(e.Elems, sc), ",") + ")"
	}
	return e.String()
}

func (b *Binder) namesOf(es []sql.Expr, sc *scope) []string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = b.nameOf(e, sc)
	}
	return out
}

// nameOf is the column that a reference means, or the reference as written.
func (s *scope) nameOf(ref *sql.ColumnRef) string {
	if i, err := s.find(ref); err == nil {
		return s.columns[i].full()
	}
	if n := len(ref.Qualifier); n > 0 {
		parent := &sql.ColumnRef{Qualifier: ref.Qualifier[:n-1], Name: ref.Qualifier[n-1]}
		if i, err := s.find(parent); err == nil && s.columns[i].Type.Kind == column.Struct {
			return s.columns[i].full() + "[" + ref.Name.Name + "]"
		}
	}
	return ref.Name.Name
}

func (b *Binder) unaryName(e *sql.Unary, sc *scope) string {
	x := b.nameOf(e.X, sc)
	switch e.Op {
	case "NOT":
		return "NOT " + x
	case "+":
		return x
	}
	if lit, ok := e.X.(*sql.Literal); ok && (lit.Kind == sql.IntLit || lit.Kind == sql.FloatLit) {
		// A negative number is a literal: Int64(-5).
		return strings.Replace(x, "(", "(-", 1)
	}
	return "(- " + x + ")"
}

func (b *Binder) caseName(e *sql.Case, sc *scope) string {
	var w strings.Builder
	w.WriteString("CASE ")
	if e.Operand != nil {
		w.WriteString(b.nameOf(e.Operand, sc) + " ")
	}
	for _, when := range e.Whens {
		w.WriteString("WHEN " + b.nameOf(when.Cond, sc) + " THEN " + b.nameOf(when.Then, sc) + " ")
	}
	if e.Else != nil {
		w.WriteString("ELSE " + b.nameOf(e.Else, sc) + " ")
	}
	return w.String() + "END"
}

func (b *Binder) callName(e *sql.Call, sc *scope) string {
	name := strings.ToLower(e.Name.Name)
	if agg.Exists(name) {
		name = agg.Canonical(name)
	}
	args := strings.Join(b.namesOf(e.Args, sc), ",")
	switch {
	case e.Star:
		args = "*"
	case e.Distinct:
		args = "DISTINCT " + args
	}
	text := name + "(" + args + ")"
	if len(e.OrderBy) > 0 {
		text += " ORDER BY [" + b.sortNames(e.OrderBy, sc) + "]"
	}
	if len(e.Within) > 0 {
		text += " WITHIN GROUP [" + b.sortNames(e.Within, sc) + "]"
	}
	if e.IgnoreNulls != nil && *e.IgnoreNulls {
		text += " IGNORE NULLS"
	}
	if e.Filter != nil {
		text += " FILTER (WHERE " + b.nameOf(e.Filter, sc) + ")"
	}
	if e.Over != nil {
		text += b.overName(e.Over, sc)
	}
	return text
}

func (b *Binder) overName(w *sql.WindowSpec, sc *scope) string {
	text := ""
	if len(w.PartitionBy) > 0 {
		text += " PARTITION BY [" + strings.Join(b.namesOf(w.PartitionBy, sc), ", ") + "]"
	}
	if len(w.OrderBy) > 0 {
		text += " ORDER BY [" + b.sortNames(w.OrderBy, sc) + "]"
	}
	if w.Frame == nil {
		if len(w.OrderBy) == 0 {
			return text + " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
		}
		return text + " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
	}
	bound := func(s sql.Bound) string {
		if s.Offset == nil {
			return s.Kind
		}
		if e, err := b.bind(s.Offset, &scope{}); err == nil {
			if v, err := expr.Evaluate(b.Ctx, e); err == nil {
				return v.Text() + " " + s.Kind
			}
		}
		return s.Offset.String() + " " + s.Kind
	}
	end := "CURRENT ROW"
	if w.Frame.End != nil {
		end = bound(*w.Frame.End)
	}
	return text + " " + w.Frame.Unit + " BETWEEN " + bound(w.Frame.Start) + " AND " + end
}

func (b *Binder) sortNames(items []sql.SortItem, sc *scope) string {
	parts := make([]string, len(items))
	for i, it := range items {
		k := sortKey(it, nil)
		dir, nulls := " ASC", " NULLS LAST"
		if k.Desc {
			dir = " DESC"
		}
		if k.NullsFirst {
			nulls = " NULLS FIRST"
		}
		parts[i] = b.nameOf(it.Expr, sc) + dir + nulls
	}
	return strings.Join(parts, ", ")
}
