package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
	// Orphans is the number of files that no checkpoint had registered; they
	// are deleted. Adopted ones were missing in the catalog and are not any
	// more.
	Orphans, Adopted int
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

// segmentNumber reads the ID out of a file name; IDs of orphans are not used
// again, lest a page cache or an upload take one file for another.
func segmentNumber(name string) uint64 {
	var id uint64
	if _, err := fmt.Sscanf(name, "%d.", &id); err != nil {
		return 0
	}
	return id
}

// openLog opens the log and looks at what it holds.
func (s *Store) openLog(ctx context.Context, state *catalog.State) error {
	// No write may get a number that one in a file has: a rebuilt catalog has
	// no checkpoint.
	seen := state.Checkpoint.Seq
	for _, g := range state.Segments {
		seen = max(seen, g.MaxSeq)
	}
	log, found, err := wal.Open(ctx, s.opts.FS, s.opts.Dir+"/wal", wal.Options{
		SegmentSize: s.opts.walSegmentBytes, SyncRate: s.opts.WALSyncRate, MinSeq: seen + 1, MinSegment: state.Checkpoint.WALSegment, Logger: s.opts.Logger,
		MaxPending: int(min(max(2*s.opts.BufferBytes, 4<<20), 64<<20)), // about as much as rows may
		Quarantine: s.keepLog})
	if err != nil {
		return fmt.Errorf("open the write-ahead log: %w", err)
	}
	s.wal, s.report.Log = log, *found
	s.lastSeq.Store(seen)
	return nil
}

// reportLog notes what is wrong with the log. The damaged segments are moved to
// the quarantine when their good records are in files; until then every start
// finds them anew.
func (s *Store) reportLog(unusable map[uint64]string) error {
	now, lost := s.opts.Now().UTC(), s.report.Log.Missing
	for _, name := range s.report.Log.Corrupt {
		p := Problem{Kind: ProblemLog, Path: "wal/" + name, Reason: "records do not match their checksums", Missing: "the acknowledged writes in these records", FoundAt: now}
		if lost > 0 {
			p.Missing = fmt.Sprintf("%d acknowledged writes", lost)
		}
		s.found(p)
	}
	for n, reason := range unusable {
		s.found(Problem{Kind: ProblemLog, Path: "wal/" + wal.SegmentName(n), Reason: reason, Missing: "the rows of the write", FoundAt: now})
	}
	if lost > 0 && len(s.report.Log.Corrupt) == 0 {
		p := Problem{Kind: ProblemLog, Path: "wal", Reason: "a part of the log is not there", Missing: fmt.Sprintf("%d acknowledged writes", lost), FoundAt: now}
		s.found(p)
		return s.quarantine().note(p) // a checkpoint removes the evidence
	}
	return nil
}

// keepLog moves a damaged segment of the log to the quarantine; it is
// wal.Options.Quarantine.
func (s *Store) keepLog(name string) error {
	p := Problem{Kind: ProblemLog, Path: "wal/" + name, Reason: "damaged", FoundAt: s.opts.Now().UTC()}
	for _, o := range s.Problems() {
		if o.Kind == p.Kind && o.Path == p.Path {
			p = o
		}
	}
	if err := s.quarantine().move(&p); err != nil {
		return err
	}
	s.found(p)
	return nil
}

// replay inserts what the log has and segments do not.
func (s *Store) replay(ctx context.Context, checkpoint catalog.Checkpoint) error {
	unusable := map[uint64]string{}
	b := points.NewBatch()
	scratch := &writeScratch{}
	err := s.wal.Replay(ctx, func(seq, segment uint64, payload []byte) error {
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
			unusable[segment] = fmt.Sprintf("write %d makes no sense: %v", seq, err)
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
	if err := s.reportLog(unusable); err != nil {
		return err
	}
	if s.report.Rows > 0 {
		s.oldestWrite.Store(s.opts.Now().UnixNano())
	}
	if err := s.correctDrops(ctx); err != nil {
		return err
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
		if err := t.learn(p, seq, s.opts.Logger.Warn); err != nil {
			return err
		}
		if err := s.insert(t, p, seq, scratch); err != nil {
			return err
		}
	}
	return nil
}

// learn adds the columns of a logged write that the schema lacks, and gives the
// write the schema's IDs. Names decide, and the number of the write where a column
// of the name was dropped, not the logged IDs: a column whose first write failed,
// or was lost with a corrupt part of the log, leaves a gap there.
//
// A column of another type than the catalog has says that the catalog has lost a
// change: the older column is dropped again.
func (t *table) learn(p *points.Table, seq uint64, warn func(msg string, args ...any)) error {
	sch := t.schema.Load()
	type logged struct {
		schema.Column
		id int
	}
	var added []logged
	see := func(c schema.Column, id int) error {
		have, ok := sch.Written(c.Name, seq)
		switch {
		case !ok:
			added = append(added, logged{c, id})
		case have.Role == schema.Dropped && c.Role == schema.Field && have.Kind == c.Kind:
		case have.Role == schema.Field && c.Role == schema.Field && have.Kind != c.Kind && seq > 0:
			warn("a column has another type in the log than in the catalog, which must have lost a change: the older one is dropped",
				"table", sch.Name, "column", c.Name, "catalog", have.InfluxType(), "log", c.InfluxType(), "write", seq)
			sch = sch.Drop(have.ID, seq-1)
			t.schema.Store(sch)
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
	if sch.Live() < len(sch.Columns) {
		for _, f := range p.Fields {
			c, _ := sch.Written(f.Name, seq)
			f.ID = c.ID
		}
	}
	return nil
}
