package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tarn/store/catalog"
)

// sweep deletes what is past retention or hard deletion.
func (s *Store) sweep(ctx context.Context) {
	if s.opts.KeepExpired || !s.clockTrusted() {
		s.keepQuota(ctx)
		return
	}
	if err := s.redate(ctx); err != nil {
		s.opts.Logger.Error("sweep failed", "error", err)
		return
	}
	s.checkpointing.Lock()
	due := s.purgeable()
	s.checkpointing.Unlock()
	if len(due.tables) > 0 || len(due.databases) > 0 {
		// The log may hold rows of what goes: after a checkpoint it does not,
		// and a replay cannot bring them back.
		if err := s.Checkpoint(ctx); err != nil {
			s.opts.Logger.Error("hard deletion waits for a checkpoint that failed", "error", err)
			return
		}
	}
	if err := errors.Join(s.purge(ctx, due), s.expire(ctx)); err != nil && ctx.Err() == nil {
		s.opts.Logger.Error("sweep failed", "error", err)
	}
	s.keepQuota(ctx)
}

// clockTrusted says whether data may be deleted for its age, and logs when that
// changes.
func (s *Store) clockTrusted() bool {
	now, why := s.clock.trusted()
	if s.distrusted.Swap(why != "") != (why != "") {
		if why != "" {
			s.opts.Logger.Warn("the clock is not to be trusted: nothing is deleted for its age", "clock", now.UTC(), "reason", why)
		} else {
			s.opts.Logger.Info("the clock is trusted again: retention goes on", "clock", now.UTC())
		}
	}
	return why == ""
}

// redate gives what was deleted while the clock was wrong the time that it
// should have until it goes for good.
func (s *Store) redate(ctx context.Context) error {
	now, limit := s.opts.Now().UnixNano(), s.opts.Earliest.UnixNano()
	if s.opts.Earliest.IsZero() {
		return nil
	}
	wrong := func(l catalog.Lifetime) bool {
		return l.DeletedAt != 0 && l.DeletedAt < limit && l.HardDeleteAt != 0 && l.HardDeleteAt < now && !l.Purged
	}
	s.admin.Lock()
	defer s.admin.Unlock()
	s.records.Lock()
	defer s.records.Unlock()
	var ch catalog.Change
	for _, db := range *s.byID.Load() {
		if d := *db.info.Load(); wrong(d.Lifetime) {
			d.HardDeleteAt, d.DeletedAt = now+d.HardDeleteAt-d.DeletedAt, now
			ch.Databases = append(ch.Databases, d)
		}
	}
	for _, t := range s.allTables() {
		if r := t.record(); wrong(r.Lifetime) {
			r.HardDeleteAt, r.DeletedAt = now+r.HardDeleteAt-r.DeletedAt, now
			ch.Tables = append(ch.Tables, r)
		}
	}
	if len(ch.Databases)+len(ch.Tables) == 0 {
		return nil
	}
	if err := s.catalog.Apply(ctx, ch); err != nil {
		return fmt.Errorf("date deletions again: %w", err)
	}
	for i := range ch.Databases {
		if db, ok := s.databaseByID(ch.Databases[i].ID); ok {
			db.info.Store(&ch.Databases[i])
		}
	}
	for _, r := range ch.Tables {
		if t := s.tableByID(r.Schema.ID); t != nil {
			t.mu.Lock()
			t.life = r.Lifetime
			t.mu.Unlock()
		}
	}
	return nil
}

type purgeSet struct {
	databases []*database
	tables    []*table
}

// purgeable finds what is due for hard deletion.
func (s *Store) purgeable() purgeSet {
	now := s.opts.Now().UnixNano()
	var due purgeSet
	gone := map[uint32]bool{}
	for _, db := range *s.byID.Load() {
		if d := db.info.Load(); !d.Purged && d.HardDeleteAt != 0 && d.HardDeleteAt <= now {
			due.databases = append(due.databases, db)
			gone[db.id] = true
		}
	}
	for _, t := range s.allTables() {
		r := t.record()
		if !r.Purged && (gone[r.Schema.DatabaseID] || r.HardDeleteAt != 0 && r.HardDeleteAt <= now) {
			due.tables = append(due.tables, t)
		}
	}
	return due
}

// purge deletes the data of tables and marks them, and their databases, as
// gone.
func (s *Store) purge(ctx context.Context, due purgeSet) error {
	if len(due.tables)+len(due.databases) == 0 {
		return nil
	}
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	s.records.Lock()
	defer s.records.Unlock()
	var ch catalog.Change
	var files []*segmentFile
	for _, t := range due.tables {
		r := t.record()
		r.Purged = true
		ch.Tables = append(ch.Tables, r)
		t.mu.RLock()
		for _, f := range t.segments {
			ch.RemoveSegments = append(ch.RemoveSegments, f.ID)
			files = append(files, f)
		}
		for _, g := range t.lost {
			ch.RemoveSegments = append(ch.RemoveSegments, g.ID)
		}
		t.mu.RUnlock()
	}
	for _, db := range due.databases {
		d := *db.info.Load()
		d.Purged = true
		ch.Databases = append(ch.Databases, d)
	}
	s.up.mu.Lock()
	err := s.catalog.Apply(ctx, ch)
	if err == nil {
		s.up.forget(ch.RemoveSegments)
		for _, r := range ch.Tables {
			s.notePurged(r)
		}
	}
	s.up.mu.Unlock()
	if err != nil {
		return fmt.Errorf("hard-delete: %w", err)
	}
	for i, db := range due.databases {
		db.info.Store(&ch.Databases[i])
	}
	for _, t := range due.tables {
		t.mu.Lock()
		t.life.Purged = true
		t.segments = nil
		t.mu.Unlock()
		s.buffered.Add(-t.dropBuffers())
		s.tablesMu.Lock()
		delete(s.tables, t.id)
		s.tablesMu.Unlock()
		s.removeTableNote(t.schema.Load())
	}
	for _, f := range files {
		f.removed.Store(true)
		f.release()
	}
	s.countSegments()
	s.opts.Logger.Info("hard deletion", "databases", len(due.databases), "tables", len(due.tables), "segments", len(files))
	return nil
}

// expire deletes the segments that lie wholly before their database's
// or their table's retention.
func (s *Store) expire(ctx context.Context) error {
	s.checkpointing.Lock()
	defer s.checkpointing.Unlock()
	now := s.opts.Now()
	var files []*segmentFile
	for _, t := range s.allTables() {
		db, ok := s.databaseByID(t.schema.Load().DatabaseID)
		if !ok {
			continue
		}
		limit := t.oldest(db, now)
		t.mu.RLock()
		segments := slices.Clone(t.segments)
		t.mu.RUnlock()
		for _, f := range segments {
			// What has still to go upstream costs disk, but is not seen any more.
			if f.MaxTime < limit && !s.awaited(t, f) {
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := s.dropSegments(ctx, files); err != nil {
		return fmt.Errorf("expire segments: %w", err)
	}
	s.opts.Logger.Info("retention", "segments", len(files))
	return nil
}

func (s *Store) tableByID(id uint32) *table {
	s.tablesMu.Lock()
	defer s.tablesMu.Unlock()
	return s.tables[id]
}
