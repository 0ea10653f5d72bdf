package statement

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"

	"tarn/edge/api/gate"
	"tarn/edge/ingest"
	"tarn/edge/query/expr"
	"tarn/edge/query/plan"
	"tarn/edge/query/sql"
	"tarn/edge/query/text"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// target is a column that INSERT writes.
type target struct {
	schema.Column
	typ columnType
	// absent is what stands for a value that is not given.
	absent expr.Value
	name   []byte
}

// insertion is an INSERT that is running.
type insertion struct {
	r       *Runner
	sess    *Session
	table   string
	columns []target // those that are given, in order
	rest    []target // those that are not, and have a default
	rows    *ingest.Rows
	out     *ingest.RowTable
	tags    []points.Tag
}

// insertRows is how many rows of a SELECT are written at once.
const insertRows = 20_000

func (r *Runner) insert(ctx context.Context, sess *Session, s *sql.Insert) (*Output, error) {
	database, table, err := r.resolve(sess, s.Table)
	if err == nil {
		err = readOnly(database)
	}
	if err != nil {
		return nil, err
	}
	have, ok := r.stored(database, table)
	if !ok {
		return nil, gate.Errorf(gate.TableNotFound, "Table not found: %s.%s.%s", gate.Catalog, database, table)
	}
	in := &insertion{r: r, sess: sess, table: table}
	if err := in.targets(ctx, have, s.Columns); err != nil {
		return nil, err
	}
	if in.rows, err = r.Writer.Rows(database, ingest.RowOptions{NoCreate: true}); err != nil {
		return nil, err
	}
	defer in.rows.Close()
	if in.out, err = in.rows.Table([]byte(table)); err != nil {
		return nil, err
	}
	if s.Query != nil {
		return in.query(ctx, s.Query)
	}
	for _, row := range s.Rows {
		if len(row) != len(in.columns) {
			return nil, gate.Bad("Invalid SQL, error: column count mismatch, columns: %d, values: %d", len(in.columns), len(row))
		}
		values := make([]expr.Value, len(row))
		for i, e := range row {
			if values[i], err = in.constant(ctx, e, in.columns[i]); err != nil {
				return nil, err
			}
		}
		if err := in.add(values); err != nil {
			return nil, err
		}
	}
	n := in.rows.Len()
	return affected(int64(n)), bad(in.rows.Commit(ctx, store.WriteOptions{}))
}

// bad gives the row writer's errors their code.
func bad(err error) error {
	var (
		conflict *ingest.ConflictError
		row      *ingest.RowError
		missing  *ingest.NoTableError
	)
	switch {
	case errors.As(err, &conflict), errors.As(err, &row):
		return &gate.Error{Code: gate.InvalidArguments, Msg: err.Error(), Err: err}
	case errors.As(err, &missing):
		return tableNotFound(missing.Table)
	}
	return err
}

// targets finds the columns of the statement's list, or all.
func (in *insertion) targets(ctx context.Context, have *schema.Table, names []sql.Ident) error {
	v, ids := view(have)
	all := map[string]target{}
	var order []string
	for _, id := range ids {
		c := v.Columns[id]
		t := target{Column: c, typ: typesByName[v.Def.Columns[c.Name].Type], name: []byte(c.Name), absent: expr.NullOf(column.Of(column.Null))}
		if d := v.Def.Columns[c.Name]; d.Default != "" {
			e, err := sql.ParseExpr(d.Default)
			if err == nil {
				t.absent, err = in.r.value(ctx, in.sess, e, c.Name, t.typ)
			}
			if err != nil {
				return err
			}
		}
		all[c.Name] = t
		order = append(order, c.Name)
	}
	given := order
	if names != nil {
		given = nil
		for _, id := range names {
			given = append(given, id.Name)
		}
	}
	for _, name := range given {
		t, ok := all[name]
		if !ok {
			if _, known := v.Column(name); known {
				return gate.Bad("Invalid SQL, error: column %s specified more than once", name)
			}
			return gate.Errorf(gate.TableColumnNotFound, "Column %s not found in table %s", name, in.table)
		}
		in.columns = append(in.columns, t)
		delete(all, name)
	}
	for _, name := range order {
		t, left := all[name]
		switch {
		case !left:
		case !t.absent.Null:
			in.rest = append(in.rest, t)
		case t.Role == schema.Time || v.Def.Columns[name].NotNull:
			return gate.Bad("Column `%s` is not null and has no default: it must be given", name)
		}
	}
	return nil
}

