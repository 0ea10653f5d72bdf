package edge

import (
	"context"

	"tarn/edge/api/gate"
	"tarn/edge/api/greptime/statement"
	"tarn/edge/query"
	"tarn/edge/query/promql"
	"tarn/store/column"
)

// promQL evaluates TQL and /v1/promql with the query engine.
type promQL struct{ engine *query.Engine }

var _ statement.PromQL = promQL{}

func promRequest(q statement.RangeQuery) (query.PromQLRequest, error) {
	if err := promql.CheckRange(q.Start, q.End, q.Step); err != nil {
		return query.PromQLRequest{}, gate.Bad("%w", err)
	}
	return query.PromQLRequest{Database: q.Database, Query: promql.Query{Text: q.Query, Start: q.Start, End: q.End, Step: q.Step, Lookback: q.Lookback}}, nil
}

// Rows is statement.PromQL's.
func (p promQL) Rows(ctx context.Context, q statement.RangeQuery) ([]statement.Column, *column.Batch, error) {
	req, err := promRequest(q)
	if err != nil {
		return nil, nil, err
	}
	columns, b, err := p.engine.PromRows(ctx, req)
	if err != nil {
		return nil, nil, gate.Classify(err)
	}
	var out []statement.Column
	for _, c := range columns {
		x := statement.Column{Name: c.Name, Type: c.Type, Unit: 1}
		switch c.Type.Kind {
		case column.Timestamp:
			x.DataType, x.Unit = "TimestampMillisecond", 1e6
		case column.Float64:
			x.DataType = "Float64"
		default:
			x.DataType = "String"
		}
		out = append(out, x)
	}
	return out, b, nil
}

// Explain is statement.PromQL's.
func (p promQL) Explain(ctx context.Context, q statement.RangeQuery, analyze bool) ([]string, error) {
	req, err := promRequest(q)
	if err != nil {
		return nil, err
	}
	lines, err := p.engine.PromExplain(ctx, req, analyze)
	if err != nil {
		return nil, gate.Classify(err)
	}
	return lines, nil
}
