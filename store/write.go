package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tarn/store/buffer"
	"tarn/store/catalog"
	"tarn/store/column"
	"tarn/store/points"
	"tarn/store/schema"
	"tarn/store/wal"
)

// WriteOptions change what a write waits for.
type WriteOptions struct {
	// NoSync acknowledges when the rows are visible, before they are durable.
	NoSync bool
}

// Write adds the rows of b to a database, which is made if it does not exist.
// When it returns nil they are visible to scans and, unless o.NoSync, durable.
// When it returns an error, nothing of b was written, with one exception: a
// context that ends, or a log that fails, while waiting for durability leaves
// the rows visible, and a restart may or may not keep them.
//
// The caller has validated b against the schemas that Database gives; when
// another writer was faster to add a column of another type, the error is
// ErrSchemaChanged and the caller validates again.
func (s *Store) Write(ctx context.Context, database string, b *points.Batch, o WriteOptions) error {
	if b.Rows() == 0 {
		return nil
	}
	if err := s.admit(); err != nil {
		return err
	}
	db, err := s.ensureDatabase(ctx, database)
	if err != nil {
		return err
	}
	if err := s.awaitRoom(ctx, b); err != nil {
		return err
	}
	fed := s.copyFed(db, b) // before the rows are put in another order
	for _, t := range b.Tables {
		t.SortBySeries()
	}
	scratch := s.scratch.Get().(*writeScratch)
	defer s.scratch.Put(scratch)
	ticket, err := s.log(db, b, scratch, fed, o)
	if err != nil {
		return err
	}
	s.written(int64(b.Rows()))
	if o.NoSync {
		return nil
	}
	if err := ticket.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the write-ahead log: %w", s.logError(err))
	}
	return nil
}

// log brings a batch into the write-ahead log and the buffers.
func (s *Store) log(db *database, b *points.Batch, scratch *writeScratch, fed []*points.Table, o WriteOptions) (wal.Ticket, error) {
	s.gate.RLock()
	defer s.gate.RUnlock()
	db.write.Lock()
	defer db.write.Unlock()
	grown, err := s.prepare(db, b)
	if err != nil {
		return wal.Ticket{}, err
	}
	if grown {
		// What is new must be logged before any write that uses it: the lock
		// stays.
		scratch.payload = b.Encode(scratch.payload[:0], db.id, db.name())
	} else {
		// Encoding is the expensive part, and needs no lock.
		db.write.Unlock()
		scratch.payload = b.Encode(scratch.payload[:0], db.id, db.name())
		db.write.Lock()
	}
	ticket, err := s.commit(db, b, scratch, o)
	if err == nil && fed != nil {
		s.feedWrite(db, fed, ticket)
	}
	return ticket, err
}

// writeScratch is the memory that a write borrows.
type writeScratch struct {
	payload  []byte
	series   []uint32
	ordinals []int
}

// admit refuses writes that could not be kept.
func (s *Store) admit() error {
	switch {
	case s.closed.Load():
		return ErrClosed
	case s.failure.Load() != nil, s.wal.Failed() != nil:
		return ErrReadOnly
	case s.buffered.Load() > 2*s.opts.BufferBytes:
		s.requestCheckpoint()
		return ErrBusy
	case s.overQuota():
		if s.wal.Stats().LiveBytes > s.opts.MaxDiskBytes/20 {
			s.requestCheckpoint() // rows take less in segments than in the log
		}
		return ErrQuota
	}
	return nil
}

// roomPatience is how long a huge write waits for the buffers.
const roomPatience = 5 * time.Second

// awaitRoom has a write that takes most of the buffers wait until they are nearly
// empty: together with what fills them it would come to several times their size.
func (s *Store) awaitRoom(ctx context.Context, b *points.Batch) error {
	if int64(b.Bytes()) <= s.opts.BufferBytes/2 {
		return nil
	}
	for end := time.Now().Add(roomPatience); s.buffered.Load() > s.opts.BufferBytes/4; {
		s.requestCheckpoint()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return nil // a checkpoint takes long; admit has the last word
		}
	}
	return nil
}

