package merge

import (
	"context"
	"fmt"
	"io"
	"slices"

	"tarn/store/column"
)

// cursorRows is how many times of a run a cursor holds at once.
const cursorRows = 4096

// merged reads several sources series by series. Within a series it merges the
// sources' runs by time; rows with equal times become one.
type merged struct {
	opts    Options
	sources []*ordered
	active  []*cursor // runs of the current series, oldest source first
	series  uint32
	ops     []op
	refs    []ref
	tmp     []*column.Vector // by source: rows read once for many ops
	free    []*cursor
	rows    int // of the current batch
}

// ordered is a source whose runs are visited in rank order.
type ordered struct {
	Source
	runs  []Run
	order []uint32 // places in runs by rank; nil when they lie in that order
	next  int
}

// cursor walks one run.
type cursor struct {
	source int // place in merged.sources; larger is newer
	pos    int // next row of the source
	end    int
	times  []int64 // times of rows from pos on
	at     int     // first time not consumed
}

// op is a stretch of output rows of one series: rows [row, row+n) of one
// source, or one row merged of refs[ref:ref+count], newest first.
type op struct {
	source, row, n int
	ref, count     int
}

type ref struct{ source, row int }

// leastRows is how few rows a batch has because they are long.
const leastRows = 64

func newMerged(sources []Source, opts Options) *merged {
	m := &merged{opts: opts, rows: opts.BatchRows}
	if opts.BatchBytes > 0 {
		m.rows = min(m.rows, max(opts.BatchBytes/8/max(len(opts.Columns), 1), leastRows))
		for _, c := range opts.Columns {
			if c.Kind == column.String {
				m.rows = min(m.rows, 1024) // the first will tell how long they are
			}
		}
	}
	for _, s := range sources {
		o := &ordered{Source: s, runs: s.Runs()}
		rank := func(i uint32) uint32 { return m.rank(o.runs[i].Series) }
		sorted := true
		for i := 1; i < len(o.runs) && sorted; i++ {
			sorted = rank(uint32(i-1)) <= rank(uint32(i))
		}
		if !sorted {
			o.order = make([]uint32, len(o.runs))
			for i := range o.order {
				o.order[i] = uint32(i)
			}
			slices.SortFunc(o.order, func(a, b uint32) int { return int(int64(rank(a)) - int64(rank(b))) })
		}
		m.sources = append(m.sources, o)
	}
	m.tmp = make([]*column.Vector, len(sources))
	for i := range m.tmp {
		m.tmp[i] = &column.Vector{}
	}
	return m
}

func (m *merged) rank(series uint32) uint32 {
	if m.opts.Rank == nil {
		return series
	}
	return m.opts.Rank[series]
}

// peek returns the source's next wanted run.
func (m *merged) peek(o *ordered) (Run, bool) {
	for ; o.next < len(o.runs); o.next++ {
		i := uint32(o.next)
		if o.order != nil {
			i = o.order[i]
		}
		if r := o.runs[i]; m.opts.Keep == nil || m.opts.Keep(r.Series) {
			return r, true
		}
	}
	return Run{}, false
}

// advance opens cursors on the next series; false means there is none.
func (m *merged) advance() bool {
	found := false
	var best uint32
	for _, o := range m.sources {
		if r, ok := m.peek(o); ok {
			if k := m.rank(r.Series); !found || k < best {
				found, best, m.series = true, k, r.Series
			}
		}
	}
	if !found {
		return false
	}
	for i, o := range m.sources {
		if r, ok := m.peek(o); ok && r.Series == m.series {
			o.next++
			var c *cursor
			if n := len(m.free); n > 0 {
				c, m.free = m.free[n-1], m.free[:n-1]
			} else {
				c = &cursor{}
			}
			*c = cursor{source: i, pos: int(r.Start), end: int(r.End), times: c.times[:0]}
			m.active = append(m.active, c)
		}
	}
	return true
}

// fill loads the cursor's next times that lie in range; false means that the
// run has no more.
func (m *merged) fill(ctx context.Context, c *cursor) (bool, error) {
	for c.at == len(c.times) {
		if c.pos >= c.end {
			return false, nil
		}
		n := min(cursorRows, c.end-c.pos)
		var err error
		c.times, err = m.sources[c.source].ReadTime(ctx, c.times[:0], c.pos, c.pos+n)
		if err != nil {
			return false, fmt.Errorf("read times: %w", err)
		}
		from, to := cut(c.times, m.opts.MinTime, m.opts.MaxTime)
		if to < n { // the rest is too new
			c.end = c.pos + to
		}
		c.times = c.times[:to]
		c.at = from
		c.pos += from
		if from == to {
			c.times, c.at = c.times[:0], 0
		}
	}
	return true, nil
}

func (m *merged) Next(ctx context.Context, b *Batch) error {
	b.reset(m.opts.Columns)
	for len(b.Times) < m.rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(m.active) == 0 && !m.advance() {
			break
		}
		if err := m.merge(ctx, b); err != nil {
			return err
		}
	}
	if len(b.Times) == 0 {
		return io.EOF
	}
	m.fit(b)
	return nil
}

