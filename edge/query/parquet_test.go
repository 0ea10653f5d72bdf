package query

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

const parquetQuery = `SELECT e.t AS zz, e.time, p.time, 1 AS time_1, [n, NULL, n + 1] AS l, CASE WHEN n > 3 THEN make_array() END AS none,
	named_struct('b', e.node, 'a', [struct(n)]) AS s, e.time - e.time + e.time - TIMESTAMP '2026-01-01T00:00:00' AS d
	FROM env e JOIN pow p ON e.time = p.time ORDER BY e.time, zz, p.w`

// TestParquet writes nested columns, and two of one name: they must stand in
// the order of the select list, and DuckDB must read what JSON says.
func TestParquet(t *testing.T) {
	e := New(examples(t), Options{Now: clock})
	file := filepath.Join(t.TempDir(), "result.parquet")
	body, err := run(e, Request{Database: "db", Text: parquetQuery, Language: SQL}, "parquet")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Root().Columns() {
		names = append(names, c.Name())
	}
	if want := []string{"zz", "time", "time_2", "time_1", "l", "none", "s", "d"}; !slices.Equal(names, want) {
		t.Errorf("columns %v, want %v", names, want)
	}
	const script = `SELECT zz, epoch(time_2)::INT AS at, time = time_2 AS same, l::TEXT AS l, "none"::TEXT AS "none", s::TEXT AS s, d FROM t`
	out, err := exec.Command("node", "../../testdata/duckdb/check.mjs", "--types", script, file).Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 3, errors.Is(err, exec.ErrNotFound):
		t.Skip("no DuckDB here")
	case errors.As(err, &exit):
		t.Fatalf("%s", exit.Stderr)
	case err != nil:
		t.Fatal(err)
	}
	const want = `{"zz":"DOUBLE","at":"INTEGER","same":"BOOLEAN","l":"VARCHAR","none":"VARCHAR","s":"VARCHAR","d":"BIGINT"}
{"zz":20.5,"at":1767225600,"same":true,"l":"[3, NULL, 4]","none":null,"s":"{'b': a, 'a': [{'c0': 3}]}","d":0}
{"zz":21.5,"at":1767226200,"same":true,"l":"[5, NULL, 6]","none":"[]","s":"{'b': a, 'a': [{'c0': 5}]}","d":600000000000}
{"zz":21.5,"at":1767226200,"same":true,"l":"[5, NULL, 6]","none":"[]","s":"{'b': a, 'a': [{'c0': 5}]}","d":600000000000}`
	if got := string(bytes.TrimSpace(out)); got != want {
		t.Errorf("DuckDB reads\n%s\nwant\n%s", got, want)
	}
}
