package agg

import (
	"math"
	"slices"

	"tarn/store/column"
)

// integral is the area under the line through a group's points, in order of
// time. With windows the area is split at their bounds, and the group yields a
// list of (area, window start); what lies between two windows with points goes
// to the later one, as in InfluxDB 1.
type integral struct {
	unit   float64
	window func(int64) (int64, int64)
	desc   bool
	points [][]point
	n      int
}

type point struct {
	time  int64
	value float64
}

func newIntegral(s Spec) *integral {
	return &integral{unit: float64(s.InfluxQL.Unit), window: s.InfluxQL.Window, desc: s.InfluxQL.Desc}
}

func (s *integral) Grow(n int) { s.points = resize(s.points, n) }

func (s *integral) Update(groups []uint32, args []*column.Vector, skip []bool, n int) error {
	for i, g := range groups[:n] {
		if counts(args[0], skip, i) {
			s.points[g] = append(s.points[g], point{args[1].Ints[i], floatAt(args[0], i)})
			s.n++
		}
	}
	return nil
}

func (s *integral) Final(dst *column.Vector, from, to int) error {
	for g := from; g < to; g++ {
		p := s.points[g]
		slices.SortStableFunc(p, func(a, b point) int {
			switch {
			case a.time == b.time:
				return 0
			case (a.time < b.time) != s.desc:
				return -1
			}
			return 1
		})
		if s.window == nil {
			s.whole(dst, p)
		} else {
			s.split(dst, p)
		}
	}
	return nil
}

// area is the trapezium between two points, the same in both directions and on all machines:
// it is rounded before it is added to others.
func (s *integral) area(a, b point) float64 {
	return float64(0.5 * (a.value + b.value) * (math.Abs(float64(b.time-a.time)) / s.unit))
}

func (s *integral) whole(dst *column.Vector, p []point) {
	sum := 0.0
	for i := 1; i < len(p); i++ {
		if p[i].time != p[i-1].time { // of equal times the last counts
			sum += s.area(p[i-1], p[i])
		}
	}
	appendFloat(dst, sum, len(p) > 0)
}

func (s *integral) split(dst *column.Vector, p []point) {
	value, start := dst.Children[0].Children[0], dst.Children[0].Children[1]
	emit := func(at int64, sum float64) {
		value.Floats, start.Ints = append(value.Floats, sum), append(start.Ints, at)
		value.Len++
		start.Len++
		dst.Children[0].Len++
	}
	window := func(t int64) (first, last int64) {
		first, last = s.window(t)
		if s.desc {
			return last, first
		}
		return first, last
	}
	if len(p) > 0 {
		prev, sum := p[0], 0.0
		first, last := window(prev.time)
		for _, c := range p[1:] {
			if c.time == prev.time {
				prev = c
				continue
			}
			if !s.desc && c.time >= last || s.desc && c.time <= last {
				if prev.time != last {
					edge := point{last, prev.value + float64((c.value-prev.value)*(float64(last-prev.time)/float64(c.time-prev.time)))}
					sum += s.area(prev, edge)
					prev = edge
				}
				emit(first, sum)
				first, last = window(c.time)
				sum = 0
			}
			sum += s.area(prev, c)
			prev = c
		}
		if prev.time != first {
			emit(first, sum)
		}
	}
	dst.Offsets = append(dst.Offsets, int32(dst.Children[0].Len))
	dst.Len++
}

func (s *integral) Bytes() int { return 24*len(s.points) + 16*s.n }
