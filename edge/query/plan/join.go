package plan

import (
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
)

// JoinKind says which rows a join yields besides the pairs that match.
type JoinKind uint8

// Kinds of joins. SemiJoin and AntiJoin yield left rows that have, and have
// not, a match, without the right columns.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	SemiJoin
	AntiJoin
	// MarkJoin yields all left rows and whether they have a match; null when
	// NullAware and it is not known.
	MarkJoin
)

var joinNames = []string{"Inner", "Left", "Right", "Full", "Semi", "Anti", "Mark"}

// Join pairs the rows of two inputs whose keys are equal and not null, and for
// which On is true. Without keys every pair is a candidate.
type Join struct {
	Kind        JoinKind
	Left, Right Node
	// LeftKeys are over Left's columns, RightKeys over Right's; types agree
	// pairwise, but for texts and dictionary texts.
	LeftKeys, RightKeys []expr.Expr
	// NullsMatch makes nulls equal each other, as set operations want it.
	NullsMatch bool
	// NullAware is for NOT IN: with a null among the right keys no left row is
	// known to be absent, and a null is so only from nothing.
	NullAware bool
	// On is over Left's columns and then Right's; nil when keys say it all.
	On expr.Expr
}

// Columns is Node's.
func (j *Join) Columns() []Column {
	switch {
	case j.leftOnly():
		return j.Left.Columns()
	case j.Kind == MarkJoin:
		return slices.Concat(j.Left.Columns(), []Column{{Name: "mark", Type: column.Of(column.Bool), Hidden: true}})
	}
	return slices.Concat(j.Left.Columns(), j.Right.Columns())
}

// Inputs is Node's.
func (j *Join) Inputs() []Node { return []Node{j.Left, j.Right} }

func (j *Join) leftOnly() bool { return j.Kind == SemiJoin || j.Kind == AntiJoin }

