package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/schema"
)

// HardDelete says when soft-deleted data goes for good.
type HardDelete struct {
	// Never keeps it.
	Never bool
	// At is the moment; the zero time means the configured default from now.
	At time.Time
}

func (s *Store) hardDeleteAt(h HardDelete, now time.Time) int64 {
	switch {
	case h.Never:
		return 0
	case h.At.IsZero():
		return now.Add(s.opts.HardDeleteDefault).UnixNano()
	case h.At.Before(now):
		return now.UnixNano()
	}
	return h.At.UnixNano()
}

// CreateDatabase makes a database. Rows older than retention are not shown and
// in time deleted; 0 keeps them for ever.
func (s *Store) CreateDatabase(ctx context.Context, name string, retention time.Duration) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	if _, err := s.lookup(name); err == nil {
		return fmt.Errorf("database %q: %w", name, ErrExists)
	}
	_, err := s.createDatabase(ctx, name, retention)
	return err
}

// createDatabase needs the admin lock.
func (s *Store) createDatabase(ctx context.Context, name string, retention time.Duration) (*database, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if err := CheckDatabaseName(name); err != nil {
		return nil, err
	}
	if n := len(*s.byName.Load()); n >= s.opts.Limits.Databases {
		return nil, LimitDatabases(s.opts.Limits.Databases)
	}
	d := catalog.Database{ID: s.nextDatabase.Load() + 1, Name: name, Retention: int64(retention),
		Lifetime: catalog.Lifetime{CreatedAt: s.opts.Now().UnixNano()}}
	if err := s.catalog.Apply(ctx, catalog.Change{Databases: []catalog.Database{d}}); err != nil {
		return nil, fmt.Errorf("create database %q: %w", name, err)
	}
	db := newDatabase(d)
	s.publish(db)
	return db, nil
}

// publish makes a live database known.
func (s *Store) publish(db *database) {
	names, ids := maps.Clone(*s.byName.Load()), maps.Clone(*s.byID.Load())
	names[db.name()], ids[db.id] = db, db
	s.byName.Store(&names)
	s.byID.Store(&ids)
	s.nextDatabase.Store(max(s.nextDatabase.Load(), db.id))
}

// ensureDatabase finds a database or makes it, as writers expect.
func (s *Store) ensureDatabase(ctx context.Context, name string) (*database, error) {
	if db, err := s.lookup(name); err == nil {
		return db, nil
	}
	s.admin.Lock()
	defer s.admin.Unlock()
	if db, err := s.lookup(name); err == nil {
		return db, nil
	}
	if err := s.AdmitDatabase(name); err != nil {
		return nil, err
	}
	return s.createDatabase(ctx, name, 0)
}

// AdmitDatabase says why a write to a database could not be accepted whatever
// its content, or nil. It changes nothing.
func (s *Store) AdmitDatabase(name string) error {
	if err := s.admit(); err != nil {
		return err
	}
	if _, err := s.lookup(name); err == nil {
		return nil
	}
	for _, db := range *s.byID.Load() {
		if d := db.info.Load(); d.DeletedAt != 0 && !d.Purged && d.Name == name {
			return &DeletedError{Database: name}
		}
	}
	if err := CheckDatabaseName(name); err != nil {
		return err
	}
	if len(*s.byName.Load()) >= s.opts.Limits.Databases {
		return LimitDatabases(s.opts.Limits.Databases)
	}
	return nil
}

// Limits are the configured limits.
func (s *Store) Limits() Limits { return s.opts.Limits }

// TableCount is the number of live tables.
func (s *Store) TableCount() int { return int(s.liveTables.Load()) }

// DeletedError is a write to a database that is marked for deletion.
type DeletedError struct{ Database string }

func (e *DeletedError) Error() string {
	return fmt.Sprintf("cannot write to soft-deleted database '%s' - it is marked for deletion", e.Database)
}

// SetRetention changes how long a database's rows stay; 0 means for ever.
func (s *Store) SetRetention(ctx context.Context, name string, retention time.Duration) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	db, err := s.lookup(name)
	if err != nil {
		return err
	}
	d := *db.info.Load()
	d.Retention = int64(retention)
	if err := s.catalog.Apply(ctx, catalog.Change{Databases: []catalog.Database{d}}); err != nil {
		return fmt.Errorf("set the retention of database %q: %w", name, err)
	}
	db.info.Store(&d)
	return nil
}

