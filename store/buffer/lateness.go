package buffer

import (
	"math"
	"slices"
)

// lateness knows, per series, which times a new row cannot have in common with
// older rows.
type lateness struct {
	// newest is the newest time of each series anywhere.
	newest []int64
	// settled is the newest time outside the open head. Rows of the head
	// itself are merged when it is sealed, so they make nothing late.
	settled []int64
}

// unknown is the newest time of a series that was not seen yet. A row at that
// very time counts as late, which is slow but right.
const unknown = math.MinInt64

// grow makes room for series numbers below n.
func (l *lateness) grow(n int) {
	for len(l.newest) < n {
		l.newest = append(l.newest, unknown)
		l.settled = append(l.settled, unknown)
	}
}

// add notes a row and says whether it is late. older returns the newest time
// of a series outside the buffer.
func (l *lateness) add(series uint32, time int64, older func(uint32) int64) (late bool) {
	last := l.newest[series]
	if last == unknown {
		last = older(series)
		l.settled[series] = last
		l.newest[series] = last
	}
	if time > last {
		l.newest[series] = time
		return false
	}
	return time <= l.settled[series]
}

// seal notes that the rows of the head have become a block.
func (l *lateness) seal(series []uint32) {
	for _, s := range series {
		l.settled[s] = l.newest[s]
	}
}

func (l *lateness) bytes() int64 { return 8 * int64(cap(l.newest)+cap(l.settled)) }

// top is one more than the largest series number.
func top(series []uint32) int {
	if len(series) == 0 {
		return 0
	}
	return int(slices.Max(series)) + 1
}
