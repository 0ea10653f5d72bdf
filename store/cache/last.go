package cache

import (
	"cmp"
	"math"
	"slices"

	"tarn/store/column"
	"tarn/store/points"
)

// LastOptions describe a last-value cache.
type LastOptions struct {
	// Keys are the key columns: tags, and fields of type int64, uint64, bool or
	// string.
	Keys []Column
	// Values are the columns that are kept beside the key and time. All says
	// that every other column is kept, also those that the table gets later;
	// Values is then empty.
	Values []Column
	All    bool
	// Count is how many rows of an entry are kept, at least 1.
	Count int
	// TTL is for how long after its insertion a row is kept, in ns of the wall
	// clock.
	TTL int64
}

// Last is a last-value cache: of each key the newest rows. It is safe for
// concurrent use.
//
// A row that lacks a key column is not kept, nor one whose time is not newer
// than the newest that is kept of its key. The rows of one batch that have the
// same key but come from several series are taken in order of time: the log
// keeps the order of arrival only within a series, and a replay must find the
// same rows.
type Last struct {
	entries
	opts LastOptions

	ends []ring // by entry
	rows rowStore
	// valueOf has the value of a column by column ID, -1 when it is not kept.
	valueOf []int

	// Scratch of Add.
	sources  []source
	tags     [][]byte // values of the series being added, by source; nil for fields
	tagsOf   uint32   // that series
	accepted []int
	perm     []int
}

// ring is the rows of one entry, linked from the oldest to the newest.
type ring struct {
	oldest, newest uint32
	n              uint32
	last           int64 // time of the newest
}

// NewLast returns an empty cache.
func NewLast(b *Budget, o LastOptions) *Last {
	l := &Last{opts: o}
	l.init(b, o.Keys, false)
	l.rows.width = recordWidth(0)
	l.keep(o.Values)
	return l
}

// keep makes columns kept values; false means that there is no memory for them.
func (l *Last) keep(columns []Column) bool {
	texts := make([]bool, len(columns))
	for i, c := range columns {
		texts[i] = isText(c.Kind)
	}
	value := l.rows.values
	if !l.rows.grow(&l.acc, texts) {
		return false
	}
	for i, c := range columns {
		for len(l.valueOf) <= c.ID {
			l.valueOf = append(l.valueOf, -1)
		}
		l.valueOf[c.ID] = value + i
	}
	return true
}

// value is the place of a column among the kept ones, or -1.
func (l *Last) value(id int) int {
	if id >= len(l.valueOf) {
		return -1
	}
	return l.valueOf[id]
}

// learn keeps the columns of a batch that it has not seen yet, all at once.
func (l *Last) learn(p *points.Table) {
	var added []Column
	see := func(id int, kind column.Kind) {
		if l.value(id) < 0 && l.keyOf(id) < 0 {
			added = append(added, Column{id, kind})
		}
	}
	for _, f := range p.Fields {
		see(f.ID, f.Kind)
	}
	for _, id := range p.TagIDs {
		see(id, column.Dict)
	}
	if len(added) > 0 && !l.keep(added) {
		l.drop(len(p.Times)) // they will lack a value
	}
}

// Add takes the rows of a batch, which the log has accepted; its columns have
// their IDs, and series has the table's number of each of its series. now is the
// wall clock in ns.
func (l *Last) Add(p *points.Table, series []uint32, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bind(p)
	if l.opts.All {
		l.learn(p)
	}
	l.sources, l.tags, l.tagsOf = l.sources[:0], l.tags[:0], noSeries
	for i, f := range p.Fields {
		if v := l.value(f.ID); v >= 0 {
			l.sources, l.tags = append(l.sources, source{v, false, i}), append(l.tags, nil)
		}
	}
	whole := true // a series has a key of its own
	for i, id := range p.TagIDs {
		whole = whole && l.keyOf(id) >= 0
		if v := l.value(id); v >= 0 {
			l.sources, l.tags = append(l.sources, source{v, true, i}), append(l.tags, nil)
		}
	}
	// With a single row to keep, the newest of all wins in any order.
	if l.tagsOnly && (whole || l.opts.Count == 1) {
		l.addRuns(p, series, now)
		return
	}
	l.addRows(p, series, now)
}

