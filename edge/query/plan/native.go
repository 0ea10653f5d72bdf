package plan

import (
	"slices"
	"strings"
	"time"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/edge/query/text"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// Native makes a Binder one of GreptimeDB's dialect (spec/greptimedb-http-api.md
// section 2.2): other names of tables, time columns with names and units of
// their own, RANGE queries.
type Native struct {
	// Table finds a table by [database.]name; database is empty when none is
	// named.
	Table func(database, table string) (NativeTable, bool)
	// Catalog is the one that names may begin with, Database the current
	// database.
	Catalog, Database string
	// Zone is the session's: of timestamps as text, and of RANGE's origin.
	Zone *time.Location
	// Now is the query's clock, ns since epoch.
	Now int64
	// Constants are the values of functions of the session, such as
	// database().
	Constants map[string]string
}

// NativeTable is a stored table as the dialect shows it, or a table of the
// server's own.
type NativeTable struct {
	Database string
	// Schema has the time column under the name that the dialect gives it, and
	// a definition with the types of columns that differ from their kinds.
	Schema *schema.Table
	// IDs are the columns as * lists them.
	IDs []int
	// System is the table where Schema is nil.
	System SystemTable
}

// TableNotFoundError is a table that there is not, by its full name.
type TableNotFoundError struct{ Catalog, Database, Table string }

func (e *TableNotFoundError) Error() string {
	return "Table not found: " + e.Catalog + "." + e.Database + "." + e.Table
}

// native plans a table by name.
func (b *Binder) native(name sql.ObjectName, qualifier string) (Node, error) {
	last, database := name[len(name)-1].Name, ""
	if len(name) > 1 {
		database = name[len(name)-2].Name
	}
	known := len(name) < 3 || len(name) == 3 && name[0].Name == b.Native.Catalog
	t, ok := b.Native.Table(database, last)
	if !known || !ok {
		if database == "" {
			database = b.Native.Database
		}
		e := &TableNotFoundError{b.Native.Catalog, database, last}
		return nil, &Error{Class: Plan, Msg: e.Error(), Err: e}
	}
	if t.Schema == nil {
		return systemNode(last, qualifier, t.System), nil
	}
	return &Scan{Database: t.Database, Table: t.Schema, Qualifier: qualifier, MinTime: store.MinTime, MaxTime: store.MaxTime, IDs: slices.Clone(t.IDs)}, nil
}

// UnitOf is the nanoseconds of the unit in which a column of a table counts time,
// 1 when nothing says so.
func UnitOf(t *schema.Table, c schema.Column) int64 {
	if t.Def == nil {
		return 1
	}
	return TimeUnits[t.Def.Columns[c.Name].Type].or1()
}

type unit int64

func (u unit) or1() int64 { return max(int64(u), 1) }

// TimeUnits are the nanoseconds of the units of the types of timestamps, and of
// dates, which are stored as such.
var TimeUnits = map[string]unit{"TimestampSecond": 1e9, "TimestampMillisecond": 1e6, "TimestampMicrosecond": 1e3, "TimestampNanosecond": 1, "Date": 86400e9}

// unitOf is the unit in which an expression over a scope counts time: that of
// the columns in it.
func (s *scope) unitOf(e expr.Expr) int64 {
	if e.Type().Kind != column.Timestamp {
		return 1
	}
	switch e := e.(type) {
	case *expr.Column:
		if a := s.agg; a != nil { // the column is a key's or an aggregate's
			switch i := e.Index - len(a.keys); {
			case i < 0:
				return a.input.unitOf(a.keys[e.Index])
			case i < len(a.calls) && len(a.calls[i].Args) > 0:
				return a.input.unitOf(a.calls[i].Args[0])
			}
			return 1
		}
		if e.Index < len(s.columns) {
			return max(s.columns[e.Index].Unit, 1)
		}
		return 1
	case *expr.Cast:
		if u := e.Unit(); u > 1 {
			return u
		}
		return s.unitOf(e.X)
	}
	unit := int64(1)
	for _, c := range e.Children() {
		unit = max(unit, s.unitOf(c))
	}
	return unit
}

// timed makes the operands of a comparison fit when one is a time: integers
// count in the unit of the other, and texts are clocks of the session's zone.
func (b *Binder) timed(x, y expr.Expr, sc *scope) (expr.Expr, expr.Expr, error) {
	if b.Native == nil {
		return x, y, nil
	}
	y, err := b.timedBy(x, y, sc)
	if err != nil {
		return nil, nil, err
	}
	x, err = b.timedBy(y, x, sc)
	return x, y, err
}

func (b *Binder) timedBy(t, e expr.Expr, sc *scope) (expr.Expr, error) {
	if t.Type().Kind != column.Timestamp || t.Type().Zone != "" || e.Type().Kind == column.Timestamp {
		return e, nil
	}
	if len(expr.Columns(e)) > 0 || expr.Volatile(e) {
		return e, nil
	}
	v, err := expr.Evaluate(b.Ctx, e)
	if err != nil || v.Null {
		return e, nil //nolint:nilerror // whoever runs it meets the error
	}
	return b.instant(v, sc.unitOf(t), e)
}

// instant turns a constant into a time; what is none stays what it was.
func (b *Binder) instant(v expr.Value, unit int64, e expr.Expr) (expr.Expr, error) {
	var ns int64
	switch v.Type.Kind {
	case column.Int64:
		var ok bool
		if ns, ok = Scale(v.I, unit); !ok {
			return nil, planErrorf("the timestamp %d is out of range", v.I)
		}
	case column.String:
		var err error
		if ns, err = text.ParseTimestampIn(v.S, b.Native.Zone); err != nil {
			return e, nil //nolint:nilerror // the comparison tells it in its words
		}
	default:
		return e, nil
	}
	return expr.NewLiteral(expr.Timestamp(ns)), nil
}

// Scale is v units in nanoseconds.
func Scale(v, unit int64) (ns int64, ok bool) {
	ns = v * unit
	return ns, ns/unit == v
}

// counted is a cast of a time to a number, which counts in the time's unit.
func (b *Binder) counted(x expr.Expr, to expr.Target, sc *scope) (expr.Expr, error) {
	unit := int64(1)
	if b.Native != nil {
		unit = sc.unitOf(x)
	}
	e := expr.Expr(x)
	var err error
	if unit > 1 && to.Type.IsNumeric() {
		if e, err = expr.NewCast(x, column.Of(column.Int64), false); err != nil {
			return nil, err
		}
		return expr.NewBinary(expr.Div, e, expr.NewLiteral(expr.Int(unit)))
	}
	return e, nil
}

// nativeCall binds what the dialect has beyond InfluxDB's: functions of the
// session and of JSON, and those that add to a time.
func (b *Binder) nativeCall(name string, e *sql.Call, sc *scope) (x expr.Expr, ok bool, err error) {
	if v, ok := b.Native.Constants[name]; ok && len(e.Args) == 0 {
		return expr.NewLiteral(expr.String(v)), true, nil
	}
	if (name == "date_add" || name == "date_sub") && len(e.Args) == 2 {
		op, by := expr.Add, e.Args[1]
		if name == "date_sub" {
			op = expr.Sub
		}
		if lit, ok := by.(*sql.Literal); ok && lit.Kind == sql.StringLit {
			by = &sql.Cast{X: lit, Type: sql.TypeName{Name: "INTERVAL"}}
		}
		x, err = b.both(op, e.Args[0], by, sc)
		return x, true, err
	}
	if rewritten, ok := rewrite(name, e.Args); ok {
		x, err = b.bind(rewritten, sc)
		return x, true, err
	}
	if strings.HasPrefix(name, "@@") {
		return nil, true, planErrorf("Unknown system variable %s", name)
	}
	if expr.IsFunction(expr.Native + name) {
		x, err = b.callArgs(expr.Native+name, e.Args, sc)
		return x, true, err
	}
	return nil, false, nil
}

// rewrite says functions of the dialect in those that all have.
func rewrite(name string, args []sql.Expr) (sql.Expr, bool) {
	call := func(name string, args ...sql.Expr) sql.Expr {
		return &sql.Call{Name: sql.Ident{Name: name}, Args: args}
	}
	text := func(s string) sql.Expr { return &sql.Literal{Kind: sql.StringLit, Str: s} }
	one := &sql.Literal{Kind: sql.IntLit, Int: 1}
	switch {
	case name == "mod" && len(args) == 2:
		return &sql.Binary{Op: "%", L: args[0], R: args[1]}, true
	case name == "isnull" && len(args) == 1:
		return &sql.Is{X: args[0], What: "NULL"}, true
	case name == "clamp" && len(args) == 3:
		return call("least", call("greatest", args[0], args[1]), args[2]), true
	case name == "clamp_min" && len(args) == 2:
		return call("greatest", args...), true
	case name == "clamp_max" && len(args) == 2:
		return call("least", args...), true
	case name == "regexp_extract" && len(args) == 2: // all that matches is the first group
		return &sql.Index{X: call("regexp_match", args[0], call("concat", text("("), args[1], text(")"))), I: one}, true
	}
	return nil, false
}

// nativeTypes are names of types that only the dialect has.
var nativeTypes = map[string]expr.Target{
	"INT8": {Type: column.Of(column.Int64)}, "INT16": {Type: column.Of(column.Int64), Bits: 16}, "INT32": {Type: column.Of(column.Int64), Bits: 32}, "INT64": {Type: column.Of(column.Int64)},
	"UINT8": {Type: column.Of(column.Uint64), Bits: 8}, "UINT16": {Type: column.Of(column.Uint64), Bits: 16}, "UINT32": {Type: column.Of(column.Uint64), Bits: 32}, "UINT64": {Type: column.Of(column.Uint64)},
	"FLOAT32": {Type: column.Of(column.Float64), Bits: 32}, "FLOAT64": {Type: column.Of(column.Float64)},
	"TIMESTAMP_S": {Type: column.Of(column.Timestamp), Unit: 1e9}, "TIMESTAMP_SEC": {Type: column.Of(column.Timestamp), Unit: 1e9}, "TIMESTAMPSECOND": {Type: column.Of(column.Timestamp), Unit: 1e9},
	"TIMESTAMP_MS": {Type: column.Of(column.Timestamp), Unit: 1e6}, "TIMESTAMPMILLISECOND": {Type: column.Of(column.Timestamp), Unit: 1e6},
	"TIMESTAMP_US": {Type: column.Of(column.Timestamp), Unit: 1e3}, "TIMESTAMPMICROSECOND": {Type: column.Of(column.Timestamp), Unit: 1e3}, "DATETIME": {Type: column.Of(column.Timestamp), Unit: 1e3},
	"TIMESTAMP_NS": {Type: column.Of(column.Timestamp)}, "TIMESTAMPNANOSECOND": {Type: column.Of(column.Timestamp)},
}

// castTarget finds what CAST makes.
func (b *Binder) castTarget(t sql.TypeName) (expr.Target, error) {
	if b.Native != nil && len(t.Args) == 0 {
		if target, ok := nativeTypes[t.Name]; ok {
			return target, nil
		}
	}
	return expr.ParseSQLType(t.Name, t.Args...)
}

// Constant computes an expression without columns.
func (b *Binder) Constant(e sql.Expr) (expr.Value, error) {
	bound, err := b.bind(e, &scope{})
	if err != nil {
		return expr.Value{}, err
	}
	return expr.Evaluate(b.Ctx, bound)
}

// Targeted is a SystemTable with columns narrower than what their values are
// held in.
type Targeted interface {
	SystemTable
	Targets() []expr.Target
}
