package store

import (
	"context"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/retype"
	"tarn/store/schema"
)

// continued is a source of a table with columns whose type was changed: rows
// that have no value of such a column have that of the column it continues,
// which is always older. They are converted when they are read; what a flush or
// a compaction writes has them in the new type.
type continued struct {
	merge.Source
	table *schema.Table
}

// continuing wraps the sources when one of the fields continues another.
func continuing(sources []merge.Source, table *schema.Table, fields []schema.Column) []merge.Source {
	for _, f := range fields {
		if f.Continues != 0 {
			out := make([]merge.Source, len(sources))
			for i, s := range sources {
				out[i] = &continued{s, table}
			}
			return out
		}
	}
	return sources
}

// fileOf is the segment behind a source, nil for buffered rows.
func fileOf(s merge.Source) *segmentFile {
	if c, ok := s.(*continued); ok {
		s = c.Source
	}
	f, _ := s.(*segmentFile)
	return f
}

// ReadColumn is merge.Source's.
func (c *continued) ReadColumn(ctx context.Context, dst *column.Vector, col schema.Column, from, to int) error {
	at := dst.Len
	if err := c.Source.ReadColumn(ctx, dst, col, from, to); err != nil {
		return err
	}
	if col.Continues == 0 || !anyNull(dst, at) {
		return nil
	}
	was := c.table.Columns[col.Continues]
	old := column.NewVector(column.Of(was.Kind), to-from)
	if err := c.ReadColumn(ctx, old, was, from, to); err != nil {
		return err
	}
	retype.Fill(dst, at, old, col.Bits)
	return nil
}

func anyNull(v *column.Vector, from int) bool { return v.Nulls.Count(v.Len) > v.Nulls.Count(from) }

// ColumnStats is merge.Source's: of a column that continues another nothing is
// known.
func (c *continued) ColumnStats(col schema.Column) (merge.Stats, bool) {
	if col.Continues != 0 {
		return merge.Stats{}, false
	}
	return c.Source.ColumnStats(col)
}