// SetTableRetention changes how long a table's rows stay, whatever the database
// says; 0 leaves it to the database.
func (s *Store) SetTableRetention(ctx context.Context, database, name string, retention time.Duration) error {
	return s.AlterTable(ctx, database, name, func(t *schema.Table) (a Alteration, err error) {
		a.Def = &schema.Definition{}
		if t.Def != nil {
			*a.Def = *t.Def
		}
		a.Def.Retention = retention
		return a, nil
	})
}

// deletedName is what a deleted resource is called from then on, so that its
// name is free again (spec section 4.1).
func deletedName(name string, now time.Time, taken func(string) bool) string {
	base := name + now.UTC().Format("-20060102T150405")
	for n, try := 1, base; ; n++ {
		if !taken(try) {
			return try
		}
		try = fmt.Sprintf("%s-%d", base, n)
	}
}

// DeleteDatabase hides a database at once and frees its name; its data goes at
// the time that h says.
func (s *Store) DeleteDatabase(ctx context.Context, name string, h HardDelete) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	all := *s.byID.Load()
	db, err := s.lookup(name)
	if err != nil {
		for _, o := range all {
			if d := o.info.Load(); d.Name == name && !d.Purged {
				return fmt.Errorf("database %q: %w", name, ErrDeleted)
			}
		}
		return err
	}
	now := s.opts.Now()
	d := *db.info.Load()
	d.Name = deletedName(name, now, func(n string) bool {
		for _, o := range all {
			if o.name() == n {
				return true
			}
		}
		return false
	})
	d.DeletedAt, d.HardDeleteAt = now.UnixNano(), s.hardDeleteAt(h, now)
	change := catalog.Change{Databases: []catalog.Database{d}, DeleteTriggersOf: []uint32{d.ID}}
	tables := slices.Collect(maps.Values(*db.tables.Load()))
	for _, t := range tables {
		change.DeleteCachesOf = append(change.DeleteCachesOf, t.id)
	}
	if err := s.catalog.Apply(ctx, change); err != nil {
		return fmt.Errorf("delete database %q: %w", name, err)
	}
	names := maps.Clone(*s.byName.Load())
	delete(names, name)
	s.byName.Store(&names)
	db.info.Store(&d)
	s.dropTriggers(d.ID)
	db.write.Lock()
	for _, t := range tables {
		t.dropCaches()
	}
	db.write.Unlock()
	s.liveTables.Add(-int64(len(*db.tables.Load())))
	s.sweepSoon(d.HardDeleteAt, now)
	return nil
}

// sweepSoon starts the background sweep when something is due at once.
func (s *Store) sweepSoon(at int64, now time.Time) {
	if at != 0 && at <= now.UnixNano() {
		s.done.Go(func() { s.sweep(context.Background()) })
	}
}

// FieldDef is a field of a new table.
type FieldDef struct {
	Name string
	Kind column.Kind
	// Fill, of a field that is added to a table, is the value that rows which are
	// there have in it, as schema.Column's Fill; nil for none.
	Fill *string
}

// CreateTable makes an empty table; tags are in series-key order. The database
// is made if it does not exist. Rows older than retention are not shown and in
// time deleted; 0 leaves that to the database.
func (s *Store) CreateTable(ctx context.Context, database, name string, tags []string, fields []FieldDef, retention time.Duration) error {
	var def *schema.Definition
	if retention > 0 {
		def = &schema.Definition{Retention: retention}
	}
	return s.DefineTable(ctx, database, name, tags, fields, def)
}

