package buffer

import (
	"cmp"
	"math/bits"
	"slices"

	"tarn/store/merge"
)

// digitBits is the size of a radix sort's digit: a table's first 2048 series
// take one pass, its first four million two.
const digitBits = 11

// sorter finds the order of a head's rows. Its memory is reused.
type sorter struct {
	// perm lists the rows by series, time and arrival.
	perm []uint32
	// groups says where the duplicates of each output row start in perm, with
	// the end of the last; nil when no two rows have the same series and time.
	groups []uint32
	runs   []merge.Run
	times  []int64 // of the output rows

	other []uint32
}

// sort fills the sorter from rows in arrival order. separate keeps rows of the
// same series and time apart.
func (s *sorter) sort(series []uint32, times []int64, separate bool) {
	s.bySeries(series)
	s.runs = s.runs[:0]
	duplicates := 0
	for from := 0; from < len(s.perm); {
		id := series[s.perm[from]]
		to := from + 1
		ascending := true
		last := times[s.perm[from]]
		for ; to < len(s.perm) && series[s.perm[to]] == id; to++ {
			t := times[s.perm[to]]
			if t <= last {
				if t < last {
					ascending = false
				} else {
					duplicates++
				}
			}
			last = t
		}
		if !ascending {
			run := s.perm[from:to]
			slices.SortFunc(run, func(a, b uint32) int { return cmp.Or(cmp.Compare(times[a], times[b]), cmp.Compare(a, b)) })
			for i := 1; i < len(run); i++ {
				if times[run[i-1]] == times[run[i]] {
					duplicates++
				}
			}
		}
		s.runs = append(s.runs, merge.Run{Series: id, Start: uint32(from), End: uint32(to)})
		from = to
	}
	s.groups = s.groups[:0]
	s.times = slices.Grow(s.times[:0], len(s.perm))
	if duplicates > 0 && !separate {
		s.group(times)
		return
	}
	s.groups = nil
	for _, p := range s.perm {
		s.times = append(s.times, times[p])
	}
}

// group finds the rows that have the same series and time, and makes runs
// count output rows.
func (s *sorter) group(times []int64) {
	for i := range s.runs {
		r := &s.runs[i]
		from, to := r.Start, r.End
		r.Start = uint32(len(s.groups))
		for j := from; j < to; j++ {
			t := times[s.perm[j]]
			if j > from && t == s.times[len(s.times)-1] {
				continue
			}
			s.groups = append(s.groups, j)
			s.times = append(s.times, t)
		}
		r.End = uint32(len(s.groups))
	}
	s.groups = append(s.groups, uint32(len(s.perm)))
}

// bySeries fills perm with the rows by series and arrival: a radix sort, or
// nothing when they come that way.
func (s *sorter) bySeries(series []uint32) {
	n := len(series)
	s.perm = slices.Grow(s.perm[:0], n)[:n]
	for i := range s.perm {
		s.perm[i] = uint32(i)
	}
	top, sorted := uint32(0), true
	for _, id := range series {
		sorted = sorted && id >= top
		top = max(top, id)
	}
	if sorted {
		return
	}
	s.other = slices.Grow(s.other[:0], n)[:n]
	for shift := 0; shift < bits.Len32(top); shift += digitBits {
		var starts [1<<digitBits + 1]uint32
		const mask = 1<<digitBits - 1
		for _, id := range series {
			starts[id>>uint(shift)&mask+1]++
		}
		for i := 1; i < len(starts); i++ {
			starts[i] += starts[i-1]
		}
		for _, p := range s.perm {
			d := series[p] >> uint(shift) & mask
			s.other[starts[d]] = p
			starts[d]++
		}
		s.perm, s.other = s.other, s.perm
	}
}
