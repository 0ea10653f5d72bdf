package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
)

// Rows collects the rows of one request to one database, of any protocol but
// line protocol, and writes them in one step. A row that does not fit the
// schema is refused whole and leaves no trace; whether the others are written
// then is the caller's choice: Commit or only Close.
//
//	rows, err := writer.Rows("public", ingest.RowOptions{})
//	defer rows.Close()
//	t, err := rows.Table(name)
//	err = t.Series(nil, tags)
//	t.Row(time)
//	t.Float(field, 21.5)
//	err = t.End()
//	err = rows.Commit(ctx, store.WriteOptions{})
//
// Rows is pooled: no row costs an allocation in steady state. It is not safe
// for concurrent use.
type Rows struct {
	writer   *Writer
	database string
	options  RowOptions
	batch    *points.Batch

	db     store.Database
	exists bool // db is there
	limits store.Limits
	total  int // tables in the store, with the batch's new ones
	held   int // about how many bytes the rows take

	tables []*RowTable // those beyond len are recycled
	names  map[string]*RowTable
	places []*RowTable // by index of the batch's table
}

// RowOptions change what Rows accepts.
type RowOptions struct {
	// NoCreate refuses rows of tables that do not exist.
	NoCreate bool
}

// Rows begins a write to a database. Close the result.
func (w *Writer) Rows(database string, o RowOptions) (*Rows, error) {
	if err := w.store.AdmitDatabase(database); err != nil {
		return nil, err
	}
	r, _ := w.rows.Get().(*Rows)
	if r == nil {
		r = &Rows{batch: points.NewBatch(), names: map[string]*RowTable{}}
	}
	r.writer, r.database, r.options, r.held = w, database, o, 0
	r.look()
	return r, nil
}

// look takes the schemas and limits as they are now.
func (r *Rows) look() {
	s := r.writer.store
	r.db, r.exists = s.Database(r.database)
	r.limits, r.total = s.Limits(), s.TableCount()
}

// Close forgets what was not committed and gives the memory back.
func (r *Rows) Close() {
	if r.writer == nil {
		return
	}
	w := r.writer
	for _, t := range r.tables {
		t.forget()
	}
	r.batch.Reset()
	r.tables, r.places = r.tables[:0], r.places[:0]
	clear(r.names)
	r.db, r.database = store.Database{}, ""
	r.writer = nil
	if !w.tooHuge(r.held) {
		w.rows.Put(r)
	}
}

// MaxHeld bounds the memory of a request's rows, in bytes. What most bodies say
// takes about as much as rows, but a bucket of a histogram is two bytes, and a
// series with all of the histogram's tags; and a field that one row has takes a
// word in each row of the table.
const MaxHeld = 64 << 20

// ErrTooMuch is a request whose rows take more than Writer.LimitRows. Nothing of
// it is written.
var ErrTooMuch = errors.New("the rows of this request take too much memory; send them in several")

func tooMuch(most int) error { return fmt.Errorf("%w: more than %d MiB", ErrTooMuch, most>>20) }

// rowCost is about what a row takes in a table of so many fields, whether it has
// them or not, and fieldCost what a field takes in so many rows. A series takes
// seriesCost beside its keys.
func rowCost(fields int) int { return 12 + 8*fields }
func fieldCost(rows int) int { return 8 * rows }

const seriesCost = 40

// Database is where the rows go.
func (r *Rows) Database() string { return r.database }

// Len is the number of rows so far.
func (r *Rows) Len() int { return r.batch.Rows() }

// Commit writes the rows; see store.Store.Write. When another writer was
// faster to change a schema the rows are checked again, and the error is a
// ConflictError if they do not fit any more.
func (r *Rows) Commit(ctx context.Context, o store.WriteOptions) error {
	switch {
	case r.held > r.writer.held:
		return tooMuch(r.writer.held)
	case r.batch.Rows() == 0:
		return nil
	}
	for range 10 {
		err := r.writer.store.Write(ctx, r.database, r.batch, o)
		if !errors.Is(err, store.ErrSchemaChanged) {
			return err
		}
		if conflict := r.recheck(); conflict != nil {
			return conflict
		}
	}
	return store.ErrBusy
}

