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
	"io"
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
// schema up to date, checks it, and loads it. A damaged file is ErrCorrupt.
func Open(ctx context.Context, path string) (*Catalog, *State, error) {
	// The file has the hashes of tokens. SQLite gives the files that it makes
	// beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = errors.Join(checkHeader(f), f.Close())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open catalog: %w", err)
	}
	db, err := connect(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open catalog %s: %w", path, err)
	}
	c := &Catalog{db: db}
	state, err := c.start(ctx)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open catalog %s: %w", path, corrupt(err)), db.Close())
	}
	return c, state, nil
}

// checkHeader looks at what SQLite would take for a newer format that it must
// not write: the versions of the format for writing and reading.
func checkHeader(f io.ReaderAt) error {
	var v [2]byte
	if n, _ := f.ReadAt(v[:], 18); n == len(v) && (v[0] < 1 || v[0] > 2 || v[1] < 1 || v[1] > 2) {
		return fmt.Errorf("%w: the header has format versions %d and %d", ErrCorrupt, v[0], v[1])
	}
	return nil
}

func connect(path string) (*sql.DB, error) {
	q := url.Values{}
	// One connection: SQLite has one writer anyway, and reads come from memory.
	for _, p := range []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(1)", "cache_size(-512)"} {
		q.Add("_pragma", p)
	}
	q.Set("_txlock", "immediate")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func (c *Catalog) start(ctx context.Context) (*State, error) {
	if err := c.check(ctx); err != nil {
		return nil, unreadable(ctx, err)
	}
	if err := c.migrate(ctx); err != nil {
		return nil, err
	}
	s, err := c.load(ctx)
	if err != nil || s.UUID != "" {
		return s, unreadable(ctx, err)
	}
	s.UUID = uuid.NewString()
	if _, err = c.db.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('uuid', ?)`, s.UUID); err != nil {
		return nil, fmt.Errorf("note the catalog's uuid: %w", err)
	}
	return s, nil
}

// check has SQLite look at the structure of the whole file, indexes included:
// it is small.
func (c *Catalog) check(ctx context.Context) error {
	var first string
	n := 0
	err := each(ctx, c.db, `PRAGMA integrity_check(10)`, func(r *sql.Rows) error {
		var line string
		if err := r.Scan(&line); err != nil {
			return err
		}
		if n++; n == 1 {
			first = line
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("check the catalog: %w", err)
	}
	if first != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, first)
	}
	return nil
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
