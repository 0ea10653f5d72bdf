package query

import (
	"context"
	"slices"

	"tarn/edge/query/plan"
	"tarn/store/column"
)

// withQueries adds system.queries, which the engine itself knows, to the
// tables of the appliance.
type withQueries struct {
	inner plan.System // may be nil
	log   *Log
}

func (e *Engine) system() plan.System { return withQueries{e.opts.System, e.log} }

func (s withQueries) Tables(database string) []string {
	var names []string
	if s.inner != nil {
		names = s.inner.Tables(database)
	}
	names = append(names, "queries")
	slices.Sort(names)
	return names
}

func (s withQueries) Table(database, name string) (plan.SystemTable, bool) {
	if name == "queries" {
		return queriesTable{s.log, database}, true
	}
	if s.inner == nil {
		return nil, false
	}
	return s.inner.Table(database, name)
}

// queriesTable is system.queries (spec/influxdb3-http-api.md section 6.1), and
// how many rows a query yielded and why it failed. Partitions, files and
// computing time of a query are not counted: they are null.
type queriesTable struct {
	log      *Log
	database string
}

func (queriesTable) Columns() []plan.Column {
	text, flag, number, span := column.Of(column.String), column.Of(column.Bool), column.Of(column.Int64), column.Of(column.Duration)
	return []plan.Column{{Name: "id", Type: text}, {Name: "phase", Type: text}, {Name: "issue_time", Type: column.Of(column.Timestamp)},
		{Name: "query_type", Type: text}, {Name: "query_text", Type: text}, {Name: "partitions", Type: number}, {Name: "parquet_files", Type: number},
		{Name: "plan_duration", Type: span}, {Name: "permit_duration", Type: span}, {Name: "execute_duration", Type: span}, {Name: "end2end_duration", Type: span},
		{Name: "compute_duration", Type: span}, {Name: "max_memory", Type: number}, {Name: "success", Type: flag}, {Name: "running", Type: flag},
		{Name: "cancelled", Type: flag}, {Name: "trace_id", Type: text}, {Name: "rows", Type: number}, {Name: "error", Type: text}}
}

func (t queriesTable) Read(context.Context) (*column.Batch, error) {
	rows := NewRows(t.Columns())
	for _, q := range t.log.List(t.database) {
		var planning, waited, running, all any
		if !q.Permitted.IsZero() {
			waited = q.Permitted.Sub(q.Issued)
		}
		if !q.Planned.IsZero() {
			planning = q.Planned.Sub(q.Permitted)
			if !q.Ended.IsZero() {
				running = q.Ended.Sub(q.Planned)
			}
		}
		if !q.Ended.IsZero() {
			all = q.Ended.Sub(q.Issued)
		}
		var failure any
		if q.Err != "" {
			failure = q.Err
		}
		rows.Add(formatID(q.ID), q.Phase, q.Issued, string(q.Language), q.Text, nil, nil, planning, waited, running, all, nil, q.MaxMemory, q.Success, q.Running, q.Cancel, nil, q.Rows, failure)
	}
	return rows.Batch(), nil
}
