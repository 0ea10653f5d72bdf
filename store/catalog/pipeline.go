package catalog

import (
	"context"
	"database/sql"
	"fmt"
)

// Pipeline is one version of a log pipeline.
type Pipeline struct {
	Name string
	// CreatedAt is the version: ns since epoch, unique among the name's.
	CreatedAt int64
	// Text is the YAML as it came.
	Text string
}

func applyPipelines(ctx context.Context, tx *sql.Tx, ch Change) error {
	for _, p := range ch.AddPipelines {
		if _, err := tx.ExecContext(ctx, `INSERT INTO pipelines VALUES (?, ?, ?)`, p.Name, p.CreatedAt, p.Text); err != nil {
			return fmt.Errorf("add pipeline %q: %w", p.Name, err)
		}
	}
	for _, p := range ch.DeletePipelines {
		if _, err := tx.ExecContext(ctx, `DELETE FROM pipelines WHERE name = ? AND created_at = ?`, p.Name, p.CreatedAt); err != nil {
			return fmt.Errorf("delete pipeline %q: %w", p.Name, err)
		}
	}
	return nil
}

func (l *loader) loadPipelines(ctx context.Context, s *State) error {
	return l.each(ctx, "pipelines", `SELECT name, created_at, text FROM pipelines ORDER BY name, created_at`, func(r *sql.Rows) error {
		var p Pipeline
		err := r.Scan(&p.Name, &p.CreatedAt, &p.Text)
		s.Pipelines = append(s.Pipelines, p)
		return err
	})
}
