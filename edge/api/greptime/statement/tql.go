package statement

import (
	"context"
	"strconv"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/sql"
	qtext "tarn/edge/query/text"
	"tarn/store/column"
)

// RangeQuery is a range query of PromQL.
type RangeQuery struct {
	Database, Query string
	Start, End      time.Time
	Step, Lookback  time.Duration
}

// PromQL evaluates range queries to rows: the columns of
// spec/greptimedb-http-api.md section 2.4, times in milliseconds. Errors are
// gate's.
type PromQL interface {
	Rows(ctx context.Context, q RangeQuery) ([]Column, *column.Batch, error)
	// Explain shows how a query is evaluated, line by line.
	Explain(ctx context.Context, q RangeQuery, analyze bool) ([]string, error)
}

// Defaults of TQL without parameters, and of lookback.
const (
	defaultStep     = 5 * time.Minute
	defaultLookback = 5 * time.Minute
)

func (r *Runner) tql(ctx context.Context, sess *Session, s *sql.TQL) (*Output, error) {
	if r.PromQL == nil {
		return nil, gate.Errorf(gate.Unsupported, "Unsupported statement: TQL")
	}
	q := RangeQuery{Database: sess.Database, Query: s.Query, Start: time.Unix(0, 0), End: time.Unix(0, 0), Step: defaultStep, Lookback: defaultLookback}
	for i, p := range s.Params {
		v, err := r.Query.Constant(ctx, r.native(sess), p)
		if err != nil {
			return nil, Explain(err)
		}
		ok := false
		switch i {
		case 0:
			q.Start, ok = moment(v, sess.Zone)
		case 1:
			q.End, ok = moment(v, sess.Zone)
		case 2:
			q.Step, ok = length(v)
			ok = ok && q.Step > 0
		case 3:
			q.Lookback, ok = length(v)
		}
		if !ok {
			return nil, gate.Errorf(gate.InvalidSyntax, "Invalid TQL syntax: %s is no %s", p, []string{"start", "end", "step", "lookback"}[i])
		}
	}
	if s.Kind != "EVAL" {
		lines, err := r.PromQL.Explain(ctx, q, s.Kind == "ANALYZE")
		if err != nil {
			return nil, err
		}
		return tqlPlan(lines, s.Kind == "ANALYZE"), nil
	}
	columns, b, err := r.PromQL.Rows(ctx, q)
	if err != nil {
		return nil, err
	}
	if s.Alias != nil {
		for i, c := range columns {
			if c.Type.Kind == column.Float64 {
				columns[i].Name = s.Alias.Name
				break
			}
		}
	}
	return &Output{Rows: true, Columns: columns, batch: b}, nil
}

// tqlTables runs what WITH names of a query are TQL, by the names of the tables
// that stand for them.
func (r *Runner) tqlTables(ctx context.Context, sess *Session, s sql.Statement) (map[string]plan.SystemTable, error) {
	q, ok := s.(*sql.Query)
	if e, explain := s.(*sql.Explain); explain {
		q, ok = e.Query, true
	}
	if !ok {
		return nil, nil
	}
	var out map[string]plan.SystemTable
	for _, c := range q.TQL {
		o, err := r.tql(ctx, sess, c.TQL)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = map[string]plan.SystemTable{}
		}
		out[c.Table()] = tqlTable{o}
	}
	return out, nil
}

// tqlTable is the rows of TQL as a table.
type tqlTable struct{ *Output }

// Columns is plan.SystemTable's.
func (t tqlTable) Columns() []plan.Column {
	var out []plan.Column
	for _, c := range t.Output.Columns {
		out = append(out, plan.Column{Name: c.Name, Type: c.Type, Unit: c.Unit})
	}
	return out
}

// Targets is plan.Targeted's.
func (t tqlTable) Targets() []expr.Target {
	var out []expr.Target
	for _, c := range t.Output.Columns {
		target := expr.Target{}
		if c.Type.Kind == column.Timestamp {
			target = expr.Target{Type: c.Type, Unit: c.Unit}
		}
		out = append(out, target)
	}
	return out
}

// Read is plan.SystemTable's.
func (t tqlTable) Read(context.Context) (*column.Batch, error) {
	if t.batch == nil {
		return &column.Batch{}, nil
	}
	return t.batch, nil
}

func tqlPlan(lines []string, analyze bool) *Output {
	all := ""
	for i, l := range lines {
		if i > 0 {
			all += "\n"
		}
		all += l
	}
	if analyze {
		out := newRows("stage", column.Int64, "node", column.Int64, "plan", column.String)
		out.add(int64(0), int64(0), all)
		return out.output()
	}
	out := texts("plan_type", "plan")
	out.add("logical_plan", all)
	return out.output()
}

// moment is an instant: seconds, a text of them, or a clock.
func moment(v expr.Value, zone *time.Location) (time.Time, bool) {
	switch v.Type.Kind {
	case column.Int64:
		return time.Unix(v.I, 0), !v.Null
	case column.Float64:
		return time.Unix(0, int64(v.F*1e9)), !v.Null
	case column.Timestamp:
		return time.Unix(0, v.I), !v.Null
	case column.Date:
		return time.Unix(0, v.I*qtext.Day), !v.Null
	case column.String:
		if f, err := strconv.ParseFloat(v.S, 64); err == nil {
			return time.Unix(0, int64(f*1e9)), true
		}
		ns, err := qtext.ParseTimestampIn(v.S, zone)
		return time.Unix(0, ns), err == nil
	}
	return time.Time{}, false
}

// length is a span: seconds, a text of them, a duration or an interval.
func length(v expr.Value) (time.Duration, bool) {
	switch v.Type.Kind {
	case column.Int64:
		return time.Duration(v.I) * time.Second, v.I > 0 && v.I < 1<<32
	case column.Float64:
		return time.Duration(v.F * 1e9), v.F > 0 && v.F < 1<<32
	case column.IntervalKind:
		return time.Duration(int64(v.Iv.Days)*qtext.Day + v.Iv.Nanos), v.Iv.Months == 0
	case column.String:
		if f, err := strconv.ParseFloat(v.S, 64); err == nil {
			return time.Duration(f * 1e9), f > 0 && f < 1<<32
		}
		ns, ok := sql.PromDuration(v.S)
		return time.Duration(ns), ok
	}
	return 0, false
}
