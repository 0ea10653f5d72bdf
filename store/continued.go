package store

import (
	"context"
	"fmt"
	"strconv"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/retype"
	"tarn/store/schema"
)

// continued is a source of a table with columns whose type was changed: rows
// that have no value of such a column have that of the column it continues,
// which is always older. They are converted when they are read; what a flush or
// a compaction writes has them in the new type. Fields that came with a default are
// filled likewise in rows that were there before.
type continued struct {
	merge.Source
	table *schema.Table
}

// fills says whether all rows of the source came before a field with a default.
func (c *continued) fills(col schema.Column) bool {
	_, last := c.SeqRange()
	return col.Filled && last <= col.FilledTo
}

// fill gives the null rows from row at on a value.
func fill(v *column.Vector, at int, text string) (err error) {
	var put func(i int)
	switch v.Type.Kind {
	case column.Bool:
		var x bool
		x, err = strconv.ParseBool(text)
		put = func(i int) { v.Bools[i] = x }
	case column.Uint64:
		var x uint64
		x, err = strconv.ParseUint(text, 10, 64)
		put = func(i int) { v.Uints[i] = x }
	case column.Float64:
		var x float64
		x, err = strconv.ParseFloat(text, 64)
		put = func(i int) { v.Floats[i] = x }
	case column.String:
		put = func(i int) { v.Strings[i] = text }
	default:
		var x int64
		x, err = strconv.ParseInt(text, 10, 64)
		put = func(i int) { v.Ints[i] = x }
	}
	if err != nil {
		return fmt.Errorf("the default %q of a column: %w", text, err)
	}
	for i := at; i < v.Len; i++ {
		if v.Nulls.Get(i) {
			put(i)
			v.Nulls.Clear(i)
		}
	}
	return nil
}

// continuing wraps the sources when one of the fields needs that.
func continuing(sources []merge.Source, table *schema.Table, fields []schema.Column) []merge.Source {
	for _, f := range fields {
		if f.Continues != 0 || f.Filled {
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
	if c.fills(col) && anyNull(dst, at) {
		return fill(dst, at, col.Fill)
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
	if col.Continues != 0 || c.fills(col) {
		return merge.Stats{}, false
	}
	return c.Source.ColumnStats(col)
}