// constant computes a value of VALUES for a column.
func (in *insertion) constant(ctx context.Context, e sql.Expr, t target) (expr.Value, error) {
	switch e := e.(type) {
	case *sql.DefaultValue:
		return t.absent, nil
	case *sql.Literal:
		// The usual case needs no plan.
		switch {
		case e.Kind == sql.NullLit:
			return expr.NullOf(column.Of(column.Null)), nil
		case e.Kind == sql.FloatLit && t.typ.kind == column.Float64 && t.typ.bits == 0:
			return expr.Float(e.Float), nil
		case e.Kind == sql.StringLit && t.typ == stringType:
			return expr.String(e.Str), nil
		}
	}
	return in.r.value(ctx, in.sess, e, t.Name, t.typ)
}

// value computes a constant as a value of a column's type.
func (r *Runner) value(ctx context.Context, sess *Session, e sql.Expr, name string, typ columnType) (expr.Value, error) {
	v, err := r.Query.Constant(ctx, r.native(sess), e)
	if err != nil {
		return v, Explain(err)
	}
	return convert(v, name, typ, sess)
}

// convert makes a value one of a column's type.
func convert(v expr.Value, name string, typ columnType, sess *Session) (expr.Value, error) {
	if v.Null {
		return expr.NullOf(column.Of(column.Null)), nil
	}
	misfit := func() error {
		return gate.Bad("Failed to convert value of column `%s` to %s: %s", name, typ.name, v.Text())
	}
	switch typ.kind {
	case column.Timestamp:
		return instant(v, typ, sess, misfit)
	case column.Bool:
		if v.Type.Kind == column.Bool {
			return v, nil
		}
	case column.String:
		if v.Type.Kind == column.String {
			if typ == jsonType && !json.Valid([]byte(v.S)) {
				return v, misfit()
			}
			return v, nil
		}
		return expr.String(v.Text()), nil
	case column.Int64, column.Uint64, column.Float64:
		return number(v, typ, misfit)
	}
	return v, misfit()
}

// number converts to a number, whose width is kept.
func number(v expr.Value, typ columnType, misfit func() error) (expr.Value, error) {
	if v.Type.Kind == column.Bool {
		return v, misfit()
	}
	e, err := expr.NewCast(expr.NewLiteral(v), column.Of(typ.kind), false)
	if err != nil {
		return v, misfit()
	}
	if v.Type.Kind == column.Float64 && typ.kind != column.Float64 && v.F != math.Trunc(v.F) {
		return v, misfit()
	}
	out, err := expr.Evaluate(expr.NewContext(context.Background(), 0), e)
	if err != nil || out.Null {
		return v, misfit()
	}
	switch {
	case typ.bits == 0:
	case typ.kind == column.Float64:
		out.F = float64(float32(out.F))
	case typ.kind == column.Int64 && (out.I < -1<<(typ.bits-1) || out.I >= 1<<(typ.bits-1)),
		typ.kind == column.Uint64 && out.U >= 1<<typ.bits:
		return v, misfit()
	}
	return out, nil
}

// instant converts to a time: integers count in the column's unit, texts are
// clocks of the session's zone. What is finer than the unit is cut.
func instant(v expr.Value, typ columnType, sess *Session, misfit func() error) (expr.Value, error) {
	unit := max(int64(plan.TimeUnits[typ.name]), 1)
	var ns int64
	switch v.Type.Kind {
	case column.Int64:
		var ok bool
		if ns, ok = plan.Scale(v.I, unit); !ok {
			return v, misfit()
		}
	case column.Uint64:
		if v.U > math.MaxInt64 {
			return v, misfit()
		}
		return instant(expr.Int(int64(v.U)), typ, sess, misfit)
	case column.Timestamp:
		ns = v.I
	case column.Date:
		ns = v.I * text.Day
	case column.String:
		var err error
		if ns, err = text.ParseTimestampIn(v.S, sess.Zone); err != nil {
			if i, ierr := strconv.ParseInt(v.S, 10, 64); ierr == nil {
				return instant(expr.Int(i), typ, sess, misfit)
			}
			return v, misfit()
		}
	default:
		return v, misfit()
	}
	return expr.Timestamp(text.FloorDiv(ns, unit) * unit), nil
}

