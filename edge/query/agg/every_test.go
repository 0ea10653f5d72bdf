package agg

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// samples are vectors of all types, with nulls and repetitions.
func samples(r *rand.Rand, rows int) []*column.Vector {
	text := column.Of(column.String)
	pair := column.StructOf([]string{"a", "b"}, []column.Type{column.Of(column.Int64), text})
	types := []column.Type{
		column.Of(column.Null), column.Of(column.Bool), column.Of(column.Int64), column.Of(column.Uint64), column.Of(column.Float64), text,
		column.Of(column.Timestamp), column.Of(column.Duration), column.Of(column.Date), column.Of(column.IntervalKind),
		column.ListOf(column.Of(column.Int64)), pair,
	}
	var out []*column.Vector
	for _, t := range types {
		v := column.NewVector(t, rows)
		v.Reset(t)
		for range rows {
			if k := int64(r.IntN(6)); k == 5 {
				v.AppendNull(1)
			} else {
				sampleValue(t, k).AppendTo(v)
			}
		}
		out = append(out, v)
	}
	tags := column.NewVector(column.Of(column.Dict), rows)
	tags.Dict = &column.Dictionary{Values: []string{"a", "b", "c"}}
	for i := range rows {
		tags.Codes = append(tags.Codes, uint32(r.IntN(3)))
		if r.IntN(5) == 0 {
			tags.Nulls.Set(i)
			tags.Codes[i] = 1 << 30 // a null's code may point nowhere
		}
	}
	tags.Len = rows
	return append(out, tags)
}

func sampleValue(t column.Type, k int64) expr.Value {
	v := expr.Value{Type: t, I: k - 2, U: uint64(k), F: float64(k) / 2, B: k > 2, S: string(rune('a' + k)), Iv: column.Interval{Months: int32(k)}}
	switch t.Kind {
	case column.List:
		for i := range k {
			v.Elems = append(v.Elems, expr.Int(i))
		}
	case column.Struct:
		v.Elems = []expr.Value{expr.Int(k), expr.String("x")}
	}
	return v
}

var sampleLiterals = []expr.Value{expr.Int(1), expr.Int(-2), expr.Float(0.5), expr.String("-"), expr.NullOf(column.Type{})}

// TestEveryAggregateOfEveryType gives all aggregates arguments of all types.
// They may refuse them, with an *expr.Error. If they do not, a group must give
// the same whether it stands among others or alone, in one batch or in many,
// and whether other rows are absent or skipped.
func TestEveryAggregateOfEveryType(t *testing.T) {
	const rows, groups = 60, 4
	r := rand.New(rand.NewPCG(4, 2))
	in := samples(r, rows)
	of := make([]uint32, rows)
	for i := range of {
		of[i] = uint32(r.IntN(groups))
	}
	accepted := map[string]bool{}
	for _, name := range Names() {
		for _, c := range argumentLists(in) {
			for variant := range 8 {
				s := Spec{Name: Canonical(name), Distinct: variant&1 != 0, IgnoreNulls: variant&2 != 0}
				args := c.vectors
				for i, v := range args {
					s.Args = append(s.Args, v.Type)
					s.ArgLiterals = append(s.ArgLiterals, c.literals[i])
				}
				if variant&4 != 0 {
					key := in[r.IntN(len(in))]
					s.OrderBy = []Order{{Type: key.Type, Desc: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}}
					args = append(args[:len(args):len(args)], key)
				}
				st, err := New(s)
				var known *expr.Error
				if err != nil {
					if !errors.As(err, &known) {
						t.Errorf("%s: %v", describe(s), err)
					}
					continue
				}
				accepted[name] = true
				result, err := Type(s)
				if err != nil {
					t.Fatalf("%s: %v", describe(s), err)
				}
				checkGroups(t, s, st, result, of, args, groups)
			}
		}
		if !accepted[name] {
			t.Errorf("%s accepted no arguments", name)
		}
	}
}

type argumentList struct {
	vectors  []*column.Vector
	literals []*expr.Value
}

