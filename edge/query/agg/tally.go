package agg

import (
	"cmp"
	"slices"

	"tarn/store/column"
)

// tally counts the distinct values of each group and notes when each was seen
// first.
type tally struct {
	kept
	at    map[tallyKey]int32 // position in rows of the group
	n     [][]int64          // by group and position
	words distinct           // numbers texts
	desc  bool               // rows count from the newest
}

// tallyKey is a value of a group as a word; texts have codes.
type tallyKey struct {
	group uint32
	word  uint64
}

func newTally(s Spec) tally {
	return tally{kept: newKept(s), at: map[tallyKey]int32{}, words: distinct{codes: map[string]uint64{}}, desc: s.InfluxQL.Desc}
}

func (t *tally) Grow(n int) {
	t.kept.Grow(n)
	t.n = resize(t.n, n)
}

// Update adds rows; the first appearance of a value is the earliest, whatever
// the order in which rows come.
func (t *tally) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if !counts(args[0], skip, i) {
			continue
		}
		k := tallyKey{g, t.words.word(args[0], i)}
		at, ok := t.at[k]
		if !ok {
			t.at[k] = int32(len(t.rows[g]))
			t.add(g, args, i)
			t.n[g] = append(t.n[g], 1)
			continue
		}
		t.n[g][at]++
		if first := &t.cols[1].Ints[t.rows[g][at]]; args[1].Ints[i] != *first && (args[1].Ints[i] < *first) != t.desc {
			*first = args[1].Ints[i]
		}
	}
	return nil
}

func (t *tally) Bytes() int { return t.kept.Bytes() + 48*len(t.at) + t.words.text }

// distinctValues lists the values in order of their first appearance - in
// descending order, as in InfluxDB 1, of their last; of those that appear at one
// instant the lesser comes first.
type distinctValues struct{ tally }

func (d *distinctValues) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		slices.SortFunc(d.rows[g], func(a, b int32) int { return cmp.Or(d.compareTimes(a, b), d.compareValues(a, b)) })
		d.emit(dst, d.rows[g])
	}
	return nil
}

// mode is the most frequent value. Of those that are equally frequent it is the
// one that appeared first, but when no value repeats, the least.
type mode struct{ tally }

func (m *mode) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		rows, n := m.rows[g], m.n[g]
		if len(rows) == 0 {
			dst.AppendNull(1)
			continue
		}
		repeats := slices.Max(n) > 1
		best := 0
		for i := 1; i < len(rows); i++ {
			d := cmp.Compare(n[i], n[best])
			switch {
			case d == 0 && m.cols[0].Type.Kind == column.Bool:
				d = m.compareValues(rows[i], rows[best]) // true wins
			case d == 0 && repeats:
				d = cmp.Or(-m.compareTimes(rows[i], rows[best]), -m.compareValues(rows[i], rows[best]))
			case d == 0:
				d = -m.compareValues(rows[i], rows[best])
			}
			if d > 0 {
				best = i
			}
		}
		dst.AppendFrom(m.cols[0], int(rows[best]), int(rows[best])+1)
	}
	return nil
}
