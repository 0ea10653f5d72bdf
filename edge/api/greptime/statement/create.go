package statement

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/humantime"
	"tarn/edge/query/sql"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// tableName is what a table may be called by CREATE TABLE (section 10).
var tableName = regexp.MustCompile(`^[a-zA-Z_:-][a-zA-Z0-9_:\-.@#]*$`)

func checkTableName(name string) error {
	if !tableName.MatchString(name) {
		return gate.Bad("Invalid table name: %s", name)
	}
	return nil
}

// resolve finds the database and table of [[catalog.]database.]table.
func (r *Runner) resolve(sess *Session, name sql.ObjectName) (database, table string, err error) {
	table, database = name[len(name)-1].Name, sess.Database
	switch {
	case len(name) > 3, len(name) == 3 && name[0].Name != gate.Catalog:
		return "", "", gate.Errorf(gate.InvalidArguments, "Invalid table name: %s", dotted(name))
	case len(name) > 1:
		database = name[len(name)-2].Name
	}
	if !r.exists(database) {
		return "", "", databaseNotFound(database)
	}
	return database, table, nil
}

func dotted(name sql.ObjectName) string {
	var parts []string
	for _, id := range name {
		parts = append(parts, id.Name)
	}
	return strings.Join(parts, ".")
}

func readOnly(database string) error {
	if database == gate.InformationSchema || database == gate.Private {
		return gate.Errorf(gate.Unsupported, "Schema `%s` is read-only", database)
	}
	return nil
}

// databaseName is the database that a statement about one names.
func databaseName(name sql.ObjectName) (string, error) {
	if len(name) > 2 || len(name) == 2 && name[0].Name != gate.Catalog {
		return "", gate.Bad("Invalid database name: %s", dotted(name))
	}
	return name[len(name)-1].Name, nil
}

func (r *Runner) createDatabase(ctx context.Context, s *sql.CreateDatabase) (*Output, error) {
	name, err := databaseName(s.Name)
	if err != nil {
		return nil, err
	}
	retention := time.Duration(0)
	for _, o := range s.Options {
		switch {
		case o.Name == "ttl":
			if retention, err = ttl(o.Value); err != nil {
				return nil, err
			}
		case !knownOption(o.Name):
			return nil, gate.Bad("Invalid database option, key: %s", o.Name)
		}
	}
	if r.exists(name) {
		if s.IfNotExists {
			return affected(1), nil
		}
		return nil, gate.Errorf(gate.DatabaseAlreadyExists, "Database %s already exists", name)
	}
	err = r.Store.CreateDatabase(ctx, name, retention)
	if errors.Is(err, store.ErrExists) && s.IfNotExists {
		err = nil
	}
	return affected(1), err
}

// ttl reads a time to live: '7d', '1h 30m', 'forever'.
func ttl(text string) (time.Duration, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "forever", "0", "0s":
		return 0, nil
	case "instant":
		return 0, gate.Errorf(gate.Unsupported, "ttl 'instant' is not supported")
	}
	d, err := humantime.Parse(text)
	if err != nil {
		return 0, gate.Bad("Invalid table option, key: ttl, value: %s: %s", text, err.Error())
	}
	return d, nil
}

// tableDef is a table that is being defined.
type tableDef struct {
	tags   []string
	fields []store.FieldDef
	def    schema.Definition
}

func (r *Runner) createTable(ctx context.Context, sess *Session, s *sql.CreateTable) (*Output, error) {
	database, name, err := r.resolve(sess, s.Name)
	if err == nil {
		err = readOnly(database)
	}
	if err != nil {
		return nil, err
	}
	if err := checkTableName(name); err != nil {
		return nil, err
	}
	if _, ok := r.stored(database, name); ok {
		if s.IfNotExists {
			return affected(0), nil
		}
		return nil, tableExists(database, name)
	}
	var t *tableDef
	if s.Like != nil {
		t, err = r.like(sess, s.Like)
	} else {
		t, err = r.define(ctx, sess, s)
	}
	if err != nil {
		return nil, err
	}
	err = r.Store.DefineTable(ctx, database, name, t.tags, t.fields, &t.def)
	if errors.Is(err, store.ErrExists) {
		if s.IfNotExists {
			return affected(0), nil
		}
		return nil, tableExists(database, name)
	}
	return affected(0), err
}

