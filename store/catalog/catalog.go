// Package catalog keeps what must outlive the process beside the data itself:
// databases, tables, columns, segments, the checkpoint and tokens, in one
// SQLite file (WAL mode, synchronous=FULL).
//
// It is never on the write path. The store loads everything once at start,
// serves reads from memory, and applies one Change, one transaction, for each
// checkpoint or administrative act. Rows of databases and tables are never
// removed, only marked purged, so that their IDs are never used again.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Catalog is an open catalog file. It is safe for concurrent use; writes are
// serialised.
type Catalog struct {
	db *sql.DB
}

// Open opens the catalog at path, makes it when it is not there, brings its
// schema up to date, and loads it.
func Open(ctx context.Context, path string) (*Catalog, *State, error) {
	// The file has the hashes of tokens. SQLite gives the files that it makes
	// beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open catalog: %w", err)
	}
	q := url.Values{}
	// One connection: SQLite has one writer anyway, and reads come from memory.
	for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)", "cache_size(-512)"} {
		q.Add("_pragma", p)
	}
	q.Set("_txlock", "immediate")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	c := &Catalog{db: db}
	state, err := c.start(ctx)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open catalog %s: %w", path, err), db.Close())
	}
	return c, state, nil
}

func (c *Catalog) start(ctx context.Context) (*State, error) {
	if err := c.migrate(ctx); err != nil {
		return nil, err
	}
	var id string
	err := c.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'uuid'`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		id = uuid.NewString()
		_, err = c.db.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('uuid', ?)`, id)
	}
	if err != nil {
		return nil, fmt.Errorf("read the catalog's uuid: %w", err)
	}
	s, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	s.UUID = id
	return s, nil
}

// Close closes the file.
func (c *Catalog) Close() error {
	if err := c.db.Close(); err != nil {
		return fmt.Errorf("close catalog: %w", err)
	}
	return nil
}

// tx runs fn in a transaction that is durable when tx returns nil.
func (c *Catalog) tx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
