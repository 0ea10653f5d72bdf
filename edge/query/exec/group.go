package exec

import (
	"fmt"
	"math"
	"unsafe"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// grouper numbers the distinct tuples of key values. Every value becomes a
// word: numbers their bits, texts a code. The words of all groups lie in one
// slice, found through an open-addressing table.
type grouper struct {
	keys   []*keyColumn
	width  int      // words a group: one a key, and the null mask
	words  []uint64 // of all groups
	table  []uint32 // group + 1
	n      int
	row    []uint64
	groups []uint32
	// frozen groups get no new ones: what is not among them is noGroup.
	frozen bool
}

// noGroup and nullGroup are no group's number.
const (
	noGroup   = math.MaxUint32
	nullGroup = noGroup - 1
)

// keyColumn turns the values of one key into words and back.
type keyColumn struct {
	t column.Type
	// frozen gives texts that are not known no code of their own.
	frozen bool
	words  []uint64 // of the current batch: in own, or the batch's values themselves
	own    []uint64
	vec    *column.Vector

	texts *interner // for text keys
	dict  *column.Dictionary
	codes map[*column.Dictionary][]uint32 // other dictionaries' codes, translated
}

// interner numbers texts.
type interner struct {
	dict   *column.Dictionary
	byText map[string]uint32
	bytes  int64
}

// unknownText is the code of texts that are no group's.
const unknownText = math.MaxUint32

func (k *keyColumn) code(s string) uint32 {
	in := k.texts
	c, ok := in.byText[s]
	switch {
	case ok:
	case k.frozen:
		return unknownText
	default:
		c = uint32(len(in.dict.Values))
		in.dict.Values = append(in.dict.Values, s)
		in.byText[s] = c
		in.bytes += int64(len(s)) + 48
	}
	return c
}

func newGrouper(types []column.Type) (*grouper, error) {
	g := &grouper{width: len(types) + 1, row: make([]uint64, len(types)+1)}
	for _, t := range types {
		if err := groupable(t); err != nil {
			return nil, err
		}
		g.keys = append(g.keys, &keyColumn{t: t})
	}
	if len(types) > 63 {
		return nil, &expr.Error{Class: expr.NotImplemented, Msg: "more than 63 grouping keys"}
	}
	return g, nil
}

// freeze ends the making of groups.
func (g *grouper) freeze() {
	g.frozen = true
	for _, k := range g.keys {
		k.frozen = true
	}
}

// groupable refuses types whose values cannot be words.
func groupable(t column.Type) error {
	switch t.Kind {
	case column.Struct, column.List, column.IntervalKind:
		return &expr.Error{Class: expr.NotImplemented, Msg: fmt.Sprintf("grouping by %s", t)}
	}
	return nil
}

// load computes the words of a batch's values.
func (k *keyColumn) load(v *column.Vector) {
	k.vec = v
	switch v.Type.Kind {
	case column.Uint64:
		k.words = v.Uints[:v.Len]
		return
	case column.Int64, column.Timestamp, column.Duration, column.Date, column.TimeOfDay:
		// An int64's bits are the word: words are only read.
		k.words = unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(v.Ints))), v.Len)
		return
	}
	if cap(k.own) < v.Len {
		k.own = make([]uint64, v.Len)
	}
	k.own = k.own[:v.Len]
	k.words = k.own
	w := k.words
	switch v.Type.Kind {
	case column.Null:
		clear(w)
	case column.Bool:
		for i, x := range v.Bools[:v.Len] {
			w[i] = uint64(boolInt(x))
		}
	case column.Float64:
		for i, x := range v.Floats[:v.Len] {
			switch {
			case x == 0:
				w[i] = 0 // both zeros are one group
			case x != x:
				w[i] = math.Float64bits(math.NaN())
			default:
				w[i] = math.Float64bits(x)
			}
		}
	case column.Dict:
		k.loadDict(v)
	case column.String:
		k.loadText(v)
	default:
		panic("BUG: grouping by " + v.Type.String())
	}
}

// loadDict uses the codes themselves while all batches share a dictionary.
func (k *keyColumn) loadDict(v *column.Vector) {
	if k.texts == nil && (k.dict == nil || k.dict == v.Dict) {
		k.dict = v.Dict
		for i, c := range v.Codes[:v.Len] {
			k.words[i] = uint64(c)
		}
		return
	}
	k.intern()
	trans := k.codes[v.Dict]
	for len(trans) < len(v.Dict.Values) {
		trans = append(trans, k.code(v.Dict.Values[len(trans)]))
	}
	k.codes[v.Dict] = trans
	for i, c := range v.Codes[:v.Len] {
		if int(c) < len(trans) { // a null's code may point nowhere
			k.words[i] = uint64(trans[c])
		} else {
			k.words[i] = 0
		}
	}
}

