// Package statement runs the statements of GreptimeDB's dialect of SQL
// (spec/greptimedb-http-api.md section 2.2) on the store and the query engine.
package statement

import (
	"context"
	"errors"
	"io"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/edge/query/plan"
	"tarn/edge/query/sql"
	"tarn/store"
	"tarn/store/column"
)

// Runner runs statements. It is safe for concurrent use.
type Runner struct {
	Store  *store.Store
	Query  *query.Engine
	Writer *ingest.Writer
	PromQL PromQL // nil when there is none
	Now    func() time.Time
	// Version is what version() and build_info say.
	Version, Revision string
}

// Session is what statements of one request leave to those that follow.
type Session struct {
	Database string
	// ZoneName is the time zone as the client named it.
	ZoneName string
	Zone     *time.Location
}

// Column is a column of an answer.
type Column struct {
	Name string
	// DataType is the name of its type in GreptimeDB.
	DataType string
	Type     column.Type
	// Unit is the nanoseconds that times count in, 1 where it does not matter.
	Unit int64
}

// Output is the answer of a statement: rows, or the number of rows it changed.
// Close it.
type Output struct {
	// Rows says that there are rows; Affected counts otherwise.
	Rows     bool
	Affected int64
	Columns  []Column

	batch *column.Batch // all rows
	res   *query.Result
}

// NewOutput is an answer of rows that are all there.
func NewOutput(columns []Column, rows *column.Batch) *Output {
	return &Output{Rows: true, Columns: columns, batch: rows}
}

// Next fills b with the next rows, or returns io.EOF.
func (o *Output) Next(ctx context.Context, b *column.Batch) error {
	if o.res != nil {
		return o.res.Next(ctx, b)
	}
	if o.batch == nil || o.batch.Len == 0 {
		return io.EOF
	}
	*b = *o.batch
	o.batch = nil
	return nil
}

// Send runs what may wait for the client; see query.Result.
func (o *Output) Send(fn func() error) error {
	if o.res == nil {
		return fn()
	}
	return o.res.Send(fn)
}

// Close ends the statement.
func (o *Output) Close() error {
	if o == nil || o.res == nil {
		return nil
	}
	return o.res.Close()
}

func affected(n int64) *Output { return &Output{Affected: n} }

// Run runs one statement.
func (r *Runner) Run(ctx context.Context, sess *Session, s sql.Statement) (*Output, error) {
	switch s := s.(type) {
	case *sql.Query:
		return r.query(ctx, sess, s)
	case *sql.Explain:
		return r.explain(ctx, sess, s)
	case *sql.CreateDatabase:
		return r.createDatabase(ctx, s)
	case *sql.CreateTable:
		return r.createTable(ctx, sess, s)
	case *sql.Drop:
		return r.drop(ctx, sess, s)
	case *sql.Truncate:
		return r.truncate(ctx, sess, s)
	case *sql.AlterDatabase:
		return r.alterDatabase(ctx, s)
	case *sql.AlterTable:
		return r.alterTable(ctx, sess, s)
	case *sql.Insert:
		return r.insert(ctx, sess, s)
	case *sql.Delete:
		return r.delete(ctx, sess, s)
	case *sql.ShowNative:
		return r.show(ctx, sess, s)
	case *sql.Describe:
		return r.describe(sess, s)
	case *sql.Use:
		return r.use(sess, s)
	case *sql.SetVariable:
		return r.set(ctx, sess, s)
	case *sql.Admin:
		return r.admin(ctx, sess, s)
	case *sql.TQL:
		return r.tql(ctx, sess, s)
	}
	return nil, gate.Errorf(gate.Unsupported, "Unsupported statement: %s", s)
}

// query runs a SELECT.
func (r *Runner) query(ctx context.Context, sess *Session, s sql.Statement) (*Output, error) {
	own, err := r.tqlTables(ctx, sess, s)
	if err != nil {
		return nil, err
	}
	return r.queryOn(ctx, sess, s, own)
}

// queryOn is query where a table of the server's own may stand for a name.
func (r *Runner) queryOn(ctx context.Context, sess *Session, s sql.Statement, own map[string]plan.SystemTable) (*Output, error) {
	n := r.native(sess)
	if own != nil {
		find := n.Table
		n.Table = func(database, table string) (plan.NativeTable, bool) {
			if t, ok := own[table]; ok {
				return plan.NativeTable{System: t}, true
			}
			return find(database, table)
		}
	}
	res, err := r.Query.Query(ctx, query.Request{Database: sess.Database, Text: s.String(), Language: query.SQL, Statement: s, Native: n})
	if err != nil {
		return nil, planned(err)
	}
	o := &Output{Rows: true, res: res}
	origins := res.Origins()
	for i, c := range res.Columns() {
		var origin plan.Origin
		if i < len(origins) {
			origin = origins[i]
		}
		name, unit := dataType(origin, c.Type)
		o.Columns = append(o.Columns, Column{Name: c.Name, DataType: name, Type: c.Type, Unit: unit})
	}
	return o, nil
}

// planned gives errors of planning the words that clients know.
func planned(err error) error {
	var missing *plan.TableNotFoundError
	var q *query.Error
	switch {
	case errors.As(err, &missing):
		return &gate.Error{Code: gate.TableNotFound, Msg: "Failed to plan SQL: " + missing.Error(), Err: err}
	case !errors.As(err, &q):
		return err
	}
	return explained(q)
}

// native is the dialect for a session.
func (r *Runner) native(sess *Session) *plan.Native {
	return &plan.Native{
		Table:   func(database, table string) (plan.NativeTable, bool) { return r.table(sess, database, table) },
		Catalog: gate.Catalog, Database: sess.Database, Zone: sess.Zone, Now: r.Now().UnixNano(),
		Constants: map[string]string{"database": sess.Database, "schema": sess.Database, "current_schema": sess.Database, "current_database": sess.Database,
			"version": r.version(), "pg_catalog.version": r.version(), "timezone": sess.ZoneName, "current_user": "greptime", "session_user": "greptime",
			"@@time_zone": sess.ZoneName, "@@system_time_zone": "UTC", "@@version": r.version(), "@@version_comment": "Tarn"},
	}
}

// version is what version() says: clients look for the product and a number.
func (r *Runner) version() string { return "8.4.2-tarn-" + r.Version }

// rows is an answer that is made row by row.
type rows struct {
	columns []plan.Column
	rows    *query.Rows
}

// newRows lists names and kinds in turn.
func newRows(defs ...any) *rows {
	r := &rows{}
	for i := 0; i < len(defs); i += 2 {
		name, _ := defs[i].(string)
		kind, _ := defs[i+1].(column.Kind)
		r.columns = append(r.columns, plan.Column{Name: name, Type: column.Of(kind)})
	}
	r.rows = query.NewRows(r.columns)
	return r
}

// texts are rows of strings.
func texts(names ...string) *rows {
	var defs []any
	for _, n := range names {
		defs = append(defs, n, column.String)
	}
	return newRows(defs...)
}

func (r *rows) add(values ...any) { r.rows.Add(values...) }

func (r *rows) output() *Output {
	o := &Output{Rows: true, batch: r.rows.Batch()}
	for _, c := range r.columns {
		name, unit := dataType(plan.Origin{}, c.Type)
		o.Columns = append(o.Columns, Column{Name: c.Name, DataType: name, Type: c.Type, Unit: unit})
	}
	return o
}

// Columns is plan.SystemTable's.
func (r *rows) Columns() []plan.Column { return r.columns }

// Read is plan.SystemTable's.
func (r *rows) Read(context.Context) (*column.Batch, error) { return r.rows.Batch(), nil }
