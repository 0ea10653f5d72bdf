package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
	"tarn/store/wal"
)

// Recovery says what Open found.
type Recovery struct {
	// Segments and Tables are what the catalog knew.
	Segments, Tables int
	// Orphans is the number of files that no checkpoint had registered.
	Orphans int
	// Writes and Rows were replayed from the log.
	Writes, Rows int64
	// Unusable writes were in the log but could not be decoded.
	Unusable int64
	// Log is the log's own report: torn tail, quarantined segments.
	Log wal.Recovery
}

// Recovery returns the report of Open.
func (s *Store) Recovery() Recovery { return s.report }

// restore builds the run-time state from the catalog.
func (s *Store) restore(state *catalog.State) {
	names, ids := map[string]*database{}, map[uint32]*database{}
	for _, d := range state.Databases {
		s.nextDatabase.Store(max(s.nextDatabase.Load(), d.ID))
		db := newDatabase(d)
		ids[d.ID] = db
		if d.DeletedAt == 0 {
			names[d.Name] = db
		}
	}
	s.byName.Store(&names)
	s.byID.Store(&ids)
	for _, r := range state.Tables {
		id := r.Schema.ID
		s.nextTable.Store(max(s.nextTable.Load(), id))
		t := newTable(r.Schema, r.Lifetime)
		s.tables[id] = t
		if db := ids[r.Schema.DatabaseID]; r.DeletedAt == 0 && !r.Purged && db != nil {
			db.setTable(r.Schema.Name, t)
			if db.info.Load().DeletedAt == 0 {
				s.liveTables.Add(1)
			}
		}
	}
	for _, g := range state.Segments {
		s.nextSegment.Store(max(s.nextSegment.Load(), g.ID))
		if t := s.tables[g.TableID]; t != nil {
			t.segments = append(t.segments, newSegmentFile(g, s.files, t.index))
			t.flushed = max(t.flushed, g.MaxTime)
		}
	}
	s.restoreCaches(state)
	s.report.Tables, s.report.Segments = len(state.Tables), len(state.Segments)
}

