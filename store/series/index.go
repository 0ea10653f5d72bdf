// Package series numbers the distinct tag sets of a table.
//
// An Index holds every series that the table's buffer and opened segments
// know, as tag values coded by a dictionary per tag: tag predicates and GROUP
// BY tag run over thousands of codes instead of millions of rows.
package series

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"tarn/store/column"
	"tarn/store/points"
)

// Index is the series of one table. Series numbers are dense and live as long
// as the process; codes and numbers are never reused. It is safe for
// concurrent use.
type Index struct {
	mu    sync.RWMutex
	tags  []*tag
	n     int      // number of series
	table []uint32 // open addressing: series number + 1, 0 is free; hashed by coded tags
	bytes int64

	scratch []uint32      // codes of the series being resolved
	owner   *points.Owner // of the numbers, in batches
	ranks   []uint32      // cache of Ranks, valid while it has n entries
	ranked  int           // number of tags that ranks saw
}

// tag is one tag column: its values by code, and each series's code. Code 0
// is NULL.
type tag struct {
	values []string
	codes  []uint32 // by series
	byText map[string]uint32
}

// MaxSeries bounds the series of one table: numbers must fit into 32 bits.
const MaxSeries = math.MaxUint32 - 1

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{owner: &points.Owner{}} }

// Len is the number of series.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.n
}

// Bytes estimates the memory that the index holds.
func (x *Index) Bytes() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.bytes
}

// ResolveBatch appends to dst the number of every local series of p. ordinals
// maps p's tag indexes to the tags' places in the table's series key. What p says
// to know of this index is believed, and what it did not know is noted in it.
func (x *Index) ResolveBatch(dst []uint32, p *points.Table, ordinals []int) ([]uint32, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for s := range p.NumSeries() {
		if id, ok := p.Number(x.owner, uint32(s)); ok {
			dst = append(dst, id)
			continue
		}
		x.clearScratch()
		points.EachTag(p.SeriesKey(uint32(s)), func(i int, value []byte) {
			x.code(ordinals[i], value)
		})
		id, err := x.resolve()
		if err != nil {
			return dst, fmt.Errorf("table %s: %w", p.Name, err)
		}
		p.Know(x.owner, uint32(s), id)
		dst = append(dst, id)
	}
	return dst, nil
}

// Resolve returns the number of the series with these tag values by ordinal;
// an empty value is NULL.
func (x *Index) Resolve(values []string) (uint32, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.clearScratch()
	for i, v := range values {
		if v != "" {
			x.codeString(i, v)
		}
	}
	return x.resolve()
}

func (x *Index) clearScratch() {
	clear(x.scratch)
}

func (x *Index) code(ordinal int, value []byte) {
	t := x.tag(ordinal)
	c, ok := t.byText[string(value)]
	if !ok {
		c = x.addValue(t, string(value))
	}
	x.scratch[ordinal] = c
}

func (x *Index) codeString(ordinal int, value string) {
	t := x.tag(ordinal)
	c, ok := t.byText[value]
	if !ok {
		c = x.addValue(t, strings.Clone(value))
	}
	x.scratch[ordinal] = c
}

func (x *Index) addValue(t *tag, value string) uint32 {
	c := uint32(len(t.values))
	t.values = append(t.values, value)
	t.byText[value] = c
	x.bytes += int64(2*len(value)) + 64
	return c
}

// tag returns the tag with that ordinal, making all up to it.
func (x *Index) tag(ordinal int) *tag {
	for len(x.tags) <= ordinal {
		x.tags = append(x.tags, &tag{
			values: []string{""}, byText: map[string]uint32{}, codes: make([]uint32, x.n, max(x.n, 16)),
		})
		x.scratch = append(x.scratch, 0)
		x.bytes += int64(4 * x.n)
	}
	return x.tags[ordinal]
}

// hash mixes the codes that are not NULL, so that a tag added later does not
// change the hash of the series that lack it.
func hash(codes []uint32) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for i, c := range codes {
		if c != 0 {
			h ^= uint64(i)<<32 | uint64(c)
			h *= 0xff51afd7ed558ccd
			h ^= h >> 32
		}
	}
	return h
}

// resolve finds or adds the series in scratch.
func (x *Index) resolve() (uint32, error) {
	if (x.n+1)*4 > len(x.table)*3 {
		x.rehash()
	}
	mask := uint64(len(x.table) - 1)
	i := hash(x.scratch) & mask
	for ; x.table[i] != 0; i = (i + 1) & mask {
		if id := x.table[i] - 1; x.equal(id) {
			return id, nil
		}
	}
	if uint64(x.n) >= MaxSeries {
		return 0, fmt.Errorf("more than %d series", uint32(MaxSeries))
	}
	id := uint32(x.n)
	for o, t := range x.tags {
		t.codes = append(t.codes, x.scratch[o])
	}
	x.n++
	x.table[i] = id + 1
	x.bytes += int64(4*len(x.tags)) + 8
	return id, nil
}

func (x *Index) equal(id uint32) bool {
	for o, t := range x.tags {
		if t.codes[id] != x.scratch[o] {
			return false
		}
	}
	return true
}

