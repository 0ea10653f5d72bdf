package query

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"tarn/edge/query/duckdb"
	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// TestBloomFilters looks for ids in a file of two row groups: what SQL and
// InfluxQL find, how many row groups they read for it, and that DuckDB uses the
// same filters.
func TestBloomFilters(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, err := store.Open(ctx, store.Options{Dir: dir, WALSyncRate: 1e6, CompactInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 150_000
	ids := make([]string, n)
	b := points.NewBatch()
	m := b.Table([]byte("spans"))
	for i := range n {
		ids[i] = fmt.Sprintf("%016x", rng.Uint64())
		row := m.AddRow(m.AddSeries(nil, []points.Tag{{Key: []byte("service"), Value: []byte("s")}}), t0+int64(i)*1e6)
		m.Fields[m.Field([]byte("span_id"), column.String)].SetString(row, []byte(ids[i]))
		m.Fields[m.Field([]byte("name"), column.String)].SetString(row, fmt.Appendf(nil, "GET /%d", i%9))
		m.Fields[m.Field([]byte("n"), column.Int64)].Set(row, uint64(i))
	}
	if err := s.Write(ctx, "db", b, store.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	e := New(stored{s}, Options{Now: clock})
	early, late := ids[1000], ids[n-1000]
	for _, c := range []struct {
		cond, want string
		pruned     int // row groups, of two
	}{
		{"span_id = '" + early + "'", "1000", 1},
		{"'" + late + "' = span_id AND n > 5", "149000", 1},
		{"span_id IN ('" + early + "', '" + late + "')", "1000 149000", 0},
		{"span_id IN ('" + early + "', 'fedcba9876543210')", "1000", 1},
		{"span_id = '" + early + "' OR span_id = 'fedcba9876543210'", "1000", 1},
		{"span_id = 'fedcba9876543210'", "", 2},
		{"span_id = '" + early + "' AND name = 'none'", "", 2},
		{"name = 'none'", "", 2},
		{"name LIKE '%none%'", "", 0}, // the dictionary is a page of a row group
		{"span_id <> '" + early + "' AND n = 1000", "", 0},
	} {
		got, note := "", ""
		drain(t, e, "SELECT n FROM spans WHERE "+c.cond+" ORDER BY n", func(b *column.Batch) error {
			for i := range b.Len {
				got += fmt.Sprint(" ", b.Cols[0].Ints[i])
			}
			return nil
		})
		drain(t, e, "EXPLAIN ANALYZE SELECT n FROM spans WHERE "+c.cond, func(b *column.Batch) error {
			note += b.Cols[1].Text(0)
			return nil
		})
		if got = strings.TrimSpace(got); got != c.want {
			t.Errorf("%s: got %s, want %s", c.cond, got, c.want)
		}
		if want := fmt.Sprintf("row_groups=%d row_groups_pruned=%d", 2-c.pruned, c.pruned); !strings.Contains(note, want) {
			t.Errorf("%s: no %s in %s", c.cond, want, note)
		}
	}
	r, err := e.Query(ctx, Request{Database: "db", Text: `EXPLAIN ANALYZE SELECT n FROM spans WHERE span_id = '` + early + `'`, Language: InfluxQL})
	if err != nil {
		t.Fatal(err)
	}
	note := ""
	for {
		var b column.Batch
		if r.Next(ctx, &b) != nil {
			break
		}
		for _, c := range b.Cols {
			for i := range b.Len {
				if c.Type.IsText() {
					note += c.Text(i) + "\n"
				}
			}
		}
	}
	if err := r.Close(); err != nil || !strings.Contains(note, "row_groups=1 row_groups_pruned=1") {
		t.Errorf("InfluxQL: %v in %s", err, note)
	}

	p, err := duckdb.Start("../../testdata/duckdb/serve.mjs", 1)
	if errors.Is(err, duckdb.ErrAbsent) {
		t.Skip("the part with DuckDB is left out:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*", "*", "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT string_agg(bloom_filter_excludes::VARCHAR, ' ' ORDER BY row_group_id) FROM parquet_bloom_probe('%s', 'span_id', '" + early + "')", "sfalse true"},
		{"SELECT string_agg(bloom_filter_excludes::VARCHAR, ' ' ORDER BY row_group_id) FROM parquet_bloom_probe('%s', 'span_id', '" + late + "')", "strue false"},
		{"SELECT string_agg(bloom_filter_excludes::VARCHAR, ' ' ORDER BY row_group_id) FROM parquet_bloom_probe('%s', 'span_id', 'fedcba9876543210')", "strue true"},
		{"SELECT count(bloom_filter_offset) FROM parquet_metadata('%s')", "i2"},
		{"SELECT n FROM '%s' WHERE span_id = '" + late + "'", "i149000"},
		{"SELECT count(*) FROM '%s' WHERE span_id = 'fedcba9876543210'", "i0"},
	} {
		a, err := p.Query(fmt.Sprintf(c.sql, files[0]))
		if err != nil || len(a.Rows) != 1 || *a.Rows[0][0] != c.want {
			t.Errorf("%s: %v, %v", c.sql, a, err)
			if err == nil && len(a.Rows) > 0 {
				t.Error(*a.Rows[0][0])
			}
		}
	}
}
