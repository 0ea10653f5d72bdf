package segment

import (
	"fmt"

	"tarn/store/merge"
)

// source is a Reader with the table's series numbers.
type source struct {
	*Reader
	runs []merge.Run
}

var _ merge.Searcher = (*source)(nil)

// Source returns the segment's rows as a merge.Searcher. ids has the table's
// number of each of the segment's series.
func (r *Reader) Source(ids []uint32) merge.Searcher {
	if len(ids) != r.NumSeries() {
		panic(fmt.Sprintf("BUG: %d numbers for the %d series of segment %s", len(ids), r.NumSeries(), r.opts.Name))
	}
	runs := make([]merge.Run, len(ids))
	for i, id := range ids {
		runs[i] = merge.Run{Series: id, Start: r.series.starts[i], End: r.series.starts[i+1]}
	}
	return &source{r, runs}
}

// Runs lists the series in the order of their rows.
func (s *source) Runs() []merge.Run { return s.runs }

// TimeRange is the smallest and the largest time.
func (s *source) TimeRange() (lo, hi int64) { return s.info.MinTime, s.info.MaxTime }

// SeqRange is the smallest and the largest write sequence number.
func (s *source) SeqRange() (lo, hi uint64) { return s.meta.MinSeq, s.meta.MaxSeq }

// Late is Meta's Late.
func (s *source) Late() bool { return s.meta.Late }