// DefineTable is CreateTable with what SQL says of the table; def may be nil.
func (s *Store) DefineTable(ctx context.Context, database, name string, tags []string, fields []FieldDef, def *schema.Definition) error {
	if name == "" {
		return &ConfigError{"table name cannot be empty"}
	}
	cols, err := s.newColumns(schema.NewTable(0, 0, name).Defined(def), tags, fields)
	if err != nil {
		return err
	}
	db, err := s.ensureDatabase(ctx, database)
	if err != nil {
		return err
	}
	db.write.Lock()
	defer db.write.Unlock()
	if _, ok := db.table(name); ok {
		return fmt.Errorf("table %q: %w", name, ErrExists)
	}
	if s.liveTables.Load() >= int64(s.opts.Limits.Tables) {
		return LimitTables(s.opts.Limits.Tables)
	}
	t := newTable(schema.NewTable(db.id, s.nextTable.Add(1), name).Defined(def).With(cols...), catalog.Lifetime{CreatedAt: s.opts.Now().UnixNano()})
	if err := s.catalog.Apply(ctx, catalog.Change{Tables: []catalog.Table{t.record()}}); err != nil {
		return fmt.Errorf("create table %q: %w", name, err)
	}
	s.addTable(db, t)
	return nil
}

// newColumns are the columns that tags and fields add to a table, checked.
func (s *Store) newColumns(have *schema.Table, tags []string, fields []FieldDef) ([]schema.Column, error) {
	cols := make([]schema.Column, 0, len(tags)+len(fields))
	for _, t := range tags {
		cols = append(cols, schema.Column{Name: t, Role: schema.Tag, Kind: column.Dict})
	}
	for _, f := range fields {
		c := schema.Column{Name: f.Name, Role: schema.Field, Kind: f.Kind}
		if f.Fill != nil {
			if err := checkFill(f); err != nil {
				return nil, err
			}
			c.Filled, c.Fill, c.FilledTo = true, *f.Fill, s.lastSeq.Load()
		}
		cols = append(cols, c)
	}
	for i, c := range cols {
		kind := "field"
		if c.Role == schema.Tag {
			kind = "tag"
		}
		if err := CheckColumnName(kind, c.Name); err != nil {
			return nil, err
		}
		if o, ok := have.Column(c.Name); ok {
			return nil, &DuplicateError{Column: o}
		}
		for _, o := range cols[:i] {
			if o.Name == c.Name {
				return nil, &DuplicateError{Column: o}
			}
		}
	}
	if len(cols)+have.Live() > s.opts.Limits.Columns {
		return nil, LimitColumns(s.opts.Limits.Columns)
	}
	if len(tags)+len(have.Tags) > s.opts.Limits.Tags {
		return nil, LimitTags(s.opts.Limits.Tags)
	}
	return cols, nil
}

// DuplicateError is a column that is defined twice.
type DuplicateError struct{ Column schema.Column }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("cannot add column %s because it already exists with type %s", e.Column.Name, e.Column.InfluxType())
}

// DeleteTable hides a table at once and frees its name; its data goes at the
// time that h says.
func (s *Store) DeleteTable(ctx context.Context, database, name string, h HardDelete) error {
	db, err := s.lookup(database)
	if err != nil {
		return err
	}
	db.write.Lock()
	defer db.write.Unlock()
	t, ok := db.table(name)
	if !ok {
		for _, o := range s.allTables() {
			if sch := o.schema.Load(); sch.DatabaseID == db.id && sch.Name == name {
				return fmt.Errorf("table %q: %w", name, ErrDeleted)
			}
		}
		return fmt.Errorf("table %q: %w", name, ErrNotFound)
	}
	s.records.Lock()
	defer s.records.Unlock()
	now := s.opts.Now()
	all := s.allTables()
	renamed := t.schema.Load().Renamed(deletedName(name, now, func(n string) bool {
		return slices.ContainsFunc(all, func(o *table) bool {
			sch := o.schema.Load()
			return sch.DatabaseID == db.id && sch.Name == n
		})
	}))
	rec := t.record()
	rec.Schema = renamed
	rec.DeletedAt, rec.HardDeleteAt = now.UnixNano(), s.hardDeleteAt(h, now)
	if err := s.catalog.Apply(ctx, catalog.Change{Tables: []catalog.Table{rec}, DeleteCachesOf: []uint32{t.id}}); err != nil {
		return fmt.Errorf("delete table %q: %w", name, err)
	}
	t.mu.Lock()
	t.life = rec.Lifetime
	t.mu.Unlock()
	t.schema.Store(renamed)
	t.dropCaches()
	db.setTable(name, nil)
	s.liveTables.Add(-1)
	s.sweepSoon(rec.HardDeleteAt, now)
	return nil
}
