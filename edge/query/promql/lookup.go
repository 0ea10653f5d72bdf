package promql

import (
	"cmp"
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"tarn/store"
	"tarn/store/schema"
)

// lookup is the series of a metric that the matchers on tags leave, found on
// the dictionaries of the tags.
type lookup struct {
	metric
	view *store.SeriesView
	// ids are the series in the order of a scan.
	ids []uint32
}

// find lists the series of a metric. minTime and maxTime are in ns; series
// without rows between them may be listed, too.
func find(ctx context.Context, s Store, m metric, minTime, maxTime int64) (*lookup, error) {
	view, err := s.Series(ctx, m.database, m.table, minTime, maxTime)
	if err != nil {
		return nil, err
	}
	l := &lookup{metric: m, view: view}
	tests := make([]*test, len(m.matchers))
	for i, ma := range m.matchers {
		c, _ := m.table.Column(ma.Name)
		tests[i] = newTest(ma, view, slices.Index(m.table.Tags, c.ID))
	}
series:
	for id := range uint32(view.Len()) {
		for _, t := range tests {
			if !t.passes(view.Code(t.tag, id)) {
				continue series
			}
		}
		l.ids = append(l.ids, id)
	}
	slices.SortFunc(l.ids, func(a, b uint32) int { return cmp.Compare(view.Ranks[a], view.Ranks[b]) })
	return l, nil
}

// test is a matcher of one tag that judges every value once.
type test struct {
	matcher *labels.Matcher
	tag     int // of schema.Table.Tags
	values  []string
	known   []int8 // by code: 0 unknown, 1 passes, -1 fails
}

func newTest(m *labels.Matcher, v *store.SeriesView, tag int) *test {
	t := &test{matcher: m, tag: tag, values: v.Values(tag)}
	t.known = make([]int8, len(t.values))
	return t
}

func (t *test) passes(code uint32) bool {
	if t.known[code] == 0 {
		t.known[code] = -1
		if t.matcher.Matches(t.values[code]) { // code 0 is the absent tag, ""
			t.known[code] = 1
		}
	}
	return t.known[code] > 0
}

// wanted has true for the series of l, by number.
func (l *lookup) wanted() []bool {
	out := make([]bool, l.view.Len())
	for _, id := range l.ids {
		out[id] = true
	}
	return out
}

// labeler makes the labels of a metric's series.
type labeler struct {
	view    *store.SeriesView
	parts   []part
	builder labels.ScratchBuilder
}

// part is one label: a constant, or the value of a tag.
type part struct {
	name  string
	tag   int // of schema.Table.Tags, -1 for a constant
	value string
}

// labeler returns what makes the labels of the series of one field.
func (l *lookup) labeler(field schema.Column) *labeler {
	b := &labeler{view: l.view, parts: []part{{NameLabel, -1, l.table.Name}}}
	if l.labelled {
		b.parts = append(b.parts, part{FieldLabel, -1, field.Name})
	}
	for i, id := range l.table.Tags {
		if name := l.table.Columns[id].Name; name != NameLabel && name != FieldLabel {
			b.parts = append(b.parts, part{name, i, ""})
		}
	}
	slices.SortFunc(b.parts, func(x, y part) int { return cmp.Compare(x.name, y.name) })
	b.builder = labels.NewScratchBuilder(len(b.parts))
	return b
}

func (b *labeler) of(id uint32) labels.Labels {
	b.builder.Reset()
	for _, p := range b.parts {
		value := p.value
		if p.tag >= 0 {
			code := b.view.Code(p.tag, id)
			if code == 0 {
				continue
			}
			value = b.view.Values(p.tag)[code]
		}
		b.builder.Add(p.name, value)
	}
	return b.builder.Labels()
}
