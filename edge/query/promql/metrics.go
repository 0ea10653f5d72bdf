package promql

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"

	"tarn/edge/query/plan"
	"tarn/store/column"
	"tarn/store/schema"
)

// metric is a table with the fields that a selector wants of it.
type metric struct {
	database string
	table    *schema.Table
	fields   []schema.Column
	// labelled says that the series carry FieldLabel.
	labelled bool
	// matchers are those on tags.
	matchers []*labels.Matcher
}

// selector is a set of matchers by what they are about.
type selector struct {
	database              string
	names, fields, labels []*labels.Matcher
}

// sortOut tells the matchers apart. database is where they look unless they
// say otherwise.
func sortOut(database string, matchers []*labels.Matcher) (selector, error) {
	s := selector{database: database}
	for _, m := range matchers {
		switch {
		case m.Name == NameLabel:
			s.names = append(s.names, m)
		case m.Name == FieldLabel:
			s.fields = append(s.fields, m)
		case ChoosesDatabase(m.Name):
			if m.Type != labels.MatchEqual {
				return s, fmt.Errorf("the label %s takes = only: %s", m.Name, m)
			}
			s.database = m.Value
		default:
			s.labels = append(s.labels, m)
		}
	}
	return s, nil
}

func matchAll(ms []*labels.Matcher, value string) bool {
	for _, m := range ms {
		if !m.Matches(value) {
			return false
		}
	}
	return true
}

// exactly returns the value that one of the matchers demands.
func exactly(ms []*labels.Matcher) (string, bool) {
	for _, m := range ms {
		if m.Type == labels.MatchEqual {
			return m.Value, true
		}
	}
	return "", false
}

// metrics are the tables that may have series of the selector, by name.
func (s selector) metrics(db plan.Database) []metric {
	var out []metric
	add := func(name string) {
		t, ok := db.Table(name)
		if !ok || !matchAll(s.names, name) {
			return
		}
		if m, ok := s.metric(t); ok {
			out = append(out, m)
		}
	}
	if name, ok := exactly(s.names); ok {
		add(name)
		return out
	}
	for _, name := range db.Tables() {
		add(name)
	}
	return out
}

func (s selector) metric(t *schema.Table) (metric, bool) {
	m := metric{database: s.database, table: t}
	numeric := Numeric(t)
	for _, c := range numeric {
		if matchAll(s.fields, c.Name) {
			m.fields = append(m.fields, c)
		}
	}
	if len(m.fields) == 0 {
		return m, false
	}
	_, one := exactly(s.fields)
	m.labelled = len(numeric) > 1 && !one
	for _, l := range s.labels {
		if c, ok := t.Column(l.Name); ok && c.Role == schema.Tag {
			m.matchers = append(m.matchers, l)
		} else if !l.Matches("") {
			return m, false
		}
	}
	return m, true
}

// Numeric are the fields of a table that have samples, in its order.
func Numeric(t *schema.Table) []schema.Column {
	var out []schema.Column
	for _, c := range t.Columns {
		if c.Role == schema.Field && (c.Kind == column.Float64 || c.Kind == column.Int64 || c.Kind == column.Uint64) {
			out = append(out, c)
		}
	}
	return out
}
