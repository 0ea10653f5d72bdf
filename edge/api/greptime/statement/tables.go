package statement

import (
	"slices"

	"tarn/edge/api/gate"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// Names of the columns of tables that a protocol made (section 10).
const (
	timeColumn  = "greptime_timestamp"
	valueColumn = "greptime_value"
)

// view is a stored table as the dialect shows it: the time column under its own
// name, each column with the name of its type, and the columns in order.
func view(t *schema.Table) (*schema.Table, []int) {
	def := schema.Definition{}
	if t.Def != nil {
		def = *t.Def
	}
	single := t.Live() > 1
	for _, c := range t.Columns {
		if c.Role == schema.Field && (c.Name != valueColumn || c.Kind != column.Float64) {
			single = false
		}
	}
	_, hasValue := t.Column(valueColumn)
	single = single && hasValue
	name := def.TimeName
	if name == "" {
		name = timeColumn
		if _, taken := t.Column(name); taken {
			name = schema.TimeColumn
		}
	}
	types := make(map[string]schema.ColumnDefinition, len(t.Columns))
	for i, c := range t.Columns {
		if c.Role == schema.Dropped {
			continue
		}
		if i == 0 {
			c.Name = name
		}
		d := def.Columns[c.Name]
		if d.Type == "" {
			d.Type = kindTypes[c.Kind].name
			if i == 0 && single {
				// Prometheus, OTLP and OpenTSDB count milliseconds.
				d.Type = tsMilli.name
			}
		}
		types[c.Name] = d
	}
	def.Columns, def.TimeName = types, name
	v := t.Called(name, &def)
	return v, order(v, single)
}

// order lists a view's columns as * does: as they were declared, then as they
// came. Tables of line protocol have tags, fields and the time; those of
// Prometheus time, value and labels by name.
func order(v *schema.Table, single bool) []int {
	var ids []int
	add := func(id int) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, name := range v.Def.Order {
		if c, ok := v.Column(name); ok {
			add(c.ID)
		}
	}
	if len(ids) == 0 && single {
		add(0)
		c, _ := v.Column(valueColumn)
		add(c.ID)
		for _, c := range v.Sorted() {
			add(c.ID)
		}
	}
	if len(ids) == 0 {
		for _, id := range v.Tags {
			add(id)
		}
	}
	for _, c := range v.Columns[1:] {
		if c.Role != schema.Dropped {
			add(c.ID)
		}
	}
	add(0)
	return ids
}

// table finds a table for queries.
func (r *Runner) table(sess *Session, database, table string) (plan.NativeTable, bool) {
	if database == "" {
		database = sess.Database
	}
	if database == gate.InformationSchema {
		t, ok := r.information(sess, table)
		return plan.NativeTable{System: t}, ok
	}
	if t, ok := r.stored(database, table); ok {
		v, ids := view(t)
		return plan.NativeTable{Database: database, Schema: v, IDs: ids}, true
	}
	if database == gate.Public && table == "numbers" {
		return plan.NativeTable{System: numbers()}, true
	}
	if database == gate.Public && table == "scripts" {
		return plan.NativeTable{System: scriptTable{r.Store}}, true
	}
	if database == gate.Private && table == "pipelines" {
		return plan.NativeTable{System: pipelineTable{r.Store}}, true
	}
	return plan.NativeTable{}, false
}

// stored finds a table of the store.
func (r *Runner) stored(database, table string) (*schema.Table, bool) {
	db, ok := r.Store.Database(database)
	if !ok {
		return nil, false
	}
	return db.Table(table)
}

// databases lists those that can be named, sorted.
func (r *Runner) databases() []string {
	names := []string{gate.Private, gate.InformationSchema, gate.Public}
	for _, d := range r.Store.Databases() {
		if !slices.Contains(names, d.Name()) {
			names = append(names, d.Name())
		}
	}
	slices.Sort(names)
	return names
}

// tables lists those of a database, sorted.
func (r *Runner) tables(sess *Session, database string) []string {
	var names []string
	if database == gate.InformationSchema {
		return r.informationTables()
	}
	if db, ok := r.Store.Database(database); ok {
		names = append(names, db.Tables()...)
	}
	if database == gate.Public && !slices.Contains(names, "numbers") {
		names = append(names, "numbers")
	}
	slices.Sort(names)
	return names
}

func (r *Runner) exists(database string) bool { return slices.Contains(r.databases(), database) }

// database is the one of the store, which public need not be in yet.
func (r *Runner) database(name string) (store.Database, bool) { return r.Store.Database(name) }
