package exec

import (
	"context"
	"io"

	"tarn/edge/query/expr"
	"tarn/store/column"
)

// filter keeps the rows for which cond is true.
type filter struct {
	in      Operator
	cond    expr.Expr
	ctx     *expr.Context
	input   column.Batch
	out     column.Batch
	matches []int32
}

func (f *filter) Next(ctx context.Context, b *column.Batch) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.in.Next(ctx, &f.input); err != nil {
			return err
		}
		f.ctx.Reset()
		v, err := f.cond.Eval(f.ctx, &f.input)
		if err != nil {
			return err
		}
		f.matches = trueRows(f.matches[:0], v)
		switch len(f.matches) {
		case 0:
			continue
		case f.input.Len:
			*b = f.input
		default:
			gatherRows(&f.out, &f.input, f.matches)
			*b = f.out
		}
		return nil
	}
}

// trueRows appends the rows at which a boolean vector is true.
func trueRows(dst []int32, v *column.Vector) []int32 {
	if v.Type.Kind == column.Null {
		return dst
	}
	if !v.HasNulls() {
		for i, ok := range v.Bools[:v.Len] {
			if ok {
				dst = append(dst, int32(i))
			}
		}
		return dst
	}
	for i, ok := range v.Bools[:v.Len] {
		if ok && !v.Nulls.Get(i) {
			dst = append(dst, int32(i))
		}
	}
	return dst
}

func (f *filter) Close() error { return f.in.Close() }

// project computes columns.
type project struct {
	in    Operator
	exprs []expr.Expr
	// guards are by the number of an expression what says for which rows it is
	// needed.
	guards map[int]expr.Expr
	ctx    *expr.Context
	input  column.Batch
	cols   []*column.Vector
}

func (p *project) Next(ctx context.Context, b *column.Batch) error {
	if err := p.in.Next(ctx, &p.input); err != nil {
		return err
	}
	p.ctx.Reset()
	p.cols = p.cols[:0]
	for i, e := range p.exprs {
		v, err := guarded(p.ctx, e, p.guards[i], &p.input)
		if err != nil {
			return err
		}
		p.cols = append(p.cols, v)
	}
	b.Len, b.Cols = p.input.Len, p.cols
	return nil
}

func (p *project) Close() error { return p.in.Close() }

// limit skips rows and stops after some.
type limit struct {
	in   Operator
	skip int64
	left int64 // negative: all
	out  column.Batch
}

func (l *limit) Next(ctx context.Context, b *column.Batch) error {
	for {
		if l.left == 0 {
			return io.EOF
		}
		if err := l.in.Next(ctx, b); err != nil {
			return err
		}
		if l.skip >= int64(b.Len) {
			l.skip -= int64(b.Len)
			continue
		}
		from, to := int(l.skip), b.Len
		l.skip = 0
		if l.left >= 0 && int64(to-from) > l.left {
			to = from + int(l.left)
		}
		if l.left >= 0 {
			l.left -= int64(to - from)
		}
		if from == 0 && to == b.Len {
			return nil
		}
		l.out = column.Batch{}
		appendRows(&l.out, b, from, to)
		*b = l.out
		return nil
	}
}

func (l *limit) Close() error { return l.in.Close() }
