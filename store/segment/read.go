package segment

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"tarn/store/column"
	"tarn/store/merge"
	"tarn/store/schema"
)

// ReadTime appends the times of rows [from, to) to dst.
func (r *Reader) ReadTime(ctx context.Context, dst []int64, from, to int) ([]int64, error) {
	base := len(dst)
	err := r.read(ctx, r.time, from, to, func(cur *cursor, n int) error {
		dst = slices.Grow(dst, n)[:len(dst)+n]
		return cur.readTimes(dst[len(dst)-n:])
	})
	if err != nil {
		return dst[:base], err
	}
	return dst, nil
}

// ReadColumn appends rows [from, to) of a field to dst, which is of the field's
// kind. The rows of a field that the file lacks are null. Strings in dst stay
// valid for ever.
func (r *Reader) ReadColumn(ctx context.Context, dst *column.Vector, col schema.Column, from, to int) error {
	c, ok := r.fields[col.ID]
	if !ok {
		if from < 0 || to > r.Rows() || from > to {
			return r.badRange(from, to)
		}
		dst.AppendNull(to - from)
		return nil
	}
	if c.Kind != col.Kind || dst.Type.Kind != col.Kind {
		return fmt.Errorf("column %q is %s in segment %s; wanted %s into %s",
			col.Name, column.Of(c.Kind), r.opts.Name, column.Of(col.Kind), dst.Type)
	}
	dst.Grow(max(0, to-from))
	return r.read(ctx, c, from, to, func(cur *cursor, n int) error { return cur.read(dst, n) })
}

func (r *Reader) badRange(from, to int) error {
	return fmt.Errorf("BUG: rows %d to %d of segment %s, which has %d", from, to, r.opts.Name, r.Rows())
}

// read calls use for each page that has rows of [from, to), with the cursor on
// the first of them and their number.
func (r *Reader) read(ctx context.Context, c *fileColumn, from, to int, use func(cur *cursor, n int) error) error {
	if from < 0 || to > r.Rows() || from > to {
		return r.badRange(from, to)
	}
	if from == to {
		return nil
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	for page := c.pageOf(from); from < to; page++ {
		p := &c.pages[page]
		first := int(p.firstRow)
		cur, err := r.cursorAt(ctx, c, page, from-first)
		if err != nil {
			return err
		}
		n := min(to, first+int(p.rows)) - from
		if err := use(cur, n); err != nil {
			cur.close()
			return r.wrap(c, p, err)
		}
		from += n
		// Batches are smaller than pages: the next one goes on where this ends.
		if cur.row == cur.rows || len(cur.bytes) > maxStash {
			cur.close()
		} else {
			c.stash.put(cur)
		}
	}
	return nil
}

// pageOf is the page that has a row.
func (c *fileColumn) pageOf(row int) int {
	return sort.Search(len(c.pages), func(i int) bool { return int(c.pages[i].firstRow) > row }) - 1
}

// cursorAt returns a cursor on a row of a page, the one that is there already if
// it has not passed.
func (r *Reader) cursorAt(ctx context.Context, c *fileColumn, page, row int) (*cursor, error) {
	cur := c.stash.take(page, row)
	if cur == nil {
		var err error
		if cur, err = r.openPage(ctx, c, page); err != nil {
			return nil, err
		}
	}
	if err := cur.seek(row); err != nil {
		cur.close()
		return nil, r.wrap(c, &c.pages[page], err)
	}
	return cur, nil
}

// ColumnStats returns the bounds of a numeric or boolean field, and the number
// of its nulls.
func (r *Reader) ColumnStats(col schema.Column) (merge.Stats, bool) {
	c, ok := r.fields[col.ID]
	if !ok {
		return merge.Stats{Nulls: r.Rows()}, true
	}
	if c.Kind != col.Kind || !c.stats || c.Kind == column.String {
		return merge.Stats{}, false
	}
	return merge.Stats{Min: c.min, Max: c.max, Nulls: int(c.nulls)}, true
}
