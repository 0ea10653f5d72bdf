package sql

import (
	"strconv"
	"strings"
)

// writer prints trees as SQL that parses to the same tree. Every operator gets
// parentheses: precedence can be read off.
type writer struct {
	strings.Builder
	// tidy leaves out the parentheses around a whole expression.
	tidy bool
}

// Tidy prints a statement for people: without the parentheses around whole
// conditions and items of lists.
func Tidy(s Statement) string {
	w := writer{tidy: true}
	if n, ok := s.(interface{ write(*writer) }); ok {
		n.write(&w)
	}
	return w.String()
}

// whole prints an expression that stands alone.
func (w *writer) whole(e Expr) {
	if !w.tidy {
		w.put(e)
		return
	}
	switch e.(type) {
	case *Binary, *Is, *IsDistinct, *Between, *In, *Like, *AtTimeZone:
		s := e.String()
		w.WriteString(s[1 : len(s)-1])
	default:
		w.put(e)
	}
}

func text(n interface{ write(*writer) }) string {
	var w writer
	n.write(&w)
	return w.String()
}

func (w *writer) put(parts ...any) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			w.WriteString(p)
		case Ident:
			w.ident(p)
		case ObjectName:
			for i, id := range p {
				if i > 0 {
					w.WriteByte('.')
				}
				w.ident(id)
			}
		case interface{ write(*writer) }:
			p.write(w)
		}
	}
}

