package cache

import (
	"hash/maphash"
	"math"
	"slices"
	"sync"

	"tarn/store/column"
	"tarn/store/points"
)

// entries finds the entry of a row: what both kinds of cache have in common.
type entries struct {
	mu   sync.RWMutex
	acc  account
	keys keyTable

	columns []Column // key columns
	// nulls says that NULL is a value like others; else a row that lacks a key
	// column has no entry.
	nulls bool
	// tagsOnly says that all key columns are tags: all rows of a series are
	// then of one entry.
	tagsOnly bool
	// bySeries has, by the table's series number, the entry + seriesEntry.
	bySeries []uint32
	dropped  int64

	// The rest belongs to the batch being added.
	from   []int    // where each key column lies in the batch, -1 for nowhere
	values [][]byte // the tag among the key columns of the series that was last looked at
	series uint32   // that series
	key    []byte
}

// What bySeries holds for series without an entry.
const (
	seriesUnknown = iota // not looked at yet
	seriesKeyless        // lacks a key column
	seriesEntry          // the first entry
)

func (e *entries) init(b *Budget, keys []Column, nulls bool) {
	e.acc = account{budget: b}
	e.keys.seed = maphash.MakeSeed()
	e.columns, e.nulls, e.tagsOnly = keys, nulls, true
	for _, c := range keys {
		e.tagsOnly = e.tagsOnly && c.Kind == column.Dict
	}
	e.from, e.values = make([]int, len(keys)), make([][]byte, len(keys))
}

// bind looks for the key columns in a batch.
func (e *entries) bind(p *points.Table) {
	e.series = noSeries
	for i, c := range e.columns {
		e.from[i] = -1
		if c.Kind == column.Dict {
			for t, id := range p.TagIDs {
				if id == c.ID {
					e.from[i] = t
				}
			}
			continue
		}
		for f, field := range p.Fields {
			if field.ID == c.ID {
				e.from[i] = f
			}
		}
	}
}

const noSeries = math.MaxUint32

// keyless says whether a series is known to lack a key column.
func (e *entries) keyless(global uint32) bool {
	return int(global) < len(e.bySeries) && e.bySeries[global] == seriesKeyless
}

// ofSeries is the entry of all rows of a series, local in the batch and global
// in the table; ok is false when it has none.
func (e *entries) ofSeries(p *points.Table, local, global uint32) (id uint32, ok bool) {
	if n := int(global) + 1; n > len(e.bySeries) {
		if e.bySeries, ok = extend(&e.acc, e.bySeries, n-len(e.bySeries)); !ok {
			return 0, false
		}
	}
	switch v := e.bySeries[global]; v {
	case seriesUnknown:
	case seriesKeyless:
		return 0, false
	default:
		return v - seriesEntry, true
	}
	if !e.encode(p, local, 0) {
		e.bySeries[global] = seriesKeyless
		return 0, false
	}
	if id, ok = e.intern(); ok {
		e.bySeries[global] = id + seriesEntry
	}
	return id, ok
}

// ofRow is the entry of one row, which keyless says may have none.
func (e *entries) ofRow(p *points.Table, row int) (id uint32, keyless, ok bool) {
	if !e.encode(p, p.Series[row], row) {
		return 0, true, false
	}
	id, ok = e.intern()
	return id, false, ok
}

// intern finds or adds the key that encode made.
func (e *entries) intern() (id uint32, ok bool) {
	h := e.keys.hash(e.key)
	if id, ok = e.keys.find(h, e.key); ok {
		return id, true
	}
	return e.keys.add(&e.acc, h, e.key)
}

// encode makes the key of a row; false means that it lacks a column.
func (e *entries) encode(p *points.Table, local uint32, row int) bool {
	if local != e.series {
		e.series = local
		clear(e.values)
		points.EachTag(p.SeriesKey(local), func(tag int, value []byte) {
			for i, from := range e.from {
				if from == tag && e.columns[i].Kind == column.Dict {
					e.values[i] = value
				}
			}
		})
	}
	e.key = e.key[:0]
	for i, c := range e.columns {
		if c.Kind == column.Dict {
			switch {
			case e.values[i] != nil:
				e.key = appendText(e.key, e.values[i])
			case e.nulls:
				e.key = appendNull(e.key)
			default:
				return false
			}
			continue
		}
		var f *points.Field
		if e.from[i] >= 0 && !p.Fields[e.from[i]].Nulls.Get(row) {
			f = p.Fields[e.from[i]]
		}
		switch {
		case f == nil && !e.nulls:
			return false
		case f == nil:
			e.key = appendNull(e.key)
		case c.Kind == column.String:
			e.key = appendText(e.key, f.Text(row))
		default:
			e.key = appendWord(e.key, c.Kind, f.Bits[row])
		}
	}
	return true
}

// keyOf is the place of a column among the key columns, or -1.
func (e *entries) keyOf(id int) int {
	return slices.IndexFunc(e.columns, func(c Column) bool { return c.ID == id })
}

// drop counts rows that are left out for want of memory.
func (e *entries) drop(rows int) {
	e.dropped += int64(rows)
	e.acc.budget.dropped.Add(int64(rows))
}

// rebuild drops the keys that keep does not want, renumbers the others, and
// returns their new numbers.
func (e *entries) rebuild(keep func(id uint32) bool) []uint32 {
	to := e.keys.rebuild(&e.acc, keep)
	for i, v := range e.bySeries {
		if v < seriesEntry {
			continue
		}
		e.bySeries[i] = seriesUnknown
		if n := to[v-seriesEntry]; n != gone {
			e.bySeries[i] = n + seriesEntry
		}
	}
	return to
}

// worthRebuilding says whether so many of the keys are dead that their memory
// should be used again.
func (e *entries) worthRebuilding(dead int) bool { return dead > 0 && dead*4 >= e.keys.len() }

// Close gives the memory back to the budget. The cache must not be used
// afterwards, except by readers that still have it.
func (e *entries) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.acc.give(e.acc.bytes)
	e.acc.budget = NewBudget(math.MaxInt64)
}
