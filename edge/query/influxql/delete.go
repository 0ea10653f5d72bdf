package influxql

import (
	"context"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// Deletion is which rows of a table DELETE, or DROP SERIES when series is set,
// means by its condition: on tags and, for DELETE, on time.
func (b *Binder) Deletion(db plan.Database, s *schema.Table, cond ast.Expr, series bool) (store.RowDelete, error) {
	all, err := b.tagged(db, []*schema.Table{s}, cond)
	if err != nil {
		return store.RowDelete{}, err
	}
	if err := tagsOnly(s, cond, series); err != nil {
		return store.RowDelete{}, err
	}
	t := all[0]
	d := store.RowDelete{MinTime: t.lo, MaxTime: t.hi}
	if t.cond == nil {
		return d, nil
	}
	d.FilterTags = t.ids
	d.Filter = func(ctx context.Context, tags *column.Batch, keep []bool) error {
		return chooses(expr.NewContext(ctx, b.Ctx.Now), t.cond, tags, keep)
	}
	return d, nil
}

// chooses evaluates a condition over series.
func chooses(ec *expr.Context, cond expr.Expr, tags *column.Batch, keep []bool) error {
	ec.Reset()
	v, err := cond.Eval(ec, tags)
	if err != nil {
		return err
	}
	for i := range keep {
		keep[i] = !v.IsNull(i) && v.Bools[i]
	}
	return nil
}

// tagsOnly refuses what would choose single rows by their values.
func tagsOnly(s *schema.Table, cond ast.Expr, series bool) (err error) {
	if cond == nil {
		return nil
	}
	ast.WalkFunc(cond, func(n ast.Node) {
		r, ok := n.(*ast.VarRef)
		if !ok || err != nil {
			return
		}
		c, known := s.Column(r.Val)
		switch {
		case isTimeName(r.Val) && series:
			err = planError("DROP SERIES doesn't support time in WHERE clause")
		case known && c.Role == schema.Field:
			err = planError("fields not supported in WHERE clause during deletion")
		}
	})
	return err
}
