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

// Deletion is the rows of one measurement that DELETE or DROP SERIES means.
type Deletion struct {
	// Database is the one that the measurement is stored in.
	Database, Measurement string
	Rows                  store.RowDelete
}

// Deletions are what a statement with these sources, all measurements when
// there are none, and condition deletes. Conditions are on tags and, but for
// DROP SERIES, on time (spec/influxql.md section 3).
func (b *Binder) Deletions(sources ast.Sources, cond ast.Expr, dropSeries bool) ([]Deletion, error) {
	rest, lo, hi, err := b.timeRange(cond, nil)
	if err != nil {
		return nil, err
	}
	if dropSeries && (lo != store.MinTime || hi != store.MaxTime) {
		return nil, planError("DROP SERIES doesn't support time in WHERE clause")
	}
	if len(sources) == 0 {
		db, err := b.database("", "")
		if err != nil {
			return nil, err
		}
		for _, name := range db.Tables() {
			sources = append(sources, &ast.Measurement{Name: name})
		}
	}
	var out []Deletion
	for _, src := range sources {
		m, ok := src.(*ast.Measurement)
		if !ok {
			return nil, planError("rows are deleted from measurements, not from %s", src)
		}
		db, tables, err := b.tables(m)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			rows := store.RowDelete{MinTime: lo, MaxTime: hi}
			if err := b.chooseSeries(&rows, db, t, rest); err != nil {
				return nil, err
			}
			out = append(out, Deletion{db.Name(), t.Name, rows})
		}
	}
	return out, nil
}

// chooseSeries makes a condition on tags the filter of a deletion.
func (b *Binder) chooseSeries(rows *store.RowDelete, db plan.Database, t *schema.Table, cond ast.Expr) error {
	if cond == nil {
		return nil
	}
	scan := scanOf(db, t, outer{min: store.MinTime, max: store.MaxTime})
	var bad error
	ast.WalkFunc(cond, func(n ast.Node) {
		if r, ok := n.(*ast.VarRef); ok && bad == nil {
			if _, kind := scan.ref(r); kind == fieldRef {
				bad = planError("fields not supported in WHERE clause during deletion")
			}
		}
	})
	if bad != nil {
		return bad
	}
	e, err := scan.condition(cond)
	if err != nil {
		return err
	}
	if e, err = expr.Fold(b.Ctx, e); err != nil {
		return err
	}
	for _, i := range expr.Columns(e) {
		rows.FilterTags = append(rows.FilterTags, t.Columns[i].ID) // a scan's columns are the table's
	}
	place := map[int]int{}
	for at, id := range rows.FilterTags {
		place[id] = at
	}
	e = expr.Remap(e, func(i int) int { return place[t.Columns[i].ID] })
	now := b.Ctx.Now
	rows.Filter = func(ctx context.Context, tags *column.Batch, keep []bool) error {
		v, err := e.Eval(expr.NewContext(ctx, now), tags)
		if err != nil {
			return err
		}
		for i := range keep {
			keep[i] = !v.IsNull(i) && v.Type.Kind == column.Bool && v.Bools[i]
		}
		return nil
	}
	return nil
}
