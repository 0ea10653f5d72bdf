package exec

import (
	"math"
	"strings"

	"tarn/store/column"
)

// slide returns a function that emits the aggregate of a frame whose bounds
// never move back. Values join pairwise and nothing is ever taken out, so that
// a NaN or a large value leaves no trace behind: the rows of the frame lie in
// two stacks, of which the front one knows the joint value from each of its
// rows to its end and the back one that of all its rows. A row is pushed and
// turned over once.
func slide[T any](p *partition, join func(a, b T) T, of func(row int) (T, bool), emit func(T, bool)) func(from, to int) {
	type joint struct {
		value T
		some  bool
	}
	both := func(a, b joint) joint {
		switch {
		case !a.some:
			return b
		case !b.some:
			return a
		}
		return joint{join(a.value, b.value), true}
	}
	at := func(position int) joint {
		v, ok := of(int(p.rows[position]))
		return joint{v, ok}
	}
	var front []joint // of positions [middle-len(front), middle), the last first
	var back joint    // of positions [middle, end)
	middle, end := 0, 0
	return func(from, to int) {
		if from >= to {
			var none T
			emit(none, false)
			return
		}
		if from >= end { // a jump: nothing before it counts
			front, back, middle, end = front[:0], joint{}, from, from
		}
		for ; end < to; end++ {
			back = both(back, at(end))
		}
		if from > middle {
			front = front[:0]
			sum := joint{}
			for i := end - 1; i >= from; i-- {
				sum = both(at(i), sum)
				front = append(front, sum)
			}
			back, middle = joint{}, end
		}
		total := back
		if n := middle - from; n > 0 {
			total = both(front[n-1], back)
			front = front[:n]
		}
		emit(total.value, total.some)
	}
}

func sum[T int64 | uint64 | float64](a, b T) T { return a + b }

// nullOr emits null when no row counted.
func nullOr[T any](out *column.Vector, put func(T)) func(T, bool) {
	return func(x T, ok bool) {
		if !ok {
			out.AppendNull(1)
			return
		}
		put(x)
		out.Len++
	}
}

// zeroOr emits a count: 0 when no row counted.
func zeroOr(out *column.Vector) func(int64, bool) {
	return func(n int64, ok bool) {
		if !ok {
			n = 0
		}
		out.Ints = append(out.Ints, n)
		out.Len++
	}
}

func slideSum(p *partition, v *column.Vector, counts func(int) bool, out *column.Vector) func(from, to int) {
	switch v.Type.Kind {
	case column.Uint64:
		return slide(p, sum[uint64], func(r int) (uint64, bool) { return v.Uints[r], counts(r) },
			nullOr(out, func(x uint64) { out.Uints = append(out.Uints, x) }))
	case column.Float64:
		return slide(p, sum[float64], func(r int) (float64, bool) { return v.Floats[r], counts(r) },
			nullOr(out, func(x float64) { out.Floats = append(out.Floats, x) }))
	}
	return slide(p, sum[int64], func(r int) (int64, bool) { return v.Ints[r], counts(r) },
		nullOr(out, func(x int64) { out.Ints = append(out.Ints, x) }))
}

// slideExtreme is min and max: the joint value of rows is the best one of them.
func slideExtreme(p *partition, v *column.Vector, least bool, counts func(int) bool, out *column.Vector) func(from, to int) {
	compare := func(a, b int32) int {
		if least {
			a, b = b, a
		}
		return strings.Compare(v.Text(int(a)), v.Text(int(b)))
	}
	if v.Type.Kind != column.Dict { // whose codes would be put in order for every partition
		compare = comparer(v, least, false)
	}
	better := func(a, b int32) int32 {
		if compare(b, a) > 0 {
			return b
		}
		return a
	}
	return slide(p, better, func(r int) (int32, bool) { return int32(r), counts(r) }, func(r int32, ok bool) {
		if !ok {
			out.AppendNull(1)
			return
		}
		out.AppendFrom(v, int(r), int(r)+1)
	})
}

// number reads a number as a float.
func number(v *column.Vector, r int) float64 {
	switch v.Type.Kind {
	case column.Float64:
		return v.Floats[r]
	case column.Uint64:
		return float64(v.Uints[r])
	}
	return float64(v.Ints[r])
}

// mean is what an average is made of.
type mean struct {
	sum float64
	n   int64
}

func joinMean(a, b mean) mean { return mean{a.sum + b.sum, a.n + b.n} }

// moments are count, mean and sum of squared deviations; they join as Chan,
// Golub and LeVeque (1979) show.
type moments struct{ n, mean, m2 float64 }

func joinMoments(a, b moments) moments {
	n := a.n + b.n
	d := b.mean - a.mean
	return moments{n, a.mean + d*b.n/n, a.m2 + b.m2 + d*d*a.n*b.n/n}
}

// variance emits a variance, or its root, of a sample or a population.
func variance(name string, out *column.Vector) func(moments, bool) {
	root := strings.HasPrefix(name, "stddev")
	less := 1.0
	if strings.HasSuffix(name, "_pop") {
		less = 0
	}
	return func(m moments, ok bool) {
		if !ok || m.n <= less {
			out.AppendNull(1)
			return
		}
		x := m.m2 / (m.n - less)
		if root {
			x = math.Sqrt(x)
		}
		out.Floats = append(out.Floats, x)
		out.Len++
	}
}
