package promql

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// Series lists the series that match any of the sets of matchers and have
// samples in a time range in ms, sorted by labels, each once.
func (q Queryable) Series(ctx context.Context, sets [][]*labels.Matcher, mint, maxt int64) ([]labels.Labels, error) {
	var out []labels.Labels
	seen := map[uint64][]labels.Labels{}
	err := q.each(ctx, sets, mint, maxt, func(l *lookup, has [][]bool) error {
		for field, there := range has {
			maker := l.labeler(l.fields[field])
			for place, ok := range there {
				if !ok {
					continue
				}
				ls := maker.of(l.ids[place])
				if len(sets) > 1 {
					same := func(o labels.Labels) bool { return labels.Equal(o, ls) }
					h := ls.Hash()
					if slices.ContainsFunc(seen[h], same) {
						continue
					}
					seen[h] = append(seen[h], ls)
				}
				if err := q.Memory.Reserve(seriesSize + int64(labelsSize(ls))); err != nil {
					return err
				}
				out = append(out, ls)
			}
		}
		return nil
	})
	slices.SortFunc(out, labels.Compare)
	return out, err
}

// LabelNames lists the labels of the series that match any of the sets and
// have samples in a time range in ms; without sets, those of all tables with
// numeric fields.
func (q Queryable) LabelNames(ctx context.Context, sets [][]*labels.Matcher, mint, maxt int64) ([]string, error) {
	names := map[string]bool{NameLabel: true}
	if len(sets) == 0 {
		q.tables(func(t *schema.Table) {
			for _, id := range t.Tags {
				names[t.Columns[id].Name] = true
			}
			if len(Numeric(t)) > 1 {
				names[FieldLabel] = true
			}
		})
		return slices.Sorted(maps.Keys(names)), nil
	}
	err := q.each(ctx, sets, mint, maxt, func(l *lookup, has [][]bool) error {
		for _, there := range has {
			for place, ok := range there {
				if !ok {
					continue
				}
				if l.labelled {
					names[FieldLabel] = true
				}
				for i, id := range l.table.Tags {
					if l.view.Code(i, l.ids[place]) != 0 {
						names[l.table.Columns[id].Name] = true
					}
				}
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(names)), err
}

// LabelValues lists the values of a label that the series have that match any
// of the sets and have samples in a time range in ms; without sets, what all
// tables with numeric fields know of.
func (q Queryable) LabelValues(ctx context.Context, name string, sets [][]*labels.Matcher, mint, maxt int64) ([]string, error) {
	values := map[string]bool{}
	if len(sets) == 0 {
		var failed error
		q.tables(func(t *schema.Table) {
			switch name {
			case NameLabel:
				values[t.Name] = true
			case FieldLabel:
				for _, f := range Numeric(t) {
					values[f.Name] = true
				}
			default:
				if failed == nil {
					failed = q.tagValues(ctx, t, name, mint, maxt, values)
				}
			}
		})
		return slices.Sorted(maps.Keys(values)), failed
	}
	err := q.each(ctx, sets, mint, maxt, func(l *lookup, has [][]bool) error {
		tag := -1
		if c, ok := l.table.Column(name); ok && c.Role == schema.Tag {
			tag = slices.Index(l.table.Tags, c.ID)
		}
		for field, there := range has {
			for place, ok := range there {
				switch {
				case !ok:
				case name == NameLabel:
					values[l.table.Name] = true
				case name == FieldLabel:
					values[l.fields[field].Name] = true
				case tag >= 0:
					if code := l.view.Code(tag, l.ids[place]); code != 0 {
						values[l.view.Values(tag)[code]] = true
					}
				}
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(values)), err
}

func (q Queryable) tagValues(ctx context.Context, t *schema.Table, name string, mint, maxt int64, into map[string]bool) error {
	c, ok := t.Column(name)
	if !ok || c.Role != schema.Tag {
		return nil
	}
	view, err := q.Store.Series(ctx, q.Database, t, firstNano(mint), lastNano(maxt))
	if err != nil {
		return err
	}
	for _, v := range view.Values(slices.Index(t.Tags, c.ID))[1:] {
		into[v] = true
	}
	return nil
}

// tables calls fn for the tables with numeric fields.
func (q Queryable) tables(fn func(*schema.Table)) {
	db, ok := q.Store.Database(q.Database)
	if !ok {
		return
	}
	for _, name := range db.Tables() {
		if t, ok := db.Table(name); ok && len(Numeric(t)) > 0 {
			fn(t)
		}
	}
}

// each calls fn for every metric that matches one of the sets, with the
// series that have samples in the time range: has[field][place].
func (q Queryable) each(ctx context.Context, sets [][]*labels.Matcher, mint, maxt int64, fn func(l *lookup, has [][]bool) error) error {
	minTime, maxTime := firstNano(mint), lastNano(maxt)
	for _, matchers := range sets {
		sel, err := sortOut(q.Database, matchers)
		if err != nil {
			return err
		}
		db, ok := q.Store.Database(sel.database)
		if !ok {
			continue
		}
		for _, m := range sel.metrics(db) {
			l, err := find(ctx, q.Store, m, minTime, maxTime)
			if err != nil {
				return err
			}
			has, err := q.present(ctx, l, minTime, maxTime)
			if err != nil {
				return err
			}
			if err := fn(l, has); err != nil {
				return err
			}
		}
	}
	return nil
}

// present says which fields of which series have samples: [field][place].
func (q Queryable) present(ctx context.Context, l *lookup, minTime, maxTime int64) (has [][]bool, err error) {
	missing := 0
	for range l.fields {
		has = append(has, make([]bool, len(l.ids)))
		missing += len(l.ids)
	}
	if missing == 0 {
		return has, nil
	}
	spec := store.ScanSpec{Database: l.database, Table: l.table, MinTime: minTime, MaxTime: maxTime, Series: l.wanted()}
	// A row of a table with one field has a sample; others must be looked at.
	look := l.table.Live()-len(l.table.Tags) > 2
	if look {
		for _, f := range l.fields {
			spec.Columns = append(spec.Columns, f.ID)
		}
	}
	rows, err := q.Store.Scan(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	place := make([]int, l.view.Len())
	for i, id := range l.ids {
		place[id] = i
	}
	var b column.Batch
	for missing > 0 {
		if err := rows.Next(ctx, &b); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		row := 0
		for _, span := range rows.(store.SeriesRows).Spans() {
			p := place[span.Series]
			for f := range has {
				if !has[f][p] && (!look || hasValue(b.Cols[f], row, row+span.Rows)) {
					has[f][p] = true
					missing--
				}
			}
			row += span.Rows
		}
	}
	return has, nil
}

func hasValue(v *column.Vector, from, to int) bool {
	for i := from; i < to; i++ {
		if !v.IsNull(i) {
			return true
		}
	}
	return false
}
