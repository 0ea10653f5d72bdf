package buffer

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/points"
)

// Options are the sizes of a Table; the zero value means the defaults.
type Options struct {
	// HeadRows is how many rows are collected before they are sealed; default
	// 8192: enough for good compression, little enough to sort in a
	// millisecond and to hold uncompressed.
	HeadRows int
	// HeadTextBytes of string values seal the head early; default 4 MiB.
	HeadTextBytes int
	// Append keeps rows of the same series and time apart.
	Append bool
}

// minHeadRows is the first capacity of a head.
const minHeadRows = 16

func (o Options) withDefaults() Options {
	if o.HeadRows <= 0 {
		o.HeadRows = 8192
	}
	if o.HeadTextBytes <= 0 {
		o.HeadTextBytes = 4 << 20
	}
	return o
}

// Table is one table's rows since the last checkpoint.
type Table struct {
	opts Options

	// The writer's own: one goroutine at a time inserts or seals.
	late lateness

	bytes atomic.Int64

	// mu guards what follows. The writer holds it while it appends to the
	// head, not while it seals; a reader only to take slices.
	mu         sync.Mutex
	head       head
	blocks     []merge.Source // *Block, oldest first
	blockBytes int64
	blockRows  int
	snapshot   *view // of the head as it is; nil when it changed since
	version    uint64

	minSeq, maxSeq   uint64
	minTime, maxTime int64
}

// New returns an empty table.
func New(opts Options) *Table {
	return &Table{
		opts:   opts.withDefaults(),
		minSeq: math.MaxUint64, minTime: math.MaxInt64, maxTime: math.MinInt64,
	}
}

// Insert adds all rows of p, which is padded (points.Table.Pad), as number seq
// of the writes. series maps p's local series numbers to the table's. The
// caller serialises Insert and Seal per Table and gives ascending seq; readers
// need no care.
//
// newest returns, for a series, the newest time that may exist in older rows
// outside this Table, math.MinInt64 when there are none: a row at or before it
// makes its block Late.
//
// On error nothing was added; errors are broken invariants.
func (t *Table) Insert(p *points.Table, series []uint32, seq uint64, newest func(series uint32) int64) error {
	if err := t.check(p, series); err != nil {
		return err
	}
	t.late.grow(top(series))
	for from := 0; from < len(p.Times); {
		to := min(len(p.Times), from+t.opts.HeadRows-t.head.rows())
		text := t.append(p, series, seq, newest, from, to)
		if t.head.rows() >= t.opts.HeadRows || text >= t.opts.HeadTextBytes {
			t.seal(true)
		}
		from = to
	}
	t.account()
	return nil
}

// check looks for what would break the head's invariants.
func (t *Table) check(p *points.Table, series []uint32) error {
	if len(series) < p.NumSeries() {
		return fmt.Errorf("BUG: numbers for %d of %d series", len(series), p.NumSeries())
	}
	for _, f := range p.Fields {
		switch f.Kind {
		case column.Bool, column.Int64, column.Uint64, column.Float64, column.String, column.Timestamp:
		default:
			return fmt.Errorf("BUG: field %q of kind %d", f.Name, f.Kind)
		}
		if len(f.Bits) != len(p.Times) {
			return fmt.Errorf("BUG: field %q has %d values for %d rows", f.Name, len(f.Bits), len(p.Times))
		}
		if f.ID < len(t.head.cols) {
			if k := t.head.cols[f.ID].kind; k != column.Null && k != f.Kind {
				return fmt.Errorf("BUG: field %q of kind %d, in the buffer %d", f.Name, f.Kind, k)
			}
		}
	}
	return nil
}

