package query

import (
	"strings"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/influxql"
	"tarn/edge/query/plan"
	"tarn/edge/query/result"
	"tarn/store"
	"tarn/store/column"
)

// InfluxQL is the language of spec/influxql.md. A request in it is one
// statement that reads; those that change something are the API's.
const InfluxQL Language = "influxql"

// InfluxQLRequest is what a request in InfluxQL has besides its text.
type InfluxQLRequest struct {
	// Statement is the parsed text; nil parses Request.Text.
	Statement ast.Statement
	// RetentionPolicy is that of statements that name none.
	RetentionPolicy string
	// Series asks for columns as Result.Series describes them, instead of those
	// of /api/v3/query_influxql.
	Series bool
}

// lister is a Provider that can list its databases.
type lister interface {
	ListDatabases(deleted bool) []store.DatabaseInfo
}

// planInfluxQL binds a statement of InfluxQL.
func (e *Engine) planInfluxQL(req Request, ec *expr.Context) (*plan.Statement, result.Series, error) {
	s := req.InfluxQL.Statement
	if s == nil {
		all, err := influxql.Parse(req.Text, req.Params)
		if err != nil {
			return nil, result.Series{}, err
		}
		if len(all) != 1 {
			return nil, result.Series{}, influxql.ErrManyStatements
		}
		s = all[0]
		if err := influxql.CheckDatabase(s, req.Database); err != nil {
			return nil, result.Series{}, err
		}
	}
	b := &influxql.Binder{
		Databases: e.provider.Database, Scan: e.provider.Scan, Database: req.Database, RetentionPolicy: req.InfluxQL.RetentionPolicy,
		Ctx: ec, Flat: !req.InfluxQL.Series,
		List: func(deleted bool) []influxql.DatabaseInfo {
			l, ok := e.provider.(lister)
			if !ok {
				return nil
			}
			var out []influxql.DatabaseInfo
			for _, d := range l.ListDatabases(deleted) {
				out = append(out, influxql.DatabaseInfo{Name: d.Name, Retention: d.Retention, Deleted: d.Deleted})
			}
			return out
		},
	}
	st, err := b.Bind(s)
	if err != nil {
		return nil, result.Series{}, err
	}
	return &st.Statement, st.Series, nil
}

// explainedSeries is the answer of EXPLAIN as v1 gives it: a line of the plan a
// row.
func explainedSeries(explained plan.Node, analyze bool) plan.Node {
	name := "QUERY PLAN"
	if analyze {
		name = "EXPLAIN ANALYZE"
	}
	t := column.Of(column.String)
	v := &plan.Values{Output: []plan.Column{{Name: influxql.MeasurementColumn, Type: t}, {Name: name, Type: t}}}
	rows := explained.(*plan.Values).Rows
	text := rows[len(rows)-1][1].(*expr.Literal).Value.S // the plan that runs
	for line := range strings.SplitSeq(text, "\n") {
		v.Rows = append(v.Rows, []expr.Expr{expr.NewLiteral(expr.String("")), expr.NewLiteral(expr.String(line))})
	}
	return v
}

// Series says how the rows fall into series, for a request that asked for it.
func (r *Result) Series() result.Series { return r.series }
