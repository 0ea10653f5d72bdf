package agg

import (
	"cmp"
	"slices"

	"tarn/store/column"
)

// kept holds whole rows - value, time and further columns - for groups that
// keep several. Rows that were let go stay until half of all are such.
type kept struct {
	cols []*column.Vector
	rows [][]int32 // by group
	live int
}

func newKept(s Spec) kept {
	k := kept{}
	for _, t := range s.Args {
		k.cols = append(k.cols, column.NewVector(plain(t), 0))
	}
	return k
}

func (k *kept) Grow(n int) { k.rows = resize(k.rows, n) }

// add keeps row i of args for a group.
func (k *kept) add(g uint32, args []*column.Vector, i int) {
	k.rows[g] = append(k.rows[g], int32(k.cols[0].Len))
	for j, c := range k.cols {
		c.AppendFrom(args[j], i, i+1)
	}
	k.live++
}

// truncate lets go of a group's rows from n on.
func (k *kept) truncate(g uint32, n int) {
	k.live -= len(k.rows[g]) - n
	k.rows[g] = k.rows[g][:n]
	if total := k.cols[0].Len; total > 1024 && k.live < total/2 {
		k.compact()
	}
}

func (k *kept) compact() {
	all := make([]int32, 0, k.live)
	for g := range k.rows {
		for i, r := range k.rows[g] {
			k.rows[g][i] = int32(len(all))
			all = append(all, r)
		}
	}
	for i, c := range k.cols {
		fresh := column.NewVector(c.Type, len(all))
		fresh.Gather(c, all)
		k.cols[i] = fresh
	}
}

// compareValues orders two kept rows by value.
func (k *kept) compareValues(a, b int32) int { return compareKept(k.cols[0], a, b) }

func (k *kept) compareTimes(a, b int32) int { return cmp.Compare(k.cols[1].Ints[a], k.cols[1].Ints[b]) }

func compareKept(v *column.Vector, a, b int32) int {
	switch v.Type.Kind {
	case column.Bool:
		return boolInt(v.Bools[a]) - boolInt(v.Bools[b])
	case column.Uint64:
		return cmp.Compare(v.Uints[a], v.Uints[b])
	case column.Float64:
		return compareFloats(v.Floats[a], v.Floats[b])
	case column.String:
		return cmp.Compare(v.Strings[a], v.Strings[b])
	}
	return cmp.Compare(v.Ints[a], v.Ints[b])
}

// emit appends rows as a list of structs.
func (k *kept) emit(dst *column.Vector, rows []int32) {
	for i, c := range dst.Children[0].Children {
		c.Gather(k.cols[i], rows)
	}
	dst.Children[0].Len += len(rows)
	dst.Offsets = append(dst.Offsets, int32(dst.Children[0].Len))
	dst.Len++
}

// Bytes is the memory held.
func (k *kept) Bytes() int {
	n := 24*len(k.rows) + 4*k.live
	for _, c := range k.cols {
		n += c.Bytes()
	}
	return n
}

// nearestRank is InfluxQL's percentile, which chooses by nearest rank: rank floor(n*p/100+0.5), counted from 1;
// no row when there is none of that rank.
type nearestRank struct {
	kept
	percent float64
}

func (p *nearestRank) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if counts(args[0], skip, i) {
			p.add(g, args, i)
		}
	}
	return nil
}

func (p *nearestRank) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		rows := p.rows[g]
		i := int(floor(float64(len(rows))*p.percent/100+0.5)) - 1
		if i < 0 || i >= len(rows) {
			dst.AppendNull(1)
			continue
		}
		slices.SortFunc(rows, func(a, b int32) int { return cmp.Or(p.compareValues(a, b), p.compareTimes(a, b)) })
		for j, c := range dst.Children {
			c.AppendFrom(p.cols[j], int(rows[i]), int(rows[i])+1)
		}
		dst.Len++
	}
	return nil
}