// add adds a row of converted values.
func (in *insertion) add(values []expr.Value) error {
	in.tags = in.tags[:0]
	var at int64
	each := func(fn func(t *target, v expr.Value) error) error {
		for i := range in.columns {
			if err := fn(&in.columns[i], values[i]); err != nil {
				return err
			}
		}
		for i := range in.rest {
			if err := fn(&in.rest[i], in.rest[i].absent); err != nil {
				return err
			}
		}
		return nil
	}
	err := each(func(t *target, v expr.Value) error {
		switch {
		case t.Role == schema.Time && v.Null:
			return gate.Bad("Column `%s` is the time index and must not be null", t.Name)
		case t.Role == schema.Time:
			at = v.I
		case t.Role == schema.Tag && !v.Null:
			in.tags = append(in.tags, points.Tag{Key: t.name, Value: []byte(tagText(v, t.typ))})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := in.out.Series(nil, in.tags); err != nil {
		return bad(err)
	}
	in.out.Row(at)
	_ = each(func(t *target, v expr.Value) error { // never fails
		if t.Role == schema.Field && !v.Null {
			in.set(t, v)
		}
		return nil
	})
	return bad(in.out.End())
}

// tagText is a tag's value as it is stored: all tags are texts.
func tagText(v expr.Value, typ columnType) string {
	if typ.kind == column.Timestamp {
		return strconv.FormatInt(text.FloorDiv(v.I, max(int64(plan.TimeUnits[typ.name]), 1)), 10)
	}
	if v.Type.Kind == column.String {
		return v.S
	}
	return v.Text()
}

func (in *insertion) set(t *target, v expr.Value) {
	switch t.typ.kind {
	case column.Float64:
		in.out.Float(t.name, v.F)
	case column.Int64:
		in.out.Int(t.name, v.I)
	case column.Uint64:
		in.out.Uint(t.name, v.U)
	case column.Bool:
		in.out.Bool(t.name, v.B)
	case column.Timestamp:
		in.out.Timestamp(t.name, v.I)
	default:
		in.out.String(t.name, []byte(v.S))
	}
}

// query inserts what a SELECT yields, a part at a time.
func (in *insertion) query(ctx context.Context, q *sql.Query) (_ *Output, err error) {
	o, err := in.r.query(ctx, in.sess, q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if len(o.Columns) != len(in.columns) {
		return nil, gate.Bad("Invalid SQL, error: column count mismatch, columns: %d, values: %d", len(in.columns), len(o.Columns))
	}
	var b column.Batch
	values := make([]expr.Value, len(in.columns))
	written := int64(0)
	for {
		err := o.Next(ctx, &b)
		done := errors.Is(err, io.EOF)
		if err != nil && !done {
			return nil, Explain(err)
		}
		for row := 0; !done && row < b.Len; row++ {
			for i, v := range b.Cols {
				if values[i], err = convert(expr.ValueAt(v, row), in.columns[i].Name, in.columns[i].typ, in.sess); err != nil {
					return nil, err
				}
			}
			if err := in.add(values); err != nil {
				return nil, err
			}
		}
		if n := in.rows.Len(); done || n >= insertRows {
			if err := bad(in.rows.Commit(ctx, store.WriteOptions{})); err != nil {
				return nil, err
			}
			written += int64(n)
			if done {
				return affected(written), nil
			}
			if err := in.renew(); err != nil {
				return nil, err
			}
		}
	}
}

// renew begins the next part.
func (in *insertion) renew() error {
	database := in.rows.Database()
	in.rows.Close()
	var err error
	if in.rows, err = in.r.Writer.Rows(database, ingest.RowOptions{NoCreate: true}); err != nil {
		return err
	}
	in.out, err = in.rows.Table([]byte(in.table))
	return bad(err)
}