// prepare gives every table and column of b its ID, adding to the schemas what
// is new, and says whether anything was. All of b is checked before anything
// is added. The caller holds the database's write lock.
func (s *Store) prepare(db *database, b *points.Batch) (grown bool, err error) {
	plans := make([]*schema.Table, 0, 8)
	created := 0
	for _, p := range b.Tables {
		sch, isNew, err := s.plan(db, p)
		if err != nil {
			return false, err
		}
		if isNew {
			created++
		}
		plans = append(plans, sch)
	}
	if created > 0 {
		if n := int(s.liveTables.Load()); n+created > s.opts.Limits.Tables {
			return false, LimitTables(s.opts.Limits.Tables)
		}
	}
	for i, p := range b.Tables {
		t, ok := db.table(p.Name)
		switch {
		case !ok:
			plans[i].ID = s.nextTable.Add(1)
			t = newTable(plans[i], catalog.Lifetime{CreatedAt: s.opts.Now().UnixNano()})
			t.unsaved.Store(true)
			s.addTable(db, t)
			grown = true
		case plans[i] != t.schema.Load():
			t.schema.Store(plans[i])
			t.unsaved.Store(true)
			grown = true
		}
		assign(p, t.schema.Load())
	}
	return grown, nil
}

// plan returns the schema that a table needs for p: the one it has, one with
// p's new columns, or that of a new table.
func (s *Store) plan(db *database, p *points.Table) (sch *schema.Table, isNew bool, err error) {
	if t, ok := db.table(p.Name); ok {
		sch = t.schema.Load()
	} else {
		sch, isNew = schema.NewTable(db.id, 0, p.Name), true
	}
	var added []schema.Column
	for _, tag := range p.Tags {
		c, ok := sch.Column(tag)
		if !ok {
			added = append(added, schema.Column{Name: tag, Role: schema.Tag, Kind: column.Dict})
		} else if c.Role != schema.Tag {
			return nil, false, fmt.Errorf("table %s: tag %s: %w", p.Name, tag, ErrSchemaChanged)
		}
	}
	for _, f := range p.Fields {
		c, ok := sch.Column(f.Name)
		if !ok {
			added = append(added, schema.Column{Name: f.Name, Role: schema.Field, Kind: f.Kind})
		} else if c.Role != schema.Field || c.Kind != f.Kind {
			return nil, false, fmt.Errorf("table %s: field %s: %w", p.Name, f.Name, ErrSchemaChanged)
		}
	}
	if len(added) == 0 {
		return sch, isNew, nil
	}
	for i, c := range added {
		kind := "field"
		if c.Role == schema.Tag {
			kind = "tag"
		}
		if err := CheckColumnName(kind, c.Name); err != nil {
			return nil, false, err
		}
		if slices.ContainsFunc(added[:i], func(o schema.Column) bool { return o.Name == c.Name }) {
			return nil, false, fmt.Errorf("table %s: %s is both a tag and a field: %w", p.Name, c.Name, ErrSchemaChanged)
		}
	}
	if sch.Live()+len(added) > s.opts.Limits.Columns {
		return nil, false, LimitColumns(s.opts.Limits.Columns)
	}
	grown := sch.With(added...)
	if len(grown.Tags) > s.opts.Limits.Tags {
		return nil, false, LimitTags(s.opts.Limits.Tags)
	}
	return grown, isNew, nil
}

// assign writes the IDs of a schema into a batch.
func assign(p *points.Table, sch *schema.Table) {
	p.ID = sch.ID
	p.TagIDs = p.TagIDs[:0]
	for _, tag := range p.Tags {
		c, _ := sch.Column(tag)
		p.TagIDs = append(p.TagIDs, c.ID)
	}
	for _, f := range p.Fields {
		c, _ := sch.Column(f.Name)
		f.ID = c.ID
	}
}

