package statement

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tarn/edge/api/gate"
	"tarn/edge/query/plan"
	"tarn/edge/query/sql"
	"tarn/store/schema"
)

func (r *Runner) show(ctx context.Context, sess *Session, s *sql.ShowNative) (*Output, error) {
	database := sess.Database
	if s.From != nil {
		database = s.From.Name
		if !r.exists(database) {
			return nil, databaseNotFound(database)
		}
	}
	switch s.What {
	case "DATABASES":
		return r.filtered(ctx, sess, s, r.showDatabases(s.Full))
	case "TABLES", "VIEWS":
		return r.filtered(ctx, sess, s, r.showTables(sess, s, database))
	case "TABLE STATUS":
		return r.filtered(ctx, sess, s, r.tableStatus(sess, database))
	case "COLUMNS", "INDEX":
		name := s.Name
		if s.From != nil {
			name = sql.ObjectName{*s.From, name[len(name)-1]}
		}
		v, ids, err := r.described(sess, name)
		if err != nil {
			return nil, err
		}
		if s.What == "INDEX" {
			return r.filtered(ctx, sess, s, showIndex(v))
		}
		return r.filtered(ctx, sess, s, showColumns(v, ids, s.Full))
	case "CREATE TABLE":
		v, ids, err := r.described(sess, s.Name)
		if err != nil {
			return nil, err
		}
		out := texts("Table", "Create Table")
		out.add(v.Name, createText(v, ids))
		return out.output(), nil
	case "CREATE DATABASE":
		name, err := databaseName(s.Name)
		if err != nil {
			return nil, err
		}
		if !r.exists(name) {
			return nil, databaseNotFound(name)
		}
		out := texts("Database", "Create Database")
		out.add(name, r.createDatabaseText(name))
		return out.output(), nil
	case "VARIABLES":
		return r.variables(ctx, sess, s)
	case "FLOWS":
		return texts("Flows").output(), nil
	case "PROCESSLIST":
		return texts("Id", "Catalog", "Query", "Elapsed Time").output(), nil
	case "CHARSET":
		out := texts("Charset", "Description", "Default collation", "Maxlen")
		out.add("utf8", "UTF-8 Unicode", "utf8_bin", "4")
		return out.output(), nil
	case "COLLATION":
		out := texts("Collation", "Charset", "Id", "Default", "Compiled", "Sortlen")
		out.add("utf8_bin", "utf8", "1", "Yes", "Yes", "1")
		return out.output(), nil
	case "STATUS":
		return texts("Variable_name", "Value").output(), nil
	case "SEARCH_PATH":
		out := texts("search_path")
		out.add(sess.Database)
		return out.output(), nil
	}
	return nil, gate.Errorf(gate.Unsupported, "Unsupported statement: SHOW %s", s.What)
}

// filtered applies LIKE, which is about the first column, and WHERE.
func (r *Runner) filtered(ctx context.Context, sess *Session, s *sql.ShowNative, all *rows) (*Output, error) {
	if s.Like == "" && s.Where == nil {
		return all.output(), nil
	}
	const name = "\x01show"
	where := s.Where
	if s.Like != "" {
		first := &sql.ColumnRef{Name: sql.Ident{Name: all.columns[0].Name, Quoted: true}}
		where = &sql.Like{X: first, Op: "LIKE", Pattern: &sql.Literal{Kind: sql.StringLit, Str: s.Like}}
	}
	plan.EachColumn(where, func(ref *sql.ColumnRef) {
		for i, c := range all.columns {
			short := strings.ToLower(ref.Name.Name)
			if short == strings.ToLower(c.Name) || i == 0 && short == "tables" && strings.HasPrefix(c.Name, "Tables_in_") {
				ref.Name = sql.Ident{Name: c.Name, Quoted: true}
				return
			}
		}
	})
	q := &sql.Query{Body: &sql.Select{Items: []sql.SelectItem{{Wildcard: true}}, Where: where,
		From: []sql.TableExpr{&sql.TableName{Name: sql.ObjectName{{Name: name, Quoted: true}}}}}}
	return r.queryOn(ctx, sess, q, map[string]plan.SystemTable{name: all})
}

