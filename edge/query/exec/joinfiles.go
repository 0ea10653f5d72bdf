package exec

import (
	"context"
	"errors"
	"hash/maphash"
	"io"

	"tarn/edge/query/expr"
	"tarn/edge/query/spill"
	"tarn/store/column"
)

// joinFiles are both inputs of a join that has no memory for the rows to keep,
// divided by the hashes of the keys: rows with equal keys are in files of one
// number. Each pair of files is joined by itself, and may be divided again.
type joinFiles struct {
	space *spill.Space // nil: there are none
	depth int          // of the rows that are being joined

	keys        *grouper // hashes keys; without groups
	seed        maphash.Seed
	left, right [overflowParts]*spill.Writer
	rows        [overflowParts][]int32
	piece       column.Batch

	divided bool
	todo    []joinPart
	part    *join // that is being yielded
	written int64
}

// joinPart is a pair of files; one of them may be nil.
type joinPart struct {
	left, right *spill.Run
	depth       int
}

// divisible says whether there may be files: there must be keys, and every row
// must be able to tell its fate from the rows with equal keys. That of NOT IN
// depends on all of them.
func (j *join) divisible() bool {
	return j.files.space != nil && j.files.depth < overflowDepth && len(j.rightKeys) > 0 && !j.node.NullAware
}

// hold accounts for n bytes of kept rows. It says no when they must go to files.
func (j *join) hold(n int64) (bool, error) {
	if n <= leastRun || !j.divisible() {
		return true, j.mem.set(n)
	}
	return j.mem.try(n) == nil, nil
}

// beginFiles goes over to files.
func (j *join) beginFiles() error {
	var types []column.Type
	for _, k := range j.rightKeys {
		types = append(types, k.Type())
	}
	var err error
	if j.files.keys, err = newGrouper(types); err != nil {
		return err
	}
	j.files.keys.freeze()
	j.files.seed, j.files.divided = maphash.MakeSeed(), true
	return nil
}

// divideInputs writes what is left of both inputs to files.
func (j *join) divideInputs(ctx context.Context) error {
	if err := drain(ctx, j.right, func(b *column.Batch) error { return j.divide(j.rightKeys, b, &j.files.right) }); err != nil {
		return err
	}
	if err := drain(ctx, j.left, func(b *column.Batch) error { return j.divide(j.leftKeys, b, &j.files.left) }); err != nil {
		return err
	}
	f := &j.files
	depth, rights := f.depth+1, 0
	for i := range f.left {
		p := joinPart{left: f.finish(&f.left[i]), right: f.finish(&f.right[i])}
		if p.right != nil {
			rights++
		}
		if p.left != nil || p.right != nil {
			f.todo = append(f.todo, p)
		}
	}
	if rights == 1 && f.depth > 0 {
		depth = overflowDepth // one key has all of them: it is of no use
	}
	for i := range f.todo {
		f.todo[i].depth = depth
	}
	return nil
}

func (f *joinFiles) finish(w **spill.Writer) *spill.Run {
	if *w == nil {
		return nil
	}
	run := (*w).Finish()
	*w = nil
	f.written += run.Bytes()
	return run
}

// divide writes the rows of a batch to the files of their keys.
func (j *join) divide(keys []expr.Expr, b *column.Batch, to *[overflowParts]*spill.Writer) error {
	f := &j.files
	vs, err := j.evaluate(keys, b)
	if err != nil {
		return err
	}
	f.keys.assign(vs, b.Len)
	for i := range f.rows {
		f.rows[i] = f.rows[i][:0]
	}
	for row := range b.Len {
		part := f.keys.hash(f.seed, row) % overflowParts
		f.rows[part] = append(f.rows[part], int32(row))
	}
	for i, rows := range f.rows {
		if len(rows) == 0 {
			continue
		}
		if to[i] == nil {
			if to[i], err = f.space.NewWriter(); err != nil {
				return err
			}
		}
		gatherRows(&f.piece, b, rows)
		if err := to[i].Append(&f.piece); err != nil {
			return err
		}
	}
	return nil
}

// nextOfFiles yields the joins of the pairs, one after the other.
func (j *join) nextOfFiles(ctx context.Context, b *column.Batch) error {
	f := &j.files
	for {
		if f.part == nil {
			if len(f.todo) == 0 {
				return io.EOF
			}
			p := f.todo[0]
			f.todo = f.todo[1:]
			f.part = &join{node: j.node, left: rowsOf(p.left), right: rowsOf(p.right), leftKeys: j.leftKeys, rightKeys: j.rightKeys, swapped: j.swapped,
				ctx: j.ctx, mem: account{budget: j.mem.budget}, ahead: account{budget: j.mem.budget}, files: joinFiles{space: f.space, depth: p.depth}}
		}
		err := f.part.Next(ctx, b)
		if !errors.Is(err, io.EOF) {
			return err
		}
		f.written += f.part.files.written
		err = f.part.Close()
		f.part = nil
		if err != nil {
			return err
		}
	}
}

// rowsOf yields the rows of a file and removes it; nil is an empty one.
func rowsOf(run *spill.Run) Operator {
	if run == nil {
		return noRows{}
	}
	return &runRows{run, run.NewReader()}
}

// noRows has none.
type noRows struct{}

func (noRows) Next(context.Context, *column.Batch) error { return io.EOF }

func (noRows) Close() error { return nil }

func (f *joinFiles) note() string { return spilledNote(f.written) }

func (f *joinFiles) close() error {
	var errs []error
	if f.part != nil {
		errs = append(errs, f.part.Close())
		f.part = nil
	}
	for i := range f.left {
		for _, w := range []*spill.Writer{f.left[i], f.right[i]} {
			if w != nil {
				errs = append(errs, w.Abort())
			}
		}
		f.left[i], f.right[i] = nil, nil
	}
	for _, p := range f.todo {
		errs = append(errs, rowsOf(p.left).Close(), rowsOf(p.right).Close())
	}
	f.todo = nil
	return errors.Join(errs...)
}
