package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"tarn/edge/query/spill"
	"tarn/store/column"
)

// runs are sorted rows in temporary files, and what merges them.
type runs struct {
	all     []*spill.Run
	merge   *merger
	written int64 // bytes, those of runs that were merged into longer ones too
}

// Between minFanIn and maxFanIn runs are merged at once, as many as there is
// memory for: more are merged in steps.
const (
	minFanIn = 4
	maxFanIn = 24
)

// mergeBytes is what a merge takes of each run: a block, packed and not, and its
// rows.
const mergeBytes = 4 * spill.BlockBytes

// add writes the rows of a batch, in an order, as a run.
func (r *runs) add(space *spill.Space, b *column.Batch, order []int32) error {
	w, err := space.NewWriter()
	if err != nil {
		return err
	}
	var piece column.Batch
	for len(order) > 0 && err == nil {
		n := min(len(order), BatchRows/4)
		gatherRows(&piece, b, order[:n])
		order = order[n:]
		err = w.Append(&piece)
	}
	return r.end(w, err)
}

// end keeps a run that was written, or removes what there is of it.
func (r *runs) end(w *spill.Writer, err error) error {
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	run := w.Finish()
	r.written += run.Bytes()
	r.all = append(r.all, run)
	return nil
}

// begin prepares to yield the first width columns of the first top rows of all
// runs, merging up to fan of them at once; a negative top means all rows.
func (r *runs) begin(ctx context.Context, space *spill.Space, fan int, keys []mergeKey, width int, top int64) error {
	for len(r.all) > fan {
		if err := r.combine(ctx, space, fan, keys); err != nil {
			return err
		}
	}
	var err error
	r.merge, err = newMerger(r.all, keys, width, top)
	return err
}

// combine merges neighbouring runs into fewer ones.
func (r *runs) combine(ctx context.Context, space *spill.Space, fan int, keys []mergeKey) error {
	old := r.all
	r.all = nil
	for len(old) > 0 {
		n := min(fan, len(old))
		if err := r.one(ctx, space, keys, old[:n]); err != nil {
			r.all = append(r.all, old...) // to be closed
			return err
		}
		for i, o := range old[:n] {
			if err := o.Close(); err != nil {
				r.all = append(r.all, old[i+1:]...)
				return err
			}
		}
		old = old[n:]
	}
	return nil
}

// one merges runs into one.
func (r *runs) one(ctx context.Context, space *spill.Space, keys []mergeKey, from []*spill.Run) error {
	m, err := newMerger(from, keys, -1, -1)
	if err != nil {
		return err
	}
	w, err := space.NewWriter()
	if err != nil {
		return err
	}
	return r.end(w, drain(ctx, m, w.Append))
}

func (r *runs) note() string { return spilledNote(r.written) }

// spilledNote is what EXPLAIN ANALYZE says of temporary files.
func spilledNote(written int64) string {
	if written == 0 {
		return ""
	}
	return fmt.Sprintf("spilled_bytes=%d", written)
}

func (r *runs) close() error {
	var errs []error
	for _, run := range r.all {
		errs = append(errs, run.Close())
	}
	r.all, r.merge = nil, nil
	return errors.Join(errs...)
}

// mergeKey is a column to merge by.
type mergeKey struct {
	column           int
	desc, nullsFirst bool
}

// merger yields the rows of sorted runs in order. Of equal rows those of earlier
// runs come first.
type merger struct {
	keys  []mergeKey
	width int // columns to yield, negative for all
	left  int64
	heads []*mergeHead // a heap
	out   column.Batch
}

// mergeHead is the next row of a run.
type mergeHead struct {
	reader *spill.Reader
	number int // of the run
	batch  column.Batch
	row    int
}

