package catalog

import (
	"context"
	"database/sql"
	"fmt"
)

// Apply makes all of a change or nothing. It is durable when Apply returns nil.
func (c *Catalog) Apply(ctx context.Context, ch Change) error {
	_, err := c.ApplyNumbered(ctx, ch)
	return err
}

// ApplyNumbered is Apply. It returns the number of the change: how many there
// have been since the file was made or first numbered them.
func (c *Catalog) ApplyNumbered(ctx context.Context, ch Change) (number uint64, err error) {
	err = c.tx(ctx, func(tx *sql.Tx) error {
		if err := apply(ctx, tx, ch); err != nil {
			return err
		}
		// The value is text, as all in meta is.
		row := tx.QueryRowContext(ctx, `UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'sequence' RETURNING CAST(value AS INTEGER)`)
		if err := row.Scan(&number); err != nil {
			return fmt.Errorf("number the change: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("write catalog: %w", corrupt(err))
	}
	return number, nil
}

func apply(ctx context.Context, tx *sql.Tx, ch Change) error {
	for _, d := range ch.Databases {
		_, err := tx.ExecContext(ctx, `INSERT INTO databases (id, name, retention, created_at, deleted_at, hard_delete_at, purged, sum)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, retention = excluded.retention, created_at = excluded.created_at,
			deleted_at = excluded.deleted_at, hard_delete_at = excluded.hard_delete_at, purged = excluded.purged, sum = excluded.sum`,
			d.ID, d.Name, d.Retention, d.CreatedAt, d.DeletedAt, d.HardDeleteAt, d.Purged, rowSum(d.sumOf()...))
		if err != nil {
			return fmt.Errorf("put database %q: %w", d.Name, err)
		}
	}
	for _, t := range ch.Tables {
		if err := putTable(ctx, tx, t); err != nil {
			return fmt.Errorf("put table %q: %w", t.Schema.Name, err)
		}
	}
	for _, id := range ch.RemoveSegments {
		if _, err := tx.ExecContext(ctx, `DELETE FROM segments WHERE id = ?`, int64(id)); err != nil {
			return fmt.Errorf("remove segment %d: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sync_files WHERE segment_id = ?`, int64(id)); err != nil {
			return fmt.Errorf("remove the sync states of segment %d: %w", id, err)
		}
	}
	for _, s := range ch.AddSegments {
		// Sequence numbers stay below 2^63: the log counts writes from 1.
		_, err := tx.ExecContext(ctx, `INSERT INTO segments (id, database_id, table_id, path, bytes, rows, series, min_time, max_time, min_seq, max_seq,
			late, created_at, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			int64(s.ID), s.DatabaseID, s.TableID, s.Path, s.Bytes, s.Rows, s.Series, s.MinTime, s.MaxTime,
			int64(s.MinSeq), int64(s.MaxSeq), s.Late, s.CreatedAt, rowSum(s.sumOf()...))
		if err != nil {
			return fmt.Errorf("add segment %s: %w", s.Path, err)
		}
	}
	for _, g := range ch.MarkLate {
		g.Late = true
		if _, err := tx.ExecContext(ctx, `UPDATE segments SET late = 1, sum = ? WHERE id = ?`, rowSum(g.sumOf()...), int64(g.ID)); err != nil {
			return fmt.Errorf("mark segment %d as late: %w", g.ID, err)
		}
	}
	if p := ch.Checkpoint; p != nil {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO checkpoint (only, wal_segment, seq, sum) VALUES (1, ?, ?, ?)`,
			int64(p.WALSegment), int64(p.Seq), rowSum(p.sumOf()...))
		if err != nil {
			return fmt.Errorf("set the checkpoint: %w", err)
		}
	}
	for _, t := range ch.PutTokens {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO tokens (id, name, hash, description, created_at, updated_at, expires_at, created_by, updated_by, sum)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			int64(t.ID), t.Name, t.Hash[:], t.Description, t.CreatedAt, t.UpdatedAt, t.ExpiresAt, t.CreatedBy, t.UpdatedBy, rowSum(t.sumOf()...))
		if err != nil {
			return fmt.Errorf("put token %q: %w", t.Name, err)
		}
	}
	for _, id := range ch.DeleteTokens {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE id = ?`, int64(id)); err != nil {
			return fmt.Errorf("delete token %d: %w", id, err)
		}
	}
	if err := applyPipelines(ctx, tx, ch); err != nil {
		return err
	}
	if err := applySync(ctx, tx, ch); err != nil {
		return err
	}
	if err := applyCaches(ctx, tx, ch); err != nil {
		return err
	}
	return applyTriggers(ctx, tx, ch)
}

func putTable(ctx context.Context, tx *sql.Tx, t Table) error {
	s := t.Schema
	definition, err := encodeDefinition(s.Def)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tables (id, database_id, name, created_at, deleted_at, hard_delete_at, purged, sum, definition)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, created_at = excluded.created_at,
		deleted_at = excluded.deleted_at, hard_delete_at = excluded.hard_delete_at, purged = excluded.purged,
		sum = excluded.sum, definition = excluded.definition`,
		s.ID, s.DatabaseID, s.Name, t.CreatedAt, t.DeletedAt, t.HardDeleteAt, t.Purged, rowSum(t.sumOf()...), definition)
	if err != nil {
		return err
	}
	for _, c := range s.Columns {
		// What is there stays as it is, but for the writes that it is about.
		_, err := tx.ExecContext(ctx, `INSERT INTO columns (table_id, id, name, role, kind, dropped_at, continues, bits, filled_to, fill, sum)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET role = excluded.role, dropped_at = excluded.dropped_at, filled_to = excluded.filled_to, sum = excluded.sum
			WHERE role <> excluded.role OR dropped_at <> excluded.dropped_at OR filled_to <> excluded.filled_to`,
			s.ID, c.ID, c.Name, c.Role, c.Kind, int64(c.DroppedAt), c.Continues, c.Bits, int64(c.FilledTo), sql.NullString{String: c.Fill, Valid: c.Filled}, rowSum(sumOfColumn(s.ID, c)...))
		if err != nil {
			return fmt.Errorf("column %q: %w", c.Name, err)
		}
	}
	return nil
}