// commit appends the encoded batch to the log and its rows to the buffers. The
// caller holds the gate and the database's write lock, which makes it one step
// for checkpoints and for other writers to the database.
func (s *Store) commit(db *database, b *points.Batch, scratch *writeScratch, o WriteOptions) (wal.Ticket, error) {
	if d := db.info.Load(); d.DeletedAt != 0 {
		return wal.Ticket{}, fmt.Errorf("database %s was deleted: %w", d.Name, ErrSchemaChanged)
	}
	for _, p := range b.Tables {
		t, ok := db.table(p.Name)
		if !ok || t.id != p.ID {
			return wal.Ticket{}, fmt.Errorf("table %s was deleted: %w", p.Name, ErrSchemaChanged)
		}
		if sch := t.schema.Load(); sch.Live() < len(sch.Columns) {
			for _, f := range p.Fields {
				if sch.Columns[f.ID].Role == schema.Dropped {
					return wal.Ticket{}, fmt.Errorf("table %s: field %s was dropped: %w", p.Name, f.Name, ErrSchemaChanged)
				}
			}
		}
	}
	append := s.wal.AppendAwaited
	if o.NoSync {
		append = s.wal.Append
	}
	seq, ticket, err := append(scratch.payload, b.Rows())
	if int64(cap(scratch.payload)) > s.opts.BufferBytes/4 {
		scratch.payload = nil // the log has its own; this is as large as the buffers
	}
	if err != nil {
		return wal.Ticket{}, fmt.Errorf("append to the write-ahead log: %w", s.logError(err))
	}
	s.sawSeq(seq)
	for _, p := range b.Tables {
		t, _ := db.table(p.Name)
		if err := s.insert(t, p, seq, scratch); err != nil {
			// The log has the batch and the buffer not all of it: only a
			// restart brings them together again.
			s.fail(err)
			ticket.Forgo()
			return wal.Ticket{}, err
		}
	}
	return ticket, nil
}

// sawSeq raises lastSeq: writers to different databases come here in any order.
func (s *Store) sawSeq(seq uint64) {
	for {
		last := s.lastSeq.Load()
		if seq <= last || s.lastSeq.CompareAndSwap(last, seq) {
			return
		}
	}
}

// insert puts rows into a table's buffer. The caller holds the database's
// write lock.
func (s *Store) insert(t *table, p *points.Table, seq uint64, scratch *writeScratch) error {
	sch := t.schema.Load()
	scratch.ordinals = scratch.ordinals[:0]
	for _, id := range p.TagIDs {
		scratch.ordinals = append(scratch.ordinals, slices.Index(sch.Tags, id))
	}
	var err error
	scratch.series, err = t.index.ResolveBatch(scratch.series[:0], p, scratch.ordinals)
	if err != nil {
		return fmt.Errorf("number the series: %w", err)
	}
	t.mu.Lock()
	if t.active == nil {
		t.active = buffer.New(buffer.Options{Append: sch.Appends(), HeadTextBytes: int(min(max(s.opts.BufferBytes/4, 256<<10), 4<<20))})
	}
	active := t.active
	t.mu.Unlock()
	before := active.Bytes()
	if fills := sch.Fills(); fills != nil {
		// Rows that a new field is filled in stay apart from later ones.
		if _, last := active.SeqRange(); slices.ContainsFunc(fills, func(to uint64) bool { return last <= to && to < seq }) {
			active.Seal()
		}
	}
	if err := active.Insert(p, scratch.series, seq, t.newest); err != nil {
		return fmt.Errorf("insert into the buffer of table %s: %w", p.Name, err)
	}
	s.feedCaches(t, p, scratch.series, seq)
	if s.buffered.Add(active.Bytes()-before) > s.opts.BufferBytes {
		s.requestCheckpoint()
	}
	return nil
}

// logError adds to an error of the log what it means to a writer.
func (s *Store) logError(err error) error {
	switch {
	case s.wal.Failed() != nil:
		return errors.Join(ErrReadOnly, err)
	case errors.Is(err, wal.ErrFull):
		return errors.Join(ErrBusy, err)
	}
	return err
}
