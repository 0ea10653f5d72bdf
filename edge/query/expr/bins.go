package expr

import (
	"tarn/edge/query/text"
	"tarn/store/column"
)

// Bins are the bins of date_bin or date_bin_wallclock as a sequence, for what
// must name those that no row fell into.
type Bins struct {
	binner Binner
	zone   zone
}

// NewBins returns bins of a stride. With wallclock they begin and end on the
// clock of the zone of t, a Timestamp type. Strides of months have no wall
// clock bins (spec/sql.md section 7.5).
func NewBins(stride column.Interval, origin int64, t column.Type, wallclock bool) (*Bins, error) {
	b, err := NewBinner(stride, origin)
	if err != nil {
		return nil, err
	}
	bins := &Bins{binner: b}
	if wallclock {
		bins.zone, err = zoneOf(t)
	}
	return bins, err
}

// Start is the beginning of the bin of an instant.
func (b *Bins) Start(ts int64) int64 {
	if b.zone.loc == nil {
		return b.binner.Bin(ts)
	}
	return b.binner.wallclock(ts, b.zone)
}

// After is the beginning of the bin after the one that begins at start. It is
// not later than start when there is none in the range of timestamps.
func (b *Bins) After(start int64) int64 {
	if b.zone.loc == nil {
		return b.binner.Next(start)
	}
	// A bin in which clocks went back is longer than the stride.
	next := start
	for at := start + b.binner.stride; next <= start && at > start; at += 15 * text.Minute {
		next = b.Start(at)
	}
	return next
}
