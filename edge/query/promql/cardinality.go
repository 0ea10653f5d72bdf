package promql

import (
	"cmp"
	"context"
	"math"
	"slices"

	"tarn/store/schema"
)

// Cardinality says what a database's series are made of. A series is counted
// for each numeric field of its table.
type Cardinality struct {
	Series, LabelPairs int
	// The largest of each, largest first.
	SeriesByMetric, ValuesByLabel, BytesByLabel, SeriesByPair []Count
}

// Count is a number of something named.
type Count struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
}

// Cardinality counts the series of all times; top bounds each of the lists.
func (q Queryable) Cardinality(ctx context.Context, top int) (Cardinality, error) {
	var out Cardinality
	byValue := map[string]map[string]int{} // series, by label and its value
	count := func(label, value string, series int) error {
		values := byValue[label]
		if values == nil {
			values = map[string]int{}
			byValue[label] = values
		}
		if _, ok := values[value]; !ok {
			if err := q.Memory.Reserve(int64(len(value)) + seriesSize); err != nil {
				return err
			}
		}
		values[value] += series
		return nil
	}
	var failed error
	q.tables(func(t *schema.Table) {
		if failed == nil {
			failed = q.countTable(ctx, t, count)
		}
	})
	if failed != nil {
		return out, failed
	}
	for label, values := range byValue {
		bytes := 0
		for value, series := range values {
			bytes += len(value)
			out.SeriesByPair = append(out.SeriesByPair, Count{label + "=" + value, series})
			if label == NameLabel {
				out.Series += series
				out.SeriesByMetric = append(out.SeriesByMetric, Count{value, series})
			}
		}
		out.LabelPairs += len(values)
		out.ValuesByLabel = append(out.ValuesByLabel, Count{label, len(values)})
		out.BytesByLabel = append(out.BytesByLabel, Count{label, bytes})
	}
	for _, list := range []*[]Count{&out.SeriesByMetric, &out.ValuesByLabel, &out.BytesByLabel, &out.SeriesByPair} {
		slices.SortFunc(*list, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Name, b.Name)) })
		*list = append([]Count{}, (*list)[:min(top, len(*list))]...)
	}
	return out, nil
}

// countTable tells count of each label of a table how many series have it.
func (q Queryable) countTable(ctx context.Context, t *schema.Table, count func(label, value string, series int) error) error {
	view, err := q.Store.Series(ctx, q.Database, t, math.MinInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	fields := Numeric(t)
	if err := count(NameLabel, t.Name, view.Len()*len(fields)); err != nil {
		return err
	}
	if len(fields) > 1 {
		for _, f := range fields {
			if err := count(FieldLabel, f.Name, view.Len()); err != nil {
				return err
			}
		}
	}
	for i, id := range t.Tags {
		values := view.Values(i)
		series := make([]int, len(values))
		for s := range uint32(view.Len()) {
			series[view.Code(i, s)] += len(fields)
		}
		for code, n := range series {
			if code == 0 || n == 0 { // the absent tag
				continue
			}
			if err := count(t.Columns[id].Name, values[code], n); err != nil {
				return err
			}
		}
	}
	return nil
}