func (r *Runner) showDatabases(full bool) *rows {
	names := []string{"Database"}
	if full {
		names = append(names, "Options")
	}
	out := texts(names...)
	for _, d := range r.databases() {
		if !full {
			out.add(d)
			continue
		}
		options := ""
		if db, ok := r.database(d); ok && db.Retention() > 0 {
			options = "ttl='" + span(db.Retention()) + "'\n"
		}
		out.add(d, options)
	}
	return out
}

func (r *Runner) showTables(sess *Session, s *sql.ShowNative, database string) *rows {
	names := []string{"Tables_in_" + database}
	if s.What == "VIEWS" {
		return texts("Views")
	}
	if s.Full {
		names = append(names, "Table_type")
	}
	out := texts(names...)
	for _, t := range r.tables(sess, database) {
		if s.Full {
			out.add(t, r.tableType(database, t))
		} else {
			out.add(t)
		}
	}
	return out
}

// tableType is BASE TABLE for what is stored, and the words for what is not.
func (r *Runner) tableType(database, table string) string {
	if _, ok := r.stored(database, table); ok {
		return "BASE TABLE"
	}
	return "LOCAL TEMPORARY"
}

func (r *Runner) tableStatus(sess *Session, database string) *rows {
	out := texts("Name", "Engine", "Version", "Row_format", "Create_options", "Comment")
	for _, t := range r.tables(sess, database) {
		comment := ""
		if st, ok := r.stored(database, t); ok && st.Def != nil {
			comment = st.Def.Options["comment"]
		}
		out.add(t, "mito", "11", "Fixed", "", comment)
	}
	return out
}

// described is the view of a table that a statement describes.
func (r *Runner) described(sess *Session, name sql.ObjectName) (*schema.Table, []int, error) {
	database, table, err := r.resolve(sess, name)
	if err != nil {
		return nil, nil, err
	}
	if t, ok := r.stored(database, table); ok {
		v, ids := view(t)
		return v, ids, nil
	}
	if t, ok := r.table(sess, database, table); ok {
		return virtual(table, t.System), nil, nil
	}
	return nil, nil, tableNotFound(table)
}

// virtual is a table of the server's own as a schema: of fields alone.
func virtual(name string, t plan.SystemTable) *schema.Table {
	v := schema.NewTable(0, 0, name)
	v.Columns = nil
	def := &schema.Definition{Columns: map[string]schema.ColumnDefinition{}}
	var cols []schema.Column
	for i, c := range t.Columns() {
		cols = append(cols, schema.Column{Name: c.Name, Role: schema.Field, Kind: c.Type.Kind})
		o := plan.Origin{}
		if g, ok := t.(plan.Targeted); ok {
			o.Target = g.Targets()[i]
		}
		typ, _ := dataType(o, c.Type)
		def.Columns[c.Name] = schema.ColumnDefinition{Type: typ}
	}
	return v.With(cols...).Defined(def)
}

// columnsOf lists a view's columns in order; without IDs, all.
func columnsOf(v *schema.Table, ids []int) []schema.Column {
	if ids == nil {
		return v.Columns
	}
	var out []schema.Column
	for _, id := range ids {
		out = append(out, v.Columns[id])
	}
	return out
}

func semantic(c schema.Column) (key, word string) {
	switch c.Role {
	case schema.Time:
		return "TIME INDEX", "TIMESTAMP"
	case schema.Tag:
		return "PRI", "TAG"
	}
	return "", "FIELD"
}

func nullable(v *schema.Table, c schema.Column) string {
	if c.Role == schema.Time || v.Def.Columns[c.Name].NotNull {
		return "NO"
	}
	return "YES"
}

func (r *Runner) describe(sess *Session, s *sql.Describe) (*Output, error) {
	v, ids, err := r.described(sess, s.Table)
	if err != nil {
		return nil, err
	}
	out := texts("Column", "Type", "Key", "Null", "Default", "Semantic Type")
	for _, c := range columnsOf(v, ids) {
		key, word := semantic(c)
		if c.Role == schema.Time {
			key = "PRI"
		}
		d := v.Def.Columns[c.Name]
		out.add(c.Name, d.Type, key, nullable(v, c), d.Default, word)
	}
	return out.output(), nil
}

// lower is a type's name in SHOW COLUMNS.
func lower(typ string) string {
	if t, ok := typesByName[typ]; ok {
		return strings.ToLower(t.sql)
	}
	return strings.ToLower(typ)
}

