package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Trigger binds a plugin to what runs it (spec/processing-engine.md section 2).
type Trigger struct {
	DatabaseID uint32
	// Name is unique in the database.
	Name string
	// Plugin is the file or directory, relative to the plugin directory.
	Plugin string
	// Specification is as its author wrote it.
	Specification string
	Async         bool
	// OnError is log, retry or disable.
	OnError string
	// Arguments are nil when there are none.
	Arguments map[string]string
	Disabled  bool
	CreatedAt int64 // ns since epoch
}

// Script is a saved coprocessor of GreptimeDB's API
// (spec/greptimedb-http-api.md section 9).
type Script struct {
	// Database is the name that the request gave; the database need not exist.
	Database   string
	Name       string
	Source     string
	ModifiedAt int64 // ns since epoch
}

func (t *Trigger) sumOf(args []byte) []any {
	return []any{t.DatabaseID, t.Name, t.Plugin, t.Specification, t.Async, t.OnError, args, t.Disabled, t.CreatedAt}
}

func (s *Script) sumOf() []any { return []any{s.Database, s.Name, s.Source, s.ModifiedAt} }

func applyTriggers(ctx context.Context, tx *sql.Tx, ch Change) error {
	for _, t := range ch.PutTriggers {
		args, err := json.Marshal(t.Arguments)
		if err != nil {
			return fmt.Errorf("put trigger %q: %w", t.Name, err)
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO triggers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.DatabaseID, t.Name, t.Plugin, t.Specification, t.Async, t.OnError, string(args), t.Disabled, t.CreatedAt, rowSum(t.sumOf(args)...))
		if err != nil {
			return fmt.Errorf("put trigger %q: %w", t.Name, err)
		}
	}
	for _, t := range ch.DeleteTriggers {
		if _, err := tx.ExecContext(ctx, `DELETE FROM triggers WHERE database_id = ? AND name = ?`, t.DatabaseID, t.Name); err != nil {
			return fmt.Errorf("delete trigger %q: %w", t.Name, err)
		}
	}
	for _, id := range ch.DeleteTriggersOf {
		if _, err := tx.ExecContext(ctx, `DELETE FROM triggers WHERE database_id = ?`, id); err != nil {
			return fmt.Errorf("delete the triggers of database %d: %w", id, err)
		}
	}
	for _, s := range ch.PutScripts {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO scripts VALUES (?, ?, ?, ?, ?)`, s.Database, s.Name, s.Source, s.ModifiedAt, rowSum(s.sumOf()...))
		if err != nil {
			return fmt.Errorf("put script %q: %w", s.Name, err)
		}
	}
	for _, s := range ch.DeleteScripts {
		if _, err := tx.ExecContext(ctx, `DELETE FROM scripts WHERE database = ? AND name = ?`, s.Database, s.Name); err != nil {
			return fmt.Errorf("delete script %q: %w", s.Name, err)
		}
	}
	return nil
}

func (l *loader) loadTriggers(ctx context.Context, s *State) error {
	err := l.each(ctx, "triggers", `SELECT database_id, name, plugin, specification, async, on_error, arguments, disabled, created_at, sum
		FROM triggers ORDER BY created_at, database_id, name`,
		func(r *sql.Rows) error {
			var t Trigger
			var args []byte
			var sum sql.NullInt64
			if err := r.Scan(&t.DatabaseID, &t.Name, &t.Plugin, &t.Specification, &t.Async, &t.OnError, &args, &t.Disabled, &t.CreatedAt, &sum); err != nil {
				return err
			}
			if err := checkSum(sum, t.sumOf(args)...); err != nil {
				return err
			}
			if err := json.Unmarshal(args, &t.Arguments); err != nil {
				return fmt.Errorf("arguments of trigger %q: %w", t.Name, err)
			}
			s.Triggers = append(s.Triggers, t)
			return nil
		})
	if err != nil || !l.salvage {
		return err
	}
	return l.each(ctx, "scripts", listScripts, func(r *sql.Rows) error {
		sc, err := scanScript(r)
		if err == nil {
			s.Scripts = append(s.Scripts, sc)
		}
		return err
	})
}

const (
	scriptColumns = `database, name, source, modified_at, sum`
	listScripts   = `SELECT ` + scriptColumns + ` FROM scripts ORDER BY database, name`
)

func scanScript(r interface{ Scan(...any) error }) (s Script, err error) {
	var sum sql.NullInt64
	if err := r.Scan(&s.Database, &s.Name, &s.Source, &s.ModifiedAt, &sum); err != nil {
		return s, err
	}
	return s, checkSum(sum, s.sumOf()...)
}

// Script finds a saved script. Scripts are read when they are run, and not kept
// in memory.
func (c *Catalog) Script(ctx context.Context, database, name string) (s Script, ok bool, err error) {
	row := c.db.QueryRowContext(ctx, `SELECT `+scriptColumns+` FROM scripts WHERE database = ? AND name = ?`, database, name)
	s, err = scanScript(row)
	if errors.Is(err, sql.ErrNoRows) {
		return Script{}, false, nil
	}
	if err != nil {
		return Script{}, false, fmt.Errorf("read script %q: %w", name, err)
	}
	return s, true, nil
}

// Scripts lists the saved scripts by database and name.
func (c *Catalog) Scripts(ctx context.Context) (out []Script, err error) {
	err = each(ctx, c.db, listScripts, func(r *sql.Rows) error {
		s, err := scanScript(r)
		out = append(out, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the scripts: %w", err)
	}
	return out, nil
}

// CountScripts is how many scripts are saved.
func (c *Catalog) CountScripts(ctx context.Context) (n int, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT count(*) FROM scripts`).Scan(&n)
	return n, err
}