// recheck compares the batch with the schemas as they are now.
func (r *Rows) recheck() error {
	r.look()
	if !r.exists {
		return nil
	}
	for _, t := range r.batch.Tables {
		s, ok := r.db.Table(t.Name)
		if !ok {
			continue
		}
		for _, tag := range t.Tags {
			if c, ok := s.Column(tag); ok && c.Role != schema.Tag {
				return &ConflictError{Table: t.Name, Have: c, Got: tagColumn(tag)}
			}
		}
		for _, f := range t.Fields {
			if c, ok := s.Column(f.Name); ok && (c.Role != schema.Field || c.Kind != f.Kind) {
				return &ConflictError{Table: t.Name, Have: c, Got: fieldColumn(f.Name, f.Kind)}
			}
		}
	}
	return nil
}

// ConflictError is a row that has a column with another role or type than its
// table.
type ConflictError struct {
	Table     string
	Have, Got schema.Column
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("table %s: column %s is a %s, not a %s", e.Table, e.Have.Name, roleAndType(e.Have), roleAndType(e.Got))
}

func roleAndType(c schema.Column) string {
	switch c.Role {
	case schema.Time:
		return "time index"
	case schema.Tag:
		return "tag"
	}
	return kindNames[c.Kind] + " field"
}

var kindNames = map[column.Kind]string{
	column.Float64: "Float64", column.Int64: "Int64", column.Uint64: "UInt64",
	column.Bool: "Boolean", column.String: "String", column.Timestamp: "Timestamp",
}

func tagColumn(name string) schema.Column {
	return schema.Column{Name: name, Role: schema.Tag, Kind: column.Dict}
}

func fieldColumn(name string, k column.Kind) schema.Column {
	return schema.Column{Name: name, Role: schema.Field, Kind: k}
}

// NoTableError is a row of a table that does not exist and may not be made.
type NoTableError struct{ Table string }

func (e *NoTableError) Error() string {
	return fmt.Sprintf("Table `%s` does not exist, and auto_create_table is off", e.Table)
}

// RowError is a row that is wrong whatever the schema.
type RowError struct{ msg string }

func (e *RowError) Error() string { return e.msg }

func rowErrorf(format string, args ...any) error { return &RowError{fmt.Sprintf(format, args...)} }

// maxTableName bounds table names, in bytes.
const maxTableName = 1024

// CheckTableName says what is wrong with the name of a table, or nil.
func CheckTableName(name []byte) error {
	switch {
	case len(name) == 0:
		return rowErrorf("the table name is empty")
	case len(name) > maxTableName:
		return rowErrorf("the table name is longer than %d bytes", maxTableName)
	case !utf8.Valid(name):
		return rowErrorf("the table name %q is not UTF-8", name)
	case slices.ContainsFunc(name, func(c byte) bool { return c < 0x20 || c == 0x7f }):
		return rowErrorf("the table name %q has a control character", name)
	}
	return nil
}

// Lookup finds the series that Series remembered under a raw key and makes it
// the current one of its table.
func (r *Rows) Lookup(raw []byte) (*RowTable, bool) {
	t, series, ok := r.batch.Lookup(raw)
	if !ok {
		return nil, false
	}
	rt := r.places[t.Index()]
	rt.series, rt.pending = series, false
	return rt, true
}

// Table begins or continues the rows of a table.
func (r *Rows) Table(name []byte) (*RowTable, error) {
	if t, ok := r.names[string(name)]; ok {
		return t, nil
	}
	if err := CheckTableName(name); err != nil {
		return nil, err
	}
	var sch *schema.Table
	if r.exists {
		sch, _ = r.db.TableBytes(name)
	}
	if sch == nil && r.options.NoCreate {
		return nil, &NoTableError{string(name)}
	}
	var t *RowTable
	if n := len(r.tables); n < cap(r.tables) {
		r.tables = r.tables[:n+1]
		t = r.tables[n]
	} else {
		r.tables = append(r.tables, nil)
	}
	if t == nil {
		t = &RowTable{}
		r.tables[len(r.tables)-1] = t
	}
	if t.name != string(name) { // a request like the last has its tables in the same places
		t.name = string(name)
	}
	t.rows, t.schema = r, sch
	t.columns, t.tagCount = 1, 0
	if sch != nil {
		t.columns, t.tagCount = sch.Live(), len(sch.Tags)
	}
	r.names[t.name] = t
	return t, nil
}