func newMerger(runs []*spill.Run, keys []mergeKey, width int, top int64) (*merger, error) {
	m := &merger{keys: keys, width: width, left: top}
	for i, r := range runs {
		h := &mergeHead{reader: r.NewReader(), number: i}
		switch err := h.reader.Next(&h.batch); {
		case errors.Is(err, io.EOF):
		case err != nil:
			return nil, err
		default:
			m.heads = append(m.heads, h)
		}
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// Next is Operator's.
func (m *merger) Next(ctx context.Context, b *column.Batch) error {
	m.out.Len = 0
	for _, c := range m.out.Cols {
		c.Reset(c.Type)
	}
	for m.out.Len < BatchRows && len(m.heads) > 0 && m.left != 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.step(); err != nil {
			return err
		}
	}
	if m.out.Len == 0 {
		return io.EOF
	}
	*b = m.out
	return nil
}

// step yields the rows of the first run that come before those of all others.
func (m *merger) step() error {
	h := m.heads[0]
	most := min(h.batch.Len-h.row, BatchRows-m.out.Len)
	if m.left >= 0 {
		most = int(min(int64(most), m.left))
	}
	from := h.row
	for h.row++; h.row-from < most && m.first(); h.row++ {
	}
	n := h.row - from
	rows := h.batch
	if m.width >= 0 {
		rows.Cols = rows.Cols[:m.width]
	}
	if len(rows.Cols) > 0 {
		appendRows(&m.out, &rows, from, h.row)
	} else {
		m.out.Len += n
	}
	if m.left > 0 {
		m.left -= int64(n)
	}
	if h.row == h.batch.Len {
		err := h.reader.Next(&h.batch)
		h.row = 0
		switch {
		case errors.Is(err, io.EOF):
			last := len(m.heads) - 1
			m.heads[0] = m.heads[last]
			m.heads = m.heads[:last]
		case err != nil:
			return err
		}
	}
	m.down(0)
	return nil
}

// first says whether the head at the top still comes first.
func (m *merger) first() bool {
	for i := 1; i <= 2 && i < len(m.heads); i++ {
		if m.compare(m.heads[i], m.heads[0]) < 0 {
			return false
		}
	}
	return true
}

// down restores the heap below place i.
func (m *merger) down(i int) {
	for {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < len(m.heads); k++ {
			if m.compare(m.heads[k], m.heads[least]) < 0 {
				least = k
			}
		}
		if least == i {
			return
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}

func (m *merger) compare(a, b *mergeHead) int {
	for _, k := range m.keys {
		if c := k.compare(a.batch.Cols[k.column], a.row, b.batch.Cols[k.column], b.row); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.number, b.number)
}

// Close is Operator's; the runs belong to somebody else.
func (m *merger) Close() error { return nil }

func (k mergeKey) compare(u *column.Vector, i int, v *column.Vector, j int) int {
	switch x, y := u.IsNull(i), v.IsNull(j); {
	case x && y:
		return 0
	case x:
		return order(k.nullsFirst)
	case y:
		return -order(k.nullsFirst)
	}
	if k.desc {
		return compareValues(v, j, u, i)
	}
	return compareValues(u, i, v, j)
}

// compareValues compares row i of u with row j of v, which are of one type but
// that texts may be coded or not. Neither row is null.
func compareValues(u *column.Vector, i int, v *column.Vector, j int) int {
	switch u.Type.Kind {
	case column.Null:
		return 0
	case column.Uint64:
		return cmp.Compare(u.Uints[i], v.Uints[j])
	case column.Float64:
		return compareFloats(u.Floats[i], v.Floats[j])
	case column.Bool:
		return cmp.Compare(boolInt(u.Bools[i]), boolInt(v.Bools[j]))
	case column.String, column.Dict:
		if u.Dict != nil && u.Dict == v.Dict && u.Codes[i] == v.Codes[j] {
			return 0
		}
		return strings.Compare(u.Text(i), v.Text(j))
	case column.IntervalKind:
		x, y := u.Intervals[i], v.Intervals[j]
		return cmp.Or(cmp.Compare(x.Months, y.Months), cmp.Compare(x.Days, y.Days), cmp.Compare(x.Nanos, y.Nanos))
	case column.Struct:
		for f := range u.Children {
			if c := (mergeKey{}).compare(u.Children[f], i, v.Children[f], j); c != 0 {
				return c
			}
		}
		return 0
	case column.List:
		x, y := int(u.Offsets[i]), int(v.Offsets[j])
		for ; x < int(u.Offsets[i+1]) && y < int(v.Offsets[j+1]); x, y = x+1, y+1 {
			if c := (mergeKey{}).compare(u.Children[0], x, v.Children[0], y); c != 0 {
				return c
			}
		}
		return cmp.Compare(int(u.Offsets[i+1])-x, int(v.Offsets[j+1])-y)
	}
	return cmp.Compare(u.Ints[i], v.Ints[j])
}
