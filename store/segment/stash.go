package segment

import "sync/atomic"

// stash keeps the pages of a column that were read in part: their rest may be
// wanted next. It has a place for each of a few readers at once.
type stash [4]atomic.Pointer[cursor]

// maxStash bounds a page that is worth keeping.
const maxStash = 64 << 10

// take returns the cursor on a page that has not passed a row, or nil.
func (s *stash) take(page, row int) *cursor {
	for i := range s {
		// Whoever swaps a cursor out owns it: before that, only what never
		// changes may be looked at.
		cur := s[i].Load()
		if cur == nil || cur.page != page || !s[i].CompareAndSwap(cur, nil) {
			continue
		}
		if cur.row <= row {
			return cur
		}
		cur.close()
	}
	return nil
}

// put keeps a cursor in a free place, or instead of another one.
func (s *stash) put(cur *cursor) {
	for i := range s {
		if s[i].CompareAndSwap(nil, cur) {
			return
		}
	}
	if old := s[cur.page%len(s)].Swap(cur); old != nil {
		old.close()
	}
}

// Rest gives up the pages that reads left behind: for when the next read is not
// likely to go on where they ended.
func (r *Reader) Rest() {
	for _, c := range r.cols {
		for i := range c.stash {
			if cur := c.stash[i].Swap(nil); cur != nil {
				cur.close()
			}
		}
	}
}
