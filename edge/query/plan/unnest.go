package plan

import (
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// Unnest yields each row once for every element of its lists, side by side;
// shorter lists are filled up with nulls. Rows without elements are dropped.
// The output is the input's columns and then the elements.
type Unnest struct {
	Input  Node
	Lists  []expr.Expr
	Output []Column
}

// Columns is Node's.
func (u *Unnest) Columns() []Column { return u.Output }

// Inputs is Node's.
func (u *Unnest) Inputs() []Node { return []Node{u.Input} }

// prune drops input columns; the lists make the rows and stay.
func (u *Unnest) prune(need []bool) []int {
	n := len(u.Input.Columns())
	var to []int
	u.Input, to = pruneInput(u.Input, need[:n], u.Lists...)
	for i := range u.Lists {
		u.Lists[i] = remap(u.Lists[i], to)
	}
	kept := u.Input.Columns()
	u.Output = append(slices.Clone(kept), u.Output[n:]...)
	for i := range u.Lists {
		to = append(to, len(kept)+i)
	}
	return to
}

// push gives predicates on the input's columns to the input.
func (u *Unnest) push(conds []expr.Expr) (stay []expr.Expr, err error) {
	n := len(u.Input.Columns())
	var down []expr.Expr
	for _, c := range conds {
		cols := expr.Columns(c)
		if len(cols) == 0 || expr.Volatile(c) || slices.ContainsFunc(cols, func(i int) bool { return i >= n }) {
			stay = append(stay, c)
		} else {
			down = append(down, c)
		}
	}
	u.Input, err = pushInto(u.Input, down)
	return stay, err
}

func (u *Unnest) describe() string { return "Unnest: " + strings.Join(texts(u.Lists), ", ") }

// unnestBase is where the columns begin that stand for the elements of
// unnest(list) until the node is there.
const unnestBase = 1 << 28

// unnests collects the unnest calls of a select list.
type unnests struct{ lists []expr.Expr }

// unnest binds unnest(list) in a select list.
func (b *Binder) unnest(c *sql.Call, sc *scope) (expr.Expr, error) {
	if sc.unnests == nil {
		return nil, planErrorf("unnest may stand in the select list and in FROM only")
	}
	args, err := b.list(c.Args, sc)
	if err != nil {
		return nil, err
	}
	if len(args) != 1 || args[0].Type().Kind != column.List {
		return nil, planErrorf("unnest() can only be applied to array, got unnest(%s)", typesText(args))
	}
	u := sc.unnests
	i := slices.IndexFunc(u.lists, func(o expr.Expr) bool { return expr.Equal(o, args[0]) })
	if i < 0 {
		i = len(u.lists)
		u.lists = append(u.lists, args[0])
	}
	return expr.NewColumn(unnestBase+i, "unnest("+args[0].String()+")", args[0].Type().Nested.Types[0]), nil
}

// hasUnnest says whether unnest is called within an expression.
func hasUnnest(e sql.Expr) bool {
	found := false
	walk(e, func(x sql.Expr) bool {
		c, ok := x.(*sql.Call)
		found = found || ok && strings.EqualFold(c.Name.Name, "unnest")
		return !found
	})
	return found
}

// node puts the lists' elements beside the input's columns. settle replaces
// what stands for other things in the lists; place puts the elements' columns
// where they are.
func (u *unnests) node(input Node, settle func(expr.Expr) expr.Expr) (_ Node, place func(int) int) {
	if len(u.lists) == 0 {
		return input, func(i int) int { return i }
	}
	n := &Unnest{Input: input, Output: slices.Clone(input.Columns())}
	width := len(n.Output)
	for _, l := range u.lists {
		n.Lists = append(n.Lists, settle(l))
		n.Output = append(n.Output, Column{Name: "unnest(" + l.String() + ")", Type: l.Type().Nested.Types[0], Hidden: true})
	}
	return n, func(i int) int {
		if i >= unnestBase {
			return width + i - unnestBase
		}
		return i
	}
}

// tableFunc plans a function as a table.
func (b *Binder) tableFunc(t *sql.TableFunc) (Node, error) {
	name := t.Name[len(t.Name)-1].Name
	switch name {
	case "last_cache", "distinct_cache":
		return b.cache(name, t)
	case "unnest", "generate_series", "range":
	default:
		return nil, planErrorf("table function '%s' not found", name)
	}
	lists := t.Args
	if name != "unnest" {
		lists = []sql.Expr{&sql.Call{Name: sql.Ident{Name: name}, Args: t.Args}}
	}
	n := &Unnest{Input: &Values{Rows: [][]expr.Expr{{}}, Output: []Column{}}}
	for i, e := range lists {
		l, err := b.bind(e, &scope{})
		if err != nil {
			return nil, err
		}
		if l.Type().Kind != column.List {
			return nil, planErrorf("unnest() can only be applied to array, got %s", l.Type())
		}
		c := Column{Name: "value", Type: l.Type().Nested.Types[0]}
		if name == "unnest" {
			c.Name = "unnest(" + b.nameOf(lists[i], &scope{}) + ")"
		}
		n.Lists, n.Output = append(n.Lists, l), append(n.Output, c)
	}
	if len(n.Lists) == 0 {
		return nil, planErrorf("unnest needs a list")
	}
	alias := t.Alias
	if alias != nil && alias.Columns == nil && len(n.Output) == 1 && name != "unnest" {
		n.Output[0].Qualifier = alias.Name.Name
		return n, nil
	}
	return rename(n, alias)
}