// like takes the definition of a table.
func (r *Runner) like(sess *Session, name sql.ObjectName) (*tableDef, error) {
	database, table, err := r.resolve(sess, name)
	if err != nil {
		return nil, err
	}
	have, ok := r.stored(database, table)
	if !ok {
		return nil, tableNotFound(table)
	}
	v, ids := view(have)
	t := &tableDef{def: *v.Def}
	t.def.Order = nil
	for _, id := range ids {
		t.def.Order = append(t.def.Order, v.Columns[id].Name)
	}
	for _, id := range v.Tags {
		t.tags = append(t.tags, v.Columns[id].Name)
	}
	for _, c := range v.Columns {
		if c.Role == schema.Field {
			t.fields = append(t.fields, store.FieldDef{Name: c.Name, Kind: c.Kind})
		}
	}
	return t, nil
}

// define reads the columns, constraints and options of CREATE TABLE.
func (r *Runner) define(ctx context.Context, sess *Session, s *sql.CreateTable) (*tableDef, error) {
	switch strings.ToLower(s.Engine) {
	case "", "mito", "metric":
	default:
		return nil, gate.Errorf(gate.Unsupported, "Unsupported engine: %s", s.Engine)
	}
	t := &tableDef{def: schema.Definition{Columns: map[string]schema.ColumnDefinition{}, Options: map[string]string{}, Engine: strings.ToLower(s.Engine)}}
	if err := t.options(s.Options); err != nil {
		return nil, err
	}
	index, key, err := constraints(s)
	if err != nil {
		return nil, err
	}
	kinds := map[string]columnType{}
	for _, c := range s.Columns {
		name := c.Name.Name
		if _, twice := kinds[name]; twice {
			return nil, gate.Errorf(gate.InvalidSyntax, "Invalid SQL, error: Duplicate column name: %s", name)
		}
		typ, ok := typeOf(c.Type)
		if !ok {
			return nil, gate.Errorf(gate.Unsupported, "Unsupported type of column %s: %s", name, c.Type)
		}
		kinds[name] = typ
		if err := t.column(ctx, r, sess, c, typ); err != nil {
			return nil, err
		}
		switch {
		case name == index:
			if typ.kind != column.Timestamp || typ == dateType {
				return nil, gate.Errorf(gate.InvalidSyntax, "Invalid column option, column name: %s, error: time index column data type should be timestamp", name)
			}
			d := t.def.Columns[name]
			d.NotNull = true
			t.def.Columns[name] = d
			t.def.TimeName = name
		case name == schema.TimeColumn:
			return nil, gate.Bad("Invalid column name: %s is the name of the time index here, and of no other column", name)
		case !slices.Contains(key, name):
			t.fields = append(t.fields, store.FieldDef{Name: name, Kind: typ.kind})
		}
	}
	for _, k := range key {
		if _, ok := kinds[k]; !ok {
			return nil, gate.Errorf(gate.InvalidArguments, "Invalid column option, column name: %s, error: the primary key has no such column", k)
		}
		if k == index {
			return nil, gate.Errorf(gate.InvalidArguments, "Invalid column option, column name: %s, error: the time index cannot be in the primary key", k)
		}
		t.tags = append(t.tags, k)
	}
	if t.def.TimeName == "" {
		return nil, gate.Errorf(gate.InvalidSyntax, "Invalid column option, column name: %s, error: the time index is no column", index)
	}
	return t, nil
}

// constraints are the time index and the primary key, each said by a constraint
// or by columns.
func constraints(s *sql.CreateTable) (index string, key []string, err error) {
	for _, c := range s.Columns {
		if c.TimeIndex {
			if index != "" {
				return "", nil, gate.Errorf(gate.InvalidSyntax, "Invalid time index: expect only one time index constraint")
			}
			index = c.Name.Name
		}
		if c.Key {
			key = append(key, c.Name.Name)
		}
	}
	if s.TimeIndex != nil {
		if index != "" {
			return "", nil, gate.Errorf(gate.InvalidSyntax, "Invalid time index: expect only one time index constraint")
		}
		index = s.TimeIndex.Name
	}
	if s.Key != nil {
		if len(key) > 0 {
			return "", nil, gate.Errorf(gate.InvalidSyntax, "Invalid primary key: the columns and a constraint both say it")
		}
		for _, id := range s.Key {
			if slices.Contains(key, id.Name) {
				return "", nil, gate.Errorf(gate.InvalidSyntax, "Invalid primary key: %s is in it twice", id.Name)
			}
			key = append(key, id.Name)
		}
	}
	if index == "" {
		return "", nil, gate.Errorf(gate.InvalidSyntax, "Missing time index constraint")
	}
	return index, key, nil
}

