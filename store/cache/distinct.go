package cache

import (
	"math"
	"slices"

	"tarn/store/column"
	"tarn/store/points"
)

// DistinctOptions describe a distinct-value cache.
type DistinctOptions struct {
	// Columns are tags and string fields, the outermost level first.
	Columns []Column
	// MaxCardinality is how many combinations stay when Evict is done, at
	// least 1.
	MaxCardinality int
	// MaxAge is for how long a combination stays after the newest time of its
	// rows, in ns.
	MaxAge int64
}

// Distinct is a distinct-value cache: the combinations of values that some
// columns have had, NULL being a value. It is safe for concurrent use.
type Distinct struct {
	entries
	opts DistinctOptions

	newest []int64 // by entry: the newest time of its rows, dead when there is none
	live   int     // entries that are not dead
}

// dead marks entries that were evicted but still have their number.
const dead = math.MinInt64

// NewDistinct returns an empty cache.
func NewDistinct(b *Budget, o DistinctOptions) *Distinct {
	d := &Distinct{opts: o}
	d.init(b, o.Columns, true)
	return d
}

// Add takes the rows of a batch, which the log has accepted; its columns have
// their IDs, and series has the table's number of each of its series. now is the
// wall clock in ns. Rows that are too old by then are left out.
func (d *Distinct) Add(p *points.Table, series []uint32, now int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bind(p)
	for from, to := 0, 0; from < len(p.Series); from = to {
		local := p.Series[from]
		newest := int64(math.MinInt64)
		for to = from; to < len(p.Series) && p.Series[to] == local && (d.tagsOnly || to == from); to++ {
			newest = max(newest, p.Times[to])
		}
		if d.tooOld(newest, now) {
			continue
		}
		var id uint32
		var ok bool
		if d.tagsOnly {
			id, ok = d.ofSeries(p, local, series[local])
		} else {
			id, _, ok = d.ofRow(p, from)
		}
		if !ok || !d.see(id, newest) {
			d.drop(to - from)
		}
	}
	// The eviction pass may be seconds away: what comes meanwhile must not
	// take the memory of the other caches.
	if d.live/2 > max(d.opts.MaxCardinality, 512) {
		times := d.times()
		slices.Sort(times)
		d.prune(times)
		d.shrink()
	}
}

// tooOld says whether a row's time is over by now.
func (d *Distinct) tooOld(t, now int64) bool {
	limit := now - d.opts.MaxAge
	return limit < now && t < limit || t == dead
}

// see notes a row of an entry.
func (d *Distinct) see(id uint32, t int64) bool {
	for int(id) >= len(d.newest) {
		var ok bool
		if d.newest, ok = extend(&d.acc, d.newest, 1); !ok {
			return false
		}
		d.newest[len(d.newest)-1] = dead
	}
	if d.newest[id] == dead {
		d.live++
	}
	d.newest[id] = max(d.newest[id], t)
	return true
}

// Evict drops combinations that are too old by now, the wall clock in ns, and
// of those that are too many the oldest.
func (d *Distinct) Evict(now int64) {
	d.mu.RLock()
	times := d.times()
	d.mu.RUnlock()
	slices.Sort(times) // without the lock
	fresh := 0
	for fresh < len(times) && d.tooOld(times[fresh], now) {
		fresh++
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, t := range d.newest {
		if t != dead && d.tooOld(t, now) {
			d.newest[id] = dead
			d.live--
		}
	}
	d.prune(times[fresh:])
	d.shrink()
}

// times are those of the live entries.
func (d *Distinct) times() []int64 {
	to := make([]int64, 0, d.live)
	for _, t := range d.newest {
		if t != dead {
			to = append(to, t)
		}
	}
	return to
}

// prune drops the oldest of the entries that are too many. times are theirs, of
// now or of a moment ago, in order.
func (d *Distinct) prune(times []int64) {
	excess := d.live - d.opts.MaxCardinality
	if excess <= 0 || len(times) == 0 {
		return
	}
	// Entries that came since are newer or few; the next pass finds the rest.
	limit := times[min(excess, len(times))-1]
	for _, only := range []func(int64) bool{
		func(t int64) bool { return t < limit },
		func(t int64) bool { return t == limit },
	} {
		for id, t := range d.newest {
			if excess > 0 && t != dead && only(t) {
				d.newest[id] = dead
				d.live--
				excess--
			}
		}
	}
}

// shrink gives the memory of dead entries back when it is much.
func (d *Distinct) shrink() {
	if !d.worthRebuilding(d.keys.len() - d.live) {
		return
	}
	to := d.rebuild(func(id uint32) bool { return int(id) < len(d.newest) && d.newest[id] != dead })
	kept := make([]int64, 0, d.live)
	for id, t := range d.newest {
		if to[id] != gone {
			kept = append(kept, t)
		}
	}
	d.acc.give(size[int64](cap(d.newest) - cap(kept)))
	d.newest = kept
}

// Read returns the selected combinations that are not too old by now, the wall
// clock in ns: columns in the order asked for, text as String, rows in order of
// the levels.
func (d *Distinct) Read(columns []Column, matches []Match, now int64) *column.Batch {
	a := d.answer(columns)
	d.each(d.selection(matches), func(id uint32, key []byte) int {
		if int(id) >= len(d.newest) || d.newest[id] == dead || d.tooOld(d.newest[id], now) {
			return 0
		}
		a.cut(d.columns, key)
		a.batch.Len++
		for i := range a.cells {
			if c := &a.cells[i]; c.key >= 0 {
				a.addKey(c)
			} else {
				c.vector.AppendNull(1)
			}
		}
		return 1
	})
	return &a.batch
}

// Stats returns the numbers of now; an entry is one row.
func (d *Distinct) Stats() Stats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return Stats{Entries: d.live, Rows: d.live, Bytes: d.acc.bytes, Dropped: d.dropped}
}
