package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"tarn/edge/ingest"
	"tarn/edge/query"
	"tarn/lp"
	"tarn/store"
	"tarn/store/column"
)

// valueError is a result that plugins cannot be given.
type valueError struct{ err error }

func (v *valueError) Error() string { return v.err.Error() }

// live is the host of real calls.
type live struct{ engine *Engine }

// Pieces of an answer that go to the worker at once.
const pieceBytes = 256 << 10

// query is host's.
func (h live) query(ctx context.Context, c *call, m message, start func([]byte) []byte, send func([]byte, bool) error) error {
	database := c.database
	if m.Database != nil {
		database = *m.Database
		if err := store.CheckDatabaseName(database); err != nil && database != query.InternalDatabase {
			return fmt.Errorf("invalid database name provided: %w", err)
		}
	}
	failed := func(err error) error { return fmt.Errorf("error: %w executing query on %s: %s", err, database, m.SQL) }
	params := map[string]any{}
	for name, p := range m.Params {
		v, err := parameter(p)
		if err != nil {
			return failed(err)
		}
		params[name] = v
	}
	r, err := h.engine.opts.Query.Query(ctx, query.Request{Database: database, Text: m.SQL, Language: query.SQL, Params: params})
	if err != nil {
		return failed(err)
	}
	defer r.Close()
	columns := []byte{'['}
	for i, col := range r.Columns() {
		if err := supported(col.Type); err != nil {
			return &valueError{err}
		}
		if i > 0 {
			columns = append(columns, ',')
		}
		columns = appendText(columns, col.Name)
	}
	columns = append(columns, ']')
	var b column.Batch
	for {
		err := r.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return send(start(columns), false)
		}
		if err != nil {
			return failed(err)
		}
		for row := 0; row < b.Len; {
			var piece []byte
			if piece, row = appendBatch(start(columns), &b, row, pieceBytes); err != nil {
				return err
			}
			if err := r.Send(func() error { return send(piece, true) }); err != nil {
				return err
			}
		}
	}
}

// write is host's.
func (h live) write(ctx context.Context, c *call, database *string, lines string, noSync bool) error {
	to := c.database
	if database != nil {
		to = *database
	}
	if err := h.engine.writeLines(ctx, to, lines, noSync); err != nil {
		return fmt.Errorf("error writing line protocol to %s: %w", to, err)
	}
	return nil
}

// writeLines writes all lines or none.
func (e *Engine) writeLines(ctx context.Context, database, lines string, noSync bool) error {
	if err := store.CheckDatabaseName(database); err != nil {
		return err
	}
	for try := 0; ; try++ {
		report, err := e.opts.Writer.WriteLines(ctx, strings.NewReader(lines), ingest.Options{Database: database, Precision: lp.Nanosecond, AllOrNothing: true, NoSync: noSync})
		if errors.Is(err, store.ErrSchemaChanged) && try < 3 {
			continue
		}
		if err == nil && report.Failed > 0 {
			bad := report.Rejected[0]
			err = fmt.Errorf("line protocol parse error: line %d: %s: %s", bad.Line, bad.Message, bad.Original)
		}
		return err
	}
}

// captured is the host of test runs: queries are real, writes are kept.
type captured struct {
	live
	mu     sync.Mutex
	writes []write
}

// write is host's.
func (h *captured) write(_ context.Context, c *call, database *string, lines string, _ bool) error {
	to := c.database
	if database != nil {
		to = *database
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes = append(h.writes, write{to, lines})
	return nil
}
