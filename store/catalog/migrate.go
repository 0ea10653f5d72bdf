package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// migrations bring the file's schema forward, one version each. They are never
// edited once released: a change is a new entry.
var migrations = [...]string{
	1: `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE databases (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL, retention INTEGER NOT NULL,
	created_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL, hard_delete_at INTEGER NOT NULL, purged INTEGER NOT NULL);
CREATE TABLE tables (
	id INTEGER PRIMARY KEY, database_id INTEGER NOT NULL REFERENCES databases (id), name TEXT NOT NULL,
	created_at INTEGER NOT NULL, deleted_at INTEGER NOT NULL, hard_delete_at INTEGER NOT NULL, purged INTEGER NOT NULL);
CREATE TABLE columns (
	table_id INTEGER NOT NULL REFERENCES tables (id), id INTEGER NOT NULL, name TEXT NOT NULL,
	role INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (table_id, id)) WITHOUT ROWID;
CREATE TABLE segments (
	id INTEGER PRIMARY KEY, database_id INTEGER NOT NULL, table_id INTEGER NOT NULL REFERENCES tables (id),
	path TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, rows INTEGER NOT NULL, series INTEGER NOT NULL,
	min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, min_seq INTEGER NOT NULL, max_seq INTEGER NOT NULL,
	late INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE checkpoint (only INTEGER PRIMARY KEY CHECK (only = 1), wal_segment INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE tokens (
	id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, description TEXT NOT NULL,
	created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
	created_by INTEGER NOT NULL, updated_by INTEGER NOT NULL);`,
	2: `
CREATE TABLE caches (
	table_id INTEGER NOT NULL REFERENCES tables (id), kind INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
	key_columns TEXT NOT NULL, value_columns TEXT NOT NULL, size INTEGER NOT NULL, seconds INTEGER NOT NULL,
	after_seq INTEGER NOT NULL, created_at INTEGER NOT NULL,
	PRIMARY KEY (table_id, kind, id), UNIQUE (table_id, kind, name)) WITHOUT ROWID;
INSERT INTO meta VALUES ('sequence', '0');`,
	3: `
CREATE TABLE sync_targets (
	id TEXT PRIMARY KEY, next_batch INTEGER NOT NULL, paused INTEGER NOT NULL, files INTEGER NOT NULL, rows INTEGER NOT NULL,
	bytes INTEGER NOT NULL, committed_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sync_files (
	target TEXT NOT NULL, segment_id INTEGER NOT NULL, state INTEGER NOT NULL, key TEXT NOT NULL, source_hash TEXT NOT NULL,
	object_hash TEXT NOT NULL, object_bytes INTEGER NOT NULL, upload TEXT NOT NULL, batch INTEGER NOT NULL, attempts INTEGER NOT NULL,
	last_error TEXT NOT NULL, changed_at INTEGER NOT NULL, PRIMARY KEY (segment_id, target)) WITHOUT ROWID;
CREATE TABLE sync_batches (target TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (target, number)) WITHOUT ROWID;`,
	// Checksums of rows; see sum.go.
	4: `
ALTER TABLE databases ADD COLUMN sum INTEGER;
ALTER TABLE tables ADD COLUMN sum INTEGER;
ALTER TABLE columns ADD COLUMN sum INTEGER;
ALTER TABLE segments ADD COLUMN sum INTEGER;
ALTER TABLE checkpoint ADD COLUMN sum INTEGER;
ALTER TABLE tokens ADD COLUMN sum INTEGER;
ALTER TABLE caches ADD COLUMN sum INTEGER;`,
	// What SQL says of a table, see definition.go; empty for nothing.
	5: `ALTER TABLE tables ADD COLUMN definition TEXT NOT NULL DEFAULT '';`,
	6: `CREATE TABLE pipelines (name TEXT NOT NULL, created_at INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (name, created_at)) WITHOUT ROWID;`,
	7: `
CREATE TABLE triggers (
	database_id INTEGER NOT NULL REFERENCES databases (id), name TEXT NOT NULL, plugin TEXT NOT NULL, specification TEXT NOT NULL,
	async INTEGER NOT NULL, on_error TEXT NOT NULL, arguments TEXT NOT NULL, disabled INTEGER NOT NULL, created_at INTEGER NOT NULL,
	sum INTEGER NOT NULL, PRIMARY KEY (database_id, name)) WITHOUT ROWID;
CREATE TABLE scripts (
	database TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, modified_at INTEGER NOT NULL, sum INTEGER NOT NULL,
	PRIMARY KEY (database, name)) WITHOUT ROWID;`,
	// Columns that were dropped, or continue one; see schema.Column.
	8: `
ALTER TABLE columns ADD COLUMN dropped_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE columns ADD COLUMN continues INTEGER NOT NULL DEFAULT 0;
ALTER TABLE columns ADD COLUMN bits INTEGER NOT NULL DEFAULT 0;`,
	// Columns that came with a default.
	9: `
ALTER TABLE columns ADD COLUMN filled_to INTEGER NOT NULL DEFAULT 0;
ALTER TABLE columns ADD COLUMN fill TEXT;`,
}

// migrate runs the migrations that the file has not seen.
func (c *Catalog) migrate(ctx context.Context) error {
	var have int
	if err := c.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&have); err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if err := c.checkVersion(ctx, have); err != nil {
		return err
	}
	if have >= len(migrations) {
		return fmt.Errorf("the catalog has schema version %d, this program knows up to %d: it was written by a newer version", have, len(migrations)-1)
	}
	if have == len(migrations)-1 {
		return nil
	}
	// In one transaction: a new catalog waits for the disk once, not for every
	// version that there ever was.
	return c.tx(ctx, func(tx *sql.Tx) error {
		for v := have + 1; v < len(migrations); v++ {
			if err := migrateTo(ctx, tx, v); err != nil {
				return fmt.Errorf("migrate the catalog to schema version %d: %w", v, err)
			}
		}
		return nil
	})
}

// migrateTo runs one migration, and notes the version.
func migrateTo(ctx context.Context, tx *sql.Tx, v int) error {
	if _, err := tx.ExecContext(ctx, migrations[v]); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)`, strconv.Itoa(v)); err != nil {
		return err
	}
	// PRAGMA takes no bound parameters.
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, v))
	return err
}

// checkVersion compares the version with the note of it: the number lies in the
// file's first page without a checksum. Files from before there was a note pass.
func (c *Catalog) checkVersion(ctx context.Context, have int) error {
	var tables int
	if err := c.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'meta'`).Scan(&tables); err != nil {
		return fmt.Errorf("look for the schema: %w", err)
	}
	if (tables == 0) != (have == 0) {
		return fmt.Errorf("%w: schema version %d with %d tables of metadata", ErrCorrupt, have, tables)
	}
	if tables == 0 {
		return nil
	}
	var noted string
	err := c.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'schema_version'`).Scan(&noted)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("read the note of the schema version: %w", err)
	case noted != strconv.Itoa(have):
		return fmt.Errorf("%w: schema version %d, and the note of it says %q", ErrCorrupt, have, noted)
	}
	return nil
}
