package exec

import (
	"context"
	"io"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// maxFilled bounds the rows that gap filling makes: a nanosecond stride would
// never end.
const maxFilled = 10_000_000

// gapfill sorts the groups by series and time, and completes one series after
// the other.
type gapfill struct {
	node  *plan.GapFill
	sort  *sorter
	mem   account
	ready bool
	next  int // row in order at which the next series begins
	made  int

	series  []func(a, b int32) int // compare all keys but time
	src     []int32                // by bin: the row in it, or -1
	times   []int64
	results column.Batch // of the series at hand
	emitted int
	out     column.Batch
}

func newGapFill(n *plan.GapFill, env *Env) (Operator, error) {
	in, err := Build(n.Input, env)
	if err != nil {
		return nil, err
	}
	p := &project{in: in, ctx: env.context()}
	s := &plan.Sort{Top: -1}
	cols := n.Input.Columns()
	for i, c := range cols[:n.Keys] {
		e := expr.NewColumn(i, c.Name, c.Type)
		p.exprs = append(p.exprs, e)
		if i != n.Time {
			s.Keys = append(s.Keys, plan.SortKey{Expr: e})
		}
	}
	s.Keys = append(s.Keys, plan.SortKey{Expr: p.exprs[n.Time]})
	for _, f := range n.Fills {
		p.exprs = append(p.exprs, f.Expr)
	}
	return &gapfill{node: n, mem: account{budget: env.Budget},
		sort: &sorter{node: s, in: p, ctx: env.context(), mem: account{budget: env.Budget}}}, nil
}

func (g *gapfill) Next(ctx context.Context, b *column.Batch) error {
	if !g.ready {
		if err := drain(ctx, g.sort.in, g.sort.add); err != nil {
			return err
		}
		g.sort.sort()
		if len(g.sort.compares) > 0 {
			g.series = g.sort.compares[:len(g.sort.compares)-1]
		}
		g.ready = true
	}
	for g.emitted == g.results.Len {
		if g.next == len(g.sort.order) {
			return io.EOF
		}
		if err := g.fill(ctx); err != nil {
			return err
		}
	}
	n := min(BatchRows, g.results.Len-g.emitted)
	g.out = column.Batch{}
	appendRows(&g.out, &g.results, g.emitted, g.emitted+n)
	g.emitted += n
	*b = g.out
	return nil
}

// fill completes the next series, and those after it until there is a batch.
func (g *gapfill) fill(ctx context.Context) error {
	g.results.Len, g.emitted = 0, 0
	for i, c := range g.node.Output {
		if i == len(g.results.Cols) {
			g.results.Cols = append(g.results.Cols, &column.Vector{})
		}
		g.results.Cols[i].Reset(c.Type)
	}
	for g.next < len(g.sort.order) && g.results.Len < BatchRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := g.bins(); err != nil {
			return err
		}
		g.columns()
	}
	return g.mem.set(int64(g.results.Bytes() + 12*cap(g.src)))
}

// bins lists the bins of the next series, with the rows that are there. Rows
// without a time follow.
func (g *gapfill) bins() error {
	order := g.sort.order[g.next:]
	n := 1
	for n < len(order) && g.same(order[0], order[n]) {
		n++
	}
	rows := order[:n]
	g.next += n
	time := g.sort.rows.Cols[g.node.Time]
	g.src, g.times = g.src[:0], g.times[:0]
	put := func(t int64, row int32) error {
		if g.made++; g.made > maxFilled {
			return &plan.Error{Class: plan.Resources, Msg: "Resources exhausted: gap filling makes more than 10000000 rows: choose a longer interval or a shorter time range"}
		}
		g.src, g.times = append(g.src, row), append(g.times, t)
		if g.made%BatchRows == 0 {
			return g.mem.set(int64(12 * cap(g.src)))
		}
		return nil
	}
	i := 0
	for bin, last := g.node.Bins.Start(g.node.Lo), g.node.Hi; bin <= last; {
		row := int32(-1)
		for i < n && !time.IsNull(int(rows[i])) && time.Ints[rows[i]] < bin {
			if err := put(time.Ints[rows[i]], rows[i]); err != nil {
				return err
			}
			i++
		}
		if i < n && !time.IsNull(int(rows[i])) && time.Ints[rows[i]] == bin {
			row = rows[i]
			i++
		}
		if err := put(bin, row); err != nil {
			return err
		}
		next := g.node.Bins.After(bin)
		if next <= bin {
			break
		}
		bin = next
	}
	for ; i < n; i++ {
		if err := put(time.Ints[rows[i]], rows[i]); err != nil {
			return err
		}
	}
	g.results.Len += len(g.src)
	return g.keys(rows[0], time)
}

