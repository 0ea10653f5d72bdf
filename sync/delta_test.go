package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"tarn/store"
	"tarn/store/column"
	"tarn/store/points"
)

// deltaReplay reads a Delta table as the protocol says (delta-io/delta,
// PROTOCOL.md, "Action Reconciliation"), knowing nothing of the writer: versions
// without gaps from 0, protocol and metadata first, one add for each path.
type deltaReplay struct {
	versions  int
	fields    map[string]string // name -> type
	partition []string
	files     map[string]map[string]any // decoded path -> add
	txns      map[string]float64
}

func replayDelta(t *testing.T, root string) *deltaReplay {
	t.Helper()
	r := &deltaReplay{files: map[string]map[string]any{}, txns: map[string]float64{}}
	names, err := os.ReadDir(filepath.Join(root, "_delta_log"))
	if err != nil {
		t.Fatal(err)
	}
	protocol := false
	for i, n := range names {
		if n.Name() != fmt.Sprintf("%020d.json", i) {
			t.Fatalf("%s where version %d should be", n.Name(), i)
		}
		body, err := os.ReadFile(filepath.Join(root, "_delta_log", n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for line := range bytes.Lines(body) {
			var actions map[string]map[string]any
			if err := json.Unmarshal(line, &actions); err != nil || len(actions) != 1 {
				t.Fatalf("version %d: %s: %v", i, line, err)
			}
			for name, a := range actions {
				seen[name]++
				switch name {
				case "commitInfo":
				case "protocol":
					protocol = a["minReaderVersion"] == 1.0 && a["minWriterVersion"] == 2.0
				case "metaData":
					r.metaData(t, a)
				case "txn":
					app, version := a["appId"].(string), a["version"].(float64)
					if version <= r.txns[app] {
						t.Fatalf("version %d: transaction %v of %s after %v", i, version, app, r.txns[app])
					}
					r.txns[app] = version
				case "add":
					path, err := url.PathUnescape(a["path"].(string))
					if err != nil {
						t.Fatal(err)
					}
					if r.files[path] != nil {
						t.Fatalf("version %d adds %s again", i, path)
					}
					if a["dataChange"] != true || a["modificationTime"].(float64) <= 0 {
						t.Fatalf("version %d: %s", i, line)
					}
					r.files[path] = a
				case "remove":
					path, err := url.PathUnescape(a["path"].(string))
					if err != nil || r.files[path] == nil || a["dataChange"] != true || a["deletionTimestamp"].(float64) <= 0 {
						t.Fatalf("version %d: %s: %v", i, line, err)
					}
					delete(r.files, path)
				default:
					t.Fatalf("version %d: action %q", i, name)
				}
			}
		}
		if seen["commitInfo"] != 1 || seen["metaData"] > 1 || i == 0 && (seen["protocol"] != 1 || seen["metaData"] != 1) {
			t.Fatalf("version %d: %v", i, seen)
		}
		r.versions++
	}
	if !protocol {
		t.Fatal("no protocol, or another than 1 and 2")
	}
	return r
}

func (r *deltaReplay) metaData(t *testing.T, a map[string]any) {
	t.Helper()
	if a["id"] == "" || fmt.Sprint(a["format"]) != "map[options:map[] provider:parquet]" {
		t.Fatalf("metaData %v", a)
	}
	var s struct {
		Type   string
		Fields []struct {
			Name, Type string
			Nullable   *bool
			Metadata   map[string]any
		}
	}
	if err := json.Unmarshal([]byte(a["schemaString"].(string)), &s); err != nil || s.Type != "struct" {
		t.Fatalf("schema %v: %v", a["schemaString"], err)
	}
	before := r.fields
	r.fields, r.partition = map[string]string{}, nil
	for _, f := range s.Fields {
		if f.Nullable == nil || f.Metadata == nil {
			t.Fatalf("field %+v", f)
		}
		r.fields[f.Name] = f.Type
	}
	for name, kind := range before {
		if r.fields[name] != kind {
			t.Fatalf("field %s was %s and is %s", name, kind, r.fields[name])
		}
	}
	for _, p := range a["partitionColumns"].([]any) {
		r.partition = append(r.partition, p.(string))
		if r.fields[p.(string)] == "" {
			t.Fatalf("partition %v is no field", p)
		}
	}
}

// rows opens every file of the table and checks it against its add and the
// schema. It returns the rows by the number in column n.
func (r *deltaReplay) rows(t *testing.T, root string) map[int64]int {
	t.Helper()
	c := &rowCounter{t, map[int64]int{}}
	for path, a := range r.files {
		body, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		f, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		var stats struct {
			NumRecords           int64
			MinValues, MaxValues map[string]any
		}
		if err := json.Unmarshal([]byte(a["stats"].(string)), &stats); err != nil || stats.NumRecords != f.NumRows() || a["size"] != float64(len(body)) {
			t.Fatalf("%s: %v of %d rows and %d bytes: %v", path, a, f.NumRows(), len(body), err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", fmt.Sprint(stats.MaxValues["time"])); err != nil {
			t.Fatal(err)
		}
		values := a["partitionValues"].(map[string]any)
		if got := slices.Sorted(maps.Keys(values)); len(got) != len(r.partition) {
			t.Fatalf("%s: partitions %v", path, got)
		}
		for _, leaf := range f.Schema().Columns() {
			col, _ := f.Schema().Lookup(leaf...)
			want := map[string]string{"BYTE_ARRAY": "string", "INT64": "long", "DOUBLE": "double", "BOOLEAN": "boolean", "INT32": "integer"}[col.Node.Type().Kind().String()]
			switch text := col.Node.Type().String(); {
			case strings.HasPrefix(text, "TIMESTAMP") && strings.Contains(text, "MICROS"):
				want = "timestamp"
			case text == "INT(64,false)":
				want = "decimal(20,0)"
			}
			if r.fields[leaf[0]] != want {
				t.Fatalf("%s: column %s is %s in the file and %q in the table", path, leaf[0], col.Node.Type(), r.fields[leaf[0]])
			}
			if slices.Contains(r.partition, leaf[0]) {
				t.Fatalf("%s has the partition column %s", path, leaf[0])
			}
		}
		c.add(path, body)
	}
	return c.seen
}

// writeWith adds a row with one more field.
func (g *gateway) writeWith(database, table, field string, kind column.Kind, bits uint64) {
	g.t.Helper()
	b := points.NewBatch()
	t := b.Table([]byte(table))
	row := t.AddRow(t.AddSeries(nil, nil), day+int64(g.rows)*1_000_001)
	t.Fields[t.Field([]byte("n"), column.Int64)].Set(row, uint64(g.rows))
	t.Fields[t.Field([]byte(field), kind)].Set(row, bits)
	g.rows++
	g.must(g.store.Write(context.Background(), database, b, store.WriteOptions{}))
	g.must(g.store.Checkpoint(context.Background()))
}

// TestDelta reads the logs of two nodes' own tables and of the shared one, while
// columns come and both committers run at once, again and again.
func TestDelta(t *testing.T) {
	ctx := context.Background()
	lake := t.TempDir()
	target := "file://" + lake + "?format=delta"
	one, two := newGateway(t, target), newGateway(t, target)
	two.stop()
	two.config.Node = "gw 2/ü"
	two.start()
	for round := range 4 {
		for i, g := range []*gateway{one, two} {
			g.rows = round*100 + i*50
			g.write("db", "m", 49)
			g.writeWith("db", "m", fmt.Sprint("extra", round), []column.Kind{column.Bool, column.Uint64, column.Int64, column.Float64}[round], 1)
			g.settle()
		}
		var wg gosync.WaitGroup
		for range 2 {
			wg.Go(func() {
				r, err := CommitLake(ctx, "file://"+lake, Config{Format: FormatParquet, TimeUnit: Micros}, false)
				if err != nil || len(r.Problems) > 0 {
					t.Errorf("%+v %v", r, err)
				}
			})
		}
		wg.Wait()
	}
	checkTable := func(root string, want, files int) {
		t.Helper()
		r := replayDelta(t, root)
		rows := r.rows(t, root)
		if len(rows) != want || len(r.files) != files {
			t.Fatalf("%s: %d rows in %d files, want %d in %d", root, len(rows), len(r.files), want, files)
		}
		for n, times := range rows {
			if times != 1 {
				t.Fatalf("%s: row %d is there %d times", root, n, times)
			}
		}
	}
	checkTable(filepath.Join(lake, "db/m/edge=gw-1"), 200, 8)
	checkTable(filepath.Join(lake, "db/m/edge=gw%202%2F%C3%BC"), 200, 8)
	checkTable(filepath.Join(lake, "db/m"), 400, 16)
	r := replayDelta(t, filepath.Join(lake, "db/m"))
	if !slices.Equal(r.partition, []string{"edge", "date"}) || r.fields["extra1"] != "decimal(20,0)" || r.fields["time"] != "timestamp" || r.fields["time_ns_rem"] != "integer" || len(r.txns) != 2 {
		t.Errorf("%+v", r)
	}
	// Without its hint the committer finds out from the logs what they have.
	if err := os.Remove(filepath.Join(lake, lakeProgressKey)); err != nil {
		t.Fatal(err)
	}
	if _, err := CommitLake(ctx, "file://"+lake, Config{Format: FormatParquet, TimeUnit: Micros}, false); err != nil {
		t.Fatal(err)
	}
	if again := replayDelta(t, filepath.Join(lake, "db/m")); again.versions != r.versions {
		t.Errorf("%d versions became %d", r.versions, again.versions)
	}
}

// TestDeltaConflicts keeps what is wrong with one table from the others, and a
// user's column from the partitions.
func TestDeltaConflicts(t *testing.T) {
	ctx := context.Background()
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake+"?format=delta")
	g.writeWith("db", "m", "date", column.Float64, math.Float64bits(1))
	g.writeWith("db", "clash", "v", column.Float64, math.Float64bits(1))
	g.settle()
	if r := replayDelta(t, filepath.Join(lake, "db/m/edge=gw-1")); !slices.Equal(r.partition, []string{"date_"}) || r.fields["date"] != "double" {
		t.Errorf("%+v", r)
	}
	// A new table of the old name has another type.
	g.must(g.store.DeleteTable(ctx, "db", "clash", store.HardDelete{Never: true}))
	g.writeWith("db", "clash", "v", column.Int64, 1)
	g.writeWith("db", "m", "date", column.Float64, math.Float64bits(2))
	s := g.settle().Targets[0]
	if !strings.Contains(s.Note, `"v" is double in the table and long`) || s.Files.Parked != 0 {
		t.Errorf("%+v", s)
	}
	if r := replayDelta(t, filepath.Join(lake, "db/m/edge=gw-1")); len(r.files) != 2 {
		t.Errorf("%+v", r.files)
	}
	report, err := CommitLake(ctx, "file://"+lake, Config{Format: FormatParquet, TimeUnit: Micros}, false)
	if err != nil || len(report.Problems) != 1 || report.Rows != 4 {
		t.Errorf("%+v %v", report, err)
	}
}

// TestLakeGap stops at a manifest that is missing, unless told to go on.
func TestLakeGap(t *testing.T) {
	ctx := context.Background()
	lake := t.TempDir()
	g := newGateway(t, "file://"+lake)
	for range 3 {
		g.write("db", "m", 5)
		g.settle()
	}
	if err := os.Remove(filepath.Join(lake, manifestKey("gw-1", 2))); err != nil {
		t.Fatal(err)
	}
	c := Config{Format: FormatParquet, TimeUnit: Micros}
	for _, want := range []struct {
		skip bool
		rows int64
	}{{false, 5}, {false, 0}, {true, 5}, {true, 0}} {
		r, err := CommitLake(ctx, "file://"+lake, c, want.skip)
		if err != nil || r.Rows != want.rows || want.rows == 0 != want.skip && len(r.Problems) != 1 {
			t.Errorf("skip %t: %+v %v", want.skip, r, err)
		}
	}
	if r := replayDelta(t, filepath.Join(lake, "db/m")); len(r.files) != 2 {
		t.Errorf("%d files", len(r.files))
	}
}
