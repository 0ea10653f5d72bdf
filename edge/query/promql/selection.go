package promql

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/schema"

	"tarn/edge/query/promql/sweep"
)

// Select is sweep.Source's. The series are those that a querier lists, in the
// same order.
func (q Queryable) Select(ctx context.Context, matchers []*labels.Matcher, mint, maxt int64) (sweep.Selection, error) {
	s := &selection{Queryable: q, minTime: firstNano(mint), maxTime: lastNano(maxt), bounds: []int{0}}
	sel, err := sortOut(q.Database, matchers)
	if err != nil {
		return nil, err
	}
	db, ok := q.Store.Database(sel.database)
	if !ok {
		return s, nil
	}
	for _, m := range sel.metrics(db) {
		l, err := find(ctx, q.Store, m, s.minTime, s.maxTime)
		if err != nil {
			return nil, err
		}
		if len(l.ids) == 0 {
			continue
		}
		for _, id := range m.table.Tags {
			// Such tags make two series of a table look the same, or lose what tells them apart.
			if name := m.table.Columns[id].Name; name == FieldLabel || schema.IsMetadataLabel(name) {
				return nil, sweep.ErrLeave
			}
		}
		makers := make([]*labeler, len(l.fields))
		for i, f := range l.fields {
			makers[i] = l.labeler(f)
		}
		s.lookups, s.makers = append(s.lookups, l), append(s.makers, makers)
		s.bounds = append(s.bounds, s.bounds[len(s.bounds)-1]+len(l.ids)*len(l.fields))
	}
	return s, nil
}

// selection is the series of some tables: of each, those of the first series's
// fields, then those of the second's.
type selection struct {
	Queryable
	minTime, maxTime int64 // ns
	lookups          []*lookup
	makers           [][]*labeler // by lookup and field
	bounds           []int
}

func (s *selection) Bounds() []int { return s.bounds }

func (s *selection) Samples(table int) int {
	l := s.lookups[table]
	return l.view.Rows / max(l.view.Len(), 1)
}

func (s *selection) Distinct() bool { return len(s.lookups) < 2 }

// locate finds the table of a series, and its place and field there.
func (s *selection) locate(i int) (table, place, field int) {
	table, found := slices.BinarySearch(s.bounds, i)
	if !found {
		table--
	}
	fields := len(s.lookups[table].fields)
	i -= s.bounds[table]
	return table, i / fields, i % fields
}

func (s *selection) Labels(i int) labels.Labels {
	table, place, field := s.locate(i)
	return s.makers[table][field].of(s.lookups[table].ids[place])
}

func (s *selection) Metric(i int) string {
	table, _, _ := s.locate(i)
	return s.lookups[table].table.Name
}

func (s *selection) Read(ctx context.Context, from, to int) sweep.Reader {
	table, first, field := s.locate(from)
	_, last, _ := s.locate(to - 1)
	l := *s.lookups[table]
	l.ids = l.ids[first : last+1]
	return &gather{ctx: ctx, selection: s, table: table, lookup: &l, next: field}
}

// reader reads the series of a lookup, from a field of the first on.
type reader struct {
	*stream
	place, field int
	samples      samples
}

func (r *reader) Next() ([]int64, []float64, error) {
	if err := r.take(r.place, r.field, &r.samples); err != nil {
		return nil, nil, err
	}
	if r.field++; r.field == len(r.lookup.fields) {
		r.place, r.field = r.place+1, 0
	}
	return r.samples.times, r.samples.values, nil
}
