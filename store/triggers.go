package store

import (
	"context"
	"fmt"
	"slices"

	"tarn/store/catalog"
)

// Trigger is a trigger of a database.
type Trigger struct {
	catalog.Trigger
	Database string
}

// Script is a saved coprocessor.
type Script = catalog.Script

// maxScripts bounds what clients can save.
const maxScripts = 1000

// OnTriggers has fn called after every change of triggers. fn must not block
// and must not call the store.
func (s *Store) OnTriggers(fn func()) { s.triggersChanged.Store(&fn) }

func (s *Store) setTriggers(list []catalog.Trigger) {
	s.triggers.Store(&list)
	if fn := s.triggersChanged.Load(); fn != nil {
		(*fn)()
	}
}

// Triggers lists the triggers of a database, or with an empty name those of all,
// in the order in which they were made.
func (s *Store) Triggers(database string) []Trigger {
	var out []Trigger
	for _, t := range *s.triggers.Load() {
		db, ok := s.databaseByID(t.DatabaseID)
		if ok && (database == "" || db.name() == database) {
			out = append(out, Trigger{t, db.name()})
		}
	}
	return out
}

// Trigger finds a trigger.
func (s *Store) Trigger(database, name string) (Trigger, error) {
	if _, err := s.lookupDeleted(database); err != nil {
		return Trigger{}, err
	}
	for _, t := range s.Triggers(database) {
		if t.Name == name {
			return t, nil
		}
	}
	return Trigger{}, fmt.Errorf("trigger %q of database %q: %w", name, database, ErrNotFound)
}

// lookupDeleted is lookup that knows soft-deleted databases.
func (s *Store) lookupDeleted(name string) (*database, error) {
	db, err := s.lookup(name)
	if err == nil {
		return db, nil
	}
	for _, o := range *s.byID.Load() {
		if d := o.info.Load(); d.Name == name && d.DeletedAt != 0 && !d.Purged {
			return nil, fmt.Errorf("database %q: %w", name, ErrDeleted)
		}
	}
	return nil, err
}

// CreateTrigger adds a trigger to a database.
func (s *Store) CreateTrigger(ctx context.Context, database string, t catalog.Trigger) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	if s.closed.Load() {
		return ErrClosed
	}
	db, err := s.lookupDeleted(database)
	if err != nil {
		return err
	}
	list := *s.triggers.Load()
	if slices.ContainsFunc(list, func(o catalog.Trigger) bool { return o.DatabaseID == db.id && o.Name == t.Name }) {
		return fmt.Errorf("trigger %q of database %q: %w", t.Name, database, ErrExists)
	}
	t.DatabaseID, t.CreatedAt = db.id, s.opts.Now().UnixNano()
	if err := s.catalog.Apply(ctx, catalog.Change{PutTriggers: []catalog.Trigger{t}}); err != nil {
		return fmt.Errorf("create trigger %q: %w", t.Name, err)
	}
	s.setTriggers(append(slices.Clone(list), t))
	return nil
}

// DeleteTrigger removes a trigger.
func (s *Store) DeleteTrigger(ctx context.Context, database, name string) error {
	return s.changeTrigger(ctx, database, name, func(list []catalog.Trigger, i int) ([]catalog.Trigger, catalog.Change) {
		gone := list[i]
		return slices.Delete(list, i, i+1), catalog.Change{DeleteTriggers: []catalog.Trigger{gone}}
	})
}

// SetTriggerDisabled switches a trigger off or on.
func (s *Store) SetTriggerDisabled(ctx context.Context, database, name string, disabled bool) error {
	return s.changeTrigger(ctx, database, name, func(list []catalog.Trigger, i int) ([]catalog.Trigger, catalog.Change) {
		list[i].Disabled = disabled
		return list, catalog.Change{PutTriggers: []catalog.Trigger{list[i]}}
	})
}

func (s *Store) changeTrigger(ctx context.Context, database, name string, change func([]catalog.Trigger, int) ([]catalog.Trigger, catalog.Change)) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	if s.closed.Load() {
		return ErrClosed
	}
	db, err := s.lookupDeleted(database)
	if err != nil {
		return err
	}
	list := slices.Clone(*s.triggers.Load())
	i := slices.IndexFunc(list, func(o catalog.Trigger) bool { return o.DatabaseID == db.id && o.Name == name })
	if i < 0 {
		return fmt.Errorf("trigger %q of database %q: %w", name, database, ErrNotFound)
	}
	list, ch := change(list, i)
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return fmt.Errorf("change trigger %q: %w", name, err)
	}
	s.setTriggers(list)
	return nil
}

// dropTriggers forgets the triggers of a database, which the catalog has
// forgotten already. The caller holds admin.
func (s *Store) dropTriggers(databaseID uint32) {
	list := *s.triggers.Load()
	if slices.ContainsFunc(list, func(t catalog.Trigger) bool { return t.DatabaseID == databaseID }) {
		s.setTriggers(slices.DeleteFunc(slices.Clone(list), func(t catalog.Trigger) bool { return t.DatabaseID == databaseID }))
	}
}

// SaveScript saves a script, in the place of one of its name.
func (s *Store) SaveScript(ctx context.Context, database, name, source string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	if s.closed.Load() {
		return ErrClosed
	}
	n, err := s.catalog.CountScripts(ctx)
	if err != nil {
		return fmt.Errorf("count the scripts: %w", err)
	}
	if _, known, err := s.catalog.Script(ctx, database, name); err != nil {
		return err
	} else if n >= maxScripts && !known {
		return &LimitError{fmt.Sprintf("there are %d scripts already; the most is %d", n, maxScripts)}
	}
	sc := Script{Database: database, Name: name, Source: source, ModifiedAt: s.opts.Now().UnixNano()}
	if err := s.catalog.Apply(ctx, catalog.Change{PutScripts: []catalog.Script{sc}}); err != nil {
		return fmt.Errorf("save script %q: %w", name, err)
	}
	return nil
}

// DeleteScript removes a script.
func (s *Store) DeleteScript(ctx context.Context, database, name string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	if s.closed.Load() {
		return ErrClosed
	}
	sc, err := s.Script(ctx, database, name)
	if err != nil {
		return err
	}
	if err := s.catalog.Apply(ctx, catalog.Change{DeleteScripts: []catalog.Script{sc}}); err != nil {
		return fmt.Errorf("delete script %q: %w", name, err)
	}
	return nil
}

// Scripts lists the saved scripts by database and name.
func (s *Store) Scripts(ctx context.Context) ([]Script, error) { return s.catalog.Scripts(ctx) }

// Script finds a saved script; the error of one that is not there is
// ErrNotFound.
func (s *Store) Script(ctx context.Context, database, name string) (Script, error) {
	sc, ok, err := s.catalog.Script(ctx, database, name)
	switch {
	case err != nil:
		return Script{}, err
	case !ok:
		return Script{}, fmt.Errorf("script %q of database %q: %w", name, database, ErrNotFound)
	}
	return sc, nil
}
