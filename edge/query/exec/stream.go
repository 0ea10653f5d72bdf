package exec

import (
	"context"
	"errors"
	"io"

	"tarn/edge/query/agg"
	"tarn/store"
	"tarn/store/column"
)

// restart begins again with input in order, for an aggregation whose groups
// need more memory than there is.
func (a *aggregate) restart() error {
	if err := a.in.Close(); err != nil {
		return err
	}
	a.mem.release()
	a.node.Stream.Order = store.SeriesTime
	in, err := Build(a.node.Input, a.env)
	if err != nil {
		return err
	}
	a.in, a.streaming = in, true
	a.at, a.groups = 0, nil
	return a.fresh()
}

// fresh makes empty groups.
func (a *aggregate) fresh() (err error) {
	types := make([]column.Type, len(a.node.Keys))
	for i, k := range a.node.Keys {
		types[i] = k.Type()
	}
	if a.groups, err = newGrouper(types); err != nil {
		return err
	}
	a.states = a.states[:0]
	for _, c := range a.node.Aggs {
		s, err := agg.New(c.Spec)
		if err != nil {
			return err
		}
		a.states = append(a.states, s)
	}
	return nil
}

// streamGroups is how many complete groups are worth a batch.
const streamGroups = 1024

// stream takes in rows until there are groups to which no more will come, and
// leaves these to be emitted.
func (a *aggregate) stream(ctx context.Context) error {
	if err := a.fresh(); err != nil {
		return err
	}
	a.at = 0
	if a.rest.Len > 0 { // rows of the group that was the last one
		rest := a.rest
		a.rest = column.Batch{}
		if err := a.add(&rest); err != nil {
			return err
		}
	}
	var b column.Batch
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := a.in.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			a.finished = true
			return nil
		}
		if err != nil {
			return err
		}
		from, err := a.lastRun(&b)
		if err != nil {
			return err
		}
		// Only whole runs are added, so that what is there is complete once the
		// next one begins.
		if from > 0 && a.groups.n >= streamGroups {
			var head column.Batch
			appendRows(&head, &b, 0, from)
			appendRows(&a.rest, &b, from, b.Len)
			return a.add(&head)
		}
		if err := a.add(&b); err != nil {
			return err
		}
	}
}

// lastRun is where the last rows of equal keys of a batch begin.
func (a *aggregate) lastRun(b *column.Batch) (int, error) {
	a.ctx.Reset()
	from := 0
	for _, k := range a.node.Keys {
		v, err := k.Eval(a.ctx, b)
		if err != nil {
			return 0, err
		}
		i := b.Len - 1
		for i > from && sameValue(v, i-1, i) {
			i--
		}
		from = max(from, i)
	}
	return from, nil
}

// sameValue says whether two rows of a vector make the same group.
func sameValue(v *column.Vector, i, j int) bool {
	if v.IsNull(i) || v.IsNull(j) {
		return v.IsNull(i) && v.IsNull(j)
	}
	switch v.Type.Kind {
	case column.Bool:
		return v.Bools[i] == v.Bools[j]
	case column.Uint64:
		return v.Uints[i] == v.Uints[j]
	case column.Float64:
		return compareFloats(v.Floats[i], v.Floats[j]) == 0
	case column.String, column.Dict:
		return v.Text(i) == v.Text(j)
	}
	return v.Ints[i] == v.Ints[j]
}
