package agg

import (
	"cmp"
	"slices"
	"strings"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// distinct passes each value of a group on once: values are words, texts have
// codes.
type distinct struct {
	inner State
	nulls bool                // are values too
	empty map[uint32]struct{} // groups that had a null
	seen  pairSet
	codes map[string]uint64
	dict  *column.Dictionary // the newest one
	known []uint32           // its codes -> ours + 1
	skip  []bool
	key   []byte
	text  int
}

func (d *distinct) Grow(n int) { d.inner.Grow(n) }

func (d *distinct) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	v := args[0]
	d.skip = resize(d.skip[:0], n)
	for i, g := range groups[:n] {
		d.skip[i] = true
		if skip != nil && skip[i] {
			continue
		}
		if v.IsNull(i) {
			d.skip[i] = !d.nulls || !d.firstNull(g)
			continue
		}
		if d.seen.add(g, d.word(v, i)) {
			d.skip[i] = false
		}
	}
	return d.inner.Update(groups, args, d.skip, n)
}

func (d *distinct) firstNull(g uint32) bool {
	if d.empty == nil {
		d.empty = map[uint32]struct{}{}
	}
	before := len(d.empty)
	d.empty[g] = struct{}{}
	return len(d.empty) > before
}

func (d *distinct) word(v *column.Vector, i int) uint64 {
	switch v.Type.Kind {
	case column.Bool:
		return uint64(boolInt(v.Bools[i]))
	case column.Uint64:
		return v.Uints[i]
	case column.Float64:
		return floatWord(v.Floats[i])
	case column.String:
		return d.code(v.Strings[i])
	case column.Dict:
		return d.dictCode(v.Dict, v.Codes[i])
	case column.Struct, column.List, column.IntervalKind:
		d.key = expr.AppendKey(d.key[:0], v, i)
		return d.code(string(d.key))
	}
	return uint64(v.Ints[i])
}

func (d *distinct) code(s string) uint64 {
	c, ok := d.codes[s]
	if !ok {
		c = uint64(len(d.codes))
		d.codes[strings.Clone(s)] = c
		d.text += len(s) + 48
	}
	return c
}

// dictCode is the code of a dictionary's value: texts are looked up once.
func (d *distinct) dictCode(dict *column.Dictionary, code uint32) uint64 {
	if dict != d.dict {
		d.dict, d.known = dict, d.known[:0]
	}
	if int(code) >= len(d.known) {
		d.known = append(d.known, make([]uint32, len(dict.Values)-len(d.known))...)
	}
	if d.known[code] == 0 {
		d.known[code] = uint32(d.code(dict.Values[code])) + 1
	}
	return uint64(d.known[code] - 1)
}

func (d *distinct) Final(dst *column.Vector, from, to int) error { return d.inner.Final(dst, from, to) }

func (d *distinct) Bytes() int { return d.inner.Bytes() + d.seen.bytes() + d.text + 4*cap(d.known) }

// collect keeps all values: array_agg and string_agg.
type collect struct {
	spec   Spec
	sep    string
	text   bool
	values *column.Vector
	keys   []*column.Vector
	groups []uint32
	n      int
	rows   [][]int32 // by group, in order, once asked for
	joined int       // bytes of the texts that string_agg will make
}

func newCollect(s Spec) *collect {
	c := &collect{spec: s, text: s.Name == "string_agg", values: column.NewVector(plain(s.Args[0]), 0)}
	if c.text {
		c.sep = s.ArgLiterals[1].S
	}
	for _, o := range s.OrderBy {
		c.keys = append(c.keys, column.NewVector(plain(o.Type), 0))
	}
	return c
}

func (c *collect) Grow(n int) { c.n = n }

func (c *collect) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	c.rows = nil
	for i, g := range groups[:n] {
		if skip != nil && skip[i] || (c.text || c.spec.IgnoreNulls) && args[0].IsNull(i) {
			continue
		}
		c.groups = append(c.groups, g)
		c.values.AppendFrom(args[0], i, i+1)
		if c.text {
			c.joined += len(args[0].Text(i)) + len(c.sep)
		}
		for j, k := range c.keys {
			k.AppendFrom(args[len(c.spec.Args)+j], i, i+1)
		}
	}
	return nil
}

// order lists each group's rows, sorted by the keys.
func (c *collect) order() {
	if c.rows != nil {
		return
	}
	c.rows = make([][]int32, c.n)
	for r, g := range c.groups {
		c.rows[g] = append(c.rows[g], int32(r))
	}
	if len(c.keys) == 0 {
		return
	}
	for _, rows := range c.rows {
		slices.SortStableFunc(rows, func(a, b int32) int { return compareKeys(c.keys, c.spec.OrderBy, int(a), int(b)) })
	}
}

// compareKeys puts two rows in the order of the keys.
func compareKeys(keys []*column.Vector, orders []Order, a, b int) int {
	for j, o := range orders {
		d := 0
		switch x, y := keys[j].IsNull(a), keys[j].IsNull(b); {
		case x && y:
		case x || y:
			d = 1
			if x == o.NullsFirst {
				d = -1
			}
		default:
			d = compareRows(keys[j], a, b)
			if o.Desc {
				d = -d
			}
		}
		if d != 0 {
			return d
		}
	}
	return 0
}

// compareRows orders two rows of a vector; both are not null.
func compareRows(v *column.Vector, a, b int) int {
	switch v.Type.Kind {
	case column.Bool:
		return boolInt(v.Bools[a]) - boolInt(v.Bools[b])
	case column.Uint64:
		return cmp.Compare(v.Uints[a], v.Uints[b])
	case column.Float64:
		return compareFloats(v.Floats[a], v.Floats[b])
	case column.String, column.Dict:
		return strings.Compare(v.Text(a), v.Text(b))
	}
	return cmp.Compare(v.Ints[a], v.Ints[b])
}

func (c *collect) Final(dst *column.Vector, from, to int) error {
	c.order()
	for g := from; g < to; g++ {
		if len(c.rows[g]) == 0 {
			dst.AppendNull(1)
			continue
		}
		if !c.text {
			dst.Children[0].Gather(c.values, c.rows[g])
			dst.Offsets = append(dst.Offsets, int32(dst.Children[0].Len))
			dst.Len++
			continue
		}
		var b strings.Builder
		for i, r := range c.rows[g] {
			if i > 0 {
				b.WriteString(c.sep)
			}
			b.WriteString(c.values.Text(int(r)))
		}
		dst.Strings = append(dst.Strings, b.String())
		dst.Len++
	}
	return nil
}

func (c *collect) Bytes() int {
	n := c.values.Bytes() + 8*len(c.groups) + c.joined
	for _, k := range c.keys {
		n += k.Bytes()
	}
	return n
}
