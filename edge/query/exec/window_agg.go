package exec

import (
	"tarn/edge/query/agg"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// aggregate computes an aggregate over the frame of each row.
func (p *partition) aggregate(c *plan.WindowCall, f *frames, args []*column.Vector, filter, out *column.Vector) error {
	// Frames that are the whole partition are computed once.
	if c.Frame.WholePartition() {
		return p.once(c, args, filter, out)
	}
	if slide := p.slider(c, args, filter, out); slide != nil {
		for i := range p.rows {
			slide(f.of(i))
			if i%BatchRows == 0 && p.ctx.Err() != nil {
				return p.ctx.Err()
			}
		}
		return nil
	}
	if c.Frame.Start.Kind == plan.UnboundedPreceding {
		return p.accumulate(c, f, args, filter, out)
	}
	return p.recompute(c, f, args, filter, out)
}

// framed is one aggregate over a range of a partition's rows.
type framed struct {
	p      *partition
	args   []*column.Vector
	filter *column.Vector
	groups []uint32
	skip   []bool
	values []*column.Vector
}

// add gives positions [from, to) to a state.
func (a *framed) add(s agg.State, from, to int) error {
	n := to - from
	rows := a.p.rows[from:to]
	for len(a.values) < len(a.args) {
		a.values = append(a.values, &column.Vector{})
	}
	for i, v := range a.args {
		a.values[i].Reset(v.Type)
		a.values[i].Gather(v, rows)
	}
	if cap(a.groups) < n {
		a.groups = make([]uint32, n)
	}
	var skip []bool
	if a.filter != nil {
		a.skip = a.skip[:0]
		for _, r := range rows {
			a.skip = append(a.skip, !passes(a.filter, int(r)))
		}
		skip = a.skip
	}
	return s.Update(a.groups[:n], a.values, skip, n)
}

// passes says whether FILTER is true for a row.
func passes(filter *column.Vector, r int) bool {
	return filter == nil || !filter.IsNull(r) && filter.Bools[r]
}

func newFramed(p *partition, args []*column.Vector, filter *column.Vector) *framed {
	return &framed{p: p, args: args, filter: filter}
}

// once computes one value for all rows.
func (p *partition) once(c *plan.WindowCall, args []*column.Vector, filter, out *column.Vector) error {
	s, err := agg.New(c.Spec)
	if err != nil {
		return err
	}
	s.Grow(1)
	if err := newFramed(p, args, filter).add(s, 0, len(p.rows)); err != nil {
		return err
	}
	one := column.NewVector(out.Type, 1)
	if err := s.Final(one, 0, 1); err != nil {
		return err
	}
	rows := make([]int32, len(p.rows)) // row 0 for all
	out.Gather(one, rows)
	return nil
}

// accumulate computes an aggregate of all rows up to the end of the frame.
func (p *partition) accumulate(c *plan.WindowCall, f *frames, args []*column.Vector, filter, out *column.Vector) error {
	s, err := agg.New(c.Spec)
	if err != nil {
		return err
	}
	s.Grow(1)
	a := newFramed(p, args, filter)
	added := -1
	for i := range p.rows {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		_, to := f.of(i)
		if to == added { // peers
			out.AppendFrom(out, out.Len-1, out.Len)
			if err := p.grown(out); err != nil {
				return err
			}
			continue
		}
		if err := a.add(s, max(added, 0), to); err != nil {
			return err
		}
		added = to
		if err := s.Final(out, 0, 1); err != nil {
			return err
		}
		if err := p.grown(out); err != nil {
			return err
		}
	}
	return nil
}

// recompute computes every frame anew: for aggregates of which nothing can be
// taken back or put together.
func (p *partition) recompute(c *plan.WindowCall, f *frames, args []*column.Vector, filter, out *column.Vector) error {
	a := newFramed(p, args, filter)
	lastFrom, lastTo := -1, -1
	for i := range p.rows {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		from, to := f.of(i)
		if from == lastFrom && to == lastTo { // peers
			out.AppendFrom(out, out.Len-1, out.Len)
			if err := p.grown(out); err != nil {
				return err
			}
			continue
		}
		lastFrom, lastTo = from, to
		s, err := agg.New(c.Spec)
		if err != nil {
			return err
		}
		s.Grow(1)
		if err := a.add(s, from, to); err != nil {
			return err
		}
		if err := s.Final(out, 0, 1); err != nil {
			return err
		}
		if err := p.grown(out); err != nil {
			return err
		}
	}
	return nil
}

// grown counts what the last row of a result holds beside its place: frames
// that grow make lists and texts of the square of the rows. The budget is asked
// a step at a time.
func (p *partition) grown(out *column.Vector) error {
	const step = 1 << 20
	last := out.Len - 1
	switch out.Type.Kind {
	case column.String:
		p.built += int64(len(out.Strings[last]))
	case column.List:
		p.built += 16 * int64(out.Offsets[last+1]-out.Offsets[last])
	}
	if p.built < step {
		return nil
	}
	n := p.built
	p.built = 0
	return p.mem.set(p.mem.held + n)
}

// slider returns a function that appends the aggregate of the next frame, or
// nil for aggregates that do not slide.
func (p *partition) slider(c *plan.WindowCall, args []*column.Vector, filter, out *column.Vector) func(from, to int) {
	switch {
	case c.Spec.Distinct || len(c.Spec.OrderBy) > 0 || c.Type.Kind == column.Null:
		return nil
	case c.Spec.Star:
		return slide(p, sum[int64], func(r int) (int64, bool) { return 1, passes(filter, r) }, zeroOr(out))
	case len(args) != 1:
		return nil
	}
	v := args[0]
	counts := func(r int) bool { return !v.IsNull(r) && passes(filter, r) }
	switch c.Spec.Name {
	case "count":
		return slide(p, sum[int64], func(r int) (int64, bool) { return 1, counts(r) }, zeroOr(out))
	case "sum":
		return slideSum(p, v, counts, out)
	case "avg":
		return slide(p, joinMean, func(r int) (mean, bool) { return mean{number(v, r), 1}, counts(r) },
			nullOr(out, func(m mean) { out.Floats = append(out.Floats, m.sum/float64(m.n)) }))
	case "stddev", "stddev_pop", "var", "var_pop":
		return slide(p, joinMoments, func(r int) (moments, bool) { return moments{n: 1, mean: number(v, r)}, counts(r) }, variance(c.Spec.Name, out))
	case "min", "max":
		return slideExtreme(p, v, c.Spec.Name == "min", counts, out)
	case "bool_and", "bool_or":
		or := c.Spec.Name == "bool_or"
		return slide(p, func(a, b bool) bool { return a && b || or && (a || b) }, func(r int) (bool, bool) { return v.Bools[r], counts(r) },
			nullOr(out, func(x bool) { out.Bools = append(out.Bools, x) }))
	}
	return nil
}
