package influxql

import (
	"context"
	"slices"

	ast "github.com/influxdata/influxql"

	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// Binder turns statements into plans. It is used for one statement.
type Binder struct {
	// Databases finds a database by the name that it is stored under.
	Databases func(name string) (plan.Database, bool)
	// List lists the databases by name, with the deleted ones if wanted.
	List func(deleted bool) []DatabaseInfo
	// Scan reads a table, for lists of series.
	Scan func(ctx context.Context, spec store.ScanSpec) (store.Rows, error)
	// Database and RetentionPolicy are those of statements that name none.
	Database, RetentionPolicy string
	// Ctx has the query's clock.
	Ctx *expr.Context
	// Flat asks for the columns of /api/v3/query_influxql.
	Flat bool
}

// StoredIn is the name of the database that holds a retention policy
// (spec/influxdb3-http-api.md section 2.3).
func StoredIn(db, rp string) string {
	switch rp {
	case "", "''", "autogen", "default":
		return db
	}
	return db + "/" + rp
}

// ErrNoDatabase is a statement that needs a database and has none.
var ErrNoDatabase = &plan.Error{Class: plan.Plan, Msg: "database name required: must specify a 'db' parameter, or provide the database in the InfluxQL query"}

// database finds what a measurement or a statement names.
func (b *Binder) database(db, rp string) (plan.Database, error) {
	if db == "" {
		db = b.Database
	}
	if rp == "" {
		rp = b.RetentionPolicy
	}
	if db == "" {
		return nil, ErrNoDatabase
	}
	if d, ok := b.Databases(StoredIn(db, rp)); ok {
		return d, nil
	}
	if _, ok := b.Databases(db); ok {
		return nil, planError("retention policy not found: %s", rp)
	}
	return nil, &plan.Error{Class: plan.DatabaseNotFound, Msg: "database not found: " + db}
}

// tables are the measurements that one source names, by name. Unknown names
// are none.
func (b *Binder) tables(m *ast.Measurement) (plan.Database, []*schema.Table, error) {
	db, err := b.database(m.Database, m.RetentionPolicy)
	if err != nil {
		return nil, nil, err
	}
	var out []*schema.Table
	if m.Regex == nil {
		if t, ok := db.Table(m.Name); ok {
			out = append(out, t)
		}
		return db, out, nil
	}
	for _, name := range db.Tables() {
		if t, ok := db.Table(name); ok && m.Regex.Val.MatchString(name) {
			out = append(out, t)
		}
	}
	return db, out, nil
}

// FieldDimensions is the library's: the fields and tags of a measurement.
func (b *Binder) FieldDimensions(m *ast.Measurement) (map[string]ast.DataType, map[string]struct{}, error) {
	_, tables, err := b.tables(m)
	if err != nil {
		return nil, nil, err
	}
	fields, tags := map[string]ast.DataType{}, map[string]struct{}{}
	for _, t := range tables {
		for _, c := range t.Columns {
			switch c.Role {
			case schema.Tag:
				tags[c.Name] = struct{}{}
			case schema.Field:
				if typ := dataType(c.Kind); fields[c.Name].LessThan(typ) {
					fields[c.Name] = typ
				}
			}
		}
	}
	return fields, tags, nil
}

// MapType is the library's: the type of a column of a measurement.
func (b *Binder) MapType(m *ast.Measurement, name string) ast.DataType {
	fields, tags, err := b.FieldDimensions(m)
	if err != nil {
		return ast.Unknown
	}
	if t, ok := fields[name]; ok {
		return t
	}
	if _, ok := tags[name]; ok {
		return ast.Tag
	}
	return ast.Unknown
}

// CallType is the library's: the type of a function's result.
func (b *Binder) CallType(name string, args []ast.DataType) (ast.DataType, error) {
	switch name {
	case "count", "elapsed":
		return ast.Integer, nil
	case "mean", "median", "stddev", "integral", "derivative", "non_negative_derivative", "moving_average",
		"holt_winters", "holt_winters_with_fit":
		return ast.Float, nil
	case "abs", "ceil", "floor", "round":
		if len(args) > 0 {
			return args[0], nil
		}
	case "pow":
		if slices.Equal(args, []ast.DataType{ast.Integer, ast.Integer}) {
			return ast.Integer, nil
		}
		return ast.Float, nil
	}
	if isMath(name) || technical[name] {
		return ast.Float, nil
	}
	if len(args) > 0 {
		return args[0], nil
	}
	return ast.Unknown, nil
}

var _ ast.FieldMapper = (*Binder)(nil)
var _ ast.CallTypeMapper = (*Binder)(nil)

// dataType is a kind of field in the library's words.
func dataType(k column.Kind) ast.DataType {
	switch k {
	case column.Float64:
		return ast.Float
	case column.Int64, column.Timestamp:
		return ast.Integer
	case column.Uint64:
		return ast.Unsigned
	case column.Bool:
		return ast.Boolean
	}
	return ast.String
}

// kindOf is the kind of a column of a type.
func kindOf(t ast.DataType) (column.Kind, bool) {
	switch t {
	case ast.Float:
		return column.Float64, true
	case ast.Integer, ast.Time, ast.Duration:
		return column.Int64, true
	case ast.Unsigned:
		return column.Uint64, true
	case ast.Boolean:
		return column.Bool, true
	case ast.String, ast.Tag:
		return column.String, true
	}
	return 0, false
}
