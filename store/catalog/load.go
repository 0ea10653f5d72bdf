package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tarn/store/schema"
)

// loader reads a State. A salvaging one notes what it cannot read and goes on.
type loader struct {
	db      *sql.DB
	salvage bool
	lost    []string
}

func (c *Catalog) load(ctx context.Context) (*State, error) {
	l := &loader{db: c.db}
	s, err := l.load(ctx)
	return s, corrupt(err)
}

func (l *loader) load(ctx context.Context) (*State, error) {
	s := &State{}
	err := l.each(ctx, "meta", `SELECT value FROM meta WHERE key = 'uuid'`, func(r *sql.Rows) error { return r.Scan(&s.UUID) })
	if err != nil {
		return nil, fmt.Errorf("load the uuid: %w", err)
	}
	err = l.each(ctx, "databases", `SELECT id, name, retention, created_at, deleted_at, hard_delete_at, purged, sum FROM databases ORDER BY id`,
		func(r *sql.Rows) error {
			var d Database
			var sum sql.NullInt64
			if err := r.Scan(&d.ID, &d.Name, &d.Retention, &d.CreatedAt, &d.DeletedAt, &d.HardDeleteAt, &d.Purged, &sum); err != nil {
				return err
			}
			if err := checkSum(sum, d.sumOf()...); err != nil {
				return err
			}
			s.Databases = append(s.Databases, d)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("load databases: %w", err)
	}
	if err := l.loadTables(ctx, s); err != nil {
		return nil, fmt.Errorf("load tables: %w", err)
	}
	err = l.each(ctx, "segments", `SELECT id, database_id, table_id, path, bytes, rows, series, min_time, max_time, min_seq, max_seq, late, created_at, sum
		FROM segments ORDER BY id`,
		func(r *sql.Rows) error {
			var g Segment
			var sum sql.NullInt64
			err := r.Scan(&g.ID, &g.DatabaseID, &g.TableID, &g.Path, &g.Bytes, &g.Rows, &g.Series, &g.MinTime, &g.MaxTime,
				&g.MinSeq, &g.MaxSeq, &g.Late, &g.CreatedAt, &sum)
			if err != nil {
				return err
			}
			if err := checkSum(sum, g.sumOf()...); err != nil {
				return err
			}
			s.Segments = append(s.Segments, g)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("load segments: %w", err)
	}
	err = l.each(ctx, "checkpoint", `SELECT wal_segment, seq, sum FROM checkpoint`, func(r *sql.Rows) error {
		var p Checkpoint
		var sum sql.NullInt64
		if err := r.Scan(&p.WALSegment, &p.Seq, &sum); err != nil {
			return err
		}
		if err := checkSum(sum, p.sumOf()...); err != nil {
			return err
		}
		s.Checkpoint = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load the checkpoint: %w", err)
	}
	err = l.each(ctx, "tokens", `SELECT id, name, hash, description, created_at, updated_at, expires_at, created_by, updated_by, sum FROM tokens ORDER BY id`,
		func(r *sql.Rows) error {
			var t Token
			var hash []byte
			var sum sql.NullInt64
			if err := r.Scan(&t.ID, &t.Name, &hash, &t.Description, &t.CreatedAt, &t.UpdatedAt, &t.ExpiresAt, &t.CreatedBy, &t.UpdatedBy, &sum); err != nil {
				return err
			}
			if len(hash) != len(t.Hash) {
				return fmt.Errorf("%w: token %q has a hash of %d bytes", ErrCorrupt, t.Name, len(hash))
			}
			copy(t.Hash[:], hash)
			if err := checkSum(sum, t.sumOf()...); err != nil {
				return err
			}
			s.Tokens = append(s.Tokens, t)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("load tokens: %w", err)
	}
	if err := l.loadCaches(ctx, s); err != nil {
		return nil, fmt.Errorf("load caches: %w", err)
	}
	if err := l.loadPipelines(ctx, s); err != nil {
		return nil, fmt.Errorf("load pipelines: %w", err)
	}
	if err := l.loadSync(ctx, s); err != nil {
		return nil, fmt.Errorf("load sync states: %w", err)
	}
	if err := l.loadTriggers(ctx, s); err != nil {
		return nil, fmt.Errorf("load triggers: %w", err)
	}
	return s, nil
}

func (l *loader) loadTables(ctx context.Context, s *State) error {
	columns := map[uint32][]schema.Column{}
	later := ""
	for _, c := range [][2]string{{"dropped_at", "0"}, {"continues", "0"}, {"bits", "0"}, {"filled_to", "0"}, {"fill", "NULL"}} {
		if l.salvage && !l.has(ctx, c[0]) {
			c[0] = c[1]
		}
		later += ", " + c[0]
	}
	err := l.each(ctx, "columns", `SELECT table_id, id, name, role, kind`+later+`, sum FROM columns ORDER BY table_id, id`, func(r *sql.Rows) error {
		var table uint32
		var col schema.Column
		var sum sql.NullInt64
		var fill sql.NullString
		if err := r.Scan(&table, &col.ID, &col.Name, &col.Role, &col.Kind, &col.DroppedAt, &col.Continues, &col.Bits, &col.FilledTo, &fill, &sum); err != nil {
			return err
		}
		col.Fill, col.Filled = fill.String, fill.Valid
		if err := checkSum(sum, sumOfColumn(table, col)...); err != nil {
			return err
		}
		// IDs have no gaps: a column that is missing moves all that follow.
		if col.ID != len(columns[table]) || col.Continues < 0 || col.Continues >= max(1, col.ID) {
			return fmt.Errorf("%w: column %d of table %d is not the one expected", ErrCorrupt, col.ID, table)
		}
		columns[table] = append(columns[table], col)
		return nil
	})
	if err != nil {
		return err
	}
	return l.each(ctx, "tables", `SELECT id, database_id, name, created_at, deleted_at, hard_delete_at, purged, definition, sum FROM tables ORDER BY id`,
		func(r *sql.Rows) error {
			var t Table
			var id, database uint32
			var name, definition string
			var sum sql.NullInt64
			if err := r.Scan(&id, &database, &name, &t.CreatedAt, &t.DeletedAt, &t.HardDeleteAt, &t.Purged, &definition, &sum); err != nil {
				return err
			}
			t.Schema = schema.NewTable(database, id, name)
			if err := checkSum(sum, t.sumOf()...); err != nil {
				return err
			}
			def, err := decodeDefinition(definition)
			if err != nil {
				return fmt.Errorf("table %q: %w", name, err)
			}
			if def != nil {
				t.Schema = t.Schema.Defined(def)
			}
			if cols := columns[id]; len(cols) > 1 {
				t.Schema = t.Schema.With(cols[1:]...) // the first is time
			}
			s.Tables = append(s.Tables, t)
			return nil
		})
}

// has says whether columns have something that a migration adds: a catalog that is
// salvaged is not migrated.
func (l *loader) has(ctx context.Context, name string) bool {
	n := 1
	err := l.db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info('columns') WHERE name = ?`, name).Scan(&n)
	return err != nil || n > 0
}

// each runs fn on every row of a query.
func (l *loader) each(ctx context.Context, what, query string, fn func(*sql.Rows) error) error {
	err := each(ctx, l.db, query, func(r *sql.Rows) error {
		err := fn(r)
		if err != nil && l.salvage && ctx.Err() == nil {
			l.lost = append(l.lost, fmt.Sprintf("%s: %v", what, err))
			return nil
		}
		return err
	})
	if err != nil && l.salvage && ctx.Err() == nil {
		l.lost = append(l.lost, fmt.Sprintf("%s: %v", what, err))
		return nil
	}
	return err
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
	return errors.Join(rows.Err(), rows.Close())
}