// fit sets the size of the next batch by what is in this one.
func (m *merged) fit(b *Batch) {
	if m.opts.BatchBytes == 0 {
		return
	}
	size := 0
	for _, c := range b.Cols {
		size += 8 * c.Len
		for _, s := range c.Strings {
			size += 8 + len(s)
		}
	}
	rows := int64(m.opts.BatchBytes) * int64(len(b.Times)) / int64(max(size, 1))
	m.rows = int(min(max(rows, leastRows), int64(m.opts.BatchRows), 4*int64(m.rows)))
}

// merge adds rows of the current series until the batch is full or the series
// ends, which leaves no active cursor.
func (m *merged) merge(ctx context.Context, b *Batch) error {
	m.ops, m.refs = m.ops[:0], m.refs[:0]
	before := len(b.Times)
	for len(b.Times) < m.rows {
		if err := m.refill(ctx); err != nil {
			return err
		}
		if len(m.active) == 0 {
			break
		}
		m.step(b)
	}
	if n := len(b.Times) - before; n > 0 {
		b.span(m.series, n)
	}
	for i := range m.opts.Columns {
		if err := m.materialize(ctx, b.Cols[i], i); err != nil {
			return fmt.Errorf("read column %q: %w", m.opts.Columns[i].Name, err)
		}
	}
	return nil
}

// refill gives every active cursor a time, and retires those that have none.
func (m *merged) refill(ctx context.Context) error {
	live := m.active[:0]
	for _, c := range m.active {
		ok, err := m.fill(ctx, c)
		if err != nil {
			return err
		}
		if ok {
			live = append(live, c)
		} else {
			m.free = append(m.free, c)
		}
	}
	m.active = live
	return nil
}

// step consumes either all rows of the oldest time's cursor that precede every
// other cursor, or one row that several cursors have.
func (m *merged) step(b *Batch) {
	first, bound, equal := m.active[0], int64(0), 0
	t := first.times[first.at]
	bounded := false
	for _, c := range m.active[1:] {
		u := c.times[c.at]
		switch {
		case u < t:
			first, bound, bounded, t, equal = c, t, true, u, 0
		case u == t:
			equal++
		case !bounded || u < bound:
			bound, bounded = u, true
		}
	}
	if equal > 0 && !m.opts.Append {
		o := op{ref: len(m.refs)}
		for _, c := range slices.Backward(m.active) {
			if c.times[c.at] == t {
				m.refs = append(m.refs, ref{c.source, c.pos})
				c.at++
				c.pos++
				o.count++
			}
		}
		m.ops = append(m.ops, o)
		b.Times = append(b.Times, t)
		return
	}
	rest := first.times[first.at:]
	n := len(rest)
	if bounded && rest[n-1] >= bound {
		n, _ = slices.BinarySearch(rest, bound)
	}
	if equal > 0 {
		n = 1 // as many rows as have the time come one by one, the oldest source's first
	}
	n = min(n, m.rows-len(b.Times))
	b.Times = append(b.Times, rest[:n]...)
	if k := len(m.ops); k > 0 && m.ops[k-1].count == 0 && m.ops[k-1].source == first.source && m.ops[k-1].row+m.ops[k-1].n == first.pos {
		m.ops[k-1].n += n
	} else {
		m.ops = append(m.ops, op{source: first.source, row: first.pos, n: n})
	}
	first.at += n
	first.pos += n
}

// materialize appends the values of one column for the pending ops. A source
// that serves several ops is read once, from the first row needed to the last.
func (m *merged) materialize(ctx context.Context, dst *column.Vector, col int) error {
	c := m.opts.Columns[col]
	if len(m.refs) == 0 && m.distinctSources() {
		for _, o := range m.ops {
			if err := m.sources[o.source].ReadColumn(ctx, dst, c, o.row, o.row+o.n); err != nil {
				return err
			}
		}
		return nil
	}
	base := make(map[int][2]int, len(m.active)+1)
	need := func(source, from, to int) {
		s, ok := base[source]
		if !ok {
			s = [2]int{from, to}
		}
		base[source] = [2]int{min(s[0], from), max(s[1], to)}
	}
	for _, o := range m.ops {
		if o.count == 0 {
			need(o.source, o.row, o.row+o.n)
		}
	}
	for _, r := range m.refs {
		need(r.source, r.row, r.row+1)
	}
	for source, s := range base {
		m.tmp[source].Reset(column.Of(c.Kind))
		if err := m.sources[source].ReadColumn(ctx, m.tmp[source], c, s[0], s[1]); err != nil {
			return err
		}
	}
	for _, o := range m.ops {
		if o.count == 0 {
			from := o.row - base[o.source][0]
			dst.AppendFrom(m.tmp[o.source], from, from+o.n)
			continue
		}
		found := false
		for _, r := range m.refs[o.ref : o.ref+o.count] {
			if i := r.row - base[r.source][0]; !m.tmp[r.source].IsNull(i) {
				dst.AppendFrom(m.tmp[r.source], i, i+1)
				found = true
				break
			}
		}
		if !found {
			dst.AppendNull(1)
		}
	}
	return nil
}

// distinctSources says whether no source serves two of the pending ops.
func (m *merged) distinctSources() bool {
	for i, o := range m.ops {
		for _, p := range m.ops[:i] {
			if p.source == o.source {
				return false
			}
		}
	}
	return true
}
