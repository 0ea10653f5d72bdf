package statement

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"tarn/edge/api/gate"
	"tarn/edge/query/expr"
	"tarn/edge/query/sql"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

func (r *Runner) alterDatabase(ctx context.Context, s *sql.AlterDatabase) (*Output, error) {
	name, err := databaseName(s.Name)
	if err == nil {
		err = readOnly(name)
	}
	if err != nil {
		return nil, err
	}
	if !r.exists(name) {
		return nil, databaseNotFound(name)
	}
	for _, o := range s.Set {
		if o.Name != "ttl" {
			return nil, gate.Bad("Invalid database option, key: %s", o.Name)
		}
		d := time.Duration(0)
		if !s.Unset {
			if d, err = ttl(o.Value); err != nil {
				return nil, err
			}
		}
		if _, there := r.database(name); !there { // public, which nobody wrote to yet
			if err := r.Store.CreateDatabase(ctx, name, d); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.Store.SetRetention(ctx, name, d); err != nil {
			return nil, err
		}
	}
	return affected(0), nil
}

func (r *Runner) alterTable(ctx context.Context, sess *Session, s *sql.AlterTable) (*Output, error) {
	database, table, _, err := r.writable(sess, s.Name)
	if err != nil {
		return nil, err
	}
	if len(s.Ops) == 1 && s.Ops[0].Kind == "RENAME" {
		return r.renameTable(ctx, database, table, s.Ops[0].To.Name)
	}
	err = r.Store.AlterTable(ctx, database, table, func(have *schema.Table) (store.Alteration, error) {
		a := &alteration{runner: r, sess: sess, table: have}
		v, ids := view(have)
		a.view, a.ids = v, ids
		if have.Def != nil {
			a.def.def = *have.Def
		}
		a.def.def.Columns = maps.Clone(a.def.def.Columns)
		if a.def.def.Columns == nil {
			a.def.def.Columns = map[string]schema.ColumnDefinition{}
		}
		for _, op := range s.Ops {
			if err := a.apply(ctx, op); err != nil {
				return store.Alteration{}, err
			}
		}
		return store.Alteration{Drop: a.drop, Retype: a.retyped, Tags: a.def.tags, Fields: a.def.fields, Def: &a.def.def}, nil
	})
	return affected(0), stored(err, table)
}

func (r *Runner) renameTable(ctx context.Context, database, from, to string) (*Output, error) {
	if err := checkTableName(to); err != nil {
		return nil, err
	}
	err := r.Store.RenameTable(ctx, database, from, to)
	if errors.Is(err, store.ErrExists) {
		return nil, tableExists(database, to)
	}
	return affected(0), stored(err, from)
}

// alteration is a change of a table that is being made.
type alteration struct {
	runner *Runner
	sess   *Session
	table  *schema.Table
	view   *schema.Table
	ids    []int
	def    tableDef
	// drop and retyped are what happens to the store's columns; touched are those
	// of which one was changed already.
	drop    []string
	retyped []store.RetypeDef
	touched []string
}

// known finds a column as SQL shows it.
func (a *alteration) known(name string) (schema.Column, error) {
	c, ok := a.view.Column(name)
	if !ok {
		return c, gate.Errorf(gate.TableColumnNotFound, "Column %s not exists in table %s", name, a.table.Name)
	}
	return c, nil
}

func (a *alteration) apply(ctx context.Context, op sql.AlterOp) error {
	name := op.Column.Name.Name
	switch op.Kind {
	case "SET", "UNSET":
		if slices.ContainsFunc(op.Options, func(o sql.Option) bool { return o.Name == schema.AppendMode }) {
			return gate.Errorf(gate.Unsupported, "append_mode is fixed when a table is made")
		}
	}
	switch op.Kind {
	case "ADD":
		return a.add(ctx, op)
	case "SET":
		for _, o := range op.Options {
			if err := setOption(&a.def.def, o); err != nil {
				return err
			}
		}
		return nil
	case "UNSET":
		options := maps.Clone(a.def.def.Options)
		for _, o := range op.Options {
			delete(options, o.Name)
			if o.Name == "ttl" {
				a.def.def.Retention = 0
			}
		}
		a.def.def.Options = options
		return nil
	case "SET DEFAULT", "DROP DEFAULT", "SET INDEX", "UNSET INDEX":
		if _, err := a.known(name); err != nil {
			return err
		}
		return a.modify(ctx, op)
	case "DROP", "MODIFY":
		c, err := a.known(name)
		if err != nil {
			return err
		}
		if c.Role != schema.Field {
			return gate.Bad("Not allowed to remove or change index column %s from table %s", name, a.table.Name)
		}
		if slices.Contains(a.touched, name) {
			return gate.Bad("Invalid alter table request: column %s is changed twice", name)
		}
		a.touched = append(a.touched, name)
		if op.Kind == "MODIFY" {
			return a.retype(ctx, op, c)
		}
		a.drop = append(a.drop, name)
		delete(a.def.def.Columns, name)
		a.def.def.Order = slices.DeleteFunc(slices.Clone(a.def.def.Order), func(o string) bool { return o == name })
		return nil
	case "RENAME":
		return gate.Errorf(gate.Unsupported, "Unsupported statement: ALTER TABLE ... RENAME with other changes")
	}
	return gate.Errorf(gate.Unsupported, "Unsupported statement: ALTER TABLE ... %s", op.Kind)
}

// add adds a column, whose place in the order may be given.
func (a *alteration) add(ctx context.Context, op sql.AlterOp) error {
	name := op.Column.Name.Name
	_, there := a.view.Column(name)
	there = there && !slices.Contains(a.drop, name)
	if _, twice := a.def.def.Columns[name]; there || twice && slices.Contains(a.def.def.Order, name) {
		if op.IfNotExists {
			return nil
		}
		return gate.Errorf(gate.TableColumnExists, "Column %s already exists in table %s", name, a.table.Name)
	}
	typ, ok := typeOf(op.Column.Type)
	switch {
	case !ok:
		return gate.Errorf(gate.Unsupported, "Unsupported type of column %s: %s", name, op.Column.Type)
	case op.Column.NotNull && op.Column.Default == nil:
		return gate.Bad("Invalid alter table request: column %s must be nullable or have a default", name)
	case op.Column.TimeIndex:
		return gate.Bad("Invalid alter table request: a table has one time index")
	}
	if len(a.def.def.Order) == 0 {
		for _, id := range a.ids {
			a.def.def.Order = append(a.def.def.Order, a.view.Columns[id].Name)
		}
	}
	before := slices.Clone(a.def.def.Order)
	if err := a.def.column(ctx, a.runner, a.sess, op.Column, typ); err != nil {
		return err
	}
	switch {
	case op.First:
		a.def.def.Order = append([]string{name}, before...)
	case op.After != nil:
		i := slices.Index(before, op.After.Name)
		if i < 0 {
			return gate.Errorf(gate.TableColumnNotFound, "Column %s not exists in table %s", op.After.Name, a.table.Name)
		}
		a.def.def.Order = slices.Insert(before, i+1, name)
	}
	if op.Column.Key {
		a.def.tags = append(a.def.tags, name)
	} else {
		f := store.FieldDef{Name: name, Kind: typ.kind}
		if op.Column.Default != nil {
			v, err := a.runner.value(ctx, a.sess, op.Column.Default, name, typ)
			if err != nil {
				return err
			}
			f.Fill = filling(v)
		}
		a.def.fields = append(a.def.fields, f)
	}
	return nil
}

// filling is what rows that are there have in a new column with a default.
func filling(v expr.Value) *string {
	text := ""
	switch {
	case v.Null:
		return nil
	case v.Type.IsText():
		text = v.S
	case v.Type.Kind == column.Bool:
		text = strconv.FormatBool(v.B)
	case v.Type.Kind == column.Uint64:
		text = strconv.FormatUint(v.U, 10)
	case v.Type.Kind == column.Float64:
		text = strconv.FormatFloat(v.F, 'g', -1, 64)
	default:
		text = strconv.FormatInt(v.I, 10)
	}
	return &text
}

// retype changes a column's type. One that is stored alike and holds all that the
// old one does is just called so from now on; for another the store converts the
// values, and what has no counterpart becomes NULL.
func (a *alteration) retype(ctx context.Context, op sql.AlterOp, c schema.Column) error {
	name := op.Column.Name.Name
	to, ok := typeOf(op.Column.Type)
	if !ok {
		return gate.Errorf(gate.Unsupported, "Unsupported type of column %s: %s", name, op.Column.Type)
	}
	d := a.view.Def.Columns[name]
	from := typesByName[d.Type]
	if from == to {
		return nil
	}
	wide := func(t columnType) int {
		if t.bits == 0 {
			return 64
		}
		return t.bits
	}
	instants := func(t columnType) bool { return t.kind == column.Timestamp && t != dateType }
	switch {
	case d.NotNull:
		return gate.Bad("Invalid alter table request: column %s must be nullable for its type to change: what cannot be converted becomes NULL", name)
	case instants(from) && instants(to), from == jsonType && to == stringType:
	case from.kind == column.Timestamp || to.kind == column.Timestamp || from == jsonType || to == jsonType:
		return gate.Errorf(gate.Unsupported, "Unsupported change of column %s from %s to %s: numbers, booleans and strings become each other", name, from.sql, to.sql)
	case from.kind != to.kind || wide(to) < wide(from):
		a.retyped = append(a.retyped, store.RetypeDef{Name: name, Kind: to.kind, Bits: uint8(to.bits)})
	}
	d.Type = to.name
	a.def.def.Columns[name] = d
	if d.Default == "" {
		return nil
	}
	e, err := sql.ParseExpr(d.Default)
	if err == nil {
		_, err = a.runner.value(ctx, a.sess, e, name, to)
	}
	return err
}

// modify changes what SQL says of a column.
func (a *alteration) modify(ctx context.Context, op sql.AlterOp) error {
	name := op.Column.Name.Name
	d, ok := a.def.def.Columns[name]
	if !ok {
		d = a.view.Def.Columns[name]
	}
	switch op.Kind {
	case "SET DEFAULT":
		if _, err := a.runner.value(ctx, a.sess, op.Column.Default, name, typesByName[a.view.Def.Columns[name].Type]); err != nil {
			return err
		}
		d.Default = op.Column.Default.String()
	case "DROP DEFAULT":
		d.Default = ""
	default:
		d.Indexes = slices.DeleteFunc(slices.Clone(d.Indexes), func(i string) bool { return i == op.Index })
		if op.Kind == "SET INDEX" {
			d.Indexes = append(d.Indexes, op.Index)
			slices.Sort(d.Indexes)
		}
	}
	a.def.def.Columns[name] = d
	return nil
}