// RowTable is one table of Rows. Names and values that it is given are
// needed until the end of the row, or for Series until the next one.
type RowTable struct {
	rows   *Rows
	name   string
	schema *schema.Table // nil for a new table
	table  *points.Table // nil before the first good row

	columns  int // with the batch's new ones
	tagCount int

	series  uint32
	known   int  // the field of AddFloat
	pending bool // the current series is not in the batch
	raw     []byte
	tags    []points.Tag
	newTags int // of the pending series

	time   int64
	cells  []cell
	bad    error // of the current row
	plan   []int // columns of the current row, -1 for new ones
	marked []int // by column: 1 + the number of the row that has it
}

// cell is one field of the current row.
type cell struct {
	name []byte
	kind column.Kind
	bits uint64
	text []byte
}

func (t *RowTable) forget() {
	t.rows, t.schema, t.table = nil, nil, nil
	t.raw = nil
	clear(t.tags[:cap(t.tags)])
	clear(t.cells[:cap(t.cells)])
	t.tags, t.cells, t.marked = t.tags[:0], t.cells[:0], t.marked[:0]
	t.pending = false
}

// Name is the table's name.
func (t *RowTable) Name() string { return t.name }

// Columns counts the table's columns, those that this write adds included.
func (t *RowTable) Columns() int { return t.columns }

// Schema is the table as it was when the write began, nil if it is new.
func (t *RowTable) Schema() *schema.Table { return t.schema }

// Column looks a column up, those that this write adds included.
func (t *RowTable) Column(name []byte) (schema.Column, bool) {
	if t.schema != nil {
		if c, ok := t.schema.ColumnBytes(name); ok {
			return c, true
		}
	}
	if t.table != nil {
		if i := t.table.FieldIndex(name); i >= 0 {
			return fieldColumn(t.table.Fields[i].Name, t.table.Fields[i].Kind), true
		}
		if slices.Contains(t.table.Tags, string(name)) {
			return tagColumn(string(name)), true
		}
	}
	return schema.Column{}, false
}

// Series makes the series with these tags, in any order, the current one of
// the table. Tags with an empty value are absent. When raw is not empty,
// Rows.Lookup finds the series by it once it has a row.
func (t *RowTable) Series(raw []byte, tags []points.Tag) error {
	t.pending = false
	added, inOrder := 0, true
	for i, g := range tags {
		if len(g.Value) == 0 {
			inOrder = false // those after it have other places
			continue
		}
		if !utf8.Valid(g.Value) {
			return rowErrorf("table %s: the value %q of tag %s is not UTF-8", t.name, g.Value, g.Key)
		}
		if t.table != nil {
			if i < len(t.table.Tags) && t.table.Tags[i] == string(g.Key) {
				continue
			}
			inOrder = false
			if slices.Contains(t.table.Tags, string(g.Key)) {
				continue
			}
		} else {
			inOrder = false
		}
		isNew, err := t.checkTag(g.Key)
		if err != nil {
			return err
		}
		if isNew {
			added++
		}
	}
	if !inOrder {
		for i, g := range tags {
			if slices.ContainsFunc(tags[:i], func(o points.Tag) bool { return string(o.Key) == string(g.Key) }) {
				return rowErrorf("table %s: tag %s comes twice", t.name, g.Key)
			}
		}
	}
	switch {
	case added == 0:
	case t.columns+added > t.rows.limits.Columns:
		return store.LimitColumns(t.rows.limits.Columns)
	case t.tagCount+added > t.rows.limits.Tags:
		return store.LimitTags(t.rows.limits.Tags)
	}
	t.pending, t.newTags, t.raw = true, added, raw
	t.tags = append(t.tags[:0], tags...)
	return nil
}

// checkTag validates a tag that the batch lacks and says whether the table
// lacks it, too.
func (t *RowTable) checkTag(name []byte) (isNew bool, err error) {
	if t.schema != nil {
		if c, ok := t.schema.ColumnBytes(name); ok {
			if c.Role != schema.Tag {
				return false, &ConflictError{Table: t.name, Have: c, Got: tagColumn(c.Name)}
			}
			return false, nil
		}
	}
	if t.table != nil {
		if f := t.table.FieldIndex(name); f >= 0 {
			return false, &ConflictError{Table: t.name, Have: fieldColumn(string(name), t.table.Fields[f].Kind), Got: tagColumn(string(name))}
		}
	}
	return true, t.checkName("tag", name)
}

