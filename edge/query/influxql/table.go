package influxql

import (
	"cmp"
	"slices"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
	"tarn/store/schema"
)

// table is what FROM gives of one measurement: rows with a time, fields and
// tags, from a scan or from a subquery.
type table struct {
	name string
	node plan.Node
	time int
	// fields and tags are columns of node.
	fields, tags map[string]int
	// order is the tags' order in series keys.
	order []string
	// derived tables are those of subqueries: their fields may be tags.
	derived bool
}

// outer is what a statement is given by the one around it.
type outer struct {
	// min and max bound the times, both inclusive; the widest values are none.
	min, max int64
	// dims are the tags that the query around groups by.
	dims   []string
	window *window
	desc   bool
	// nested says that there is a query around.
	nested bool
}

// from finds the tables of a statement, by name. Those of one name are one.
func (b *Binder) from(sources ast.Sources, o outer) ([]*table, error) {
	var out []*table
	seen := map[uint32]bool{}
	for _, s := range sources {
		switch s := s.(type) {
		case *ast.Measurement:
			db, tables, err := b.tables(s)
			if err != nil {
				return nil, err
			}
			for _, t := range tables {
				if !seen[t.ID] {
					seen[t.ID] = true
					out = append(out, scanOf(db, t, o))
				}
			}
		case *ast.SubQuery:
			branches, err := b.selectBranches(s.Statement, o)
			if err != nil {
				return nil, err
			}
			for _, br := range branches {
				out = append(out, br.table())
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *table) int { return cmp.Compare(a.name, b.name) })
	var merged []*table
	for _, t := range out {
		if n := len(merged); n > 0 && merged[n-1].name == t.name {
			m, err := joined(merged[n-1], t)
			if err != nil {
				return nil, err
			}
			merged[n-1] = m
			continue
		}
		merged = append(merged, t)
	}
	if o.desc {
		slices.Reverse(merged)
	}
	return merged, nil
}

// scanOf is a measurement within a range of time.
func scanOf(db plan.Database, t *schema.Table, o outer) *table {
	s := &plan.Scan{Database: db.Name(), Table: t, MinTime: o.min, MaxTime: o.max}
	out := &table{name: t.Name, node: s, fields: map[string]int{}, tags: map[string]int{}}
	for _, c := range t.Columns {
		if c.Role == schema.Dropped {
			continue
		}
		i := len(s.IDs)
		s.IDs = append(s.IDs, c.ID)
		switch c.Role {
		case schema.Time:
			out.time = i
		case schema.Tag:
			out.tags[c.Name] = i
		case schema.Field:
			out.fields[c.Name] = i
		}
	}
	for _, id := range t.Tags {
		out.order = append(out.order, t.Columns[id].Name)
	}
	return out
}

// joined puts the rows of two tables of one name together: the columns of both,
// null where one lacks them.
func joined(a, b *table) (*table, error) {
	out := &table{name: a.name, time: 0, fields: map[string]int{}, tags: map[string]int{}, derived: a.derived || b.derived}
	u := &plan.Union{Output: []plan.Column{{Name: "time", Type: column.Of(column.Timestamp)}}}
	left, right := &plan.Project{Input: a.node, Exprs: []expr.Expr{a.column(a.time)}}, &plan.Project{Input: b.node, Exprs: []expr.Expr{b.column(b.time)}}
	add := func(to, x, y map[string]int) {
		names := map[string]bool{}
		for n := range x {
			names[n] = true
		}
		for n := range y {
			names[n] = true
		}
		for _, n := range slices.Sorted(keysOf(names)) {
			i, inA := x[n]
			j, inB := y[n]
			var l, r expr.Expr
			switch {
			case inA && inB:
				l, r = alike(a.column(i), b.column(j))
			case inA:
				l = text(a.column(i))
				r = null(l.Type())
			default:
				r = text(b.column(j))
				l = null(r.Type())
			}
			to[n] = len(u.Output)
			u.Output = append(u.Output, plan.Column{Name: n, Type: l.Type()})
			left.Exprs, right.Exprs = append(left.Exprs, l), append(right.Exprs, r)
		}
	}
	add(out.tags, a.tags, b.tags)
	add(out.fields, a.fields, b.fields)
	left.Output, right.Output = u.Output, u.Output
	u.Branches = []plan.Node{left, right}
	out.node = u
	out.order = slices.Sorted(keysOf(out.tags))
	return out, nil
}

func keysOf[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// alike gives two columns one type: numbers become floats, and what cannot be
// brought together is null on the right.
func alike(l, r expr.Expr) (expr.Expr, expr.Expr) {
	l, r = text(l), text(r)
	lt, rt := l.Type(), r.Type()
	switch {
	case lt.Equal(rt):
		return l, r
	case lt.IsNumeric() && rt.IsNumeric():
		return cast(l, column.Float64), cast(r, column.Float64)
	case isNull(l):
		return null(rt), r
	}
	return l, null(lt)
}

// text gives a column of a dictionary the type of a text, as branches have
// dictionaries of their own.
func text(e expr.Expr) expr.Expr {
	if e.Type().Kind != column.Dict {
		return e
	}
	return newFunc("text", column.Of(column.String), []expr.Expr{e}, func(args []*column.Vector, n int) *column.Vector {
		out := column.NewVector(column.Of(column.String), n)
		out.AppendFrom(args[0], 0, n)
		return out
	})
}

func (t *table) column(i int) expr.Expr {
	c := t.node.Columns()[i]
	return expr.NewColumn(i, c.Name, c.Type)
}

// ref is what a name means, cast to the type that it was given. kind tells
// where it was found.
func (t *table) ref(r *ast.VarRef) (e expr.Expr, kind refKind) {
	field, isField := t.fields[r.Val]
	tag, isTag := t.tags[r.Val]
	switch {
	case r.Type == ast.Tag && isTag:
		return t.column(tag), tagRef
	case r.Type == ast.Tag && isField && t.derived && t.column(field).Type().IsText():
		return t.column(field), fieldRef
	case r.Type == ast.Tag:
		return null(column.Of(column.String)), noRef
	case isField:
		e := t.column(field)
		if e.Type().Kind == column.Timestamp {
			e = asInt(e)
		}
		if k, ok := kindOf(r.Type); ok && r.Type != ast.AnyField {
			e = cast(e, k)
			if isNull(e) {
				return e, noRef
			}
		}
		return e, fieldRef
	case isTag && r.Type == ast.Unknown:
		return t.column(tag), tagRef
	}
	k, ok := kindOf(r.Type)
	if !ok {
		k = column.Float64
	}
	return null(column.Of(k)), noRef
}

// refKind is what a name was found to be.
type refKind uint8

const (
	noRef refKind = iota
	fieldRef
	tagRef
)

// asInt reads a timestamp field as an integer, which InfluxQL has instead.
func asInt(e expr.Expr) expr.Expr {
	t := column.Of(column.Int64)
	return newFunc("integer", t, []expr.Expr{e}, lift(t, func(out *column.Vector, args []*column.Vector, n int) {
		copy(out.Ints, args[0].Ints[:n])
	}))
}

// group is a tag as a key of groups; null where there is no such tag.
func (t *table) group(name string) expr.Expr {
	if i, ok := t.tags[name]; ok {
		return t.column(i)
	}
	return null(column.Of(column.String))
}

// branch is a statement's rows of one measurement, in order: first the group
// tags, then the time, then the values.
type branch struct {
	name  string
	node  plan.Node
	tags  []string
	names []string
}

// table makes the branch the source of another statement.
func (br *branch) table() *table {
	t := &table{name: br.name, node: br.node, time: len(br.tags), fields: map[string]int{}, tags: map[string]int{}, order: br.tags, derived: true}
	for i, n := range br.tags {
		t.tags[n] = i
	}
	for i, n := range br.names {
		if _, ok := t.fields[n]; !ok {
			t.fields[n] = len(br.tags) + 1 + i
		}
	}
	return t
}
