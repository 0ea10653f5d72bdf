package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Salvage reads what can be read of a damaged catalog. Rows whose checksum does
// not match are left out. lost says what could not be read.
func Salvage(ctx context.Context, path string) (s *State, lost []string, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, nil, fmt.Errorf("salvage catalog: %w", err)
	}
	db, err := connect(path)
	if err != nil {
		return nil, nil, fmt.Errorf("salvage catalog %s: %w", path, err)
	}
	defer db.Close()
	l := &loader{db: db, salvage: true}
	s, err = l.load(ctx)
	if err != nil {
		return nil, l.lost, fmt.Errorf("salvage catalog %s: %w", path, err)
	}
	return s, l.lost, nil
}

// Create makes a catalog with a state. There must be none at path.
func Create(ctx context.Context, path string, s *State) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("create catalog %s: %w", path, errors.Join(err, fs.ErrExist))
	}
	c, _, err := Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if s.UUID != "" {
		if _, err := c.db.ExecContext(ctx, `UPDATE meta SET value = ? WHERE key = 'uuid'`, s.UUID); err != nil {
			return fmt.Errorf("create catalog %s: %w", path, err)
		}
	}
	return c.Apply(ctx, Change{Databases: s.Databases, Tables: s.Tables, AddSegments: s.Segments, Checkpoint: &s.Checkpoint,
		PutTokens: s.Tokens, PutCaches: s.Caches, AddPipelines: s.Pipelines, PutSyncTargets: s.SyncTargets, PutSyncFiles: s.SyncFiles, PutSyncBatches: s.SyncBatches,
		PutTriggers: s.Triggers, PutScripts: s.Scripts})
}

// Copy writes the catalog as it is at this moment to a new file, while it is in
// use.
func (c *Catalog) Copy(ctx context.Context, path string) error {
	// SQLite takes a string literal or a parameter for the name.
	if _, err := c.db.ExecContext(ctx, `VACUUM INTO '`+strings.ReplaceAll(path, "'", "''")+`'`); err != nil {
		return fmt.Errorf("copy the catalog to %s: %w", path, err)
	}
	return nil
}
