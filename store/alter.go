package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/retype"
	"tarn/store/schema"
)

// A table is altered in the catalog alone, in one transaction, so that a crash
// leaves the old table or the new one. No file is written:
//
//   - A dropped column keeps its ID and its place, and says up to which write the
//     log may have values of it. A later column of the name has another ID. What
//     files, buffers and the log have of the old one is not read any more; the next
//     compaction leaves it out.
//   - A column of another type is a new column that continues a dropped one, see
//     continued.go.
//   - Files lie under the table's number, and the log has it: a table's name is in
//     the catalog alone. Files know what their table was called when they were
//     written, and a note (note.go) what it is called now, for a catalog that must
//     be made of them.
//
// Alterations wait for checkpoints, and checkpoints for them: what a checkpoint
// brings into the catalog is the table as it was at its beginning.

// Alteration is a change of a table.
type Alteration struct {
	// Drop are the names of fields that go.
	Drop []string
	// Retype are fields that get another type.
	Retype []RetypeDef
	// Tags and Fields are columns that come, after the others.
	Tags   []string
	Fields []FieldDef
	// Def is the new definition; nil for none.
	Def *schema.Definition
}

// RetypeDef is a field's new type. Values that it cannot hold, or Bits of it, are
// NULL; 0 Bits are all.
type RetypeDef struct {
	Name string
	Kind column.Kind
	Bits uint8
}

// maxDropped bounds the dropped columns of a table, which stay in its schema and
// in the footers of its files.
const maxDropped = 1000

// ColumnUsedError is a column that cannot go because a cache is made of it.
type ColumnUsedError struct{ Column, Cache string }

func (e *ColumnUsedError) Error() string {
	return fmt.Sprintf("column %q is one of cache %q: delete that first", e.Column, e.Cache)
}

// AlterTable changes a table as change says, which gets the table as it is and
// runs while nobody writes to the database. All of it is done or nothing.
func (s *Store) AlterTable(ctx context.Context, database, name string, change func(*schema.Table) (Alteration, error)) error {
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	_, t, unlock, err := s.lockTable(database, name)
	if err != nil {
		return err
	}
	defer unlock()
	have := t.schema.Load()
	a, err := change(have)
	if err != nil {
		return err
	}
	sch, err := s.altered(t, have, a)
	if err != nil {
		return err
	}
	cols, err := s.newColumns(sch, a.Tags, a.Fields)
	if err != nil {
		return err
	}
	s.records.Lock()
	defer s.records.Unlock()
	rec := t.record()
	rec.Schema = sch.Defined(a.Def).With(cols...)
	if err := s.catalog.Apply(ctx, catalog.Change{Tables: []catalog.Table{rec}}); err != nil {
		return fmt.Errorf("alter table %q: %w", name, err)
	}
	t.schema.Store(rec.Schema)
	s.noteTable(rec, s.lastSeq.Load())
	return nil
}

// altered is a table's schema without what is dropped, and with what gets
// another type. All writes so far may have values of these columns.
func (s *Store) altered(t *table, sch *schema.Table, a Alteration) (*schema.Table, error) {
	last := s.lastSeq.Load()
	field := func(name string) (schema.Column, error) {
		c, ok := sch.Column(name)
		switch {
		case !ok:
			return c, &ConfigError{fmt.Sprintf("there is no column %q", name)}
		case c.Role != schema.Field:
			return c, &ConfigError{fmt.Sprintf("column %q is no field", name)}
		case len(sch.Columns)-sch.Live() >= maxDropped:
			return c, &ConfigError{fmt.Sprintf("%d columns of table %q were dropped already, which is the limit", maxDropped, sch.Name)}
		}
		for _, cached := range t.cacheList() {
			if slices.Contains(cached.def.Columns, c.ID) || slices.Contains(cached.def.Values, c.ID) {
				return c, &ColumnUsedError{name, cached.def.Name}
			}
		}
		return c, nil
	}
	for _, name := range a.Drop {
		c, err := field(name)
		if err != nil {
			return nil, err
		}
		sch = sch.Drop(c.ID, last)
	}
	for _, r := range a.Retype {
		c, err := field(r.Name)
		if err != nil {
			return nil, err
		}
		if !retype.Possible(c.Kind, r.Kind) {
			return nil, &ConfigError{fmt.Sprintf("the values of column %q cannot be converted to %s", r.Name, column.Of(r.Kind))}
		}
		sch = sch.Retype(c.ID, r.Kind, r.Bits, last)
	}
	return sch, nil
}

// checkFill says whether a default can be read.
func checkFill(f FieldDef) error {
	v := column.NewVector(column.Of(f.Kind), 1)
	v.AppendNull(1)
	if err := fill(v, 0, *f.Fill); err != nil {
		return &ConfigError{fmt.Sprintf("column %q: %v", f.Name, err)}
	}
	return nil
}

// RenameTable gives a table another name; the old one is free again.
func (s *Store) RenameTable(ctx context.Context, database, from, to string) error {
	if to == "" {
		return &ConfigError{"table name cannot be empty"}
	}
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	db, t, unlock, err := s.lockTable(database, from)
	if err != nil {
		return err
	}
	defer unlock()
	// Names of deleted tables are taken, too: they say what can be brought back.
	for _, o := range s.allTables() {
		if sch := o.schema.Load(); sch.DatabaseID == db.id && sch.Name == to && !o.record().Purged {
			return fmt.Errorf("table %q: %w", to, ErrExists)
		}
	}
	s.records.Lock()
	defer s.records.Unlock()
	rec := t.record()
	rec.Schema = rec.Schema.Renamed(to).Defined(formerly(rec.Schema))
	if err := s.catalog.Apply(ctx, catalog.Change{Tables: []catalog.Table{rec}}); err != nil {
		return fmt.Errorf("rename table %q: %w", from, err)
	}
	t.schema.Store(rec.Schema)
	tables := maps.Clone(*db.tables.Load())
	delete(tables, from)
	tables[to] = t
	db.tables.Store(&tables)
	s.noteTable(rec, s.lastSeq.Load())
	return nil
}

// maxFormerly bounds the names that a table remembers.
const maxFormerly = 100

// formerly is a table's definition with its name among those that it had.
func formerly(t *schema.Table) *schema.Definition {
	def := schema.Definition{}
	if t.Def != nil {
		def = *t.Def
	}
	names := slices.DeleteFunc(slices.Clone(def.Formerly), func(n string) bool { return n == t.Name })
	def.Formerly = append(names, t.Name)[max(0, len(names)+1-maxFormerly):]
	return &def
}

// correctDrops lowers the numbers of the last writes that dropped columns, and
// defaults of new ones, are about where they are beyond the last write: the writes of those
// numbers, not durable yet when the columns were dropped, are lost, and their
// numbers will be used again.
func (s *Store) correctDrops(ctx context.Context) error {
	last := s.lastSeq.Load()
	var ch catalog.Change
	for _, t := range s.allTables() {
		sch := t.schema.Load()
		beyond := func(c schema.Column) bool { return c.DroppedAt > last || c.FilledTo > last }
		if !slices.ContainsFunc(sch.Columns, beyond) {
			continue
		}
		t.schema.Store(sch.Until(last))
		ch.Tables = append(ch.Tables, t.record())
	}
	if ch.Tables == nil {
		return nil
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return fmt.Errorf("correct the last writes of altered columns: %w", err)
	}
	return nil
}
