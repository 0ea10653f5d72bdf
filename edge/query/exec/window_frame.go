package exec

import (
	"math"
	"sort"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store/column"
)

// frames finds the frame of each row of a partition: positions [from, to).
// Neither bound moves back from one row to the next.
type frames struct {
	plan.Frame
	p *partition
	// The one order key of a RANGE with offsets, and where it is not null.
	key     *column.Vector
	desc    bool
	lo, hi  int
	ordered bool
}

func (w *window) frames(f plan.Frame) *frames {
	fr := &frames{Frame: f, p: &w.chunk}
	offset := f.Start.Kind == plan.Preceding || f.Start.Kind == plan.Following || f.End.Kind == plan.Preceding || f.End.Kind == plan.Following
	if f.Unit != plan.FrameRange || !offset {
		return fr
	}
	fr.ordered = true
	fr.key = w.sort.keys.Cols[len(w.node.Partition)]
	fr.desc = w.node.Order[0].Desc
	fr.hi = len(fr.p.rows)
	for fr.lo < fr.hi && fr.key.IsNull(int(fr.p.rows[fr.lo])) {
		fr.lo++
	}
	for fr.hi > fr.lo && fr.key.IsNull(int(fr.p.rows[fr.hi-1])) {
		fr.hi--
	}
	return fr
}

// of returns the frame of position i.
func (f *frames) of(i int) (from, to int) {
	n := len(f.p.rows)
	from, to = f.bound(f.Start, i, false), f.bound(f.End, i, true)
	from, to = min(max(from, 0), n), min(max(to, 0), n)
	return from, max(from, to)
}

// bound is where a frame begins, or ends when end is set.
func (f *frames) bound(b plan.FrameBound, i int, end bool) int {
	switch b.Kind {
	case plan.UnboundedPreceding:
		return 0
	case plan.UnboundedFollowing:
		return len(f.p.rows)
	}
	if f.Unit == plan.FrameRange && b.Kind != plan.CurrentRow {
		return f.byValue(b, i, end)
	}
	offset := b.Offset.I
	switch b.Kind {
	case plan.CurrentRow:
		offset = 0
	case plan.Preceding:
		offset = -offset
	}
	at, limit := int64(i), int64(len(f.p.rows))
	if f.Unit != plan.FrameRows {
		at, limit = int64(f.p.group[i]), int64(len(f.p.starts)-1)
	}
	// The offset may be as large as an int64: no sum of it is taken unchecked.
	switch {
	case offset > limit:
		at = limit
	case offset < -limit-1:
		at = -1
	default:
		at += offset
	}
	if end {
		at++
	}
	at = min(max(at, 0), limit)
	if f.Unit != plan.FrameRows {
		return int(f.p.starts[at])
	}
	return int(at)
}

// byValue finds the bound of a RANGE by the value of the order key. A null has
// its peers for a frame.
func (f *frames) byValue(b plan.FrameBound, i int, end bool) int {
	if i < f.lo || i >= f.hi {
		g := f.p.group[i]
		if end {
			return int(f.p.starts[g+1])
		}
		return int(f.p.starts[g])
	}
	back := (b.Kind == plan.Preceding) != f.desc
	beyond := shifted(f.key, int(f.p.rows[i]), b.Offset, back)
	return f.lo + sort.Search(f.hi-f.lo, func(j int) bool {
		c := beyond(int(f.p.rows[f.lo+j]))
		if f.desc {
			c = -c
		}
		if end {
			return c > 0
		}
		return c >= 0
	})
}

// shifted returns how the key of a row compares with that of row i moved by an
// offset. Values beyond the type's range stop at its end.
func shifted(key *column.Vector, i int, offset expr.Value, back bool) func(row int) int {
	switch key.Type.Kind {
	case column.Float64:
		x := key.Floats[i] + offset.F
		if back {
			x = key.Floats[i] - offset.F
		}
		return func(r int) int { return compareFloats(key.Floats[r], x) }
	case column.Uint64:
		x, d := key.Uints[i], uint64(offset.I)
		switch {
		case !back && x+d >= x:
			x += d
		case !back:
			x = math.MaxUint64
		case d > x:
			x = 0
		default:
			x -= d
		}
		return func(r int) int { return compareOrdered(key.Uints[r], x) }
	case column.Timestamp:
		x := expr.Moved(key.Type, key.Ints[i], offset.Iv, back)
		return func(r int) int { return compareOrdered(key.Ints[r], x) }
	case column.Date:
		const day = 86400e9
		x := expr.Moved(column.Of(column.Timestamp), key.Ints[i]*day, offset.Iv, back)
		return func(r int) int { return compareOrdered(key.Ints[r]*day, x) }
	}
	x, d := key.Ints[i], offset.I
	switch {
	case back && x < math.MinInt64+d:
		x = math.MinInt64
	case back:
		x -= d
	case x > math.MaxInt64-d:
		x = math.MaxInt64
	default:
		x += d
	}
	return func(r int) int { return compareOrdered(key.Ints[r], x) }
}

func compareOrdered[T int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
