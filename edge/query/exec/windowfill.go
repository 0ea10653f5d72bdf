package exec

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// windowFill holds one series at a time: a value to interpolate towards may
// come late.
type windowFill struct {
	node   *plan.WindowFill
	in     Operator
	mem    account
	series seriesRuns
	input  column.Batch
	starts []int32 // of series in input, not yet taken
	at     int     // rows of input that are taken
	eof    bool
	held   column.Batch // the rows of the current series
	out    column.Batch // the current series filled
	sent   int
	slice  column.Batch
}

func newWindowFill(n *plan.WindowFill, in Operator, env *Env) *windowFill {
	return &windowFill{node: n, in: in, mem: account{budget: env.Budget}, series: seriesRuns{cols: n.Series}}
}

func (f *windowFill) Next(ctx context.Context, b *column.Batch) error {
	for f.sent >= f.out.Len {
		if err := f.gather(ctx); err != nil {
			return err
		}
		if f.held.Len == 0 {
			return io.EOF
		}
		if err := f.fill(ctx); err != nil {
			return err
		}
	}
	to := min(f.sent+BatchRows, f.out.Len)
	if f.sent == 0 && to == f.out.Len {
		*b = f.out
	} else {
		f.slice = column.Batch{}
		appendRows(&f.slice, &f.out, f.sent, to)
		*b = f.slice
	}
	f.sent = to
	return nil
}

// gather reads the rows of the next series into held.
func (f *windowFill) gather(ctx context.Context) error {
	f.held = column.Batch{}
	for {
		if f.at >= f.input.Len {
			if f.eof {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			err := f.in.Next(ctx, &f.input)
			if errors.Is(err, io.EOF) {
				f.eof = true
				f.input.Len = 0
				return nil
			}
			if err != nil {
				return err
			}
			f.starts, f.at = f.series.mark(&f.input), 0
		}
		to := f.input.Len
		if len(f.starts) > 0 && int(f.starts[0]) == f.at {
			if f.held.Len > 0 {
				return nil // the next series begins here
			}
			f.starts = f.starts[1:]
		}
		if len(f.starts) > 0 {
			to = int(f.starts[0])
		}
		appendRows(&f.held, &f.input, f.at, to)
		f.at = to
		if err := f.mem.set(int64(2 * f.held.Bytes())); err != nil {
			return err
		}
	}
}

// fill lays the held rows on the grid of windows.
func (f *windowFill) fill(ctx context.Context) error {
	n := f.node
	times := f.held.Cols[n.Time].Ints
	first, last := n.First, n.Last
	if n.FromFirst {
		first = times[0]
	}
	if n.ToLast {
		last = times[f.held.Len-1]
	}
	before := func(a, b int64) bool { return a < b != n.Desc && a != b }
	var grid []int64
	var from []int32 // row of held, or -1
	row := 0
	for t := first; ; t = n.Next(t) {
		// Rows off the grid - at a change of the clocks - stay where they are.
		for row < f.held.Len && before(times[row], t) {
			grid, from = append(grid, times[row]), append(from, int32(row))
			row++
		}
		if before(last, t) {
			break
		}
		if row < f.held.Len && times[row] == t {
			from = append(from, int32(row))
			row++
		} else {
			from = append(from, -1)
		}
		grid = append(grid, t)
		if n.MaxWindows > 0 && int64(len(grid)) > n.MaxWindows {
			return &plan.Error{Class: plan.Resources, Msg: fmt.Sprintf("max-select-buckets limit exceeded: (%d/%d)", len(grid), n.MaxWindows)}
		}
		if len(grid)%BatchRows == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := f.mem.set(int64(2*f.held.Bytes() + len(grid)*(12+16*len(f.held.Cols)))); err != nil {
				return err
			}
		}
	}
	for ; row < f.held.Len; row++ {
		grid, from = append(grid, times[row]), append(from, int32(row))
	}
	f.sent = 0
	f.out = column.Batch{Len: len(grid)}
	isKey := make([]bool, len(f.held.Cols))
	for _, c := range n.Series {
		isKey[c] = true
	}
	for i, v := range f.held.Cols {
		switch {
		case i == n.Time:
			t := column.NewVector(v.Type, len(grid))
			t.SetLen(len(grid))
			copy(t.Ints, grid)
			f.out.Cols = append(f.out.Cols, t)
		case isKey[i]:
			f.out.Cols = append(f.out.Cols, gathered(v, make([]int32, len(grid))))
		default:
			f.out.Cols = append(f.out.Cols, f.column(v, n.Fills[i], grid, from))
		}
	}
	return nil
}