// column adds what SQL says of a column.
func (t *tableDef) column(ctx context.Context, r *Runner, sess *Session, c sql.ColumnDef, typ columnType) error {
	d := schema.ColumnDefinition{Type: typ.name, NotNull: c.NotNull, Comment: c.Comment}
	if c.Default != nil {
		if _, null := c.Default.(*sql.Literal); !null || c.Default.(*sql.Literal).Kind != sql.NullLit {
			if _, err := r.value(ctx, sess, c.Default, c.Name.Name, typ); err != nil {
				return err
			}
			d.Default = c.Default.String()
		}
	}
	for name, on := range map[string]bool{"FULLTEXT": c.Fulltext, "INVERTED": c.Inverted, "SKIPPING": c.Skipping} {
		if on {
			d.Indexes = append(d.Indexes, name)
		}
	}
	slices.Sort(d.Indexes)
	t.def.Columns[c.Name.Name] = d
	t.def.Order = append(t.def.Order, c.Name.Name)
	return nil
}

// options takes those of WITH.
func (t *tableDef) options(os []sql.Option) error {
	for _, o := range os {
		if err := setOption(&t.def, o); err != nil {
			return err
		}
	}
	return nil
}

// setOption checks an option and puts it into a definition, whose map is
// replaced.
func setOption(def *schema.Definition, o sql.Option) error {
	if !knownOption(o.Name) {
		return gate.Bad("Unrecognized table option key: %s", o.Name)
	}
	switch o.Name {
	case "ttl":
		d, err := ttl(o.Value)
		if err != nil {
			return err
		}
		def.Retention = d
	case "append_mode", "skip_wal":
		if o.Value != "true" && o.Value != "false" {
			return gate.Bad("Invalid table option, key: %s, value: %s", o.Name, o.Value)
		}
	case "merge_mode":
		if o.Value != "last_row" && o.Value != "last_non_null" {
			return gate.Bad("Invalid table option, key: %s, value: %s", o.Name, o.Value)
		}
	}
	options := maps.Clone(def.Options)
	if options == nil {
		options = map[string]string{}
	}
	options[o.Name] = o.Value
	def.Options = options
	return nil
}

func (r *Runner) drop(ctx context.Context, sess *Session, s *sql.Drop) (*Output, error) {
	if s.Database {
		name, err := databaseName(s.Names[0])
		if err == nil {
			err = readOnly(name)
		}
		if err != nil {
			return nil, err
		}
		switch _, there := r.database(name); {
		case there:
			return affected(0), r.Store.DeleteDatabase(ctx, name, store.HardDelete{})
		case s.IfExists || name == gate.Public:
			return affected(0), nil
		}
		return nil, databaseNotFound(name)
	}
	type target struct{ database, table string }
	var targets []target
	for _, n := range s.Names {
		database, table, err := r.resolve(sess, n)
		if err == nil {
			err = readOnly(database)
		}
		if err != nil {
			return nil, err
		}
		if _, ok := r.stored(database, table); ok {
			targets = append(targets, target{database, table})
		} else if !s.IfExists {
			return nil, tableNotFound(table)
		}
	}
	for _, t := range targets {
		if err := r.Store.DeleteTable(ctx, t.database, t.table, store.HardDelete{}); err != nil && !(s.IfExists && errors.Is(err, store.ErrNotFound)) {
			return nil, stored(err, t.table)
		}
	}
	return affected(0), nil
}

// writable resolves a stored table that a statement changes.
func (r *Runner) writable(sess *Session, name sql.ObjectName) (database, table string, t *schema.Table, err error) {
	database, table, err = r.resolve(sess, name)
	if err == nil {
		err = readOnly(database)
	}
	if err != nil {
		return "", "", nil, err
	}
	t, ok := r.stored(database, table)
	if !ok {
		return "", "", nil, tableNotFound(table)
	}
	return database, table, t, nil
}

func (r *Runner) truncate(ctx context.Context, sess *Session, s *sql.Truncate) (*Output, error) {
	database, table, _, err := r.writable(sess, s.Table)
	if err != nil {
		return nil, err
	}
	return affected(0), stored(r.Store.DeleteRows(ctx, database, table, store.RowDelete{MinTime: store.MinTime, MaxTime: store.MaxTime}), table)
}
