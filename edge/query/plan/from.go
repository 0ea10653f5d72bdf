package plan

import (
	"fmt"
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store"
)

// from plans the FROM clause. Without one there is a single row of no columns.
func (b *Binder) from(tables []sql.TableExpr) (Node, error) {
	switch len(tables) {
	case 0:
		return &Values{Rows: [][]expr.Expr{{}}, Output: []Column{}}, nil
	case 1:
		return b.table(tables[0])
	}
	// A comma is a cross join, until WHERE says otherwise.
	n, err := b.table(tables[0])
	if err != nil {
		return nil, err
	}
	for _, t := range tables[1:] {
		right, err := b.table(t)
		if err != nil {
			return nil, err
		}
		if _, err := joinScope(n, right); err != nil {
			return nil, err
		}
		if n, err = newJoin(InnerJoin, n, right, nil); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (b *Binder) table(t sql.TableExpr) (Node, error) {
	switch t := t.(type) {
	case *sql.TableName:
		n, err := b.named(t.Name, t.Alias)
		if err != nil {
			return nil, err
		}
		return rename(n, t.Alias)
	case *sql.Derived:
		if t.Lateral {
			return nil, notImplemented("LATERAL")
		}
		n, err := b.query(t.Query)
		if err != nil {
			return nil, err
		}
		if t.Exact {
			if err := columnsLike(n, len(t.Alias.Columns)); err != nil {
				return nil, err
			}
		}
		return rename(requalify(n, ""), t.Alias)
	case *sql.TableFunc:
		return b.tableFunc(t)
	case *sql.Join:
		return b.join(t)
	}
	return nil, notImplemented("%T", t)
}

// named plans a table by name: a CTE, or [[catalog.]schema.]table.
func (b *Binder) named(name sql.ObjectName, alias *sql.TableAlias) (Node, error) {
	last := name[len(name)-1].Name
	if len(name) == 1 {
		for i := len(b.ctes) - 1; i >= 0; i-- {
			switch c := b.ctes[i]; {
			case c.name != last:
			case c.work != nil:
				return c.work.scan(last), nil
			default:
				return b.cte(c)
			}
		}
	}
	if b.Native != nil {
		qualifier := last
		if alias != nil {
			qualifier = alias.Name.Name
		}
		return b.native(name, qualifier)
	}
	schemaName := "iox"
	if len(name) > 1 {
		schemaName = name[len(name)-2].Name
	}
	if len(name) > 3 || len(name) == 3 && name[0].Name != "public" {
		return nil, planErrorf("table '%s' not found", full(name))
	}
	qualifier := last
	if alias != nil {
		qualifier = alias.Name.Name
	}
	switch schemaName {
	case "iox":
		if t, ok := b.Database.Table(last); ok {
			s := &Scan{Database: b.Database.Name(), Table: t, Qualifier: qualifier, MinTime: store.MinTime, MaxTime: store.MaxTime}
			for _, c := range t.Sorted() {
				s.IDs = append(s.IDs, c.ID)
			}
			return s, nil
		}
	case "system":
		if b.System != nil {
			if t, ok := b.System.Table(b.Database.Name(), last); ok {
				return systemNode(last, qualifier, t), nil
			}
		}
	case "information_schema":
		return b.information(last)
	}
	return nil, planErrorf("table 'public.%s.%s' not found%s", schemaName, last, b.nearest(schemaName, last))
}

// nearest suggests the table whose name is most like an unknown one.
func (b *Binder) nearest(schemaName, name string) string {
	var names []string
	switch schemaName {
	case "iox":
		names = b.Database.Tables()
	case "system":
		if b.System != nil {
			names = b.System.Tables(b.Database.Name())
		}
	}
	best, least := "", 0
	for _, n := range names {
		d := distance(strings.ToLower(name), strings.ToLower(n))
		if 2*d <= max(len(name), len(n)) && (best == "" || d < least) {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(". Did you mean '%s'?", quoteIfNeeded(best))
}

func full(name sql.ObjectName) string {
	s := ""
	for i, id := range name {
		if i > 0 {
			s += "."
		}
		s += id.Name
	}
	return s
}

func systemNode(name, qualifier string, t SystemTable) *SystemScan {
	n := &SystemScan{Name: name, Table: t}
	for i, c := range t.Columns() {
		n.Output = append(n.Output, Column{Qualifier: qualifier, Name: c.Name, Also: c.Also, Type: c.Type, Unit: c.Unit})
		n.Picked = append(n.Picked, i)
	}
	return n
}

// cte plans a WITH query where it is used. It sees only what came before it.
func (b *Binder) cte(c cte) (Node, error) {
	saved := b.ctes
	b.ctes = b.ctes[:c.outer:c.outer]
	depth := b.depth
	b.depth = 0 // it stands beside the query that uses it, not in it
	defer func() { b.ctes, b.depth = saved, depth }()
	if n, ok, err := b.recursive(c); ok || err != nil {
		return n, err
	}
	n, err := b.query(c.query)
	if err != nil {
		return nil, err
	}
	return rename(requalify(n, c.name), &sql.TableAlias{Name: sql.Ident{Name: c.name}, Columns: c.columns})
}

// requalify gives all columns of a node one qualifier.
func requalify(n Node, qualifier string) Node {
	cols := n.Columns()
	p := &Project{Input: n}
	for i, c := range cols {
		p.Exprs = append(p.Exprs, (&scope{columns: cols}).column(i))
		p.Output = append(p.Output, Column{Qualifier: qualifier, Name: c.Name, Also: c.Also, Type: c.Type, Unit: c.Unit})
	}
	return p
}

// rename applies a table alias.
func rename(n Node, a *sql.TableAlias) (Node, error) {
	if a == nil {
		return n, nil
	}
	if s, ok := n.(*Scan); ok && a.Columns == nil {
		s.Qualifier = a.Name.Name
		return s, nil
	}
	n = requalify(n, a.Name.Name)
	p, _ := n.(*Project)
	if len(a.Columns) > len(p.Output) {
		return nil, planErrorf("Source table contains %d columns but only %d names given as column alias", len(p.Output), len(a.Columns))
	}
	p.Output = slices.Clone(p.Output)
	for i, id := range a.Columns {
		p.Output[i].Name, p.Output[i].Also = id.Name, ""
	}
	return p, nil
}
