package influxql

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// tagged lists the series of a measurement.
type tagged struct {
	binder *Binder
	db     plan.Database
	schema *schema.Table
	// keys are the tags in byte order, ids their columns.
	keys []string
	ids  []int
	cond expr.Expr // over the columns ids; nil keeps all
	// lo and hi are the times that the statement names.
	lo, hi int64
	ctx    context.Context // of the reading that goes on
}

// tagged binds the condition of a SHOW statement for each of some measurements.
func (b *Binder) tagged(db plan.Database, tables []*schema.Table, cond ast.Expr) ([]*tagged, error) {
	rest, lo, hi, err := b.timeRange(cond, nil)
	if err != nil {
		return nil, err
	}
	if err := checkCondition(rest); err != nil {
		return nil, err
	}
	var out []*tagged
	for _, s := range tables {
		t := &tagged{binder: b, db: db, schema: s, lo: lo, hi: hi, ctx: context.Background()}
		for _, c := range s.Sorted() {
			if c.Role == schema.Tag {
				t.keys, t.ids = append(t.keys, c.Name), append(t.ids, c.ID)
			}
		}
		if rest != nil {
			if t.cond, err = t.source().condition(rest); err != nil {
				return nil, err
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// source is the measurement as a table of its tags alone.
func (t *tagged) source() *table {
	s := &table{name: t.schema.Name, node: &plan.Scan{Table: t.schema, IDs: t.ids}, fields: map[string]int{}, tags: map[string]int{}}
	for i, k := range t.keys {
		s.tags[k] = i
	}
	return s
}

func (t *tagged) filtered() bool {
	return t.cond != nil || t.lo != store.MinTime || t.hi != store.MaxTime
}

// each calls fn with the tags of every series that the condition keeps, nil for
// those that it lacks. Without a range of time no row is read: the scan is
// asked which series it would look at, and told to look at none.
func (t *tagged) each(ctx context.Context, fn func(tags []*string)) error {
	tags := make([]*string, len(t.keys))
	row := func(b *column.Batch, i int) {
		for k, v := range b.Cols[:len(t.keys)] {
			tags[k] = nil
			if !v.IsNull(i) {
				s := v.Text(i)
				tags[k] = &s
			}
		}
		fn(tags)
	}
	ec := expr.NewContext(ctx, t.binder.Ctx.Now)
	matches := func(b *column.Batch, keep []bool) error {
		if t.cond == nil {
			return nil
		}
		ec.Reset()
		v, err := t.cond.Eval(ec, b)
		if err != nil {
			return err
		}
		for i := range keep {
			keep[i] = !v.IsNull(i) && v.Bools[i]
		}
		return nil
	}
	spec := store.ScanSpec{Database: t.db.Name(), Table: t.schema, MinTime: t.lo, MaxTime: t.hi, FilterTags: t.ids, Order: store.SeriesTime}
	timed := t.lo != store.MinTime || t.hi != store.MaxTime
	if timed {
		spec.Order, spec.Columns = store.Unordered, t.ids
		spec.Filter = func(_ context.Context, b *column.Batch, keep []bool) error { return matches(b, keep) }
	} else {
		spec.Filter = func(_ context.Context, b *column.Batch, keep []bool) error {
			if err := matches(b, keep); err != nil {
				return err
			}
			for i := range keep {
				if keep[i] {
					row(b, i)
					keep[i] = false
				}
			}
			return nil
		}
	}
	rows, err := t.binder.Scan(ctx, spec)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := map[string]bool{}
	var b column.Batch
	var key []byte
	for {
		err := rows.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range b.Len {
			key = key[:0]
			for _, v := range b.Cols {
				if !v.IsNull(i) {
					key = append(append(key, v.Text(i)...), 1)
				}
				key = append(key, 0)
			}
			if !seen[string(key)] {
				seen[string(key)] = true
				row(&b, i)
			}
		}
	}
}

// usedKeys are the tags that a kept series has.
func (t *tagged) usedKeys() ([]string, error) {
	used := make([]bool, len(t.keys))
	err := t.each(t.ctx, func(tags []*string) {
		for i, v := range tags {
			used[i] = used[i] || v != nil
		}
	})
	var out []string
	for i, k := range t.keys {
		if used[i] {
			out = append(out, k)
		}
	}
	return out, err
}

// values calls fn for the values of the tags that WITH KEY chooses, by key and
// value.
func (t *tagged) values(op ast.Token, with ast.Literal, fn func(key, value string)) error {
	chosen := make([]bool, len(t.keys))
	any := false
	for i, k := range t.keys {
		chosen[i] = choosesKey(op, with, k)
		any = any || chosen[i]
	}
	if !any {
		return nil
	}
	found := make([]map[string]bool, len(t.keys))
	err := t.each(t.ctx, func(tags []*string) {
		for i, v := range tags {
			if !chosen[i] || v == nil {
				continue
			}
			if found[i] == nil {
				found[i] = map[string]bool{}
			}
			found[i][*v] = true
		}
	})
	if err != nil {
		return err
	}
	for i, k := range t.keys {
		for _, v := range slices.Sorted(keysOf(found[i])) {
			fn(k, v)
		}
	}
	return nil
}

func choosesKey(op ast.Token, with ast.Literal, key string) bool {
	switch w := with.(type) {
	case *ast.ListLiteral:
		return slices.Contains(w.Vals, key)
	case *ast.StringLiteral:
		return (w.Val == key) == (op == ast.EQ)
	case *ast.RegexLiteral:
		return w.Val.MatchString(key) == (op == ast.EQREGEX)
	}
	return false
}

var (
	escapeName = strings.NewReplacer(`,`, `\,`, ` `, `\ `)
	escapeTag  = strings.NewReplacer(`,`, `\,`, ` `, `\ `, `=`, `\=`)
)

// seriesKey is a series as line protocol writes it.
func (t *tagged) seriesKey(tags []*string) string {
	var b strings.Builder
	b.WriteString(escapeName.Replace(t.schema.Name))
	for i, v := range tags {
		if v != nil {
			b.WriteString("," + escapeTag.Replace(t.keys[i]) + "=" + escapeTag.Replace(*v))
		}
	}
	return b.String()
}
