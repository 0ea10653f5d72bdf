package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	prom "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"tarn/edge/query/exec"
	"tarn/edge/query/promql"
	"tarn/edge/query/result"
	"tarn/store/column"
	"tarn/store/schema"
)

// The names of a PromQL answer's columns as rows
// (spec/greptimedb-http-api.md section 2.4).
const (
	promTime        = "greptime_timestamp"
	promLiteralTime = "time"
	promValue       = "value"
)

// PromRows runs a range query and gives its answer as rows: one for each series
// and step with a sample, as time, value, and the labels by name. The value is
// called like the field of a bare selector, and otherwise like the query; the
// time like the time index of the tables, when they have one name for it. An
// answer of no known table has the columns time and value.
func (e *Engine) PromRows(ctx context.Context, req PromQLRequest) ([]result.Column, *column.Batch, error) {
	res, err := e.PromQL(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Close()
	m, ok := res.Value.(prom.Matrix)
	if !ok {
		return nil, nil, &Error{Class: Plan, Msg: fmt.Sprintf("a %s cannot be a table", res.Value.Type())}
	}
	names := labelNames(m)
	parsed, err := parser.ParseExpr(req.Text)
	if err != nil {
		return nil, nil, &Error{Class: Parse, Msg: err.Error(), Err: err}
	}
	tables := e.promTables(req.Database, parsed)
	timeName, valueName := promTimeName(tables), e.promValueName(req, parsed)
	switch {
	case valueName == "", len(m) == 0 && len(tables) == 0:
		timeName, valueName, names = promLiteralTime, promValue, nil
	case len(m) == 0:
		names = promLabels(tables, parsed)
	}
	columns := []result.Column{{Name: timeName, Type: column.Of(column.Timestamp)}, {Name: valueName, Type: column.Of(column.Float64)}}
	for _, n := range names {
		columns = append(columns, result.Column{Name: n, Type: column.Of(column.String)})
	}
	total := m.TotalSamples()
	if err := res.lease.budget.Reserve(int64(total) * int64(16+16*len(names))); err != nil {
		return nil, nil, classify(err)
	}
	b := &column.Batch{}
	for _, c := range columns {
		b.Cols = append(b.Cols, column.NewVector(c.Type, total))
	}
	for _, s := range m {
		n := len(s.Floats)
		from := b.Len
		b.Len += n
		for _, v := range b.Cols {
			v.SetLen(b.Len)
		}
		for i, p := range s.Floats {
			b.Cols[0].Ints[from+i], b.Cols[1].Floats[from+i] = p.T*1e6, p.F
		}
		for i, name := range names {
			v := b.Cols[2+i]
			text := strings.Clone(s.Metric.Get(name)) // outlives the query
			if text == "" {
				v.Nulls.SetRange(from, b.Len)
			}
			for row := from; row < b.Len; row++ {
				v.Strings[row] = text
			}
		}
	}
	return columns, b, nil
}

// labelNames are the labels of a matrix, by name; that of the metric only when
// there are several metrics.
func labelNames(m prom.Matrix) []string {
	var names []string
	metrics := map[string]bool{}
	for _, s := range m {
		s.Metric.Range(func(l labels.Label) {
			if l.Name == promql.NameLabel {
				metrics[l.Value] = true
			} else if !slices.Contains(names, l.Name) {
				names = append(names, l.Name)
			}
		})
	}
	if len(metrics) > 1 {
		names = append(names, promql.NameLabel)
	}
	slices.Sort(names)
	return names
}

// promTables are the tables that the selectors of a query name, of those that
// there are.
func (e *Engine) promTables(database string, expr parser.Expr) []*schema.Table {
	db, ok := e.provider.Database(database)
	if !ok {
		return nil
	}
	var out []*schema.Table
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			if t, ok := db.Table(s.Name); ok {
				out = append(out, t)
			}
		}
		return nil
	})
	return out
}

// promTimeName is what the time index of all tables is called.
func promTimeName(tables []*schema.Table) string {
	name := ""
	for _, t := range tables {
		if t.Def == nil || t.Def.TimeName == "" || name != "" && name != t.Def.TimeName {
			return promTime
		}
		name = t.Def.TimeName
	}
	if name == "" {
		return promTime
	}
	return name
}

// promLabels are the labels that an answer without series would have: what it
// groups by, or the tags of the tables.
func promLabels(tables []*schema.Table, expr parser.Expr) []string {
	if a, ok := expr.(*parser.AggregateExpr); ok && !a.Without {
		return slices.Sorted(slices.Values(a.Grouping))
	}
	var names []string
	for _, t := range tables {
		for _, id := range t.Tags {
			if name := t.Columns[id].Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// promValueName is what the column of values is called; "" stands for a query
// without a selector.
func (e *Engine) promValueName(req PromQLRequest, expr parser.Expr) string {
	selectors := 0
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if _, ok := n.(*parser.VectorSelector); ok {
			selectors++
		}
		return nil
	})
	if selectors == 0 {
		return ""
	}
	bare, ok := expr.(*parser.VectorSelector)
	if !ok {
		return req.Text
	}
	for _, m := range bare.LabelMatchers {
		if m.Name == promql.FieldLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	if db, ok := e.provider.Database(req.Database); ok {
		if t, ok := db.Table(bare.Name); ok {
			if fields := promql.Numeric(t); len(fields) == 1 {
				return fields[0].Name
			}
		}
	}
	return promValue
}

// PromExplain shows how a query in PromQL is evaluated, a line for each part of
// it; with analyze it runs the query and says what that took.
func (e *Engine) PromExplain(ctx context.Context, req PromQLRequest, analyze bool) ([]string, error) {
	expr, err := parser.ParseExpr(req.Text)
	if err != nil {
		return nil, &Error{Class: Parse, Msg: err.Error(), Err: err}
	}
	lines := strings.Split(strings.TrimRight(parser.Tree(expr), "\n "), "\n")
	if !analyze {
		return lines, nil
	}
	began := e.opts.Now()
	res, err := e.PromQL(ctx, req)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	series := 1
	if m, ok := res.Value.(prom.Matrix); ok {
		series = len(m)
	}
	return append(lines, fmt.Sprintf("Total: series=%d samples=%d elapsed=%s memory_peak=%d", series, promRows(res.Value),
		e.opts.Now().Sub(began).Round(time.Microsecond), res.lease.budget.Peak())), nil
}

var _ promql.Memory = (*exec.Budget)(nil)
