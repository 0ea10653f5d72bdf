package exec

import (
	"context"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// BuildRoot is Build for a plan whose rows are rendered and sent. When there are
// more than a few batches of them, and Workers allows it, the plan runs in a
// goroutine of its own, up to two batches ahead of what takes them: reading and
// rendering cost about the same.
func BuildRoot(n plan.Node, env *Env) (Operator, error) {
	op, err := Build(n, env)
	if err != nil || env.Workers < 2 {
		return op, err
	}
	return &ahead{in: op, mem: account{budget: env.Budget}}, nil
}

// aheadAfter is how many batches are passed on before the goroutine is started:
// most answers end earlier, and are not to pay for it.
const aheadAfter = 3

// aheadBatches is how many batches there are: one with the consumer, the others
// full or being filled.
const aheadBatches = 3

// ahead yields the batches of in.
type ahead struct {
	in     Operator
	mem    account // of the copies
	passed int     // batches, by the caller's own goroutine
	alone  bool    // there is no memory to run ahead

	stop  context.CancelFunc // nil while there is no goroutine
	empty chan *column.Batch // to be filled; it has room for all
	full  chan filled        // closed when the goroutine has ended
	taken *column.Batch      // which the caller has
}

// filled is what the goroutine found.
type filled struct {
	batch    *column.Batch
	err      error
	panicked any
}

func (a *ahead) Next(ctx context.Context, b *column.Batch) error {
	if a.stop == nil {
		if a.alone || a.passed < aheadAfter {
			a.passed++
			return a.in.Next(ctx, b)
		}
		a.start(ctx)
	}
	if a.taken != nil {
		a.empty <- a.taken
		a.taken = nil
	}
	f, running := <-a.full
	switch {
	case !running:
		a.end()
		a.alone = true
		return a.in.Next(ctx, b)
	case f.panicked != nil:
		panic(f.panicked) // where it would have been without the goroutine
	case f.err != nil:
		return f.err
	}
	a.taken = f.batch
	*b = *f.batch
	return nil
}

// start begins to run ahead. The goroutine ends at the first error, when there
// is no memory for more copies, or with end.
func (a *ahead) start(ctx context.Context) {
	ctx, a.stop = context.WithCancel(ctx)
	a.empty, a.full = make(chan *column.Batch, aheadBatches), make(chan filled, aheadBatches)
	for range aheadBatches {
		a.empty <- &column.Batch{}
	}
	go func() {
		defer close(a.full)
		defer func() {
			if p := recover(); p != nil {
				a.full <- filled{panicked: p}
			}
		}()
		for a.fill(ctx) {
		}
	}()
}

// fill puts the next batch into full, and says whether to go on.
func (a *ahead) fill(ctx context.Context) bool {
	var copied *column.Batch
	select {
	case copied = <-a.empty:
	case <-ctx.Done():
		return false
	}
	var b column.Batch
	if err := a.in.Next(ctx, &b); err != nil {
		a.full <- filled{err: err}
		return false
	}
	copyRows(copied, &b)
	a.full <- filled{batch: copied}
	need := int64(aheadBatches * copied.Bytes())
	return need <= a.mem.held || a.mem.try(need) == nil
}

// copyRows makes dst all rows of a batch whose operator goes on meanwhile: nothing
// that it may write to is shared. Texts never change, but a dictionary may grow.
func copyRows(dst, src *column.Batch) {
	for i, v := range src.Cols {
		if i == len(dst.Cols) {
			dst.Cols = append(dst.Cols, &column.Vector{})
		}
		d := dst.Cols[i]
		d.Reset(v.Type)
		d.AppendFrom(v, 0, v.Len)
		ownDictionaries(d)
	}
	dst.Len = src.Len
}

func ownDictionaries(v *column.Vector) {
	if v.Dict != nil {
		v.Dict = &column.Dictionary{Values: v.Dict.Values}
	}
	for _, c := range v.Children {
		ownDictionaries(c)
	}
}

// end waits for the goroutine.
func (a *ahead) end() {
	if a.stop == nil {
		return
	}
	a.stop()
	for range a.full { // what it had filled already
	}
	a.stop, a.taken = nil, nil
	a.mem.release()
}

func (a *ahead) Close() error {
	a.end()
	return a.in.Close()
}