func (g *gapfill) same(a, b int32) bool {
	for _, c := range g.series {
		if c(a, b) != 0 {
			return false
		}
	}
	return true
}

// keys appends the series' key values and the times.
func (g *gapfill) keys(first int32, time *column.Vector) error {
	for k := range g.node.Keys {
		out := g.results.Cols[k]
		if k != g.node.Time {
			v := g.sort.rows.Cols[k]
			if v.Type.Kind != out.Type.Kind { // dictionaries that differed
				out.Type = v.Type
			}
			same := make([]int32, len(g.src))
			for i := range same {
				same[i] = first
			}
			out.Gather(v, same)
			continue
		}
		for i, t := range g.times {
			if r := g.src[i]; r >= 0 && time.IsNull(int(r)) {
				out.AppendNull(1)
				continue
			}
			out.Ints = append(out.Ints, t)
			out.Len++
		}
	}
	return nil
}

// columns appends the filled columns.
func (g *gapfill) columns() {
	for i, f := range g.node.Fills {
		v, out := g.sort.rows.Cols[g.node.Keys+i], g.results.Cols[g.node.Keys+i]
		switch f.Mode {
		case plan.FillPrevious:
			last := int32(-1)
			for _, r := range g.src {
				if r >= 0 && !v.IsNull(int(r)) {
					last = r
				}
				appendOrNull(out, v, last)
			}
		case plan.FillLinear:
			g.interpolate(out, v)
		case plan.FillValue:
			for _, r := range g.src {
				if r >= 0 && !v.IsNull(int(r)) {
					out.AppendFrom(v, int(r), int(r)+1)
				} else {
					f.Value.AppendTo(out)
				}
			}
		default:
			for _, r := range g.src {
				appendOrNull(out, v, r)
			}
		}
	}
}

func appendOrNull(out, v *column.Vector, row int32) {
	if row < 0 {
		out.AppendNull(1)
		return
	}
	out.AppendFrom(v, int(row), int(row)+1)
}

// interpolate appends a column whose gaps lie on the lines between the values
// around them.
func (g *gapfill) interpolate(out, v *column.Vector) {
	value, into := v, out
	if v.Type.Kind == column.Struct {
		value, into = v.Children[0], out.Children[0]
	}
	before := -1 // the bin of the latest value
	after := 0   // that of the next one, from the current bin on
	known := func(i int) bool {
		r := g.src[i]
		return r >= 0 && !v.IsNull(int(r)) && !value.IsNull(int(r))
	}
	for i, r := range g.src {
		if known(i) {
			before = i
			out.AppendFrom(v, int(r), int(r)+1)
			continue
		}
		for after = max(after, i); after < len(g.src) && !known(after); after++ { //nolint:revive // only looks
		}
		if before < 0 || after == len(g.src) {
			out.AppendNull(1)
			continue
		}
		x0, x1 := number(value, int(g.src[before])), number(value, int(g.src[after]))
		m := (x1 - x0) / float64(g.times[after]-g.times[before])
		x := float64(m*float64(g.times[i]-g.times[before])) + x0
		switch into.Type.Kind {
		case column.Float64:
			into.Floats = append(into.Floats, x)
		case column.Uint64:
			into.Uints = append(into.Uints, uint64(x))
		default:
			into.Ints = append(into.Ints, int64(x))
		}
		into.Len++
		if into != out {
			for _, c := range out.Children[1:] {
				c.AppendNull(1)
			}
			out.Len++
		}
	}
}

func (g *gapfill) Close() error {
	g.mem.release()
	return g.sort.Close()
}