func (w *writer) ident(id Ident) {
	plain := id.Name != "" && !id.Quoted && !reserved[id.Name]
	if plain {
		w.WriteString(id.Name)
		return
	}
	w.WriteString(`"` + strings.ReplaceAll(id.Name, `"`, `""`) + `"`)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// list prints items separated by ", ".
func list[T any](w *writer, items []T, each func(T)) {
	for i, it := range items {
		if i > 0 {
			w.WriteString(", ")
		}
		each(it)
	}
}

func (w *writer) exprs(es []Expr)    { list(w, es, w.whole) }
func (w *writer) idents(ids []Ident) { w.put("("); list(w, ids, w.ident); w.put(")") }

func (w *writer) opt(prefix string, e Expr) {
	if e != nil {
		w.put(prefix)
		w.whole(e)
	}
}

func (w *writer) when(cond bool, s string) {
	if cond {
		w.WriteString(s)
	}
}

func (w *writer) sorts(items []SortItem) {
	list(w, items, func(s SortItem) {
		w.put(s.Expr)
		w.when(s.Desc, " DESC")
		if s.NullsFirst != nil {
			w.when(*s.NullsFirst, " NULLS FIRST")
			w.when(!*s.NullsFirst, " NULLS LAST")
		}
	})
}

func (e *Explain) write(w *writer) {
	w.put("EXPLAIN ")
	w.when(e.Analyze, "ANALYZE ")
	w.when(e.Verbose, "VERBOSE ")
	if e.Format != "" {
		w.put("FORMAT ", e.Format, " ")
	}
	w.put(e.Query)
}
func (*ShowTables) write(w *writer)    { w.put("SHOW TABLES") }
func (s *ShowColumns) write(w *writer) { w.put("SHOW COLUMNS FROM ", s.Table) }
func (*ShowAll) write(w *writer)       { w.put("SHOW ALL") }
func (d *Describe) write(w *writer)    { w.put("DESCRIBE ", d.Table) }

func (q *Query) write(w *writer) {
	if len(q.With) > 0 {
		w.put("WITH ")
		w.when(q.Recursive, "RECURSIVE ")
		list(w, q.With, func(c CTE) {
			w.ident(c.Name)
			if c.Columns != nil {
				w.put(" ")
				w.idents(c.Columns)
			}
			if c.TQL != nil {
				w.put(" AS (", c.TQL, ")")
				return
			}
			w.put(" AS (", c.Query, ")")
		})
		w.put(" ")
	}
	w.put(q.Body)
	if q.OrderByAll {
		w.put(" ORDER BY ALL")
	}
	if q.OrderBy != nil {
		w.put(" ORDER BY ")
		w.sorts(q.OrderBy)
	}
	w.opt(" LIMIT ", q.Limit)
	w.opt(" OFFSET ", q.Offset)
}

func (s *Select) write(w *writer) {
	w.put("SELECT ")
	w.when(s.Distinct, "DISTINCT ")
	if s.DistinctOn != nil {
		w.put("DISTINCT ON (")
		w.exprs(s.DistinctOn)
		w.put(") ")
	}
	list(w, s.Items, w.item)
	if s.From != nil {
		w.put(" FROM ")
		list(w, s.From, func(t TableExpr) { w.put(t) })
	}
	w.opt(" WHERE ", s.Where)
	if s.GroupByAll {
		w.put(" GROUP BY ALL")
	}
	if s.GroupBy != nil {
		w.put(" GROUP BY ")
		list(w, s.GroupBy, func(g GroupItem) {
			if g.Kind == "" {
				w.put(g.Expr)
				return
			}
			w.put(g.Kind, " (")
			list(w, g.Sets, func(set []Expr) {
				w.when(len(set) != 1, "(")
				w.exprs(set)
				w.when(len(set) != 1, ")")
			})
			w.put(")")
		})
	}
	w.opt(" HAVING ", s.Having)
	if s.Align != nil {
		w.put(s.Align)
	}
	if s.Windows != nil {
		w.put(" WINDOW ")
		list(w, s.Windows, func(n NamedWindow) { w.put(n.Name, " AS ", n.Spec) })
	}
	w.opt(" QUALIFY ", s.Qualify)
}

func (w *writer) item(it SelectItem) {
	if !it.Wildcard {
		w.whole(it.Expr)
		if it.Alias != nil {
			w.put(" AS ", *it.Alias)
		}
		return
	}
	if it.Qualifier != nil {
		w.put(it.Qualifier, ".")
	}
	w.put("*")
	if it.Except != nil {
		w.put(" EXCEPT ")
		w.idents(it.Except)
	}
}

func (s *SetOp) write(w *writer) {
	w.operand(s.Left)
	w.put(" ", s.Op, " ")
	w.when(s.All, "ALL ")
	w.operand(s.Right)
}

func (w *writer) operand(b Body) {
	_, nested := b.(*SetOp)
	w.when(nested, "(")
	w.put(b)
	w.when(nested, ")")
}

func (v *Values) write(w *writer) {
	w.put("VALUES ")
	list(w, v.Rows, func(r []Expr) { w.put("("); w.exprs(r); w.put(")") })
}

func (n *Nested) write(w *writer) { w.put("(", n.Query, ")") }

func (w *writer) alias(a *TableAlias) {
	if a == nil {
		return
	}
	w.put(" AS ", a.Name)
	if a.Columns != nil {
		w.put(" ")
		w.idents(a.Columns)
	}
}

func (t *TableName) write(w *writer) { w.put(t.Name); w.alias(t.Alias) }
func (t *TableFunc) write(w *writer) {
	w.put(t.Name, "(")
	w.exprs(t.Args)
	w.put(")")
	w.alias(t.Alias)
}
func (d *Derived) write(w *writer) {
	w.when(d.Lateral, "LATERAL ")
	w.put("(", d.Query, ")")
	w.alias(d.Alias)
}
func (j *Join) write(w *writer) {
	w.put(j.Left, " ")
	w.when(j.Natural, "NATURAL ")
	w.put(j.Kind, " JOIN ")
	_, nested := j.Right.(*Join)
	w.when(nested, "(")
	w.put(j.Right)
	w.when(nested, ")")
	w.opt(" ON ", j.On)
	if j.Using != nil {
		w.put(" USING ")
		w.idents(j.Using)
	}
}

func (l *Literal) write(w *writer) {
	switch l.Kind {
	case NullLit:
		w.put("NULL")
	case BoolLit:
		w.put(strings.ToUpper(strconv.FormatBool(l.Bool)))
	case IntLit:
		w.put(strconv.FormatInt(l.Int, 10))
	case UintLit:
		w.put(strconv.FormatUint(l.Uint, 10))
	case FloatLit:
		w.put(floatText(l.Float))
	case StringLit:
		w.put(quote(l.Str))
	case IntervalLit:
		w.put("INTERVAL ", quote(l.Str))
	}
}

// floatText keeps the literal a float: an exponent stands for the point.
func floatText(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	if strings.Contains(s, "Inf") {
		return "1e999"
	}
	return s
}

func (c *ColumnRef) write(w *writer) {
	w.put(append(c.Qualifier[:len(c.Qualifier):len(c.Qualifier)], c.Name))
}
func (p *Param) write(w *writer)  { w.put("$", p.Name) }
func (u *Unary) write(w *writer)  { w.put("(", u.Op, " ", u.X, ")") }
func (b *Binary) write(w *writer) { w.put("(", b.L, " ", b.Op, " ", b.R, ")") }
func (i *Is) write(w *writer) {
	w.put("(", i.X, " IS ")
	w.when(i.Not, "NOT ")
	w.put(i.What, ")")
}
func (i *IsDistinct) write(w *writer) {
	w.put("(", i.L, " IS ")
	w.when(i.Not, "NOT ")
	w.put("DISTINCT FROM ", i.R, ")")
}
func (b *Between) write(w *writer) {
	w.put("(", b.X)
	w.when(b.Not, " NOT")
	w.put(" BETWEEN ", b.Lo, " AND ", b.Hi, ")")
}
func (i *In) write(w *writer) {
	w.put("(", i.X)
	w.when(i.Not, " NOT")
	w.put(" IN (")
	if i.Query != nil {
		w.put(i.Query)
	}
	w.exprs(i.List)
	w.put("))")
}
func (q *Quantified) write(w *writer) {
	word := " ANY("
	if q.All {
		word = " ALL("
	}
	w.put("(", q.X, " ", q.Op, word, q.List, "))")
}
func (l *Like) write(w *writer) {
	w.put("(", l.X)
	w.when(l.Not, " NOT")
	w.put(" ", l.Op, " ", l.Pattern)
	if l.Escape != "" {
		w.put(" ESCAPE ", quote(l.Escape))
	}
	w.put(")")
}
func (e *Exists) write(w *writer)   { w.put("EXISTS (", e.Query, ")") }
func (s *Subquery) write(w *writer) { w.put("(", s.Query, ")") }
func (c *Case) write(w *writer) {
	w.put("CASE")
	w.opt(" ", c.Operand)
	for _, x := range c.Whens {
		w.put(" WHEN ", x.Cond, " THEN ", x.Then)
	}
	w.opt(" ELSE ", c.Else)
	w.put(" END")
}

func (t TypeName) String() string {
	if t.Args == nil {
		return t.Name
	}
	args := make([]string, len(t.Args))
	for i, a := range t.Args {
		args[i] = strconv.FormatInt(a, 10)
	}
	return t.Name + "(" + strings.Join(args, ", ") + ")"
}

func (c *Cast) write(w *writer) {
	w.when(c.Try, "TRY_")
	w.put("CAST(", c.X, " AS ", c.Type.String(), ")")
}

func (c *Call) write(w *writer) {
	w.put(c.Name, "(")
	w.when(c.Star, "*")
	w.when(c.Distinct, "DISTINCT ")
	w.exprs(c.Args)
	if c.OrderBy != nil {
		w.put(" ORDER BY ")
		w.sorts(c.OrderBy)
	}
	w.put(")")
	if c.Within != nil {
		w.put(" WITHIN GROUP (ORDER BY ")
		w.sorts(c.Within)
		w.put(")")
	}
	if c.Filter != nil {
		w.put(" FILTER (WHERE ", c.Filter, ")")
	}
	if c.IgnoreNulls != nil {
		w.when(*c.IgnoreNulls, " IGNORE NULLS")
		w.when(!*c.IgnoreNulls, " RESPECT NULLS")
	}
	if c.Over != nil {
		w.put(" OVER ", c.Over)
	}
}

func (s *WindowSpec) write(w *writer) {
	if s.Name != nil && s.PartitionBy == nil && s.OrderBy == nil && s.Frame == nil {
		w.ident(*s.Name)
		return
	}
	w.put("(")
	sep := ""
	if s.Name != nil {
		w.put(*s.Name)
		sep = " "
	}
	if s.PartitionBy != nil {
		w.put(sep, "PARTITION BY ")
		w.exprs(s.PartitionBy)
		sep = " "
	}
	if s.OrderBy != nil {
		w.put(sep, "ORDER BY ")
		w.sorts(s.OrderBy)
		sep = " "
	}
	if f := s.Frame; f != nil {
		w.put(sep, f.Unit, " ")
		if f.End == nil {
			w.bound(f.Start)
		} else {
			w.put("BETWEEN ")
			w.bound(f.Start)
			w.put(" AND ")
			w.bound(*f.End)
		}
	}
	w.put(")")
}

func (w *writer) bound(b Bound) {
	w.opt("", b.Offset)
	w.when(b.Offset != nil, " ")
	w.put(b.Kind)
}

func (a *Array) write(w *writer) { w.put("["); w.exprs(a.Elems); w.put("]") }
func (t *Tuple) write(w *writer) { w.put("("); w.exprs(t.Elems); w.put(")") }
func (i *Index) write(w *writer) { w.put(i.X, "[", i.I, "]") }
func (f *Field) write(w *writer) { w.put("(", f.X, ").", f.Name) }
func (a *AtTimeZone) write(w *writer) {
	w.put("(", a.X, " AT TIME ZONE ", a.Zone, ")")
}
