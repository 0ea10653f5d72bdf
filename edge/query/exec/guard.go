package exec

import (
	"tarn/edge/query/expr"
	"tarn/store/column"
)

// guarded evaluates the argument of an aggregate with FILTER, which guards it:
// 10/n does not fail for rows that n <> 0 leaves out. All rows are computed at
// once as long as that works; only when it fails, those that count alone. The
// rows left out have unspecified values then.
func guarded(ctx *expr.Context, e, filter expr.Expr, b *column.Batch) (*column.Vector, error) {
	v, err := e.Eval(ctx, b)
	if err == nil || filter == nil {
		return v, err
	}
	f, ferr := filter.Eval(ctx, b)
	if ferr != nil {
		return nil, ferr
	}
	kept := trueRows(nil, f)
	if len(kept) == b.Len {
		return nil, err
	}
	all := column.NewVector(e.Type(), b.Len)
	if len(kept) == 0 {
		all.AppendNull(b.Len)
		return all, nil
	}
	var some column.Batch
	gatherRows(&some, b, kept)
	if v, err = e.Eval(ctx, &some); err != nil {
		return nil, err
	}
	places := make([]int32, b.Len)
	for i, row := range kept {
		places[row] = int32(i)
	}
	all.Reset(v.Type)
	all.Gather(v, places)
	return all, nil
}
