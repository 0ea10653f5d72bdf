package cache

import (
	"bytes"
	"slices"
)

// Match asks for the entries whose key column has one of some values.
type Match struct {
	// Key is the place of the column among the key columns.
	Key int
	// Texts are the values of a text column, Words those of another one, as
	// points.Field has them. NULL matches nothing.
	Texts []string
	Words []uint64
}

// chunkRows bounds the rows that a reader copies before it lets writers in:
// well under a millisecond of work.
const chunkRows = 1024

// maxLookups bounds the keys that a selection is turned into; with more, the
// last columns are compared entry by entry.
const maxLookups = 4096

// selection is a conjunction of matches, made for searching.
type selection struct {
	// prefixes are the wanted values of the first columns, sorted, one empty
	// one when all are wanted.
	prefixes [][]byte
	// exact says that the prefixes are whole keys.
	exact bool
	// rest has the wanted values of the columns, nil for all.
	rest []map[string]bool
}

func (e *entries) selection(matches []Match) selection {
	wanted := make([][][]byte, len(e.columns))
	s := selection{prefixes: [][]byte{nil}}
	for _, m := range matches {
		kind := e.columns[m.Key].Kind
		values := [][]byte{}
		for _, t := range m.Texts {
			values = append(values, appendText(nil, t))
		}
		for _, w := range m.Words {
			values = append(values, appendWord(nil, kind, w))
		}
		slices.SortFunc(values, bytes.Compare)
		values = slices.CompactFunc(values, bytes.Equal)
		if have := wanted[m.Key]; have != nil {
			values = slices.DeleteFunc(values, func(v []byte) bool {
				return !slices.ContainsFunc(have, func(h []byte) bool { return bytes.Equal(h, v) })
			})
		}
		wanted[m.Key] = values
	}
	i := 0
	for ; i < len(wanted) && wanted[i] != nil && len(s.prefixes)*len(wanted[i]) <= maxLookups; i++ {
		// Values of one column are not prefixes of each other, so that the
		// products are in order.
		next := make([][]byte, 0, len(s.prefixes)*len(wanted[i]))
		for _, p := range s.prefixes {
			for _, v := range wanted[i] {
				next = append(next, slices.Concat(p, v))
			}
		}
		s.prefixes = next
	}
	s.exact = i == len(wanted)
	for ; i < len(wanted); i++ {
		if wanted[i] == nil {
			continue
		}
		if s.rest == nil {
			s.rest = make([]map[string]bool, len(wanted))
		}
		s.rest[i] = map[string]bool{}
		for _, v := range wanted[i] {
			s.rest[i][string(v)] = true
		}
	}
	return s
}

// admits compares the columns that the prefix leaves.
func (s *selection) admits(columns []Column, key []byte) bool {
	for i := range s.rest {
		var v []byte
		v, key = cutKey(key, columns[i].Kind)
		if s.rest[i] != nil && !s.rest[i][string(v)] {
			return false
		}
	}
	return true
}

// each calls fn for every entry that is selected, in order of the keys, under
// the read lock, which it lets go of after chunkRows rows. fn returns the number
// of rows that it copied; entries that come or go meanwhile may be missed.
func (e *entries) each(s selection, fn func(id uint32, key []byte) (rows int)) {
	if s.exact {
		for _, key := range s.prefixes {
			e.mu.RLock()
			if id, ok := e.keys.find(e.keys.hash(key), key); ok {
				fn(id, key)
			}
			e.mu.RUnlock()
		}
		return
	}
	view := e.sorted()
	for _, prefix := range s.prefixes {
		at := view.from(prefix)
		for done := false; !done; {
			e.mu.RLock()
			if e.keys.built != view.built {
				e.mu.RUnlock()
				// Numbers have changed: go on behind the last key.
				last := prefix
				if at > 0 && hasPrefix(view.key(view.order[at-1]), prefix) {
					last = append(bytes.Clone(view.key(view.order[at-1])), 0)
				}
				view = e.sorted()
				at = view.from(last)
				continue
			}
			for rows := 0; rows < chunkRows; at++ {
				if done = at == len(view.order); done {
					break
				}
				id := view.order[at]
				key := view.key(id)
				if done = !hasPrefix(key, prefix); done {
					break
				}
				rows++ // entries that are passed over take time too
				if s.admits(e.columns, key) {
					rows += fn(id, key)
				}
			}
			e.mu.RUnlock()
		}
	}
}

// sorted is the keys of now, in order. Sorting happens without the lock.
func (e *entries) sorted() keyView {
	e.mu.RLock()
	view := e.keys.view()
	e.mu.RUnlock()
	if len(view.order) == len(view.ends) {
		return view
	}
	view.sort()
	e.mu.Lock()
	defer e.mu.Unlock()
	// Without memory for the order every reader makes its own.
	if e.keys.built == view.built && len(e.keys.order) < len(view.order) && e.acc.take(size[uint32](cap(view.order)-cap(e.keys.order))) {
		e.keys.order = view.order
	}
	return view
}
