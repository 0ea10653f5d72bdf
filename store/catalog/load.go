package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"tarn/store/schema"
)

func (c *Catalog) load(ctx context.Context) (*State, error) {
	s := &State{}
	err := each(ctx, c.db, `SELECT id, name, retention, created_at, deleted_at, hard_delete_at, purged FROM databases ORDER BY id`,
		func(r *sql.Rows) error {
			var d Database
			err := r.Scan(&d.ID, &d.Name, &d.Retention, &d.CreatedAt, &d.DeletedAt, &d.HardDeleteAt, &d.Purged)
			s.Databases = append(s.Databases, d)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("load databases: %w", err)
	}
	if err := c.loadTables(ctx, s); err != nil {
		return nil, fmt.Errorf("load tables: %w", err)
	}
	err = each(ctx, c.db, `SELECT id, database_id, table_id, path, bytes, rows, series, min_time, max_time, min_seq, max_seq, late, created_at
		FROM segments ORDER BY id`,
		func(r *sql.Rows) error {
			var g Segment
			err := r.Scan(&g.ID, &g.DatabaseID, &g.TableID, &g.Path, &g.Bytes, &g.Rows, &g.Series, &g.MinTime, &g.MaxTime,
				&g.MinSeq, &g.MaxSeq, &g.Late, &g.CreatedAt)
			s.Segments = append(s.Segments, g)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("load segments: %w", err)
	}
	err = c.db.QueryRowContext(ctx, `SELECT wal_segment, seq FROM checkpoint`).Scan(&s.Checkpoint.WALSegment, &s.Checkpoint.Seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("load the checkpoint: %w", err)
	}
	err = each(ctx, c.db, `SELECT id, name, hash, description, created_at, updated_at, expires_at, created_by, updated_by FROM tokens ORDER BY id`,
		func(r *sql.Rows) error {
			var t Token
			var hash []byte
			if err := r.Scan(&t.ID, &t.Name, &hash, &t.Description, &t.CreatedAt, &t.UpdatedAt, &t.ExpiresAt, &t.CreatedBy, &t.UpdatedBy); err != nil {
				return err
			}
			if len(hash) != len(t.Hash) {
				return fmt.Errorf("token %q has a hash of %d bytes", t.Name, len(hash))
			}
			copy(t.Hash[:], hash)
			s.Tokens = append(s.Tokens, t)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("load tokens: %w", err)
	}
	if err := c.loadCaches(ctx, s); err != nil {
		return nil, fmt.Errorf("load caches: %w", err)
	}
	if err := c.loadPipelines(ctx, s); err != nil {
		return nil, fmt.Errorf("load pipelines: %w", err)
	}
	if err := c.loadSync(ctx, s); err != nil {
		return nil, fmt.Errorf("load sync states: %w", err)
	}
	return s, nil
}

func (c *Catalog) loadTables(ctx context.Context, s *State) error {
	columns := map[uint32][]schema.Column{}
	err := each(ctx, c.db, `SELECT table_id, name, role, kind FROM columns ORDER BY table_id, id`, func(r *sql.Rows) error {
		var table uint32
		var col schema.Column
		err := r.Scan(&table, &col.Name, &col.Role, &col.Kind)
		columns[table] = append(columns[table], col)
		return err
	})
	if err != nil {
		return err
	}
	return each(ctx, c.db, `SELECT id, database_id, name, created_at, deleted_at, hard_delete_at, purged, definition FROM tables ORDER BY id`,
		func(r *sql.Rows) error {
			var t Table
			var id, database uint32
			var name, definition string
			if err := r.Scan(&id, &database, &name, &t.CreatedAt, &t.DeletedAt, &t.HardDeleteAt, &t.Purged, &definition); err != nil {
				return err
			}
			t.Schema = schema.NewTable(database, id, name)
			if definition != "" {
				var d schema.Definition
				if err := json.Unmarshal([]byte(definition), &d); err != nil {
					return fmt.Errorf("the definition of table %q: %w", name, err)
				}
				t.Schema = t.Schema.Defined(&d)
			}
			if cols := columns[id]; len(cols) > 1 {
				t.Schema = t.Schema.With(cols[1:]...) // the first is time
			}
			s.Tables = append(s.Tables, t)
			return nil
		})
}

// each runs fn on every row of a query.
func each(ctx context.Context, db *sql.DB, query string, fn func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