func showColumns(v *schema.Table, ids []int, full bool) *rows {
	names := []string{"Field", "Type", "Null", "Key", "Default", "Extra", "Greptime_type"}
	if full {
		names = []string{"Field", "Type", "Collation", "Null", "Key", "Default", "Comment", "Privileges", "Extra", "Greptime_type"}
	}
	out := texts(names...)
	cols := slices.Clone(columnsOf(v, ids))
	slices.SortFunc(cols, func(a, b schema.Column) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range cols {
		d := v.Def.Columns[c.Name]
		key, _ := semantic(c)
		null := "Yes"
		if nullable(v, c) == "NO" {
			null = "No"
		}
		var def any
		if d.Default != "" {
			def = d.Default
		}
		if full {
			var collation any
			if d.Type == "String" {
				collation = "utf8_bin"
			}
			out.add(c.Name, lower(d.Type), collation, null, key, def, d.Comment, "select,insert", "", d.Type)
			continue
		}
		out.add(c.Name, lower(d.Type), null, key, def, "", d.Type)
	}
	return out
}

func showIndex(v *schema.Table) *rows {
	out := texts("Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part", "Packed", "Null", "Index_type",
		"Comment", "Index_comment", "Visible", "Expression")
	add := func(key string, seq int, name, kind string) {
		c, _ := v.Column(name)
		out.add(v.Name, "1", key, fmt.Sprint(seq), name, "A", nil, nil, nil, nullable(v, c), kind, "", "", "YES", nil)
	}
	for i, id := range v.Tags {
		add("PRIMARY", i+1, v.Columns[id].Name, "greptime-primary-key-v1")
	}
	if len(v.Columns) > 0 && v.Columns[0].Role == schema.Time {
		add("TIME INDEX", 1, v.Columns[0].Name, "")
	}
	for _, name := range slices.Sorted(maps.Keys(v.Def.Columns)) {
		for _, i := range v.Def.Columns[name].Indexes {
			add(i+" INDEX", 1, name, "greptime-"+strings.ToLower(i)+"-index-v1")
		}
	}
	return out
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// createText is the statement that makes a table.
func createText(v *schema.Table, ids []int) string {
	var lines []string
	for _, c := range columnsOf(v, ids) {
		d := v.Def.Columns[c.Name]
		typ := d.Type
		if t, ok := typesByName[typ]; ok {
			typ = t.sql
		}
		l := quoted(c.Name) + " " + typ
		if nullable(v, c) == "NO" {
			l += " NOT NULL"
		} else {
			l += " NULL"
		}
		if d.Default != "" {
			l += " DEFAULT " + d.Default
		}
		if d.Comment != "" {
			l += " COMMENT " + literal(d.Comment)
		}
		for _, i := range d.Indexes {
			l += " " + i + " INDEX"
		}
		lines = append(lines, l)
	}
	if len(v.Columns) > 0 && v.Columns[0].Role == schema.Time {
		lines = append(lines, "TIME INDEX ("+quoted(v.Columns[0].Name)+")")
	}
	if len(v.Tags) > 0 {
		var keys []string
		for _, id := range v.Tags {
			keys = append(keys, quoted(v.Columns[id].Name))
		}
		lines = append(lines, "PRIMARY KEY ("+strings.Join(keys, ", ")+")")
	}
	engine := v.Def.Engine
	if engine == "" {
		engine = "mito"
	}
	out := "CREATE TABLE IF NOT EXISTS " + quoted(v.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n)\n\nENGINE=" + engine + "\n"
	options := maps.Clone(v.Def.Options)
	if options == nil {
		options = map[string]string{}
	}
	if v.Def.TimeName == timeColumn && v.Def.Order == nil && options["merge_mode"] == "" && !v.Appends() {
		options["merge_mode"] = "last_non_null"
	}
	if len(options) == 0 {
		return out
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		key := name
		if strings.ContainsAny(name, ".- ") {
			key = literal(name)
		}
		pairs = append(pairs, "  "+key+" = "+literal(options[name]))
	}
	return out + "WITH(\n" + strings.Join(pairs, ",\n") + "\n)"
}

func (r *Runner) createDatabaseText(name string) string {
	out := "CREATE DATABASE IF NOT EXISTS " + name
	if db, ok := r.database(name); ok && db.Retention() > 0 {
		out += "\nWITH(\n  ttl = " + literal(span(db.Retention())) + "\n)"
	}
	return out
}
