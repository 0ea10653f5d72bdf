package exec

import (
	"sort"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// rank computes the functions that number rows.
func (p *partition) rank(c *plan.WindowCall, out *column.Vector) {
	n := len(p.rows)
	base := out.Len
	out.SetLen(base + n)
	var ranks []uint64
	var floats []float64
	if c.Type.Kind == column.Float64 {
		floats = out.Floats[base:]
	} else {
		ranks = out.Uints[base:]
	}
	var bucket buckets
	if c.Func == "ntile" {
		k := int(min(c.Offset, int64(n)))
		bucket = buckets{size: n / k, longer: n % k}
	}
	for i := range n {
		g := p.group[i]
		switch c.Func {
		case "row_number":
			ranks[i] = uint64(i + 1)
		case "rank":
			ranks[i] = uint64(p.starts[g] + 1)
		case "dense_rank":
			ranks[i] = uint64(g + 1)
		case "ntile":
			ranks[i] = uint64(bucket.of(i) + 1)
		case "percent_rank":
			floats[i] = 0
			if n > 1 {
				floats[i] = float64(p.starts[g]) / float64(n-1)
			}
		case "cume_dist":
			floats[i] = float64(p.starts[g+1]) / float64(n)
		}
	}
}

// buckets are of equal size, the first few longer by one.
type buckets struct{ size, longer int }

func (b buckets) of(i int) int {
	if head := b.longer * (b.size + 1); i >= head {
		return b.longer + (i-head)/b.size
	}
	return i / (b.size + 1)
}

// shift computes lag and lead: the value some rows before or after, of those
// that are not null when nulls are ignored.
func (p *partition) shift(c *plan.WindowCall, arg, out *column.Vector) {
	usable := p.usable(c, arg)
	at := 0 // usable rows before the current one
	for i, r := range p.rows {
		counts := at < len(usable) && int(usable[at]) == i
		var target int64
		switch {
		case c.Func == "lag":
			target = int64(at) - c.Offset
		case counts || c.Offset <= 0:
			target = int64(at) + c.Offset
		default: // the current row is no step itself
			target = int64(at) + c.Offset - 1
		}
		switch {
		case c.Offset == 0:
			out.AppendFrom(arg, int(r), int(r)+1)
		case target >= 0 && target < int64(len(usable)):
			r := p.rows[usable[target]]
			out.AppendFrom(arg, int(r), int(r)+1)
		default:
			c.Default.AppendTo(out)
		}
		if counts {
			at++
		}
	}
}

// usable are the positions whose values count.
func (p *partition) usable(c *plan.WindowCall, arg *column.Vector) []int32 {
	out := make([]int32, 0, len(p.rows))
	for i, r := range p.rows {
		if !c.IgnoreNulls || !arg.IsNull(int(r)) {
			out = append(out, int32(i))
		}
	}
	return out
}

// pick computes first_value, last_value and nth_value over the frame.
func (p *partition) pick(c *plan.WindowCall, f *frames, arg, out *column.Vector) {
	usable := p.usable(c, arg)
	before := func(position int) int {
		return sort.Search(len(usable), func(j int) bool { return int(usable[j]) >= position })
	}
	for i := range p.rows {
		from, to := f.of(i)
		lo, hi := before(from), before(to)
		at := int64(lo)
		switch {
		case c.Func == "last_value":
			at = int64(hi) - 1
		case c.Offset > 0:
			at = int64(lo) + min(c.Offset, int64(hi-lo)+1) - 1
		case c.Offset < 0:
			at = int64(hi) + max(c.Offset, int64(lo-hi)-1)
		}
		if at < int64(lo) || at >= int64(hi) {
			out.AppendNull(1)
			continue
		}
		r := int(p.rows[usable[at]])
		out.AppendFrom(arg, r, r+1)
	}
}

// change computes difference and derivative: from the value before that is not
// null. The non-negative forms leave out what fell.
func (p *partition) change(c *plan.WindowCall, args []*column.Vector, out *column.Vector) {
	v := args[0]
	last := -1
	positive := c.Func == "non_negative_difference" || c.Func == "non_negative_derivative"
	for _, row := range p.rows {
		r := int(row)
		if v.IsNull(r) || len(args) > 1 && args[1].IsNull(r) {
			out.AppendNull(1)
			continue
		}
		from := last
		last = r
		switch {
		case from < 0:
			out.AppendNull(1)
		case len(args) > 1:
			elapsed := float64(args[1].Ints[r]-args[1].Ints[from]) / float64(c.Offset)
			d := delta(v, from, r) / elapsed
			if elapsed == 0 || positive && d < 0 {
				out.AppendNull(1)
				continue
			}
			out.Floats = append(out.Floats, d)
			out.Len++
		case c.Type.Kind == column.Float64:
			d := v.Floats[r] - v.Floats[from]
			if positive && d < 0 {
				out.AppendNull(1)
				continue
			}
			out.Floats = append(out.Floats, d)
			out.Len++
		default:
			d := intDelta(v, from, r)
			if positive && d < 0 {
				out.AppendNull(1)
				continue
			}
			out.Ints = append(out.Ints, d)
			out.Len++
		}
	}
}

func delta(v *column.Vector, from, to int) float64 {
	if v.Type.Kind == column.Float64 {
		return v.Floats[to] - v.Floats[from]
	}
	return float64(intDelta(v, from, to))
}

// intDelta wraps, as subtraction does everywhere.
func intDelta(v *column.Vector, from, to int) int64 {
	if v.Type.Kind == column.Uint64 {
		return int64(v.Uints[to] - v.Uints[from])
	}
	return v.Ints[to] - v.Ints[from]
}