// intern goes over to codes of our own; those given out stay valid.
func (k *keyColumn) intern() {
	if k.texts != nil {
		return
	}
	k.texts = &interner{dict: &column.Dictionary{}, byText: map[string]uint32{}}
	k.codes = map[*column.Dictionary][]uint32{}
	if k.dict != nil {
		for i, s := range k.dict.Values {
			k.texts.dict.Values = append(k.texts.dict.Values, s)
			if _, ok := k.texts.byText[s]; !ok {
				k.texts.byText[s] = uint32(i)
			}
		}
	}
}

func (k *keyColumn) loadText(v *column.Vector) {
	k.intern()
	last, code := "", uint32(0)
	for i, s := range v.Strings[:v.Len] {
		if i == 0 || s != last {
			last, code = s, k.code(s)
		}
		k.words[i] = uint64(code)
	}
}

// assign numbers the rows' groups; the result is valid until the next call.
func (g *grouper) assign(keys []*column.Vector, rows int) []uint32 {
	if cap(g.groups) < rows {
		g.groups = make([]uint32, rows)
	}
	g.groups = g.groups[:rows]
	if len(g.keys) == 0 {
		clear(g.groups)
		g.n = max(g.n, 1)
		return g.groups
	}
	nulls := false
	for i, k := range g.keys {
		k.load(keys[i])
		nulls = nulls || keys[i].HasNulls()
	}
	for r := 0; r < rows; {
		for i, k := range g.keys {
			g.row[i] = k.words[r]
		}
		g.row[g.width-1] = 0
		if nulls {
			for i, k := range g.keys {
				if k.vec.IsNull(r) {
					g.row[i] = 0
					g.row[g.width-1] |= 1 << uint(i)
				}
			}
		}
		group, end := g.find(), g.runEnd(r, rows, nulls)
		for i := range g.groups[r:end] {
			g.groups[r+i] = group
		}
		r = end
	}
	return g.groups
}

// runEnd is where the run of rows that have the keys of row r ends. Sorted input
// has long ones, hence a key at a time: each loop compares with one word.
func (g *grouper) runEnd(r, end int, nulls bool) int {
	for _, k := range g.keys {
		run := k.words[r:end]
		n := 1
		for n < len(run) && run[n] == run[0] {
			n++
		}
		end = r + n
	}
	if !nulls {
		return end
	}
	for n := r + 1; n < end; n++ {
		for _, k := range g.keys {
			if k.vec.IsNull(n) != k.vec.IsNull(r) {
				return n
			}
		}
	}
	return end
}

// find returns the group of g.row, making it if need be.
func (g *grouper) find() uint32 {
	if (g.n+1)*2 > len(g.table) {
		g.grow()
	}
	mask := uint64(len(g.table) - 1)
	i := hashWords(g.row) & mask
	for ; g.table[i] != 0; i = (i + 1) & mask {
		at := int(g.table[i]-1) * g.width
		if equalWords(g.words[at:at+g.width], g.row) {
			return g.table[i] - 1
		}
	}
	if g.frozen {
		return noGroup
	}
	g.words = append(g.words, g.row...)
	g.n++
	g.table[i] = uint32(g.n)
	return uint32(g.n - 1)
}

func equalWords(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func hashWords(w []uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, x := range w {
		h = (h ^ x) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

func (g *grouper) grow() {
	g.table = make([]uint32, max(256, 2*len(g.table)))
	mask := uint64(len(g.table) - 1)
	for n := range g.n {
		i := hashWords(g.words[n*g.width:(n+1)*g.width]) & mask
		for g.table[i] != 0 {
			i = (i + 1) & mask
		}
		g.table[i] = uint32(n + 1)
	}
}

// bytes is the memory held.
func (g *grouper) bytes() int64 {
	n := int64(8*cap(g.words) + 4*cap(g.table))
	for _, k := range g.keys {
		if k.texts != nil {
			n += k.texts.bytes
		}
	}
	return n
}

// emit appends the values of key i for groups [from, to).
func (g *grouper) emit(v *column.Vector, i, from, to int) {
	k := g.keys[i]
	t := k.t
	switch {
	case t.Kind == column.Dict && k.texts != nil:
		t = column.Of(column.String)
	}
	v.Reset(t)
	v.SetLen(to - from)
	if t.Kind == column.Dict {
		v.Dict = k.dict
		if v.Dict == nil {
			v.Dict = &column.Dictionary{Values: []string{""}}
		}
	}
	for n := from; n < to; n++ {
		row := n - from
		w := g.words[n*g.width+i]
		if g.words[n*g.width+g.width-1]>>uint(i)&1 != 0 || t.Kind == column.Null {
			v.Nulls.Set(row)
			w = 0
			if t.Kind == column.String {
				v.Strings[row] = ""
				continue
			}
		}
		switch t.Kind {
		case column.Null:
		case column.Bool:
			v.Bools[row] = w != 0
		case column.Uint64:
			v.Uints[row] = w
		case column.Float64:
			v.Floats[row] = math.Float64frombits(w)
		case column.Dict:
			v.Codes[row] = uint32(w)
		case column.String:
			v.Strings[row] = k.texts.dict.Values[w]
		default:
			v.Ints[row] = int64(w)
		}
	}
}