// argumentLists are lists of one to three arguments, the later ones columns or
// literals.
func argumentLists(in []*column.Vector) []argumentList {
	var more []argumentList
	for _, v := range in {
		more = append(more, argumentList{[]*column.Vector{v}, []*expr.Value{nil}})
	}
	for _, l := range sampleLiterals {
		v := column.NewVector(l.Type, in[0].Len)
		v.Reset(l.Type)
		for range in[0].Len {
			l.AppendTo(v)
		}
		more = append(more, argumentList{[]*column.Vector{v}, []*expr.Value{&l}})
	}
	join := func(a, b argumentList) argumentList {
		return argumentList{append(a.vectors[:len(a.vectors):len(a.vectors)], b.vectors...), append(a.literals[:len(a.literals):len(a.literals)], b.literals...)}
	}
	out := []argumentList{}
	for _, a := range more[:len(in)] {
		out = append(out, a)
		for _, b := range more {
			ab := join(a, b)
			out = append(out, ab)
			for _, c := range more[len(in):] {
				out = append(out, join(ab, c))
			}
		}
	}
	return out
}

func describe(s Spec) string {
	return fmt.Sprintf("%s%v distinct=%v ignore=%v order=%v", s.Name, s.Args, s.Distinct, s.IgnoreNulls, s.OrderBy)
}

func checkGroups(t *testing.T, s Spec, together State, result column.Type, of []uint32, args []*column.Vector, groups int) {
	t.Helper()
	together.Grow(groups)
	if err := together.Update(of, args, nil, len(of)); err != nil {
		var known *expr.Error
		if !errors.As(err, &known) {
			t.Errorf("%s: %v", describe(s), err)
		}
		return
	}
	all := column.NewVector(result, groups)
	all.Reset(result)
	if err := together.Final(all, 0, groups); err != nil || all.Len != groups {
		t.Errorf("%s: %d results, %v", describe(s), all.Len, err)
		return
	}
	for g := range groups {
		var mine []int32
		skip := make([]bool, len(of))
		for i, o := range of {
			if int(o) == g {
				mine = append(mine, int32(i))
			} else {
				skip[i] = true
			}
		}
		want := key(all, g)
		skipped := alone(t, s, result, args, skip)
		if got := key(skipped, 0); got != want {
			t.Errorf("%s: group %d gives %s, with the others skipped %s", describe(s), g, expr.ValueAt(all, g).Text(), expr.ValueAt(skipped, 0).Text())
		}
		var part []*column.Vector
		for _, a := range args {
			v := column.NewVector(a.Type, len(mine))
			v.Reset(a.Type)
			v.Gather(a, mine)
			part = append(part, v)
		}
		if single := alone(t, s, result, part, nil); key(single, 0) != want {
			t.Errorf("%s: group %d gives %s, alone and row by row %s", describe(s), g, expr.ValueAt(all, g).Text(), expr.ValueAt(single, 0).Text())
		}
	}
}

func key(v *column.Vector, i int) string { return string(expr.AppendKey(nil, v, i)) }

// alone gives all rows to one group: with skip at once, else one by one, with
// a look at the result in between.
func alone(t *testing.T, s Spec, result column.Type, args []*column.Vector, skip []bool) *column.Vector {
	t.Helper()
	st, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	st.Grow(1)
	out := column.NewVector(result, 1)
	n := args[0].Len
	if skip != nil {
		err = st.Update(make([]uint32, n), args, skip, n)
	}
	for i := 0; i < n && skip == nil && err == nil; i++ {
		row := make([]*column.Vector, len(args))
		for j, a := range args {
			row[j] = column.NewVector(a.Type, 1)
			row[j].Reset(a.Type)
			row[j].AppendFrom(a, i, i+1)
		}
		if err = st.Update([]uint32{0}, row, nil, 1); err == nil {
			out.Reset(result)
			err = st.Final(out, 0, 1)
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", describe(s), err)
	}
	out.Reset(result)
	if err := st.Final(out, 0, 1); err != nil {
		t.Fatalf("%s: %v", describe(s), err)
	}
	if st.Bytes() < 0 {
		t.Errorf("%s: %d bytes", describe(s), st.Bytes())
	}
	return out
}