// append adds rows [from, to) of p, for which the head has room, and returns
// the bytes of text in the head.
func (t *Table) append(p *points.Table, series []uint32, seq uint64, newest func(uint32) int64, from, to int) (text int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &t.head
	rows := h.rows()
	if rows == 0 {
		h.minSeq, h.minTime, h.maxTime = seq, math.MaxInt64, math.MinInt64
	}
	h.maxSeq = seq
	limit := max(t.opts.HeadRows, minHeadRows)
	h.series = reserve(h.series, max(minHeadRows, rows+to-from), limit)
	h.times = reserve(h.times, max(minHeadRows, rows+to-from), limit)
	for i, local := range p.Series[from:to] {
		id, time := series[local], p.Times[from+i]
		h.series = append(h.series, id)
		h.minTime, h.maxTime = min(h.minTime, time), max(h.maxTime, time)
		if t.late.add(id, time, newest) {
			h.late = true
		}
	}
	h.times = append(h.times, p.Times[from:to]...)
	for _, f := range p.Fields {
		h.appendField(rows, f, from, to, limit)
		if f.Kind == column.String {
			text += len(h.cols[f.ID].arena)
		}
	}
	t.minSeq, t.maxSeq = min(t.minSeq, seq), seq
	t.minTime, t.maxTime = min(t.minTime, h.minTime), max(t.maxTime, h.maxTime)
	t.version++
	t.snapshot = nil
	return text
}

// Seal compresses the rows of the open head and gives its memory back: for a
// table that gets no more rows soon. The caller serialises it with Insert.
func (t *Table) Seal() {
	t.seal(false)
	t.account()
}

// seal makes a block of the head; keep says to keep its memory for the next.
func (t *Table) seal(keep bool) {
	var b *Block
	if t.head.rows() > 0 {
		b = seal(&t.head, t.opts.Append) // only this goroutine changes the head, so no lock
		t.late.seal(t.head.series)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b != nil {
		t.blocks = append(t.blocks, b)
		t.blockBytes += b.Bytes()
		t.blockRows += b.Rows()
	}
	if keep {
		t.head.reset()
	} else {
		t.head = head{}
	}
	t.version++
	t.snapshot = nil
}

func (t *Table) account() {
	t.bytes.Store(t.head.bytes() + t.blockBytes + t.late.bytes())
}

// Snapshot returns all rows as they are now, as sources in write order: the
// blocks, and the open head unless it is empty. Nothing that happens later
// changes what they read.
func (t *Table) Snapshot() []merge.Source {
	t.mu.Lock()
	sources := append(make([]merge.Source, 0, len(t.blocks)+1), t.blocks...)
	if t.head.rows() == 0 {
		t.mu.Unlock()
		return sources
	}
	if v := t.snapshot; v != nil {
		t.mu.Unlock()
		return append(sources, v)
	}
	v := &view{}
	v.take(&t.head, t.head.share())
	series, times, version := t.head.series, t.head.times, t.version
	t.mu.Unlock()

	// Sorting takes long, so writers and other readers go on. Two readers may
	// both do it; that is only wasted work.
	v.sort(series, times, t.opts.Append)
	v.other = nil
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version == version {
		t.snapshot = v
	}
	return append(sources, v)
}

// Rows is the number of rows; duplicates of the open head still count.
func (t *Table) Rows() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.blockRows + t.head.rows()
}

// Bytes is the memory that the table holds, after the last Insert or Seal.
// What readers hold, such as the order of a snapshot's rows, is not in it.
func (t *Table) Bytes() int64 { return t.bytes.Load() }

// TimeRange is the smallest and the largest time; ok is false when the table
// is empty.
func (t *Table) TimeRange() (lo, hi int64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.minTime, t.maxTime, t.blockRows+t.head.rows() > 0
}

// SeqRange is the smallest and the largest sequence number; of an empty table
// they are meaningless.
func (t *Table) SeqRange() (lo, hi uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.minSeq, t.maxSeq
}

// Last is the newest time of a series in this table or, as far as Insert's
// newest told, outside; ok is false when the table has no row of it. The
// caller serialises it with Insert.
func (t *Table) Last(series uint32) (time int64, ok bool) {
	if int(series) >= len(t.late.newest) || t.late.newest[series] == unknown {
		return 0, false
	}
	return t.late.newest[series], true
}
