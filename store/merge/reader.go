package merge

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"tarn/store/column"
	"tarn/store/schema"
)

// Options say what a Reader yields.
type Options struct {
	// Columns are the field columns to read.
	Columns []schema.Column
	// MinTime and MaxTime bound the rows, both inclusive.
	MinTime, MaxTime int64
	// Keep says which series to read; nil means all.
	Keep func(series uint32) bool
	// Rank orders the series by their number, for merged reading; nil means
	// ascending numbers.
	Rank []uint32
	// BatchRows is the wanted number of rows in a batch. BatchBytes, unless it is
	// 0, makes it fewer in merged reading where columns are many or texts long:
	// it bounds about what the values of a batch take.
	BatchRows, BatchBytes int
	// Append keeps rows of the same series and time apart, the oldest first.
	Append bool

	// FromRow and ToRow restrict a lone source to the runs that begin at rows
	// [FromRow, ToRow), unless both are 0.
	FromRow, ToRow int

	// The rest are rows and values that nobody will miss: a reader may leave
	// them out.

	// NoTimes says that of Batch.Times only the length matters.
	NoTimes bool
	// Floor and Ceiling, when not nil, move while the reader runs: older rows
	// than Floor and newer ones than Ceiling are not wanted.
	Floor, Ceiling *atomic.Int64
	// Edge says that one row in range of each series is enough.
	Edge Edge
	// Texts are tests that a row must pass. They say something about rows as
	// they are read, not about those of one source among several.
	Texts []TextTest
}

// Edge is the row of a series that is wanted, when not all are.
type Edge uint8

// The edges.
const (
	NoEdge Edge = iota
	Newest
	Oldest
)

// bounds are those that times must lie in now.
func (o *Options) bounds() (lo, hi int64) {
	lo, hi = o.MinTime, o.MaxTime
	if o.Floor != nil {
		lo = max(lo, o.Floor.Load())
	}
	if o.Ceiling != nil {
		hi = min(hi, o.Ceiling.Load())
	}
	return lo, hi
}

// Span is consecutive rows of one series in a Batch.
type Span struct {
	Series uint32
	Rows   int
}

// Batch is rows grouped by series.
type Batch struct {
	Spans []Span
	Times []int64
	// Cols are parallel to Options.Columns.
	Cols []*column.Vector
}

func (b *Batch) reset(cols []schema.Column) {
	b.Spans, b.Times = b.Spans[:0], b.Times[:0]
	for len(b.Cols) < len(cols) {
		b.Cols = append(b.Cols, &column.Vector{})
	}
	b.Cols = b.Cols[:len(cols)]
	for i, c := range cols {
		b.Cols[i].Reset(column.Of(c.Kind))
	}
}

func (b *Batch) span(series uint32, rows int) {
	if n := len(b.Spans); n > 0 && b.Spans[n-1].Series == series {
		b.Spans[n-1].Rows += rows
		return
	}
	b.Spans = append(b.Spans, Span{series, rows})
}

// Reader yields the rows of one or more sources.
type Reader interface {
	// Next fills b, whose memory it reuses, with at least one row, or returns
	// io.EOF. What is in b is valid until the next call.
	Next(ctx context.Context, b *Batch) error
}

// Groups splits sources, given in any order, into sets that can be read
// independently of each other: a late source goes with all older ones whose
// time range meets its own. Each set is in write order.
func Groups(sources []Source) [][]Source {
	sources = SortBySeq(sources)
	if !slices.ContainsFunc(sources, Source.Late) {
		groups := make([][]Source, len(sources))
		for i := range groups {
			groups[i] = sources[i : i+1 : i+1]
		}
		return groups
	}
	parent := make([]int, len(sources))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for i, s := range sources {
		if !s.Late() {
			continue
		}
		lo, hi := s.TimeRange()
		for j := range i {
			if l, h := sources[j].TimeRange(); l <= hi && lo <= h {
				parent[root(j)] = root(i)
			}
		}
	}
	var groups [][]Source
	place := make(map[int]int, len(sources))
	for i, s := range sources {
		r := root(i)
		g, ok := place[r]
		if !ok {
			g = len(groups)
			place[r] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], s)
	}
	return groups
}

// SortBySeq returns the sources in write order; sources that share sequence
// numbers stay as they were.
func SortBySeq(sources []Source) []Source {
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, func(a, b Source) int {
		la, ha := a.SeqRange()
		lb, hb := b.SeqRange()
		return cmp.Or(cmp.Compare(la, lb), cmp.Compare(ha, hb))
	})
	return sources
}

// NewReader reads a set that Groups made: one source in the order in which its
// rows lie, several merged in the order of Options.Rank.
func NewReader(group []Source, opts Options) Reader {
	if opts.BatchRows <= 0 {
		opts.BatchRows = 4096
	}
	if len(group) == 1 {
		return newSequential(group[0], opts)
	}
	opts.MinTime, opts.MaxTime = opts.bounds()
	return newMerged(group, opts)
}

// NewOrderedReader reads sources, given in write order, merged in the order of
// Options.Rank even when there is only one.
func NewOrderedReader(sources []Source, opts Options) Reader {
	if opts.BatchRows <= 0 {
		opts.BatchRows = 4096
	}
	return newMerged(sources, opts)
}