// column lays one column on the grid.
func (f *windowFill) column(v *column.Vector, fill plan.Fill, grid []int64, from []int32) *column.Vector {
	out := column.NewVector(v.Type, len(grid))
	known := -1 // position on the grid of the latest value
	for i, row := range from {
		if row >= 0 && !v.IsNull(int(row)) {
			out.AppendFrom(v, int(row), int(row)+1)
			known = i
			continue
		}
		out.AppendNull(1)
		if known >= 0 && fill.Mode == plan.FillPrevious {
			out.SetLen(i)
			out.AppendFrom(v, int(from[known]), int(from[known])+1)
		}
	}
	switch fill.Mode {
	case plan.FillValue:
		f.constant(out, v, fill.Value, from)
	case plan.FillLinear:
		f.linear(out, grid)
	}
	return out
}

// constant fills a column that has any value. Without a lower bound a column
// begins at its own first value.
func (f *windowFill) constant(out, v *column.Vector, value expr.Value, from []int32) {
	begun := f.node.Always
	for i := range v.Len {
		begun = begun || !v.IsNull(i)
	}
	if !begun {
		return
	}
	begun = !f.node.FromFirst || f.node.Always
	for i := range from {
		if !out.IsNull(i) {
			begun = true
			continue
		}
		if !begun {
			continue
		}
		switch out.Type.Kind {
		case column.Int64:
			out.Ints[i] = value.I
		case column.Uint64:
			out.Uints[i] = value.U
		case column.Float64:
			out.Floats[i] = value.F
		case column.Bool:
			out.Bools[i] = value.B
		case column.String:
			out.Strings[i] = value.S
		}
		out.Nulls.Clear(i)
	}
}

// linear interpolates by windows, as in InfluxDB: v0 + (v1-v0)*k/m.
func (f *windowFill) linear(out *column.Vector, grid []int64) {
	if !out.Type.IsNumeric() {
		return
	}
	known := -1
	var ends [4]int // the first two values and the last two
	values := 0
	for i := range grid {
		if out.IsNull(i) {
			continue
		}
		if values < 2 {
			ends[values] = i
		}
		values++
		ends[2], ends[3] = ends[3], i
		for j := known + 1; known >= 0 && j < i; j++ {
			k, m := float64((grid[j]-grid[known])/f.node.Length), float64((grid[i]-grid[known])/f.node.Length)
			switch out.Type.Kind {
			case column.Float64:
				a, b := out.Floats[known], out.Floats[i]
				out.Floats[j] = float64((b-a)/m*k) + a
			case column.Uint64:
				a, b := float64(out.Uints[known]), float64(out.Uints[i])
				out.Uints[j] = uint64(float64((b-a)/m*k) + a)
			default:
				a, b := float64(out.Ints[known]), float64(out.Ints[i])
				out.Ints[j] = int64(float64((b-a)/m*k) + a)
			}
		}
		if known >= 0 {
			for j := known + 1; j < i; j++ {
				out.Nulls.Clear(j)
			}
		}
		known = i
	}
	if f.node.Extrapolate && values > 1 && out.Type.Kind == column.Float64 {
		f.extrapolate(out, grid, 0, ends[0], ends[0], ends[1])
		f.extrapolate(out, grid, ends[3]+1, len(grid), ends[2], ends[3])
	}
}

// extrapolate puts rows [from, to) on the line through rows i and j.
func (f *windowFill) extrapolate(out *column.Vector, grid []int64, from, to, i, j int) {
	slope := (out.Floats[j] - out.Floats[i]) / float64(grid[j]-grid[i])
	for k := from; k < to; k++ {
		out.Floats[k] = out.Floats[i] + float64(slope*float64(grid[k]-grid[i]))
		out.Nulls.Clear(k)
	}
}

func (f *windowFill) Close() error {
	f.mem.release()
	return f.in.Close()
}
