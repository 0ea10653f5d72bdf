package cache

// Forget drops the rows of a range of time, both ends included, of the series
// that gone names, at those times of theirs that at says if it is not nil, when they were inserted before a moment of the wall clock, in
// ns: they are deleted from the table. Where the cache cannot tell the series of
// a row, since several share a key, it drops the row if one of them is gone: a
// row too few is better than one that is no more.
func (l *Last) Forget(from, to, before int64, gone func(series uint32) bool, at func(series uint32, time int64) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	drop := func(rec []uint64) bool {
		t := int64(rec[wordTime])
		return t >= from && t <= to && int64(rec[wordInserted]) < before
	}
	if !l.tagsOnly {
		for i := range l.ends {
			l.thin(&l.ends[i], drop)
		}
		return
	}
	for series, v := range l.bySeries {
		if v >= seriesEntry && int(v-seriesEntry) < len(l.ends) && gone(uint32(series)) {
			l.thin(&l.ends[v-seriesEntry], func(rec []uint64) bool {
				return drop(rec) && (at == nil || at(uint32(series), int64(rec[wordTime])))
			})
		}
	}
}

// thin drops some rows of an entry.
func (l *Last) thin(e *ring, drop func(rec []uint64) bool) {
	old := *e
	e.n = 0
	at := old.oldest
	for range old.n {
		rec := l.rows.row(at)
		next := uint32(rec[wordNext])
		if drop(rec) {
			l.rows.release(at)
		} else {
			l.append(e, at)
		}
		at = next
	}
}

// append links a row as the newest of an entry.
func (l *Last) append(e *ring, id uint32) {
	if e.n == 0 {
		e.oldest = id
	} else {
		l.rows.row(e.newest)[wordNext] = uint64(id)
	}
	e.newest, e.last = id, int64(l.rows.row(id)[wordTime])
	e.n++
}
