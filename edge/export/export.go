// Package export writes tables out, as line protocol, CSV or Parquet, while
// they are read: nothing is gathered in memory but a batch, and of Parquet a row
// group.
package export

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tarn/edge/query/result"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

// Format is what an export is written as.
type Format string

// The formats.
const (
	Lines   Format = "lp"
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// ParseFormat finds a format by its name.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case Lines, CSV, Parquet:
		return f, nil
	}
	return "", fmt.Errorf("format %q is none of lp, csv, parquet", name)
}

// ContentType is the media type of a format.
func (f Format) ContentType() string {
	switch f {
	case CSV:
		return "text/csv"
	case Parquet:
		return "application/vnd.apache.parquet"
	}
	return "text/plain; charset=utf-8"
}

// Spec says what to write: the rows of one table in a range of time, both ends
// inclusive.
type Spec struct {
	Database, Table  string
	MinTime, MaxTime int64
	Format           Format
}

// Table writes a table to w and returns how many rows there were.
func Table(ctx context.Context, s *store.Store, spec Spec, w io.Writer) (rows int64, err error) {
	db, ok := s.Database(spec.Database)
	if !ok {
		return 0, fmt.Errorf("database %q: %w", spec.Database, store.ErrNotFound)
	}
	sch, ok := db.Table(spec.Table)
	if !ok {
		return 0, fmt.Errorf("table %q: %w", spec.Table, store.ErrNotFound)
	}
	scan := store.ScanSpec{Database: spec.Database, Table: sch, MinTime: spec.MinTime, MaxTime: spec.MaxTime}
	// Tags, time and fields, as they lie in the files.
	scan.Columns = append(scan.Columns, sch.Tags...)
	scan.Columns = append(scan.Columns, 0)
	for _, c := range sch.Columns {
		if c.Role == schema.Field {
			scan.Columns = append(scan.Columns, c.ID)
		}
	}
	out, err := newWriter(spec.Format, w, sch, scan.Columns)
	if err != nil {
		return 0, err
	}
	r, err := s.Scan(ctx, scan)
	if err != nil {
		return 0, fmt.Errorf("export table %q: %w", spec.Table, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var b column.Batch
	for {
		err := r.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return rows, out.Close()
		}
		if err == nil {
			err = out.WriteBatch(&b)
		}
		if err != nil {
			return rows, fmt.Errorf("export table %q: %w", spec.Table, err)
		}
		rows += int64(b.Len)
	}
}

func newWriter(f Format, w io.Writer, sch *schema.Table, ids []int) (result.Writer, error) {
	if f == Lines {
		return newLines(w, sch, ids), nil
	}
	var cols []result.Column
	for _, id := range ids {
		c := sch.Columns[id]
		t := column.Of(c.Kind)
		if c.Role == schema.Time {
			t = column.Of(column.Timestamp)
		}
		cols = append(cols, result.Column{Name: c.Name, Type: t})
	}
	format := result.CSV
	if f == Parquet {
		format = result.Parquet
	}
	return result.New(format, w, cols)
}