// removeOrphans deletes files below the segment directory that the catalog
// does not know: leftovers of a crash, or of a removal whose reader was still
// busy.
func (s *Store) removeOrphans(state *catalog.State) error {
	// Databases are registered before their first row. Segments without any
	// database are not orphans: it is the catalog that is lost.
	lost := len(state.Databases) == 0
	known := map[string]bool{}
	for _, g := range state.Segments {
		known[g.Path] = true
	}
	var walk func(dir string) error
	walk = func(dir string) error {
		names, err := s.opts.FS.List(s.opts.Dir + "/" + dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for orphans in %s: %w", dir, err)
		}
		for _, name := range names {
			path := dir + "/" + name
			switch {
			case strings.HasSuffix(name, ".parquet") && lost:
				return fmt.Errorf("there are segments, such as %s, but the catalog %s is empty: bring back the catalog that belongs to them", path, s.opts.CatalogPath)
			case strings.HasSuffix(name, ".parquet") && !known[path], strings.HasSuffix(name, ".parquet"+temporary):
				if err := s.opts.FS.Remove(s.opts.Dir + "/" + path); err != nil {
					return fmt.Errorf("remove the orphan %s: %w", path, err)
				}
				s.nextSegment.Store(max(s.nextSegment.Load(), segmentNumber(name)))
				s.report.Orphans++
			case !strings.Contains(name, "."):
				if err := walk(path); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk("segments")
}

// segmentNumber reads the ID out of a file name; IDs of orphans are not used
// again, lest a page cache or an upload take one file for another.
func segmentNumber(name string) uint64 {
	var id uint64
	if _, err := fmt.Sscanf(name, "%d.", &id); err != nil {
		return 0
	}
	return id
}

// replay opens the log and inserts what segments do not have.
func (s *Store) replay(ctx context.Context, checkpoint catalog.Checkpoint) error {
	log, found, err := wal.Open(ctx, s.opts.FS, s.opts.Dir+"/wal", wal.Options{
		SegmentSize: s.opts.walSegmentBytes, SyncRate: s.opts.WALSyncRate, MinSeq: checkpoint.Seq + 1, MinSegment: checkpoint.WALSegment, Logger: s.opts.Logger})
	if err != nil {
		return fmt.Errorf("open the write-ahead log: %w", err)
	}
	s.wal, s.report.Log = log, *found
	s.lastSeq.Store(checkpoint.Seq)
	b := points.NewBatch()
	scratch := &writeScratch{}
	err = log.Replay(ctx, func(seq, segment uint64, payload []byte) error {
		if segment < checkpoint.WALSegment || seq <= checkpoint.Seq {
			return nil
		}
		b.Reset()
		id, name, err := points.Decode(payload, b)
		if err != nil {
			// A server that refuses to start because of one write would lose
			// all that it is sent from now on.
			s.report.Unusable++
			s.sawSeq(seq)
			return fmt.Errorf("decode write %d: %w: %w", seq, wal.ErrUnusable, err)
		}
		if err := s.redo(ctx, id, name, b, seq, scratch); err != nil {
			return fmt.Errorf("redo write %d: %w", seq, err)
		}
		s.sawSeq(seq)
		s.report.Writes++
		s.report.Rows += int64(b.Rows())
		return nil
	})
	if err != nil {
		return fmt.Errorf("replay the write-ahead log: %w", err)
	}
	if s.report.Rows > 0 {
		s.oldestWrite.Store(s.opts.Now().UnixNano())
	}
	return s.correctCaches(ctx)
}

// redo applies one logged write.
func (s *Store) redo(ctx context.Context, databaseID uint32, name string, b *points.Batch, seq uint64, scratch *writeScratch) error {
	db, ok := s.databaseByID(databaseID)
	if !ok {
		// Databases are in the catalog before their first write; a lost and
		// rebuilt catalog may lack one.
		d := catalog.Database{ID: databaseID, Name: name, Lifetime: catalog.Lifetime{CreatedAt: s.opts.Now().UnixNano()}}
		if err := s.catalog.Apply(ctx, catalog.Change{Databases: []catalog.Database{d}}); err != nil {
			return fmt.Errorf("bring back database %q: %w", name, err)
		}
		db = newDatabase(d)
		s.publish(db)
	}
	if db.info.Load().Purged {
		return nil
	}
	for _, p := range b.Tables {
		t := s.tables[p.ID]
		if t != nil && t.life.Purged {
			continue
		}
		if t == nil {
			s.nextTable.Store(max(s.nextTable.Load(), p.ID))
			t = newTable(schema.NewTable(databaseID, p.ID, p.Name), catalog.Lifetime{CreatedAt: s.opts.Now().UnixNano()})
			t.unsaved.Store(true)
			s.addTable(db, t)
		}
		if err := t.learn(p); err != nil {
			return err
		}
		if err := s.insert(t, p, seq, scratch); err != nil {
			return err
		}
	}
	return nil
}

// learn adds the columns of a logged write that the schema lacks, and gives the
// write the schema's IDs. Names decide, not the logged IDs: a column whose first
// write failed, or was lost with a corrupt part of the log, leaves a gap there.
func (t *table) learn(p *points.Table) error {
	sch := t.schema.Load()
	type logged struct {
		schema.Column
		id int
	}
	var added []logged
	see := func(c schema.Column, id int) error {
		have, ok := sch.Column(c.Name)
		switch {
		case !ok:
			added = append(added, logged{c, id})
		case have.Role != c.Role || have.Kind != c.Kind:
			return fmt.Errorf("table %s: column %q is %s in the log and %s in the catalog", sch.Name, c.Name, c.InfluxType(), have.InfluxType())
		}
		return nil
	}
	for i, tag := range p.Tags {
		if err := see(schema.Column{Name: tag, Role: schema.Tag, Kind: column.Dict}, p.TagIDs[i]); err != nil {
			return err
		}
	}
	for _, f := range p.Fields {
		if err := see(schema.Column{Name: f.Name, Role: schema.Field, Kind: f.Kind}, f.ID); err != nil {
			return err
		}
	}
	if len(added) > 0 {
		slices.SortFunc(added, func(a, b logged) int { return cmp.Compare(a.id, b.id) })
		for _, c := range added {
			sch = sch.With(c.Column)
		}
		t.schema.Store(sch)
		t.unsaved.Store(true)
	}
	assign(p, sch)
	return nil
}