// checkName validates the name of a new column.
func (t *RowTable) checkName(kind string, name []byte) error {
	if !utf8.Valid(name) {
		return rowErrorf("table %s: the name %q of a %s is not UTF-8", t.name, name, kind)
	}
	if err := store.CheckColumnName(kind, string(name)); err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

// Row begins a row of the current series at a time in ns since epoch.
func (t *RowTable) Row(time int64) {
	t.time, t.cells, t.bad = time, t.cells[:0], nil
}

// Float adds a float64 field to the current row.
func (t *RowTable) Float(name []byte, v float64) {
	t.cells = append(t.cells, cell{name: name, kind: column.Float64, bits: math.Float64bits(v)})
}

// Int adds an int64 field to the current row.
func (t *RowTable) Int(name []byte, v int64) {
	t.cells = append(t.cells, cell{name: name, kind: column.Int64, bits: uint64(v)})
}

// Uint adds a uint64 field to the current row.
func (t *RowTable) Uint(name []byte, v uint64) {
	t.cells = append(t.cells, cell{name: name, kind: column.Uint64, bits: v})
}

// Bool adds a boolean field to the current row.
func (t *RowTable) Bool(name []byte, v bool) {
	c := cell{name: name, kind: column.Bool}
	if v {
		c.bits = 1
	}
	t.cells = append(t.cells, c)
}

// Timestamp adds a timestamp field, ns since epoch, to the current row.
func (t *RowTable) Timestamp(name []byte, ns int64) {
	t.cells = append(t.cells, cell{name: name, kind: column.Timestamp, bits: uint64(ns)})
}

// String adds a text field to the current row.
func (t *RowTable) String(name, v []byte) {
	if !utf8.Valid(v) {
		t.bad = rowErrorf("table %s: the value of field %s is not UTF-8", t.name, name)
	}
	t.cells = append(t.cells, cell{name: name, kind: column.String, text: v})
}

// End adds the current row to the batch, or says what is wrong with it.
func (t *RowTable) End() error {
	if t.bad != nil {
		return t.bad
	}
	if t.rows.held > t.rows.writer.held {
		return tooMuch(t.rows.writer.held)
	}
	p := t.table
	if p == nil || t.pending || !t.planned() {
		if err := t.slow(); err != nil {
			return err
		}
		p = t.table
	}
	row := p.AddRow(t.series, t.time)
	t.rows.held += rowCost(len(p.Fields))
	for i := range t.cells {
		c := &t.cells[i]
		f := p.Fields[p.Plan[i]]
		if c.kind == column.String {
			f.SetString(row, c.text)
			t.rows.held += len(c.text)
		} else {
			f.Set(row, c.bits)
		}
	}
	return nil
}

// planned says whether the table's plan, which is that of the row before, is
// that of the current one.
func (t *RowTable) planned() bool {
	p := t.table
	if len(p.Plan) != len(t.cells) {
		return false
	}
	for i := range t.cells {
		f := p.Fields[p.Plan[i]]
		if f.Kind != t.cells[i].kind || f.Name != string(t.cells[i].name) {
			return false
		}
	}
	return true
}

// isNew says whether a row of the table will make it.
func (t *RowTable) isNew() bool { return t.table == nil && t.schema == nil }

// check checks the current row and counts the columns that it adds to the table.
func (t *RowTable) check() (newTags, newFields int, err error) {
	if t.table == nil && !t.pending {
		return 0, 0, rowErrorf("table %s: a row without a series", t.name)
	}
	if t.isNew() && t.rows.total+1 > t.rows.limits.Tables {
		return 0, 0, store.LimitTables(t.rows.limits.Tables)
	}
	if t.pending {
		newTags = t.newTags
	}
	newFields, err = t.checkFields(newTags)
	return newTags, newFields, err
}

// Check says whether End would add the current rows of all these tables, which
// differ, so that it can be all or none of them.
func (r *Rows) Check(tables []*RowTable) error {
	added := 0
	for _, t := range tables {
		switch {
		case t.bad != nil:
			return t.bad
		case t.table != nil && !t.pending && t.planned():
			continue
		}
		if _, _, err := t.check(); err != nil {
			return err
		}
		if t.isNew() {
			added++
		}
	}
	if added > 0 && r.total+added > r.limits.Tables {
		return store.LimitTables(r.limits.Tables)
	}
	return nil
}

// slow checks the current row and then makes its table, series and columns.
func (t *RowTable) slow() error {
	r := t.rows
	newTags, newFields, err := t.check()
	if err != nil {
		return err
	}
	if t.table == nil {
		if t.schema == nil {
			r.total++
		}
		t.table = r.batch.AddTable(t.name)
		r.places = append(r.places, t)
	}
	if t.pending {
		known := t.table.NumSeries()
		t.series = t.table.AddSeries(t.raw, t.tags)
		if t.table.NumSeries() > known {
			r.held += seriesCost + len(t.table.SeriesKey(t.series))
		}
		t.pending = false
		t.tagCount += newTags
	}
	t.columns += newTags + newFields
	p := t.table
	p.Plan = p.Plan[:0]
	for i, idx := range t.plan {
		if idx < 0 {
			idx = p.AddField(t.cells[i].name, t.cells[i].kind)
			r.held += fieldCost(len(p.Times)) // the rows so far lack it
		}
		p.Plan = append(p.Plan, idx)
	}
	return nil
}

// checkFields looks up the columns of the current row's fields into t.plan and
// counts those that are new to the table.
func (t *RowTable) checkFields(newTags int) (added int, err error) {
	t.plan = t.plan[:0]
	if len(t.cells) >= t.rows.limits.Columns { // what is new is compared with all the others
		return 0, store.LimitColumns(t.rows.limits.Columns)
	}
	mark, next := 1, 0
	if t.table != nil {
		mark += len(t.table.Times)
		for len(t.marked) < len(t.table.Fields) {
			t.marked = append(t.marked, 0)
		}
	}
	for i := range t.cells {
		c := &t.cells[i]
		idx := t.find(c.name, next)
		if idx >= 0 {
			f := t.table.Fields[idx]
			switch {
			case f.Kind != c.kind:
				return 0, &ConflictError{Table: t.name, Have: fieldColumn(f.Name, f.Kind), Got: fieldColumn(f.Name, c.kind)}
			case t.marked[idx] == mark && slices.Contains(t.plan, idx):
				return 0, rowErrorf("table %s: field %s comes twice", t.name, c.name)
			}
			t.marked[idx], next = mark, idx+1
			t.plan = append(t.plan, idx)
			continue
		}
		for k, earlier := range t.plan {
			if earlier < 0 && string(t.cells[k].name) == string(c.name) {
				return 0, rowErrorf("table %s: field %s comes twice", t.name, c.name)
			}
		}
		t.plan = append(t.plan, -1)
		isNew, err := t.checkField(c)
		if err != nil {
			return 0, err
		}
		if isNew {
			added++
		}
	}
	if added > 0 && t.columns+newTags+added > t.rows.limits.Columns {
		return 0, store.LimitColumns(t.rows.limits.Columns)
	}
	return added, nil
}

// find returns the batch's column of a field, or -1; likely is where it
// probably is.
func (t *RowTable) find(name []byte, likely int) int {
	if t.table == nil {
		return -1
	}
	if likely < len(t.table.Fields) && t.table.Fields[likely].Name == string(name) {
		return likely
	}
	return t.table.FieldIndex(name)
}

// checkField validates a field that the batch lacks and says whether the table
// lacks it, too.
func (t *RowTable) checkField(c *cell) (isNew bool, err error) {
	got := func() schema.Column { return fieldColumn(string(c.name), c.kind) }
	if t.schema != nil {
		if have, ok := t.schema.ColumnBytes(c.name); ok {
			if have.Role != schema.Field || have.Kind != c.kind {
				return false, &ConflictError{Table: t.name, Have: have, Got: got()}
			}
			return false, nil
		}
	}
	isTag := t.table != nil && slices.Contains(t.table.Tags, string(c.name)) ||
		t.pending && slices.ContainsFunc(t.tags, func(g points.Tag) bool { return len(g.Value) > 0 && string(g.Key) == string(c.name) })
	if isTag {
		return false, &ConflictError{Table: t.name, Have: tagColumn(string(c.name)), Got: got()}
	}
	return true, t.checkName("field", c.name)
}
