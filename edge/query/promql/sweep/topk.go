package sweep

import (
	"container/heap"
	"math"
	"sort"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// highest is the sink of topk and bottomk, whose answers are vectors of its
// input with only the values that are among the k best of their group. Of equal
// ones it keeps the same as Prometheus, which is up to how its heap works.
type highest struct {
	*aggregate
	input  *collected
	places map[uint64]int
	groups []int // of each input, by place
	buf    []byte
}

func newHighest(a *aggregate, steps Steps, m Memory) *highest {
	return &highest{aggregate: a, input: &collected{memory: m}, places: map[uint64]int{}}
}

func (h *highest) add(series func() labels.Labels, v Vector) error {
	var key uint64
	key, h.buf = h.key(series, h.buf)
	place, ok := h.places[key]
	if !ok {
		place = len(h.places)
		h.places[key] = place
	}
	h.groups = append(h.groups, place)
	return h.input.add(series, v)
}

func (h *highest) result() ([]Series, error) {
	in := h.input.list
	k := min(h.k, len(in))
	from, to := span(in)
	heaps := make([]ranking, len(h.places))
	for i := range heaps {
		heaps[i].lowest = h.op == parser.BOTTOMK
	}
	var order []int // of an answer at one step, by place
	for step := from; step < to; step++ {
		for i := range heaps {
			heaps[i].items = heaps[i].items[:0]
		}
		for i := range in {
			v := &in[i]
			at := step - v.From
			if at < 0 || at >= len(v.Values) || IsAbsent(v.Values[at]) {
				continue
			}
			heaps[h.groups[i]].offer(item{v.Values[at], i}, k)
			v.Values[at] = Absent
		}
		for i := range heaps {
			r := &heaps[i]
			if to-from == 1 && len(r.items) > 1 {
				sort.Sort(sort.Reverse(r))
			}
			for _, it := range r.items {
				in[it.series].Values[step-in[it.series].From] = it.value
				order = append(order, it.series)
			}
		}
	}
	out := make([]Series, 0, len(in))
	if to-from == 1 { // maybe of an instant, where the order counts
		for _, i := range order {
			out = append(out, in[i])
		}
		return out, nil
	}
	for _, s := range in {
		if s.Vector = s.trim(); len(s.Values) > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// span is the steps that the vectors cover.
func span(in []Series) (from, to int) {
	from = math.MaxInt
	for _, s := range in {
		from, to = min(from, s.From), max(to, s.From+len(s.Values))
	}
	return min(from, to), to
}

// ranking is a heap of the best so far, the worst of them on top.
type ranking struct {
	items  []item
	lowest bool
}

type item struct {
	value  float64
	series int
}

func (r *ranking) Len() int      { return len(r.items) }
func (r *ranking) Swap(i, j int) { r.items[i], r.items[j] = r.items[j], r.items[i] }
func (r *ranking) Less(i, j int) bool {
	a, b := r.items[i].value, r.items[j].value
	return math.IsNaN(a) || r.better(b, a)
}

// Push and Pop make it a heap; Fix, which needs neither, does all.
func (r *ranking) Push(any) {}
func (r *ranking) Pop() any { return nil }

func (r *ranking) better(a, b float64) bool {
	if r.lowest {
		return a < b
	}
	return a > b
}

func (r *ranking) offer(it item, k int) {
	switch {
	case len(r.items) < k:
		r.items = append(r.items, it)
		heap.Fix(r, len(r.items)-1)
	case r.better(it.value, r.items[0].value) || math.IsNaN(r.items[0].value) && !math.IsNaN(it.value):
		r.items[0] = it
		if k > 1 {
			heap.Fix(r, 0)
		}
	}
}