// addRuns adds the rows series by series.
func (l *Last) addRuns(p *points.Table, series []uint32, now int64) {
	for from, to := 0, 0; from < len(p.Series); from = to {
		local := p.Series[from]
		for to = from; to < len(p.Series) && p.Series[to] == local; to++ {
		}
		id, ok := l.ofSeries(p, local, series[local])
		if !ok && l.keyless(series[local]) {
			continue
		}
		var e *ring
		if ok {
			e = l.ring(id)
		}
		if e == nil {
			l.drop(to - from)
			continue
		}
		l.expire(e, now)
		newest := l.newest(e)
		if l.opts.Count == 1 {
			best := -1
			for row := from; row < to; row++ {
				if t := p.Times[row]; t > newest || best < 0 && e.n == 0 {
					newest, best = t, row
				}
			}
			if best >= 0 {
				l.put(e, p, best, now)
			}
			continue
		}
		// Of rows that push each other out again only the last ones are kept.
		l.accepted = l.accepted[:0]
		for row := from; row < to; row++ {
			if t := p.Times[row]; t > newest || len(l.accepted) == 0 && e.n == 0 {
				newest, l.accepted = t, append(l.accepted, row)
			}
		}
		for _, row := range l.accepted[max(0, len(l.accepted)-l.opts.Count):] {
			l.put(e, p, row, now)
		}
	}
}

// addRows adds the rows one by one in order of time.
func (l *Last) addRows(p *points.Table, series []uint32, now int64) {
	l.perm = l.perm[:0]
	for row := range p.Times {
		l.perm = append(l.perm, row)
	}
	if l.opts.Count > 1 && !slices.IsSorted(p.Times) { // else the newest of all wins
		slices.SortStableFunc(l.perm, func(a, b int) int { return cmp.Compare(p.Times[a], p.Times[b]) })
	}
	for _, row := range l.perm {
		var id uint32
		var keyless, ok bool
		if l.tagsOnly {
			local := p.Series[row]
			id, ok = l.ofSeries(p, local, series[local])
			keyless = !ok && l.keyless(series[local])
		} else {
			id, keyless, ok = l.ofRow(p, row)
		}
		if keyless {
			continue
		}
		var e *ring
		if ok {
			e = l.ring(id)
		}
		if e == nil {
			l.drop(1)
			continue
		}
		l.expire(e, now)
		if e.n == 0 || p.Times[row] > e.last {
			l.put(e, p, row, now)
		}
	}
}

// ring is the rows of an entry, nil when the budget has no room for it.
func (l *Last) ring(id uint32) *ring {
	if n := int(id) + 1; n > len(l.ends) {
		var ok bool
		if l.ends, ok = extend(&l.acc, l.ends, n-len(l.ends)); !ok {
			return nil
		}
	}
	return &l.ends[id]
}

func (l *Last) newest(e *ring) int64 {
	if e.n == 0 {
		return math.MinInt64
	}
	return e.last
}

// expire drops the rows of an entry whose time is over.
func (l *Last) expire(e *ring, now int64) {
	for e.n > 0 && l.expired(l.rows.row(e.oldest), now) {
		l.pop(e)
	}
}

func (l *Last) expired(rec []uint64, now int64) bool {
	return now-int64(rec[wordInserted]) >= l.opts.TTL
}

// pop drops the oldest row of an entry.
func (l *Last) pop(e *ring) {
	id := e.oldest
	e.oldest = uint32(l.rows.row(id)[wordNext])
	e.n--
	l.rows.release(id)
}

// put adds a row as the newest of an entry. If there is no memory for it, the
// entry loses all its rows: nothing is better than an old value that looks new.
func (l *Last) put(e *ring, p *points.Table, row int, now int64) {
	var id uint32
	ok := true
	if int(e.n) < l.opts.Count {
		id, ok = l.rows.alloc(&l.acc)
		if !ok && e.n > 0 { // fewer rows, but the newest
			l.pop(e)
			id, ok = l.rows.alloc(&l.acc)
		}
	} else {
		id = e.oldest
		e.oldest = uint32(l.rows.row(id)[wordNext])
		e.n--
	}
	if !ok {
		l.drop(1)
		return
	}
	rec := l.rows.row(id)
	if !l.rows.fill(&l.acc, rec, p, row, now, l.sources, l.tagValues(p, p.Series[row])) {
		l.rows.release(id)
		for e.n > 0 {
			l.pop(e)
		}
		l.drop(1)
		return
	}
	l.append(e, id)
}

// tagValues are the texts of a series's tags that are kept as values.
func (l *Last) tagValues(p *points.Table, local uint32) [][]byte {
	if n := len(l.sources); l.tagsOf == local || n == 0 || !l.sources[n-1].tag { // tags come last
		return l.tags
	}
	l.tagsOf = local
	clear(l.tags)
	points.EachTag(p.SeriesKey(local), func(tag int, value []byte) {
		for i, s := range l.sources {
			if s.tag && s.at == tag {
				l.tags[i] = value
			}
		}
	})
	return l.tags
}

