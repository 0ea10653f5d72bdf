package store

import (
	"maps"

	"tarn/store/merge"
)

// Divisible is a Rows that several goroutines can read together.
type Divisible interface {
	Rows
	// Split returns the rows in parts, at most n and none when they are not
	// worth it. Every row is in one part, and which one depends on the data
	// alone. Each part is used by one goroutine and closed; the scan itself is
	// not read any more, and closed after them.
	Split(n int) []Rows
}

// minPart is how many rows are worth a goroutine: to read and aggregate them
// takes a quarter of a millisecond and more.
const minPart = 32 << 10

// piece is a set of rows that one reader can yield: those of a group, or when it
// is a lone source those of the runs that begin at rows [from, to).
type piece struct {
	group    []merge.Source
	from, to int
}

func (p piece) rows() int {
	n := 0
	for _, s := range p.group {
		n += s.Rows()
	}
	return n
}

// Split is Divisible's.
func (r *scan) Split(n int) []Rows {
	if r.spec.Order != Unordered || r.spec.Edge != merge.NoEdge || r.spec.Filter != nil || r.spec.Series != nil || r.reader != nil {
		return nil
	}
	total := 0
	for _, p := range r.pieces {
		total += p.rows()
	}
	if n = min(n, total/minPart); n < 2 {
		return nil
	}
	// Twice as many pieces as readers: two that are not of a size even out.
	var pieces []piece
	for _, p := range r.pieces {
		k, size := 1, p.rows()
		if len(p.group) == 1 {
			k = max(1, min(2*n, size/minPart))
		}
		for i := range k {
			pieces = append(pieces, piece{p.group, size * i / k, size * (i + 1) / k})
		}
	}
	n = min(n, len(pieces))
	out := make([]Rows, n)
	for i := range out {
		p := &scan{store: r.store, table: r.table, spec: r.spec, texts: r.texts, fields: r.fields, places: r.places, usage: r.usage, opened: map[*segmentFile]int{}}
		r.parts = append(r.parts, p)
		out[i] = p
	}
	for i, p := range pieces {
		to := r.parts[i%n]
		to.pieces = append(to.pieces, p)
	}
	r.pieces = nil
	return out
}

// total sums the statistics of a scan up with those of its parts, which are not
// read meanwhile.
func (r *scan) total() ScanStats {
	s := r.stats
	opened := maps.Clone(r.opened)
	for _, p := range r.parts {
		s.Rows, s.Batches = s.Rows+p.stats.Rows, s.Batches+p.stats.Batches
		s.FilesPruned, s.BlocksPruned = s.FilesPruned+p.stats.FilesPruned, s.BlocksPruned+p.stats.BlocksPruned
		s.Series, s.SeriesPruned = max(s.Series, p.stats.Series), max(s.SeriesPruned, p.stats.SeriesPruned)
		maps.Copy(opened, p.opened)
	}
	for _, groups := range opened {
		s.RowGroups += groups
	}
	return s
}

var _ Divisible = (*scan)(nil)
