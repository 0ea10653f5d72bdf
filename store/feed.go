package store

import (
	"context"

	"tarn/store/points"
	"tarn/store/wal"
)

// Feed is told of the rows that are written: the processing engine's write
// triggers (spec/processing-engine.md section 2.7).
type Feed interface {
	// Wants says whether the rows of a table are wanted.
	Wants(databaseID uint32, table string) bool
	// Take gets copies, which it may keep, of the wanted tables of one write, in
	// the order of the log, with the rows in the order in which they came. The
	// rows are visible; d says when they are durable. Take must not block: the
	// writer holds its database's lock.
	Take(databaseID uint32, tables []*points.Table, d Durability)
}

// Durability is when rows become durable.
type Durability struct{ ticket wal.Ticket }

// Ready says whether Wait would return at once.
func (d Durability) Ready() bool { return d.ticket.Ready() }

// Wait returns nil once the rows are durable, and an error when they will never
// be, or when ctx ends.
func (d Durability) Wait(ctx context.Context) error { return d.ticket.Wait(ctx) }

// SetFeed sends what is written from now on to f; nil ends that. Without a feed
// a write pays one atomic load.
func (s *Store) SetFeed(f Feed) {
	if f == nil {
		s.feed.Store(nil)
		return
	}
	s.feed.Store(&f)
}

// copyFed copies the tables of a write that the feed wants.
func (s *Store) copyFed(db *database, b *points.Batch) []*points.Table {
	feed := s.feed.Load()
	if feed == nil {
		return nil
	}
	var fed []*points.Table
	for _, t := range b.Tables {
		if (*feed).Wants(db.id, t.Name) {
			fed = append(fed, t.Copy())
		}
	}
	return fed
}

// feedWrite hands over what copyFed copied.
func (s *Store) feedWrite(db *database, fed []*points.Table, t wal.Ticket) {
	if feed := s.feed.Load(); feed != nil {
		(*feed).Take(db.id, fed, Durability{t})
	}
}