// evictStep bounds the entries that Evict looks at before it lets others in.
const evictStep = 4096

// Evict drops what has expired by now, the wall clock in ns.
func (l *Last) Evict(now int64) {
	empty, more := 0, true
	for from := 0; more; from += evictStep {
		more = l.evict(from, now, &empty)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.worthRebuilding(empty) {
		l.shrink()
	}
	if l.rows.freed > 0 && l.rows.freed*2 >= l.rows.n {
		l.repack()
	}
}

// shrink gives the memory of empty entries back.
func (l *Last) shrink() {
	to := l.rebuild(func(id uint32) bool { return int(id) < len(l.ends) && l.ends[id].n > 0 })
	kept := 0
	for id, e := range l.ends {
		if to[id] != gone {
			l.ends[kept] = e
			kept++
		}
	}
	l.acc.give(size[ring](cap(l.ends) - kept))
	l.ends = slices.Clone(l.ends[:kept:kept])
	l.acc.give(size[ring](kept - cap(l.ends)))
}

// evict is one step of Evict.
func (l *Last) evict(from int, now int64, empty *int) (more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := min(from+evictStep, len(l.ends))
	for i := from; i < to; i++ {
		e := &l.ends[i]
		l.expire(e, now)
		if e.n == 0 {
			*empty++
		}
	}
	return to < len(l.ends)
}

// repack brings the rows into new pages, without the free ones.
func (l *Last) repack() {
	old := l.rows
	live := old.n - old.freed
	fresh := rowStore{values: old.values, width: old.width, texts: old.texts, text: old.text, garbage: old.garbage, n: live}
	for range (live + pageRows - 1) / pageRows {
		fresh.pages = append(fresh.pages, make([]uint64, pageRows*old.width))
	}
	id := uint32(0)
	for i := range l.ends {
		e := &l.ends[i]
		at := e.oldest
		for n := range e.n {
			rec := fresh.row(id)
			copy(rec, old.row(at))
			at = uint32(rec[wordNext])
			if n == 0 {
				e.oldest = id
			} else {
				fresh.row(e.newest)[wordNext] = uint64(id)
			}
			e.newest = id
			id++
		}
	}
	l.acc.give(int64(len(old.pages)-len(fresh.pages)) * old.pageBytes())
	l.rows = fresh
	if l.rows.garbage*2 > len(l.rows.text) {
		l.rows.compact(&l.acc)
	}
}

// Read returns the rows of the selected entries that have not expired by now,
// the wall clock in ns: columns in the order asked for, text as String, rows in
// order of the keys and, within one, newest first. A column that is not kept is
// NULL.
func (l *Last) Read(columns []Column, matches []Match, now int64) *column.Batch {
	a := l.answer(columns)
	var ids []uint32
	l.each(l.selection(matches), func(id uint32, key []byte) int {
		if int(id) >= len(l.ends) {
			return 0
		}
		e := l.ends[id]
		ids = ids[:0]
		for at := e.oldest; len(ids) < int(e.n); at = uint32(l.rows.row(at)[wordNext]) {
			ids = append(ids, at)
		}
		a.cut(l.columns, key)
		rows := 0
		for _, at := range slices.Backward(ids) {
			if rec := l.rows.row(at); !l.expired(rec, now) {
				l.copy(a, rec)
				rows++
			}
		}
		return rows
	})
	return &a.batch
}

// copy appends one row.
func (l *Last) copy(a *answer, rec []uint64) {
	first := l.rows.first()
	a.batch.Len++
	for i := range a.cells {
		c := &a.cells[i]
		switch value := l.value(c.ID); {
		case c.ID == timeID:
			appendBits(c.vector, rec[wordTime])
		case c.key >= 0:
			a.addKey(c)
		case value < 0 || rec[wordPresent+value>>6]>>(uint(value)&63)&1 == 0:
			c.vector.AppendNull(1)
		case isText(c.Kind):
			w := rec[first+value]
			a.addText(c.vector, l.rows.text[w>>32:][:w&math.MaxUint32])
		default:
			appendBits(c.vector, rec[first+value])
		}
	}
}

// Stats returns the numbers of now.
func (l *Last) Stats() Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	st := Stats{Rows: l.rows.n - l.rows.freed, Bytes: l.acc.bytes, Dropped: l.dropped}
	for _, e := range l.ends {
		if e.n > 0 {
			st.Entries++
		}
	}
	return st
}
