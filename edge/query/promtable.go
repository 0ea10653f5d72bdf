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
// called like the field of a bare selector, and otherwise like the query; an
// answer without series has the columns time and value.
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
	timeName, valueName := promTime, e.promValueName(req)
	if valueName == "" || len(m) == 0 {
		timeName, valueName, names = promLiteralTime, promValue, nil
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

// promValueName is what the column of values is called; "" stands for a query
// without a selector.
func (e *Engine) promValueName(req PromQLRequest) string {
	expr, err := parser.ParseExpr(req.Text)
	if err != nil {
		return ""
	}
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
