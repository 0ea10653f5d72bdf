package difftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tarn/edge/query"
	"tarn/edge/query/duckdb"
	"tarn/edge/query/plan"
	"tarn/store"
	"tarn/store/column"
)

// provider gives queries a store.
type provider struct{ *store.Store }

func (p provider) Database(name string) (plan.Database, bool) { return p.Store.Database(name) }

// open makes a store of rows written in portions. After all of them but the
// last buffered ones there is a checkpoint.
func open(t *testing.T, rows []row, portions, buffered int) (*store.Store, string) {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	// Compaction would make overlapping files one.
	s, err := store.Open(ctx, store.Options{Dir: dir, WALSyncRate: 1e6, SegmentBytes: 256 << 10, CompactInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	for i := range portions {
		part := rows[len(rows)*i/portions : len(rows)*(i+1)/portions]
		if err := s.Write(ctx, "db", batch(part), store.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		if i < portions-buffered {
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, dir
}

// startDuckDB gives DuckDB the files of a store whose files do not overlap.
// Tables are copied into it: what is tested are queries, and those are faster
// then.
func startDuckDB(t *testing.T, s *store.Store, dir string) *duckdb.Process {
	t.Helper()
	p, err := duckdb.Start("../../../testdata/duckdb/serve.mjs", 1)
	if errors.Is(err, duckdb.ErrAbsent) {
		t.Skip("left out:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	// As here, ordering by a constant says nothing and is no mistake.
	if _, err := p.Query("SET order_by_non_integer_literal = true"); err != nil {
		t.Fatal(err)
	}
	db, _ := s.Database("db")
	files := map[string][]string{}
	for _, f := range db.Segments() {
		files[f.Table] = append(files[f.Table], "'"+filepath.Join(dir, f.Path)+"'")
	}
	for _, tab := range tables {
		var tags, fields []string
		tags = append(tags, tab.tags...)
		for _, f := range tab.fields {
			fields = append(fields, f.name)
		}
		from := fmt.Sprintf("FROM read_parquet([%s], union_by_name = true)", strings.Join(files[tab.name], ", "))
		wrong, err := p.Query(fmt.Sprintf("SELECT count(*) %s WHERE epoch_us(time) IS DISTINCT FROM %s // 1000", from, shadow.name))
		if err == nil {
			_, err = p.Query(fmt.Sprintf("CREATE TABLE %s AS SELECT %s, %s, make_timestamp_ns(%s) AS time %s",
				tab.name, strings.Join(tags, ", "), strings.Join(fields, ", "), shadow.name, from))
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := *wrong.Rows[0][0]; n != "i0" {
			t.Errorf("DuckDB reads %s times of table %s wrong", n[1:], tab.name)
		}
	}
	return p
}

// ask runs a query on Tarn.
func ask(e *query.Engine, sql string) (rows [][]cell, err error) {
	ctx := context.Background()
	r, err := e.Query(ctx, query.Request{Database: "db", Text: sql, Language: query.SQL})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var b column.Batch
	for {
		err := r.Next(ctx, &b)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err == nil {
			err = b.Check()
		}
		if err != nil {
			return nil, err
		}
		for i := range b.Len {
			row := make([]cell, len(b.Cols))
			for j, v := range b.Cols {
				row[j] = cellOf(v, i)
			}
			rows = append(rows, row)
		}
	}
}

func cellOf(v *column.Vector, i int) cell {
	if v.IsNull(i) {
		return cell{null: true}
	}
	switch v.Type.Kind {
	case column.Int64:
		return cell{text: "i" + strconv.FormatInt(v.Ints[i], 10)}
	case column.Uint64:
		return cell{text: "i" + strconv.FormatUint(v.Uints[i], 10)}
	case column.Float64:
		return cell{float: v.Floats[i]}
	case column.Bool:
		return cell{text: "b" + strconv.FormatBool(v.Bools[i])}
	case column.String, column.Dict:
		return cell{text: "s" + strings.Clone(v.Text(i))}
	case column.Timestamp:
		return cell{text: "t" + strconv.FormatInt(v.Ints[i], 10)}
	}
	return cell{text: "?" + v.Type.String()}
}

// cells are the rows of DuckDB's answer.
func cells(a *duckdb.Answer) ([][]cell, error) {
	rows := make([][]cell, len(a.Rows))
	for i, r := range a.Rows {
		rows[i] = make([]cell, len(r))
		for j, c := range r {
			switch {
			case c == nil:
				rows[i][j] = cell{null: true}
			case (*c)[0] == 'f':
				f, err := strconv.ParseFloat((*c)[1:], 64)
				if err != nil {
					return nil, fmt.Errorf("a float of DuckDB: %w", err)
				}
				rows[i][j] = cell{float: f}
			default:
				rows[i][j] = cell{text: *c}
			}
		}
	}
	return rows, nil
}
