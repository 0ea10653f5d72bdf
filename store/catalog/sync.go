package catalog

import (
	"context"
	"database/sql"
	"fmt"
)

// SyncState is how far a segment's way to an upstream target is.
type SyncState uint8

// The states. A segment without a record is sealed: nothing of it is upstream.
const (
	// SyncSealed has no record.
	SyncSealed SyncState = iota
	// SyncUploading means that the target may have some or all of it.
	SyncUploading
	// SyncUploaded means that the target has it, and its manifest does not.
	SyncUploaded
	// SyncCommitted means that target and manifest have it: as far as this
	// target goes, the segment may be deleted here.
	SyncCommitted
	// SyncParked means that it failed in a way that trying again does not cure.
	SyncParked
)

// SyncFile is the state of a segment at a target.
type SyncFile struct {
	Target    string
	SegmentID uint64
	State     SyncState
	// Key is the object's name at the target, SourceHash the SHA-256 of the
	// segment, ObjectHash and ObjectBytes those of what is sent. They are empty
	// while nothing was sent, and in what compaction made of committed files.
	Key         string
	SourceHash  string
	ObjectHash  string
	ObjectBytes int64
	// Upload is the multipart upload that goes on, "" when none does.
	Upload string
	// Batch is the manifest that lists the file, 0 before it is chosen.
	Batch uint64
	// Attempts that failed since the last success, and why the last one did.
	Attempts  int
	LastError string
	ChangedAt int64 // ns since epoch
}

// SyncTarget is what is kept of an upstream target.
type SyncTarget struct {
	ID string
	// NextBatch is the number of the next manifest.
	NextBatch uint64
	Paused    bool
	// Files, Rows and Bytes were committed since the target was first named.
	Files, Rows, Bytes int64
	CommittedAt        int64 // ns since epoch, 0 never
}

// SyncBatch is a manifest that is about to be written: kept until it is, so
// that a retry writes the same bytes.
type SyncBatch struct {
	Target string
	Number uint64
	Body   []byte
}

// SyncSegment names a segment at a target.
type SyncSegment struct {
	Target    string
	SegmentID uint64
}

func applySync(ctx context.Context, tx *sql.Tx, ch Change) error {
	for _, t := range ch.PutSyncTargets {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO sync_targets VALUES (?, ?, ?, ?, ?, ?, ?)`,
			t.ID, int64(t.NextBatch), t.Paused, t.Files, t.Rows, t.Bytes, t.CommittedAt)
		if err != nil {
			return fmt.Errorf("put sync target %q: %w", t.ID, err)
		}
	}
	for _, id := range ch.DeleteSyncTargets {
		for _, table := range []string{"sync_targets WHERE id", "sync_files WHERE target", "sync_batches WHERE target"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` = ?`, id); err != nil {
				return fmt.Errorf("delete sync target %q: %w", id, err)
			}
		}
	}
	for _, f := range ch.PutSyncFiles {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO sync_files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			f.Target, int64(f.SegmentID), f.State, f.Key, f.SourceHash, f.ObjectHash, f.ObjectBytes, f.Upload, int64(f.Batch),
			f.Attempts, f.LastError, f.ChangedAt)
		if err != nil {
			return fmt.Errorf("put segment %d of sync target %q: %w", f.SegmentID, f.Target, err)
		}
	}
	for _, f := range ch.DeleteSyncFiles {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sync_files WHERE target = ? AND segment_id = ?`, f.Target, int64(f.SegmentID)); err != nil {
			return fmt.Errorf("delete segment %d of sync target %q: %w", f.SegmentID, f.Target, err)
		}
	}
	for _, b := range ch.PutSyncBatches {
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO sync_batches VALUES (?, ?, ?)`, b.Target, int64(b.Number), b.Body); err != nil {
			return fmt.Errorf("put manifest %d of sync target %q: %w", b.Number, b.Target, err)
		}
	}
	for _, b := range ch.DeleteSyncBatches {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sync_batches WHERE target = ? AND number = ?`, b.Target, int64(b.Number)); err != nil {
			return fmt.Errorf("delete manifest %d of sync target %q: %w", b.Number, b.Target, err)
		}
	}
	return nil
}

func (l *loader) loadSync(ctx context.Context, s *State) error {
	err := l.each(ctx, "sync_targets", `SELECT id, next_batch, paused, files, rows, bytes, committed_at FROM sync_targets ORDER BY id`,
		func(r *sql.Rows) error {
			var t SyncTarget
			err := r.Scan(&t.ID, &t.NextBatch, &t.Paused, &t.Files, &t.Rows, &t.Bytes, &t.CommittedAt)
			s.SyncTargets = append(s.SyncTargets, t)
			return err
		})
	if err != nil {
		return err
	}
	err = l.each(ctx, "sync_files", `SELECT target, segment_id, state, key, source_hash, object_hash, object_bytes, upload, batch, attempts, last_error, changed_at
		FROM sync_files ORDER BY target, segment_id`,
		func(r *sql.Rows) error {
			var f SyncFile
			err := r.Scan(&f.Target, &f.SegmentID, &f.State, &f.Key, &f.SourceHash, &f.ObjectHash, &f.ObjectBytes, &f.Upload, &f.Batch,
				&f.Attempts, &f.LastError, &f.ChangedAt)
			s.SyncFiles = append(s.SyncFiles, f)
			return err
		})
	if err != nil {
		return err
	}
	return l.each(ctx, "sync_batches", `SELECT target, number, body FROM sync_batches ORDER BY target, number`,
		func(r *sql.Rows) error {
			var b SyncBatch
			err := r.Scan(&b.Target, &b.Number, &b.Body)
			s.SyncBatches = append(s.SyncBatches, b)
			return err
		})
}
