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
	var names []string
	for _, col := range r.Columns() {
		if err := supported(col.Type); err != nil {
			return &valueError{err}
		}
		names = append(names, col.Name)
	}
	if err := sendRows(ctx, names, nil, r, start, send); err != nil {
		return failed(err)
	}
	return nil
}

// source is where sendRows reads.
type source interface {
	Next(context.Context, *column.Batch) error
	Send(func() error) error
}

// sendRows sends an answer in pieces. units are the nanoseconds that the times
// of each column count in; nil is one for all.
func sendRows(ctx context.Context, names []string, units []int64, r source, start func([]byte) []byte, send func([]byte, bool) error) error {
	columns := appendNames(names)
	var b column.Batch
	for {
		err := r.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return send(start(columns), false)
		}
		if err != nil {
			return err
		}
		for row := 0; row < b.Len; {
			var piece []byte
			piece, row = appendBatch(start(columns), &b, row, pieceBytes, units)
			if err := r.Send(func() error { return send(piece, true) }); err != nil {
				return err
			}
		}
	}
}

// appendNames makes a JSON array.
func appendNames(names []string) []byte {
	out := []byte{'['}
	for i, n := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, n)
	}
	return append(out, ']')
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