func (x *Index) rehash() {
	x.table = make([]uint32, max(64, 2*len(x.table)))
	mask := uint64(len(x.table) - 1)
	codes := make([]uint32, len(x.tags))
	for id := range x.n {
		for o, t := range x.tags {
			codes[o] = t.codes[id]
		}
		i := hash(codes) & mask
		for x.table[i] != 0 {
			i = (i + 1) & mask
		}
		x.table[i] = uint32(id) + 1
	}
}

// Snapshot is a view of an Index at one moment.
type Snapshot struct {
	// N is the number of series.
	N     int
	dicts []*column.Dictionary
	codes [][]uint32
}

// Snapshot returns the index as it is now, with at least the given number of
// tags.
func (x *Index) Snapshot(tags int) *Snapshot {
	s := &Snapshot{}
	x.Refresh(s, tags)
	return s
}

// noValues is what a tag has before its first value: code 0, NULL.
var noValues = []string{""}

// Refresh brings a snapshot up to date. Its dictionaries stay the same objects
// and only get longer, so that codes handed out earlier remain comparable. The
// snapshot must not be in use elsewhere.
func (x *Index) Refresh(s *Snapshot, tags int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s.N = x.n
	if missing := max(tags, len(x.tags)) - len(s.dicts); missing > 0 {
		dicts := make([]column.Dictionary, missing)
		s.dicts = slices.Grow(s.dicts, missing)
		for i := range dicts {
			dicts[i].Values = noValues
			s.dicts = append(s.dicts, &dicts[i])
		}
		s.codes = append(s.codes, make([][]uint32, missing)...)
	}
	for o, t := range x.tags {
		s.dicts[o].Values = t.values[:len(t.values):len(t.values)]
		s.codes[o] = t.codes[:x.n:x.n]
	}
}

// Dict is the dictionary of the tag with that ordinal; code 0 is NULL.
func (s *Snapshot) Dict(ordinal int) *column.Dictionary { return s.dicts[ordinal] }

// Code is the code of a series's tag value, 0 for NULL.
func (s *Snapshot) Code(ordinal int, id uint32) uint32 {
	codes := s.codes[ordinal]
	if codes == nil {
		return 0
	}
	return codes[id]
}

// Codes are the codes of the tag with that ordinal by series, nil when no series
// has a value.
func (s *Snapshot) Codes(ordinal int) []uint32 { return s.codes[ordinal] }

// Value is the text of a series's tag value; ok is false for NULL.
func (s *Snapshot) Value(ordinal int, id uint32) (text string, ok bool) {
	c := s.Code(ordinal, id)
	if c == 0 {
		return "", false
	}
	return s.dicts[ordinal].Values[c], true
}

// Fill appends the tag value of one series n times to v, a Dict vector.
func (s *Snapshot) Fill(v *column.Vector, ordinal int, id uint32, n int) {
	c := s.Code(ordinal, id)
	from := v.Len
	v.SetLen(from + n)
	v.Dict = s.Dict(ordinal)
	for i := from; i < from+n; i++ {
		v.Codes[i] = c
	}
	if c == 0 {
		v.Nulls.SetRange(from, from+n)
	}
}

// Lookup returns the codes of those of some values that the tag with that
// ordinal has, ascending.
func (x *Index) Lookup(ordinal int, values []string) []uint32 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if ordinal >= len(x.tags) {
		return nil
	}
	out := make([]uint32, 0, len(values))
	for _, v := range values {
		if c, ok := x.tags[ordinal].byText[v]; ok {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// Ranks returns, by series number, the place of each series in the order of
// the tag values, tag by tag, bytewise, NULL last: the order of the rows in a
// segment. It covers all series of the index at the time of the call.
func (x *Index) Ranks() []uint32 {
	x.mu.RLock()
	if len(x.ranks) == x.n && x.ranked == len(x.tags) {
		defer x.mu.RUnlock()
		return x.ranks
	}
	x.mu.RUnlock()

	s := x.Snapshot(0)
	ranks := s.ranks()
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(ranks) >= len(x.ranks) {
		x.ranks, x.ranked = ranks, len(s.codes)
	}
	return ranks
}

func (s *Snapshot) ranks() []uint32 {
	// Comparing texts once per value instead of once per pair of series.
	order := make([][]uint32, len(s.dicts))
	for o, d := range s.dicts {
		codes := make([]uint32, len(d.Values)-1)
		for i := range codes {
			codes[i] = uint32(i + 1)
		}
		slices.SortFunc(codes, func(a, b uint32) int { return strings.Compare(d.Values[a], d.Values[b]) })
		place := make([]uint32, len(d.Values))
		place[0] = math.MaxUint32 // NULL last
		for i, c := range codes {
			place[c] = uint32(i)
		}
		order[o] = place
	}
	ids := make([]uint32, s.N)
	for i := range ids {
		ids[i] = uint32(i)
	}
	slices.SortFunc(ids, func(a, b uint32) int {
		for o, place := range order {
			pa, pb := place[s.codes[o][a]], place[s.codes[o][b]]
			if pa != pb {
				if pa < pb {
					return -1
				}
				return 1
			}
		}
		return 0
	})
	ranks := make([]uint32, s.N)
	for r, id := range ids {
		ranks[id] = uint32(r)
	}
	return ranks
}