// join plans a JOIN of the FROM clause.
func (b *Binder) join(j *sql.Join) (Node, error) {
	left, err := b.table(j.Left)
	if err != nil {
		return nil, err
	}
	right, err := b.table(j.Right)
	if err != nil {
		return nil, err
	}
	kind := InnerJoin
	switch j.Kind {
	case "LEFT":
		kind = LeftJoin
	case "RIGHT":
		kind = RightJoin
	case "FULL":
		kind = FullJoin
	case "LEFT SEMI", "RIGHT SEMI":
		kind = SemiJoin
	case "LEFT ANTI", "RIGHT ANTI":
		kind = AntiJoin
	}
	if (kind == SemiJoin || kind == AntiJoin) && strings.HasPrefix(j.Kind, "RIGHT") {
		left, right = right, left
	}
	both, err := joinScope(left, right)
	if err != nil {
		return nil, err
	}
	using, err := merged(j, left, right)
	if err != nil {
		return nil, err
	}
	var conds []expr.Expr
	for _, m := range using {
		eq, err := expr.NewBinary(expr.Eq, both.column(m.left), both.column(m.right))
		if err != nil {
			return nil, err
		}
		conds = append(conds, eq)
	}
	var later []sql.Expr
	if j.On != nil && kind == InnerJoin && hasSubquery(j.On) {
		// Which of these rows stay is decided when the pairs are there.
		j, later = splitOn(j)
	}
	if j.On != nil {
		on, err := b.bind(j.On, both)
		if err != nil {
			return nil, err
		}
		if on, err = predicate(on); err != nil {
			return nil, err
		}
		conds = conjuncts(on)
	}
	n, err := newJoin(kind, left, right, conds)
	if err != nil || n.leftOnly() {
		return n, err
	}
	if len(using) > 0 {
		return mergeColumns(n, using)
	}
	var out Node = n
	for _, e := range later {
		if out, err = b.filter(out, e, both); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// splitOn takes the terms with subqueries out of ON.
func splitOn(j *sql.Join) (*sql.Join, []sql.Expr) {
	rest := *j
	rest.On = nil
	var later []sql.Expr
	for _, e := range andTerms(j.On) {
		switch {
		case hasSubquery(e):
			later = append(later, e)
		case rest.On == nil:
			rest.On = e
		default:
			rest.On = &sql.Binary{Op: "AND", L: rest.On, R: e}
		}
	}
	return &rest, later
}

// joinScope is the scope of ON. Two columns of one full name could not be told
// apart.
func joinScope(left, right Node) (*scope, error) {
	l, r := left.Columns(), right.Columns()
	for _, c := range r {
		if slices.ContainsFunc(l, func(o Column) bool { return o.Qualifier == c.Qualifier && o.Name == c.Name }) {
			kind := "qualified"
			if c.Qualifier == "" {
				kind = "unqualified"
			}
			return nil, schemaErrorf("Schema contains duplicate %s field name %s", kind, c.shown())
		}
	}
	return &scope{columns: slices.Concat(l, r)}, nil
}

// pair is a column of USING or NATURAL: its places among the columns of both
// inputs.
type pair struct{ left, right int }

// merged finds the columns that USING or NATURAL names.
func merged(j *sql.Join, left, right Node) ([]pair, error) {
	l, r := &scope{columns: left.Columns()}, &scope{columns: right.Columns()}
	names := j.Using
	if j.Natural {
		for _, c := range l.columns {
			if !c.Hidden && slices.ContainsFunc(r.columns, func(o Column) bool { return !o.Hidden && o.Name == c.Name }) {
				names = append(names, sql.Ident{Name: c.Name})
			}
		}
	}
	var out []pair
	for _, name := range names {
		ref := &sql.ColumnRef{Name: name}
		i, err := l.find(ref)
		if err != nil {
			return nil, err
		}
		k, err := r.find(ref)
		if err != nil {
			return nil, err
		}
		out = append(out, pair{i, len(l.columns) + k})
	}
	return out, nil
}

// mergeColumns makes one column of each pair, which shows the value that is
// there and that no qualifier reaches where it is of neither side; the columns
// of the sides are reached by their qualifiers only.
func mergeColumns(j *Join, using []pair) (Node, error) {
	cols := j.Columns()
	sc := &scope{columns: cols}
	p := &Project{Input: j, Output: slices.Clone(cols)}
	for i := range cols {
		p.Exprs = append(p.Exprs, sc.column(i))
	}
	for _, m := range using {
		p.Output[m.right].Hidden = true
		if j.Kind != RightJoin && j.Kind != FullJoin {
			continue
		}
		e, err := expr.NewCall("coalesce", []expr.Expr{sc.column(m.left), sc.column(m.right)})
		if err != nil {
			return nil, err
		}
		own := cols[m.left]
		own.Hidden = true
		p.Exprs, p.Output = append(p.Exprs, sc.column(m.left)), append(p.Output, own)
		p.Exprs[m.left], p.Output[m.left] = e, Column{Name: own.Name, Type: e.Type()}
	}
	return p, nil
}

// newJoin builds a join whose rows match when all conds, over both inputs'
// columns, are true. What concerns one input only, and may choose among its
// rows before the join, goes there.
func newJoin(kind JoinKind, left, right Node, conds []expr.Expr) (*Join, error) {
	j := &Join{Kind: kind, Left: left, Right: right}
	var onLeft, onRight, rest []expr.Expr
	for _, c := range conds {
		l, r := j.sides(c)
		switch {
		case expr.Volatile(c):
			rest = append(rest, c)
		case l && !r && (kind == InnerJoin || kind == RightJoin || kind == SemiJoin):
			onLeft = append(onLeft, c)
		case r && !l && kind != RightJoin && kind != FullJoin:
			onRight = append(onRight, j.toRight(c))
		default:
			rest = append(rest, c)
		}
	}
	if err := j.match(rest); err != nil {
		return nil, err
	}
	var err error
	if j.Left, err = filter(left, onLeft); err != nil {
		return nil, err
	}
	j.Right, err = filter(right, onRight)
	return j, err
}

// sides says which inputs' columns a condition reads.
func (j *Join) sides(e expr.Expr) (left, right bool) {
	n := len(j.Left.Columns())
	for _, i := range expr.Columns(e) {
		// A column of the query around is of neither side alone.
		left, right = left || i < n || i >= outerBase, right || i >= n
	}
	return left, right
}

// toRight expresses a condition over both inputs by the right one's columns.
func (j *Join) toRight(e expr.Expr) expr.Expr {
	n := len(j.Left.Columns())
	return expr.Remap(e, func(i int) int { return i - n })
}

// match adds conditions that pairs must meet: equalities of one side with the
// other become keys.
func (j *Join) match(conds []expr.Expr) error {
	var rest []expr.Expr
	if j.On != nil {
		rest = append(rest, j.On)
	}
	for _, c := range conds {
		if !j.key(c) {
			rest = append(rest, c)
		}
	}
	var err error
	j.On, err = conjunction(rest)
	return err
}

func (j *Join) key(c expr.Expr) bool {
	b, ok := c.(*expr.Binary)
	if !ok || b.Op != expr.Eq || expr.Volatile(c) {
		return false
	}
	l, r := b.L, b.R
	if onLeft, _ := j.sides(l); !onLeft {
		l, r = r, l
	}
	ll, lr := j.sides(l)
	rl, rr := j.sides(r)
	if !ll || lr || rl || !rr {
		return false
	}
	l, r = j.mixedIntegers(l, r)
	if !hashable(l.Type(), r.Type()) {
		return false
	}
	j.LeftKeys = append(j.LeftKeys, l)
	j.RightKeys = append(j.RightKeys, j.toRight(r))
	return true
}

// mixedIntegers makes a signed and an unsigned key comparable by their hashes.
// A negative number equals no unsigned one: as a null it matches nothing. Where
// nulls mean more than that, the numbers are compared as texts.
func (j *Join) mixedIntegers(l, r expr.Expr) (expr.Expr, expr.Expr) {
	if !l.Type().IsInteger() || !r.Type().IsInteger() || l.Type().Kind == r.Type().Kind {
		return l, r
	}
	to, try := column.Of(column.Uint64), true
	if j.NullAware || j.NullsMatch {
		to, try = column.Of(column.String), false
	}
	for _, e := range []*expr.Expr{&l, &r} {
		if (*e).Type().Kind != to.Kind {
			if c, err := expr.NewCast(*e, to, try); err == nil {
				*e = c
			}
		}
	}
	return l, r
}

// hashable says whether equal values of two types have equal hashes.
func hashable(a, b column.Type) bool {
	text := func(t column.Type) bool { return t.Kind == column.String || t.Kind == column.Dict }
	switch a.Kind {
	case column.Struct, column.List, column.IntervalKind, column.Null:
		return false
	}
	return a.Kind == b.Kind || text(a) && text(b)
}

// push gives predicates over the join's output to its inputs, or makes them
// conditions of the join.
func (j *Join) push(conds []expr.Expr) (stay []expr.Expr, err error) {
	j.narrow(conds)
	var left, right, on []expr.Expr
	for _, c := range conds {
		l, r := j.sides(c)
		switch {
		case expr.Volatile(c):
			stay = append(stay, c)
		case l && !r && j.Kind != RightJoin && j.Kind != FullJoin:
			left = append(left, c)
		case r && !l && (j.Kind == InnerJoin || j.Kind == RightJoin):
			right = append(right, j.toRight(c))
		case l && r && j.Kind == InnerJoin:
			on = append(on, c)
		default:
			stay = append(stay, c)
		}
	}
	if err := j.match(on); err != nil {
		return nil, err
	}
	if j.Left, err = pushInto(j.Left, left); err != nil {
		return nil, err
	}
	j.Right, err = pushInto(j.Right, right)
	return stay, err
}

// prune drops columns that neither the join nor what is above it needs.
func (j *Join) prune(need []bool) []int {
	n := len(j.Left.Columns())
	all := make([]bool, n+len(j.Right.Columns()))
	wanted := need
	if j.Kind == MarkJoin {
		wanted = need[:n]
	}
	copy(all, wanted)
	mark := func(offset int, es ...expr.Expr) {
		for _, e := range es {
			for _, i := range expr.Columns(e) {
				all[offset+i] = true
			}
		}
	}
	mark(0, j.LeftKeys...)
	mark(n, j.RightKeys...)
	if j.On != nil {
		mark(0, j.On)
	}
	var left, right []int
	j.Left, left = prune(j.Left, all[:n])
	j.Right, right = prune(j.Right, all[n:])
	for i := range j.LeftKeys {
		j.LeftKeys[i], j.RightKeys[i] = remap(j.LeftKeys[i], left), remap(j.RightKeys[i], right)
	}
	to := left
	kept := len(j.Left.Columns())
	for _, i := range right {
		if i >= 0 {
			i += kept
		}
		to = append(to, i)
	}
	if j.On != nil {
		j.On = remap(j.On, to)
	}
	if j.Kind == MarkJoin {
		return append(to[:n:n], kept)
	}
	return to[:len(need)]
}

func (j *Join) describe() string {
	var keys []string
	for i, l := range j.LeftKeys {
		keys = append(keys, l.String()+" = "+j.RightKeys[i].String())
	}
	s := "Join: " + joinNames[j.Kind]
	if len(keys) > 0 {
		s += " keys=[" + strings.Join(keys, ", ") + "]"
	}
	if j.On != nil {
		s += " on=[" + j.On.String() + "]"
	}
	return s
}
