package plan

import (
	"fmt"
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// Expand yields every input row once for each grouping set: the input's
// columns, then the keys, null where they are not of the set, then the set's
// identity.
type Expand struct {
	Input Node
	Keys  []expr.Expr
	// Sets says for each set which keys are of it.
	Sets   [][]bool
	Output []Column
}

// Columns is Node's.
func (e *Expand) Columns() []Column { return e.Output }

// Inputs is Node's.
func (e *Expand) Inputs() []Node { return []Node{e.Input} }

// Identity of a set: its number, above one bit for each key that is not of it.
func (e *Expand) Identity(set int) int64 {
	id := int64(set) << len(e.Keys)
	for i, in := range e.Sets[set] {
		if !in {
			id |= 1 << i
		}
	}
	return id
}

// prune drops input columns that are not passed on; the keys stay.
func (e *Expand) prune(need []bool) []int {
	n := len(e.Input.Columns())
	var to []int
	e.Input, to = pruneInput(e.Input, need[:n], e.Keys...)
	for i := range e.Keys {
		e.Keys[i] = remap(e.Keys[i], to)
	}
	kept := e.Input.Columns()
	e.Output = append(slices.Clone(kept), e.Output[n:]...)
	for i := range len(e.Keys) + 1 {
		to = append(to, len(kept)+i)
	}
	return to
}

func (e *Expand) describe() string {
	var sets []string
	for _, s := range e.Sets {
		var keys []string
		for i, in := range s {
			if in {
				keys = append(keys, e.Keys[i].String())
			}
		}
		sets = append(sets, "("+strings.Join(keys, ", ")+")")
	}
	return "Expand: sets=[" + strings.Join(sets, ", ") + "]"
}

// maxGroupingKeys and maxGroupingSets bound what CUBE makes of a short text.
const (
	maxGroupingKeys = 31
	maxGroupingSets = 4096
)

// groupingBase is where the column is, among the keys, that tells grouping
// sets apart.
const groupingBase = 1 << 27

// groupingSets binds GROUP BY with ROLLUP, CUBE or GROUPING SETS: every
// combination of a set of each item.
func (a *aggregation) groupingSets(items []sql.GroupItem, list []item) error {
	sets := [][]int{{}}
	for _, g := range items {
		own, err := a.setsOf(g, list)
		if err != nil {
			return err
		}
		var both [][]int
		for _, s := range sets {
			for _, o := range own {
				both = append(both, slices.Concat(s, o))
			}
		}
		if sets = both; len(sets) > maxGroupingSets {
			return planErrorf("GROUP BY makes more than %d grouping sets", maxGroupingSets)
		}
	}
	if len(a.keys) > maxGroupingKeys {
		return planErrorf("grouping sets of more than %d keys", maxGroupingKeys)
	}
	for _, s := range sets {
		in := make([]bool, len(a.keys))
		for _, k := range s {
			in[k] = true
		}
		a.sets = append(a.sets, in)
	}
	a.keys = append(a.keys, expr.NewColumn(groupingBase, "__grouping_id", column.Of(column.Int64)))
	return nil
}

// setsOf are the sets of one GROUP BY item, as numbers of keys.
func (a *aggregation) setsOf(g sql.GroupItem, items []item) ([][]int, error) {
	if g.Kind == "" {
		members := []sql.Expr{g.Expr}
		if t, ok := g.Expr.(*sql.Tuple); ok {
			members = t.Elems
		}
		set, err := a.keysOf(members, items)
		return [][]int{set}, err
	}
	var members [][]int
	for _, es := range g.Sets {
		set, err := a.keysOf(es, items)
		if err != nil {
			return nil, err
		}
		members = append(members, set)
	}
	switch g.Kind {
	case "ROLLUP":
		var out [][]int
		for n := len(members); n >= 0; n-- {
			out = append(out, slices.Concat(members[:n]...))
		}
		return out, nil
	case "CUBE":
		if len(members) > 12 {
			return nil, planErrorf("CUBE of more than 12 members")
		}
		var out [][]int
		for mask := 1<<len(members) - 1; mask >= 0; mask-- {
			var set []int
			for i, m := range members {
				if mask>>(len(members)-1-i)&1 != 0 {
					set = append(set, m...)
				}
			}
			out = append(out, set)
		}
		return out, nil
	}
	return members, nil
}

// keysOf registers keys and returns their numbers.
func (a *aggregation) keysOf(es []sql.Expr, items []item) ([]int, error) {
	var out []int
	for _, e := range es {
		k, err := a.groupKey(e, items)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// hasGrouping says whether grouping is called within an expression.
func hasGrouping(e sql.Expr) bool {
	found := false
	walk(e, func(x sql.Expr) bool {
		c, ok := x.(*sql.Call)
		found = found || ok && strings.EqualFold(c.Name.Name, "grouping")
		return !found
	})
	return found
}

// grouping binds grouping(key, ...): a bit for each key that is not of the
// row's set, the first one highest.
func (a *aggregation) grouping(c *sql.Call) (expr.Expr, error) {
	if a.sets == nil {
		return nil, planErrorf("grouping needs GROUP BY with ROLLUP, CUBE or GROUPING SETS")
	}
	if len(c.Args) == 0 {
		return nil, planErrorf("grouping takes one key or more")
	}
	id := expr.NewColumn(len(a.keys)-1, "__grouping_id", column.Of(column.Int64))
	var out expr.Expr
	for i, arg := range c.Args {
		x, err := a.binder.bind(arg, a.input)
		if err != nil {
			return nil, err
		}
		k := slices.IndexFunc(a.keys, func(o expr.Expr) bool { return expr.Equal(o, x) })
		if k < 0 {
			return nil, planErrorf("Argument %s to grouping function is not in grouping columns", x)
		}
		bit, err := expr.NewBinary(expr.ShiftRight, id, expr.NewLiteral(expr.Int(int64(k))))
		if err != nil {
			return nil, err
		}
		if bit, err = expr.NewBinary(expr.BitAnd, bit, expr.NewLiteral(expr.Int(1))); err != nil {
			return nil, err
		}
		if n := len(c.Args) - 1 - i; n > 0 {
			if bit, err = expr.NewBinary(expr.ShiftLeft, bit, expr.NewLiteral(expr.Int(int64(n)))); err != nil {
				return nil, err
			}
		}
		if out == nil {
			out = bit
		} else if out, err = expr.NewBinary(expr.BitOr, out, bit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// expand puts the grouping sets below the aggregation.
func (a *aggregation) expand(n *Aggregate) {
	keys := n.Keys[: len(n.Keys)-1 : len(n.Keys)-1]
	e := &Expand{Input: n.Input, Keys: keys, Sets: a.sets, Output: slices.Clone(n.Input.Columns())}
	width := len(e.Output)
	n.Keys = nil
	for i, k := range keys {
		e.Output = append(e.Output, Column{Name: k.String(), Type: k.Type(), Hidden: true})
		n.Keys = append(n.Keys, expr.NewColumn(width+i, k.String(), k.Type()))
	}
	id := Column{Name: "__grouping_id", Type: column.Of(column.Int64), Hidden: true}
	e.Output = append(e.Output, id)
	n.Keys = append(n.Keys, expr.NewColumn(width+len(keys), id.Name, id.Type))
	n.Input = e
}

// noGapSets refuses what would make buckets of buckets.
func (a *aggregation) noGapSets() error {
	if a.gap != nil && a.sets != nil {
		return notImplemented("%s", fmt.Sprintf("%s with grouping sets", strings.ToUpper(a.gap.name)))
	}
	return nil
}
