package statement

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"tarn/edge/api/gate"
	"tarn/edge/query"
	"tarn/edge/query/sql"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/schema"
)

func (r *Runner) delete(ctx context.Context, sess *Session, s *sql.Delete) (*Output, error) {
	database, table, have, err := r.writable(sess, s.Table)
	if err != nil {
		return nil, err
	}
	if s.Where == nil {
		return nil, gate.Errorf(gate.Unsupported, "DELETE without WHERE: use TRUNCATE")
	}
	// The rows are counted by their time, which none lacks.
	v, _ := view(have)
	ts := &sql.ColumnRef{Name: sql.Ident{Name: v.Columns[0].Name, Quoted: true}}
	rows := &sql.Query{Body: &sql.Select{Items: []sql.SelectItem{{Expr: ts}}, From: []sql.TableExpr{&sql.TableName{Name: s.Table}}, Where: s.Where}}
	d, err := r.Query.Rectangle(ctx, query.Request{Database: sess.Database, Language: query.SQL, Statement: rows, Native: r.native(sess)})
	if err != nil {
		return nil, planned(err)
	}
	if d == nil {
		return r.deleteChosen(ctx, sess, s, database, table, have)
	}
	o, err := r.query(ctx, sess, rows)
	if err != nil {
		return nil, err
	}
	n, err := count(ctx, o)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return affected(0), nil
	}
	return affected(n), stored(r.Store.DeleteRows(ctx, database, table, *d), table)
}

// maxChosen bounds the rows that DELETE by other columns than those of the key
// takes at once: they are held in memory.
const maxChosen = 1_000_000

// deleteChosen deletes rows by any condition: those that have it now are found
// first, and then deleted by their key and time.
func (r *Runner) deleteChosen(ctx context.Context, sess *Session, s *sql.Delete, database, table string, have *schema.Table) (*Output, error) {
	v, _ := view(have)
	q := &sql.Select{From: []sql.TableExpr{&sql.TableName{Name: s.Table}}, Where: s.Where}
	for _, id := range append([]int{0}, have.Tags...) {
		q.Items = append(q.Items, sql.SelectItem{Expr: &sql.ColumnRef{Name: sql.Ident{Name: v.Columns[id].Name, Quoted: true}}})
	}
	o, err := r.query(ctx, sess, &sql.Query{Body: q})
	if err != nil {
		return nil, err
	}
	rows, n, err := chosen(ctx, o)
	if err != nil || n == 0 {
		return affected(0), err
	}
	return affected(n), stored(r.Store.DeleteRows(ctx, database, table, store.RowDelete{Rows: rows}), table)
}

// chosen reads rows of time and tags, and counts them.
func chosen(ctx context.Context, o *Output) (rows []store.SeriesTimes, n int64, err error) {
	defer func() { err = errors.Join(err, o.Close()) }()
	places := map[string]int{}
	var b column.Batch
	var key []byte
	for {
		err := o.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, Explain(err)
		}
		if n += int64(b.Len); n > maxChosen {
			return nil, 0, gate.Errorf(gate.Unsupported, "DELETE by other columns than the time index and the primary key takes at most %d rows: delete them in parts of time", maxChosen)
		}
		for row := range b.Len {
			key = key[:0]
			for _, c := range b.Cols[1:] {
				if !c.IsNull(row) {
					key = append(key, c.Text(row)...)
				}
				key = append(key, 0) // no tag has it
			}
			at, ok := places[string(key)]
			if !ok {
				at = len(rows)
				places[string(key)] = at
				tags := strings.Split(string(key), "\x00")
				rows = append(rows, store.SeriesTimes{Tags: tags[:len(tags)-1]})
			}
			rows[at].Times = append(rows[at].Times, b.Cols[0].Ints[row])
		}
	}
	for i := range rows {
		slices.Sort(rows[i].Times)
	}
	return rows, n, nil
}

// count reads all rows to count them.
func count(ctx context.Context, o *Output) (n int64, err error) {
	defer func() { err = errors.Join(err, o.Close()) }()
	var b column.Batch
	for {
		switch err := o.Next(ctx, &b); {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return 0, Explain(err)
		}
		n += int64(b.Len)
	}
}
