package promql

import (
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// millis is a time in ms since epoch. The name keeps vet from taking Seek for
// io.Seeker's.
type millis = int64

// iterator walks samples that are in memory.
type iterator struct {
	samples
	next int // sample after the current one
	err  error
}

var _ chunkenc.Iterator = (*iterator)(nil)

func (it *iterator) Next() chunkenc.ValueType {
	if it.next >= len(it.times) {
		it.next = len(it.times) + 1
		return chunkenc.ValNone
	}
	it.next++
	return chunkenc.ValFloat
}

func (it *iterator) Seek(t millis) chunkenc.ValueType {
	i := max(it.next-1, 0)
	if i >= len(it.times) {
		it.next = len(it.times) + 1
		return chunkenc.ValNone
	}
	if it.times[i] < t {
		// Steps are short beside a series: look near before looking far.
		step := 1
		for i+step < len(it.times) && it.times[i+step] < t {
			i += step
			step *= 2
		}
		rest := it.times[i+1 : min(i+step, len(it.times))]
		i += 1 + sort.Search(len(rest), func(k int) bool { return rest[k] >= t })
	}
	it.next = i
	return it.Next()
}

func (it *iterator) At() (int64, float64) { return it.times[it.next-1], it.values[it.next-1] }

func (it *iterator) AtT() int64 { return it.times[it.next-1] }

func (it *iterator) Err() error { return it.err }

// AtHistogram is never called: there are only floats.
func (it *iterator) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	panic("BUG: a float series was asked for a histogram")
}

// AtFloatHistogram is never called: there are only floats.
func (it *iterator) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	panic("BUG: a float series was asked for a histogram")
}
