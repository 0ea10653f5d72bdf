package plan

import (
	"slices"

	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store/column"
	"tarn/store/schema"
)

// systemTables are the tables of schema "system" in the order in which SHOW
// TABLES lists them.
func (b *Binder) systemTables() []string {
	if b.System == nil {
		return nil
	}
	return b.System.Tables(b.Database.Name())
}

// Setting is what SHOW ALL and df_settings list.
type Setting struct{ Name, Value string }

var informationViews = []string{"tables", "views", "columns", "df_settings", "schemata", "routines", "parameters"}

// information plans a table of information_schema.
func (b *Binder) information(name string) (Node, error) {
	text, integer := column.Of(column.String), column.Of(column.Uint64)
	var t *rows
	switch name {
	case "tables":
		t = newRows(text, "table_catalog", "table_schema", "table_name", "table_type")
		for _, n := range b.Database.Tables() {
			t.add("public", "iox", n, "BASE TABLE")
		}
		for _, n := range b.systemTables() {
			t.add("public", "system", n, "BASE TABLE")
		}
		for _, n := range informationViews {
			t.add("public", "information_schema", n, "VIEW")
		}
	case "columns":
		t = b.columns()
	case "schemata":
		t = newRows(text, "catalog_name", "schema_name", "schema_owner")
		for _, n := range []string{"information_schema", "iox", "system"} {
			t.add("public", n, nil)
		}
	case "views":
		t = newRows(text, "table_catalog", "table_schema", "table_name", "definition")
	case "df_settings":
		t = newRows(text, "name", "value")
		for _, s := range b.Settings {
			t.add(s.Name, s.Value)
		}
	case "routines":
		t = newRows(text, "specific_catalog", "specific_schema", "specific_name", "routine_catalog", "routine_schema", "routine_name", "routine_type")
		for _, n := range expr.Functions() {
			t.add("public", "iox", n, "public", "iox", n, "FUNCTION")
		}
	case "parameters":
		t = newRows(text, "specific_catalog", "specific_schema", "specific_name")
		t.columns = append(t.columns, Column{Name: "ordinal_position", Type: integer})
	default:
		return nil, planErrorf("table 'public.information_schema.%s' not found", name)
	}
	return systemNode(name, name, t.table()), nil
}

// columns is information_schema.columns.
func (b *Binder) columns() *rows {
	t := newRows(column.Of(column.String), "table_catalog", "table_schema", "table_name", "column_name")
	number := column.Of(column.Uint64)
	for _, c := range []Column{{Name: "ordinal_position", Type: number}, {Name: "column_default"}, {Name: "is_nullable"}, {Name: "data_type"},
		{Name: "character_maximum_length", Type: number}, {Name: "character_octet_length", Type: number}, {Name: "numeric_precision", Type: number},
		{Name: "numeric_precision_radix", Type: number}, {Name: "numeric_scale", Type: number}, {Name: "datetime_precision", Type: number}, {Name: "interval_type"}} {
		if c.Type.Kind == column.Null {
			c.Type = column.Of(column.String)
		}
		t.columns = append(t.columns, c)
	}
	add := func(schemaName, table string, cols []Column, nullable func(Column) bool) {
		for i, c := range cols {
			var precision, radix any
			switch c.Type.Kind {
			case column.Int64, column.Uint64:
				precision, radix = uint64(64), uint64(2)
			case column.Float64:
				precision, radix = uint64(24), uint64(2)
			}
			t.add("public", schemaName, table, c.Name, uint64(i), nil, yesNo(nullable(c)), c.Type.String(), nil, nil, precision, radix, nil, nil, nil)
		}
	}
	for _, n := range b.Database.Tables() {
		if sch, ok := b.Database.Table(n); ok {
			var cols []Column
			for _, c := range sch.Sorted() {
				cols = append(cols, Column{Name: c.Name, Type: column.Of(c.Kind)})
			}
			add("iox", n, cols, func(c Column) bool { return c.Name != schema.TimeColumn })
		}
	}
	for _, n := range b.systemTables() {
		if st, ok := b.System.Table(b.Database.Name(), n); ok {
			add("system", n, st.Columns(), func(Column) bool { return true })
		}
	}
	for _, n := range informationViews {
		cols := t.columns
		if n != "columns" {
			view, err := b.information(n)
			if err != nil {
				continue
			}
			cols = view.Columns()
		}
		add("information_schema", n, cols, func(Column) bool { return true })
	}
	return t
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

// tableColumns are the columns of a table as SHOW COLUMNS and DESCRIBE list
// them.
func (b *Binder) tableColumns(name sql.ObjectName) ([]Column, string, error) {
	n, err := b.named(name, nil)
	if err != nil {
		return nil, "", err
	}
	schemaName := "iox"
	if len(name) > 1 {
		schemaName = name[len(name)-2].Name
	}
	return n.Columns(), schemaName, nil
}

func (b *Binder) showColumns(name sql.ObjectName) (Node, error) {
	cols, schemaName, err := b.tableColumns(name)
	if err != nil {
		return nil, err
	}
	t := newRows(column.Of(column.String), "table_catalog", "table_schema", "table_name", "column_name", "data_type", "is_nullable")
	for _, c := range cols {
		t.add("public", schemaName, name[len(name)-1].Name, c.Name, c.Type.String(), yesNo(schemaName != "iox" || c.Name != schema.TimeColumn))
	}
	return systemNode("columns", "columns", t.table()), nil
}

func (b *Binder) describe(name sql.ObjectName) (Node, error) {
	cols, schemaName, err := b.tableColumns(name)
	if err != nil {
		return nil, err
	}
	t := newRows(column.Of(column.String), "column_name", "data_type", "is_nullable")
	for _, c := range cols {
		t.add(c.Name, c.Type.String(), yesNo(schemaName != "iox" || c.Name != schema.TimeColumn))
	}
	return systemNode("describe", "describe", t.table()), nil
}

// rows builds a static table row by row.
type rows struct {
	columns []Column
	values  [][]any
}

func newRows(t column.Type, names ...string) *rows {
	r := &rows{}
	for _, n := range names {
		r.columns = append(r.columns, Column{Name: n, Type: t})
	}
	return r
}

// add appends a row of strings, uint64s and nils.
func (r *rows) add(values ...any) { r.values = append(r.values, values) }

func (r *rows) table() SystemTable {
	b := &column.Batch{Len: len(r.values)}
	for i, c := range r.columns {
		v := column.NewVector(c.Type, len(r.values))
		for _, row := range r.values {
			switch x := row[i].(type) {
			case nil:
				v.AppendNull(1)
			case string:
				v.Strings = append(v.Strings, x)
				v.Len++
			case uint64:
				v.Uints = append(v.Uints, x)
				v.Len++
			}
		}
		b.Cols = append(b.Cols, v)
	}
	return &static{slices.Clone(r.columns), b}
}
