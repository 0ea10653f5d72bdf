package exec

import (
	"context"
	"errors"
	"io"

	"tarn/store/column"
)

// race reads both inputs of an inner join in turn until one ends, which is the
// smaller one as far as anybody knows: that is the one to keep. The other goes
// on from what was read.
func (j *join) race(ctx context.Context) error {
	left, right := &replay{in: j.left, mem: &j.ahead}, &replay{in: j.right, mem: &j.ahead}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, r := range []*replay{right, left} {
			more, err := r.read(ctx)
			if err != nil {
				return err
			}
			if more {
				continue
			}
			if r == left {
				left, right = right, left
				j.swapped = !j.swapped
				j.leftKeys, j.rightKeys = j.rightKeys, j.leftKeys
			}
			j.left, j.right = left, right
			return nil
		}
		switch n := left.bytes + right.bytes; {
		case n <= leastRun || !j.divisible():
			if err := j.ahead.set(n); err != nil {
				return err
			}
		case j.ahead.try(n) != nil:
			j.left, j.right = left, right
			if err := j.beginFiles(); err != nil {
				return err
			}
			return j.divideInputs(ctx)
		}
	}
}

// replay yields batches that were read ahead, and then the rest of its input.
type replay struct {
	in    Operator
	ahead []column.Batch
	bytes int64
	mem   *account // of both inputs
	ended bool
}

// read reads a batch ahead; it says no at the end.
func (r *replay) read(ctx context.Context) (bool, error) {
	var b, kept column.Batch
	err := r.in.Next(ctx, &b)
	if errors.Is(err, io.EOF) {
		r.ended = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	appendRows(&kept, &b, 0, b.Len)
	r.ahead = append(r.ahead, kept)
	r.bytes += int64(kept.Bytes())
	return true, nil
}

func (r *replay) Next(ctx context.Context, b *column.Batch) error {
	if len(r.ahead) > 0 {
		*b = r.ahead[0]
		r.ahead[0] = column.Batch{}
		r.ahead = r.ahead[1:]
		return r.mem.set(max(r.mem.held-int64(b.Bytes()), 0)) // giving back cannot fail
	}
	if r.ended {
		return io.EOF
	}
	return r.in.Next(ctx, b)
}

func (r *replay) Close() error { return r.in.Close() }
